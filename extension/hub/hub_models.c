/*-------------------------------------------------------------------------
 *
 * hub_models.c
 *	  Rows of the hub's tables as its REST API models them, many at a time.
 *
 * Rows are read in blocks of consecutive ids.  What belongs to the rows of a
 * block (roles, groups, members, servers that run) is read for the whole block
 * by the range of ids, as arrays that the server puts together.
 *
 * Columns that not every release has are looked for first.  JSON that does not
 * parse is NULL: that is self_check's to report.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_models.h"
#include "hub_private.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "lib/stringinfo.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

/* What the row functions get. */
typedef struct HubModelLoad
{
	const HubSchema *hub;
	MemoryContext context;		/* of the rows */
	HubModel	model;			/* being read */
	HubModelRows *rows;
	int			size;
	int			column;			/* into which arrays go */
	Datum		nothing;		/* the empty array */
} HubModelLoad;

/* ---- columns ---- */

typedef enum HubCell
{
	CELL_TEXT,
	CELL_BOOL,
	CELL_TIME,
	CELL_JSON
} HubCell;

/* A stored column of a model, in the order in which it is selected. */
typedef struct HubModelColumn
{
	int			column;
	const char *name;
	HubCell		cell;
} HubModelColumn;

#define COLUMNS_END		{-1, NULL, CELL_TEXT}

static const HubModelColumn hub_user_columns[] = {
	{HUB_USER_ADMIN, "admin", CELL_BOOL},
	{HUB_USER_CREATED, "created", CELL_TIME},
	{HUB_USER_LAST_ACTIVITY, "last_activity", CELL_TIME},
	{HUB_USER_INFO, "user_info", CELL_JSON},
	COLUMNS_END
};

static const HubModelColumn hub_group_columns[] = {
	{HUB_GROUP_PROPERTIES, "properties", CELL_JSON},
	COLUMNS_END
};

static const HubModelColumn hub_service_columns[] = {
	{HUB_SERVICE_ADMIN, "admin", CELL_BOOL},
	{HUB_SERVICE_URL, "url", CELL_TEXT},
	{HUB_SERVICE_COMMAND, "command", CELL_JSON},
	{HUB_SERVICE_INFO, "info", CELL_JSON},
	{HUB_SERVICE_DISPLAY, "display", CELL_BOOL},
	COLUMNS_END
};

static const HubModelColumn hub_server_columns[] = {
	{HUB_SERVER_DISPLAY_NAME, "display_name", CELL_TEXT},
	{HUB_SERVER_LAST_ACTIVITY, "last_activity", CELL_TIME},
	{HUB_SERVER_STARTED, "started", CELL_TIME},
	{HUB_SERVER_USER_OPTIONS, "user_options", CELL_JSON},
	COLUMNS_END
};

static const HubModelColumn hub_token_columns[] = {
	{HUB_TOKEN_CREATED, "created", CELL_TIME},
	{HUB_TOKEN_LAST_ACTIVITY, "last_activity", CELL_TIME},
	{HUB_TOKEN_EXPIRES_AT, "expires_at", CELL_TIME},
	{HUB_TOKEN_NOTE, "note", CELL_TEXT},
	{HUB_TOKEN_SESSION_ID, "session_id", CELL_TEXT},
	COLUMNS_END
};

typedef struct HubModelInfo
{
	HubTable	table;
	const HubModelColumn *columns;
} HubModelInfo;

static const HubModelInfo hub_models[HUB_NMODELS] = {
	[HUB_MODEL_USER] = {HUB_USERS, hub_user_columns},
	[HUB_MODEL_GROUP] = {HUB_GROUPS, hub_group_columns},
	[HUB_MODEL_SERVICE] = {HUB_SERVICES, hub_service_columns},
	[HUB_MODEL_SERVER] = {HUB_SPAWNERS, hub_server_columns},
	[HUB_MODEL_TOKEN] = {HUB_API_TOKENS, hub_token_columns},
};

static bool
hub_model_has(const HubSchema *hub, HubModel model, const char *column)
{
	return get_attnum(hub->rel[hub_models[model].table], column) != InvalidAttrNumber;
}

uint32
hub_model_missing(const HubSchema *hub, HubModel model)
{
	uint32		missing = 0;

	for (const HubModelColumn *column = hub_models[model].columns; column->name; column++)
		if (!hub_model_has(hub, model, column->name))
			missing |= UINT32_C(1) << column->column;
	/* not stored, but of the same release as what is */
	if (model == HUB_MODEL_SERVER && !hub->has_managed_by_auth)
		missing |= UINT32_C(1) << HUB_SERVER_FULL_NAME | UINT32_C(1) << HUB_SERVER_FULL_URL |
			UINT32_C(1) << HUB_SERVER_FULL_PROGRESS_URL;
	return missing;
}

/* ", t.column" for each, cast to what is expected: a type may have been altered. */
static void
hub_model_select(StringInfo sql, const HubSchema *hub, HubModel model)
{
	static const char *const casts[] = {
		[CELL_TEXT] = "text",[CELL_BOOL] = "boolean",[CELL_TIME] = "timestamp",[CELL_JSON] = "text"
	};

	for (const HubModelColumn *column = hub_models[model].columns; column->name; column++)
		appendStringInfo(sql, ", %s%s::%s", hub_model_has(hub, model, column->name) ? "t." : "NULL",
						 hub_model_has(hub, model, column->name) ? column->name : "",
						 casts[column->cell]);
}

/* Put the selected columns, from number at on, where they belong. */
static void
hub_model_cells(HubModel model, HubModelRow *row, HeapTuple tuple, TupleDesc desc, int at)
{
	for (const HubModelColumn *column = hub_models[model].columns; column->name; column++, at++)
	{
		Datum		value = SPI_getbinval(tuple, desc, at, &row->nulls[column->column]);

		if (row->nulls[column->column])
			continue;
		switch (column->cell)
		{
			case CELL_BOOL:
			case CELL_TIME:
				row->values[column->column] = value;
				break;
			case CELL_TEXT:
				row->values[column->column] = PointerGetDatum(DatumGetTextPCopy(value));
				break;
			case CELL_JSON:
				row->nulls[column->column] =
					!module_jsonb(TextDatumGetCString(value), &row->values[column->column]);
				break;
		}
	}
}

/* ---- rows ---- */

HubModelRow *
hub_model_row(const HubModelRows *rows, int id)
{
	int			low = 0;
	int			high = rows->n;

	while (low < high)
	{
		int			mid = (low + high) / 2;

		if (rows->rows[mid]->id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return low < rows->n && rows->rows[low]->id == id ? rows->rows[low] : NULL;
}

static void
hub_model_text(HubModelRow *row, int column, const char *utf8)
{
	row->nulls[column] = false;
	row->values[column] = PointerGetDatum(module_text_from_utf8(utf8, strlen(utf8)));
}

/* A name that is missing is the empty one. */
static char *
hub_model_name(HeapTuple tuple, TupleDesc desc, int column)
{
	char	   *name = hub_utf8(tuple, desc, column);

	return pstrdup(name ? name : "");
}

/*
 * A row: id, name, owner's id, one more text, then the model's columns.  The text
 * is a service's prefix, or the OAuth client of a token.
 */
static HubModelRow *
hub_model_make_row(HubModelLoad *load, HeapTuple tuple, TupleDesc desc)
{
	HubModelRow *row = palloc0(sizeof(HubModelRow));
	char	   *more = hub_utf8(tuple, desc, 4);

	memset(row->nulls, true, sizeof(row->nulls));
	row->id = spi_int(tuple, desc, 1, 0);
	row->name = hub_model_name(tuple, desc, 2);
	row->owner_id = spi_int(tuple, desc, 3, 0);
	hub_model_cells(load->model, row, tuple, desc, 5);
	switch (load->model)
	{
		case HUB_MODEL_TOKEN:
			if (more != NULL)
				hub_model_text(row, HUB_TOKEN_OAUTH_CLIENT, more);
			break;
		case HUB_MODEL_SERVER:
			hub_model_text(row, HUB_SERVER_NAME, row->name);
			break;
		case HUB_MODEL_SERVICE:
			hub_model_text(row, HUB_SERVICE_NAME, row->name);
			hub_model_text(row, HUB_SERVICE_PREFIX, more ? more : "");
			break;
		default:
			/* the name is the first column of users and groups */
			hub_model_text(row, 0, row->name);
			break;
	}
	return row;
}

static void
hub_model_read_row(HeapTuple tuple, TupleDesc desc, void *arg)
{
	HubModelLoad *load = arg;
	HubModelRows *rows = load->rows;
	MemoryContext caller = MemoryContextSwitchTo(load->context);

	if (rows->n == load->size)
	{
		load->size *= 2;
		rows->rows = repalloc_huge(rows->rows, sizeof(HubModelRow *) * (Size) load->size);
	}
	rows->rows[rows->n++] = hub_model_make_row(load, tuple, desc);
	MemoryContextSwitchTo(caller);
}

/*
 * Where the addresses of what is proxied are; no table that we require.  It must
 * be the hub's: what is read as the hub's owner may run no code of others.
 */
static bool
hub_model_has_prefix(const HubSchema *hub)
{
	Oid			relid = get_relname_relid("servers", hub->oid);
	HeapTuple	tuple;
	Form_pg_class form;
	bool		found;

	if (!OidIsValid(relid) || !hub_model_has(hub, HUB_MODEL_SERVICE, "_server_id"))
		return false;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (!HeapTupleIsValid(tuple))
		return false;			/* dropped meanwhile */
	form = (Form_pg_class) GETSTRUCT(tuple);
	found = form->relkind == RELKIND_RELATION && form->relowner == hub->owner;
	ReleaseSysCache(tuple);
	return found;
}

/* The query for the above, up to WHERE. */
static void
hub_model_from(StringInfo sql, const HubSchema *hub, HubModel model)
{
	const char *schema = hub->quoted;
	bool		prefix = model == HUB_MODEL_SERVICE && hub_model_has_prefix(hub);
	bool		owned = model == HUB_MODEL_SERVER || model == HUB_MODEL_TOKEN;

	appendStringInfo(sql, "SELECT t.id, %s, %s, %s::text",
					 model == HUB_MODEL_TOKEN ? "NULL::text" : "t.name",
					 owned ? "t.user_id" : "NULL::integer",
					 model == HUB_MODEL_TOKEN ? "coalesce(nullif(c.description, ''), c.identifier)" :
					 prefix ? "x.base_url" : "NULL");
	hub_model_select(sql, hub, model);
	appendStringInfo(sql, " FROM %s.%s t", schema, hub_table_name(hub_models[model].table));
	if (model == HUB_MODEL_TOKEN)
		appendStringInfo(sql, " LEFT JOIN %s.oauth_clients c ON c.identifier = t.client_id", schema);
	if (prefix)
		appendStringInfo(sql, " LEFT JOIN %s.servers x ON x.id = t._server_id", schema);
}

static HubModelRows *
hub_model_new_rows(HubModelLoad *load, HubModel model, int size)
{
	HubModelRows *rows = MemoryContextAllocZero(load->context, sizeof(HubModelRows));

	rows->rows = MemoryContextAlloc(load->context, sizeof(HubModelRow *) * size);
	load->model = model;
	load->rows = rows;
	load->size = size;
	return rows;
}

/* ---- what belongs to users, groups and services ---- */

/* id, text[]: a column of the row of that id. */
static void
hub_model_link(HeapTuple tuple, TupleDesc desc, void *arg)
{
	HubModelLoad *load = arg;
	HubModelRow *row = hub_model_row(load->rows, spi_int(tuple, desc, 1, 0));

	if (row != NULL)
		row->values[load->column] = hub_array(tuple, desc, 2, load->context);
}

/* For each of the rows the names that a map gives to it; none: an empty list. */
static void
hub_model_names(HubModelLoad *load, int column, HubTable map, const char *id_column,
				HubTable names, const char *name_column)
{
	static const Oid types[2] = {INT4OID, INT4OID};
	HubModelRows *rows = load->rows;
	const char *schema = load->hub->quoted;
	Datum		values[2] = {Int32GetDatum(rows->first), Int32GetDatum(rows->last)};

	for (int i = 0; i < rows->n; i++)
	{
		rows->rows[i]->values[column] = load->nothing;
		rows->rows[i]->nulls[column] = false;
	}
	load->column = column;
	spi_each(psprintf("SELECT m.%s, array_agg(n.name::text ORDER BY n.name COLLATE \"C\")"
					  " FROM %s.%s m JOIN %s.%s n ON n.id = m.%s"
					  " WHERE m.%s BETWEEN $1 AND $2 GROUP BY 1",
					  id_column, schema, hub_table_name(map), schema, hub_table_name(names),
					  name_column, id_column),
			 2, types, values, NULL, false, hub_model_link, load);
}

/* The servers that run, or the tokens that have not expired, of the users. */
static void
hub_model_owned(HubModelLoad *load, HubModel model)
{
	static const Oid types[3] = {INT4OID, INT4OID, TIMESTAMPOID};
	HubModelRows *users = load->rows;
	HubModelRows *rows = hub_model_new_rows(load, model, 16);
	Datum		values[3] = {
		Int32GetDatum(users->first), Int32GetDatum(users->last), TimestampGetDatum(hub_now())
	};
	StringInfoData sql;

	initStringInfo(&sql);
	hub_model_from(&sql, load->hub, model);
	appendStringInfo(&sql, " WHERE t.user_id BETWEEN $1 AND $2 AND %s ORDER BY t.user_id, %s",
					 model == HUB_MODEL_SERVER ? "t.server_id IS NOT NULL" :
					 "(t.expires_at IS NULL OR t.expires_at >= $3)",
					 model == HUB_MODEL_SERVER ? "t.name COLLATE \"C\", t.id" : "t.id");
	spi_each(sql.data, model == HUB_MODEL_SERVER ? 2 : 3, types, values, NULL, false,
			 hub_model_read_row, load);
	for (int i = 0; i < rows->n; i++)
	{
		HubModelRow *row = rows->rows[i];
		HubModelRow *user = hub_model_row(users, row->owner_id);
		int			column;

		if (user == NULL)
			continue;
		if (user->nowned++ == 0)
			user->owned = &rows->rows[i];
		row->owner = user->name;
		row->groups = user->groups;
		column = model == HUB_MODEL_SERVER ? HUB_SERVER_USER : HUB_TOKEN_USER;
		row->values[column] = user->values[HUB_USER_NAME];
		row->nulls[column] = false;
	}
	load->rows = users;
}

static void
hub_model_belongings(HubModelLoad *load, HubModel owned)
{
	switch (load->model)
	{
		case HUB_MODEL_USER:
			hub_model_names(load, HUB_USER_GROUPS, HUB_USER_GROUP_MAP, "user_id", HUB_GROUPS, "group_id");
			for (int i = 0; i < load->rows->n; i++)
				load->rows->rows[i]->groups = load->rows->rows[i]->values[HUB_USER_GROUPS];
			hub_model_names(load, HUB_USER_ROLES, HUB_USER_ROLE_MAP, "user_id", HUB_ROLES, "role_id");
			if (owned != HUB_NMODELS)
				hub_model_owned(load, owned);
			break;
		case HUB_MODEL_GROUP:
			hub_model_names(load, HUB_GROUP_ROLES, HUB_GROUP_ROLE_MAP, "group_id", HUB_ROLES, "role_id");
			hub_model_names(load, HUB_GROUP_USERS, HUB_USER_GROUP_MAP, "group_id", HUB_USERS, "user_id");
			break;
		case HUB_MODEL_SERVICE:
			hub_model_names(load, HUB_SERVICE_ROLES, HUB_SERVICE_ROLE_MAP, "service_id", HUB_ROLES, "role_id");
			break;
		default:
			elog(ERROR, "unexpected model %d", (int) load->model);
	}
}

HubModelRows *
hub_model_rows(const HubSchema *hub, HubModel model, HubModel owned, int first, int n)
{
	static const Oid types[2] = {INT4OID, INT8OID};
	HubModelLoad load = {.hub = hub,.context = CurrentMemoryContext};
	HubModelRows *rows = hub_model_new_rows(&load, model, Max(n, 1));
	Datum		values[2] = {Int32GetDatum(first), Int64GetDatum(n)};
	StringInfoData sql;
	SpiFrame	frame;

	load.nothing = PointerGetDatum(construct_empty_array(TEXTOID));
	spi_enter(&frame, hub->owner);
	initStringInfo(&sql);
	hub_model_from(&sql, hub, model);
	appendStringInfoString(&sql, " WHERE t.id >= $1 ORDER BY t.id LIMIT $2");
	spi_each(sql.data, 2, types, values, NULL, false, hub_model_read_row, &load);
	rows->first = first;
	/* fewer than were asked for: there is none beyond */
	rows->last = rows->n == n ? rows->rows[n - 1]->id : PG_INT32_MAX;
	if (rows->n > 0)
		hub_model_belongings(&load, owned);
	spi_leave(&frame);
	return rows;
}

/* ---- keys ---- */

void
hub_each_model_key(const HubSchema *hub, HubModel model, bool all,
				   Datum names, Datum groups, spi_row_fn each, void *arg)
{
	static const Oid types[2] = {TEXTARRAYOID, TEXTARRAYOID};
	Datum		values[2] = {names, groups};
	int			nargs = all ? 0 : model == HUB_MODEL_USER ? 2 : 1;
	StringInfoData sql;
	SpiFrame	frame;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT t.id, t.name::text FROM %s.%s t", hub->quoted,
					 hub_table_name(hub_models[model].table));
	if (!all)
		appendStringInfoString(&sql, " WHERE t.name = ANY ($1)");
	if (nargs == 2)
		appendStringInfo(&sql, " OR t.id IN (SELECT m.user_id FROM %s.user_group_map m"
						 " JOIN %s.groups g ON g.id = m.group_id WHERE g.name = ANY ($2))",
						 hub->quoted, hub->quoted);
	appendStringInfoString(&sql, " ORDER BY t.id");
	spi_enter(&frame, hub->owner);
	spi_each(sql.data, nargs, types, values, NULL, false, each, arg);
	spi_leave(&frame);
}
