/*-------------------------------------------------------------------------
 *
 * audit_parts.c
 *	  In which parts the owners of tokens are read, so that each fits into work_mem.
 *
 * As the server's hash join does with what does not fit: users are divided by their
 * ids, and tokens come part by part (hub_token_order).  Within a part they come in
 * order of their ids, in which they lie on disk, with what is looked up for them.
 *
 * How many users fit is found out by reading some of them, from all over the hub,
 * with all that is kept of them.  Both ends have to know it, the list of tokens and
 * what is asked for one after the other: so it is remembered by the session, as long
 * as there are as many users.
 *
 *-------------------------------------------------------------------------
 */
#include "audit_tokens.h"

#include "miscadmin.h"
#include "utils/memutils.h"

/* parts are so many users, or a multiple of it */
#define PARTS_UNIT		64

/* so many users are looked at, in so many places */
#define PARTS_LOOK		512
#define PARTS_PLACES	16

/* there may be more to keep of other users, and some of each block is not used */
#define PARTS_MARGIN	1.25

static struct
{
	Oid			hub;
	int			memory;
	int			flags;
	int			users;
	int			most;			/* so many fit; 0: nothing is known */
} parts_known;

/* ---- how many fit ---- */

/* What is in use of a context and those below it. */
static Size
parts_used(MemoryContext context)
{
	MemoryContextCounters counters = {0};
	Size		used;

	context->methods->stats(context, NULL, NULL, &counters, false);
	used = counters.totalspace - counters.freespace;
	for (MemoryContext child = context->firstchild; child != NULL; child = child->nextchild)
		used += parts_used(child);
	return used;
}

/*
 * What is kept of these users, once they have been asked for, and of these groups;
 * to them come the groups that the users are in.
 */
static Size
parts_size_of(const HubSchema *hub, int flags, const HubIds *ids, HubIds *group_ids)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz audit look",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	HubWant		want = {.users = ids->ids,.nusers = ids->n,.groups = group_ids->ids,.ngroups = group_ids->n};
	HubData    *data = hub_load(hub, &want, false);
	EffectiveWay *way = effective_way(data, flags);
	HubUser   **users;
	HubGroup  **groups;
	int			n;
	Size		size;

	audit_owners_clients(data);
	users = hub_users(data, &n);
	for (int i = 0; i < n; i++)
		(void) effective_user(way, users[i], NULL);
	(void) hub_membership(data);
	size = parts_used(hub_data_context(data));
	MemoryContextSwitchTo(caller);
	groups = hub_groups(data, &n);
	group_ids->n = 0;
	for (int i = 0; i < n; i++)
		hub_ids_add(group_ids, groups[i]->id);
	MemoryContextDelete(context);
	return size;
}

/*
 * By what half as many take in the same groups it is told what one user takes, and
 * what the groups do, of which a part may have all.
 */
static int
parts_most(const HubSchema *hub, int flags, const HubIds *every)
{
	Size		room = audit_owners_room();
	int			look = Max((int) Min(room / 1024, PARTS_LOOK), 2 * PARTS_PLACES);
	int			places = Min(PARTS_PLACES, every->n);
	HubIds		all = {0};
	HubIds		half = {0};
	HubIds		groups = {0};
	double		each;
	double		shared;
	Size		size;

	for (int i = 0; i < places; i++)
	{
		int			from = every->ids[(int64) i * every->n / places];

		hub_add_ids_from(hub, HUB_USERS, from, look / places, &all);
		if (i % 2 == 0)
			hub_add_ids_from(hub, HUB_USERS, from, look / places, &half);
	}
	hub_ids_unique(&all);
	hub_ids_unique(&half);
	if (all.n <= half.n)
		return PARTS_UNIT;
	size = parts_size_of(hub, flags, &all, &groups);
	each = ((double) size - parts_size_of(hub, flags, &half, &groups)) / (all.n - half.n);
	each = Max(each * PARTS_MARGIN, 64);
	shared = Max(size - each * all.n, 0);
	if (groups.n > 0)
		shared *= (double) Max(hub_add_every_id(hub, HUB_GROUPS, PG_INT32_MAX, &half), groups.n) / groups.n;
	return (int) Max(Min((room - Min(shared, room / 2)) / each, INT_MAX / 2), 1);
}

/* ---- the parts ---- */

AuditParts *
audit_owner_parts(const HubSchema *hub, int flags)
{
	AuditParts *parts = palloc0(sizeof(AuditParts));
	HubIds		every = {0};
	int			users = hub_add_every_id(hub, HUB_USERS, PARTS_UNIT, &every);
	int			units;

	if (parts_known.most == 0 || parts_known.hub != hub->oid || parts_known.memory != work_mem ||
		parts_known.flags != flags || parts_known.users != users)
	{
		parts_known.most = every.n > 1 ? parts_most(hub, flags, &every) : PARTS_UNIT;
		parts_known.hub = hub->oid;
		parts_known.memory = work_mem;
		parts_known.flags = flags;
		parts_known.users = users;
	}
	units = Max(parts_known.most / PARTS_UNIT, 1);
	parts->most = units * PARTS_UNIT;
	hub_ids_begin(&parts->first);
	hub_ids_add(&parts->first, PG_INT32_MIN);
	for (int i = units; i < every.n; i += units)
		hub_ids_add(&parts->first, every.ids[i]);
	return parts;
}

int
audit_owner_part(const AuditParts *parts, int user_id)
{
	return hub_ids_part(&parts->first, user_id);
}

void
audit_parts_too_large(void)
{
	parts_known.most = Max(parts_known.most / 2, PARTS_UNIT);
}
