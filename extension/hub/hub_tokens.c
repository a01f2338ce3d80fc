/*-------------------------------------------------------------------------
 *
 * hub_tokens.c
 *	  The hub's tokens, passed by one at a time, and its scope columns.
 *
 * There may be a million tokens: they are streamed, in order of id, and nothing
 * is kept of one but its parsed scopes, which many share.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_private.h"

#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* so many texts are remembered, in a part of work_mem, before the cache starts anew */
#define HUB_PARSE_CACHE_MAX		10000
#define HUB_PARSE_CACHE_PART	4

/* ---- stored scopes ---- */

const Scopeset *
hub_parse_scopes(const char *json, char **defect)
{
	Scopeset   *set;
	char	   *why = NULL;

	*defect = NULL;
	if (json == NULL || strcmp(json, "null") == 0)
		return scopeset_empty();
	set = scopeset_from_json(json, strlen(json), &why);
	if (set == NULL && why == NULL)
		why = pstrdup("It does not parse.");
	*defect = why;
	return set ? set : scopeset_empty();
}

struct HubParseCache
{
	MemoryContext parent;
	MemoryContext context;
	HubNames   *texts;
	HubParsed	none;			/* of NULL */
};

HubParseCache *
hub_parse_cache(MemoryContext parent)
{
	HubParseCache *cache = MemoryContextAllocZero(parent, sizeof(HubParseCache));
	MemoryContext caller = MemoryContextSwitchTo(parent);

	cache->parent = parent;
	cache->none.scopes = hub_parse_scopes(NULL, &cache->none.defect);
	MemoryContextSwitchTo(caller);
	return cache;
}

const HubParsed *
hub_parse_cached(HubParseCache *cache, const char *json)
{
	HubParsed  *parsed;
	MemoryContext caller;
	char	   *key;

	if (json == NULL)
		return &cache->none;
	if (cache->context != NULL)
	{
		parsed = hub_names_get(cache->texts, json, strlen(json));
		if (parsed != NULL)
			return parsed;
		if (hub_names_count(cache->texts) >= HUB_PARSE_CACHE_MAX ||
			MemoryContextMemAllocated(cache->context, false) > (Size) work_mem * 1024 / HUB_PARSE_CACHE_PART)
		{
			MemoryContextDelete(cache->context);
			cache->context = NULL;
		}
	}
	if (cache->context == NULL)
	{
		cache->context = AllocSetContextCreate(cache->parent, "jhub_authz parsed scopes",
											   ALLOCSET_DEFAULT_SIZES);
		cache->texts = hub_names_new(cache->context);
	}

	caller = MemoryContextSwitchTo(cache->context);
	parsed = palloc(sizeof(HubParsed));
	parsed->scopes = hub_parse_scopes(json, &parsed->defect);
	key = pstrdup(json);
	*hub_names_put(cache->texts, key, strlen(key)) = parsed;
	MemoryContextSwitchTo(caller);
	return parsed;
}

/* ---- tokens ---- */

Timestamp
hub_now(void)
{
	/* both count microseconds from the same moment in UTC */
	return (Timestamp) GetCurrentTimestamp();
}

Timestamp
hub_moment(const HubSchema *hub)
{
	return hub->past ? (Timestamp) hub->at : hub_now();
}

TokenClass
hub_token_class(const HubToken *token)
{
	static const char server_note[] = "Server at ";

	if (token->service_id != 0)
		return TOKEN_SERVICE;
	if (token->client_id != NULL && strcmp(token->client_id, "jupyterhub") != 0)
		return TOKEN_OAUTH;
	if (token->client_id != NULL && token->note != NULL &&
		strncmp(token->note, server_note, strlen(server_note)) == 0)
		return TOKEN_SERVER;
	return TOKEN_USER;
}

/* The query for what is wanted and its arguments. */
typedef struct HubTokenQuery
{
	StringInfoData sql;
	int			nargs;
	Oid			types[6];
	Datum		values[6];
	int			nlists;
} HubTokenQuery;

static void
hub_token_list(HubTokenQuery *query, const char *column, Oid type, Datum value)
{
	appendStringInfo(&query->sql, "%s%s = ANY ($%d)", query->nlists++ > 0 ? " OR " : "",
					 column, query->nargs + 1);
	query->types[query->nargs] = type;
	query->values[query->nargs] = value;
	query->nargs++;
}

/*
 * An owner's tokens are found by no index of the hub's: all tokens are compared
 * with the list, and where it is long it has to be a hash table.
 */
static void
hub_token_owners(HubTokenQuery *query, const HubTokenWant *want)
{
	int		   *owners = palloc(sizeof(int) * (want->nusers + want->nservices));

	for (int i = 0; i < want->nusers; i++)
		owners[i] = want->users[i];
	for (int i = 0; i < want->nservices; i++)
		owners[want->nusers + i] = -want->services[i];
	appendStringInfo(&query->sql, "coalesce(user_id, -service_id) IN (SELECT unnest($%d))",
					 query->nargs + 1);
	query->types[query->nargs] = INT4ARRAYOID;
	query->values[query->nargs] = spi_int_array(owners, want->nusers + want->nservices);
	query->nargs++;
	query->nlists++;
}

/* A column that we can do without: a release may drop it. */
static const char *
hub_token_column(const HubSchema *hub, const char *column, const char *none)
{
	return get_attnum(hub->rel[HUB_API_TOKENS], column) != InvalidAttrNumber ?
		column : none;
}

/* False if nothing can be wanted. */
static bool
hub_token_query(HubTokenQuery *query, const HubSchema *hub, const HubTokenWant *want)
{
	memset(query, 0, sizeof(*query));
	initStringInfo(&query->sql);
	appendStringInfo(&query->sql,
					 "SELECT id, user_id, service_id, client_id, %s, %s, created, expires_at, %s, %s"
					 " FROM %s WHERE ",
					 hub_token_column(hub, "note", "NULL::text"),
					 hub_token_column(hub, "prefix", "NULL::text"),
					 hub_token_column(hub, "scopes", "NULL::text"),
					 hub_token_column(hub, "last_activity", "NULL::timestamp"),
					 hub_from(hub, HUB_API_TOKENS, "t", 0));
	query->nargs = hub_from_args(hub, 0, query->types, query->values);
	if (want->all && want->most > 0)
	{
		appendStringInfo(&query->sql, "id >= $%d", query->nargs + 1);
		query->types[query->nargs] = INT4OID;
		query->values[query->nargs++] = Int32GetDatum(want->from);
	}
	else if (want->all)
		appendStringInfoString(&query->sql, "true");
	else if (want->nids + want->nclients == 0 && want->nusers + want->nservices > 4)
		hub_token_owners(query, want);
	else
	{
		appendStringInfoChar(&query->sql, '(');
		if (want->nids > 0)
			hub_token_list(query, "id", INT4ARRAYOID, spi_int_array(want->ids, want->nids));
		if (want->nusers > 0)
			hub_token_list(query, "user_id", INT4ARRAYOID, spi_int_array(want->users, want->nusers));
		if (want->nservices > 0)
			hub_token_list(query, "service_id", INT4ARRAYOID,
						   spi_int_array(want->services, want->nservices));
		if (want->nclients > 0)
			hub_token_list(query, "client_id", TEXTARRAYOID,
						   spi_text_array(want->clients, want->nclients));
		if (query->nlists == 0)
			return false;
		appendStringInfoChar(&query->sql, ')');
	}
	if (want->live_only)
	{
		/* the hub finds a token up to and at its last moment */
		appendStringInfo(&query->sql, " AND (expires_at IS NULL OR expires_at >= $%d)",
						 query->nargs + 1);
		query->types[query->nargs] = TIMESTAMPOID;
		query->values[query->nargs] = TimestampGetDatum(hub_moment(hub));
		query->nargs++;
	}
	appendStringInfoString(&query->sql, want->by_owner ? " ORDER BY user_id, service_id, id" : " ORDER BY id");
	if (want->all && want->most > 0)
	{
		appendStringInfo(&query->sql, " LIMIT $%d", query->nargs + 1);
		query->types[query->nargs] = INT8OID;
		query->values[query->nargs++] = Int64GetDatum(want->most);
	}
	return true;
}

typedef struct HubTokenLoop
{
	hub_token_fn each;
	void	   *arg;
	HubParseCache *cache;
} HubTokenLoop;

static void
hub_token_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubTokenLoop *loop = arg;
	const HubParsed *parsed;
	HubToken	token;
	bool		isnull;

	token.id = spi_int(row, desc, 1, 0);
	token.user_id = spi_int(row, desc, 2, 0);
	token.service_id = spi_int(row, desc, 3, 0);
	token.client_id = hub_utf8(row, desc, 4);
	token.note = hub_utf8(row, desc, 5);
	token.prefix = hub_utf8(row, desc, 6);
	token.created = spi_time(row, desc, 7, &isnull);
	token.has_created = !isnull;
	token.expires_at = spi_time(row, desc, 8, &isnull);
	token.has_expires = !isnull;
	token.scopes = hub_text(row, desc, 9);
	token.last_activity = spi_time(row, desc, 10, &isnull);
	token.has_activity = !isnull;
	parsed = hub_parse_cached(loop->cache, token.scopes);
	token.stored = parsed->scopes;
	token.defect = parsed->defect;
	if (token.prefix == NULL)
		token.prefix = "";
	loop->each(&token, loop->arg);
}

void
hub_each_token(const HubSchema *hub, const HubTokenWant *want, bool latest,
			   hub_token_fn each, void *arg)
{
	HubTokenLoop loop = {.each = each,.arg = arg};
	HubTokenQuery query;
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	if (want->all)
		hub_plan_whole(hub);
	if (hub_token_query(&query, hub, want))
	{
		loop.cache = hub_parse_cache(CurrentMemoryContext);
		if (want->before_this)
			spi_each_before(query.sql.data, query.nargs, query.types, query.values, NULL, latest,
							hub_token_row, &loop);
		else
			spi_each(query.sql.data, query.nargs, query.types, query.values, NULL, latest,
					 hub_token_row, &loop);
	}
	spi_leave(&frame);
	if (hub->past)
		hub_past_each_unchanged(hub, want, latest, each, arg);
}

Datum
hub_token_ids(const HubSchema *hub)
{
	MemoryContext caller = CurrentMemoryContext;
	SpiFrame	frame;
	Datum		ids;

	spi_enter(&frame, hub->owner);
	spi_run(psprintf("SELECT coalesce(array_agg(id::int), '{}') FROM %s.api_tokens", hub->quoted),
			0, NULL, NULL, NULL, true, true, 0);
	ids = hub_array(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, caller);
	spi_leave(&frame);
	return ids;
}

void
hub_clients_of_tokens(HubData *data, HubToken *const *tokens, int n)
{
	char	  **clients = palloc(sizeof(char *) * Max(n, 1));
	int			nclients = 0;

	/* its own client stands for nothing */
	for (int i = 0; i < n; i++)
		if (tokens[i]->client_id != NULL && strcmp(tokens[i]->client_id, "jupyterhub") != 0)
			clients[nclients++] = tokens[i]->client_id;
	hub_clients_ahead(data, clients, nclients);
	pfree(clients);
}
