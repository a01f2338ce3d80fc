/* ---- type scopeset: I/O ---- */

CREATE TYPE jhub_authz.scopeset;

CREATE FUNCTION jhub_authz.scopeset_in(input cstring) RETURNS jhub_authz.scopeset
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_in(cstring) IS 'I/O';

CREATE FUNCTION jhub_authz.scopeset_out(scopes jhub_authz.scopeset) RETURNS cstring
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_out(jhub_authz.scopeset) IS 'I/O';

CREATE FUNCTION jhub_authz.scopeset_recv(input internal) RETURNS jhub_authz.scopeset
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_recv(internal) IS 'I/O';

CREATE FUNCTION jhub_authz.scopeset_send(scopes jhub_authz.scopeset) RETURNS bytea
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_send(jhub_authz.scopeset) IS 'I/O';

CREATE TYPE jhub_authz.scopeset (
	INPUT = jhub_authz.scopeset_in,
	OUTPUT = jhub_authz.scopeset_out,
	RECEIVE = jhub_authz.scopeset_recv,
	SEND = jhub_authz.scopeset_send,
	INTERNALLENGTH = VARIABLE,
	STORAGE = extended
);
COMMENT ON TYPE jhub_authz.scopeset IS 'a set of JupyterHub scopes, such as ["read:users", "servers!user=ada"]';

/* ---- casts ---- */

CREATE FUNCTION jhub_authz.scopeset_as_text(scopes jhub_authz.scopeset) RETURNS text
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_as_text(jhub_authz.scopeset) IS 'the scopes as JSON text, as the hub stores them';

CREATE CAST (jhub_authz.scopeset AS text)
	WITH FUNCTION jhub_authz.scopeset_as_text(jhub_authz.scopeset) AS ASSIGNMENT;
COMMENT ON CAST (jhub_authz.scopeset AS text) IS 'the scopes as JSON text, as the hub stores them';

CREATE FUNCTION jhub_authz.text_to_scopeset(scopes text) RETURNS jhub_authz.scopeset
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.text_to_scopeset(text) IS 'the set that a JSON array or a list separated by white space stands for';

CREATE CAST (text AS jhub_authz.scopeset)
	WITH FUNCTION jhub_authz.text_to_scopeset(text);
COMMENT ON CAST (text AS jhub_authz.scopeset) IS 'a JSON array or a list separated by white space';

CREATE CAST (varchar AS jhub_authz.scopeset)
	WITH FUNCTION jhub_authz.text_to_scopeset(text);
COMMENT ON CAST (varchar AS jhub_authz.scopeset) IS 'a JSON array or a list separated by white space';

CREATE FUNCTION jhub_authz.scopeset_to_array(scopes jhub_authz.scopeset) RETURNS text[]
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_to_array(jhub_authz.scopeset) IS 'the scopes as an array, in code point order';

CREATE CAST (jhub_authz.scopeset AS text[])
	WITH FUNCTION jhub_authz.scopeset_to_array(jhub_authz.scopeset) AS ASSIGNMENT;
COMMENT ON CAST (jhub_authz.scopeset AS text[]) IS 'one scope an element, in code point order';

CREATE FUNCTION jhub_authz.text_array_to_scopeset(scopes text[]) RETURNS jhub_authz.scopeset
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.text_array_to_scopeset(text[]) IS 'the set of the scopes in an array';

CREATE CAST (text[] AS jhub_authz.scopeset)
	WITH FUNCTION jhub_authz.text_array_to_scopeset(text[]);
COMMENT ON CAST (text[] AS jhub_authz.scopeset) IS 'one scope an element, never split';

CREATE FUNCTION jhub_authz.scopeset_to_jsonb(scopes jhub_authz.scopeset) RETURNS jsonb
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_to_jsonb(jhub_authz.scopeset) IS 'the scopes as a jsonb array';

CREATE CAST (jhub_authz.scopeset AS jsonb)
	WITH FUNCTION jhub_authz.scopeset_to_jsonb(jhub_authz.scopeset);
COMMENT ON CAST (jhub_authz.scopeset AS jsonb) IS 'an array of strings';

CREATE FUNCTION jhub_authz.jsonb_to_scopeset(scopes jsonb) RETURNS jhub_authz.scopeset
	AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.jsonb_to_scopeset(jsonb) IS 'the set of the scopes in a jsonb array of strings';

CREATE CAST (jsonb AS jhub_authz.scopeset)
	WITH FUNCTION jhub_authz.jsonb_to_scopeset(jsonb);
COMMENT ON CAST (jsonb AS jhub_authz.scopeset) IS 'an array of strings, one scope an element';

/* ---- constructor, members ---- */

CREATE FUNCTION jhub_authz.scopeset_of(VARIADIC scopes text[]) RETURNS jhub_authz.scopeset
	AS 'MODULE_PATHNAME', 'text_array_to_scopeset' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scopeset_of(text[]) IS 'the set of the scopes given, one an argument, never split';

CREATE FUNCTION jhub_authz.scope_explode_support(request internal) RETURNS internal
	AS 'MODULE_PATHNAME', 'jhub_authz_scope_explode_support' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scope_explode_support(internal) IS 'planner support for scope_explode';
REVOKE ALL ON FUNCTION jhub_authz.scope_explode_support(internal) FROM PUBLIC;

CREATE FUNCTION jhub_authz.scope_explode(
	scopes jhub_authz.scopeset,
	OUT scope text, OUT base text, OUT filter_kind text, OUT filter_value text)
	RETURNS SETOF record
	AS 'MODULE_PATHNAME', 'jhub_authz_scope_explode' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE
	COST 5 ROWS 20 SUPPORT jhub_authz.scope_explode_support;
COMMENT ON FUNCTION jhub_authz.scope_explode(jhub_authz.scopeset) IS 'the scopes as rows, taken apart, in code point order';

CREATE FUNCTION jhub_authz.scope_count(scopes jhub_authz.scopeset) RETURNS integer
	AS 'MODULE_PATHNAME', 'jhub_authz_scope_count' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.scope_count(jhub_authz.scopeset) IS 'number of scopes in the set';

CREATE FUNCTION jhub_authz.reduce(scopes jhub_authz.scopeset) RETURNS jhub_authz.scopeset
	AS 'MODULE_PATHNAME', 'jhub_authz_reduce' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.reduce(jhub_authz.scopeset) IS 'the set without filtered scopes whose unfiltered form is there';

CREATE FUNCTION jhub_authz.oauth_scope(scopes jhub_authz.scopeset) RETURNS text
	AS 'MODULE_PATHNAME', 'jhub_authz_oauth_scope' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz.oauth_scope(jhub_authz.scopeset) IS 'the scopes separated by spaces, as OAuth writes them';

/* ---- helpers for the rooms above ---- */

CREATE FUNCTION jhub_authz._filters_by_group(scopes jhub_authz.scopeset) RETURNS boolean
	AS 'MODULE_PATHNAME', 'jhub_authz__filters_by_group' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz._filters_by_group(jhub_authz.scopeset) IS 'internal: has any scope a group filter?';

CREATE FUNCTION jhub_authz._rename_filter(
	scopes jhub_authz.scopeset, kinds text[], old_names text[], new_names text[])
	RETURNS jhub_authz.scopeset
	AS 'MODULE_PATHNAME', 'jhub_authz__rename_filter' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION jhub_authz._rename_filter(jhub_authz.scopeset, text[], text[], text[]) IS 'internal: the set with names in filters replaced, all at once';

