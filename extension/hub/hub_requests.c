/*-------------------------------------------------------------------------
 *
 * hub_requests.c
 *	  Single questions while a token is requested, issued or presented.
 *
 * Each is one statement.  Whatever scopes were stored are parsed before they are
 * handed on, and what does not parse counts as nothing.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_requests.h"
#include "hub_private.h"

#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* ---- roles ---- */

typedef struct HubRoleLoop
{
	hub_role_fn each;
	void	   *arg;
} HubRoleLoop;

static void
hub_named_role_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubRoleLoop *loop = arg;
	HubRole		role;

	role.id = spi_int(row, desc, 1, 0);
	role.name = hub_utf8(row, desc, 2);
	role.raw = hub_parse_scopes(hub_text(row, desc, 3), &role.defect);
	loop->each(&role, loop->arg);
}

void
hub_each_role_named(const HubSchema *hub, char *const *names, int n, bool latest,
					hub_role_fn each, void *arg)
{
	static const Oid types[1] = {TEXTARRAYOID};
	HubRoleLoop loop = {each, arg};
	Datum		values[1];
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	values[0] = spi_text_array(names, n);
	spi_each(psprintf("SELECT id, name, scopes FROM %s.roles WHERE name = ANY ($1)",
					  hub->quoted),
			 1, types, values, NULL, latest, hub_named_role_row, &loop);
	spi_leave(&frame);
}

bool
hub_token_with_role(const HubSchema *hub, int token_id, int role_id,
					char **role, const Scopeset **scopes)
{
	static const Oid types[2] = {INT4OID, INT4OID};
	Datum		values[2] = {Int32GetDatum(token_id), Int32GetDatum(role_id)};
	MemoryContext caller = CurrentMemoryContext;
	SpiFrame	frame;
	bool		found;

	spi_enter(&frame, hub->owner);
	found = spi_run(psprintf("SELECT r.name, r.scopes, t.scopes"
							 " FROM %s.api_tokens t, %s.roles r"
							 " WHERE t.id = $1 AND r.id = $2",
							 hub->quoted, hub->quoted),
					2, types, values, NULL, true, true, 1) > 0;
	if (found)
	{
		HeapTuple	row = SPI_tuptable->vals[0];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		MemoryContext spi = MemoryContextSwitchTo(caller);
		char	   *name = hub_utf8(row, desc, 1);
		char	   *defect;

		*role = name ? name : pstrdup("");
		*scopes = scopeset_union_of(hub_parse_scopes(hub_text(row, desc, 2), &defect),
									hub_parse_scopes(hub_text(row, desc, 3), &defect));
		MemoryContextSwitchTo(spi);
	}
	spi_leave(&frame);
	return found;
}

/* ---- who has stored a scope ---- */

typedef struct HubSetLoop
{
	hub_set_fn	each;
	void	   *arg;
} HubSetLoop;

static void
hub_set_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubSetLoop *loop = arg;
	char	   *defect;

	loop->each(hub_parse_scopes(hub_text(row, desc, 1), &defect), loop->arg);
}

/* Bases in both spellings that JSON has for what is not ASCII: two of each. */
static char **
hub_base_spellings(char *const *bases, int n)
{
	char	  **spellings = palloc(sizeof(char *) * Max(n, 1) * 2);

	for (int i = 0; i < n; i++)
	{
		ScopeBuilder *builder = scope_builder_create();
		char	   *json;

		scope_builder_add_local(builder, bases[i], strlen(bases[i]), SCOPE_OPEN, NULL, 0);
		json = scopeset_to_text(scope_builder_finish(builder, false));
		/* ["base"] without brackets and quotes */
		spellings[2 * i] = pnstrdup(json + 2, strlen(json) - 4);
		spellings[2 * i + 1] = bases[i];
	}
	return spellings;
}

/*
 * The rows are narrowed down by substring and then parsed: the hub may have
 * tens of thousands of clients.
 */
void
hub_each_with_bases(const HubSchema *hub, char *const *bases, int n, bool latest,
					hub_set_fn each, void *arg)
{
	static const Oid types[1] = {TEXTARRAYOID};
	HubSetLoop	loop = {each, arg};
	Datum		values[1];
	StringInfoData sql;
	SpiFrame	frame;

	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "SELECT scopes FROM %s.roles r WHERE EXISTS"
					 " (SELECT FROM unnest($1) b WHERE strpos(r.scopes, b) > 0)",
					 hub->quoted);
	if (hub->has_allowed_scopes)
		appendStringInfo(&sql,
						 " UNION ALL "
						 "SELECT allowed_scopes FROM %s.oauth_clients c WHERE EXISTS"
						 " (SELECT FROM unnest($1) b WHERE strpos(c.allowed_scopes, b) > 0)",
						 hub->quoted);

	spi_enter(&frame, hub->owner);
	values[0] = spi_text_array(hub_base_spellings(bases, n), n * 2);
	spi_each(sql.data, 1, types, values, NULL, latest, hub_set_row, &loop);
	spi_leave(&frame);
}

/* ---- the flow of a client ---- */

static void
hub_add_to_builder(const Scopeset *scopes, void *arg)
{
	scope_builder_add_set(arg, scopes);
}

Scopeset *
hub_scopes_through(const HubSchema *hub, int user_id, int service_id,
				   const char *client_id)
{
	static const Oid types[2] = {INT4OID, TEXTOID};
	ScopeBuilder *builder = scope_builder_create();
	HubSetLoop	loop = {hub_add_to_builder, builder};
	Datum		values[2];
	SpiFrame	frame;

	values[0] = Int32GetDatum(user_id != 0 ? user_id : service_id);
	values[1] = PointerGetDatum(module_text_from_utf8(client_id, strlen(client_id)));
	spi_enter(&frame, hub->owner);
	spi_each(psprintf("SELECT scopes FROM %s.api_tokens WHERE %s = $1 AND client_id = $2",
					  hub->quoted, user_id != 0 ? "user_id" : "service_id"),
			 2, types, values, NULL, false, hub_set_row, &loop);
	spi_leave(&frame);
	return scope_builder_finish(builder, false);
}

bool
hub_client_never_asks(const HubSchema *hub, const char *client_id, int user_id)
{
	static const Oid types[2] = {INT4OID, TEXTOID};
	Datum		values[2];
	StringInfoData sql;
	SpiFrame	frame;
	bool		found;

	values[0] = Int32GetDatum(user_id);
	values[1] = PointerGetDatum(module_text_from_utf8(client_id, strlen(client_id)));
	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "SELECT 1 FROM %s.spawners WHERE user_id = $1 AND oauth_client_id = $2",
					 hub->quoted);
	/* a column since 5.0 */
	if (get_attnum(hub->rel[HUB_SERVICES], "oauth_no_confirm") != InvalidAttrNumber)
		appendStringInfo(&sql,
						 " UNION ALL SELECT 1 FROM %s.services"
						 " WHERE oauth_client_id = $2 AND oauth_no_confirm",
						 hub->quoted);
	spi_enter(&frame, hub->owner);
	found = spi_run(sql.data, 2, types, values, NULL, true, false, 1) > 0;
	spi_leave(&frame);
	return found;
}

/* ---- a token that is presented ---- */

void
hub_each_hash(const HubSchema *hub, const char *prefix, hub_hash_fn each, void *arg)
{
	static const Oid types[2] = {TEXTOID, TIMESTAMPOID};
	Datum		values[2];
	SpiFrame	frame;
	SPITupleTable *table;
	uint64		rows;

	values[0] = CStringGetTextDatum(prefix);
	values[1] = TimestampGetDatum(hub_now());
	spi_enter(&frame, hub->owner);
	rows = spi_run(psprintf("SELECT id, hashed FROM %s.api_tokens"
							" WHERE prefix = $1"
							" AND (expires_at IS NULL OR expires_at >= $2)"
							" AND client_id IS NOT NULL", hub->quoted),
				   2, types, values, NULL, true, false, 0);
	table = SPI_tuptable;
	for (uint64 i = 0; i < rows; i++)
	{
		char	   *hashed = hub_utf8(table->vals[i], table->tupdesc, 2);

		if (hashed != NULL)
			each(spi_int(table->vals[i], table->tupdesc, 1, 0), hashed, arg);
	}
	spi_leave(&frame);
}

char *
hub_live_hash(const HubSchema *hub, int token_id, bool latest)
{
	static const Oid types[2] = {INT4OID, TIMESTAMPOID};
	MemoryContext caller = CurrentMemoryContext;
	char	   *hashed = NULL;
	Datum		values[2];
	SpiFrame	frame;

	values[0] = Int32GetDatum(token_id);
	values[1] = TimestampGetDatum(hub_now());
	spi_enter(&frame, hub->owner);
	if (spi_run(psprintf("SELECT hashed FROM %s.api_tokens"
						 " WHERE id = $1"
						 " AND (expires_at IS NULL OR expires_at >= $2)"
						 " AND client_id IS NOT NULL", hub->quoted),
				2, types, values, NULL, true, latest, 1) > 0)
		hashed = hub_utf8(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (hashed != NULL)
		hashed = MemoryContextStrdup(caller, hashed);
	spi_leave(&frame);
	return hashed;
}

char *
hub_token_session(const HubSchema *hub, int token_id)
{
	static const Oid types[1] = {INT4OID};
	MemoryContext caller = CurrentMemoryContext;
	Datum		values[1] = {Int32GetDatum(token_id)};
	char	   *session = NULL;
	SpiFrame	frame;

	if (get_attnum(hub->rel[HUB_API_TOKENS], "session_id") == InvalidAttrNumber)
		return NULL;
	spi_enter(&frame, hub->owner);
	if (spi_run(psprintf("SELECT session_id FROM %s.api_tokens WHERE id = $1", hub->quoted),
				1, types, values, NULL, true, false, 1) > 0)
		session = hub_text(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	if (session != NULL)
		session = MemoryContextStrdup(caller, session);
	spi_leave(&frame);
	return session;
}
