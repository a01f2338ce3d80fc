/*-------------------------------------------------------------------------
 *
 * hub_census.c
 *	  What findings and the report read of the hub's tables beside the model
 *	  of hub.h: shares and their codes, OAuth codes, when users were last
 *	  seen and what credentials they have, how many rows there are.
 *
 * Nothing is judged here.  Times come out as timestamptz: the hub's are UTC.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_private.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/lsyscache.h"

/* Column of _users_seen */
#define USERS_SEEN_NAME	2

typedef struct HubCensus
{
	Tuplestorestate *rows;
	TupleDesc	desc;
	int			scopes;			/* column of stored scopes, or 0 */
	HubParseCache *cache;
} HubCensus;

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
			values[n] = SPI_getbinval(row, desc, i, &nulls[n]);
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
 * _users_seen() - when each user was made and last seen, as the hub wrote it, the
 * live tokens, when the last of those that are expired and still there expired, and
 * whether any role or share is there, of the user's or of a group.  If the query asks
 * for one name, what is looked at is that user's, by key where there is one.
 */
PG_FUNCTION_INFO_V1(jhub_authz__users_seen);
Datum
jhub_authz__users_seen(PG_FUNCTION_ARGS)
{
	HubSchema  *hub = hub_schema(false, false);
	const char *schema = hub->quoted;
	Datum		name;
	bool		one = module_asked(fcinfo, USERS_SEEN_NAME, TEXTOID, &name);
	const char *own = one ? "m.user_id = u.id" : "true";
	StringInfoData sql;

	InitMaterializedSRF(fcinfo, 0);
	initStringInfo(&sql);
	appendStringInfo(&sql,
					 "SELECT u.id::int, u.name::text, coalesce(u.admin, false),"
					 " u.created AT TIME ZONE 'UTC', u.last_activity AT TIME ZONE 'UTC',"
					 " coalesce(t.n, 0), t.used AT TIME ZONE 'UTC', t.expiry AT TIME ZONE 'UTC',"
					 " u.id IN (SELECT m.user_id FROM %s.user_role_map m WHERE %s)"
					 " OR u.id IN (SELECT m.user_id FROM %s.user_group_map m"
					 " JOIN %s.group_role_map r ON r.group_id = m.group_id WHERE %s)",
					 schema, own, schema, schema, own);
	if (OidIsValid(hub->rel[HUB_SHARES]))
		appendStringInfo(&sql,
						 " OR u.id IN (SELECT m.user_id FROM %s.shares m WHERE m.user_id IS NOT NULL AND %s)"
						 " OR u.id IN (SELECT m.user_id FROM %s.user_group_map m"
						 " JOIN %s.shares s ON s.group_id = m.group_id WHERE %s)",
						 schema, own, schema, schema, own);
	appendStringInfo(&sql,
					 " FROM %s.users u LEFT JOIN (SELECT user_id, count(*) FILTER (WHERE alive) AS n,"
					 " max(last_activity) FILTER (WHERE alive) AS used, max(expires_at) FILTER (WHERE NOT alive) AS expiry"
					 " FROM (SELECT user_id, last_activity, expires_at,"
					 " expires_at IS NULL OR expires_at >= now() AT TIME ZONE 'UTC' AS alive"
					 " FROM %s.api_tokens WHERE user_id IS NOT NULL", schema, schema);
	if (one)
		appendStringInfo(&sql, " AND user_id = ANY (ARRAY(SELECT id FROM %s.users WHERE name = $1))",
						 schema);
	appendStringInfo(&sql, ") a GROUP BY user_id) t ON t.user_id = u.id%s",
					 one ? " WHERE u.name = $1" : "");
	hub_census_of(fcinfo, hub, sql.data, 0, one ? &name : NULL);
	return (Datum) 0;
}

/* _users_made() - names of all users, and when each was made. */
PG_FUNCTION_INFO_V1(jhub_authz__users_made);
Datum
jhub_authz__users_made(PG_FUNCTION_ARGS)
{
	HubSchema  *hub = hub_schema(false, false);

	InitMaterializedSRF(fcinfo, 0);
	hub_census(fcinfo, hub,
			   psprintf("SELECT u.name::text, u.created AT TIME ZONE 'UTC' FROM %s.users u", hub->quoted), 0);
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
