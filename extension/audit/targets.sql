-- Desired grants against actual ones.

CREATE FUNCTION jhub_authz.actual_grants(OUT subject_kind text, OUT subject text, OUT grant_kind text, OUT granted text,
                                         OUT scopes jhub_authz.scopeset, OUT error text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz_actual_grants' LANGUAGE C STABLE PARALLEL RESTRICTED COST 10000 ROWS 1000 SUPPORT jhub_authz._rows_support;
COMMENT ON FUNCTION jhub_authz.actual_grants() IS 'the grants that there are: roles of users, services and groups, members of groups, admin flags, and what roles hold';
REVOKE ALL ON FUNCTION jhub_authz.actual_grants() FROM PUBLIC;

CREATE TABLE jhub_authz.grant_targets (
    target_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    subject_kind text NOT NULL,
    subject text,
    grant_kind text NOT NULL,
    granted text,
    scopes jhub_authz.scopeset,
    note text NOT NULL DEFAULT '',
    CONSTRAINT grant_targets_unique UNIQUE NULLS NOT DISTINCT (subject_kind, subject, grant_kind, granted),
    CONSTRAINT grant_targets_form CHECK (CASE
        WHEN grant_kind OPERATOR(pg_catalog.=) 'role'
        THEN subject_kind OPERATOR(pg_catalog.=) ANY (ARRAY['user', 'service', 'group']) AND granted IS NOT NULL AND scopes IS NULL
        WHEN grant_kind OPERATOR(pg_catalog.=) 'group'
        THEN subject_kind OPERATOR(pg_catalog.=) 'user' AND granted IS NOT NULL AND scopes IS NULL
        WHEN grant_kind OPERATOR(pg_catalog.=) 'admin'
        THEN subject_kind OPERATOR(pg_catalog.=) ANY (ARRAY['user', 'service']) AND granted IS NULL AND scopes IS NULL
        WHEN grant_kind OPERATOR(pg_catalog.=) 'scopes'
        THEN subject_kind OPERATOR(pg_catalog.=) 'role' AND granted IS NULL AND (subject IS NULL) OPERATOR(pg_catalog.=) (scopes IS NULL)
        ELSE false END)
);
COMMENT ON TABLE jhub_authz.grant_targets IS 'desired grants; grant_diffs compares them with the actual ones';
COMMENT ON COLUMN jhub_authz.grant_targets.target_id IS 'number of the target';
COMMENT ON COLUMN jhub_authz.grant_targets.subject_kind IS 'user, service, group or role';
COMMENT ON COLUMN jhub_authz.grant_targets.subject IS 'its name; NULL: nobody, there are no more of that grant than other rows say';
COMMENT ON COLUMN jhub_authz.grant_targets.grant_kind IS 'role: holds the role; group: is in the group; admin: has the hub''s admin flag; scopes: what a role holds';
COMMENT ON COLUMN jhub_authz.grant_targets.granted IS 'name of the role or group; NULL for admin and scopes';
COMMENT ON COLUMN jhub_authz.grant_targets.scopes IS 'of a role: its scopes as written; else NULL';
COMMENT ON COLUMN jhub_authz.grant_targets.note IS 'whatever is to be said about it';
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.grant_targets', '');
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.grant_targets_target_id_seq', '');

CREATE FUNCTION jhub_authz._is_there(kind text, name text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'jhub_authz__is_there' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 100;
COMMENT ON FUNCTION jhub_authz._is_there(text, text) IS 'is there a user, service, group or role of this name?';
REVOKE ALL ON FUNCTION jhub_authz._is_there(text, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.grant_diffs(OUT diff text, OUT subject_kind text, OUT subject text, OUT grant_kind text,
                                       OUT granted text, OUT detail text, OUT target_id bigint, OUT note text) RETURNS SETOF record
    LANGUAGE sql STABLE PARALLEL RESTRICTED COST 20000 ROWS 20
BEGIN ATOMIC
    -- what is listed in full: a role, a group, the admin flag of users or services, all roles
    WITH spoken AS (
             SELECT DISTINCT t.grant_kind, CASE t.grant_kind WHEN 'admin' THEN t.subject_kind WHEN 'scopes' THEN '' ELSE t.granted END AS what
               FROM jhub_authz.grant_targets t WHERE t.grant_kind OPERATOR(pg_catalog.<>) 'scopes' OR t.subject IS NULL),
         -- one pass over both
         differing AS (
             SELECT CASE WHEN t.target_id IS NULL THEN 'extra' WHEN a.subject IS NULL THEN 'missing' ELSE 'different' END AS diff,
                    COALESCE(t.subject_kind, a.subject_kind) AS subject_kind, COALESCE(t.subject, a.subject) AS subject,
                    COALESCE(t.grant_kind, a.grant_kind) AS grant_kind, CASE WHEN t.target_id IS NULL THEN a.granted ELSE t.granted END AS granted,
                    a.error, a.scopes AS held, t.scopes AS desired, t.target_id, t.note
               FROM jhub_authz.actual_grants() a
               FULL JOIN (SELECT * FROM jhub_authz.grant_targets g WHERE g.subject IS NOT NULL) t
                 ON a.subject_kind OPERATOR(pg_catalog.=) t.subject_kind AND a.subject OPERATOR(pg_catalog.=) t.subject
                AND a.grant_kind OPERATOR(pg_catalog.=) t.grant_kind
                AND COALESCE(a.granted, '') OPERATOR(pg_catalog.=) COALESCE(t.granted, '')
               LEFT JOIN spoken s ON t.target_id IS NULL AND s.grant_kind OPERATOR(pg_catalog.=) a.grant_kind
                AND s.what OPERATOR(pg_catalog.=) CASE a.grant_kind WHEN 'admin' THEN a.subject_kind WHEN 'scopes' THEN '' ELSE a.granted END
              WHERE CASE WHEN t.target_id IS NULL
                         THEN s.grant_kind IS NOT NULL AND NOT (a.grant_kind OPERATOR(pg_catalog.=) 'scopes'
                              AND a.subject OPERATOR(pg_catalog.=) ANY (ARRAY['user', 'admin', 'server', 'token']))
                         ELSE a.subject IS NULL OR a.error IS NOT NULL OR a.scopes OPERATOR(jhub_authz.<>) t.scopes END)
    SELECT d.diff, d.subject_kind, d.subject, d.grant_kind, d.granted,
           CASE WHEN d.diff OPERATOR(pg_catalog.=) 'extra' THEN ''
                WHEN d.error IS NOT NULL THEN d.error
                WHEN d.diff OPERATOR(pg_catalog.=) 'different'
                THEN pg_catalog.concat_ws('; ',
                         'lacks ' OPERATOR(pg_catalog.||) (SELECT pg_catalog.string_agg(x.scope, ' ') FROM (SELECT e.scope FROM jhub_authz._shown_scopes(d.desired) e
                             EXCEPT SELECT e.scope FROM jhub_authz._shown_scopes(d.held) e ORDER BY 1) x),
                         'holds besides ' OPERATOR(pg_catalog.||) (SELECT pg_catalog.string_agg(x.scope, ' ') FROM (SELECT e.scope FROM jhub_authz._shown_scopes(d.held) e
                             EXCEPT SELECT e.scope FROM jhub_authz._shown_scopes(d.desired) e ORDER BY 1) x))
                WHEN NOT jhub_authz._is_there(d.subject_kind, d.subject) THEN pg_catalog.format('there is no %s "%s"', d.subject_kind, d.subject)
                WHEN d.granted IS NOT NULL AND NOT jhub_authz._is_there(d.grant_kind, d.granted) THEN pg_catalog.format('there is no %s "%s"', d.grant_kind, d.granted)
                ELSE '' END AS detail,
           d.target_id, d.note
      FROM differing d
     ORDER BY d.grant_kind, d.granted, d.subject_kind, d.subject;
END;
COMMENT ON FUNCTION jhub_authz.grant_diffs() IS 'where the actual grants are not the desired ones: missing, extra or different; empty when all is as desired';
REVOKE ALL ON FUNCTION jhub_authz.grant_diffs() FROM PUBLIC;

CREATE FUNCTION jhub_authz.require_targets() RETURNS integer
    LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
    SET search_path = pg_catalog, pg_temp
AS $require$
DECLARE
    n bigint;
    lines text;
BEGIN
    SELECT count(*), string_agg(concat_ws(' ', d.diff || ':', d.subject_kind, quote_ident(d.subject), d.grant_kind, quote_ident(d.granted),
                                          '(' || nullif(d.detail, '') || ')'), chr(10)) FILTER (WHERE d.i <= 10)
      INTO n, lines FROM (SELECT g.*, row_number() OVER () AS i FROM jhub_authz.grant_diffs() AS g) AS d;
    IF n > 0 THEN
        RAISE EXCEPTION '% not as desired', CASE n WHEN 1 THEN '1 grant is' ELSE n || ' grants are' END
            USING ERRCODE = 'check_violation', DETAIL = lines, HINT = 'jhub_authz.grant_diffs() has all of them.';
    END IF;
    RETURN (SELECT count(*) FROM jhub_authz.grant_targets);
END
$require$;
COMMENT ON FUNCTION jhub_authz.require_targets() IS 'how many targets there are; an error if a grant is not as desired, for a script that is to end with it';
REVOKE ALL ON FUNCTION jhub_authz.require_targets() FROM PUBLIC;

-- The names and values in a list of strings, or an error that says where it is.
CREATE FUNCTION jhub_authz._target_names(list jsonb, place text) RETURNS SETOF text
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE ROWS 100
    SET search_path = pg_catalog, pg_temp
AS $names$
BEGIN
    IF jsonb_typeof(list) <> 'array' OR EXISTS (SELECT FROM jsonb_array_elements(list) AS e WHERE jsonb_typeof(e) <> 'string') THEN
        RAISE EXCEPTION '% is not a list of strings', place USING ERRCODE = 'invalid_parameter_value';
    END IF;
    RETURN QUERY SELECT DISTINCT e FROM jsonb_array_elements_text(list) AS e;
END
$names$;
COMMENT ON FUNCTION jhub_authz._target_names(jsonb, text) IS 'strings of a list in a document of targets';
REVOKE ALL ON FUNCTION jhub_authz._target_names(jsonb, text) FROM PUBLIC;

-- The rows that a document stands for.  A list that is there, if it is empty, says
-- that there is nobody.
CREATE FUNCTION jhub_authz._targets_of(document jsonb, OUT subject_kind text, OUT subject text, OUT grant_kind text,
                                       OUT granted text, OUT scopes jhub_authz.scopeset) RETURNS SETOF record
    LANGUAGE plpgsql STABLE PARALLEL SAFE ROWS 100
    SET search_path = pg_catalog, pg_temp
AS $targets$
DECLARE
    e jsonb;
    bad text;
    k text;
    members jsonb;
BEGIN
    IF jsonb_typeof(document) <> 'object' THEN
        RAISE EXCEPTION 'a document of targets is a JSON object'
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Its keys are load_roles, load_groups and admin_users, as in jupyterhub_config.py.';
    END IF;
    SELECT min(j) INTO bad FROM jsonb_object_keys(document) AS j WHERE j <> ALL (ARRAY['load_roles', 'load_groups', 'admin_users']);
    IF bad IS NOT NULL THEN
        RAISE EXCEPTION 'key "%" of the document is unknown', bad USING ERRCODE = 'invalid_parameter_value';
    END IF;
    IF jsonb_typeof(document -> 'load_roles') <> 'array' OR jsonb_typeof(document -> 'load_groups') <> 'object' THEN
        RAISE EXCEPTION 'load_roles is a list, load_groups an object' USING ERRCODE = 'invalid_parameter_value';
    END IF;

    FOR e IN SELECT j FROM jsonb_array_elements(document -> 'load_roles') AS j LOOP
        IF jsonb_typeof(e) <> 'object' OR jsonb_typeof(e -> 'name') IS DISTINCT FROM 'string' THEN
            RAISE EXCEPTION 'a role in load_roles has no name' USING ERRCODE = 'invalid_parameter_value';
        END IF;
        SELECT min(j) INTO bad FROM jsonb_object_keys(e) AS j WHERE j <> ALL (ARRAY['name', 'description', 'scopes', 'users', 'groups', 'services', 'managed_by_auth']);
        IF bad IS NOT NULL THEN
            RAISE EXCEPTION 'key "%" of role "%" is unknown', bad, e ->> 'name' USING ERRCODE = 'invalid_parameter_value';
        END IF;
        IF e ? 'scopes' THEN
            PERFORM jhub_authz._target_names(e -> 'scopes', format('scopes of role "%s"', e ->> 'name'));
            subject_kind := 'role'; subject := e ->> 'name'; grant_kind := 'scopes'; granted := NULL; scopes := (e -> 'scopes')::jhub_authz.scopeset;
            RETURN NEXT;
        END IF;
        scopes := NULL; grant_kind := 'role'; granted := e ->> 'name';
        FOREACH k IN ARRAY ARRAY['user', 'group', 'service'] LOOP
            CONTINUE WHEN NOT e ? (k || 's');
            subject_kind := k;
            FOR subject IN SELECT t FROM jhub_authz._target_names(e -> (k || 's'), format('%ss of role "%s"', k, e ->> 'name')) AS t LOOP
                RETURN NEXT;
            END LOOP;
        END LOOP;
        IF e ?| ARRAY['users', 'groups', 'services'] THEN
            subject_kind := 'user'; subject := NULL;
            RETURN NEXT;
        END IF;
    END LOOP;

    subject_kind := 'user'; scopes := NULL; grant_kind := 'group';
    FOR granted, members IN SELECT j.key, CASE jsonb_typeof(j.value) WHEN 'object' THEN j.value -> 'users' ELSE j.value END
                              FROM jsonb_each(document -> 'load_groups') AS j LOOP
        CONTINUE WHEN members IS NULL;  -- only properties
        FOR subject IN SELECT t FROM jhub_authz._target_names(members, format('users of group "%s"', granted)) AS t LOOP
            RETURN NEXT;
        END LOOP;
        subject := NULL;
        RETURN NEXT;
    END LOOP;

    IF document ? 'admin_users' THEN
        grant_kind := 'admin'; granted := NULL;
        FOR subject IN SELECT t FROM jhub_authz._target_names(document -> 'admin_users', 'admin_users') AS t LOOP
            RETURN NEXT;
        END LOOP;
        subject := NULL;
        RETURN NEXT;
    END IF;
END
$targets$;
COMMENT ON FUNCTION jhub_authz._targets_of(jsonb) IS 'rows of grant_targets that a document stands for';
REVOKE ALL ON FUNCTION jhub_authz._targets_of(jsonb) FROM PUBLIC;

CREATE FUNCTION jhub_authz.load_grant_targets(document jsonb) RETURNS integer
    LANGUAGE plpgsql VOLATILE STRICT PARALLEL UNSAFE
    SET search_path = pg_catalog, pg_temp
AS $load$
DECLARE
    twice text;
BEGIN
    IF current_setting('transaction_read_only')::boolean THEN
        RAISE EXCEPTION 'cannot execute load_grant_targets() in a read-only transaction' USING ERRCODE = 'read_only_sql_transaction';
    END IF;
    SELECT min(t.subject) INTO twice FROM jhub_authz._targets_of(document) AS t
     WHERE t.grant_kind = 'scopes' GROUP BY t.subject HAVING count(*) > 1;
    IF twice IS NOT NULL THEN
        RAISE EXCEPTION 'role "%" is defined twice in the document', twice USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- what stays keeps its number and its note
    DELETE FROM jhub_authz.grant_targets g
     WHERE NOT EXISTS (SELECT FROM jhub_authz._targets_of(document) AS t
                        WHERE jsonb_build_array(t.subject_kind, t.subject, t.grant_kind, t.granted, t.scopes::text)
                            = jsonb_build_array(g.subject_kind, g.subject, g.grant_kind, g.granted, g.scopes::text));
    INSERT INTO jhub_authz.grant_targets (subject_kind, subject, grant_kind, granted, scopes)
    SELECT DISTINCT t.subject_kind, t.subject, t.grant_kind, t.granted, t.scopes FROM jhub_authz._targets_of(document) AS t
     WHERE NOT EXISTS (SELECT FROM jhub_authz.grant_targets g
                        WHERE jsonb_build_array(t.subject_kind, t.subject, t.grant_kind, t.granted)
                            = jsonb_build_array(g.subject_kind, g.subject, g.grant_kind, g.granted));
    RETURN (SELECT count(*) FROM jhub_authz.grant_targets);
END
$load$;
COMMENT ON FUNCTION jhub_authz.load_grant_targets(jsonb) IS 'makes the table grant_targets be what a document says: load_roles, load_groups and admin_users as in jupyterhub_config.py; returns how many rows that are';
REVOKE ALL ON FUNCTION jhub_authz.load_grant_targets(jsonb) FROM PUBLIC;
