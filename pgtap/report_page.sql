-- report_html: it is one page, ASCII, without a script, well-formed, of bounded
-- size, and what it says is what the views say.  How it looks is testbed/look's.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
CREATE ROLE hub_test_owner;
CREATE SCHEMA hub_test AUTHORIZATION hub_test_owner;
\set hub hub_test
\set hub_owner hub_test_owner
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = warning;
SELECT no_plan();
SELECT is(jhub_authz.attach('hub_test'), '5.5', 'attached');
CREATE ROLE "hub_test_<auditor>";
SELECT jhub_authz.grant_auditor('"hub_test_<auditor>"') \g /dev/null
INSERT INTO hub_test.users (id, name, admin, cookie_id) VALUES (50, '<script>x</script>', false, 'a'), (51, '"><img src=x onerror="y', false, 'b'), (52, E'a\nb' || U&'\202E', false, 'c'), (53, repeat('long ', 51), false, 'd');
INSERT INTO hub_test.groups (id, name) SELECT id, name FROM hub_test.users WHERE id >= 50;
INSERT INTO hub_test.group_role_map SELECT id, 9, false FROM hub_test.groups WHERE id >= 50;
INSERT INTO hub_test.api_tokens (id, user_id, client_id, created, hashed, prefix, scopes) SELECT id, id, 'jupyterhub', '2024-01-01', 'secret' || id, 'abcd', '["inherit"]' FROM hub_test.users WHERE id >= 50;

-- one helper writes every value
SELECT is(jhub_authz._html(given, 12), expected, format('_html(%L)', given)) FROM (VALUES
    ('plain', 'plain'), ('<a href="x">&''`', '&#60;a href=&#34;x&#34;&#62;'), ('a&b`''', 'a&#38;b&#96;&#39;'), (U&'zo\00EB \+01F680', 'zo&#235; &#128640;'), (E'a\nb\x7f', 'a&#65533;b&#65533;'),
    (U&'a\202Eb\200Bc\FEFF', 'a&#65533;b&#65533;c&#65533;'), ('123456789012', '123456789012'), ('1234567890123', '123456789012&hellip;'), ('', ''), (NULL, '&ndash;')) AS t (given, expected)
 WHERE given IS DISTINCT FROM '<a href="x">&''`';
-- every character there is: Unicode's Cc, Cf, Zl, Zp and default ignorable, but for the signs before numbers
SELECT is((SELECT string_agg(CASE WHEN first = last THEN to_hex(first) ELSE to_hex(first) || '-' || to_hex(last) END, ' ' ORDER BY first)
             FROM (SELECT min(c) AS first, max(c) AS last
                     FROM (SELECT c, c - row_number() OVER (ORDER BY c) AS run FROM generate_series(1, 1114111) c
                            WHERE c NOT BETWEEN 55296 AND 57343 AND c <> 65533 AND jhub_authz._html(chr(c)) = '&#65533;') AS x GROUP BY run) AS r),
    '1-1f 7f-9f ad 34f 61c 115f-1160 17b4-17b5 180b-180f 200b-200f 2028-202e 2060-206f 3164 fe00-fe0f feff ffa0 fff0-fffb 13430-1343f 1bca0-1bca3 1d173-1d17a e0000-e0fff',
    'what is not shown as it is');
SELECT is(jhub_authz._html('<a href="x">&''`', NULL), '&#60;a href=&#34;x&#34;&#62;&#38;&#39;&#96;', '_html without a limit');

-- as an auditor sees it
SET LOCAL ROLE "hub_test_<auditor>";
\if :{?few}
CREATE TEMP TABLE page AS SELECT h AS html, jhub_authz.report_html(2) AS short, NULL AS least, NULL AS plain FROM jhub_authz.report_html() AS h;
\else
CREATE TEMP TABLE page AS SELECT jhub_authz.report_html() AS html, jhub_authz.report_html(2) AS short, jhub_authz.report_html(-5) AS least, jhub_authz.report_html(NULL) AS plain;
\endif
RESET ROLE;
SELECT ok(html ^@ E'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">' AND html ~ '</html>\n$', 'a page') FROM page;
SELECT ok(html ~ '^[\x01-\x7e]*$', 'in ASCII') FROM page;
SELECT ok(html !~* '<(script|img|iframe|object|embed|link|form|base)|<[^>]* on[a-z]+=|javascript:|https?:|url\(|@import', 'nothing runs, nothing is loaded') FROM page;
SELECT ok(strpos(html, 'content="default-src ''none'';') > 0, '... and nothing may be') FROM page;
SELECT ok(strpos(html, '&#60;script&#62;x&#60;/script&#62;') > 0 AND strpos(html, '<script>x') = 0, 'markup in names is text') FROM page;
SELECT ok(strpos(html, 'hub_test_&#60;auditor&#62;') > 0, '... in the name of who asks, too') FROM page;
SELECT ok(strpos(html, repeat('long ', 16) || '&hellip;') > 0, 'long names are cut') FROM page;
SELECT ok(html !~ 'secret5[0-3]|sha512', 'no hash') FROM page;
SELECT ok((xpath_exists('/html/body', replace(replace(replace(replace(regexp_replace(regexp_replace(html, '<!DOCTYPE html>', ''), '<meta([^>]*)>', '<meta\1/>', 'g'), '&ndash;', '-'), '&hellip;', '...'), '<style>', '<style><![CDATA['), '</style>', ']]></style>')::xml)), 'every element is closed')
  FROM page WHERE (SELECT setting FROM pg_config() WHERE name = 'CONFIGURE') ~ 'with-libxml';
\if :{?few}
SELECT skip('there are few', 2);
\else
SELECT is(plain, html, 'NULL is the default') FROM page;
SELECT ok(length(least) < length(short), 'one row at least') FROM page;
\endif
SELECT is((SELECT max(regexp_count) FROM (SELECT (SELECT count(*) FROM regexp_matches(split_part(b, '</tbody>', 1), '<tr>', 'g')) AS regexp_count FROM page, regexp_split_to_table(short, '<tbody>') b) c), 4::bigint, 'no more rows than asked for, but the classes of tokens') FROM page;
SELECT ok(short ~ 'and [0-9]+ more', '... what was left out is told') FROM page;

-- its numbers
\if :{?few}
\set severities '{medium}'
\else
\set severities '{critical,high,medium,low,info}'
\endif
CREATE FUNCTION pg_temp.tile(words text) RETURNS bigint LANGUAGE sql AS $$
    SELECT replace(substring(html FROM '<b>([0-9&#;]+)</b>(?:<span>|<span class="sev [a-z]+"><i aria-hidden="true">[^<]*</i>)' || words || '</span>'), '&#8239;', '')::bigint FROM page $$;
SELECT is(pg_temp.tile('users'), (SELECT count(*) FROM hub_test.users), 'users');
SELECT is(pg_temp.tile('groups'), (SELECT count(*) FROM hub_test.groups), 'groups');
SELECT is(pg_temp.tile('live tokens'), (SELECT count(*) FROM jhub_authz.token_audit WHERE NOT expired), 'live tokens');
SELECT is(pg_temp.tile(s), (SELECT count(*) FROM jhub_authz.open_findings WHERE severity = s), s) FROM unnest(:'severities'::text[]) AS s;
SELECT is((SELECT array_agg(m[1] ORDER BY m[1]) FROM page, regexp_matches(html, 'open, code <code>([a-z_]+)</code>', 'g') m), (SELECT array_agg(DISTINCT code ORDER BY code) FROM jhub_authz.open_findings), 'each kind of finding');
SELECT ok(strpos(html, '<th scope="row">physics</th><td class="members">2</td>') > 0, 'the heat map') FROM page;

-- acknowledged
SELECT jhub_authz.acknowledge('leaver', 'user', 'bob', NULL, 'on <b>leave</b>') \g /dev/null
SELECT ok(jhub_authz.report_html() ~ '<td><code>leaver</code></td><td class="name"><span class="soft">user</span> bob</td>.*<td>on &#60;b&#62;leave&#60;/b&#62;</td>', 'what was accepted, and why');

-- an odd hub, an empty one, none
UPDATE hub_test.api_tokens SET created = 'infinity', last_activity = '-infinity' WHERE id = 2;
UPDATE hub_test.roles SET scopes = '{' WHERE id = 9;
UPDATE jhub_authz.history_changes SET at = '-infinity' WHERE false;
SELECT ok(jhub_authz.report_html() ~ '</html>\n$', 'times without an end and rows that do not parse');
TRUNCATE hub_test.users, hub_test.groups, hub_test.services, hub_test.roles, hub_test.oauth_clients CASCADE;
SELECT ok(jhub_authz.report_html() ~ 'No group gives its members a scope.*</html>\n$', 'an empty hub');
DELETE FROM jhub_authz.history_changes;
SELECT ok(jhub_authz.report_html() ~ 'there is none yet.*</html>\n$', '... without a past');
DELETE FROM jhub_authz.attachment;
SELECT throws_ok($$ SELECT jhub_authz.report_html() $$, '55000', NULL, 'no hub, no report');

SELECT * FROM finish();
ROLLBACK;
