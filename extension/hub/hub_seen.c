/*-------------------------------------------------------------------------
 *
 * hub_seen.c
 *	  Each user with what tells if somebody is gone: when last seen, the tokens, and
 *	  whether there is any grant.
 *
 * Of a user it takes a sum over the tokens, which have no index by their owners, and
 * a look into four other tables.  The sums are made here and not by the server, for
 * it would keep several lists of all users at a time.  They take few bytes a user;
 * where they do not fit into half of what a hash may take, users are gone through in
 * parts, by their ids, and the tokens once for each part.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_audit.h"
#include "hub_private.h"

#include "executor/nodeHash.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

/* Columns of _users_seen */
enum
{
	SEEN_USER_ID,
	SEEN_NAME,
	SEEN_ADMIN,
	SEEN_CREATED,
	SEEN_LAST_ACTIVITY,
	SEEN_LIVE_TOKENS,
	SEEN_LAST_TOKEN_USE,
	SEEN_LAST_TOKEN_EXPIRY,
	SEEN_HAS_GRANTS,
	SEEN_NCOLUMNS
};

/* What is summed up of one user; times are UTC. */
typedef struct HubSeenUser
{
	int			live_tokens;
	bool		has_grants;
	bool		has_use;		/* of a live token */
	bool		has_expiry;		/* of one that is not alive */
	Timestamp	use;
	Timestamp	expiry;
} HubSeenUser;

typedef struct HubSeen
{
	ReturnSetInfo *rsinfo;
	HubIds		groups;			/* that have a role or share */
	HubIds		ids;			/* of the users of this part, in order */
	HubSeenUser *users;			/* of these ids */
} HubSeen;

/* Ids are dense as a rule. */
static HubSeenUser *
seen_user(HubSeen *seen, int id)
{
	const HubIds *ids = &seen->ids;
	int64		at = ids->n > 0 ? (int64) id - ids->ids[0] : -1;

	if (at < 0 || at >= ids->n || ids->ids[at] != id)
		at = hub_ids_part(ids, id);
	return ids->n > 0 && ids->ids[at] == id ? &seen->users[at] : NULL;
}

static void
seen_last(Timestamp time, bool isnull, Timestamp *last, bool *has)
{
	if (isnull || (*has && *last >= time))
		return;
	*last = time;
	*has = true;
}

/* user_id, last_activity, expires_at, whether it is alive */
static void
seen_token_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubSeenUser *user = seen_user(arg, spi_int(row, desc, 1, 0));
	Timestamp	time;
	bool		isnull;

	if (user == NULL)
		return;
	if (DatumGetBool(SPI_getbinval(row, desc, 4, &isnull)))
	{
		user->live_tokens++;
		time = spi_time(row, desc, 2, &isnull);
		seen_last(time, isnull, &user->use, &user->has_use);
		return;
	}
	time = spi_time(row, desc, 3, &isnull);
	seen_last(time, isnull, &user->expiry, &user->has_expiry);
}

static void
seen_grant_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubSeenUser *user = seen_user(arg, spi_int(row, desc, 1, 0));

	if (user != NULL)
		user->has_grants = true;
}

/* user_id, group_id */
static void
seen_member_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubSeen    *seen = arg;

	if (hub_ids_have(&seen->groups, spi_int(row, desc, 2, 0)))
		seen_grant_row(row, desc, seen);
}

static void
seen_group_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubSeen    *seen = arg;

	hub_ids_add(&seen->groups, spi_int(row, desc, 1, 0));
}

/* The first columns of the answer, as they are. */
static void
seen_user_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubSeen    *seen = arg;
	HubSeenUser *user = seen_user(seen, spi_int(row, desc, 1, 0));
	Datum		values[SEEN_NCOLUMNS];
	bool		nulls[SEEN_NCOLUMNS] = {false};

	if (user == NULL)
		return;
	for (int i = 0; i < SEEN_LIVE_TOKENS; i++)
		values[i] = hub_passed_on(row, desc, i + 1, seen->rsinfo->setDesc, i + 1, &nulls[i]);
	values[SEEN_LIVE_TOKENS] = Int64GetDatum(user->live_tokens);
	/* both count microseconds from the same moment in UTC */
	values[SEEN_LAST_TOKEN_USE] = TimestampTzGetDatum((TimestampTz) user->use);
	nulls[SEEN_LAST_TOKEN_USE] = !user->has_use;
	values[SEEN_LAST_TOKEN_EXPIRY] = TimestampTzGetDatum((TimestampTz) user->expiry);
	nulls[SEEN_LAST_TOKEN_EXPIRY] = !user->has_expiry;
	values[SEEN_HAS_GRANTS] = BoolGetDatum(user->has_grants);
	tuplestore_putvalues(seen->rsinfo->setResult, seen->rsinfo->setDesc, values, nulls);
}

/* A query with $1 and $2, the first and the last id of the part. */
static void
seen_each(HubSeen *seen, const char *sql, spi_row_fn each)
{
	static const Oid types[2] = {INT4OID, INT4OID};
	Datum		values[2] = {Int32GetDatum(seen->ids.ids[0]), Int32GetDatum(seen->ids.ids[seen->ids.n - 1])};

	spi_each(sql, 2, types, values, NULL, false, each, seen);
}

static void
seen_groups(HubSeen *seen, const HubSchema *hub)
{
	const char *schema = hub->quoted;
	SpiFrame	frame;

	hub_ids_begin(&seen->groups);
	spi_enter(&frame, hub->owner);
	spi_each(psprintf("SELECT DISTINCT group_id FROM %s.group_role_map WHERE group_id IS NOT NULL%s", schema,
					  !OidIsValid(hub->rel[HUB_SHARES]) ? "" :
					  psprintf(" UNION SELECT DISTINCT group_id FROM %s.shares WHERE group_id IS NOT NULL", schema)),
			 0, NULL, NULL, NULL, false, seen_group_row, seen);
	spi_leave(&frame);
	hub_ids_unique(&seen->groups);
}

/* Rows of the users whose ids are in the part. */
static void
seen_part(HubSeen *seen, const HubSchema *hub)
{
	const char *schema = hub->quoted;
	bool		shares = OidIsValid(hub->rel[HUB_SHARES]);
	SpiFrame	frame;

	if (seen->ids.n == 0)
		return;
	seen->users = MemoryContextAllocExtended(CurrentMemoryContext, sizeof(HubSeenUser) * (Size) seen->ids.n,
											 MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
	spi_enter(&frame, hub->owner);
	seen_each(seen, psprintf("SELECT user_id, last_activity, expires_at,"
							 " expires_at IS NULL OR expires_at >= now() AT TIME ZONE 'UTC'"
							 " FROM %s.api_tokens WHERE user_id BETWEEN $1 AND $2", schema),
			  seen_token_row);
	seen_each(seen, psprintf("SELECT user_id FROM %s.user_role_map WHERE user_id BETWEEN $1 AND $2", schema),
			  seen_grant_row);
	if (seen->groups.n > 0)
		seen_each(seen, psprintf("SELECT user_id, group_id FROM %s.user_group_map WHERE user_id BETWEEN $1 AND $2", schema),
				  seen_member_row);
	if (shares)
		seen_each(seen, psprintf("SELECT user_id FROM %s.shares WHERE user_id BETWEEN $1 AND $2", schema),
				  seen_grant_row);
	seen_each(seen, psprintf("SELECT id::int, name::text, coalesce(admin, false), created AT TIME ZONE 'UTC',"
							 " last_activity AT TIME ZONE 'UTC' FROM %s.users WHERE id BETWEEN $1 AND $2", schema),
			  seen_user_row);
	spi_leave(&frame);
	pfree(seen->users);
}

static void
seen_id(int id, const char *name, void *arg)
{
	hub_ids_add(arg, id);
}

/*
 * _users_seen() - when each user was made and last seen, as the hub wrote it, the
 * live tokens, when the last of those that are expired and still there expired, and
 * whether any role or share is there, of the user's or of a group.  If the query asks
 * for one name, what is looked at is that user's, by key where there is one.
 */
PG_FUNCTION_INFO_V1(jhub_authz__users_seen);
Datum
jhub_authz__users_seen(PG_FUNCTION_ARGS)
{
	const HubSchema *hub = hub_schema(false, false);
	HubSeen		seen = {.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo};
	Size		most = get_hash_memory_limit() / 2 / (sizeof(int) + sizeof(HubSeenUser));
	int			from = PG_INT32_MIN;
	Datum		name;

	InitMaterializedSRF(fcinfo, 0);
	most = Min(most, PG_INT32_MAX);
	hub_ids_begin(&seen.ids);
	seen_groups(&seen, hub);
	if (module_asked(fcinfo, SEEN_NAME + 1, TEXTOID, &name))
	{
		hub_one_key(hub, HUB_USERS, 0, DatumGetTextPP(name), seen_id, &seen.ids);
		hub_ids_unique(&seen.ids);
		seen_part(&seen, hub);
		return (Datum) 0;
	}
	do
	{
		CHECK_FOR_INTERRUPTS();
		seen.ids.n = 0;
		hub_add_ids_from(hub, HUB_USERS, from, (int) most, &seen.ids);
		seen_part(&seen, hub);
		from = seen.ids.n > 0 ? seen.ids.ids[seen.ids.n - 1] : PG_INT32_MAX;
	} while (seen.ids.n == (int) most && from++ < PG_INT32_MAX);
	return (Datum) 0;
}
