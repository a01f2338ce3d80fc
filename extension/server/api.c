/*-------------------------------------------------------------------------
 *
 * api.c
 *	  What the api_* views are made of, and api_user() and its kin.
 *
 * A view is a list of keys, made by one query, that is joined to a function of
 * the key.  So a condition on the name takes away keys before anything else is
 * done, and costs like the question for one.  The function reads ahead: when it
 * is asked for one row after another, it reads more and more rows at a time,
 * and so runs a handful of queries for the whole list, none for each row.
 *
 * Every function here asks for the identity at each call, and whether it lets
 * the row be seen, for anybody who may read a view may call them too.  Nothing
 * here raises an error that depends on a row.
 *
 *-------------------------------------------------------------------------
 */
#include "api.h"
#include "identity.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

/* The n-th read for rows one after another is of so many, up to a most. */
#define API_READ_AHEAD_FACTOR	16
#define API_READ_AHEAD_MOST		1024

/* Ids that are no further apart than this, or than twice the last read, are so. */
#define API_NEAR	64

/* What a function keeps for the time of one statement. */
typedef struct ApiScan
{
	MemoryContext context;		/* of all of the below */
	MemoryContext rows_context;
	uint64		serial;			/* of the identity that the reader is for; 0: none */
	int			token_id;
	Scopeset   *scopes;
	const HubSchema *hub;
	ApiReader	reader;
	HubModel	model;
	HubModel	owned;
	HubModelRows *rows;
	int			ahead;			/* rows that were read last time; 0: never */
	uint32		names_of;		/* the fields that names are of */
	Datum		names;
} ApiScan;

/* ---- what tokens hold ---- */

typedef struct ApiTokens
{
	EffectiveWay *way;
	HubModelRows *users;
	MemoryContext context;
} ApiTokens;

static void
api_token_scopes_of(HubToken *token, void *arg)
{
	ApiTokens  *tokens = arg;
	HubModelRow *user = hub_model_row(tokens->users, token->user_id);
	const Scopeset *scopes = NULL;
	MemoryContext caller;

	for (int i = 0; user != NULL && i < user->nowned; i++)
	{
		HubModelRow *row = user->owned[i];

		if (row->id != token->id)
			continue;
		scopes = effective_token(tokens->way, token, NULL, NULL);
		caller = MemoryContextSwitchTo(tokens->context);
		row->values[HUB_TOKEN_SCOPES] = datumCopy(ScopesetPGetDatum(scopes), false, -1);
		row->nulls[HUB_TOKEN_SCOPES] = false;
		MemoryContextSwitchTo(caller);
	}
}

/* Fill in what the tokens of these users hold: the hub's own answer. */
static void
api_token_scopes(const HubSchema *hub, HubModelRows *users)
{
	ApiTokens	tokens = {.users = users,.context = CurrentMemoryContext};
	HubTokenWant want = {.live_only = true};
	HubWant		owners = {0};
	int		   *ids = palloc(sizeof(int) * Max(users->n, 1));
	HubData    *data;
	int			n = 0;

	for (int i = 0; i < users->n; i++)
		if (users->rows[i]->nowned > 0)
			ids[n++] = users->rows[i]->id;
	if (n == 0)
		return;
	owners.users = want.users = ids;
	owners.nusers = want.nusers = n;
	data = hub_load(hub, &owners, false);
	tokens.way = effective_way(data, 0);
	hub_each_token(hub, &want, false, api_token_scopes_of, &tokens);
	hub_free(data);
}

/* ---- one statement ---- */

/*
 * The scan of this call's function, for the identity of this moment; NULL if
 * there is none.
 */
static ApiScan *
api_scan(FunctionCallInfo fcinfo, HubModel model, HubModel owned)
{
	ApiScan    *scan = fcinfo->flinfo->fn_extra;
	const Identity *identity = identity_get();
	MemoryContext caller;
	Size		size;

	if (identity == NULL)
		return NULL;
	if (scan == NULL)
	{
		scan = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(ApiScan));
		scan->context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "jhub_authz api",
											  ALLOCSET_SMALL_SIZES);
		fcinfo->flinfo->fn_extra = scan;
	}
	if (scan->serial == identity->serial)
		return scan;
	/* somebody has committed something: as a rule it changes nothing here */
	if (scan->serial != 0 && scan->token_id == identity->token_id &&
		scopeset_equal(scan->scopes, identity->scopes))
	{
		scan->serial = identity->serial;
		return scan;
	}

	scan->serial = 0;
	MemoryContextReset(scan->context);
	caller = MemoryContextSwitchTo(scan->context);
	size = VARSIZE_ANY(identity->scopes);
	scan->scopes = palloc(size);
	memcpy(scan->scopes, identity->scopes, size);
	scan->token_id = identity->token_id;
	scan->model = model;
	scan->owned = owned;
	scan->hub = hub_schema(false, false);
	api_reader_init(&scan->reader, scan->hub, scan->scopes);
	scan->rows_context = AllocSetContextCreate(scan->context, "jhub_authz api rows",
											   ALLOCSET_DEFAULT_SIZES);
	scan->rows = NULL;
	scan->ahead = 0;
	scan->names_of = 0;
	MemoryContextSwitchTo(caller);
	scan->serial = identity->serial;
	return scan;
}

/*
 * Find a row, reading it if need be.  An id that comes soon after those that
 * were read last is taken to be one of many, not all of which may be seen.
 */
static HubModelRow *
api_find(ApiScan *scan, int id)
{
	HubModelRows *rows = scan->rows;
	MemoryContext caller;
	int			n = 1;

	if (rows != NULL && id >= rows->first && id <= rows->last)
		return hub_model_row(rows, id);
	if (rows != NULL && id > rows->last &&
		(int64) id - rows->last <= Max(API_NEAR, 2 * ((int64) rows->last - rows->first)))
		n = Min(scan->ahead * API_READ_AHEAD_FACTOR, API_READ_AHEAD_MOST);

	scan->rows = NULL;
	MemoryContextReset(scan->rows_context);
	caller = MemoryContextSwitchTo(scan->rows_context);
	rows = hub_model_rows(scan->hub, scan->model, scan->owned, id, n);
	if (scan->owned == HUB_MODEL_TOKEN)
		api_token_scopes(scan->hub, rows);
	MemoryContextSwitchTo(caller);
	scan->rows = rows;
	scan->ahead = n;
	return hub_model_row(rows, id);
}

/* Names of the fields that are shown; for many rows the same. */
static Datum
api_names(ApiScan *scan, HubModel model, uint32 allowed)
{
	if (scan->names_of != allowed)
	{
		Datum		names = api_field_names(model, allowed);
		MemoryContext caller = MemoryContextSwitchTo(scan->context);

		/* it may change with every row */
		if (scan->names_of != 0)
			pfree(DatumGetPointer(scan->names));
		scan->names_of = 0;
		scan->names = datumCopy(names, false, -1);
		scan->names_of = allowed;
		MemoryContextSwitchTo(caller);
	}
	return scan->names;
}

static void
api_put(FunctionCallInfo fcinfo, Datum *values, bool *nulls)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* Put a row, with the names of its fields last. */
static void
api_put_row(FunctionCallInfo fcinfo, ApiScan *scan, HubModel model, const HubModelRow *row,
			uint64 held)
{
	Datum		values[HUB_MODEL_MAX_COLUMNS + 1];
	bool		nulls[HUB_MODEL_MAX_COLUMNS + 1];
	uint32		allowed = api_row(&scan->reader, model, row, held, values, nulls);

	if (allowed == 0)
		return;
	values[api_ncolumns(model)] = api_names(scan, model, allowed);
	nulls[api_ncolumns(model)] = false;
	api_put(fcinfo, values, nulls);
}

/* Is a row in the list that the hub gives to this reader? */
static bool
api_is_listed(const ApiScan *scan, HubModel model, uint64 held)
{
	uint64		bit = model == HUB_MODEL_USER ? api_bits()->list_users :
		model == HUB_MODEL_GROUP ? api_bits()->list_groups : api_bits()->list_services;

	return (held & scan->reader.listable & bit) != 0;
}

/* ---- keys ---- */

static void
api_put_key(HeapTuple row, TupleDesc desc, void *arg)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) ((FunctionCallInfo) arg)->resultinfo;
	Datum		values[2];
	bool		nulls[2];

	values[0] = Int32GetDatum(spi_int(row, desc, 1, 0));
	nulls[0] = false;
	values[1] = SPI_getbinval(row, desc, 2, &nulls[1]);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/* Rows (id, name) that the list for this scope has. */
static Datum
api_keys(FunctionCallInfo fcinfo, HubModel model, uint64 bit)
{
	ApiScan    *scan = api_scan(fcinfo, model, HUB_NMODELS);
	Datum		names;
	Datum		groups;
	bool		all;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (scan != NULL && api_may_list(&scan->reader, model, bit, &all, &names, &groups))
		hub_each_model_key(scan->hub, model, all, names, groups, api_put_key, fcinfo);
	return (Datum) 0;
}

/*
 * _api_users(), _api_groups(), _api_services(), _api_token_users()
 *		-> rows (id integer, name text)
 */
PG_FUNCTION_INFO_V1(jhub_authz__api_users);
Datum
jhub_authz__api_users(PG_FUNCTION_ARGS)
{
	return api_keys(fcinfo, HUB_MODEL_USER, api_bits()->list_users);
}

PG_FUNCTION_INFO_V1(jhub_authz__api_groups);
Datum
jhub_authz__api_groups(PG_FUNCTION_ARGS)
{
	return api_keys(fcinfo, HUB_MODEL_GROUP, api_bits()->list_groups);
}

PG_FUNCTION_INFO_V1(jhub_authz__api_services);
Datum
jhub_authz__api_services(PG_FUNCTION_ARGS)
{
	return api_keys(fcinfo, HUB_MODEL_SERVICE, api_bits()->list_services);
}

PG_FUNCTION_INFO_V1(jhub_authz__api_token_users);
Datum
jhub_authz__api_token_users(PG_FUNCTION_ARGS)
{
	return api_keys(fcinfo, HUB_MODEL_USER, api_bits()->read_tokens);
}

/* ---- rows of a key ---- */

/* The row of an id in a list. */
static Datum
api_listed_row(FunctionCallInfo fcinfo, HubModel model, HubModel owned)
{
	ApiScan    *scan = api_scan(fcinfo, model, owned);
	HubModelRow *row;
	uint64		held;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (scan == NULL || (row = api_find(scan, PG_GETARG_INT32(0))) == NULL)
		return (Datum) 0;
	held = api_held(&scan->reader, model, row);
	if (api_is_listed(scan, model, held))
		api_put_row(fcinfo, scan, model, row, held);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(jhub_authz__api_user);
Datum
jhub_authz__api_user(PG_FUNCTION_ARGS)
{
	return api_listed_row(fcinfo, HUB_MODEL_USER, HUB_MODEL_SERVER);
}

PG_FUNCTION_INFO_V1(jhub_authz__api_group);
Datum
jhub_authz__api_group(PG_FUNCTION_ARGS)
{
	return api_listed_row(fcinfo, HUB_MODEL_GROUP, HUB_NMODELS);
}

PG_FUNCTION_INFO_V1(jhub_authz__api_service);
Datum
jhub_authz__api_service(PG_FUNCTION_ARGS)
{
	return api_listed_row(fcinfo, HUB_MODEL_SERVICE, HUB_NMODELS);
}

/*
 * _api_user_servers(user_id integer): the servers that the hub shows with a user
 * that it lists
 */
PG_FUNCTION_INFO_V1(jhub_authz__api_user_servers);
Datum
jhub_authz__api_user_servers(PG_FUNCTION_ARGS)
{
	ApiScan    *scan = api_scan(fcinfo, HUB_MODEL_USER, HUB_MODEL_SERVER);
	HubModelRow *user;
	Datum		values[HUB_MODEL_MAX_COLUMNS];
	bool		nulls[HUB_MODEL_MAX_COLUMNS];
	uint64		held;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (scan == NULL || (user = api_find(scan, PG_GETARG_INT32(0))) == NULL || user->nowned == 0)
		return (Datum) 0;
	held = api_held(&scan->reader, HUB_MODEL_USER, user);
	if (!api_is_listed(scan, HUB_MODEL_USER, held) ||
		api_row(&scan->reader, HUB_MODEL_USER, user, held, values, nulls) == 0)
		return (Datum) 0;
	for (int i = 0; i < user->nowned; i++)
		api_put_row(fcinfo, scan, HUB_MODEL_SERVER, user->owned[i],
					api_held(&scan->reader, HUB_MODEL_SERVER, user->owned[i]));
	return (Datum) 0;
}

/*
 * _api_user_tokens(user_id integer): the tokens that the hub shows of a user
 */
PG_FUNCTION_INFO_V1(jhub_authz__api_user_tokens);
Datum
jhub_authz__api_user_tokens(PG_FUNCTION_ARGS)
{
	ApiScan    *scan = api_scan(fcinfo, HUB_MODEL_USER, HUB_MODEL_TOKEN);
	HubModelRow *user;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (scan == NULL || (user = api_find(scan, PG_GETARG_INT32(0))) == NULL || user->nowned == 0)
		return (Datum) 0;
	for (int i = 0; i < user->nowned; i++)
	{
		Datum		values[HUB_MODEL_MAX_COLUMNS];
		bool		nulls[HUB_MODEL_MAX_COLUMNS];
		uint64		held = api_held(&scan->reader, HUB_MODEL_TOKEN, user->owned[i]);

		if (api_row(&scan->reader, HUB_MODEL_TOKEN, user->owned[i], held, values, nulls) != 0)
			api_put(fcinfo, values, nulls);
	}
	return (Datum) 0;
}

/* ---- one by its name ---- */

/*
 * api_user(name text), api_group(name text), api_service(name text)
 *
 * What the hub answers to GET /users/NAME and so on: a row like the view's; none
 * if there is none such, or nothing of it may be seen.
 */
static Datum
api_named_row(FunctionCallInfo fcinfo, HubModel model, HubModel owned,
			  int (*find) (const HubSchema *hub, const char *name, bool latest))
{
	ApiScan    *scan = api_scan(fcinfo, model, owned);
	HubModelRow *row;
	uint64		held;
	int			id;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (scan == NULL)
		return (Datum) 0;
	id = find(scan->hub, effective_utf8_string(PG_GETARG_TEXT_PP(0)), false);
	if (id == 0 || (row = api_find(scan, id)) == NULL)
		return (Datum) 0;
	held = api_held(&scan->reader, model, row);
	if (api_may_read(model, held))
		api_put_row(fcinfo, scan, model, row, held);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(jhub_authz_api_user);
Datum
jhub_authz_api_user(PG_FUNCTION_ARGS)
{
	return api_named_row(fcinfo, HUB_MODEL_USER, HUB_MODEL_SERVER, hub_user_id);
}

PG_FUNCTION_INFO_V1(jhub_authz_api_group);
Datum
jhub_authz_api_group(PG_FUNCTION_ARGS)
{
	return api_named_row(fcinfo, HUB_MODEL_GROUP, HUB_NMODELS, hub_group_id);
}

PG_FUNCTION_INFO_V1(jhub_authz_api_service);
Datum
jhub_authz_api_service(PG_FUNCTION_ARGS)
{
	return api_named_row(fcinfo, HUB_MODEL_SERVICE, HUB_NMODELS, hub_service_id);
}
