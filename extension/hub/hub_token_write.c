/*-------------------------------------------------------------------------
 *
 * hub_token_write.c
 *	  Rows of api_tokens: inserted, given other scopes, expired, revived.
 *
 * Tokens that are there already are locked in order of id before they are
 * changed, so that two statements over the same tokens wait for each other and
 * do not deadlock.  No row is ever deleted: the hub keeps rows in memory, and
 * its next write to one that is gone would fail.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_private.h"
#include "hub_write.h"

#include "catalog/pg_type.h"
#include "utils/timestamp.h"

#define HUB_NEW_TOKEN_COLUMNS	9

/* ---- a new token ---- */

/*
 * A row that violates a constraint is shown in DETAIL, with the hash.  No
 * message of ours may hold that.
 */
static void
hub_hide_row(void *arg)
{
	if (ERRCODE_TO_CATEGORY(geterrcode()) == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION)
		errdetail("The row is not shown, because it holds a hash.");
}

/* The row as parameters, in the order of the columns in hub_insert_token. */
static void
hub_new_token_values(const HubNewToken *token, Datum *values, char *nulls)
{
	char	   *json = scopeset_to_text(token->scopes);

	memset(nulls, ' ', HUB_NEW_TOKEN_COLUMNS);
	values[0] = CStringGetTextDatum(token->hashed);
	values[1] = CStringGetTextDatum(token->prefix);
	values[2] = Int32GetDatum(token->user_id);
	nulls[2] = token->user_id != 0 ? ' ' : 'n';
	values[3] = Int32GetDatum(token->service_id);
	nulls[3] = token->service_id != 0 ? ' ' : 'n';
	values[4] = PointerGetDatum(module_text_from_utf8(token->client_id,
													  strlen(token->client_id)));
	values[5] = TimestampGetDatum(token->created);
	values[6] = TimestampGetDatum(token->expires_at);
	nulls[6] = token->has_expires ? ' ' : 'n';
	values[7] = CStringGetTextDatum(token->note);
	values[8] = PointerGetDatum(module_text_from_utf8(json, strlen(json)));
}

/* Id and scopes of the row that was returned; the scopes in a given context. */
static int
hub_inserted_token(MemoryContext context, const Scopeset **stored)
{
	HeapTuple	row = SPI_tuptable->vals[0];
	TupleDesc	desc = SPI_tuptable->tupdesc;
	MemoryContext spi = MemoryContextSwitchTo(context);
	char	   *defect;

	*stored = hub_parse_scopes(hub_text(row, desc, 2), &defect);
	MemoryContextSwitchTo(spi);
	return spi_int(row, desc, 1, 0);
}

int
hub_insert_token(const HubSchema *hub, const HubNewToken *token, const Scopeset **stored)
{
	static const Oid types[HUB_NEW_TOKEN_COLUMNS] = {
		TEXTOID, TEXTOID, INT4OID, INT4OID, TEXTOID, TIMESTAMPOID, TIMESTAMPOID,
		TEXTOID, TEXTOID
	};
	MemoryContext caller = CurrentMemoryContext;
	Datum		values[HUB_NEW_TOKEN_COLUMNS];
	char		nulls[HUB_NEW_TOKEN_COLUMNS];
	ErrorContextCallback hide = {.callback = hub_hide_row};
	SpiFrame	frame;
	int			id = 0;

	hub_new_token_values(token, values, nulls);
	hide.previous = error_context_stack;
	error_context_stack = &hide;
	spi_enter(&frame, hub->owner);
	if (spi_run(psprintf("INSERT INTO %s.api_tokens"
						 " (hashed, prefix, user_id, service_id, client_id,"
						 " created, expires_at, note, scopes)"
						 " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"
						 " RETURNING id, scopes", hub->quoted),
				HUB_NEW_TOKEN_COLUMNS, types, values, nulls, false, true, 0) == 1)
		id = hub_inserted_token(caller, stored);
	spi_leave(&frame);
	error_context_stack = hide.previous;
	return id;
}

/* ---- tokens that are there ---- */

void
hub_set_token_scopes(const HubSchema *hub, const int *ids,
					 const Scopeset *const *scopes, int n)
{
	static const Oid types[2] = {INT4ARRAYOID, TEXTARRAYOID};
	char	  **texts = palloc(sizeof(char *) * Max(n, 1));
	Datum		values[2];
	SpiFrame	frame;

	for (int i = 0; i < n; i++)
		texts[i] = scopeset_to_text(scopes[i]);
	values[0] = spi_int_array(ids, n);
	values[1] = spi_text_array(texts, n);

	spi_enter(&frame, hub->owner);
	(void) spi_run(psprintf("WITH new AS MATERIALIZED ("
							"SELECT t.id, n.scopes FROM %s.api_tokens t"
							" JOIN unnest($1, $2) AS n (id, scopes) ON n.id = t.id"
							" ORDER BY t.id FOR NO KEY UPDATE OF t)"
							" UPDATE %s.api_tokens t SET scopes = new.scopes"
							" FROM new WHERE t.id = new.id",
							hub->quoted, hub->quoted),
				   2, types, values, NULL, false, true, 0);
	spi_leave(&frame);
}

/* The casts: what is read as an array of a type must be one. */
static char *
hub_expire_statement(const HubSchema *hub, bool blank)
{
	return psprintf("WITH locked AS MATERIALIZED ("
					"SELECT id, expires_at FROM %s.api_tokens WHERE id = ANY ($1)"
					" ORDER BY id FOR NO KEY UPDATE), "
					"done AS ("
					"UPDATE %s.api_tokens t SET expires_at = LEAST(t.expires_at, $2)%s"
					" FROM locked WHERE t.id = locked.id"
					" AND (t.expires_at IS NULL OR t.expires_at > $2%s)"
					" RETURNING t.id, t.created, locked.expires_at AS before) "
					"SELECT count(*)::int, array_agg(id::int ORDER BY id),"
					" array_agg(created::timestamp ORDER BY id),"
					" array_agg(coalesce(before::timestamp, 'infinity') ORDER BY id)"
					" FROM done",
					hub->quoted, hub->quoted,
					blank ? ", scopes = '[]'" : "",
					blank ? " OR t.scopes IS DISTINCT FROM '[]'" : "");
}

/* An int4[] without NULL as C ints. */
static int *
hub_ints_of(Datum array)
{
	Datum	   *elements;
	int		   *ints;
	int			n;

	deconstruct_array(DatumGetArrayTypeP(array), INT4OID, sizeof(int32), true,
					  TYPALIGN_INT, &elements, NULL, &n);
	ints = palloc(sizeof(int) * Max(n, 1));
	for (int i = 0; i < n; i++)
		ints[i] = DatumGetInt32(elements[i]);
	return ints;
}

void
hub_expire_tokens(const HubSchema *hub, const int *ids, int n, Timestamp moment,
				  bool blank_scopes, HubExpired *expired)
{
	static const Oid types[2] = {INT4ARRAYOID, TIMESTAMPOID};
	MemoryContext caller = CurrentMemoryContext;
	HeapTuple	row;
	Datum		values[2];
	Datum		expired_ids = (Datum) 0;
	SpiFrame	frame;

	values[0] = spi_int_array(ids, n);
	values[1] = TimestampGetDatum(moment);
	spi_enter(&frame, hub->owner);
	/* before 3.0 there are no scopes to blank */
	(void) spi_run(hub_expire_statement(hub, blank_scopes && hub->has_token_scopes),
				   2, types, values, NULL, false, true, 0);
	row = SPI_tuptable->vals[0];
	expired->n = spi_int(row, SPI_tuptable->tupdesc, 1, 0);
	if (expired->n > 0)
	{
		expired_ids = hub_array(row, SPI_tuptable->tupdesc, 2, caller);
		expired->created = hub_array(row, SPI_tuptable->tupdesc, 3, caller);
		expired->before = hub_array(row, SPI_tuptable->tupdesc, 4, caller);
	}
	spi_leave(&frame);
	if (expired->n > 0)
		expired->ids = hub_ints_of(expired_ids);
}

static Datum
hub_timestamp_array(const Timestamp *values, int n)
{
	Datum	   *elements = palloc(sizeof(Datum) * Max(n, 1));

	for (int i = 0; i < n; i++)
		elements[i] = TimestampGetDatum(values[i]);
	return PointerGetDatum(construct_array(elements, n, TIMESTAMPOID, sizeof(Timestamp),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

void
hub_cap_tokens(const HubSchema *hub, const int *ids, const Timestamp *caps, int n,
			   int **capped, int *ncapped)
{
	static const Oid types[2] = {INT4ARRAYOID, TIMESTAMPARRAYOID};
	MemoryContext caller = CurrentMemoryContext;
	Datum		values[2];
	Datum		done;
	SpiFrame	frame;

	values[0] = spi_int_array(ids, n);
	values[1] = hub_timestamp_array(caps, n);
	spi_enter(&frame, hub->owner);
	(void) spi_run(psprintf("WITH new AS MATERIALIZED ("
							"SELECT t.id, n.cap FROM %s.api_tokens t"
							" JOIN unnest($1, $2) AS n (id, cap) ON n.id = t.id"
							" ORDER BY t.id FOR NO KEY UPDATE OF t), "
							"done AS ("
							"UPDATE %s.api_tokens t SET expires_at = new.cap"
							" FROM new WHERE t.id = new.id"
							" AND (t.expires_at IS NULL OR t.expires_at > new.cap)"
							" RETURNING t.id) "
							"SELECT coalesce(array_agg(id::int ORDER BY id), '{}'),"
							" count(*)::int FROM done",
							hub->quoted, hub->quoted),
				   2, types, values, NULL, false, true, 0);
	done = hub_array(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, caller);
	*ncapped = spi_int(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, 0);
	spi_leave(&frame);
	*capped = hub_ints_of(done);
}

int
hub_token_beyond(const HubSchema *hub, const int *ids, const Timestamp *caps, int n)
{
	static const Oid types[2] = {INT4ARRAYOID, TIMESTAMPARRAYOID};
	Datum		values[2];
	SpiFrame	frame;
	int			id = 0;

	values[0] = spi_int_array(ids, n);
	values[1] = hub_timestamp_array(caps, n);
	spi_enter(&frame, hub->owner);
	if (spi_run(psprintf("SELECT t.id::int FROM %s.api_tokens t"
						 " JOIN unnest($1, $2) AS n (id, cap) ON n.id = t.id"
						 " WHERE t.expires_at IS NULL OR t.expires_at > n.cap"
						 " ORDER BY t.id", hub->quoted),
				2, types, values, NULL, true, true, 1) > 0)
		id = spi_int(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, 0);
	spi_leave(&frame);
	return id;
}

/* ---- and back ---- */

HubTokenRow *
hub_lock_tokens(const HubSchema *hub, const int *ids, int n, int *nlocked)
{
	static const Oid types[1] = {INT4ARRAYOID};
	MemoryContext caller = CurrentMemoryContext;
	HubTokenRow *rows;
	Datum		values[1];
	SpiFrame	frame;

	values[0] = spi_int_array(ids, n);
	spi_enter(&frame, hub->owner);
	*nlocked = (int) spi_run(psprintf("SELECT id::int, created::timestamp,"
									  " coalesce(scopes, '[]') = '[]',"
									  " user_id::int, service_id::int, client_id, scopes"
									  " FROM %s.api_tokens"
									  " WHERE id = ANY ($1) ORDER BY id FOR NO KEY UPDATE",
									  hub->quoted),
							 1, types, values, NULL, false, true, 0);
	rows = MemoryContextAlloc(caller, sizeof(HubTokenRow) * Max(*nlocked, 1));
	for (int i = 0; i < *nlocked; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		Datum		created = SPI_getbinval(row, desc, 2, &isnull);
		MemoryContext spi;
		char	   *defect;

		rows[i].id = spi_int(row, desc, 1, 0);
		rows[i].has_created = !isnull;
		rows[i].created = isnull ? 0 : DatumGetTimestamp(created);
		rows[i].blank = DatumGetBool(SPI_getbinval(row, desc, 3, &isnull));
		rows[i].user_id = spi_int(row, desc, 4, 0);
		rows[i].service_id = spi_int(row, desc, 5, 0);
		spi = MemoryContextSwitchTo(caller);
		rows[i].client_id = spi_utf8(row, desc, 6);
		rows[i].scopes = hub_parse_scopes(hub_text(row, desc, 7), &defect);
		MemoryContextSwitchTo(spi);
	}
	spi_leave(&frame);
	return rows;
}

/* The rows as three arrays: ids, expiries, scopes as text. */
static void
hub_revival_values(const HubRevival *rows, int n, Datum *values)
{
	ArrayBuildState *columns[3] = {NULL};
	MemoryContext context = CurrentMemoryContext;

	for (int i = 0; i < n; i++)
	{
		const HubRevival *row = &rows[i];
		char	   *json = row->scopes ? scopeset_to_text(row->scopes) : NULL;

		columns[0] = accumArrayResult(columns[0], Int32GetDatum(row->id), false,
									  INT4OID, context);
		columns[1] = accumArrayResult(columns[1], TimestampGetDatum(row->expires_at),
									  !row->has_expires, TIMESTAMPOID, context);
		columns[2] = accumArrayResult(columns[2],
									  json ? PointerGetDatum(module_text_from_utf8(json, strlen(json))) : (Datum) 0,
									  json == NULL, TEXTOID, context);
	}
	for (int i = 0; i < 3; i++)
		values[i] = makeArrayResult(columns[i], context);
}

int *
hub_revive_tokens(const HubSchema *hub, const HubRevival *rows, int n, int *nalive,
				  int *changed)
{
	static const Oid types[4] = {INT4ARRAYOID, TIMESTAMPARRAYOID, TEXTARRAYOID, TIMESTAMPOID};
	MemoryContext caller = CurrentMemoryContext;
	HeapTuple	row;
	Datum		values[4];
	Datum		ids = (Datum) 0;
	SpiFrame	frame;

	hub_revival_values(rows, n, values);
	values[3] = TimestampGetDatum(hub_now());
	spi_enter(&frame, hub->owner);
	(void) spi_run(psprintf("WITH done AS ("
							"UPDATE %s.api_tokens t SET expires_at = n.expires_at,"
							" scopes = coalesce(n.scopes, t.scopes)"
							" FROM unnest($1, $2, $3) AS n (id, expires_at, scopes)"
							" JOIN %s.api_tokens o ON o.id = n.id"
							" WHERE t.id = n.id"
							" RETURNING t.id, coalesce(t.expires_at >= $4, true) AS alive,"
							" t.scopes IS DISTINCT FROM coalesce(n.scopes, o.scopes) AS changed) "
							"SELECT count(*) FILTER (WHERE alive)::int,"
							" array_agg(id::int ORDER BY id) FILTER (WHERE alive),"
							" coalesce(min(id) FILTER (WHERE changed), 0)::int FROM done",
							hub->quoted, hub->quoted),
				   4, types, values, NULL, false, true, 0);
	row = SPI_tuptable->vals[0];
	*nalive = spi_int(row, SPI_tuptable->tupdesc, 1, 0);
	*changed = spi_int(row, SPI_tuptable->tupdesc, 3, 0);
	if (*nalive > 0)
		ids = hub_array(row, SPI_tuptable->tupdesc, 2, caller);
	spi_leave(&frame);
	return *nalive > 0 ? hub_ints_of(ids) : NULL;
}
