/*-------------------------------------------------------------------------
 *
 * grace.c
 *	  A token that the hub is just making is not revoked before the hub has
 *	  found it.
 *
 * To make a token the hub commits it and then looks it up by its text.  One that
 * another transaction has revoked in the milliseconds in between it does not
 * find, and answers the request that made it with 500.  So whoever revokes such a
 * token waits, with the revocation made and not yet committed, until it is a
 * little older.  Nothing slips through meanwhile: what makes a token grow is not
 * committed either, and the lock of decisions is held.
 *
 *-------------------------------------------------------------------------
 */
#include "issue.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/array.h"
#include "utils/timestamp.h"
#include "utils/wait_event.h"

/* The hub took 32 ms on a machine with ten times more to do than it could. */
#define GRACE_MS	250

/* Until a moment, or for GRACE_MS if that is sooner: the hub's clock may be ahead. */
static void
grace_wait(Timestamp until)
{
	Timestamp	begin = hub_now();

	until = Min(until, begin + GRACE_MS * INT64CONST(1000));
	for (;;)
	{
		Timestamp	now = hub_now();

		if (now >= until || now < begin)
			return;
		(void) WaitLatch(MyLatch, WL_LATCH_SET | WL_TIMEOUT | WL_EXIT_ON_PM_DEATH,
						 (until - now + 999) / 1000, PG_WAIT_EXTENSION);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
	}
}

/*
 * Wait until the youngest of the tokens that were revoked is GRACE_MS old.
 * created: a timestamp[] of when they were made, by the hub's clock; some may be
 * NULL.
 */
void
issue_grace(Datum created)
{
	Datum	   *moments;
	bool	   *nulls;
	int			n;
	Timestamp	youngest = DT_NOBEGIN;

	deconstruct_array(DatumGetArrayTypeP(created), TIMESTAMPOID, sizeof(Timestamp),
					  FLOAT8PASSBYVAL, TYPALIGN_DOUBLE, &moments, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			youngest = Max(youngest, DatumGetTimestamp(moments[i]));
	if (!TIMESTAMP_NOT_FINITE(youngest))
		grace_wait(youngest + GRACE_MS * INT64CONST(1000));
}
