-- Statements about permissions that must hold.

CREATE TABLE jhub_authz.assertions (
    assertion_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject_kind text NOT NULL
        CHECK (subject_kind OPERATOR(pg_catalog.=) ANY (ARRAY['user', 'service', 'group', 'token'])),
    subject text NOT NULL,
    required text NOT NULL,
    expected boolean NOT NULL DEFAULT true,
    veto boolean NOT NULL DEFAULT false,
    note text NOT NULL DEFAULT ''
);
COMMENT ON TABLE jhub_authz.assertions IS 'statements that must hold: that somebody has a permission, or has not';
COMMENT ON COLUMN jhub_authz.assertions.assertion_id IS 'number of the assertion, by which messages name it';
COMMENT ON COLUMN jhub_authz.assertions.subject_kind IS 'user, service, group or token';
COMMENT ON COLUMN jhub_authz.assertions.subject IS 'name of the user, service or group; id of the token';
COMMENT ON COLUMN jhub_authz.assertions.required IS 'the scope, as in has_scope';
COMMENT ON COLUMN jhub_authz.assertions.expected IS 'true: it must hold it; false: it must not';
COMMENT ON COLUMN jhub_authz.assertions.veto IS 'a transaction that breaks it fails at its commit';
COMMENT ON COLUMN jhub_authz.assertions.note IS 'whatever is to be said about it';
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.assertions', '');
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.assertions_assertion_id_seq', '');

-- It tells every session whether there is a veto, and has no other effect.
CREATE TRIGGER settings_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON jhub_authz.assertions
    FOR EACH STATEMENT EXECUTE FUNCTION jhub_authz._settings_changed();
ALTER TABLE jhub_authz.assertions ENABLE ALWAYS TRIGGER settings_changed;

CREATE FUNCTION jhub_authz.check_assertions(OUT subject_kind text, OUT subject text, OUT required text, OUT expected boolean,
                                            OUT veto boolean, OUT actual boolean, OUT ok boolean, OUT why text,
                                            OUT assertion_id bigint, OUT note text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz_check_assertions' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000 ROWS 20;
COMMENT ON FUNCTION jhub_authz.check_assertions() IS 'every assertion: whether it holds now, and why it does or does not';
REVOKE ALL ON FUNCTION jhub_authz.check_assertions() FROM PUBLIC;

CREATE FUNCTION jhub_authz.require_assertions() RETURNS integer
    AS 'MODULE_PATHNAME', 'jhub_authz_require_assertions' LANGUAGE C STABLE PARALLEL RESTRICTED COST 1000;
COMMENT ON FUNCTION jhub_authz.require_assertions() IS 'how many assertions there are; an error if one of them does not hold, for a script that is to end with it';
REVOKE ALL ON FUNCTION jhub_authz.require_assertions() FROM PUBLIC;

CREATE FUNCTION jhub_authz.load_assertions(document jsonb) RETURNS integer
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $load$
DECLARE
    a jsonb;
    n integer := 0;
    bad text;
BEGIN
    IF current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION 'cannot execute load_assertions() in a read-only transaction' USING ERRCODE = 'read_only_sql_transaction';
    END IF;
    IF jsonb_typeof(document) <> 'array' THEN
        RAISE EXCEPTION 'a document of assertions is a JSON array'
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Its form is [{"subject_kind": "user", "subject": "...", "required": "...", "expected": false, "veto": true, "note": "..."}, ...].';
    END IF;
    FOR a IN SELECT e FROM jsonb_array_elements(document) AS e LOOP
        n := n + 1;
        IF jsonb_typeof(a) <> 'object' THEN
            RAISE EXCEPTION 'assertion % of the document is not a JSON object', n USING ERRCODE = 'invalid_parameter_value';
        END IF;
        SELECT min(format('key "%s" is unknown', k)) INTO bad FROM jsonb_object_keys(a) AS k
         WHERE k <> ALL (ARRAY['subject_kind', 'subject', 'required', 'expected', 'veto', 'note']);
        SELECT coalesce(bad, min(format('"%s" is missing or is not a %s', k, t))) INTO bad
          FROM (VALUES ('subject_kind', 'string', true), ('subject', 'string', true), ('required', 'string', true),
                       ('expected', 'boolean', false), ('veto', 'boolean', false), ('note', 'string', false)) AS f (k, t, needed)
         WHERE jsonb_typeof(a -> k) <> t OR (needed AND a -> k IS NULL);
        IF bad IS NULL AND a ->> 'subject_kind' <> ALL (ARRAY['user', 'service', 'group', 'token']) THEN
            bad := format('"subject_kind" is %s, and not user, service, group or token', a -> 'subject_kind');
        END IF;
        IF bad IS NOT NULL THEN
            RAISE EXCEPTION 'assertion % of the document: %', n, bad USING ERRCODE = 'invalid_parameter_value';
        END IF;
        -- an error for what is no scope, or has a self filter
        PERFORM jhub_authz.has_scope('[]'::jhub_authz.scopeset, a ->> 'required');
    END LOOP;

    -- what stays keeps its number
    DELETE FROM jhub_authz.assertions t
     WHERE NOT EXISTS (SELECT FROM jsonb_array_elements(document) AS e
                        WHERE e ->> 'subject_kind' = t.subject_kind AND e ->> 'subject' = t.subject AND e ->> 'required' = t.required
                          AND coalesce((e ->> 'expected')::boolean, true) = t.expected
                          AND coalesce((e ->> 'veto')::boolean, false) = t.veto AND coalesce(e ->> 'note', '') = t.note);
    INSERT INTO jhub_authz.assertions (subject_kind, subject, required, expected, veto, note)
    SELECT w.* FROM (SELECT e ->> 'subject_kind', e ->> 'subject', e ->> 'required', coalesce((e ->> 'expected')::boolean, true),
                            coalesce((e ->> 'veto')::boolean, false), coalesce(e ->> 'note', '')
                       FROM jsonb_array_elements(document) WITH ORDINALITY AS d (e, o)
                      GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY min(o)) AS w (subject_kind, subject, required, expected, veto, note)
     WHERE NOT EXISTS (SELECT FROM jhub_authz.assertions t
                        WHERE (t.subject_kind, t.subject, t.required, t.expected, t.veto, t.note)
                            = (w.subject_kind, w.subject, w.required, w.expected, w.veto, w.note));
    RETURN (SELECT count(*) FROM jhub_authz.assertions);
END
$load$;
COMMENT ON FUNCTION jhub_authz.load_assertions(jsonb) IS 'makes the table assertions be what a JSON document says; returns how many they are';
REVOKE ALL ON FUNCTION jhub_authz.load_assertions(jsonb) FROM PUBLIC;
