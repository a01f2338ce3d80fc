-- testbed/dictionary, with the old library again.
SET search_path = jhub_authz, public;
SELECT * FROM no_plan();
SELECT is((SELECT count(*) FROM sets WHERE s::text <> t), 0::bigint, 'the old library reads its own values');
SELECT throws_ok('SELECT s::text FROM again', '0A000', NULL, 'and refuses newer ones');
SELECT throws_matching('SELECT s::text FROM again', '^scopeset of stored version [0-9]+ is not supported$', 'by their version');
SELECT throws_ok('SELECT count(*) FROM again a, sets b WHERE a.s = b.s', '0A000', NULL, 'before comparing them');
