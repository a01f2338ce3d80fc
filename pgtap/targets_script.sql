-- The exit status of doc/examples/check.sql is that of the check: psql alone.
-- Not in one transaction: the script has a session of its own.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
SET client_min_messages = error;
CREATE EXTENSION IF NOT EXISTS pgtap;
DROP EXTENSION IF EXISTS jhub_authz CASCADE;
CREATE EXTENSION jhub_authz;
DROP SCHEMA IF EXISTS hub_targets CASCADE;
\set hub hub_targets
\ir ../testbed/hub_schema.sql
SET client_min_messages = error;
SELECT jhub_authz.attach('hub_targets') \g /dev/null
SELECT plan(8);

\set good_assertions '[{"subject_kind": "user", "subject": "bob", "required": "admin:users", "expected": false}]'
\set bad_assertions '[{"subject_kind": "user", "subject": "bob", "required": "admin:users"}]'
\set no_assertions '[{"subject": "bob"}]'
\set good_targets '{"load_groups": {"physics": ["alice", "bob"]}}'
\set bad_targets '{"load_groups": {"physics": ["alice"]}}'
\set run 'dir=$(mktemp -d); cd pgtap/.. && printf %s "$a" > "$dir/a b.json" && printf %s "$t" > $dir/t.json && psql -X -d "$d" -v assertions="$dir/a b.json" -v targets=$dir/t.json -f doc/examples/check.sql > $dir/out 2>&1; echo $?; rm -r $dir'
\set status `a=:'good_assertions'; t=:'good_targets'; d=:'DBNAME'; eval :'run'`
SELECT is(:'status'::text, '0', 'all is as it should be: 0');
\set status `a=:'bad_assertions'; t=:'good_targets'; d=:'DBNAME'; eval :'run'`
SELECT is(:'status'::text, '3', 'an assertion that does not hold: 3');
\set status `a=:'good_assertions'; t=:'bad_targets'; d=:'DBNAME'; eval :'run'`
SELECT is(:'status'::text, '3', 'a grant that is not as desired: 3');
\set status `a=:'no_assertions'; t=:'good_targets'; d=:'DBNAME'; eval :'run'`
SELECT is(:'status'::text, '3', 'a document that is no good: 3');
SELECT is_empty('SELECT FROM jhub_authz.assertions', 'nothing stays');
SELECT is_empty('SELECT FROM jhub_authz.grant_targets', '... of both');
\set status `psql -X -d :'DBNAME' -c 'SELECT jhub_authz.require_assertions(), jhub_authz.require_targets()' > /dev/null 2>&1; echo $?`
SELECT is(:'status'::text, '0', 'by itself: nothing is required');
INSERT INTO jhub_authz.assertions (subject_kind, subject, required) VALUES ('user', 'bob', 'proxy');
\set status `psql -X -d :'DBNAME' -c 'SELECT jhub_authz.require_assertions()' > /dev/null 2>&1; echo $?`
SELECT is(:'status'::text, '1', '... and what does not hold');
SELECT * FROM finish();

SELECT jhub_authz.detach() \g /dev/null
DROP SCHEMA hub_targets CASCADE;
DROP EXTENSION jhub_authz CASCADE;
CREATE EXTENSION jhub_authz;
