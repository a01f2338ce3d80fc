/*-------------------------------------------------------------------------
 *
 * max_age.c
 *	  The policy max_age: the longest life of a token.
 *
 * A token expires at the latest when it is max_age old.  At issue the trigger
 * sees to that (narrow.c); expire_old_tokens does the same for what is there.
 * Which policy counts for a token is token_policy.c's matter.
 *
 * Like a revocation it moves expires_at, which the hub looks at in SQL.  Times
 * are the hub's: UTC without time zone.
 *
 *-------------------------------------------------------------------------
 */
#include "issue.h"

#include "../hub/hub_write.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datetime.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(jhub_authz_expire_old_tokens);

/*
 * "created" comes with the row: one in the future, or none, counts as now, so
 * that nobody lives longer by it.
 */
bool
issue_max_expiry(const TokenPolicy *policy, const HubToken *token, Timestamp *cap)
{
	Timestamp	from = hub_now();
	Interval	max_age = policy->max_age;

	if (!policy->has_max_age)
		return false;
	if (token->has_created && !TIMESTAMP_NOT_FINITE(token->created) && token->created < from)
		from = token->created;
	*cap = DatumGetTimestamp(DirectFunctionCall2(timestamp_pl_interval,
												 TimestampGetDatum(from),
												 IntervalPGetDatum(&max_age)));
	return !token->has_expires || token->expires_at > *cap;
}

/* Runs no SQL, so that settings_get()'s answer may be passed. */
bool
issue_has_max_age(const Settings *settings)
{
	for (int i = 0; i < TOKEN_NCLASSES; i++)
		if (settings->policy[i].has_max_age)
			return true;
	for (int i = 0; i < settings->nnarrower; i++)
		if (settings->narrower[i].set & POLICY_BIT(POLICY_MAX_AGE))
			return true;
	return false;
}

/* A time as events show it, whatever the session's DateStyle. */
static char *
max_age_time(Timestamp time)
{
	char		buf[MAXDATELEN + 1];
	struct pg_tm tm;
	fsec_t		fsec;

	if (TIMESTAMP_NOT_FINITE(time) || timestamp2tm(time, NULL, &tm, &fsec, NULL, NULL) != 0)
		return "never";
	EncodeDateTime(&tm, 0, false, 0, NULL, USE_ISO_DATES, buf);
	return psprintf("%s UTC", buf);
}

char *
issue_max_age_reason(const HubToken *token, Timestamp cap)
{
	return psprintf("max_age: expires %s instead of %s", max_age_time(cap),
					token->has_expires ? max_age_time(token->expires_at) : "never");
}

/* ---- tokens that are there ---- */

typedef struct OldToken
{
	HubToken	token;			/* a copy */
	Timestamp	cap;
	bool		done;
} OldToken;

typedef struct OldTokens
{
	MemoryContext context;
	Settings	settings;
	const IssueGroups *groups;
	const IssueStood *stood;	/* by token id; NULL: any expiry counts */
	int			nstood;
	int			n;
	int			size;
	OldToken   *items;
} OldTokens;

static int
max_age_cmp(const void *a, const void *b)
{
	const IssueStood *x = a;
	const IssueStood *y = b;

	return x->token_id < y->token_id ? -1 : x->token_id > y->token_id;
}

/* Did it live as long before it went? */
static bool
max_age_stood(const OldTokens *old, const HubToken *token)
{
	IssueStood	key = {.token_id = token->id};
	const IssueStood *found;

	if (old->stood == NULL)
		return false;
	found = bsearch(&key, old->stood, old->nstood, sizeof(IssueStood), max_age_cmp);
	return found == NULL || TIMESTAMP_IS_NOEND(found->expires_at) ||
		(token->has_expires && token->expires_at <= found->expires_at);
}

/* hub_each_token callback */
static void
max_age_collect(HubToken *token, void *arg)
{
	OldTokens  *old = arg;
	MemoryContext save;
	TokenPolicy policy;
	OldToken   *item;
	Timestamp	cap;

	issue_token_policy(&old->settings, token, old->groups, &policy, NULL);
	if (!issue_max_expiry(&policy, token, &cap) || max_age_stood(old, token))
		return;
	save = MemoryContextSwitchTo(old->context);
	if (old->n >= old->size)
	{
		old->size = old->size ? old->size * 2 : 64;
		old->items = old->items ?
			repalloc_huge(old->items, sizeof(OldToken) * old->size) :
			palloc(sizeof(OldToken) * old->size);
	}
	item = &old->items[old->n++];
	item->token = *token;
	item->token.client_id = token->client_id ? pstrdup(token->client_id) : NULL;
	item->token.prefix = token->prefix ? pstrdup(token->prefix) : NULL;
	item->token.note = NULL;
	item->token.scopes = NULL;
	item->token.stored = NULL;
	item->cap = cap;
	item->done = false;
	MemoryContextSwitchTo(save);
}

/* Live tokens that may live longer than their policy says. */
static void
max_age_find(OldTokens *old, const HubSchema *hub, HubTokenWant *want)
{
	want->live_only = true;
	old->context = CurrentMemoryContext;
	old->settings = *settings_get();
	settings_keep(&old->settings);
	old->groups = issue_policy_groups(hub, &old->settings, NULL, 0, true);
	hub_each_token(hub, want, true, max_age_collect, old);
}

/*
 * Nothing that the hub's role put on its table, such as a BEFORE trigger or a
 * rule, may turn this into something that is only written down.
 */
static void
max_age_check(const HubSchema *hub, const int *ids, const Timestamp *caps, int n)
{
	int			id = hub_token_beyond(hub, ids, caps, n);

	if (id != 0)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("token %d could not be given an earlier expiry", id),
				 errhint("Look for a trigger or rule of your own on table \"%s.api_tokens\".",
						 hub->name)));
}

static void
max_age_apply(OldTokens *old, const HubSchema *hub)
{
	int		   *ids = palloc(sizeof(int) * old->n);
	Timestamp  *caps = palloc(sizeof(Timestamp) * old->n);
	int		   *capped;
	int			ncapped;
	int			next = 0;

	for (int i = 0; i < old->n; i++)
	{
		ids[i] = old->items[i].token.id;
		caps[i] = old->items[i].cap;
	}
	hub_cap_tokens(hub, ids, caps, old->n, &capped, &ncapped);
	max_age_check(hub, ids, caps, old->n);
	/* both in order of id */
	for (int i = 0; i < old->n && next < ncapped; i++)
	{
		old->items[i].done = ids[i] == capped[next];
		if (old->items[i].done)
			next++;
	}
}

static HubData *
max_age_owners(const OldTokens *old, const HubSchema *hub)
{
	HubWant		want = {0};
	int		   *users = palloc(sizeof(int) * Max(old->n, 1));
	int		   *services = palloc(sizeof(int) * Max(old->n, 1));

	for (int i = 0; i < old->n; i++)
	{
		if (old->items[i].token.user_id)
			users[want.nusers++] = old->items[i].token.user_id;
		if (old->items[i].token.service_id)
			services[want.nservices++] = old->items[i].token.service_id;
	}
	want.users = users;
	want.services = services;
	return hub_load(hub, &want, true);
}

/* The token as an event, which is that of having done it. */
static void
max_age_event(TokenEvent *event, const HubData *data, const OldToken *item)
{
	HubUser    *user = item->token.user_id ? hub_user(data, item->token.user_id) : NULL;
	HubService *service = item->token.service_id ? hub_service(data, item->token.service_id) : NULL;

	memset(event, 0, sizeof(*event));
	event->token_id = item->token.id;
	event->prefix = item->token.prefix;
	event->owner_kind = user ? "user" : service ? "service" : NULL;
	event->owner_name = user ? user->name : service ? service->name : NULL;
	event->client_id = item->token.client_id;
	event->action = "narrowed";
	event->reason = issue_max_age_reason(&item->token, item->cap);
}

/* ---- tokens that went and are there again ---- */

/* In order of id, each once; how many. */
static int
max_age_sort(IssueStood *stood, int n)
{
	int			kept = 0;

	qsort(stood, n, sizeof(IssueStood), max_age_cmp);
	for (int i = 0; i < n; i++)
	{
		if (kept == 0 || stood[kept - 1].token_id != stood[i].token_id)
			stood[kept++] = stood[i];
		else
			stood[kept - 1].expires_at = Min(stood[kept - 1].expires_at, stood[i].expires_at);
	}
	return kept;
}

void
issue_cap_returned(const HubSchema *hub, const Actor *actor, IssueStood *stood,
				   int n, bool enforce)
{
	OldTokens	old = {0};
	HubTokenWant want = {0};
	HubData    *data;
	EventWriter *events;
	int		   *ids;

	if (!issue_has_max_age(settings_get()))
		return;
	n = max_age_sort(stood, n);
	ids = palloc(sizeof(int) * Max(n, 1));
	for (int i = 0; i < n; i++)
		ids[i] = stood[i].token_id;
	want.ids = ids;
	want.nids = n;
	old.stood = stood;
	old.nstood = n;
	max_age_find(&old, hub, &want);
	if (old.n == 0)
		return;
	if (enforce)
		max_age_apply(&old, hub);
	data = max_age_owners(&old, hub);
	events = event_writer(actor);
	for (int i = 0; i < old.n; i++)
	{
		TokenEvent	event;

		CHECK_FOR_INTERRUPTS();
		max_age_event(&event, data, &old.items[i]);
		/* one that is not known was told of when it came */
		if (!enforce && event_is_there(event.token_id, "would_narrow"))
			continue;
		if (!enforce)
			event.action = "would_narrow";
		event_write(events, &event);
	}
	event_writer_flush(events);
	hub_free(data);
}

/* ---- expire_old_tokens ---- */

static void
max_age_row(ReturnSetInfo *rsinfo, const TokenEvent *event, const OldToken *item)
{
	bool		named = event->owner_name != NULL;
	Datum		values[5] = {
		Int32GetDatum(item->token.id),
		named ? CStringGetTextDatum(event->owner_kind) : (Datum) 0,
		named ? PointerGetDatum(module_text_from_utf8(event->owner_name,
													  strlen(event->owner_name))) : (Datum) 0,
		TimestampTzGetDatum((TimestampTz) item->token.expires_at),
		TimestampTzGetDatum((TimestampTz) item->cap)
	};
	bool		nulls[5] = {false, !named, !named, !item->token.has_expires, false};

	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * expire_old_tokens(dry_run) - the live tokens that may live longer than their
 * policy's max_age, each with its expiry before and after.  Without dry_run they
 * are given the latter, with an event each, whatever the mode is: it was asked
 * for.
 */
Datum
jhub_authz_expire_old_tokens(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	bool		dry_run = PG_GETARG_BOOL(0);
	HubSchema  *hub = hub_schema(false, true);
	OldTokens	old = {0};
	HubTokenWant want = {.all = true};
	HubData    *data;
	EventWriter *events;
	Actor		actor;

	if (!dry_run)
	{
		PreventCommandIfReadOnly("expire_old_tokens()");
		/* a growth that waits for one of the rows would have it already */
		decision_lock(false, settings_get()->lock_timeout_ms);
	}
	InitMaterializedSRF(fcinfo, 0);
	max_age_find(&old, hub, &want);
	if (old.n == 0)
		return (Datum) 0;
	if (!dry_run)
		max_age_apply(&old, hub);
	data = max_age_owners(&old, hub);
	actor_current(&actor);
	events = event_writer(&actor);
	for (int i = 0; i < old.n; i++)
	{
		TokenEvent	event;

		CHECK_FOR_INTERRUPTS();
		if (!dry_run && !old.items[i].done)
			continue;
		max_age_event(&event, data, &old.items[i]);
		if (!dry_run)
			event_write(events, &event);
		max_age_row(rsinfo, &event, &old.items[i]);
	}
	event_writer_flush(events);
	hub_free(data);
	return (Datum) 0;
}
