/*-------------------------------------------------------------------------
 *
 * history.c
 *	  The past of what permissions rest on: tables history_*.
 *
 * For each of the hub's tables that effective scopes rest on there is one of
 * ours with the columns of concern (hub_history.c) and two more: the number of
 * the change that began a version of a row, and of the one that ended it (NULL:
 * it is so today).  As of a moment, a version counts that began by then and did
 * not end by then; changes.c says what the moment of a change is.
 *
 * Tokens are different: issuing one must cost nothing here, and its row tells
 * since when it is there.  Only what a token was before an UPDATE or a DELETE is
 * kept; began NULL means: since it was created.
 *
 * The triggers are row-level, fire ALWAYS and write at once, since the apply
 * worker of logical replication fires no others.  Mode 'off' does not stop them:
 * to keep the past is no decision.  Between detach and attach nothing is kept;
 * history_attachment tells from when to when it was, and what is found by attach
 * begins with attach.
 *
 *-------------------------------------------------------------------------
 */
#include "history.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

#include "../growth/growth.h"
#include "../hub/hub_concern.h"

PG_FUNCTION_INFO_V1(jhub_authz_note_history);
PG_FUNCTION_INFO_V1(jhub_authz_keep_history);

/* columns of a table, number of the change, numbers of this transaction */
#define HISTORY_MAX_ARGS	(HUB_HISTORY_MAX_COLUMNS + 2)

/* ---- one row ---- */

/* How the columns are written in a list. */
typedef enum HistoryList
{
	LIST_NAMES,					/* a */
	LIST_PARAMS,				/* $1 */
	LIST_ARRAYS,				/* $1::integer[] */
	LIST_EQUAL,					/* h.a = $1 */
	LIST_SAME,					/* h.a IS NOT DISTINCT FROM $1 */
	LIST_OF_N,					/* n.a */
	LIST_OF_H,					/* h.a */
	LIST_JOIN					/* n.a = h.a */
} HistoryList;

static void
history_list(StringInfo sql, const HubHistoryColumn *columns, int n, HistoryList list,
			 const char *separator)
{
	for (int c = 0; c < n; c++)
	{
		const char *name = columns[c].name;

		if (c > 0)
			appendStringInfoString(sql, separator);
		switch (list)
		{
			case LIST_NAMES:
				appendStringInfoString(sql, name);
				break;
			case LIST_PARAMS:
				appendStringInfo(sql, "$%d", c + 1);
				break;
			case LIST_ARRAYS:
				appendStringInfo(sql, "$%d::%s[]", c + 1, columns[c].sqltype);
				break;
			case LIST_EQUAL:
				appendStringInfo(sql, "h.%s = $%d", name, c + 1);
				break;
			case LIST_SAME:
				appendStringInfo(sql, "h.%s IS NOT DISTINCT FROM $%d", name, c + 1);
				break;
			case LIST_OF_N:
				appendStringInfo(sql, "n.%s", name);
				break;
			case LIST_OF_H:
				appendStringInfo(sql, "h.%s", name);
				break;
			case LIST_JOIN:
				appendStringInfo(sql, "n.%s = h.%s", name, name);
				break;
		}
	}
}

/*
 * The statements are made once for each table; their texts are what plans are
 * kept by.
 */
static const char *
history_sql(const char **kept, StringInfo made)
{
	*kept = MemoryContextStrdup(TopMemoryContext, made->data);
	return *kept;
}

static const char *
history_close_sql(HubTable table)
{
	static const char *kept[HUB_NTABLES];
	StringInfoData sql;
	const HubHistoryColumn *columns;
	int			n,
				nkeys;

	if (kept[table] != NULL)
		return kept[table];
	columns = hub_history_columns(table, &n, &nkeys);
	initStringInfo(&sql);
	appendStringInfo(&sql, "UPDATE jhub_authz.history_%s h SET ended = $%d WHERE ",
					 hub_table_name(table), nkeys + 1);
	history_list(&sql, columns, nkeys, LIST_EQUAL, " AND ");
	appendStringInfoString(&sql, " AND h.ended IS NULL");
	return history_sql(&kept[table], &sql);
}

/*
 * Not where the same is open already: rows that are restored into a hub that is
 * attached come after the past that tells of them.
 */
static const char *
history_open_sql(HubTable table)
{
	static const char *kept[HUB_NTABLES];
	StringInfoData sql;
	const HubHistoryColumn *columns;
	int			n,
				nkeys;

	if (kept[table] != NULL)
		return kept[table];
	columns = hub_history_columns(table, &n, &nkeys);
	initStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO jhub_authz.history_%s (", hub_table_name(table));
	history_list(&sql, columns, n, LIST_NAMES, ", ");
	appendStringInfoString(&sql, ", began) SELECT ");
	history_list(&sql, columns, n, LIST_PARAMS, ", ");
	appendStringInfo(&sql, ", $%d WHERE NOT EXISTS (SELECT FROM jhub_authz.history_%s h WHERE ",
					 n + 1, hub_table_name(table));
	history_list(&sql, columns, nkeys, LIST_EQUAL, " AND ");
	appendStringInfoString(&sql, " AND h.ended IS NULL");
	appendStringInfoString(&sql, " AND ");
	history_list(&sql, columns, n, LIST_SAME, " AND ");
	appendStringInfoChar(&sql, ')');
	return history_sql(&kept[table], &sql);
}

/*
 * What a token was: since the last change of it that is on record.  What it was
 * only within this transaction is not kept.
 */
static const char *
history_token_sql(void)
{
	static const char *kept;
	StringInfoData sql;
	const HubHistoryColumn *columns;
	int			n,
				nkeys;

	if (kept != NULL)
		return kept;
	columns = hub_history_columns(HUB_API_TOKENS, &n, &nkeys);
	initStringInfo(&sql);
	appendStringInfoString(&sql, "INSERT INTO jhub_authz.history_api_tokens (");
	history_list(&sql, columns, n, LIST_NAMES, ", ");
	appendStringInfoString(&sql, ", began, ended) SELECT ");
	history_list(&sql, columns, n, LIST_PARAMS, ", ");
	appendStringInfo(&sql, ", (SELECT h.ended FROM jhub_authz.history_api_tokens h"
					 " JOIN jhub_authz.history_changes c ON c.change_id = h.ended"
					 " WHERE h.id = $1 AND h.created IS NOT DISTINCT FROM $7 ORDER BY c.at DESC LIMIT 1), $%d"
					 " WHERE NOT EXISTS (SELECT FROM jhub_authz.history_api_tokens h"
					 " WHERE h.id = $1 AND h.created IS NOT DISTINCT FROM $7 AND h.ended = ANY ($%d))",
					 n + 1, n + 2);
	return history_sql(&kept, &sql);
}

/*
 * Run one of them with the first n columns and the number of the change, for a
 * token also with the numbers of this transaction.  The arrays have room for
 * both; what they held there is gone.
 */
static void
history_run(const char *sql, HubTable table, int n, Datum *values, char *nulls, int64 change)
{
	const HubHistoryColumn *columns;
	Oid			types[HISTORY_MAX_ARGS];
	bool		token = table == HUB_API_TOKENS;
	int			ncolumns,
				nkeys;

	columns = hub_history_columns(table, &ncolumns, &nkeys);
	for (int c = 0; c < n; c++)
		types[c] = columns[c].type;
	types[n] = INT8OID;
	types[n + 1] = INT8ARRAYOID;
	values[n] = Int64GetDatum(change);
	if (token)
		values[n + 1] = history_own_changes();
	nulls[n] = nulls[n + 1] = ' ';
	if (spi_run(sql, n + (token ? 2 : 1), types, values, nulls, false, true, 0) > 0)
		history_written();
}

static void
history_row(Relation rel, HubTable table, HeapTuple old, HeapTuple new)
{
	int64		change = history_change(HISTORY_CHANGE);
	Datum		values[HISTORY_MAX_ARGS];
	char		nulls[HISTORY_MAX_ARGS];
	SpiFrame	frame;
	int			n,
				nkeys;

	(void) hub_history_columns(table, &n, &nkeys);
	spi_enter(&frame, module_owner());
	if (table == HUB_API_TOKENS)
	{
		if (old != NULL)
		{
			hub_history_row(rel, table, old, values, nulls);
			history_run(history_token_sql(), table, n, values, nulls, change);
		}
	}
	else
	{
		if (old != NULL)
		{
			hub_history_row(rel, table, old, values, nulls);
			history_run(history_close_sql(table), table, nkeys, values, nulls, change);
		}
		if (new != NULL)
		{
			hub_history_row(rel, table, new, values, nulls);
			history_run(history_open_sql(table), table, n, values, nulls, change);
		}
	}
	spi_leave(&frame);
}

/* ---- all of a table ---- */

/*
 * A statement over all rows of a table, given as arrays.  Planned for just these,
 * whose number may be any, and so not kept.
 */
static void
history_bulk(StringInfo sql, HubTable table, Datum *arrays, int64 change, bool with_arrays)
{
	const HubHistoryColumn *columns;
	Oid			types[HISTORY_MAX_ARGS];
	int			n,
				nkeys;
	SPIPlanPtr	plan;
	int			rc;

	columns = hub_history_columns(table, &n, &nkeys);
	if (!with_arrays)
		n = 0;
	for (int c = 0; c < n; c++)
		types[c] = get_array_type(columns[c].type);
	types[n] = INT8OID;
	arrays[n] = Int64GetDatum(change);
	CommandCounterIncrement();
	plan = SPI_prepare(sql->data, n + 1, types);
	if (plan == NULL)
		elog(ERROR, "SPI_prepare returned %s for %s", SPI_result_code_string(SPI_result), sql->data);
	rc = SPI_execute_snapshot(plan, arrays, NULL, GetLatestSnapshot(), InvalidSnapshot,
							  false, true, 0);
	if (rc < 0)
		elog(ERROR, "SPI returned %s for %s", SPI_result_code_string(rc), sql->data);
	if (SPI_processed > 0)
		history_written();
}

static void
history_unnest(StringInfo sql, const HubHistoryColumn *columns, int n)
{
	appendStringInfoString(sql, " FROM unnest(");
	history_list(sql, columns, n, LIST_ARRAYS, ", ");
	appendStringInfoString(sql, ") AS n (");
	history_list(sql, columns, n, LIST_NAMES, ", ");
	appendStringInfoChar(sql, ')');
}

/* One table: what is no more, or is different, ended; what is new began. */
static void
history_begin_table(const HubSchema *hub, HubTable table)
{
	const char *name = hub_table_name(table);
	Datum		arrays[HISTORY_MAX_ARGS];
	const HubHistoryColumn *columns;
	StringInfoData sql;
	SpiFrame	frame;
	int64		change;
	int			n,
				nkeys;

	columns = hub_history_columns(table, &n, &nkeys);
	hub_history_arrays(hub, table, arrays);
	/* after what may run code of the hub's role, with changes of its own */
	change = history_change(HISTORY_ATTACH);
	spi_enter(&frame, module_owner());
	/* a loop over a table that is being filled would read it again for each row */
	(void) set_config_option("enable_nestloop", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	initStringInfo(&sql);

	appendStringInfo(&sql, "UPDATE jhub_authz.history_%s h SET ended = $%d"
					 " WHERE h.ended IS NULL AND NOT EXISTS (SELECT", name, n + 1);
	history_unnest(&sql, columns, n);
	appendStringInfoString(&sql, " WHERE ");
	history_list(&sql, columns, nkeys, LIST_JOIN, " AND ");
	appendStringInfoString(&sql, " AND ROW(");
	history_list(&sql, columns, n, LIST_OF_N, ", ");
	appendStringInfoString(&sql, ") IS NOT DISTINCT FROM ROW(");
	history_list(&sql, columns, n, LIST_OF_H, ", ");
	appendStringInfoString(&sql, "))");
	history_bulk(&sql, table, arrays, change, true);

	resetStringInfo(&sql);
	appendStringInfo(&sql, "INSERT INTO jhub_authz.history_%s (", name);
	history_list(&sql, columns, n, LIST_NAMES, ", ");
	appendStringInfoString(&sql, ", began) SELECT ");
	history_list(&sql, columns, n, LIST_OF_N, ", ");
	appendStringInfo(&sql, ", $%d", n + 1);
	history_unnest(&sql, columns, n);
	appendStringInfo(&sql, " WHERE NOT EXISTS (SELECT FROM jhub_authz.history_%s h WHERE h.ended IS NULL AND ", name);
	history_list(&sql, columns, nkeys, LIST_JOIN, " AND ");
	appendStringInfoChar(&sql, ')');
	history_bulk(&sql, table, arrays, change, true);
	spi_leave(&frame);
}

void
history_begin(const HubSchema *hub, uint32 tables)
{
	for (int t = 0; t < HUB_NTABLES; t++)
	{
		int			n,
					nkeys;

		if (!(tables & ((uint32) 1 << t)) || !OidIsValid(hub->rel[t]) ||
			hub_history_columns((HubTable) t, &n, &nkeys) == NULL || t == HUB_API_TOKENS)
			continue;
		history_begin_table(hub, (HubTable) t);
	}
}

/* TRUNCATE: all that is open ends; of tokens what they were is kept. */
static void
history_truncate(HubTable table)
{
	int64		change;
	Datum		arrays[HISTORY_MAX_ARGS];
	const HubHistoryColumn *columns;
	StringInfoData sql;
	SpiFrame	frame;
	int			n,
				nkeys;

	columns = hub_history_columns(table, &n, &nkeys);
	initStringInfo(&sql);
	if (table == HUB_API_TOKENS)
	{
		const HubSchema *hub = hub_schema(true, true);

		if (hub == NULL)
			return;
		hub_history_arrays(hub, table, arrays);
		appendStringInfoString(&sql, "INSERT INTO jhub_authz.history_api_tokens (");
		history_list(&sql, columns, n, LIST_NAMES, ", ");
		appendStringInfoString(&sql, ", began, ended) SELECT ");
		history_list(&sql, columns, n, LIST_OF_N, ", ");
		appendStringInfo(&sql, ", (SELECT h.ended FROM jhub_authz.history_api_tokens h"
						 " JOIN jhub_authz.history_changes c ON c.change_id = h.ended"
						 " WHERE h.id = n.id AND h.created IS NOT DISTINCT FROM n.created"
						 " ORDER BY c.at DESC LIMIT 1), $%d", n + 1);
		history_unnest(&sql, columns, n);
		appendStringInfo(&sql, " WHERE NOT EXISTS (SELECT FROM jhub_authz.history_api_tokens h"
						 " WHERE h.id = n.id AND h.created IS NOT DISTINCT FROM n.created"
						 " AND h.ended = $%d)", n + 1);
	}
	else
		appendStringInfo(&sql, "UPDATE jhub_authz.history_%s SET ended = $1 WHERE ended IS NULL",
						 hub_table_name(table));
	change = history_change(HISTORY_CHANGE);
	spi_enter(&frame, module_owner());
	history_bulk(&sql, table, arrays, change, table == HUB_API_TOKENS);
	spi_leave(&frame);
}

/* ---- the trigger ---- */

static void
history_check_called(FunctionCallInfo fcinfo)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager", "note_history")));
	if (TRIGGER_FIRED_FOR_ROW(trigdata->tg_event) ? !TRIGGER_FIRED_AFTER(trigdata->tg_event) :
		!TRIGGER_FIRED_BY_TRUNCATE(trigdata->tg_event) || !TRIGGER_FIRED_BEFORE(trigdata->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be fired AFTER ROW or BEFORE TRUNCATE", "note_history")));
}

/*
 * note_history - trigger on the hub's tables, AFTER each row and BEFORE TRUNCATE.
 * An UPDATE of no concern, such as last_activity, returns after comparing a few
 * columns.  It compares them and not the statement's list of columns, because a
 * BEFORE trigger may change others.
 */
Datum
jhub_authz_note_history(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	const Settings *settings;
	HeapTuple	old = NULL;
	HeapTuple	new = NULL;
	HubTable	table;
	int			n,
				nkeys;

	history_check_called(fcinfo);
	settings = settings_get();
	if (!settings->attached)
		return PointerGetDatum(NULL);
	table = hub_table_of_relation(trigdata->tg_relation, settings->hub_schema);
	if (hub_history_columns(table, &n, &nkeys) == NULL)
		return PointerGetDatum(NULL);

	if (!TRIGGER_FIRED_FOR_ROW(trigdata->tg_event))
	{
		history_truncate(table);
		pending_truncated(table);
		return PointerGetDatum(NULL);
	}
	if (TRIGGER_FIRED_BY_INSERT(trigdata->tg_event))
		new = trigdata->tg_trigtuple;
	else
	{
		old = trigdata->tg_trigtuple;
		if (TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event))
			new = trigdata->tg_newtuple;
	}
	if (old == NULL || new == NULL ||
		hub_history_changed(trigdata->tg_relation, table, old, new))
		history_row(trigdata->tg_relation, table, old, new);
	return PointerGetDatum(NULL);
}

/* ---- the attachment and the custom scopes ---- */

/*
 * Two statements over a table of ours and its history; $1 is the number of the
 * change.  Where nothing is different they write nothing.
 */
static void
history_own(const char *close, const char *open)
{
	static const Oid types[1] = {INT8OID};
	Datum		values[1];
	SpiFrame	frame;

	values[0] = Int64GetDatum(history_change(HISTORY_CHANGE));
	spi_enter(&frame, module_owner());
	if (spi_run(close, 1, types, values, NULL, false, true, 0) > 0)
		history_written();
	if (spi_run(open, 1, types, values, NULL, false, true, 0) > 0)
		history_written();
	spi_leave(&frame);
}

void
history_settings(void)
{
	history_own("UPDATE jhub_authz.history_attachment h SET ended = $1 WHERE h.ended IS NULL AND NOT EXISTS"
				" (SELECT FROM jhub_authz.attachment a WHERE a.hub_schema = h.hub_schema AND a.mode = h.mode"
				" AND a.pinned_release IS NOT DISTINCT FROM h.pinned_release)",
				"INSERT INTO jhub_authz.history_attachment (hub_schema, mode, pinned_release, began)"
				" SELECT a.hub_schema, a.mode, a.pinned_release, $1 FROM jhub_authz.attachment a"
				" WHERE a.hub_schema IS NOT NULL AND NOT EXISTS"
				" (SELECT FROM jhub_authz.history_attachment h WHERE h.ended IS NULL)");
}

void
history_custom_scopes(void)
{
	history_own("UPDATE jhub_authz.history_custom_scopes h SET ended = $1 WHERE h.ended IS NULL AND NOT EXISTS"
				" (SELECT FROM jhub_authz.custom_scopes s WHERE s.name = h.name AND s.subscopes = h.subscopes)",
				"INSERT INTO jhub_authz.history_custom_scopes (name, subscopes, began)"
				" SELECT s.name, s.subscopes, $1 FROM jhub_authz.custom_scopes s WHERE NOT EXISTS"
				" (SELECT FROM jhub_authz.history_custom_scopes h WHERE h.ended IS NULL AND h.name = s.name)");
}

bool
history_is_closed(void)
{
	SpiFrame	frame;
	bool		closed;

	spi_enter(&frame, module_owner());
	closed = spi_run("SELECT FROM jhub_authz.history_attachment h WHERE h.ended IS NULL",
					 0, NULL, NULL, NULL, true, true, 1) == 0;
	spi_leave(&frame);
	return closed;
}

/* ---- pruning ---- */

/* Drop the versions of one table that ended before; their number. */
static uint64
history_prune_table(const char *name, TimestampTz before)
{
	static const Oid types[1] = {TIMESTAMPTZOID};
	Datum		values[1];

	values[0] = TimestampTzGetDatum(before);
	return spi_run(psprintf("DELETE FROM jhub_authz.%s h USING jhub_authz.history_changes c"
							" WHERE c.change_id = h.ended AND c.at < $1", name),
				   1, types, values, NULL, false, true, 0);
}

/* Changes that nothing refers to any more. */
static void
history_prune_changes(StringInfo references, TimestampTz before)
{
	static const Oid types[1] = {TIMESTAMPTZOID};
	Datum		values[1];

	values[0] = TimestampTzGetDatum(before);
	spi_run(psprintf("DELETE FROM jhub_authz.history_changes c WHERE c.at < $1 AND c.source <> 'prune'"
					 " AND NOT EXISTS (SELECT FROM (%s) r WHERE r.began = c.change_id)",
					 references->data),
			1, types, values, NULL, false, true, 0);
}

/*
 * keep_history(keep) - drops what ended longer than that ago; the number of
 * versions dropped.  What is so today is never dropped, nor is who began it.
 */
Datum
jhub_authz_keep_history(PG_FUNCTION_ARGS)
{
	static const char *const others[] = {"history_attachment", "history_custom_scopes"};
	TimestampTz before = module_ago(GetCurrentTimestamp(), PG_GETARG_INTERVAL_P(0));
	StringInfoData references;
	SpiFrame	frame;
	uint64		dropped = 0;

	PreventCommandIfReadOnly("keep_history()");
	if (before > GetCurrentTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the time to keep must not be negative")));
	if (TIMESTAMP_IS_NOBEGIN(before))
		PG_RETURN_INT64(0);		/* longer than time goes back */
	spi_enter(&frame, module_owner());
	initStringInfo(&references);
	for (int t = 0; t < HUB_NTABLES; t++)
	{
		char	   *name;
		int			n,
					nkeys;

		if (hub_history_columns((HubTable) t, &n, &nkeys) == NULL)
			continue;
		name = psprintf("history_%s", hub_table_name((HubTable) t));
		dropped += history_prune_table(name, before);
		appendStringInfo(&references, "SELECT began FROM jhub_authz.%s UNION ALL ", name);
	}
	for (int i = 0; i < (int) lengthof(others); i++)
	{
		dropped += history_prune_table(others[i], before);
		appendStringInfo(&references, "%sSELECT began FROM jhub_authz.%s",
						 i > 0 ? " UNION ALL " : "", others[i]);
	}
	history_prune_changes(&references, before);
	spi_leave(&frame);
	history_pruned(before);
	PG_RETURN_INT64(dropped);
}
