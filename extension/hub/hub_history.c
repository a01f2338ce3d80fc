/*-------------------------------------------------------------------------
 *
 * hub_history.c
 *	  Which columns of the hub's tables the past is kept of, and reading them.
 *
 * They are those that the model (hub_data.c) and the tokens (hub_tokens.c) are
 * read from, so that both can be read from the past as well.  No hash, no cookie
 * and no other secret is among them.
 *
 * A hub's table may lack one, as that of an older release or of a copy made by
 * logical replication does; it is NULL then.  Columns are found by name, once for
 * each relcache entry, as in hub_concern.c.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_history.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/lsyscache.h"

#include "../module/init.h"
#include "hub_private.h"

#define HUB_HISTORY_CACHED	32

#define INT(name)	{name, "integer", INT4OID}
#define TXT(name)	{name, "text", TEXTOID}
#define BOOLEAN(name)	{name, "boolean", BOOLOID}
#define TIME(name)	{name, "timestamp", TIMESTAMPOID}

typedef struct HubHistoryTable
{
	int			nkeys;			/* 0: its past is not kept */
	HubHistoryColumn columns[HUB_HISTORY_MAX_COLUMNS];
} HubHistoryTable;

static const HubHistoryTable hub_history[HUB_NTABLES] = {
	[HUB_USERS] = {1, {INT("id"), TXT("name"), BOOLEAN("admin")}},
	[HUB_GROUPS] = {1, {INT("id"), TXT("name")}},
	[HUB_SERVICES] = {1, {INT("id"), TXT("name"), BOOLEAN("admin"), TXT("oauth_client_id")}},
	[HUB_ROLES] = {1, {INT("id"), TXT("name"), TXT("scopes")}},
	[HUB_USER_ROLE_MAP] = {2, {INT("user_id"), INT("role_id")}},
	[HUB_GROUP_ROLE_MAP] = {2, {INT("group_id"), INT("role_id")}},
	[HUB_SERVICE_ROLE_MAP] = {2, {INT("service_id"), INT("role_id")}},
	[HUB_USER_GROUP_MAP] = {2, {INT("user_id"), INT("group_id")}},
	[HUB_SPAWNERS] = {1, {INT("id"), INT("user_id"), TXT("name"), TXT("oauth_client_id")}},
	[HUB_OAUTH_CLIENTS] = {1, {INT("id"), TXT("identifier"), TXT("allowed_scopes")}},
	[HUB_API_TOKENS] = {1, {INT("id"), INT("user_id"), INT("service_id"), TXT("client_id"),
		TXT("note"), TXT("prefix"), TIME("created"), TIME("expires_at"), TXT("scopes")}},
	[HUB_SHARES] = {1, {INT("id"), INT("owner_id"), INT("spawner_id"), INT("user_id"),
		INT("group_id"), TXT("scopes"), TIME("expires_at")}},
	[HUB_ALEMBIC_VERSION] = {1, {TXT("version_num")}},
};

const HubHistoryColumn *
hub_history_columns(HubTable table, int *n, int *nkeys)
{
	const HubHistoryTable *history;

	*n = *nkeys = 0;
	if (table >= HUB_NTABLES || hub_history[table].nkeys == 0)
		return NULL;
	history = &hub_history[table];
	for (*n = 0; *n < HUB_HISTORY_MAX_COLUMNS && history->columns[*n].name != NULL; (*n)++)
		;
	*nkeys = history->nkeys;
	return history->columns;
}

/* ---- where the columns are in the hub's table ---- */

typedef struct HubHistoryEntry
{
	Oid			relid;			/* InvalidOid: free */
	int			n;
	AttrNumber	attnums[HUB_HISTORY_MAX_COLUMNS];	/* 0: not there */
} HubHistoryEntry;

static HubHistoryEntry hub_history_cache[HUB_HISTORY_CACHED];

static void
hub_history_relcache(Oid relid)
{
	for (int i = 0; i < HUB_HISTORY_CACHED; i++)
		if (relid == InvalidOid || hub_history_cache[i].relid == relid)
			hub_history_cache[i].relid = InvalidOid;
}

void
hub_history_init(void)
{
	module_on_relcache(hub_history_relcache);
}

static const HubHistoryEntry *
hub_history_entry(Relation rel, HubTable table)
{
	Oid			relid = RelationGetRelid(rel);
	TupleDesc	desc = RelationGetDescr(rel);
	HubHistoryEntry *entry = &hub_history_cache[relid % HUB_HISTORY_CACHED];
	const HubHistoryColumn *columns;
	int			nkeys;

	if (entry->relid == relid)
		return entry;
	columns = hub_history_columns(table, &entry->n, &nkeys);
	memset(entry->attnums, 0, sizeof(entry->attnums));
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);

		for (int c = 0; !att->attisdropped && c < entry->n; c++)
			if (strcmp(NameStr(att->attname), columns[c].name) == 0)
				entry->attnums[c] = att->attnum;
	}
	entry->relid = relid;
	return entry;
}

/* Bytes are compared, not values, see hub_row_changed. */
bool
hub_history_changed(Relation rel, HubTable table, HeapTuple old, HeapTuple new)
{
	const HubHistoryEntry *entry = hub_history_entry(rel, table);
	TupleDesc	desc = RelationGetDescr(rel);

	for (int c = 0; c < entry->n; c++)
	{
		Form_pg_attribute att;
		Datum		a,
					b;
		bool		a_null,
					b_null;

		if (entry->attnums[c] == 0)
			continue;
		a = heap_getattr(old, entry->attnums[c], desc, &a_null);
		b = heap_getattr(new, entry->attnums[c], desc, &b_null);
		if (a_null != b_null)
			return true;
		if (a_null)
			continue;
		att = TupleDescAttr(desc, entry->attnums[c] - 1);
		if (!datumIsEqual(a, b, att->attbyval, att->attlen))
			return true;
	}
	return false;
}

/* A value in the type of our column; what is of another goes by its text. */
static Datum
hub_history_value(Datum value, Oid from, Oid to)
{
	Oid			output,
				input,
				ioparam;
	bool		varlena;

	if (from == to || (to == TEXTOID && from == VARCHAROID))
		return value;
	getTypeOutputInfo(from, &output, &varlena);
	getTypeInputInfo(to, &input, &ioparam);
	return OidInputFunctionCall(input, OidOutputFunctionCall(output, value), ioparam, -1);
}

void
hub_history_row(Relation rel, HubTable table, HeapTuple row, Datum *values, char *nulls)
{
	const HubHistoryEntry *entry = hub_history_entry(rel, table);
	TupleDesc	desc = RelationGetDescr(rel);

	for (int c = 0; c < entry->n; c++)
	{
		AttrNumber	attnum = entry->attnums[c];
		bool		isnull = true;

		values[c] = (Datum) 0;
		if (attnum != 0)
			values[c] = heap_getattr(row, attnum, desc, &isnull);
		nulls[c] = isnull ? 'n' : ' ';
		if (!isnull)
			values[c] = hub_history_value(values[c], TupleDescAttr(desc, attnum - 1)->atttypid,
										  hub_history[table].columns[c].type);
	}
}

/* ---- all of a table ---- */

void
hub_history_arrays(const HubSchema *hub, HubTable table, Datum *arrays)
{
	MemoryContext caller = CurrentMemoryContext;
	const HubHistoryColumn *columns;
	StringInfoData sql;
	SpiFrame	frame;
	int			n,
				nkeys;
	int			rc;

	columns = hub_history_columns(table, &n, &nkeys);
	spi_enter(&frame, hub->owner);
	initStringInfo(&sql);
	appendStringInfo(&sql, "LOCK TABLE %s.%s IN SHARE ROW EXCLUSIVE MODE",
					 hub->quoted, hub_table_name(table));
	rc = SPI_execute(sql.data, false, 0);
	if (rc < 0)
		elog(ERROR, "SPI returned %s for %s", SPI_result_code_string(rc), sql.data);
	resetStringInfo(&sql);
	for (int c = 0; c < n; c++)
	{
		bool		there = get_attnum(hub->rel[table], columns[c].name) != InvalidAttrNumber;

		appendStringInfo(&sql, "%s coalesce(array_agg(%s::%s), '{}')", c == 0 ? "SELECT" : ",",
						 there ? columns[c].name : "NULL", columns[c].sqltype);
	}
	appendStringInfo(&sql, " FROM %s.%s", hub->quoted, hub_table_name(table));
	(void) spi_run(sql.data, 0, NULL, NULL, NULL, true, true, 1);
	for (int c = 0; c < n; c++)
		arrays[c] = hub_array(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, c + 1, caller);
	spi_leave(&frame);
}
