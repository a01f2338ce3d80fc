/*-------------------------------------------------------------------------
 *
 * hub_census.c
 *	  What findings and the report read of the hub's tables beside the model
 *	  of hub.h: shares and their codes, OAuth codes, names, how many rows there
 *	  are.  When users were last seen is in hub_seen.c.
 *
 * Nothing is judged here.  Times come out as timestamptz: the hub's are UTC.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_private.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

typedef struct HubCensus
{
	Tuplestorestate *rows;
	TupleDesc	desc;
	int			scopes;			/* column of stored scopes, or 0 */
	HubParseCache *cache;
} HubCensus;

/*
 * The owner of the hub's tables can give a column another type: see spi_int.  What
 * should be text or a number is cast in the query, but a time has to be one.
 */
Datum
hub_passed_on(HeapTuple row, TupleDesc desc, int column, TupleDesc answer, int answer_column, bool *isnull)
{
	Oid			type = SPI_gettypeid(desc, column);
	Oid			wanted = SPI_gettypeid(answer, answer_column);

	/* what was made timestamptz is the same moment */
	if (type != wanted && !(wanted == TIMESTAMPTZOID && type == TIMESTAMPOID))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" of the hub's tables is of type %s",
						NameStr(TupleDescAttr(answer, answer_column - 1)->attname), format_type_be(type)),
				 errdetail("It should give %s.", format_type_be(wanted))));
	return SPI_getbinval(row, desc, column, isnull);
}

/*
 * Pass a row on as it is, but for stored scopes, which become a set and, in the
 * column that follows, the reason why they are none.
 */
static void
hub_census_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubCensus  *census = arg;
	Datum	   *values = palloc(sizeof(Datum) * (desc->natts + 1));
	bool	   *nulls = palloc(sizeof(bool) * (desc->natts + 1));
	int			n = 0;

	for (int i = 1; i <= desc->natts; i++)
	{
		const HubParsed *parsed;

		if (i != census->scopes)
		{
			values[n] = hub_passed_on(row, desc, i, census->desc, n + 1, &nulls[n]);
			n++;
			continue;
		}
		parsed = hub_parse_cached(census->cache, hub_text(row, desc, i));
		nulls[n] = parsed->defect != NULL;
		values[n++] = ScopesetPGetDatum(parsed->scopes);
		nulls[n] = parsed->defect == NULL;
		values[n++] = parsed->defect ? CStringGetTextDatum(parsed->defect) : (Datum) 0;
	}
	Assert(n == census->desc->natts);
	tuplestore_putvalues(census->rows, census->desc, values, nulls);
}

/* Rows of a query, run as the owner of the hub's tables; with a name, or NULL, for $1. */
static void
hub_census_of(FunctionCallInfo fcinfo, const HubSchema *hub, const char *sql, int scopes,
			  const Datum *name)
{
	static const Oid type = TEXTOID;
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	HubCensus	census = {rsinfo->setResult, rsinfo->setDesc, scopes, NULL};
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	census.cache = hub_parse_cache(CurrentMemoryContext);
	spi_each(sql, name != NULL ? 1 : 0, &type, name, NULL, false, hub_census_row, &census);
	spi_leave(&frame);
}

static void
hub_census(FunctionCallInfo fcinfo, const HubSchema *hub, const char *sql, int scopes)
{
	hub_census_of(fcinfo, hub, sql, scopes, NULL);
}

/*
 * _shares() - the hub's shares and share codes; none for a hub without them.
 * An expired share counts in the hub until it is purged.
 */
PG_FUNCTION_INFO_V1(jhub_authz__shares);
Datum
jhub_authz__shares(PG_FUNCTION_ARGS)
{
	HubSchema  *hub = hub_schema(false, false);
	const char *schema = hub->quoted;

	InitMaterializedSRF(fcinfo, 0);
	if (OidIsValid(hub->rel[HUB_SHARES]))
		hub_census(fcinfo, hub,
				   psprintf("SELECT 'share', s.id::int, o.name::text, coalesce(u.name, '') || '/' || p.name,"
							" CASE WHEN s.user_id IS NOT NULL THEN 'user' WHEN s.group_id IS NOT NULL THEN 'group' END,"
							" coalesce(w.name, g.name)::text, s.scopes,"
							" s.created_at AT TIME ZONE 'UTC', s.expires_at AT TIME ZONE 'UTC', NULL::int, NULL::timestamptz"
							" FROM %s.shares s LEFT JOIN %s.users o ON o.id = s.owner_id"
							" LEFT JOIN %s.spawners p ON p.id = s.spawner_id LEFT JOIN %s.users u ON u.id = p.user_id"
							" LEFT JOIN %s.users w ON w.id = s.user_id LEFT JOIN %s.groups g ON g.id = s.group_id"
							" ORDER BY s.id", schema, schema, schema, schema, schema, schema), 7);
	if (OidIsValid(hub->rel[HUB_SHARE_CODES]))
		hub_census(fcinfo, hub,
				   psprintf("SELECT 'code', s.id::int, o.name::text, coalesce(u.name, '') || '/' || p.name,"
							" NULL::text, NULL::text, s.scopes,"
							" s.created_at AT TIME ZONE 'UTC', s.expires_at AT TIME ZONE 'UTC',"
							" s.exchange_count::int, s.last_exchanged_at AT TIME ZONE 'UTC'"
							" FROM %s.share_codes s LEFT JOIN %s.users o ON o.id = s.owner_id"
							" LEFT JOIN %s.spawners p ON p.id = s.spawner_id LEFT JOIN %s.users u ON u.id = p.user_id"
							" ORDER BY s.id", schema, schema, schema, schema), 7);
	return (Datum) 0;
}

/*
 * _oauth_codes() - the OAuth codes that are still there, by id.  The hub keeps
 * their end in seconds since 1970, takes none past it, and deletes them later.
 */
PG_FUNCTION_INFO_V1(jhub_authz__oauth_codes);
Datum
jhub_authz__oauth_codes(PG_FUNCTION_ARGS)
{
	HubSchema  *hub = hub_schema(false, false);

	InitMaterializedSRF(fcinfo, 0);
	hub_census(fcinfo, hub,
			   psprintf("SELECT c.id::int, c.client_id::text, u.name::text, pg_catalog.to_timestamp(c.expires_at)"
						" FROM %s.oauth_codes c LEFT JOIN %s.users u ON u.id = c.user_id ORDER BY c.id",
						hub->quoted, hub->quoted), 0);
	return (Datum) 0;
}

/*
 * _users_made(asked) - names of users, and when each was made: of all, or of those
 * that have this name but for upper and lower case, as the database's collation has it.
 */
PG_FUNCTION_INFO_V1(jhub_authz__users_made);
Datum
jhub_authz__users_made(PG_FUNCTION_ARGS)
{
	HubSchema  *hub = hub_schema(false, false);
	Datum		asked = PG_ARGISNULL(0) ? (Datum) 0 : PG_GETARG_DATUM(0);

	InitMaterializedSRF(fcinfo, 0);
	hub_census_of(fcinfo, hub,
				  psprintf("SELECT u.name::text, u.created AT TIME ZONE 'UTC' FROM %s.users u%s", hub->quoted,
						   PG_ARGISNULL(0) ? "" :
						   " WHERE lower(u.name::text COLLATE \"default\") = lower($1 COLLATE \"default\")"),
				  0, PG_ARGISNULL(0) ? NULL : &asked);
	return (Datum) 0;
}

/* _group_members() - how many users are in each group. */
PG_FUNCTION_INFO_V1(jhub_authz__group_members);
Datum
jhub_authz__group_members(PG_FUNCTION_ARGS)
{
	HubSchema  *hub = hub_schema(false, false);

	InitMaterializedSRF(fcinfo, 0);
	hub_census(fcinfo, hub,
			   psprintf("SELECT g.name::text, pg_catalog.count(m.user_id) FROM %s.groups g"
						" LEFT JOIN %s.user_group_map m ON m.group_id = g.id GROUP BY g.id, g.name",
						hub->quoted, hub->quoted), 0);
	return (Datum) 0;
}

/* _row_counts() - how many there are of what: rows (what, n). */
PG_FUNCTION_INFO_V1(jhub_authz__row_counts);
Datum
jhub_authz__row_counts(PG_FUNCTION_ARGS)
{
	static const struct
	{
		HubTable	table;
		const char *what;
	}			counted[] = {
		{HUB_USERS, "users"}, {HUB_GROUPS, "groups"}, {HUB_SERVICES, "services"},
		{HUB_ROLES, "roles"}, {HUB_SPAWNERS, "servers"}, {HUB_API_TOKENS, "tokens"},
		{HUB_OAUTH_CLIENTS, "clients"}, {HUB_SHARES, "shares"}, {HUB_SHARE_CODES, "share codes"}
	};
	HubSchema  *hub = hub_schema(false, false);
	StringInfoData sql;

	InitMaterializedSRF(fcinfo, 0);
	initStringInfo(&sql);
	for (int i = 0; i < (int) lengthof(counted); i++)
		if (OidIsValid(hub->rel[counted[i].table]))
			appendStringInfo(&sql, "%sSELECT '%s'::text, pg_catalog.count(*) FROM %s.%s",
							 sql.len > 0 ? " UNION ALL " : "", counted[i].what,
							 hub->quoted, hub_table_name(counted[i].table));
	hub_census(fcinfo, hub, sql.data, 0);
	return (Datum) 0;
}
