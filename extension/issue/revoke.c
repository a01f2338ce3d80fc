/*-------------------------------------------------------------------------
 *
 * revoke.c
 *	  Revoking tokens, and the kill switch for a user, a group, a client ...
 *
 * To revoke is to set expires_at to a moment safely past: the hub looks tokens
 * up by it in SQL, so that acts at once, while a row that is deleted behind its
 * back makes its next write fail.  Nothing is ever deleted here.  For the hub's
 * clock, which may not be the database's, there is a margin of a day.
 *
 * That a token was revoked is kept in token_baselines, so that moving
 * expires_at again does not bring it back (narrow.c).
 *
 *-------------------------------------------------------------------------
 */
#include "issue.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#define REVOKE_MARGIN	USECS_PER_DAY

PG_FUNCTION_INFO_V1(jhub_authz_revoke_token);
PG_FUNCTION_INFO_V1(jhub_authz_revoke_all);

static bool revoke_under_way = false;

bool
issue_is_revoking(void)
{
	return revoke_under_way;
}

/* ---- tokens ---- */

/* Ids of the tokens that were revoked, and when each was created. */
typedef struct Revoked
{
	int			n;
	Datum		ids;			/* int4[] */
	Datum		created;		/* timestamp[], in the same order */
} Revoked;

static Datum
revoke_array_copy(HeapTuple row, TupleDesc desc, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, desc, column, &isnull);

	return PointerGetDatum(DatumGetArrayTypePCopy(value));
}

/* Set tokens expired, in one statement, rows locked in order of id. */
static void
revoke_expire(const HubSchema *hub, const int *ids, int n, bool blank_scopes,
			  Revoked *revoked)
{
	static const Oid types[2] = {INT4ARRAYOID, TIMESTAMPOID};
	bool		blank = blank_scopes && hub->has_token_scopes;
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext spi;
	Datum		values[2];
	char	   *sql;
	SpiFrame	frame;

	sql = psprintf("WITH locked AS MATERIALIZED ("
				   "SELECT id FROM %s.api_tokens WHERE id = ANY ($1)"
				   " ORDER BY id FOR NO KEY UPDATE), "
				   "done AS ("
				   "UPDATE %s.api_tokens t SET expires_at = LEAST(t.expires_at, $2)%s"
				   " FROM locked WHERE t.id = locked.id"
				   " AND (t.expires_at IS NULL OR t.expires_at > $2%s)"
				   " RETURNING t.id, t.created) "
				   "SELECT count(*)::int, array_agg(id ORDER BY id), array_agg(created ORDER BY id)"
				   " FROM done",
				   hub->quoted, hub->quoted,
				   blank ? ", scopes = '[]'" : "",
				   blank ? " OR t.scopes IS DISTINCT FROM '[]'" : "");

	values[0] = spi_int_array(ids, n);
	values[1] = TimestampGetDatum(hub_now() - REVOKE_MARGIN);
	spi_enter(&frame, hub->owner);
	revoke_under_way = true;
	PG_TRY();
	{
		(void) spi_run(sql, 2, types, values, NULL, false, true, 0);
	}
	PG_FINALLY();
	{
		revoke_under_way = false;
	}
	PG_END_TRY();

	revoked->n = spi_int(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, 0);
	if (revoked->n > 0)
	{
		spi = MemoryContextSwitchTo(caller);
		revoked->ids = revoke_array_copy(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);
		revoked->created = revoke_array_copy(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 3);
		MemoryContextSwitchTo(spi);
	}
	spi_leave(&frame);
}

/*
 * Record it.  A token without a baseline (issued in this transaction, or while
 * the mode was off) gets an empty one, which covers nothing.
 */
static void
revoke_record(const HubSchema *hub, const Revoked *revoked)
{
	static const Oid types[3] = {INT4ARRAYOID, TIMESTAMPARRAYOID, TEXTOID};
	Datum		values[3];
	SpiFrame	frame;

	values[0] = revoked->ids;
	values[1] = revoked->created;
	values[2] = CStringGetTextDatum(hub->release->name);
	spi_enter(&frame, module_owner());
	(void) spi_run("INSERT INTO jhub_authz.token_baselines AS b"
				   " (token_id, baseline, requested, release, created, revoked_at)"
				   " SELECT t.id, '[]', '[]', $3, t.created, now()"
				   " FROM unnest($1, $2) AS t (id, created)"
				   " ON CONFLICT (token_id) DO UPDATE SET revoked_at = now()"
				   " WHERE b.revoked_at IS NULL",
				   3, types, values, NULL, false, true, 0);
	spi_leave(&frame);
}

static void
revoke_tokens(const HubSchema *hub, const int *ids, int n, bool blank_scopes,
			  Revoked *revoked)
{
	memset(revoked, 0, sizeof(*revoked));
	if (n == 0)
		return;
	revoke_expire(hub, ids, n, blank_scopes, revoked);
	if (revoked->n > 0)
		revoke_record(hub, revoked);
}

int
issue_revoke(const int *ids, int n, bool blank_scopes)
{
	Revoked		revoked;

	revoke_tokens(hub_schema(false, true), ids, n, blank_scopes, &revoked);
	return revoked.n;
}

/* ---- by hand ---- */

/* Names of owners, for the events; read for all tokens at once. */
typedef struct RevokeEvents
{
	const HubSchema *hub;
	const char *reason;
	int			n;
	HubToken   *tokens;			/* copies */
	MemoryContext context;
} RevokeEvents;

static char *
revoke_copy(const char *str)
{
	return str ? pstrdup(str) : NULL;
}

/* hub_each_token callback */
static void
revoke_collect(HubToken *token, void *arg)
{
	RevokeEvents *events = arg;
	MemoryContext save = MemoryContextSwitchTo(events->context);
	HubToken   *copy = &events->tokens[events->n++];

	memset(copy, 0, sizeof(*copy));
	copy->id = token->id;
	copy->user_id = token->user_id;
	copy->service_id = token->service_id;
	copy->client_id = revoke_copy(token->client_id);
	copy->prefix = revoke_copy(token->prefix);
	copy->stored = scopeset_union_of(token->stored, scopeset_empty());
	MemoryContextSwitchTo(save);
}

static void
revoke_write_event(const RevokeEvents *events, const HubData *data, const HubToken *token)
{
	TokenEvent	event;
	HubUser    *user = token->user_id ? hub_user(data, token->user_id) : NULL;
	HubService *service = token->service_id ? hub_service(data, token->service_id) : NULL;

	memset(&event, 0, sizeof(event));
	event.token_id = token->id;
	event.prefix = token->prefix;
	event.owner_kind = user ? "user" : service ? "service" : NULL;
	event.owner_name = user ? user->name : service ? service->name : NULL;
	event.client_id = token->client_id;
	event.action = "revoked";
	event.reason = events->reason;
	event.before = token->stored;
	event.after = token->stored;
	token_event(&event, NULL);
}

/* An event for each token that was revoked by hand. */
static void
revoke_write_events(const HubSchema *hub, const Revoked *revoked, const char *reason)
{
	ArrayType  *array = DatumGetArrayTypeP(revoked->ids);
	const int  *ids = (const int *) ARR_DATA_PTR(array);
	RevokeEvents events;
	HubTokenWant tokens;
	HubWant		owners;
	HubData    *data;
	int		   *users = palloc(sizeof(int) * revoked->n);
	int		   *services = palloc(sizeof(int) * revoked->n);

	memset(&events, 0, sizeof(events));
	events.hub = hub;
	events.reason = reason;
	events.tokens = palloc(sizeof(HubToken) * revoked->n);
	events.context = CurrentMemoryContext;
	memset(&tokens, 0, sizeof(tokens));
	tokens.nids = revoked->n;
	tokens.ids = ids;
	hub_each_token(hub, &tokens, true, revoke_collect, &events);

	memset(&owners, 0, sizeof(owners));
	owners.users = users;
	owners.services = services;
	for (int i = 0; i < events.n; i++)
	{
		if (events.tokens[i].user_id)
			users[owners.nusers++] = events.tokens[i].user_id;
		if (events.tokens[i].service_id)
			services[owners.nservices++] = events.tokens[i].service_id;
	}
	data = hub_load(hub, &owners, true);
	for (int i = 0; i < events.n; i++)
		revoke_write_event(&events, data, &events.tokens[i]);
	hub_free(data);
}

/* "manual", and why if that was said. */
static char *
revoke_reason(FunctionCallInfo fcinfo, int arg)
{
	if (PG_ARGISNULL(arg))
		return "manual";
	return psprintf("manual: %s", issue_text_arg(fcinfo, arg, "reason"));
}

/*
 * revoke_token(token_id integer, reason text) returns boolean
 *
 * False: there is no such token, or it was dead already.
 */
Datum
jhub_authz_revoke_token(PG_FUNCTION_ARGS)
{
	HubSchema  *hub = hub_schema(false, true);
	Revoked		revoked;
	int			id;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("token_id must not be null")));
	id = PG_GETARG_INT32(0);
	revoke_tokens(hub, &id, 1, false, &revoked);
	if (revoked.n > 0)
		revoke_write_events(hub, &revoked, revoke_reason(fcinfo, 1));
	PG_RETURN_BOOL(revoked.n > 0);
}

/* ---- the kill switch ---- */

/*
 * What a kind of subject has: conditions on the hub's tables, in which $1 is
 * the subject (ids, or a text).  NULL: it has none such.
 */
typedef struct RevokeKind
{
	const char *name;
	bool		by_ids;
	const char *tokens;
	const char *codes;
	const char *share_codes;
	const char *logins;			/* on users; %s: the hub's schema */
} RevokeKind;

static const RevokeKind revoke_kinds[] = {
	{"user", true, "user_id = ANY ($1)", "user_id = ANY ($1)", "owner_id = ANY ($1)", "id = ANY ($1)"},
	{"group", true, "user_id = ANY ($1)", "user_id = ANY ($1)", "owner_id = ANY ($1)", "id = ANY ($1)"},
	{"service", true, "service_id = ANY ($1)", NULL, NULL, NULL},
	{"client", false, "client_id = $1", "client_id = $1", NULL, NULL},
	{"session", false, "session_id = $1", "session_id = $1", NULL,
	"id IN (SELECT user_id FROM %s.api_tokens WHERE session_id = $1)"},
};

static const RevokeKind *
revoke_kind(const char *name)
{
	for (int i = 0; i < lengthof(revoke_kinds); i++)
		if (strcmp(revoke_kinds[i].name, name) == 0)
			return &revoke_kinds[i];
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid kind of subject: \"%s\"", issue_message(name)),
			 errhint("Kinds are user, service, group, client and session.")));
	return NULL;
}

static bool
revoke_client_exists(const HubSchema *hub, const char *identifier)
{
	static const Oid types[1] = {TEXTOID};
	Datum		values[1];
	SpiFrame	frame;
	bool		found;

	values[0] = CStringGetTextDatum(issue_message(identifier));
	spi_enter(&frame, hub->owner);
	found = spi_run(psprintf("SELECT 1 FROM %s.oauth_clients WHERE identifier = $1",
							 hub->quoted),
					1, types, values, NULL, true, true, 1) > 0;
	spi_leave(&frame);
	return found;
}

/* Members of a group. */
static Datum
revoke_members(const HubSchema *hub, int group_id)
{
	static const Oid types[1] = {INT4OID};
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext spi;
	Datum		values[1];
	Datum		result;
	SpiFrame	frame;

	values[0] = Int32GetDatum(group_id);
	spi_enter(&frame, hub->owner);
	(void) spi_run(psprintf("SELECT coalesce(array_agg(user_id), '{}')"
							" FROM %s.user_group_map WHERE group_id = $1", hub->quoted),
				   1, types, values, NULL, true, true, 1);
	spi = MemoryContextSwitchTo(caller);
	result = revoke_array_copy(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	MemoryContextSwitchTo(spi);
	spi_leave(&frame);
	return result;
}

/* The $1 of a kind's conditions; 42704 if there is no such subject. */
static Datum
revoke_subject(const HubSchema *hub, const RevokeKind *kind, const char *name)
{
	int			id = 1;

	if (strcmp(kind->name, "user") == 0)
		id = hub_user_id(hub, name, true);
	else if (strcmp(kind->name, "group") == 0)
		id = hub_group_id(hub, name, true);
	else if (strcmp(kind->name, "service") == 0)
		id = hub_service_id(hub, name, true);
	else if (strcmp(kind->name, "client") == 0 && !revoke_client_exists(hub, name))
		id = 0;
	/* A session is only known by what it left behind. */
	if (id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("%s \"%s\" does not exist",
						strcmp(kind->name, "client") == 0 ? "OAuth client" : kind->name,
						issue_message(name))));
	if (!kind->by_ids)
		return CStringGetTextDatum(issue_message(name));
	if (strcmp(kind->name, "group") == 0)
		return revoke_members(hub, id);
	return spi_int_array(&id, 1);
}

/* Ids of the tokens that are not dead yet. */
static int *
revoke_token_ids(const HubSchema *hub, const RevokeKind *kind, Datum subject, int *n)
{
	Oid			types[2] = {kind->by_ids ? INT4ARRAYOID : TEXTOID, TIMESTAMPOID};
	Datum		values[2] = {subject, TimestampGetDatum(hub_now() - REVOKE_MARGIN)};
	SpiFrame	frame;
	uint64		rows;
	int		   *ids;

	spi_enter(&frame, hub->owner);
	rows = spi_run(psprintf("SELECT id FROM %s.api_tokens"
							" WHERE %s AND (expires_at IS NULL OR expires_at > $2)"
							" ORDER BY id", hub->quoted, kind->tokens),
				   2, types, values, NULL, true, true, 0);
	ids = SPI_palloc(sizeof(int) * Max(rows, 1));
	for (uint64 i = 0; i < rows; i++)
		ids[i] = spi_int(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, 0);
	spi_leave(&frame);
	*n = (int) rows;
	return ids;
}

/* Codes that could still be exchanged, and browser logins. */
static void
revoke_codes(const HubSchema *hub, const RevokeKind *kind, Datum subject, bool logins)
{
	Oid			types[2] = {kind->by_ids ? INT4ARRAYOID : TEXTOID, TIMESTAMPOID};
	Datum		values[2] = {subject, TimestampGetDatum(hub_now() - REVOKE_MARGIN)};
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	if (kind->codes != NULL)
		/* the one table where the hub keeps seconds since 1970 */
		(void) spi_run(psprintf("UPDATE %s.oauth_codes"
								" SET expires_at = extract(epoch FROM $2)::int WHERE %s"
								" AND (expires_at IS NULL OR expires_at > extract(epoch FROM $2))",
								hub->quoted, kind->codes),
					   2, types, values, NULL, false, true, 0);
	if (kind->share_codes != NULL && OidIsValid(hub->rel[HUB_SHARE_CODES]))
		(void) spi_run(psprintf("UPDATE %s.share_codes SET expires_at = $2 WHERE %s"
								" AND (expires_at IS NULL OR expires_at > $2)",
								hub->quoted, kind->share_codes),
					   2, types, values, NULL, false, true, 0);
	if (logins)
		/* a new random one each, as the hub makes them */
		(void) spi_run(psprintf("UPDATE %s.users"
								" SET cookie_id = replace(gen_random_uuid()::text, '-', '')"
								" WHERE %s",
								hub->quoted, psprintf(kind->logins, hub->quoted)),
					   1, types, values, NULL, false, true, 0);
	spi_leave(&frame);
}

/*
 * revoke_all(kind text, name text, reason text, logins boolean) returns integer
 *
 * The kill switch: tokens, OAuth codes and share codes of a user, of a group's
 * members, of a service (the tokens that it owns; those that it got from users
 * are its client's), of an OAuth client or of a browser session.  Returns the
 * number of tokens revoked.
 *
 * Errors: 22023 for another kind, or for logins where there are none; 42704 for
 * an unknown name.
 */
Datum
jhub_authz_revoke_all(PG_FUNCTION_ARGS)
{
	const RevokeKind *kind = revoke_kind(issue_text_arg(fcinfo, 0, "kind"));
	char	   *name = issue_text_arg(fcinfo, 1, "name");
	bool		logins = !PG_ARGISNULL(3) && PG_GETARG_BOOL(3);
	HubSchema  *hub = hub_schema(false, true);
	Revoked		revoked;
	Datum		subject;
	int		   *ids;
	int			n;

	if (logins && kind->logins == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a %s has no browser logins", kind->name)));
	subject = revoke_subject(hub, kind, name);
	ids = revoke_token_ids(hub, kind, subject, &n);
	revoke_codes(hub, kind, subject, logins);
	revoke_tokens(hub, ids, n, false, &revoked);
	if (revoked.n > 0)
		revoke_write_events(hub, &revoked, revoke_reason(fcinfo, 2));
	PG_RETURN_INT32(revoked.n);
}
