-- Soft errors, where the server has them (16 and later).
\pset format unaligned
SET search_path = jhub_authz, public;

SELECT s, pg_input_is_valid(s, 'jhub_authz.scopeset') AS valid, e.message, e.detail, e.sql_error_code AS code
FROM (VALUES (''), ('self'), ('["self"]'), ('users!usr=x'), ('["a"'), ('["a", 1]'), ('["a\u0000"]')) v(s),
  LATERAL pg_input_error_info(s, 'jhub_authz.scopeset') e;
SELECT pg_input_is_valid(repeat('a', 2001), 'jhub_authz.scopeset') AS valid, e.message, e.detail, e.sql_error_code AS code
FROM pg_input_error_info(repeat('a', 2001), 'jhub_authz.scopeset') e;
SELECT pg_input_is_valid(string_agg('c:' || i, ' '), 'jhub_authz.scopeset') FROM generate_series(1, 65536) i;
