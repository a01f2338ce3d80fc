/*-------------------------------------------------------------------------
 *
 * hub_kept.c
 *	  Who is in which group, kept from call to call of one function in one query.
 *
 * A query that compares sets row by row asks for the same users and groups over
 * and over, and what it asks is read with one and the same snapshot.  So from the
 * second call on, what has been read is kept with the place of the call, which
 * lives as long as the query does.
 *
 * It answers only what a query would answer again: under a snapshot of the same
 * contents, in the same statement, and when meanwhile no (sub)transaction has
 * ended and no relation has changed or been truncated.  Otherwise all of it is
 * thrown away.  One call alone goes by hub_membership_for, which reads no more
 * than it needs.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_private.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

#include "../module/init.h"

/* With more names than that, begin anew. */
#define KEPT_MAX_NAMES	20000

/* Raised whenever what has been read may no longer be so; never 0. */
static uint64 kept_generation = 1;

/* What a name stands for: the groups of a user, or the group (or what bears its name). */
typedef struct KeptIds
{
	int			n;
	int			size;
	int		   *ids;
} KeptIds;

/* Under which circumstances something was read.  There is no gap before xip. */
typedef struct KeptKey
{
	uint64		generation;
	TimestampTz statement;
	CommandId	command;
	TransactionId xmin;
	TransactionId xmax;
	uint32		nxip;
	uint32		nsubxip;
	uint32		flags;
	Oid			owner;
	Oid			users;
	Oid			groups;
	Oid			map;
	TransactionId *xip;			/* nxip, then nsubxip */
} KeptKey;

struct HubKept
{
	ScopeMembership membership;
	MemoryContext context;		/* of all but this struct */
	KeptKey		key;
	HubNames   *users;			/* KeptIds: groups; NULL before the second call */
	HubNames   *groups;			/* KeptIds: the group's own id */
};

/* ---- is it still so? ---- */

static void
kept_relcache(Oid relid)
{
	kept_generation++;
}

static void
kept_xact(XactEvent event, void *arg)
{
	kept_generation++;
}

static void
kept_subxact(SubXactEvent event, SubTransactionId mine, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
		kept_generation++;
}

void
hub_kept_init(void)
{
	module_on_relcache(kept_relcache);
	RegisterXactCallback(kept_xact, NULL);
	RegisterSubXactCallback(kept_subxact, NULL);
}

/* False: what is read now cannot be told apart from what is read later. */
static bool
kept_key_now(const HubSchema *hub, KeptKey *key)
{
	Snapshot	snapshot;

	if (!ActiveSnapshotSet())
		return false;
	snapshot = GetActiveSnapshot();
	if (snapshot->snapshot_type != SNAPSHOT_MVCC)
		return false;
	memset(key, 0, sizeof(*key));
	key->generation = kept_generation;
	key->statement = GetCurrentStatementStartTimestamp();
	key->command = snapshot->curcid;
	key->xmin = snapshot->xmin;
	key->xmax = snapshot->xmax;
	key->nxip = snapshot->xcnt;
	/* too many of them: then they are not there, and not what decides */
	key->nsubxip = snapshot->subxip ? snapshot->subxcnt : 0;
	key->flags = snapshot->suboverflowed | snapshot->takenDuringRecovery << 1;
	key->owner = hub->owner;
	key->users = hub->rel[HUB_USERS];
	key->groups = hub->rel[HUB_GROUPS];
	key->map = hub->rel[HUB_USER_GROUP_MAP];
	return true;
}

static bool
kept_same_xids(const TransactionId *a, const TransactionId *b, uint32 n)
{
	return n == 0 || memcmp(a, b, sizeof(TransactionId) * n) == 0;
}

static bool
kept_same_key(const KeptKey *kept, const KeptKey *now)
{
	Snapshot	snapshot = GetActiveSnapshot();

	return memcmp(kept, now, offsetof(KeptKey, xip)) == 0 &&
		kept_same_xids(kept->xip, snapshot->xip, now->nxip) &&
		kept_same_xids(kept->xip + now->nxip, snapshot->subxip, now->nsubxip);
}

/* Throw away what is kept, and begin anew under the circumstances of now. */
static void
kept_begin(HubKept *kept, const KeptKey *now)
{
	Snapshot	snapshot = GetActiveSnapshot();

	MemoryContextReset(kept->context);
	kept->users = kept->groups = NULL;
	memcpy(&kept->key, now, sizeof(KeptKey));
	kept->key.xip = MemoryContextAlloc(kept->context,
									   sizeof(TransactionId) * (now->nxip + now->nsubxip + 1));
	if (now->nxip > 0)
		memcpy(kept->key.xip, snapshot->xip, sizeof(TransactionId) * now->nxip);
	if (now->nsubxip > 0)
		memcpy(kept->key.xip + now->nxip, snapshot->subxip,
			   sizeof(TransactionId) * now->nsubxip);
}

/* ---- reading ---- */

static void
kept_add_id(HubKept *kept, HubNames *names, const char *name, int id)
{
	/* a name that is not among those asked for is as good as none */
	KeptIds    *ids = name ? hub_names_get(names, name, strlen(name)) : NULL;

	if (ids == NULL)
		return;
	if (ids->n == ids->size)
	{
		ids->size = Max(2 * ids->size, 4);
		ids->ids = ids->ids ? repalloc(ids->ids, sizeof(int) * ids->size) :
			MemoryContextAlloc(kept->context, sizeof(int) * ids->size);
	}
	ids->ids[ids->n++] = id;
}

/* Run a query for (name, id) by names, for those that are not known yet. */
static void
kept_read(HubKept *kept, const HubSchema *hub, HubNames *names, const char *sql,
		  const HubNameArray *unknown)
{
	static const Oid types[1] = {TEXTARRAYOID};
	Datum		values[1];
	SpiFrame	frame;
	uint64		n;

	if (unknown->n == 0)
		return;
	spi_enter(&frame, hub->owner);
	values[0] = spi_text_array(unknown->names, unknown->n);
	n = spi_run(sql, 1, types, values, NULL, true, false, 0);
	for (uint64 i = 0; i < n; i++)
		kept_add_id(kept, names, hub_utf8(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1),
					spi_int(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, 0));
	spi_leave(&frame);
}

/* Which of these are not known yet?  From now on they are: first as nobody. */
static void
kept_unknown(HubKept *kept, HubNames *names, HubNameArray *array)
{
	int			n = 0;

	for (int i = 0; i < array->n; i++)
	{
		int			len = strlen(array->names[i]);
		char	   *key;

		if (hub_names_get(names, array->names[i], len) != NULL)
			continue;
		key = MemoryContextStrdup(kept->context, array->names[i]);
		*hub_names_put(names, key, len) = MemoryContextAllocZero(kept->context, sizeof(KeptIds));
		array->names[n++] = array->names[i];
	}
	array->n = n;
}

static void
kept_learn(HubKept *kept, const HubSchema *hub, const Scopeset *a, const Scopeset *b)
{
	HubNameArray users = {0};
	HubNameArray groups = {0};

	hub_collect_names(a, &users, &groups);
	hub_collect_names(b, &users, &groups);
	kept_unknown(kept, kept->users, &users);
	kept_unknown(kept, kept->groups, &groups);
	if (users.n == 0 && groups.n == 0)
		return;
	/* if this fails, the names would be known as nobody's */
	kept->key.generation = 0;
	kept_read(kept, hub, kept->groups,
			  psprintf("SELECT g.name, g.id FROM %s.groups g WHERE g.name = ANY ($1)", hub->quoted),
			  &groups);
	kept_read(kept, hub, kept->users,
			  psprintf("SELECT u.name, m.group_id FROM %s.users u JOIN %s.user_group_map m"
					   " ON m.user_id = u.id WHERE u.name = ANY ($1)", hub->quoted, hub->quoted),
			  &users);
}

/* ---- answering ---- */

static const void *
kept_user(ScopeMembership *membership, const char *name, int len)
{
	const KeptIds *ids = hub_names_get(((HubKept *) membership->state)->users, name, len);

	return ids != NULL && ids->n > 0 ? ids : NULL;
}

static const void *
kept_group(ScopeMembership *membership, const char *name, int len)
{
	const KeptIds *ids = hub_names_get(((HubKept *) membership->state)->groups, name, len);

	return ids != NULL && ids->n > 0 ? ids : NULL;
}

static bool
kept_is_in(const void *user, const void *group)
{
	const KeptIds *groups = user;
	const KeptIds *own = group;

	for (int i = 0; i < own->n; i++)
		for (int j = 0; j < groups->n; j++)
			if (groups->ids[j] == own->ids[i])
				return true;
	return false;
}

static bool
kept_is_member(ScopeMembership *membership, const char *user, int user_len,
			   const char *group, int group_len)
{
	const void *groups = kept_user(membership, user, user_len);
	const void *own = kept_group(membership, group, group_len);

	return groups != NULL && own != NULL && kept_is_in(groups, own);
}

/* What a call site has, made at its first call. */
static HubKept *
kept_of(FmgrInfo *site)
{
	HubKept    *kept = site->fn_extra;

	if (kept != NULL)
		return kept;
	kept = MemoryContextAllocZero(site->fn_mcxt, sizeof(HubKept));
	kept->context = AllocSetContextCreate(site->fn_mcxt, "jhub_authz kept groups",
										  ALLOCSET_SMALL_SIZES);
	kept->membership.is_member = kept_is_member;
	kept->membership.user = kept_user;
	kept->membership.group = kept_group;
	kept->membership.is_in = kept_is_in;
	kept->membership.state = kept;
	site->fn_extra = kept;
	return kept;
}

/*
 * hub_membership_kept -
 *
 * As hub_membership_for, with the query's snapshot, for a function whose call site
 * keeps nothing else.
 */
ScopeMembership *
hub_membership_kept(const HubSchema *hub, const Scopeset *a, const Scopeset *b, FmgrInfo *site)
{
	KeptKey		now;
	HubKept    *kept;
	uint64		generation;

	if (!scopeset_needs_groups(a, b))
		return NULL;
	if (site == NULL || !kept_key_now(hub, &now))
		return hub_membership_for(hub, a, b, false);
	kept = kept_of(site);
	if (!kept_same_key(&kept->key, &now))
	{
		kept_begin(kept, &now);
		return hub_membership_for(hub, a, b, false);
	}
	if (kept->users == NULL || hub_names_count(kept->users) > KEPT_MAX_NAMES ||
		hub_names_count(kept->groups) > KEPT_MAX_NAMES)
	{
		kept_begin(kept, &now);
		kept->users = hub_names_new(kept->context);
		kept->groups = hub_names_new(kept->context);
	}
	generation = now.generation;
	kept_learn(kept, hub, a, b);
	kept->key.generation = generation;
	return &kept->membership;
}
