/*-------------------------------------------------------------------------
 *
 * hub_owned.c
 *	  What a subject has that can be taken away at once: live tokens, codes that
 *	  could still be exchanged, and browser logins.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_private.h"
#include "hub_write.h"

#include "utils/timestamp.h"

/*
 * Which rows are whose: conditions on the tables, in which $1 is the subject
 * (ids, or a text).  NULL: it has none such.
 */
typedef struct HubOwnedRows
{
	bool		by_ids;
	const char *tokens;
	const char *codes;
	const char *share_codes;
	const char *logins;			/* on users; %s: the hub's schema */
} HubOwnedRows;

static const HubOwnedRows hub_owned_rows[] = {
	[HUB_OF_USERS] = {
		true, "user_id = ANY ($1)", "user_id = ANY ($1)", "owner_id = ANY ($1)",
		"id = ANY ($1)"
	},
	[HUB_OF_SERVICES] = {true, "service_id = ANY ($1)", NULL, NULL, NULL},
	[HUB_OF_CLIENT] = {false, "client_id = $1", "client_id = $1", NULL, NULL},
	[HUB_OF_SESSION] = {
		false, "session_id = $1", "session_id = $1", NULL,
		"id IN (SELECT user_id FROM %s.api_tokens WHERE session_id = $1)"
	},
};

/* The parameters of all statements: the subject, and a moment. */
typedef struct HubOwnedArgs
{
	Oid			types[2];
	Datum		values[2];
} HubOwnedArgs;

static void
hub_owned_args(HubOwnedArgs *args, const HubOwned *owned, Timestamp moment)
{
	bool		by_ids = hub_owned_rows[owned->by].by_ids;

	args->types[0] = by_ids ? INT4ARRAYOID : TEXTOID;
	args->values[0] = by_ids ? spi_int_array(owned->ids, owned->n) :
		PointerGetDatum(module_text_from_utf8(owned->name, strlen(owned->name)));
	args->types[1] = TIMESTAMPOID;
	args->values[1] = TimestampGetDatum(moment);
}

int *
hub_owned_tokens(const HubSchema *hub, const HubOwned *owned, Timestamp moment, int *n)
{
	HubOwnedArgs args;
	SpiFrame	frame;
	uint64		rows;
	int		   *ids;

	hub_owned_args(&args, owned, moment);
	spi_enter(&frame, hub->owner);
	rows = spi_run(psprintf("SELECT id FROM %s.api_tokens"
							" WHERE %s AND (expires_at IS NULL OR expires_at > $2)"
							" ORDER BY id",
							hub->quoted, hub_owned_rows[owned->by].tokens),
				   2, args.types, args.values, NULL, true, true, 0);
	ids = SPI_palloc(sizeof(int) * Max(rows, 1));
	for (uint64 i = 0; i < rows; i++)
		ids[i] = spi_int(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, 0);
	spi_leave(&frame);
	*n = (int) rows;
	return ids;
}

void
hub_expire_codes(const HubSchema *hub, const HubOwned *owned, Timestamp moment)
{
	const HubOwnedRows *rows = &hub_owned_rows[owned->by];
	HubOwnedArgs args;
	SpiFrame	frame;

	hub_owned_args(&args, owned, moment);
	spi_enter(&frame, hub->owner);
	if (rows->codes != NULL)
		/* the one table where the hub keeps seconds since 1970 */
		(void) spi_run(psprintf("UPDATE %s.oauth_codes"
								" SET expires_at = extract(epoch FROM $2)::int WHERE %s"
								" AND (expires_at IS NULL OR expires_at > extract(epoch FROM $2))",
								hub->quoted, rows->codes),
					   2, args.types, args.values, NULL, false, true, 0);
	if (rows->share_codes != NULL && OidIsValid(hub->rel[HUB_SHARE_CODES]))
		(void) spi_run(psprintf("UPDATE %s.share_codes SET expires_at = $2 WHERE %s"
								" AND (expires_at IS NULL OR expires_at > $2)",
								hub->quoted, rows->share_codes),
					   2, args.types, args.values, NULL, false, true, 0);
	spi_leave(&frame);
}

bool
hub_has_logins(HubOwnership by)
{
	return hub_owned_rows[by].logins != NULL;
}

void
hub_end_logins(const HubSchema *hub, const HubOwned *owned)
{
	const char *whose = psprintf(hub_owned_rows[owned->by].logins, hub->quoted);
	HubOwnedArgs args;
	SpiFrame	frame;

	hub_owned_args(&args, owned, 0);
	spi_enter(&frame, hub->owner);
	/* made as the hub makes them */
	(void) spi_run(psprintf("UPDATE %s.users"
							" SET cookie_id = replace(gen_random_uuid()::text, '-', '')"
							" WHERE %s", hub->quoted, whose),
				   1, args.types, args.values, NULL, false, true, 0);
	spi_leave(&frame);
}
