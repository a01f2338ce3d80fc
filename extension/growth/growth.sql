-- Baselines, pending changes and events.

CREATE TABLE jhub_authz.token_baselines (
    token_id integer PRIMARY KEY,
    baseline jhub_authz.scopeset,
    requested jhub_authz.scopeset,
    release text NOT NULL,
    created timestamp,
    user_id integer,
    service_id integer,
    client_id text,
    taken_at timestamptz NOT NULL DEFAULT pg_catalog.now(),
    revoked_at timestamptz,
    observed jhub_authz.scopeset,
    expires_before timestamp
);
COMMENT ON TABLE jhub_authz.token_baselines IS 'what each token could do when it was issued';
COMMENT ON COLUMN jhub_authz.token_baselines.token_id IS 'id in the hub''s api_tokens';
COMMENT ON COLUMN jhub_authz.token_baselines.baseline IS 'expanded effective scopes at issue; NULL: waits for its owner''s first scopes';
COMMENT ON COLUMN jhub_authz.token_baselines.requested IS 'the stored scopes at issue, expanded';
COMMENT ON COLUMN jhub_authz.token_baselines.release IS 'release of the hub whose catalogue the baseline was taken under';
COMMENT ON COLUMN jhub_authz.token_baselines.created IS 'the token''s created: an id that is used again is another token';
COMMENT ON COLUMN jhub_authz.token_baselines.user_id IS 'the owner''s id in the hub''s users';
COMMENT ON COLUMN jhub_authz.token_baselines.service_id IS 'the owner''s id in the hub''s services';
COMMENT ON COLUMN jhub_authz.token_baselines.client_id IS 'the OAuth client that the token was issued through';
COMMENT ON COLUMN jhub_authz.token_baselines.taken_at IS 'when the baseline was taken or last added to';
COMMENT ON COLUMN jhub_authz.token_baselines.revoked_at IS 'when the token was revoked; NULL: it was not';
COMMENT ON COLUMN jhub_authz.token_baselines.observed IS 'gain that was last logged without revoking; it is logged once';
COMMENT ON COLUMN jhub_authz.token_baselines.expires_before IS 'expiry before the token was revoked (infinity: none), for reinstate';

-- The hub has no index by which an owner's tokens are found; these serve.
CREATE INDEX token_baselines_by_user ON jhub_authz.token_baselines (user_id) WHERE user_id IS NOT NULL;
CREATE INDEX token_baselines_by_service ON jhub_authz.token_baselines (service_id) WHERE service_id IS NOT NULL;
CREATE INDEX token_baselines_by_client ON jhub_authz.token_baselines (client_id) WHERE client_id OPERATOR(pg_catalog.<>) 'jupyterhub';

CREATE TABLE jhub_authz.token_events (
    event_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT pg_catalog.clock_timestamp(),
    txid xid8 NOT NULL DEFAULT pg_catalog.pg_current_xact_id(),
    actor name NOT NULL,
    role name NOT NULL,
    application_name text NOT NULL,
    token_id integer,
    prefix text,
    owner_kind text,
    owner_name text,
    client_id text,
    action text NOT NULL,
    reason text NOT NULL,
    before jhub_authz.scopeset,
    after jhub_authz.scopeset,
    gained jhub_authz.scopeset
);
COMMENT ON TABLE jhub_authz.token_events IS 'what was done to tokens and why; rows are only added';
COMMENT ON COLUMN jhub_authz.token_events.event_id IS 'number of the event';
COMMENT ON COLUMN jhub_authz.token_events.at IS 'when it was decided';
COMMENT ON COLUMN jhub_authz.token_events.txid IS 'transaction that made the change';
COMMENT ON COLUMN jhub_authz.token_events.actor IS 'session user of the statement that made the change; through the hub: the hub''s role';
COMMENT ON COLUMN jhub_authz.token_events.role IS 'current role at that statement';
COMMENT ON COLUMN jhub_authz.token_events.application_name IS 'application_name of that session';
COMMENT ON COLUMN jhub_authz.token_events.token_id IS 'id in the hub''s api_tokens';
COMMENT ON COLUMN jhub_authz.token_events.prefix IS 'first characters of the token, as the hub shows them';
COMMENT ON COLUMN jhub_authz.token_events.owner_kind IS 'user or service';
COMMENT ON COLUMN jhub_authz.token_events.owner_name IS 'name of the owner at that time';
COMMENT ON COLUMN jhub_authz.token_events.client_id IS 'OAuth client that the token was issued through';
COMMENT ON COLUMN jhub_authz.token_events.action IS 'issued, narrowed, undefined, rescoped, renamed, shared, revoked, reinstated, adopted, migrated, would_narrow, would_revoke, policy or pruned';
COMMENT ON COLUMN jhub_authz.token_events.reason IS 'a short code, then what it was about';
COMMENT ON COLUMN jhub_authz.token_events.before IS 'stored scopes or baseline before';
COMMENT ON COLUMN jhub_authz.token_events.after IS 'stored scopes or baseline after; for issued: the baseline';
COMMENT ON COLUMN jhub_authz.token_events.gained IS 'what the token could do beyond its baseline';
CREATE INDEX token_events_by_token ON jhub_authz.token_events (token_id);
CREATE INDEX token_events_by_time ON jhub_authz.token_events (at);

SELECT pg_catalog.pg_extension_config_dump('jhub_authz.token_baselines', '');
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.token_events', '');
SELECT pg_catalog.pg_extension_config_dump('jhub_authz.token_events_event_id_seq', '');

-- What changed in a transaction that is still open.  Rows are made and taken by
-- the same transaction: nobody else ever sees one, and none is dumped.
CREATE UNLOGGED TABLE jhub_authz.pending (
    txid xid8 NOT NULL,
    cid integer NOT NULL,
    kind text NOT NULL,
    id integer NOT NULL,
    other integer NOT NULL,
    old_name text,
    actor name NOT NULL,
    role name NOT NULL,
    application_name text NOT NULL
);
COMMENT ON TABLE jhub_authz.pending IS 'changes that wait for the end of their transaction to be decided';
COMMENT ON COLUMN jhub_authz.pending.txid IS 'the transaction';
COMMENT ON COLUMN jhub_authz.pending.cid IS 'command in the transaction';
COMMENT ON COLUMN jhub_authz.pending.kind IS 'what kind of change';
COMMENT ON COLUMN jhub_authz.pending.id IS 'whose id';
COMMENT ON COLUMN jhub_authz.pending.other IS 'a second id, or 0';
COMMENT ON COLUMN jhub_authz.pending.old_name IS 'name before a rename, or another text';
COMMENT ON COLUMN jhub_authz.pending.actor IS 'session user of the statement';
COMMENT ON COLUMN jhub_authz.pending.role IS 'current role of the statement';
COMMENT ON COLUMN jhub_authz.pending.application_name IS 'application_name of the session';
CREATE INDEX pending_by_txid ON jhub_authz.pending (txid);

CREATE FUNCTION jhub_authz.note_change() RETURNS trigger
    AS 'MODULE_PATHNAME', 'jhub_authz_note_change' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz.note_change() IS 'trigger on the hub''s tables: notes what changed, to be decided at commit';
REVOKE ALL ON FUNCTION jhub_authz.note_change() FROM PUBLIC;

CREATE FUNCTION jhub_authz._decide() RETURNS trigger
    AS 'MODULE_PATHNAME', 'jhub_authz__decide' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz._decide() IS 'trigger on pending: decides at the end of the transaction';
REVOKE ALL ON FUNCTION jhub_authz._decide() FROM PUBLIC;

CREATE CONSTRAINT TRIGGER decide AFTER INSERT ON jhub_authz.pending
    DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION jhub_authz._decide();

CREATE FUNCTION jhub_authz.rebase(token_id integer, reason text) RETURNS boolean
    AS 'MODULE_PATHNAME', 'jhub_authz_rebase' LANGUAGE C VOLATILE STRICT PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz.rebase(integer, text) IS 'accepts what a token can do now as its baseline; false if there is no such live token';
REVOKE ALL ON FUNCTION jhub_authz.rebase(integer, text) FROM PUBLIC;

CREATE FUNCTION jhub_authz.set_policy(target text, on_growth text DEFAULT NULL, inherit text DEFAULT NULL,
                                      on_share text DEFAULT NULL, max_age interval DEFAULT NULL) RETURNS void
    AS 'MODULE_PATHNAME', 'jhub_authz_set_policy' LANGUAGE C VOLATILE PARALLEL UNSAFE;
COMMENT ON FUNCTION jhub_authz.set_policy(text, text, text, text, interval)
    IS 'sets the policy of a class of tokens, a token, a client or a group; what is NULL stays, if all is NULL the policy is removed';
REVOKE ALL ON FUNCTION jhub_authz.set_policy(text, text, text, text, interval) FROM PUBLIC;
