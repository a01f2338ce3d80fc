-- After bench/audit_hub.sql and attach(): something to ask the past, assertions and
-- targets about.  psql variable: changes, the number of them.
INSERT INTO public.user_group_map (user_id, group_id) SELECT 100 + i, 101 FROM generate_series(1, :changes) i ON CONFLICT DO NOTHING;
UPDATE public.roles SET scopes = '["list:users", "read:users", "read:servers"]' WHERE name = 'helpdesk';
INSERT INTO jhub_authz.assertions (subject_kind, subject, required)
SELECT 'user', 'user-' || i, 'read:users!user=user-' || i FROM generate_series(1, 100) i;
-- one grant is missing, the others are as they should be
INSERT INTO jhub_authz.grant_targets (subject_kind, subject, grant_kind, granted, scopes)
SELECT subject_kind, subject, grant_kind, granted, scopes FROM jhub_authz.actual_grants()
UNION ALL SELECT 'user', 'user-9', 'role', 'helpdesk', NULL;
