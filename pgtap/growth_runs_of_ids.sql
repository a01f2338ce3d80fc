-- Tokens with consecutive ids share a note, which grows in place.  Whatever comes in
-- between (savepoints taken back, blocks that fail, other roles, renames, gaps, ids that
-- were there before), a note names the tokens that the transaction touched under that
-- actor, all of them and no other.
\set ECHO none
\set QUIET 1
\pset format unaligned
\pset tuples_only true
\pset pager off
BEGIN;
SET LOCAL client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pgtap;
CREATE EXTENSION IF NOT EXISTS jhub_authz;
\ir ../testbed/hub_schema.sql
SET LOCAL client_min_messages = warning;
SELECT coalesce(nullif(current_setting('jhub_authz.seed', true), ''), extract(epoch FROM clock_timestamp())::bigint::text) AS seed \gset
CREATE ROLE runs_a;
CREATE ROLE runs_b;
GRANT ALL ON ALL TABLES IN SCHEMA public TO runs_a, runs_b;
GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO runs_a, runs_b;
GRANT USAGE ON SCHEMA public TO runs_a, runs_b;
DELETE FROM api_tokens;
SELECT setval('api_tokens_id_seq', 1000) \g /dev/null
SELECT jhub_authz.attach() \g /dev/null
SELECT plan(12);

-- beside our trigger one that notes by row; both are taken back together
CREATE TABLE touched (id integer, role name, application text);
GRANT ALL ON touched TO PUBLIC;
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    IF NEW.expires_at IS NULL AND (TG_OP = 'INSERT' OR NEW.scopes <> OLD.scopes) THEN
        INSERT INTO public.touched VALUES (NEW.id, current_user, current_setting('application_name'));
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER touch AFTER INSERT OR UPDATE ON api_tokens FOR EACH ROW EXECUTE FUNCTION touch();

CREATE FUNCTION noted() RETURNS TABLE (id integer, role name, application text) LANGUAGE sql SECURITY DEFINER AS
    $$ SELECT DISTINCT i, p.role, p.application_name FROM jhub_authz.pending p, generate_series(p.id, greatest(p.id, p.other)) i WHERE p.kind = 'token' $$;
-- what the notes have too much or too little; empty if all is right
CREATE FUNCTION wrong() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$
    SELECT string_agg(what || ' ' || x, ', ' ORDER BY x) FROM (
        SELECT 'lost', n::text FROM (SELECT DISTINCT * FROM public.touched EXCEPT SELECT * FROM public.noted()) n
        UNION ALL SELECT 'added', n::text FROM (SELECT * FROM public.noted() EXCEPT SELECT * FROM public.touched) n) AS w (what, x) $$;
-- live tokens without a baseline or beyond it, baselines without a token
CREATE FUNCTION off() RETURNS text LANGUAGE sql SECURITY DEFINER AS $$
    SELECT string_agg(coalesce(t.id, b.token_id)::text, ',') FROM public.api_tokens t FULL JOIN jhub_authz.token_baselines b ON b.token_id = t.id
     WHERE t.id IS NULL OR t.expires_at IS NULL AND jhub_authz.covers(b.baseline, jhub_authz.token_scopes(t.id)) IS NOT TRUE $$;
CREATE FUNCTION decide() RETURNS void LANGUAGE plpgsql AS $$ BEGIN
    SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED; DELETE FROM public.touched; END $$;
CREATE FUNCTION runs() RETURNS text LANGUAGE sql SECURITY DEFINER AS
    $$ SELECT string_agg(format('%s-%s', id, other), ', ' ORDER BY cid, id) FROM jhub_authz.pending WHERE kind = 'token' $$;
CREATE FUNCTION issue(VARIADIC ids integer[]) RETURNS void LANGUAGE sql AS $$
    INSERT INTO public.api_tokens (id, user_id, client_id, created, hashed, prefix, scopes)
    SELECT i, 2, 'jupyterhub', now(), 'run' || i, 'abcd', '["inherit"]' FROM unnest(ids) WITH ORDINALITY AS u (i, n) ORDER BY n $$;
SELECT decide() \g /dev/null

-- one by one
SELECT issue(1); SELECT issue(2, 3);
SELECT is(runs(), '1-3', 'a run goes on from statement to statement');
SAVEPOINT a;
SELECT issue(4, 5);
SAVEPOINT b;
SELECT issue(6);
RELEASE b;
SELECT issue(7);
ROLLBACK TO a;
RELEASE a;
SELECT issue(4);
SELECT is(wrong(), NULL, 'what a savepoint stretched goes with it, and the ids may come again');
SELECT is(runs(), '1-3, 4-0', '... in a note of their own');
DO $$ BEGIN
    PERFORM issue(5);
    BEGIN PERFORM issue(6, 7); RAISE 'undone'; EXCEPTION WHEN raise_exception THEN NULL; END;
    PERFORM issue(7);
    BEGIN PERFORM issue(8); EXCEPTION WHEN raise_exception THEN NULL; END;
    PERFORM issue(9);
END $$;
SELECT is(wrong(), NULL, 'a block that failed, among others');
SELECT is((SELECT count(*)::int FROM noted() WHERE id = 6), 0, '... and its id is not filled in');
SELECT issue(10, 12);           -- 11 is another session's
SELECT is(runs(), '1-3, 4-5, 7-0, 8-0, 9-10, 12-0', 'nor is one that another session took from the sequence');
SELECT issue(13);
UPDATE users SET name = 'renamed' WHERE id = 3;
SELECT issue(14);
SELECT set_config('role', 'runs_a', true) \g /dev/null
SELECT issue(15);
SET ROLE runs_b;
SELECT issue(16, 17);
RESET ROLE;
SELECT issue(18);
DELETE FROM api_tokens WHERE id = 18;
SELECT issue(19);
SELECT matches(runs(), '12-13, 14-0, 15-0, 16-17, 18-0, 19-0$', 'a run ends with a rename, another role, a token that goes');
SELECT is(wrong(), NULL, '... and each has the actor that it should have');
SELECT decide();
SELECT is(off(), NULL, 'every one of them is decided');

-- a note that queues no decision, as under session_replication_role, is not stretched
ALTER TABLE api_tokens ENABLE ALWAYS TRIGGER jhub_authz_note;
SET LOCAL session_replication_role = replica;
SELECT issue(30);
SET LOCAL session_replication_role = origin;
SELECT issue(31);
SELECT decide();
SELECT is(off(), NULL, 'a token next to one that replication brought is decided');
ALTER TABLE api_tokens ENABLE TRIGGER jhub_authz_note;

-- anything in any order, in blocks within blocks, of which many fail
CREATE TABLE found (what text);
GRANT ALL ON found TO PUBLIC;
CREATE FUNCTION act(depth integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    chosen integer := (SELECT id FROM public.api_tokens ORDER BY random() LIMIT 1);
    n integer := 1 + floor(random() * 4);
    what integer;
BEGIN
    FOR step IN 1 .. 8 LOOP
        what := floor(random() * 13);
        IF what < 4 THEN
            INSERT INTO public.api_tokens (user_id, client_id, created, hashed, prefix, scopes)
            SELECT 2, 'jupyterhub', now(), 'x' || random() || i, 'abcd', '["inherit"]' FROM generate_series(1, n) i;
        ELSIF what = 4 THEN
            PERFORM nextval('public.api_tokens_id_seq');
        ELSIF what = 5 THEN
            UPDATE public.api_tokens SET scopes = CASE scopes WHEN '[]' THEN '["inherit"]' ELSE '[]' END WHERE id BETWEEN chosen AND chosen + n;
        ELSIF what = 6 THEN
            DELETE FROM public.api_tokens WHERE id = chosen;
        ELSIF what = 7 THEN
            UPDATE public.users SET name = 'r' || step || random() WHERE id = 3;
        ELSIF what = 8 THEN
            PERFORM set_config('role', (ARRAY['runs_a', 'runs_b', 'none'])[1 + floor(random() * 3)::int], true);
        ELSIF what = 9 THEN
            PERFORM set_config('application_name', (ARRAY['one', 'two'])[1 + floor(random() * 2)::int], true);
        ELSIF what = 10 THEN
            INSERT INTO public.api_tokens (user_id, client_id, created, expires_at, hashed, prefix, scopes)
            VALUES (2, 'jupyterhub', now(), '2020-01-01', 'x' || random(), 'abcd', '["inherit"]');
        ELSIF what = 11 AND random() < 0.3 THEN
            PERFORM public.decide();
            INSERT INTO public.found SELECT 'decided' WHERE public.off() IS NOT NULL;
        ELSIF what = 12 AND depth > 0 THEN
            BEGIN
                PERFORM public.act(depth - 1);
                IF random() < 0.5 THEN RAISE 'undone'; END IF;
            EXCEPTION WHEN raise_exception THEN NULL;
            END;
        END IF;
        INSERT INTO public.found SELECT what || ': ' || public.wrong() WHERE public.wrong() IS NOT NULL;
    END LOOP;
END $$;
SELECT diag('seed ' || :'seed');
SELECT setseed((:seed % 1000) / 1000.0) \g /dev/null
\if :{?few}
\set rounds 2
\else
\set rounds 25
\endif
SELECT act(3) FROM generate_series(1, :rounds) \g /dev/null
RESET ROLE;
SELECT is((SELECT string_agg(what, '; ') FROM (SELECT what FROM found LIMIT 3) f), NULL, 'no id is lost or added, at any step');
SELECT decide();
SELECT is(off(), NULL, '... and all are decided at the end');

SELECT * FROM finish();
ROLLBACK;
