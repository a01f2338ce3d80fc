/*-------------------------------------------------------------------------
 *
 * prune.c
 *	  prune_events: the one way in which events go.
 *
 * Two kinds stay whatever their age.  The revocation of a token that is still
 * revoked holds the scopes that reinstate() puts back.  And what was pruned
 * before says where the log has a gap.
 *
 *-------------------------------------------------------------------------
 */
#include "growth_private.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(jhub_authz_prune_events);

/* Events up to a moment, deleted: how many. */
static int64
prune_before(TimestampTz bound)
{
	static const Oid types[1] = {TIMESTAMPTZOID};
	Datum		values[1];
	SpiFrame	frame;
	int64		n;

	values[0] = TimestampTzGetDatum(bound);
	spi_enter(&frame, module_owner());
	n = (int64) spi_run("DELETE FROM jhub_authz.token_events e"
						" WHERE e.at < $1 AND e.action <> 'pruned'"
						" AND NOT (e.action = 'revoked' AND EXISTS"
						" (SELECT FROM jhub_authz.token_baselines b"
						" WHERE b.token_id = e.token_id AND b.revoked_at <= e.at))",
						1, types, values, NULL, false, true, 0);
	spi_leave(&frame);
	return n;
}

/*
 * prune_events(keep interval) returns bigint
 *
 * The owner of the extension may, and whom it grants it.  Errors: 22023 for a
 * negative interval, 25006 where nothing can be written.
 */
Datum
jhub_authz_prune_events(PG_FUNCTION_ARGS)
{
	Interval   *keep = PG_GETARG_INTERVAL_P(0);
	Interval	nothing = {0};
	TimestampTz now = GetCurrentTransactionStartTimestamp();
	TimestampTz bound;
	TokenEvent	event = {0};
	int64		n;

	if (DatumGetBool(DirectFunctionCall2(interval_lt, IntervalPGetDatum(keep),
										 IntervalPGetDatum(&nothing))))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("interval to keep must not be negative")));
	PreventCommandIfReadOnly("prune_events()");
	bound = module_ago(now, keep);
	/* a month less 30 days is nothing, and may end tomorrow all the same */
	bound = Min(bound, now);
	n = prune_before(bound);

	event.action = "pruned";
	event.reason = psprintf("prune: " INT64_FORMAT " events before %s",
							n, timestamptz_to_str(bound));
	token_event(&event, NULL);
	PG_RETURN_INT64(n);
}
