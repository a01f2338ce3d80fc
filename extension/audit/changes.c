/*-------------------------------------------------------------------------
 *
 * changes.c
 *	  history_changes: one row for each transaction and actor that changed
 *	  something on record.
 *
 * What was changed is in the tables history_*, whose columns began and ended
 * hold numbers of changes.  So the moment and the actor are kept once, and a
 * transaction is one moment: none of its states in between is ever seen.
 *
 * The moment is that of the commit, as near as it can be had: the row is written
 * in the transaction's last step before it, after all deferred triggers.  So an
 * answer "as of" a moment rests on what had been committed by then, however long
 * a transaction took, and agrees with what a decision made then could see.
 * Prepared: the moment of PREPARE TRANSACTION.  Brought by logical replication:
 * the moment of the commit over there.
 *
 * The moment is always later than every one on record.  Two transactions that
 * write the same row wait for each other, so for each row the order of moments
 * is the order in which they came true, even if the clock is set back; then
 * moments go on by a microsecond until the clock has caught up.
 *
 * A number is the clock's microseconds and the number of the server process: no
 * sequence, whose values would collide with those that a restore brings.
 *
 * As for the actor, it is that of the first statement; another one in the same
 * transaction (SET ROLE, a renamed application) has a change of its own.
 *
 *-------------------------------------------------------------------------
 */
#include "history.h"

#include "access/genam.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "replication/logicalworker.h"
#include "replication/origin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "../growth/growth.h"
#include "../module/init.h"

#define CHANGE_COLUMNS		9
#define CHANGE_BACKEND_BITS	12

typedef struct Change
{
	int64		id;
	Oid			table;			/* where it is to be written */
	HistorySource source;
	Actor		actor;
	TimestampTz kept_from;		/* of a prune */

	/*
	 * The outermost level of subtransactions at which something was written; 0:
	 * nothing was, or all of it was rolled back.
	 */
	int			level;
} Change;

static const char *const change_sources[] = {
	[HISTORY_CHANGE] = "change",
	[HISTORY_REPLICATION] = "replication",
	[HISTORY_ATTACH] = "attach",
	[HISTORY_PRUNE] = "prune",
};

/* Of this transaction, in TopTransactionContext; the last is the current one. */
static Change *changes = NULL;
static int	nchanges = 0;
static int	changes_size = 0;

static int64
change_new_id(void)
{
	static TimestampTz last = 0;
	TimestampTz now = GetCurrentTimestamp();

	/* 51 bits of microseconds since 2000 last until 2071 */
	last = Max(now, last + 1);
	return (last << CHANGE_BACKEND_BITS) |
		(module_backend_number() & ((1 << CHANGE_BACKEND_BITS) - 1));
}

static bool
change_same_actor(const Actor *a, const Actor *b)
{
	return strcmp(NameStr(a->session_user), NameStr(b->session_user)) == 0 &&
		strcmp(NameStr(a->role), NameStr(b->role)) == 0 &&
		strcmp(a->application_name, b->application_name) == 0;
}

/*
 * history_changes.  A transaction may drop the extension, or make it anew, after
 * it has changed something: what was recorded went with it then.
 */
static Oid
changes_table(void)
{
	Oid			schema = get_namespace_oid("jhub_authz", true);

	return OidIsValid(schema) ? get_relname_relid("history_changes", schema) : InvalidOid;
}

static Change *
change_add(HistorySource source, const Actor *actor, Oid table)
{
	Change	   *change;

	if (nchanges >= changes_size)
	{
		int			size = Max(4, changes_size * 2);

		if (changes == NULL)
			changes = MemoryContextAlloc(TopTransactionContext, size * sizeof(Change));
		else
			changes = repalloc(changes, size * sizeof(Change));
		changes_size = size;
	}
	change = &changes[nchanges];
	memset(change, 0, sizeof(Change));
	change->id = change_new_id();
	change->table = table;
	change->source = source;
	change->actor = *actor;
	nchanges++;
	return change;
}

int64
history_change(HistorySource source)
{
	Oid			table = changes_table();
	Actor		actor;

	if (source == HISTORY_CHANGE && IsLogicalWorker())
		source = HISTORY_REPLICATION;
	actor_current(&actor);
	if (actor.application_name[0] == '\0' && MyBgworkerEntry != NULL)
		strlcpy(actor.application_name, MyBgworkerEntry->bgw_type, NAMEDATALEN);
	for (int i = nchanges - 1; i >= 0; i--)
		if (changes[i].source == source && changes[i].table == table &&
			change_same_actor(&changes[i].actor, &actor))
		{
			Change		found = changes[i];

			/* make it the current one; there are rarely two */
			changes[i] = changes[nchanges - 1];
			changes[nchanges - 1] = found;
			return found.id;
		}
	return change_add(source, &actor, table)->id;
}

void
history_written(void)
{
	Change	   *change = &changes[nchanges - 1];
	int			level = GetCurrentTransactionNestLevel();

	Assert(nchanges > 0);
	if (change->level == 0 || change->level > level)
		change->level = level;
}

void
history_pruned(TimestampTz kept_from)
{
	(void) history_change(HISTORY_PRUNE);
	changes[nchanges - 1].kept_from = kept_from;
	history_written();
}

Datum
history_own_changes(void)
{
	Datum	   *ids = palloc(sizeof(Datum) * Max(nchanges, 1));

	for (int i = 0; i < nchanges; i++)
		ids[i] = Int64GetDatum(changes[i].id);
	return PointerGetDatum(construct_array(ids, nchanges, INT8OID, sizeof(int64),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* ---- at the end of the transaction ---- */

/*
 * The last moment on record, or 0.  Read past MVCC, so that transactions at
 * SERIALIZABLE do not fail for having looked at the same last row.
 */
static TimestampTz
change_last_moment(void)
{
	Relation	rel = table_open(module_relation("history_changes"), AccessShareLock);
	Relation	index = index_open(module_relation("history_changes_by_time"), AccessShareLock);
	SysScanDesc scan = systable_beginscan_ordered(rel, index, SnapshotSelf, 0, NULL);
	HeapTuple	tuple = systable_getnext_ordered(scan, BackwardScanDirection);
	TimestampTz result = 0;

	if (HeapTupleIsValid(tuple))
	{
		bool		isnull;
		Datum		at = heap_getattr(tuple, 2, RelationGetDescr(rel), &isnull);

		if (!isnull)
			result = DatumGetTimestampTz(at);
	}
	systable_endscan_ordered(scan);
	index_close(index, AccessShareLock);
	table_close(rel, AccessShareLock);
	return result;
}

/* When this transaction comes true, as near as it is known now. */
static TimestampTz
change_moment(void)
{
	TimestampTz now = GetCurrentTimestamp();

	/* the apply worker says when the publisher committed */
	if (IsLogicalWorker() && replorigin_session_origin != InvalidRepOriginId &&
		replorigin_session_origin_timestamp != 0)
		now = replorigin_session_origin_timestamp;
	return Max(now, change_last_moment() + 1);
}

static void
change_write(const Change *change, TimestampTz at)
{
	static const Oid types[CHANGE_COLUMNS] = {
		INT8OID, TIMESTAMPTZOID, TIMESTAMPTZOID, XID8OID, NAMEOID, NAMEOID, TEXTOID, TEXTOID,
		TIMESTAMPTZOID
	};
	Datum		values[CHANGE_COLUMNS];
	char		nulls[CHANGE_COLUMNS];

	memset(nulls, ' ', sizeof(nulls));
	values[0] = Int64GetDatum(change->id);
	values[1] = TimestampTzGetDatum(at);
	values[2] = TimestampTzGetDatum(GetCurrentTimestamp());
	values[3] = FullTransactionIdGetDatum(GetTopFullTransactionId());
	values[4] = NameGetDatum(&change->actor.session_user);
	values[5] = NameGetDatum(&change->actor.role);
	values[6] = CStringGetTextDatum(change->actor.application_name);
	values[7] = CStringGetTextDatum(change_sources[change->source]);
	values[8] = TimestampTzGetDatum(change->kept_from);
	if (change->source != HISTORY_PRUNE)
		nulls[8] = 'n';
	(void) spi_run("INSERT INTO jhub_authz.history_changes (change_id, at, recorded_at, txid,"
				   " actor, role, application_name, source, kept_from)"
				   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
				   CHANGE_COLUMNS, types, values, nulls, false, false, 0);
}

static void
changes_write(void)
{
	Oid			table = changes_table();
	TimestampTz at;
	SpiFrame	frame;
	bool		any = false;

	for (int i = 0; i < nchanges; i++)
	{
		if (changes[i].table != table)
			changes[i].level = 0;
		any |= changes[i].level > 0;
	}
	if (!any)
		return;
	PushActiveSnapshot(GetTransactionSnapshot());
	at = change_moment();
	spi_enter(&frame, module_owner());
	for (int i = 0; i < nchanges; i++)
		if (changes[i].level > 0)
			change_write(&changes[i], at);
	spi_leave(&frame);
	PopActiveSnapshot();
}

static void
changes_forget(void)
{
	changes = NULL;
	nchanges = changes_size = 0;
}

static void
changes_xact(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_PRE_COMMIT:
		case XACT_EVENT_PRE_PREPARE:
			if (nchanges > 0)
				changes_write();
			break;
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
			changes_forget();
			break;
		default:
			break;				/* parallel workers write nothing */
	}
}

/* What was written at this level is the outer one's now, or was not. */
static void
changes_subxact(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	int			level = GetCurrentTransactionNestLevel();

	for (int i = 0; i < nchanges; i++)
	{
		if (changes[i].level < level)
			continue;
		if (event == SUBXACT_EVENT_COMMIT_SUB)
			changes[i].level = level - 1;
		else if (event == SUBXACT_EVENT_ABORT_SUB)
			changes[i].level = 0;
	}
}

void
history_init(void)
{
	RegisterXactCallback(changes_xact, NULL);
	RegisterSubXactCallback(changes_subxact, NULL);
	settings_on_written(history_settings);
}
