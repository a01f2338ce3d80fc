/*-------------------------------------------------------------------------
 *
 * preview.c
 *	  preview: what would come of a change?
 *
 * The change is made and decided as it would be at commit, in a subtransaction
 * that is then rolled back.  The only thing that leaves it is the answer, rows
 * of a tuplestore that belongs to the caller.  What was noted earlier in the
 * caller's transaction is decided along with it, as a commit would, and is open
 * again afterwards: the rollback brings back both the rows of pending and the
 * deferred trigger's events (notes.c, and trigger.c of the server).
 *
 * There is nothing here that decides.  The statements run with the caller's
 * rights and settings, the deferred triggers of all tables as they would at the
 * caller's commit, and the decision as always (spi.c).
 *
 *-------------------------------------------------------------------------
 */
#include "growth_private.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "commands/trigger.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "tcop/dest.h"
#include "utils/builtins.h"
#include "utils/resowner.h"
#include "utils/xid8.h"

PG_FUNCTION_INFO_V1(jhub_authz_preview);

#define PREVIEW_COLUMNS	6

/* A place in the change is not one in the caller's statement. */
static void
preview_error_place(void *change)
{
	int			place = geterrposition();

	if (place > 0)
	{
		errposition(0);
		internalerrposition(place);
		internalerrquery(change);
	}
}

static List *
preview_parse(const char *change)
{
	ErrorContextCallback context;
	List	   *statements;

	context.callback = preview_error_place;
	context.arg = unconstify(char *, change);
	context.previous = error_context_stack;
	error_context_stack = &context;
	statements = raw_parser(change, RAW_PARSE_DEFAULT);
	error_context_stack = context.previous;
	return statements;
}

/*
 * One statement.  Rows that it returns go nowhere.  What SPI does not raise
 * itself, because its callers word it, is raised here.
 */
static void
preview_statement(const char *statement)
{
	SPIExecuteOptions options = {0};
	int			rc;

	options.dest = None_Receiver;
	rc = SPI_execute_extended(statement, &options);
	if (rc == SPI_ERROR_TRANSACTION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot begin or end transactions in preview()")));
	if (rc == SPI_ERROR_COPY)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot COPY to or from the client in preview()")));
	if (rc < 0)
		elog(ERROR, "SPI_execute_extended returned %s", SPI_result_code_string(rc));
}

/*
 * The statements, one after the other.  SPI gets them one by one: of several in
 * one call, one that needs no snapshot, such as FETCH, would move on the
 * snapshot that a cursor of the one before has registered.
 */
static void
preview_execute(const char *change)
{
	List	   *statements = preview_parse(change);
	ListCell   *cell;

	foreach(cell, statements)
	{
		RawStmt    *statement = lfirst_node(RawStmt, cell);
		const char *text = change + statement->stmt_location;

		preview_statement(pnstrdup(text, statement->stmt_len > 0 ?
								   statement->stmt_len : (int) strlen(text)));
	}
}

/* Everybody's deferred triggers, ours among them. */
static void
preview_decide(void)
{
	ConstraintsSetStmt *all = makeNode(ConstraintsSetStmt);

	all->constraints = NIL;
	all->deferred = false;
	AfterTriggerSetState(all);
}

static bool
preview_is_on(void)
{
	const Settings *settings;

	/* the change may have dropped everything */
	if (!OidIsValid(get_extension_oid("jhub_authz", true)))
		return false;
	settings = settings_read_latest();
	return settings->attached && settings->mode != HUB_MODE_OFF;
}

/* The last event so far: those of the change come after it. */
static int64
preview_last_event(void)
{
	SpiFrame	frame;
	bool		isnull;
	int64		last;

	spi_enter(&frame, module_owner());
	(void) spi_run("SELECT CASE WHEN is_called THEN last_value ELSE last_value - 1 END"
				   " FROM jhub_authz.token_events_event_id_seq",
				   0, NULL, NULL, NULL, true, true, 1);
	last = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
									   1, &isnull));
	spi_leave(&frame);
	return last;
}

/* spi_each callback: one row of the answer, nothing of it left in a table. */
static void
preview_row(HeapTuple row, TupleDesc desc, void *arg)
{
	ReturnSetInfo *rsinfo = arg;
	Datum		values[PREVIEW_COLUMNS];
	bool		nulls[PREVIEW_COLUMNS];

	for (int i = 0; i < PREVIEW_COLUMNS; i++)
	{
		values[i] = SPI_getbinval(row, desc, i + 1, &nulls[i]);
		if (!nulls[i] && TupleDescAttr(desc, i)->attlen == -1)
			values[i] = PointerGetDatum(PG_DETOAST_DATUM(values[i]));
	}
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

static void
preview_answer(int64 after, ReturnSetInfo *rsinfo)
{
	static const Oid types[2] = {INT8OID, XID8OID};
	Datum		values[2];
	SpiFrame	frame;

	values[0] = Int64GetDatum(after);
	values[1] = FullTransactionIdGetDatum(GetTopFullTransactionId());
	spi_enter(&frame, module_owner());
	spi_each("SELECT token_id, owner_kind, owner_name, action, gained, reason"
			 " FROM jhub_authz.token_events WHERE event_id > $1 AND txid = $2"
			 " AND token_id IS NOT NULL ORDER BY event_id",
			 2, types, values, NULL, true, preview_row, rsinfo);
	spi_leave(&frame);
}

/* All that happens within the subtransaction. */
static void
preview_change(const char *change, ReturnSetInfo *rsinfo)
{
	bool		was_on = preview_is_on();
	int64		last = preview_last_event();

	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
	preview_execute(change);
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	preview_decide();

	/* switching on may be the change, and so may switching off */
	if (!preview_is_on() && !was_on)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no hub is attached, or the mode is off"),
				 errdetail("Nothing would be decided."),
				 errhint("Include jhub_authz.attach() or jhub_authz.set_mode('enforce') in the change, to see what would be decided with it.")));
	if (OidIsValid(get_extension_oid("jhub_authz", true)))
		preview_answer(last, rsinfo);
}

/*
 * preview(change text): rows (token_id, owner_kind, owner_name, action, gained,
 * reason), in the order of the events that would be written.
 *
 * Errors: what the change or a deferred trigger raises, as it is; 22004 for
 * NULL; 25006 where nothing can be written; 0A000 for transaction commands, for
 * COPY from or to the client, and within another preview; 55000 where nothing
 * is decided, neither before nor by the change.
 */
Datum
jhub_authz_preview(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	MemoryContext caller = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	char	   *change;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("change must not be null")));
	if (growth_previewing)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot preview within preview()")));
	PreventCommandIfReadOnly("preview()");
	change = text_to_cstring(PG_GETARG_TEXT_PP(0));
	InitMaterializedSRF(fcinfo, 0);

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(caller);
	growth_previewing = true;
	PG_TRY();
	{
		preview_change(change, rsinfo);
		growth_previewing = false;
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		growth_previewing = false;
		MemoryContextSwitchTo(caller);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(caller);
		CurrentResourceOwner = owner;
		ReThrowError(error);
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);
	CurrentResourceOwner = owner;
	return (Datum) 0;
}
