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

#include "../hub/hub_concern.h"
#include "../hub/hub_write.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#define REVOKE_MARGIN	USECS_PER_DAY

PG_FUNCTION_INFO_V1(jhub_authz_revoke_token);
PG_FUNCTION_INFO_V1(jhub_authz_revoke_all);

static bool revoke_under_way = false;

static Timestamp
revoke_moment(void)
{
	return hub_now() - REVOKE_MARGIN;
}

bool
issue_is_revoking(void)
{
	return revoke_under_way;
}

/* ---- tokens ---- */

/* Set tokens expired, known to the triggers as a revocation. */
static void
revoke_expire(const HubSchema *hub, const int *ids, int n, bool blank_scopes,
			  HubExpired *revoked)
{
	revoke_under_way = true;
	PG_TRY();
	{
		hub_expire_tokens(hub, ids, n, revoke_moment(), blank_scopes, revoked);
	}
	PG_CATCH();
	{
		revoke_under_way = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
	revoke_under_way = false;
}

/*
 * Nothing that the hub's role put on its table, such as a BEFORE trigger or a
 * rule, may turn a revocation into one that is only written down.
 */
static void
revoke_check(const HubSchema *hub, const int *ids, int n)
{
	static const Oid types[2] = {INT4ARRAYOID, TIMESTAMPOID};
	Datum		values[2];
	SpiFrame	frame;
	int			id = 0;

	values[0] = spi_int_array(ids, n);
	values[1] = TimestampGetDatum(hub_now());
	spi_enter(&frame, hub->owner);
	if (spi_run(psprintf("SELECT id::int FROM %s.api_tokens WHERE id = ANY ($1)"
						 " AND (expires_at IS NULL OR expires_at >= $2) ORDER BY id",
						 hub->quoted),
				2, types, values, NULL, true, true, 1) > 0)
		id = spi_int(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, 0);
	spi_leave(&frame);
	if (id != 0)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("token %d could not be revoked", id),
				 errdetail("It is still alive after it was set expired."),
				 errhint("Look for a trigger or rule of your own on table \"%s.api_tokens\".",
						 hub->name)));
}

/*
 * Record it, with the expiry that it had, for reinstate.  A token without a
 * baseline (issued in this transaction, or while the mode was off) gets an empty
 * one, which covers nothing.
 */
static void
revoke_record(const HubSchema *hub, const HubExpired *revoked)
{
	static const Oid types[4] = {INT4ARRAYOID, TIMESTAMPARRAYOID, TIMESTAMPARRAYOID, TEXTOID};
	Datum		values[4];
	SpiFrame	frame;

	values[0] = spi_int_array(revoked->ids, revoked->n);
	values[1] = revoked->created;
	values[2] = revoked->before;
	values[3] = CStringGetTextDatum(hub->release->name);
	spi_enter(&frame, module_owner());
	(void) spi_run("INSERT INTO jhub_authz.token_baselines AS b"
				   " (token_id, baseline, requested, release, created, revoked_at, expires_before)"
				   " SELECT t.id, '[]', '[]', $4, t.created, now(), t.before"
				   " FROM unnest($1, $2, $3) AS t (id, created, before)"
				   " ON CONFLICT (token_id) DO UPDATE SET revoked_at = now(),"
				   " expires_before = EXCLUDED.expires_before"
				   " WHERE b.revoked_at IS NULL",
				   4, types, values, NULL, false, true, 0);
	spi_leave(&frame);
}

static void
revoke_tokens(const HubSchema *hub, const int *ids, int n, bool blank_scopes,
			  HubExpired *revoked)
{
	memset(revoked, 0, sizeof(*revoked));
	if (n == 0)
		return;
	revoke_expire(hub, ids, n, blank_scopes, revoked);
	revoke_check(hub, ids, n);
	if (revoked->n == 0)
		return;
	revoke_record(hub, revoked);
	issue_grace(revoked->created);
}

int
issue_revoke(const int *ids, int n, bool blank_scopes)
{
	HubExpired	revoked;

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
revoke_write_events(const HubSchema *hub, const HubExpired *revoked, const char *reason)
{
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
	tokens.ids = revoked->ids;
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
	HubExpired	revoked;
	int			id;

	PreventCommandIfReadOnly("revoke_token()");
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

/* What may be named, and whose tokens are meant by that. */
typedef struct RevokeKind
{
	const char *name;
	HubOwnership by;
	int			(*id) (const HubSchema *hub, const char *name, bool latest);
	const char *label;			/* in a message */
	bool		members;		/* those of its members */
} RevokeKind;

/* A session is only known by what it left behind: nothing has its id. */
static const RevokeKind revoke_kinds[] = {
	{"user", HUB_OF_USERS, hub_user_id, "user", false},
	{"group", HUB_OF_USERS, hub_group_id, "group", true},
	{"service", HUB_OF_SERVICES, hub_service_id, "service", false},
	{"client", HUB_OF_CLIENT, hub_client_id, "OAuth client", false},
	{"session", HUB_OF_SESSION, NULL, "session", false},
};

static const RevokeKind *
revoke_kind(const char *name)
{
	for (int i = 0; i < (int) lengthof(revoke_kinds); i++)
		if (strcmp(revoke_kinds[i].name, name) == 0)
			return &revoke_kinds[i];
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid kind of subject: \"%s\"", issue_message(name)),
			 errhint("Kinds are user, service, group, client and session.")));
	return NULL;
}

/* The subject of that name; 42704 if there is none such. */
static void
revoke_subject(const HubSchema *hub, const RevokeKind *kind, const char *name,
			   HubOwned *subject)
{
	int		   *ids = palloc(sizeof(int));

	memset(subject, 0, sizeof(*subject));
	subject->by = kind->by;
	subject->name = name;
	if (kind->id == NULL)
		return;
	*ids = kind->id(hub, name, true);
	if (*ids == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("%s \"%s\" does not exist", kind->label, issue_message(name))));
	subject->n = 1;
	if (kind->members)
		hub_group_members(hub, ids, 1, &ids, &subject->n);
	subject->ids = ids;
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
	HubExpired	revoked;
	HubOwned	subject;
	int		   *ids;
	int			n;

	PreventCommandIfReadOnly("revoke_all()");
	if (logins && !hub_has_logins(kind->by))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a %s has no browser logins", kind->name)));
	revoke_subject(hub, kind, name, &subject);
	ids = hub_owned_tokens(hub, &subject, revoke_moment(), &n);
	hub_expire_codes(hub, &subject, revoke_moment());
	if (logins)
		hub_end_logins(hub, &subject);
	revoke_tokens(hub, ids, n, false, &revoked);
	if (revoked.n > 0)
		revoke_write_events(hub, &revoked, revoke_reason(fcinfo, 2));
	PG_RETURN_INT32(revoked.n);
}
