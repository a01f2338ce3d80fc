/*-------------------------------------------------------------------------
 *
 * hub_concern.c
 *	  Which columns of the hub's tables matter to permissions, and who is
 *	  concerned when one changes.
 *
 * The triggers on the hub's tables have no column list, because that would be a
 * dependency in the way of the hub's migrations.  They find the columns here, by
 * name, once for each relcache entry.
 *
 * What follows from a change is not decided here: see the growth room.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_concern.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "../module/init.h"
#include "hub_private.h"

#define HUB_COLUMNS_CACHED	32

/* Name of each column of concern; the second where a table calls it so. */
static const char *const hub_column_names[HUB_NCOLUMNS] = {
	[HUB_COL_ID] = "id",
	[HUB_COL_NAME] = "name",
	[HUB_COL_SCOPES] = "scopes",
	[HUB_COL_USER_ID] = "user_id",
	[HUB_COL_GROUP_ID] = "group_id",
	[HUB_COL_SERVICE_ID] = "service_id",
	[HUB_COL_ROLE_ID] = "role_id",
	[HUB_COL_CLIENT_ID] = "oauth_client_id",
	[HUB_COL_SPAWNER_ID] = "spawner_id",
	[HUB_COL_EXPIRES_AT] = "expires_at",
	[HUB_COL_CREATED] = "created",
	[HUB_COL_NOTE] = "note",
	[HUB_COL_PREFIX] = "prefix",
	[HUB_COL_VERSION_NUM] = "version_num",
	[HUB_COL_TOKEN_ID] = "api_token_id",
};

#define C(column)	(1 << (column))

/* A change of these is a change of what somebody may do. */
static const int hub_concern[HUB_NTABLES] = {
	[HUB_USERS] = C(HUB_COL_ID) | C(HUB_COL_NAME),
	[HUB_GROUPS] = C(HUB_COL_ID) | C(HUB_COL_NAME),
	[HUB_SERVICES] = C(HUB_COL_ID) | C(HUB_COL_NAME) | C(HUB_COL_CLIENT_ID),
	[HUB_ROLES] = C(HUB_COL_ID) | C(HUB_COL_NAME) | C(HUB_COL_SCOPES),
	[HUB_USER_ROLE_MAP] = C(HUB_COL_USER_ID) | C(HUB_COL_ROLE_ID),
	[HUB_GROUP_ROLE_MAP] = C(HUB_COL_GROUP_ID) | C(HUB_COL_ROLE_ID),
	[HUB_SERVICE_ROLE_MAP] = C(HUB_COL_SERVICE_ID) | C(HUB_COL_ROLE_ID),
	[HUB_USER_GROUP_MAP] = C(HUB_COL_USER_ID) | C(HUB_COL_GROUP_ID),
	[HUB_SPAWNERS] = C(HUB_COL_ID) | C(HUB_COL_USER_ID) | C(HUB_COL_NAME) | C(HUB_COL_CLIENT_ID),
	[HUB_API_TOKENS] = C(HUB_COL_ID) | C(HUB_COL_USER_ID) | C(HUB_COL_SERVICE_ID) |
		C(HUB_COL_CLIENT_ID) | C(HUB_COL_SCOPES) | C(HUB_COL_EXPIRES_AT) | C(HUB_COL_CREATED),
	[HUB_SHARES] = C(HUB_COL_USER_ID) | C(HUB_COL_GROUP_ID) | C(HUB_COL_SPAWNER_ID) | C(HUB_COL_SCOPES),
	[HUB_ALEMBIC_VERSION] = C(HUB_COL_VERSION_NUM),
};

typedef struct HubColumnsEntry
{
	Oid			relid;			/* InvalidOid: free */
	AttrNumber	attnums[HUB_NCOLUMNS];
} HubColumnsEntry;

static HubColumnsEntry hub_columns_cache[HUB_COLUMNS_CACHED];

static void
hub_columns_relcache(Oid relid)
{
	for (int i = 0; i < HUB_COLUMNS_CACHED; i++)
		if (relid == InvalidOid || hub_columns_cache[i].relid == relid)
			hub_columns_cache[i].relid = InvalidOid;
}

void
hub_concern_init(void)
{
	module_on_relcache(hub_columns_relcache);
}

const AttrNumber *
hub_columns(Relation rel, HubTable table)
{
	Oid			relid = RelationGetRelid(rel);
	TupleDesc	desc = RelationGetDescr(rel);
	HubColumnsEntry *entry = &hub_columns_cache[relid % HUB_COLUMNS_CACHED];

	if (entry->relid == relid)
		return entry->attnums;

	memset(entry->attnums, 0, sizeof(entry->attnums));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		if (att->attisdropped)
			continue;
		for (int c = 0; c < HUB_NCOLUMNS; c++)
			if (strcmp(NameStr(att->attname), hub_column_names[c]) == 0)
				entry->attnums[c] = att->attnum;
		if (table == HUB_API_TOKENS && strcmp(NameStr(att->attname), "client_id") == 0)
			entry->attnums[HUB_COL_CLIENT_ID] = att->attnum;
	}
	entry->relid = relid;
	return entry->attnums;
}

AttrNumber
hub_column(Relation rel, HubTable table, HubColumn column)
{
	AttrNumber	attnum = hub_columns(rel, table)[column];

	if (attnum == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("table \"%s\" has no column \"%s\"",
						RelationGetRelationName(rel), hub_column_names[column])));
	return attnum;
}

HubTable
hub_table_of_relation(Relation rel, const char *hub_schema)
{
	const char *name = RelationGetRelationName(rel);
	char	   *schema;

	for (int t = 0; t < HUB_NTABLES; t++)
	{
		if (strcmp(name, hub_table_name((HubTable) t)) != 0)
			continue;
		if (hub_schema == NULL)
			return (HubTable) t;
		schema = get_namespace_name(RelationGetNamespace(rel));
		if (schema != NULL && strcmp(schema, hub_schema) == 0)
			return (HubTable) t;
	}
	return HUB_NTABLES;
}

/*
 * Bytes are compared, not values: a column that was written again with an equal
 * value in another form counts as changed, which costs a look and no more.
 */
bool
hub_row_changed(Relation rel, HubTable table, HeapTuple old, HeapTuple new)
{
	const AttrNumber *attnums = hub_columns(rel, table);
	TupleDesc	desc = RelationGetDescr(rel);

	for (int c = 0; c < HUB_NCOLUMNS; c++)
	{
		Form_pg_attribute att;
		Datum		a,
					b;
		bool		a_null,
					b_null;

		if (!(hub_concern[table] & C(c)) || attnums[c] == 0)
			continue;
		a = heap_getattr(old, attnums[c], desc, &a_null);
		b = heap_getattr(new, attnums[c], desc, &b_null);
		if (a_null != b_null)
			return true;
		if (a_null)
			continue;
		att = TupleDescAttr(desc, attnums[c] - 1);
		if (!datumIsEqual(a, b, att->attbyval, att->attlen))
			return true;
	}
	return false;
}

/* Ids that are read, in a list of the caller's. */
typedef struct HubIdLoop
{
	int			n;
	int			size;
	int		   *ids;
} HubIdLoop;

static void
hub_id_of_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubIdLoop  *loop = arg;

	if (loop->n == loop->size)
	{
		loop->size *= 2;
		loop->ids = repalloc_huge(loop->ids, sizeof(int) * loop->size);
	}
	loop->ids[loop->n++] = spi_int(row, desc, 1, 0);
}

/* An int column of a map, of the rows in which another is one of the ids. */
static void
hub_ids_by_ids(const HubSchema *hub, HubTable map, const char *column, const char *by,
			   const int *ids, int n, int **result, int *nresult)
{
	HubIdLoop	loop = {.size = 64};
	bool		one = n == 1;	/* may have to be compared with every row */
	Oid			types[2] = {one ? INT4OID : INT4ARRAYOID};
	Datum		values[2];
	char	   *sql = psprintf("SELECT DISTINCT %s FROM %s WHERE %s = %s ORDER BY 1",
							   column, hub_from(hub, map, "m", 1), by, one ? "$1" : "ANY ($1)");
	uint64		rows;

	values[0] = one ? Int32GetDatum(ids[0]) : spi_int_array(ids, n);
	if (hub->past)
	{
		/*
		 * By a column without an index in the history; as of the snapshot by which
		 * the rest of the past is read, for it may be pruned meanwhile.
		 */
		loop.ids = SPI_palloc(sizeof(int) * loop.size);
		hub_plan_whole(hub);
		spi_each(sql, hub_from_args(hub, 1, types, values), types, values, NULL, false,
				 hub_id_of_row, &loop);
		*result = loop.ids;
		*nresult = loop.n;
		return;
	}
	rows = spi_run(sql, 1, types, values, NULL, true, true, 0);
	*result = SPI_palloc(sizeof(int) * Max(rows, 1));
	*nresult = (int) rows;
	for (uint64 i = 0; i < rows; i++)
		(*result)[i] = spi_int(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, 0);
}

void
hub_role_holders(const HubSchema *hub, const int *roles, int nroles,
				 int **users, int *nusers, int **groups, int *ngroups,
				 int **services, int *nservices)
{
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	hub_ids_by_ids(hub, HUB_USER_ROLE_MAP, "user_id", "role_id", roles, nroles, users, nusers);
	hub_ids_by_ids(hub, HUB_GROUP_ROLE_MAP, "group_id", "role_id", roles, nroles, groups, ngroups);
	hub_ids_by_ids(hub, HUB_SERVICE_ROLE_MAP, "service_id", "role_id", roles, nroles, services, nservices);
	spi_leave(&frame);
}

void
hub_group_members(const HubSchema *hub, const int *groups, int ngroups,
				  int **users, int *nusers)
{
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	hub_ids_by_ids(hub, HUB_USER_GROUP_MAP, "user_id", "group_id", groups, ngroups, users, nusers);
	spi_leave(&frame);
}

void
hub_groups_of_user(const HubSchema *hub, int user, int **groups, int *ngroups)
{
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	hub_ids_by_ids(hub, HUB_USER_GROUP_MAP, "group_id", "user_id", &user, 1, groups, ngroups);
	spi_leave(&frame);
}

void
hub_clients_of_user(const HubSchema *hub, int user, char ***clients, int *nclients)
{
	static const Oid types[1] = {INT4OID};
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext spi;
	Datum		values[1] = {Int32GetDatum(user)};
	SpiFrame	frame;
	uint64		rows;

	spi_enter(&frame, hub->owner);
	rows = spi_run(psprintf("SELECT oauth_client_id FROM %s.%s WHERE user_id = $1 AND oauth_client_id IS NOT NULL",
							hub->quoted, hub_table_name(HUB_SPAWNERS)),
				   1, types, values, NULL, true, true, 0);
	spi = MemoryContextSwitchTo(caller);
	*clients = palloc(sizeof(char *) * Max(rows, 1));
	*nclients = (int) rows;
	for (uint64 i = 0; i < rows; i++)
		(*clients)[i] = spi_utf8(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
	MemoryContextSwitchTo(spi);
	spi_leave(&frame);
}

static bool
hub_names_one(const char *json, ScopeKind kind, char *const *names, int n)
{
	char	   *defect;
	const Scopeset *set = hub_parse_scopes(json, &defect);

	if (n == 0)
		return scopeset_has_kind(set, kind) ||
			(kind == SCOPE_USER && scopeset_has_kind(set, SCOPE_SERVER));
	for (int i = 0; i < n; i++)
		if (scopeset_names_filter(set, kind, names[i], strlen(names[i])))
			return true;
	return false;
}

/*
 * Ids from rows (id, scopes) whose scopes filter by one of the names.  Only those
 * are parsed that hold one somewhere, or a backslash: JSON may escape anything.
 */
static void
hub_ids_naming(const HubSchema *hub, const char *id, HubTable table, ScopeKind kind,
			   char *const *names, int n, int **result, int *nresult)
{
	MemoryContext caller = CurrentMemoryContext;
	Oid			types[1] = {n == 1 ? TEXTOID : TEXTARRAYOID};
	Datum		values[1];
	const char *holds;
	SpiFrame	frame;
	uint64		rows;
	int		   *ids;
	int			found = 0;

	holds = n == 0 ? "strpos(scopes, '=') > 0" :
		n == 1 ? "strpos(scopes, $1) > 0" :
		"EXISTS (SELECT FROM unnest($1) AS n (name) WHERE strpos(scopes, n.name) > 0)";
	values[0] = n == 1 ?
		PointerGetDatum(module_text_from_utf8(names[0], strlen(names[0]))) :
		spi_text_array(names, n);
	spi_enter(&frame, hub->owner);
	rows = spi_run(psprintf("SELECT %s, scopes FROM %s.%s WHERE %s IS NOT NULL AND"
							" (%s OR strpos(scopes, chr(92)) > 0)",
							id, hub->quoted, hub_table_name(table), id, holds),
				   n > 0 ? 1 : 0, types, values, NULL, true, true, 0);
	ids = MemoryContextAlloc(caller, sizeof(int) * Max(rows, 1));
	for (uint64 i = 0; i < rows; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;

		CHECK_FOR_INTERRUPTS();
		if (hub_names_one(SPI_getvalue(row, desc, 2), kind, names, n))
			ids[found++] = spi_int(row, desc, 1, 0);
	}
	spi_leave(&frame);
	*result = ids;
	*nresult = found;
}

void
hub_roles_naming(const HubSchema *hub, ScopeKind kind, char *const *names, int n,
				 int **roles, int *nroles)
{
	hub_ids_naming(hub, "id", HUB_ROLES, kind, names, n, roles, nroles);
}

void
hub_share_users_naming(const HubSchema *hub, ScopeKind kind, char *const *names, int n,
					   int **users, int *nusers)
{
	*nusers = 0;
	if (OidIsValid(hub->rel[HUB_SHARES]))
		hub_ids_naming(hub, "user_id", HUB_SHARES, kind, names, n, users, nusers);
}

void
hub_giving_groups(const HubSchema *hub, const int *groups, int ngroups,
				  int **giving, int *ngiving)
{
	SpiFrame	frame;
	int		   *more;
	int			nmore = 0;

	spi_enter(&frame, hub->owner);
	hub_ids_by_ids(hub, HUB_GROUP_ROLE_MAP, "group_id", "group_id", groups, ngroups,
				   giving, ngiving);
	if (OidIsValid(hub->rel[HUB_SHARES]))
		hub_ids_by_ids(hub, HUB_SHARES, "group_id", "group_id", groups, ngroups,
					   &more, &nmore);
	if (nmore > 0)
	{
		*giving = repalloc(*giving, sizeof(int) * (*ngiving + nmore));
		memcpy(*giving + *ngiving, more, sizeof(int) * nmore);
		*ngiving += nmore;
	}
	spi_leave(&frame);
}

void
hub_memberships(const HubSchema *hub, const int *groups, int ngroups,
				const int *users, int nusers, bool latest,
				int **user_ids, int **group_ids, int *n)
{
	static const Oid types[2] = {INT4ARRAYOID, INT4ARRAYOID};
	MemoryContext caller = CurrentMemoryContext;
	Datum		values[2];
	SpiFrame	frame;
	uint64		rows;

	values[0] = spi_int_array(groups, ngroups);
	values[1] = spi_int_array(users, nusers);
	spi_enter(&frame, hub->owner);
	rows = spi_run(psprintf("SELECT user_id, group_id FROM %s.user_group_map"
							" WHERE group_id = ANY ($1)%s ORDER BY user_id, group_id",
							hub->quoted, nusers > 0 ? " AND user_id = ANY ($2)" : ""),
				   nusers > 0 ? 2 : 1, types, values, NULL, true, latest, 0);
	*user_ids = MemoryContextAllocHuge(caller, sizeof(int) * Max(rows, 1));
	*group_ids = MemoryContextAllocHuge(caller, sizeof(int) * Max(rows, 1));
	for (uint64 i = 0; i < rows; i++)
	{
		(*user_ids)[i] = spi_int(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, 0);
		(*group_ids)[i] = spi_int(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, 0);
	}
	spi_leave(&frame);
	*n = (int) rows;
}

char *
hub_server_name(const HubSchema *hub, int spawner_id, char **owner)
{
	static const Oid types[1] = {INT4OID};
	Datum		values[1];
	SpiFrame	frame;
	MemoryContext caller = CurrentMemoryContext;
	char	   *result = NULL;

	values[0] = Int32GetDatum(spawner_id);
	spi_enter(&frame, hub->owner);
	if (spi_run(psprintf("SELECT u.name, s.name FROM %s.spawners s JOIN %s.users u ON u.id = s.user_id WHERE s.id = $1",
						 hub->quoted, hub->quoted), 1, types, values, NULL, true, true, 1) > 0)
	{
		char	   *user = spi_utf8(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
		char	   *name = spi_utf8(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2);
		MemoryContext spi = MemoryContextSwitchTo(caller);

		/* a user without a name has the empty one, as in the model */
		*owner = pstrdup(user ? user : "");
		result = psprintf("%s/%s", *owner, name ? name : "");
		MemoryContextSwitchTo(spi);
	}
	spi_leave(&frame);
	return result;
}

char *
hub_name_of(const HubSchema *hub, HubTable table, int id)
{
	Oid			types[2] = {INT4OID};
	Datum		values[2];
	SpiFrame	frame;
	MemoryContext caller = CurrentMemoryContext;
	char	   *result = NULL;

	/* the past, too, by the snapshot by which the rest of it is read */
	values[0] = Int32GetDatum(id);
	spi_enter(&frame, hub->owner);
	if (spi_run(psprintf("SELECT name FROM %s WHERE id = $1", hub_from(hub, table, "t", 1)),
				hub_from_args(hub, 1, types, values), types, values, NULL, true, !hub->past, 1) > 0)
	{
		char	   *name = spi_utf8(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);

		if (name != NULL)
			result = MemoryContextStrdup(caller, name);
	}
	spi_leave(&frame);
	return result;
}

bool
hub_server_exists(const HubSchema *hub, const char *server)
{
	static const Oid types[2] = {TEXTOID, TEXTOID};
	int			owner_len = scope_server_owner_len(server, strlen(server));
	const char *name = server + owner_len + (server[owner_len] == '/' ? 1 : 0);
	Datum		values[2];
	SpiFrame	frame;
	bool		found;

	values[0] = PointerGetDatum(module_text_if_representable(pnstrdup(server, owner_len)));
	values[1] = PointerGetDatum(module_text_if_representable(name));
	if (values[0] == 0 || values[1] == 0)
		return false;
	spi_enter(&frame, hub->owner);
	found = spi_run(psprintf("SELECT FROM %s.spawners s JOIN %s.users u ON u.id = s.user_id"
							 " WHERE u.name = $1 AND s.name = $2", hub->quoted, hub->quoted),
					2, types, values, NULL, true, true, 1) > 0;
	spi_leave(&frame);
	return found;
}
