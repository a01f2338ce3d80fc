/*-------------------------------------------------------------------------
 *
 * hub_audit.c
 *	  The keys of the audit views, and where a grant could come from.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_audit.h"
#include "hub_list.h"
#include "hub_private.h"

#include "utils/memutils.h"

/* so many ids may be compared with each row */
#define HUB_FEW_IDS		16

/* ---- keys ---- */

typedef struct HubKeyLoop
{
	hub_key_fn	each;
	void	   *arg;
} HubKeyLoop;

static void
hub_key_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubKeyLoop *loop = arg;
	const char *name = hub_utf8(row, desc, 2);

	loop->each(spi_int(row, desc, 1, 0), name != NULL ? name : "", loop->arg);
}

void
hub_each_key(const HubSchema *hub, HubTable table, hub_key_fn each, void *arg)
{
	HubKeyLoop	loop = {.each = each,.arg = arg};
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	spi_each(psprintf("SELECT id, name FROM %s.%s ORDER BY id", hub->quoted, hub_table_name(table)),
			 0, NULL, NULL, NULL, false, hub_key_row, &loop);
	spi_leave(&frame);
}

static void
hub_one_key_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubKeyLoop *loop = arg;

	loop->each(spi_int(row, desc, 1, 0), desc->natts > 1 ? hub_utf8(row, desc, 2) : NULL, loop->arg);
}

void
hub_one_key(const HubSchema *hub, HubTable table, int id, const text *name,
			hub_key_fn each, void *arg)
{
	HubKeyLoop	loop = {.each = each,.arg = arg};
	Oid			type = name != NULL ? TEXTOID : INT4OID;
	Datum		value = name != NULL ? PointerGetDatum(name) : Int32GetDatum(id);
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	spi_each(psprintf("SELECT id%s FROM %s.%s WHERE %s = $1",
					  table != HUB_API_TOKENS ? ", name" : "", hub->quoted,
					  hub_table_name(table), name != NULL ? "name" : "id"),
			 1, &type, &value, NULL, false, hub_one_key_row, &loop);
	spi_leave(&frame);
}

int64
hub_count_live_tokens(const HubSchema *hub)
{
	SpiFrame	frame;
	bool		isnull;
	int64		n;

	spi_enter(&frame, hub->owner);
	spi_run(psprintf("SELECT count(*) FROM %s.api_tokens WHERE expires_at IS NULL"
					 " OR expires_at >= (current_timestamp AT TIME ZONE 'UTC')", hub->quoted),
			0, NULL, NULL, NULL, true, false, 1);
	n = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	spi_leave(&frame);
	return n;
}

/* ---- roles and shares ---- */

typedef struct HubRoleLoop
{
	hub_role_fn each;
	void	   *arg;
} HubRoleLoop;

static void
hub_audit_role_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubRoleLoop *loop = arg;
	HubRole		role = {0};

	role.id = spi_int(row, desc, 1, 0);
	role.name = hub_utf8(row, desc, 2);
	if (role.name == NULL)
		role.name = "";
	role.raw = hub_parse_scopes(hub_text(row, desc, 3), &role.defect);
	loop->each(&role, loop->arg);
}

void
hub_each_role(const HubSchema *hub, hub_role_fn each, void *arg)
{
	HubRoleLoop loop = {.each = each,.arg = arg};
	Oid			types[1];
	Datum		values[1];
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	hub_plan_whole(hub);
	spi_each(psprintf("SELECT id, name, scopes FROM %s", hub_from(hub, HUB_ROLES, "r", 0)),
			 hub_from_args(hub, 0, types, values), types, values, NULL, false,
			 hub_audit_role_row, &loop);
	spi_leave(&frame);
}

typedef struct HubShareLoop
{
	hub_share_fn each;
	void	   *arg;
	HubParseCache *cache;
} HubShareLoop;

static void
hub_audit_share_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubShareLoop *loop = arg;
	const HubParsed *parsed = hub_parse_cached(loop->cache, hub_text(row, desc, 4));
	HubShare	share = {0};

	share.id = spi_int(row, desc, 1, 0);
	share.scopes = parsed->scopes;
	share.defect = parsed->defect;
	loop->each(&share, spi_int(row, desc, 2, 0), spi_int(row, desc, 3, 0), loop->arg);
}

void
hub_each_share(const HubSchema *hub, hub_share_fn each, void *arg)
{
	HubShareLoop loop = {.each = each,.arg = arg};
	Oid			types[1];
	Datum		values[1];
	SpiFrame	frame;

	if (!OidIsValid(hub->rel[HUB_SHARES]))
		return;
	spi_enter(&frame, hub->owner);
	hub_plan_whole(hub);
	loop.cache = hub_parse_cache(CurrentMemoryContext);
	spi_each(psprintf("SELECT id, user_id, group_id, scopes FROM %s", hub_from(hub, HUB_SHARES, "s", 0)),
			 hub_from_args(hub, 0, types, values), types, values, NULL, false,
			 hub_audit_share_row, &loop);
	spi_leave(&frame);
}

/* ---- servers ---- */

typedef struct HubServerLoop
{
	hub_server_fn each;
	void	   *arg;
} HubServerLoop;

static void
hub_server_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubServerLoop *loop = arg;
	const char *owner = hub_utf8(row, desc, 2);
	const char *server = hub_utf8(row, desc, 3);

	loop->each(spi_int(row, desc, 1, 0), owner ? owner : "", server ? server : "", loop->arg);
}

void
hub_each_server(const HubSchema *hub, hub_server_fn each, void *arg)
{
	HubServerLoop loop = {.each = each,.arg = arg};
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	spi_each(psprintf("SELECT u.id, u.name, p.name FROM %s.spawners p JOIN %s.users u ON u.id = p.user_id",
					  hub->quoted, hub->quoted), 0, NULL, NULL, NULL, false, hub_server_row, &loop);
	spi_leave(&frame);
}

/* ---- lists of ids ---- */

void
hub_ids_begin(HubIds *ids)
{
	if (ids->ids != NULL)
		return;
	ids->size = 64;
	ids->ids = palloc(sizeof(int) * ids->size);
}

void
hub_ids_add(HubIds *ids, int id)
{
	hub_ids_begin(ids);
	if (ids->n == ids->size)
	{
		ids->size *= 2;
		ids->ids = repalloc_huge(ids->ids, sizeof(int) * ids->size);
	}
	ids->ids[ids->n++] = id;
}

static int
hub_compare_ids(const void *a, const void *b)
{
	int			x = *(const int *) a;
	int			y = *(const int *) b;

	return x < y ? -1 : x > y;
}

void
hub_ids_unique(HubIds *ids)
{
	int			n = 0;

	if (ids->n == 0)
		return;
	qsort(ids->ids, ids->n, sizeof(int), hub_compare_ids);
	for (int i = 0; i < ids->n; i++)
		if (i == 0 || ids->ids[i] != ids->ids[i - 1])
			ids->ids[n++] = ids->ids[i];
	ids->n = n;
}

int
hub_ids_part(const HubIds *first, int id)
{
	int			low = 0;
	int			high = first->n;

	while (low < high)
	{
		int			mid = (low + high) / 2;

		if (first->ids[mid] <= id)
			low = mid + 1;
		else
			high = mid;
	}
	return Max(low - 1, 0);
}

bool
hub_ids_have(const HubIds *ids, int id)
{
	return ids->n > 0 && ids->ids[hub_ids_part(ids, id)] == id;
}

/* A row of an id, to be added to a list. */
void
hub_id_row(HeapTuple row, TupleDesc desc, void *arg)
{
	hub_ids_add(arg, spi_int(row, desc, 1, 0));
}

void
hub_add_ids_from(const HubSchema *hub, HubTable table, int from, int most, HubIds *ids)
{
	static const Oid types[2] = {INT4OID, INT8OID};
	Datum		values[2] = {Int32GetDatum(from), Int64GetDatum(most)};
	SpiFrame	frame;

	/* here, so that it does not lie in the frame */
	hub_ids_begin(ids);
	spi_enter(&frame, hub->owner);
	spi_each(psprintf("SELECT id FROM %s.%s WHERE id >= $1 ORDER BY id LIMIT $2",
					  hub->quoted, hub_table_name(table)),
			 2, types, values, NULL, false, hub_id_row, ids);
	spi_leave(&frame);
}

typedef struct HubEveryLoop
{
	HubIds	   *ids;
	int			step;
	int			n;
} HubEveryLoop;

static void
hub_every_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubEveryLoop *loop = arg;

	if (loop->n++ % loop->step == 0)
		hub_ids_add(loop->ids, spi_int(row, desc, 1, 0));
}

int
hub_add_every_id(const HubSchema *hub, HubTable table, int step, HubIds *ids)
{
	HubEveryLoop loop = {.ids = ids,.step = step};
	SpiFrame	frame;

	hub_ids_begin(ids);
	spi_enter(&frame, hub->owner);
	spi_each(psprintf("SELECT id FROM %s.%s ORDER BY id", hub->quoted, hub_table_name(table)),
			 0, NULL, NULL, NULL, false, hub_every_row, &loop);
	spi_leave(&frame);
	return loop.n;
}

/* Add an id column of a map, of the rows in which another is one of these. */
static void
hub_add_ids(const HubSchema *hub, HubTable map, const char *column, const char *by,
			const HubIds *of, HubIds *ids)
{
	Oid			types[2] = {INT4ARRAYOID};
	Datum		values[2];
	SpiFrame	frame;

	if (of->n == 0)
		return;
	/* here, so that it does not lie in the frame */
	hub_ids_begin(ids);
	spi_enter(&frame, hub->owner);
	hub_plan_whole(hub);
	values[0] = spi_int_array(of->ids, of->n);
	/* each row is compared with the list: a long one has to be a hash table */
	spi_each(psprintf("SELECT %s FROM %s WHERE %s %s", column, hub_from(hub, map, "m", 1), by,
					  of->n > HUB_FEW_IDS ? "IN (SELECT unnest($1))" : "= ANY ($1)"),
			 hub_from_args(hub, 1, types, values), types, values, NULL, false, hub_id_row, ids);
	spi_leave(&frame);
}

void
hub_add_holders(const HubSchema *hub, const HubIds *roles,
				HubIds *users, HubIds *groups, HubIds *services)
{
	hub_add_ids(hub, HUB_USER_ROLE_MAP, "user_id", "role_id", roles, users);
	hub_add_ids(hub, HUB_GROUP_ROLE_MAP, "group_id", "role_id", roles, groups);
	hub_add_ids(hub, HUB_SERVICE_ROLE_MAP, "service_id", "role_id", roles, services);
}

void
hub_add_members(const HubSchema *hub, const HubIds *groups, HubIds *users)
{
	hub_add_ids(hub, HUB_USER_GROUP_MAP, "user_id", "group_id", groups, users);
}

typedef struct HubMemberLoop
{
	hub_member_fn each;
	void	   *arg;
} HubMemberLoop;

static void
hub_member_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubMemberLoop *loop = arg;

	loop->each(spi_int(row, desc, 1, 0), spi_int(row, desc, 2, 0), loop->arg);
}

void
hub_each_member(const HubSchema *hub, const HubIds *groups, hub_member_fn each, void *arg)
{
	HubMemberLoop loop = {.each = each,.arg = arg};
	Oid			types[2] = {INT4ARRAYOID};
	Datum		values[2];
	SpiFrame	frame;

	if (groups->n == 0)
		return;
	spi_enter(&frame, hub->owner);
	hub_plan_whole(hub);
	values[0] = spi_int_array(groups->ids, groups->n);
	spi_each(psprintf("SELECT user_id, group_id FROM %s WHERE group_id %s",
					  hub_from(hub, HUB_USER_GROUP_MAP, "m", 1),
					  groups->n > HUB_FEW_IDS ? "IN (SELECT unnest($1))" : "= ANY ($1)"),
			 hub_from_args(hub, 1, types, values), types, values, NULL, false, hub_member_row, &loop);
	spi_leave(&frame);
}

typedef struct HubNumberLoop
{
	hub_number_fn each;
	void	   *arg;
} HubNumberLoop;

static void
hub_number_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubNumberLoop *loop = arg;
	bool		isnull;

	loop->each(spi_int(row, desc, 1, 0), DatumGetInt64(SPI_getbinval(row, desc, 2, &isnull)), loop->arg);
}

void
hub_each_number_of_users(const HubSchema *hub, HubTable map, hub_number_fn each, void *arg)
{
	HubNumberLoop loop = {.each = each,.arg = arg};
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	spi_each(psprintf("SELECT %s, count(*) FROM %s.%s GROUP BY 1",
					  map == HUB_USER_GROUP_MAP ? "group_id" : "role_id", hub->quoted, hub_table_name(map)),
			 0, NULL, NULL, NULL, false, hub_number_row, &loop);
	spi_leave(&frame);
}

void
hub_add_held_roles(const HubSchema *hub, HubIds *roles)
{
	Oid			types[1];
	Datum		values[1];
	SpiFrame	frame;

	/* here, so that it does not lie in the frame */
	hub_ids_begin(roles);
	spi_enter(&frame, hub->owner);
	spi_each(psprintf("SELECT role_id FROM %s UNION SELECT role_id FROM %s",
					  hub_from(hub, HUB_USER_ROLE_MAP, "m", 0), hub_from(hub, HUB_GROUP_ROLE_MAP, "m", 0)),
			 hub_from_args(hub, 0, types, values), types, values, NULL, false, hub_id_row, roles);
	spi_leave(&frame);
}

void
hub_add_users_named(const HubSchema *hub, char *const *names, int n, HubIds *users)
{
	Oid			types[2] = {TEXTARRAYOID};
	Datum		values[2] = {spi_text_array(names, n)};
	SpiFrame	frame;
	uint64		found;

	/* here, so that it does not lie in the frame */
	hub_ids_begin(users);
	spi_enter(&frame, hub->owner);
	found = spi_run(psprintf("SELECT id FROM %s WHERE name = ANY ($1)", hub_from(hub, HUB_USERS, "u", 1)),
					hub_from_args(hub, 1, types, values), types, values, NULL, true, false, 0);
	for (uint64 i = 0; i < found; i++)
		hub_id_row(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, users);
	spi_leave(&frame);
}
