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

#include "catalog/pg_type.h"
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

/* An array that a query's one row holds; 0 where it is of nothing. */
static Datum
owned_array(int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc,
									  column, &isnull);

	return isnull ? (Datum) 0 : value;
}

/*
 * A query that finds what is there yet, by id, though it was taken away: nothing
 * that the hub's role put on its table may turn that into something that is only
 * said.
 */
static void
owned_check(const HubSchema *hub, const char *table, const char *what,
			const char *sql, const Oid *types, const Datum *values)
{
	if (spi_run(sql, 2, types, values, NULL, true, true, 1) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("%s %s could not be revoked", what,
						SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1)),
				 errhint("Look for a trigger or rule of your own on table \"%s.%s\".",
						 hub->name, table)));
}

/* Codes of a table that would be good after a moment expire then. */
static void
owned_expire(const HubSchema *hub, const HubOwnedArgs *args, const char *table,
			 const char *what, const char *whose, const char *moment, const char *after)
{
	Oid			types[2] = {INT4ARRAYOID, TIMESTAMPOID};
	Datum		values[2];

	(void) spi_run(psprintf("SELECT array_agg(id::int) FROM %s.%s WHERE %s"
							" AND (expires_at IS NULL OR expires_at > %s)",
							hub->quoted, table, whose, after),
				   2, args->types, args->values, NULL, true, true, 1);
	values[0] = owned_array(1);
	values[1] = args->values[1];
	if (values[0] == (Datum) 0)
		return;
	(void) spi_run(psprintf("UPDATE %s.%s SET expires_at = %s WHERE %s"
							" AND (expires_at IS NULL OR expires_at > %s)",
							hub->quoted, table, moment, whose, after),
				   2, args->types, args->values, NULL, false, true, 0);
	owned_check(hub, table, what,
				psprintf("SELECT id FROM %s.%s WHERE id = ANY ($1)"
						 " AND (expires_at IS NULL OR expires_at > %s) ORDER BY id",
						 hub->quoted, table, moment),
				types, values);
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
		owned_expire(hub, &args, "oauth_codes", "OAuth code", rows->codes,
					 "extract(epoch FROM $2)::int", "extract(epoch FROM $2)");
	if (rows->share_codes != NULL && OidIsValid(hub->rel[HUB_SHARE_CODES]))
		owned_expire(hub, &args, "share_codes", "share code", rows->share_codes,
					 "$2", "$2");
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
	Oid			types[2] = {INT4ARRAYOID, TEXTARRAYOID};
	Datum		values[2];
	HubOwnedArgs args;
	SpiFrame	frame;

	hub_owned_args(&args, owned, 0);
	spi_enter(&frame, hub->owner);
	(void) spi_run(psprintf("SELECT array_agg(id::int ORDER BY id), array_agg(cookie_id::text ORDER BY id)"
							" FROM %s.users WHERE %s", hub->quoted, whose),
				   1, args.types, args.values, NULL, true, true, 1);
	values[0] = owned_array(1);
	values[1] = owned_array(2);
	if (values[0] != (Datum) 0)
	{
		/* made as the hub makes them */
		(void) spi_run(psprintf("UPDATE %s.users"
								" SET cookie_id = replace(gen_random_uuid()::text, '-', '')"
								" WHERE %s", hub->quoted, whose),
					   1, args.types, args.values, NULL, false, true, 0);
		owned_check(hub, "users", "browser login of user",
					psprintf("SELECT u.id FROM %s.users u JOIN unnest($1, $2) AS o (id, cookie)"
							 " ON o.id = u.id AND o.cookie = u.cookie_id::text ORDER BY u.id",
							 hub->quoted),
					types, values);
	}
	spi_leave(&frame);
}
