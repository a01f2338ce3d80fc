/*-------------------------------------------------------------------------
 *
 * switch.c
 *	  Is a change to be noted, and the lock by which switching on is safe.
 *
 * While nothing is attached, or the mode is off, changes are not noted, and so
 * nobody would decide on a transaction that changed grants then and commits
 * after somebody else has switched on.  Therefore such a transaction holds the
 * switch lock shared, from its first change to its end, and whoever switches on
 * takes it exclusively, before the lock of the decision (decide.c), and until
 * the end of that transaction:
 *
 * - Who has the shared lock is waited for, so all that went unnoted is there
 *	 when everyone is judged.
 * - Who cannot have it at once finds that a switch is under way, and notes as if
 *	 the mode were on.  Its decision takes the decision's lock: either before the
 *	 one who switches on, who then judges everyone after it, or after, and then
 *	 finds the mode on.
 *
 * Nobody ever waits to be allowed a change.  In mode off this is one lock for a
 * transaction, no table is touched.
 *
 *-------------------------------------------------------------------------
 */
#include "growth_private.h"

#include "access/xact.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/lock.h"
#include "utils/guc.h"
#include "utils/inval.h"

/* The decision's lock is 1, see decide.c. */
#define SWITCH_LOCK_SUBID	2

static void
switch_tag(LOCKTAG *tag)
{
	SET_LOCKTAG_OBJECT(*tag, MyDatabaseId, ExtensionRelationId,
					   module_extension_oid(), SWITCH_LOCK_SUBID);
}

static bool
switch_is_on(void)
{
	const Settings *settings = settings_get();

	return settings->attached && settings->mode != HUB_MODE_OFF;
}

/*
 * Is a change of this transaction to be noted?  If not, nobody switches on
 * before it has ended.
 */
bool
switch_must_note(void)
{
	LOCKTAG		tag;

	if (switch_is_on())
		return true;
	switch_tag(&tag);
	switch (LockAcquire(&tag, ShareLock, false, true))
	{
		case LOCKACQUIRE_NOT_AVAIL:
			return true;
		case LOCKACQUIRE_OK:
			break;
		default:
			return false;		/* held since an earlier change */
	}

	/* Has somebody switched on since this statement looked last? */
	AcceptInvalidationMessages();
	if (!switch_is_on())
		return false;
	(void) LockRelease(&tag, ShareLock, false);
	return true;
}

/* Who holds the lock, as text for a message; NULL if it can't be told. */
static char *
switch_holders(void)
{
	static const Oid types[2] = {OIDOID, OIDOID};
	MemoryContext caller = CurrentMemoryContext;
	Datum		values[2];
	SpiFrame	frame;
	char	   *holders = NULL;

	values[0] = ObjectIdGetDatum(ExtensionRelationId);
	values[1] = ObjectIdGetDatum(module_extension_oid());
	spi_enter(&frame, module_owner());
	if (spi_run("SELECT string_agg(CASE WHEN l.pid IS NOT NULL THEN 'process ' || l.pid"
				" ELSE 'prepared transaction ' || coalesce(quote_literal(p.gid), '') END, ', ' ORDER BY l.pid)"
				" FROM pg_locks l LEFT JOIN (pg_locks x JOIN pg_prepared_xacts p ON p.transaction = x.transactionid)"
				" ON l.pid IS NULL AND x.pid IS NULL AND x.locktype = 'transactionid'"
				" AND x.virtualtransaction = l.virtualtransaction"
				" WHERE l.locktype = 'object' AND l.classid = $1 AND l.objid = $2"
				" AND l.objsubid = 2 AND l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()"
				" AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())",
				2, types, values, NULL, true, true, 1) > 0)
	{
		char	   *value = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);

		if (value != NULL)
			holders = MemoryContextStrdup(caller, value);
	}
	spi_leave(&frame);
	return holders;
}

/* Error context callback: a wait that ends says what it was for. */
static void
switch_explain(void *arg)
{
	const char *holders = arg;

	if (geterrcode() != ERRCODE_LOCK_NOT_AVAILABLE)
		return;
	errdetail("Transactions are open that changed grants while nothing was decided: %s.",
			  holders ? holders : "they have just ended");
	errhint("Wait until they have ended, or end them with pg_terminate_backend(), and call it again.");
}

/*
 * Before anything is switched on: nobody has unnoted changes from here to the
 * end of our transaction.  55P03 after timeout_ms (0: waits without limit).
 */
void
switch_lock(int timeout_ms)
{
	ErrorContextCallback explain = {.callback = switch_explain};
	LOCKTAG		tag;
	int			nest;

	switch_tag(&tag);
	if (LockAcquire(&tag, ExclusiveLock, false, true) == LOCKACQUIRE_NOT_AVAIL)
	{
		explain.arg = switch_holders();
		explain.previous = error_context_stack;
		error_context_stack = &explain;
		nest = decision_timeout(timeout_ms);
		(void) LockAcquire(&tag, ExclusiveLock, false, false);
		AtEOXact_GUC(true, nest);
		error_context_stack = explain.previous;
	}
	AcceptInvalidationMessages();
}
