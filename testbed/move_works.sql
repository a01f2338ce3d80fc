-- testbed/move and testbed/pg_upgrade: issue, growth and numbering go on, and
-- nobody is touched whom it does not concern.
\set ON_ERROR_STOP on
SET client_min_messages = warning;
SELECT coalesce(max(event_id), 0) AS last, count(*) > 0 AS managed_events FROM jhub_authz.token_events \gset
SELECT count(*) > 0 AS managed FROM information_schema.columns
 WHERE table_schema = 'public' AND table_name = 'user_role_map' AND column_name = 'managed_by_auth' \gset
\if :managed
\set false ', false'
\set managed ', managed_by_auth'
\else
\set false ''
\set managed ''
\endif
\o /dev/null
SET ROLE jupyterhub;
INSERT INTO public.roles (name, scopes :managed) VALUES ('works', '["read:users!user"]' :false), ('works-more', '["list:users"]' :false);
INSERT INTO public.users (name, cookie_id) VALUES ('worker', 'works');
INSERT INTO public.user_role_map (user_id, role_id :managed) SELECT u.id, r.id :false FROM public.users u, public.roles r WHERE u.name = 'worker' AND r.name = 'works';
INSERT INTO public.api_tokens (user_id, client_id, hashed, prefix, created, note, scopes)
SELECT id, 'jupyterhub', 'sha512:1:works:' || n, 'work', now() AT TIME ZONE 'UTC', 'works ' || n, scopes
  FROM public.users, (VALUES (1, '["inherit"]'), (2, '["read:users!user", "admin:users"]')) AS t (n, scopes) WHERE name = 'worker';
INSERT INTO public.user_role_map (user_id, role_id :managed) SELECT u.id, r.id :false FROM public.users u, public.roles r WHERE u.name = 'worker' AND r.name = 'works-more';
RESET ROLE;
\o
DO $$ BEGIN
    IF EXISTS (SELECT FROM jhub_authz.pending) THEN RAISE EXCEPTION 'something is pending'; END IF;
END $$;
\pset tuples_only on
\pset format unaligned
SELECT e.event_id - :last > 0, t.note, e.action FROM jhub_authz.token_events e LEFT JOIN public.api_tokens t ON t.id = e.token_id
 WHERE e.event_id > :last ORDER BY e.event_id;
