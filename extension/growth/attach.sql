-- Attaching a hub, detaching it, the mode, and who may use what.

CREATE FUNCTION jhub_authz.attach(hub_schema text DEFAULT 'public', mode text DEFAULT NULL) RETURNS text
    AS 'MODULE_PATHNAME', 'jhub_authz_attach' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz.attach(text, text) IS 'attaches the hub whose tables are in a schema; returns its release';
REVOKE ALL ON FUNCTION jhub_authz.attach(text, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.set_mode(mode text) RETURNS bigint
    AS 'MODULE_PATHNAME', 'jhub_authz_set_mode' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz.set_mode(text) IS 'enforce, observe or off; returns the number of tokens beyond their baseline';
REVOKE ALL ON FUNCTION jhub_authz.set_mode(text) FROM PUBLIC;

-- In PL/pgSQL on purpose: it has to work when the shared library is gone.
CREATE FUNCTION jhub_authz.detach() RETURNS void
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
COMMENT ON FUNCTION jhub_authz.detach() IS 'takes our triggers off the hub''s tables; records stay';
REVOKE ALL ON FUNCTION jhub_authz.detach() FROM PUBLIC;

CREATE FUNCTION jhub_authz._disable_triggers(rel regclass) RETURNS void
    LANGUAGE plpgsql VOLATILE PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $disable$
DECLARE
    t record;
BEGIN
    FOR t IN SELECT g.tgname FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid
              WHERE g.tgrelid = rel AND p.pronamespace = 'jhub_authz'::regnamespace
                AND NOT g.tgisinternal AND g.tgenabled <> 'D'
              ORDER BY g.tgname
    LOOP
        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER %I', rel, t.tgname);
    END LOOP;
END
$disable$;
COMMENT ON FUNCTION jhub_authz._disable_triggers(regclass) IS 'disables our triggers on a table';
REVOKE ALL ON FUNCTION jhub_authz._disable_triggers(regclass) FROM PUBLIC;

CREATE FUNCTION jhub_authz._expected_triggers(OUT table_name regclass, OUT trigger_name text, OUT function_name text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__expected_triggers' LANGUAGE C STABLE PARALLEL SAFE ROWS 40;
COMMENT ON FUNCTION jhub_authz._expected_triggers() IS 'the triggers that attach puts on the hub''s tables';
REVOKE ALL ON FUNCTION jhub_authz._expected_triggers() FROM PUBLIC;

-- Who may use what.  An auditor reads: every function that writes nothing, and
-- every table and view but the one for open changes.  An operator acts besides.
CREATE FUNCTION jhub_authz._grantable(acting boolean) RETURNS SETOF text
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
COMMENT ON FUNCTION jhub_authz._grantable(boolean) IS 'what grant_auditor and grant_operator grant';
REVOKE ALL ON FUNCTION jhub_authz._grantable(boolean) FROM PUBLIC;

CREATE FUNCTION jhub_authz._grant(verb text, preposition text, role_name regrole, acting boolean) RETURNS void
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
COMMENT ON FUNCTION jhub_authz._grant(text, text, regrole, boolean) IS 'grants or revokes what an auditor or operator needs';
REVOKE ALL ON FUNCTION jhub_authz._grant(text, text, regrole, boolean) FROM PUBLIC;

CREATE FUNCTION jhub_authz.grant_auditor(role_name regrole) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    PERFORM jhub_authz._grant('GRANT', 'TO', role_name, false);
END
$body$;
COMMENT ON FUNCTION jhub_authz.grant_auditor(regrole) IS 'grants a role reading everything';
REVOKE ALL ON FUNCTION jhub_authz.grant_auditor(regrole) FROM PUBLIC;

CREATE FUNCTION jhub_authz.revoke_auditor(role_name regrole) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    PERFORM jhub_authz._grant('REVOKE', 'FROM', role_name, false);
END
$body$;
COMMENT ON FUNCTION jhub_authz.revoke_auditor(regrole) IS 'revokes a role reading everything';
REVOKE ALL ON FUNCTION jhub_authz.revoke_auditor(regrole) FROM PUBLIC;

CREATE FUNCTION jhub_authz.grant_operator(role_name regrole) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    PERFORM jhub_authz._grant('GRANT', 'TO', role_name, true);
END
$body$;
COMMENT ON FUNCTION jhub_authz.grant_operator(regrole) IS 'grants a role acting: issue, revoke, policy';
REVOKE ALL ON FUNCTION jhub_authz.grant_operator(regrole) FROM PUBLIC;

CREATE FUNCTION jhub_authz.revoke_operator(role_name regrole) RETURNS void
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp
AS $body$
BEGIN
    PERFORM jhub_authz._grant('REVOKE', 'FROM', role_name, true);
END
$body$;
COMMENT ON FUNCTION jhub_authz.revoke_operator(regrole) IS 'revokes a role acting: issue, revoke, policy';
REVOKE ALL ON FUNCTION jhub_authz.revoke_operator(regrole) FROM PUBLIC;
