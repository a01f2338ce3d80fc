/*-------------------------------------------------------------------------
 *
 * spi.c
 *	  Running SQL from C: as the right owner, with a pinned search_path, with
 *	  plans that are kept.
 *
 * Everything that this extension asks of a table goes through here.  The hub's
 * tables are worked on as their owner and ours as the extension's owner, as
 * ri_triggers.c does, so that a trigger, policy or default which the hub's role
 * put on its own tables runs with that role's rights and no more.
 *
 * A plan is kept under its text.  The text names relations with their schema,
 * and the server plans it again by itself when one of them changes or is dropped
 * and made anew.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include "access/parallel.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/parsenodes.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/plancache.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"

/* rows that spi_each fetches at a time */
#define SPI_EACH_BATCH	1000

typedef struct SpiPlanEntry
{
	uint64		key;			/* hash of the text */
	char	   *sql;
	SPIPlanPtr	plan;
	bool		by_key;			/* see spi_plan_by_key */
	bool		planned;
} SpiPlanEntry;

static HTAB *spi_plans = NULL;

/*
 * What is done as the hub's role in somebody else's session must leave nothing
 * behind that would run as that session's user afterwards, as a deferred
 * trigger on a hub table, a cursor WITH HOLD or a temporary table would: so it
 * is a security-restricted operation, in which the server refuses all of these.
 * Our own tables have no code but ours, and a deferred trigger that is to run.
 */
static int
spi_sec_context(Oid role, int outer)
{
	int			flags = outer | SECURITY_LOCAL_USERID_CHANGE | SECURITY_NOFORCE_RLS;

	if (role == module_owner())
		return flags & ~SECURITY_RESTRICTED_OPERATION;
	if (role != GetSessionUserId())
		return flags | SECURITY_RESTRICTED_OPERATION;
	return flags;
}

void
spi_enter(SpiFrame *frame, Oid role)
{
	frame->save_nestlevel = NewGUCNestLevel();
	(void) set_config_option("search_path", "pg_catalog, pg_temp",
							 PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	GetUserIdAndSecContext(&frame->save_userid, &frame->save_sec_context);
	SetUserIdAndSecContext(role, spi_sec_context(role, frame->save_sec_context));
	if (SPI_connect() != SPI_OK_CONNECT)
		elog(ERROR, "SPI_connect failed");
}

void
spi_leave(SpiFrame *frame)
{
	if (SPI_finish() != SPI_OK_FINISH)
		elog(ERROR, "SPI_finish failed");
	SetUserIdAndSecContext(frame->save_userid, frame->save_sec_context);
	/* what code of the hub's role has SET meanwhile goes too */
	AtEOXact_GUC(false, frame->save_nestlevel);
}

/*
 * A generic plan from the start: our queries look up by key or by arrays of
 * keys, so planning for the values of each call would only cost time.
 */
static SPIPlanPtr
spi_prepare(const char *sql, int nargs, const Oid *argtypes)
{
	SPIPlanPtr	plan = SPI_prepare_cursor(sql, nargs, unconstify(Oid *, argtypes),
										  CURSOR_OPT_GENERIC_PLAN);

	if (plan == NULL)
		elog(ERROR, "SPI_prepare_cursor returned %s for %s",
			 SPI_result_code_string(SPI_result), sql);
	return plan;
}

/* DROP and CREATE EXTENSION give our types other OIDs. */
static bool
spi_takes_types(SPIPlanPtr plan, int nargs, const Oid *argtypes)
{
	if (SPI_getargcount(plan) != nargs)
		return false;
	for (int i = 0; i < nargs; i++)
		if (SPI_getargtypeid(plan, i) != argtypes[i])
			return false;
	return true;
}

/*
 * Did a rule of the hub's role put something else in a statement's place?  Then
 * the plan may not rest on the table at all, and would go on after the rule is
 * dropped.
 */
static bool
spi_is_rewritten(SPIPlanPtr plan)
{
	ListCell   *cell;

	foreach(cell, SPI_plan_get_plan_sources(plan))
	{
		CachedPlanSource *source = lfirst(cell);

		if (list_length(source->query_list) != 1 ||
			linitial_node(Query, source->query_list)->querySource != QSRC_ORIGINAL)
			return true;
	}
	return false;
}

/*
 * Our own tables are looked up by key, and so is what a statement with parameters
 * is about.  A plan that is made while a table is tiny would read all of it, and
 * go on so in a session that fills it, until it is analyzed.  So there an index is
 * taken wherever there is one.  Only planned here: what runs inside, a decision
 * for one, is planned as ever.  Where there is no index, the estimate is absurd,
 * and nothing shall be compiled for it.
 */
static SPIPlanPtr
spi_plan_by_key(SpiPlanEntry *entry)
{
	CachedPlan *cached;
	int			nest;

	if (!entry->by_key || (entry->planned && SPI_plan_is_valid(entry->plan)))
		return entry->plan;
	nest = NewGUCNestLevel();
	(void) set_config_option("enable_seqscan", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	(void) set_config_option("jit", "off", PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	cached = SPI_plan_get_cached_plan(entry->plan);
	if (cached != NULL)
		ReleaseCachedPlan(cached, CurrentResourceOwner);
	AtEOXact_GUC(true, nest);
	entry->planned = true;
	return entry->plan;
}

/*
 * The plan of an entry.  One that a rule has come to since gives its place to a
 * new one when the rule has gone; it is not freed, for it may be the one that is
 * being run (see below).
 */
static SPIPlanPtr
spi_current_plan(SpiPlanEntry *entry, int nargs, const Oid *argtypes)
{
	SPIPlanPtr	plan;

	if (!spi_is_rewritten(entry->plan))
		return spi_plan_by_key(entry);
	plan = spi_prepare(entry->sql, nargs, argtypes);
	if (spi_is_rewritten(plan))
		return plan;
	SPI_keepplan(plan);
	entry->plan = plan;
	entry->planned = false;
	return spi_plan_by_key(entry);
}

/*
 * The kept plan for a text.  Two texts with the same hash don't share an entry:
 * the second is prepared each time, which is slow but right.
 *
 * One that is no longer valid is kept all the same: the server makes it anew
 * when it is run.  It may not be freed here, for it may be the one that is being
 * run: a decision that SET CONSTRAINTS brought forward runs within the INSERT
 * of a note, and may note something itself.
 */
static SPIPlanPtr
spi_saved_plan(const char *sql, int nargs, const Oid *argtypes, bool by_key)
{
	uint64		key = hash_bytes_extended((const unsigned char *) sql, strlen(sql), 0);
	SpiPlanEntry *entry;
	bool		found;

	if (spi_plans == NULL)
	{
		HASHCTL		ctl = {.keysize = sizeof(uint64),.entrysize = sizeof(SpiPlanEntry)};

		spi_plans = hash_create("jhub_authz plans", 64, &ctl, HASH_ELEM | HASH_BLOBS);
	}

	entry = hash_search(spi_plans, &key, HASH_FIND, NULL);
	if (entry != NULL)
	{
		if (strcmp(entry->sql, sql) != 0)
			return spi_prepare(sql, nargs, argtypes);
		if (spi_takes_types(entry->plan, nargs, argtypes))
			return spi_current_plan(entry, nargs, argtypes);
		SPI_freeplan(entry->plan);
		pfree(entry->sql);
		hash_search(spi_plans, &key, HASH_REMOVE, NULL);
	}

	/* Enter it only when nothing can fail any more. */
	{
		SPIPlanPtr	plan = spi_prepare(sql, nargs, argtypes);
		char	   *copy;

		if (spi_is_rewritten(plan))
			return plan;
		copy = MemoryContextStrdup(TopMemoryContext, sql);
		entry = hash_search(spi_plans, &key, HASH_ENTER, &found);
		entry->sql = copy;
		entry->plan = plan;
		entry->by_key = by_key || strstr(sql, "jhub_authz.") != NULL;
		entry->planned = false;
		SPI_keepplan(plan);
		return spi_plan_by_key(entry);
	}
}

/*
 * The latest snapshot can't be taken in parallel mode; there nothing is
 * written, and the query's own snapshot is the right one.
 */
static bool
spi_use_latest(bool latest)
{
	return latest && !IsInParallelMode();
}

void
spi_moment(SpiMoment *moment)
{
	bool		parallel = !spi_use_latest(true);
	Snapshot	snapshot = parallel ? GetActiveSnapshot() : GetLatestSnapshot();

	memset(moment, 0, sizeof(*moment));
	moment->completions = parallel ? 0 : snapshot->snapXactCompletionCount;
	moment->xmin = snapshot->xmin;
	moment->xmax = snapshot->xmax;
	moment->xcnt = snapshot->xcnt;
	moment->subxcnt = snapshot->subxcnt;
	moment->curcid = snapshot->curcid;
	moment->parallel = parallel;
}

bool
spi_moment_stands(const SpiMoment *moment)
{
	SpiMoment	now;

	if (!moment->parallel)
		return true;
	if (!IsInParallelMode())
		return false;
	spi_moment(&now);
	return memcmp(&now, moment, sizeof(now)) == 0;
}

void
spi_moment_before_reading(SpiMoment *moment)
{
	/* what this transaction has written is to count, as it does for spi_run */
	if (spi_use_latest(true))
		CommandCounterIncrement();
	spi_moment(moment);
}

bool
spi_moment_lasts(const SpiMoment *moment)
{
	SpiMoment	now;

	/*
	 * In parallel mode it is not known how many transactions have ended, and the
	 * end of one of our own subtransactions may not show in anything else.
	 */
	if (IsInParallelMode() && TransactionIdIsValid(GetTopTransactionIdIfAny()))
		return false;
	spi_moment_before_reading(&now);
	return memcmp(&now, moment, sizeof(now)) == 0;
}

uint64
spi_run(const char *sql, int nargs, const Oid *argtypes,
		const Datum *values, const char *nulls,
		bool read_only, bool latest, long limit)
{
	SPIPlanPtr	plan = spi_saved_plan(sql, nargs, argtypes, nargs > 0);
	Datum	   *vals = unconstify(Datum *, values);
	int			rc;

	if (spi_use_latest(latest))
	{
		CommandCounterIncrement();
		rc = SPI_execute_snapshot(plan, vals, nulls, GetLatestSnapshot(),
								  InvalidSnapshot, false, true, limit);
	}
	else
		rc = SPI_execute_plan(plan, vals, nulls, read_only, limit);
	if (rc < 0)
		elog(ERROR, "SPI returned %s for %s", SPI_result_code_string(rc), sql);
	return SPI_processed;
}

static void
spi_each_at(const char *sql, int nargs, const Oid *argtypes,
			const Datum *values, const char *nulls,
			bool latest, bool before, spi_row_fn each, void *arg)
{
	SPIPlanPtr	plan = spi_saved_plan(sql, nargs, argtypes, false);
	bool		pushed = spi_use_latest(latest) || before;
	MemoryContext row_context;
	MemoryContext save_context;
	Portal		portal;

	if (spi_use_latest(latest))
		CommandCounterIncrement();
	if (pushed)
		PushCopiedSnapshot(spi_use_latest(latest) ? GetLatestSnapshot() : GetActiveSnapshot());
	if (before)
		GetActiveSnapshot()->curcid = FirstCommandId;
	portal = SPI_cursor_open(NULL, plan, unconstify(Datum *, values), nulls, true);
	if (pushed)
		PopActiveSnapshot();	/* the portal has its own registration */

	row_context = AllocSetContextCreate(CurrentMemoryContext,
										"jhub_authz row", ALLOCSET_DEFAULT_SIZES);
	for (;;)
	{
		SPITupleTable *table;
		uint64		n;

		CHECK_FOR_INTERRUPTS();
		SPI_cursor_fetch(portal, true, SPI_EACH_BATCH);
		table = SPI_tuptable;
		n = SPI_processed;
		if (n == 0)
			break;
		save_context = MemoryContextSwitchTo(row_context);
		for (uint64 i = 0; i < n; i++)
		{
			each(table->vals[i], table->tupdesc, arg);
			MemoryContextReset(row_context);
		}
		MemoryContextSwitchTo(save_context);
		SPI_freetuptable(table);
	}
	SPI_cursor_close(portal);
	MemoryContextDelete(row_context);
}

void
spi_each(const char *sql, int nargs, const Oid *argtypes,
		 const Datum *values, const char *nulls,
		 bool latest, spi_row_fn each, void *arg)
{
	spi_each_at(sql, nargs, argtypes, values, nulls, latest, false, each, arg);
}

/*
 * A snapshot that is of before the first command sees nothing of what this
 * transaction did: not the rows that it made, and those that it changed as they
 * were.
 */
void
spi_each_before(const char *sql, int nargs, const Oid *argtypes,
				const Datum *values, const char *nulls,
				bool latest, spi_row_fn each, void *arg)
{
	spi_each_at(sql, nargs, argtypes, values, nulls, latest, true, each, arg);
}

char *
spi_utf8(HeapTuple row, TupleDesc desc, int column)
{
	char	   *value = SPI_getvalue(row, desc, column);

	return value == NULL ? NULL : module_to_utf8(value);
}

/*
 * The owner of the hub's tables can give a column another type than the hub's.
 * What is read from one is never taken for what it is not, pointers least of all:
 * it goes by its text then, and is an error where that says something else.
 */
int
spi_int(HeapTuple row, TupleDesc desc, int column, int missing)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, desc, column, &isnull);

	if (isnull)
		return missing;
	if (SPI_gettypeid(desc, column) == INT4OID)
		return DatumGetInt32(value);
	return pg_strtoint32(SPI_getvalue(row, desc, column));
}

/* A timestamp without time zone, likewise; 0 for NULL. */
Timestamp
spi_time(HeapTuple row, TupleDesc desc, int column, bool *isnull)
{
	Datum		value = SPI_getbinval(row, desc, column, isnull);

	if (*isnull)
		return 0;
	if (SPI_gettypeid(desc, column) == TIMESTAMPOID)
		return DatumGetTimestamp(value);
	return DatumGetTimestamp(DirectFunctionCall3(timestamp_in,
												 CStringGetDatum(SPI_getvalue(row, desc, column)),
												 ObjectIdGetDatum(InvalidOid),
												 Int32GetDatum(-1)));
}

Datum
spi_int_array(const int *values, int n)
{
	Datum	   *elems = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		elems[i] = Int32GetDatum(values[i]);
	return PointerGetDatum(construct_array(elems, n, INT4OID, sizeof(int32), true,
										   TYPALIGN_INT));
}

/*
 * A string that the server's encoding cannot hold is left out: what is looked
 * up by it is nobody's name in this database.
 */
Datum
spi_text_array(char *const *values, int n)
{
	Datum	   *elems = palloc(sizeof(Datum) * Max(n, 1));
	int			kept = 0;

	for (int i = 0; i < n; i++)
	{
		text	   *value = module_text_if_representable(values[i]);

		if (value != NULL)
			elems[kept++] = PointerGetDatum(value);
	}
	return PointerGetDatum(construct_array(elems, kept, TEXTOID, -1, false, TYPALIGN_INT));
}

bool
module_try(void (*attempt) (void *arg), void *arg, bool (*tolerates) (int sqlerrcode))
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	volatile bool done = true;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		attempt(arg);
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		ErrorData  *error;

		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
		MemoryContextSwitchTo(context);
		CurrentResourceOwner = owner;
		if (!tolerates(error->sqlerrcode))
			ReThrowError(error);
		done = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return done;
}
