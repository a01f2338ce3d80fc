\echo Use "ALTER EXTENSION jhub_authz UPDATE TO '0.2.0'" to load this file. \quit

-- From 0.1.0 to 0.2.0.  Here stands what altered; the parts that are new follow,
-- the same files as in the install script.  testbed/update compares the result
-- with a fresh install, catalogue row by catalogue row.
--
-- A function that altered is replaced, and nothing is granted or revoked on what
-- was there: within an extension's script that would make what the
-- administrator has granted since into something that no dump holds.

ALTER TABLE jhub_authz.policy_values
    ADD COLUMN object_id integer,
    ADD COLUMN created timestamp;
COMMENT ON COLUMN jhub_authz.policy_values.target IS 'class of tokens (user, oauth, server or service) or, narrower, token:<id>, client:<identifier> or group:<name>';
COMMENT ON COLUMN jhub_authz.policy_values.on_growth IS 'what to do with a token that grew; NULL: as the next wider policy says';
COMMENT ON COLUMN jhub_authz.policy_values.inherit IS 'what becomes of the scope inherit; NULL: as the next wider policy says';
COMMENT ON COLUMN jhub_authz.policy_values.on_share IS 'what to do when a share alone makes a token grow; NULL: as the next wider policy says';
COMMENT ON COLUMN jhub_authz.policy_values.max_age IS 'longest life of a token; NULL: as the next wider policy says';
COMMENT ON COLUMN jhub_authz.policy_values.object_id IS 'id of the token or group in the hub: it is meant by that';
COMMENT ON COLUMN jhub_authz.policy_values.created IS 'the token''s created: an id that is used again is another token';
COMMENT ON VIEW jhub_authz.token_policies IS 'what happens to tokens, by class and for narrower targets; change it with set_policy';
COMMENT ON COLUMN jhub_authz.token_policies.target IS 'class of tokens (user, oauth, server or service) or, narrower, token:<id>, client:<identifier> or group:<name>';
COMMENT ON COLUMN jhub_authz.token_policies.on_growth IS 'revoke, log, veto or ignore a token that grew; NULL: as the next wider policy says';
COMMENT ON COLUMN jhub_authz.token_policies.inherit IS 'fix, guard or follow what the scope inherit stands for; NULL: as the next wider policy says';
COMMENT ON COLUMN jhub_authz.token_policies.on_share IS 'follow or revoke when a share alone makes a token grow; NULL: as the next wider policy says';
COMMENT ON COLUMN jhub_authz.token_policies.max_age IS 'longest life of a token; NULL: as the next wider policy says, for a class no limit';

-- by_group.sql makes another of that name
DROP INDEX jhub_authz.token_baselines_by_group;
ALTER TABLE jhub_authz.token_baselines
    ADD COLUMN expires_before timestamp;
COMMENT ON COLUMN jhub_authz.token_baselines.expires_before IS 'expiry before the token was revoked (infinity: none), for reinstate';
COMMENT ON FUNCTION jhub_authz.set_policy(text, text, text, text, interval)
    IS 'sets the policy of a class of tokens, a token, a client or a group; what is NULL stays, if all is NULL the policy is removed';

CREATE OR REPLACE FUNCTION jhub_authz.detach() RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
    SET lock_timeout = '5s'
AS $detach$
DECLARE
    wait text := coalesce((SELECT value FROM jhub_authz.option_values WHERE name = 'lock_timeout'), '5s');
    t record;
    waited boolean := false;
    kept text[] := '{}';
BEGIN
    PERFORM set_config('lock_timeout', wait, true);
    FOR t IN SELECT DISTINCT g.tgrelid::regclass AS rel
               FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid
              WHERE p.pronamespace = 'jhub_authz'::regnamespace AND NOT g.tgisinternal
                AND g.tgrelid NOT IN (SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'jhub_authz'::regnamespace)
              ORDER BY 1
    LOOP
        PERFORM jhub_authz._disable_triggers(t.rel);
    END LOOP;
    FOR t IN SELECT g.tgname, g.tgrelid::regclass AS rel
               FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid
              WHERE p.pronamespace = 'jhub_authz'::regnamespace AND NOT g.tgisinternal
                AND g.tgrelid NOT IN (SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'jhub_authz'::regnamespace)
              ORDER BY g.tgrelid::regclass::text, g.tgname
    LOOP
        BEGIN
            -- one wait in all: while it lasts, the hub's writes wait behind us
            IF waited THEN
                PERFORM set_config('lock_timeout', '1ms', true);
            END IF;
            EXECUTE format('DROP TRIGGER %I ON %s', t.tgname, t.rel);
        EXCEPTION WHEN lock_not_available THEN
            waited := true;
            kept := kept || format('%s on %s', t.tgname, t.rel);
        END;
    END LOOP;
    -- the table's own trigger is C; altering the table tells the sessions as well
    ALTER TABLE jhub_authz.attachment DISABLE TRIGGER settings_changed;
    UPDATE jhub_authz.attachment SET hub_schema = NULL, attached_at = NULL;
    PERFORM jhub_authz._history_detached();
    ALTER TABLE jhub_authz.attachment ENABLE ALWAYS TRIGGER settings_changed;
    IF kept <> '{}' THEN
        RAISE WARNING USING
            MESSAGE = 'some triggers could not be dropped and stay disabled',
            DETAIL = array_to_string(kept, ', '),
            HINT = 'Another session holds a lock on the hub''s tables. Call detach() again later.';
    END IF;
END
$detach$;

-- questions that read and keep nothing are asked in parallel workers as well
ALTER FUNCTION jhub_authz.resolve_request(text, text, text[], text) PARALLEL SAFE;
ALTER FUNCTION jhub_authz._status() PARALLEL SAFE;
ALTER FUNCTION jhub_authz._expected_triggers() PARALLEL SAFE ROWS 40;
ALTER FUNCTION jhub_authz._option_defaults() ROWS 9;

CREATE OR REPLACE FUNCTION jhub_authz._grantable(acting boolean) RETURNS SETOF text
    LANGUAGE sql STABLE PARALLEL SAFE ROWS 100
    SET search_path = pg_catalog, pg_temp
AS $grantable$
    SELECT format('EXECUTE ON FUNCTION %s', p.oid::regprocedure)
      FROM pg_proc p
     WHERE p.pronamespace = 'jhub_authz'::regnamespace AND p.prokind = 'f'
       AND p.prorettype <> 'trigger'::regtype
       AND CASE WHEN acting
                THEN p.proname = ANY (ARRAY['issue_token', 'authenticate', 'revoke_token', 'revoke_all',
                                            'rebase', 'set_policy', 'expire_old_tokens', 'resolve_request',
                                            'preview', 'reinstate_token', 'reinstate', 'login_apply',
                                            'acknowledge', 'withdraw_acknowledgement',
                                            'authorize_token', 'set_required_scopes', 'whoami'])
                ELSE p.provolatile <> 'v' AND p.proname <> ALL (ARRAY['authenticate', 'authorize_token', 'whoami']) END
    UNION ALL
    SELECT format('SELECT ON %s', c.oid::regclass)
      FROM pg_class c
     WHERE c.relnamespace = 'jhub_authz'::regnamespace AND c.relkind IN ('r', 'v')
       AND c.relname <> 'pending' AND NOT acting
$grantable$;

CREATE OR REPLACE FUNCTION jhub_authz._grant(verb text, preposition text, role_name regrole, acting boolean) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $grant$
DECLARE
    what text;
BEGIN
    PERFORM jhub_authz._existing_role(role_name);
    FOR what IN SELECT g FROM jhub_authz._grantable(acting) AS g
                 WHERE verb = 'GRANT' OR g NOT IN (SELECT k FROM jhub_authz._kept_grants(role_name, CASE WHEN acting THEN 'operator' ELSE 'auditor' END) AS k) LOOP
        EXECUTE format('%s %s %s %s', verb, what, preposition, role_name);
    END LOOP;
END
$grant$;
