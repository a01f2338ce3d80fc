/*-------------------------------------------------------------------------
 *
 * status.c
 *	  The one row of the view status.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_private.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(jhub_authz__status);

/* Columns of status */
enum
{
	STATUS_HUB_SCHEMA,
	STATUS_REVISION,
	STATUS_RELEASE,
	STATUS_CERTAIN,
	STATUS_MODE,
	STATUS_ATTACHED_AT,
	STATUS_LIVE_TOKENS,
	STATUS_NCOLUMNS
};

static const char *const status_modes[] = {
	[HUB_MODE_OFF] = "off",
	[HUB_MODE_OBSERVE] = "observe",
	[HUB_MODE_ENFORCE] = "enforce",
};

static int64
status_live_tokens(const HubSchema *hub)
{
	static const Oid types[1] = {TIMESTAMPOID};
	Datum		values[1] = {TimestampGetDatum(hub_now())};
	SpiFrame	frame;
	int64		count = 0;
	bool		isnull;

	spi_enter(&frame, hub->owner);
	if (spi_run(psprintf("SELECT count(*) FROM %s.api_tokens WHERE expires_at IS NULL OR expires_at >= $1",
						 hub->quoted), 1, types, values, NULL, true, false, 1) > 0)
		count = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	spi_leave(&frame);
	return count;
}

/* attached_at is not in the settings: nothing else needs it. */
static TimestampTz
status_attached_at(bool *isnull)
{
	SpiFrame	frame;
	TimestampTz result = 0;

	*isnull = true;
	spi_enter(&frame, module_owner());
	if (spi_run("SELECT attached_at FROM jhub_authz.attachment", 0, NULL, NULL, NULL,
				true, false, 1) > 0)
		result = DatumGetTimestampTz(SPI_getbinval(SPI_tuptable->vals[0],
												   SPI_tuptable->tupdesc, 1, isnull));
	spi_leave(&frame);
	return result;
}

/* One row; all NULL without an attached hub. */
Datum
jhub_authz__status(PG_FUNCTION_ARGS)
{
	const Settings *settings = settings_get();
	Datum		values[STATUS_NCOLUMNS] = {0};
	bool		nulls[STATUS_NCOLUMNS];
	TupleDesc	desc;
	HubSchema  *hub;

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	desc = BlessTupleDesc(desc);
	memset(nulls, true, sizeof(nulls));

	if (settings->attached)
	{
		values[STATUS_HUB_SCHEMA] = CStringGetTextDatum(settings->hub_schema);
		values[STATUS_MODE] = CStringGetTextDatum(status_modes[settings->mode]);
		nulls[STATUS_HUB_SCHEMA] = nulls[STATUS_MODE] = false;
		values[STATUS_ATTACHED_AT] = TimestampTzGetDatum(status_attached_at(&nulls[STATUS_ATTACHED_AT]));
	}
	hub = hub_schema(true, false);
	if (hub != NULL)
	{
		values[STATUS_REVISION] = CStringGetTextDatum(hub->revision);
		nulls[STATUS_REVISION] = hub->revision[0] == '\0';
		values[STATUS_RELEASE] = CStringGetTextDatum(hub->release->name);
		values[STATUS_CERTAIN] = BoolGetDatum(hub->certain);
		values[STATUS_LIVE_TOKENS] = Int64GetDatum(status_live_tokens(hub));
		nulls[STATUS_RELEASE] = nulls[STATUS_CERTAIN] = nulls[STATUS_LIVE_TOKENS] = false;
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}
