-- Who is as good as admin, and who can reach more than they hold.

CREATE FUNCTION jhub_authz._effective_admins(OUT subject_kind text, OUT subject text, OUT scope text, OUT filter_kind text,
        OUT filter_value text, OUT owner_kind text, OUT owner text, OUT how text, OUT is_admin boolean, OUT via_role text,
        OUT via_group text, OUT path text) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__effective_admins' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 100000 ROWS 100;
COMMENT ON FUNCTION jhub_authz._effective_admins() IS 'rows of effective_admins';
REVOKE ALL ON FUNCTION jhub_authz._effective_admins() FROM PUBLIC;

CREATE VIEW jhub_authz.effective_admins AS
    SELECT a.subject_kind, a.subject, a.scope, a.filter_kind, a.filter_value, a.owner_kind, a.owner, a.how, a.is_admin,
           a.via_role, a.via_group, a.path
      FROM jhub_authz._effective_admins() a;
COMMENT ON VIEW jhub_authz.effective_admins IS 'users, services and live tokens that are admin or as good as admin: a row for each reason';
COMMENT ON COLUMN jhub_authz.effective_admins.subject_kind IS 'user, service or token';
COMMENT ON COLUMN jhub_authz.effective_admins.subject IS 'name of the user or service; id of the token';
COMMENT ON COLUMN jhub_authz.effective_admins.scope IS 'the permission that makes it so; NULL for how = flag, role and scopes';
COMMENT ON COLUMN jhub_authz.effective_admins.filter_kind IS 'what that permission is restricted to; NULL: unrestricted';
COMMENT ON COLUMN jhub_authz.effective_admins.filter_value IS 'name of what it is restricted to';
COMMENT ON COLUMN jhub_authz.effective_admins.owner_kind IS 'of a token: user or service';
COMMENT ON COLUMN jhub_authz.effective_admins.owner IS 'of a token: the name of the user or service it belongs to';
COMMENT ON COLUMN jhub_authz.effective_admins.how IS 'flag (admin is set in the hub), role (has the role admin), scopes (holds all that the role admin gives), tokens (may make a token of anybody), servers (may enter every server, and so run code as anybody), reaches (can get all that the role admin gives by the steps in path), reaches servers (can get into every server by them)';
COMMENT ON COLUMN jhub_authz.effective_admins.is_admin IS 'is the flag admin set in the hub? NULL for a token';
COMMENT ON COLUMN jhub_authz.effective_admins.via_role IS 'the role that gives it';
COMMENT ON COLUMN jhub_authz.effective_admins.via_group IS 'the group through which the user has that role; NULL: directly';
COMMENT ON COLUMN jhub_authz.effective_admins.path IS 'for how = reaches: what it would write, step by step';

CREATE FUNCTION jhub_authz._escalation_paths(OUT subject_kind text, OUT subject text, OUT scope text, OUT filter_kind text,
        OUT filter_value text, OUT owner_kind text, OUT owner text, OUT begins_with text, OUT steps text, OUT step_count integer) RETURNS SETOF record
    AS 'MODULE_PATHNAME', 'jhub_authz__escalation_paths' LANGUAGE C STABLE STRICT PARALLEL RESTRICTED COST 100000 ROWS 100;
COMMENT ON FUNCTION jhub_authz._escalation_paths() IS 'rows of escalation_paths';
REVOKE ALL ON FUNCTION jhub_authz._escalation_paths() FROM PUBLIC;

CREATE VIEW jhub_authz.escalation_paths AS
    SELECT e.subject_kind, e.subject, e.scope, e.filter_kind, e.filter_value, e.owner_kind, e.owner, e.begins_with, e.steps, e.step_count
      FROM jhub_authz._escalation_paths() e;
COMMENT ON VIEW jhub_authz.escalation_paths IS 'permissions that a user, service or live token does not hold, but can get by writing what it may write over the hub''s API: tokens, groups, the flag admin';
COMMENT ON COLUMN jhub_authz.escalation_paths.subject_kind IS 'user, service or token';
COMMENT ON COLUMN jhub_authz.escalation_paths.subject IS 'name of the user or service; id of the token';
COMMENT ON COLUMN jhub_authz.escalation_paths.scope IS 'the permission that can be reached and is not held';
COMMENT ON COLUMN jhub_authz.escalation_paths.filter_kind IS 'what it is restricted to; NULL: unrestricted';
COMMENT ON COLUMN jhub_authz.escalation_paths.filter_value IS 'name of what it is restricted to';
COMMENT ON COLUMN jhub_authz.escalation_paths.owner_kind IS 'of a token: user or service';
COMMENT ON COLUMN jhub_authz.escalation_paths.owner IS 'of a token: the name of the user or service it belongs to';
COMMENT ON COLUMN jhub_authz.escalation_paths.begins_with IS 'the permission that is held and lets it do the first step';
COMMENT ON COLUMN jhub_authz.escalation_paths.steps IS 'what it would write, step by step';
COMMENT ON COLUMN jhub_authz.escalation_paths.step_count IS 'how many steps';
