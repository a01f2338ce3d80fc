/*-------------------------------------------------------------------------
 *
 * api_models.c
 *	  The models of the hub's REST API: which of their fields a token may see.
 *
 * The hub makes a model of everything and keeps of it what the scopes let
 * through, each scope being tried on the row by its filters.  Here all scopes
 * are tried at once: a scopeset has, for each filter, the bases that go with it
 * as bits, so what is held on a row is an OR of a few masks, and a field is seen
 * if one of its scopes is among the bits.
 *
 * Nothing is read here.  What only the hub's process knows (a pending event, the
 * state of a server, the pid of a service) is NULL or 0, as it is in a hub where
 * nothing of the kind goes on.
 *
 *-------------------------------------------------------------------------
 */
#include "api.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"

/* ---- fields ---- */

typedef struct ApiField
{
	const char *name;
	Oid			type;
	const char *scopes;			/* any of them; NULL: whatever shows another field */
} ApiField;

static const ApiField api_user_fields[HUB_USER_NCOLUMNS] = {
	[HUB_USER_NAME] = {"name", TEXTOID, NULL},
	[HUB_USER_KIND] = {"kind", TEXTOID, NULL},
	[HUB_USER_ADMIN] = {"admin", BOOLOID, "read:users read:users:name read:roles:users"},
	[HUB_USER_ROLES] = {"roles", TEXTARRAYOID, "read:users read:roles:users"},
	[HUB_USER_GROUPS] = {"groups", TEXTARRAYOID, "read:users read:users:groups"},
	[HUB_USER_SERVER] = {"server", TEXTOID, "read:users"},
	[HUB_USER_PENDING] = {"pending", TEXTOID, "read:users"},
	[HUB_USER_CREATED] = {"created", TIMESTAMPTZOID, "read:users"},
	[HUB_USER_LAST_ACTIVITY] = {"last_activity", TIMESTAMPTZOID, "read:users read:users:activity"},
	[HUB_USER_INFO] = {"user_info", JSONBOID, "read:users read:users:name"},
	[HUB_USER_SERVERS] = {"servers", JSONBOID, "read:servers"},
	[HUB_USER_AUTH_STATE] = {"auth_state", JSONBOID, "admin:auth_state"},
};

static const ApiField api_group_fields[HUB_GROUP_NCOLUMNS] = {
	[HUB_GROUP_NAME] = {"name", TEXTOID, "read:groups read:groups:name read:roles:groups"},
	[HUB_GROUP_KIND] = {"kind", TEXTOID, "read:groups read:groups:name read:roles:groups"},
	[HUB_GROUP_ROLES] = {"roles", TEXTARRAYOID, "read:roles:groups"},
	[HUB_GROUP_USERS] = {"users", TEXTARRAYOID, "read:groups"},
	[HUB_GROUP_PROPERTIES] = {"properties", JSONBOID, "read:groups"},
};

static const ApiField api_service_fields[HUB_SERVICE_NCOLUMNS] = {
	[HUB_SERVICE_NAME] = {"name", TEXTOID, NULL},
	[HUB_SERVICE_KIND] = {"kind", TEXTOID, NULL},
	[HUB_SERVICE_ADMIN] = {"admin", BOOLOID, "read:services read:services:name read:roles:services"},
	[HUB_SERVICE_ROLES] = {"roles", TEXTARRAYOID, "read:roles:services"},
	[HUB_SERVICE_URL] = {"url", TEXTOID, "read:services"},
	[HUB_SERVICE_PREFIX] = {"prefix", TEXTOID, "read:services"},
	[HUB_SERVICE_COMMAND] = {"command", JSONBOID, "read:services"},
	[HUB_SERVICE_PID] = {"pid", INT4OID, "read:services"},
	[HUB_SERVICE_INFO] = {"info", JSONBOID, "read:services"},
	[HUB_SERVICE_DISPLAY] = {"display", BOOLOID, "read:services"},
};

static const ApiField api_server_fields[HUB_SERVER_NCOLUMNS] = {
	[HUB_SERVER_USER] = {"user_name", TEXTOID, "read:servers"},
	[HUB_SERVER_NAME] = {"name", TEXTOID, "read:servers"},
	[HUB_SERVER_FULL_NAME] = {"full_name", TEXTOID, "read:servers"},
	[HUB_SERVER_DISPLAY_NAME] = {"display_name", TEXTOID, "read:servers"},
	[HUB_SERVER_LAST_ACTIVITY] = {"last_activity", TIMESTAMPTZOID, "read:servers"},
	[HUB_SERVER_STARTED] = {"started", TIMESTAMPTZOID, "read:servers"},
	[HUB_SERVER_PENDING] = {"pending", TEXTOID, "read:servers"},
	[HUB_SERVER_READY] = {"ready", BOOLOID, "read:servers"},
	[HUB_SERVER_STOPPED] = {"stopped", BOOLOID, "read:servers"},
	[HUB_SERVER_URL] = {"url", TEXTOID, "read:servers"},
	[HUB_SERVER_USER_OPTIONS] = {"user_options", JSONBOID, "read:servers"},
	[HUB_SERVER_PROGRESS_URL] = {"progress_url", TEXTOID, "read:servers"},
	[HUB_SERVER_FULL_URL] = {"full_url", TEXTOID, "read:servers"},
	[HUB_SERVER_FULL_PROGRESS_URL] = {"full_progress_url", TEXTOID, "read:servers"},
	[HUB_SERVER_STATE] = {"state", JSONBOID, "admin:server_state"},
};

static const ApiField api_token_fields[HUB_TOKEN_NCOLUMNS] = {
	[HUB_TOKEN_USER] = {"user_name", TEXTOID, "read:tokens"},
	[HUB_TOKEN_ID] = {"id", TEXTOID, "read:tokens"},
	[HUB_TOKEN_KIND] = {"kind", TEXTOID, "read:tokens"},
	[HUB_TOKEN_ROLES] = {"roles", TEXTARRAYOID, "read:tokens"},
	[HUB_TOKEN_SCOPES] = {"scopes", InvalidOid, "read:tokens"},	/* scopeset */
	[HUB_TOKEN_CREATED] = {"created", TIMESTAMPTZOID, "read:tokens"},
	[HUB_TOKEN_LAST_ACTIVITY] = {"last_activity", TIMESTAMPTZOID, "read:tokens"},
	[HUB_TOKEN_EXPIRES_AT] = {"expires_at", TIMESTAMPTZOID, "read:tokens"},
	[HUB_TOKEN_NOTE] = {"note", TEXTOID, "read:tokens"},
	[HUB_TOKEN_SESSION_ID] = {"session_id", TEXTOID, "read:tokens"},
	[HUB_TOKEN_OAUTH_CLIENT] = {"oauth_client", TEXTOID, "read:tokens"},
};

typedef struct ApiModel
{
	const ApiField *fields;
	int			ncolumns;
	const char *kind;
	int			kind_column;	/* -1: it has none */
} ApiModel;

static const ApiModel api_models[HUB_NMODELS] = {
	[HUB_MODEL_USER] = {api_user_fields, HUB_USER_NCOLUMNS, "user", HUB_USER_KIND},
	[HUB_MODEL_GROUP] = {api_group_fields, HUB_GROUP_NCOLUMNS, "group", HUB_GROUP_KIND},
	[HUB_MODEL_SERVICE] = {api_service_fields, HUB_SERVICE_NCOLUMNS, "service", HUB_SERVICE_KIND},
	[HUB_MODEL_SERVER] = {api_server_fields, HUB_SERVER_NCOLUMNS, NULL, -1},
	[HUB_MODEL_TOKEN] = {api_token_fields, HUB_TOKEN_NCOLUMNS, "api_token", HUB_TOKEN_KIND},
};

/* The scopes of each field, as bits; made once per backend. */
static uint64 api_field_bits[HUB_NMODELS][HUB_MODEL_MAX_COLUMNS];
static ApiBits api_known_bits;
static bool api_bits_known = false;

/* The bits of bases that are separated by spaces. */
static uint64
api_bits_of(const char *scopes)
{
	uint64		bits = 0;

	while (*scopes != '\0')
	{
		int			len = strcspn(scopes, " ");
		int			id = scope_dictionary_find(scopes, len);

		if (id < 0)
			elog(ERROR, "base \"%.*s\" is not in the dictionary", len, scopes);
		bits |= UINT64CONST(1) << id;
		scopes += len;
		scopes += strspn(scopes, " ");
	}
	return bits;
}

const ApiBits *
api_bits(void)
{
	if (api_bits_known)
		return &api_known_bits;
	api_known_bits.list_users = api_bits_of("list:users");
	api_known_bits.list_groups = api_bits_of("list:groups");
	api_known_bits.list_services = api_bits_of("list:services");
	api_known_bits.read_servers = api_bits_of("read:servers");
	api_known_bits.read_services = api_bits_of("read:services");
	api_known_bits.read_tokens = api_bits_of("read:tokens");
	for (int m = 0; m < HUB_NMODELS; m++)
	{
		const ApiModel *model = &api_models[m];
		uint64		any = 0;

		for (int i = 0; i < model->ncolumns; i++)
			if (model->fields[i].scopes != NULL)
				any |= api_field_bits[m][i] = api_bits_of(model->fields[i].scopes);
		for (int i = 0; i < model->ncolumns; i++)
			if (model->fields[i].scopes == NULL)
				api_field_bits[m][i] = any;
	}
	api_bits_known = true;
	return &api_known_bits;
}

int
api_ncolumns(HubModel model)
{
	return api_models[model].ncolumns;
}

/* The columns that somebody with these scopes sees, as bits. */
static uint32
api_allowed(const ApiReader *reader, HubModel model, uint64 held)
{
	uint32		allowed = 0;

	for (int i = 0; i < api_models[model].ncolumns; i++)
		if ((api_field_bits[model][i] & held) != 0)
			allowed |= UINT32_C(1) << i;
	return allowed & ~reader->missing[model];
}

Datum
api_field_names(HubModel model, uint32 allowed)
{
	Datum		names[HUB_MODEL_MAX_COLUMNS];
	int			n = 0;

	for (int i = 0; i < api_models[model].ncolumns; i++)
		if ((allowed & UINT32_C(1) << i) != 0)
			names[n++] = CStringGetTextDatum(api_models[model].fields[i].name);
	return PointerGetDatum(construct_array(names, n, TEXTOID, -1, false, TYPALIGN_INT));
}

/* ---- what is held on a row ---- */

/* What is held by one filter. */
static uint64
api_held_by(const ApiReader *reader, ScopeKind kind, const char *value)
{
	int			filter = scopeset_find_filter(&reader->view, kind, value, strlen(value));

	return filter < 0 ? 0 : scopeset_mask(&reader->view, filter);
}

static uint64
api_held_by_groups(const ApiReader *reader, Datum groups)
{
	uint64		held = 0;
	Datum	   *names;
	bool	   *nulls;
	int			n;

	if (!reader->by_group || DatumGetPointer(groups) == NULL)
		return 0;
	deconstruct_array(DatumGetArrayTypeP(groups), TEXTOID, -1, false, TYPALIGN_INT, &names, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			held |= api_held_by(reader, SCOPE_GROUP, module_to_utf8(TextDatumGetCString(names[i])));
	return held;
}

/*
 * A server is also found by its bare name, whoever owns it: so the hub compares,
 * and shows it for a filter value without "/".
 */
uint64
api_held(const ApiReader *reader, HubModel model, const HubModelRow *row)
{
	uint64		held = reader->view.open;

	switch (model)
	{
		case HUB_MODEL_USER:
			return held | api_held_by(reader, SCOPE_USER, row->name) |
				api_held_by_groups(reader, row->groups);
		case HUB_MODEL_GROUP:
			return held | api_held_by(reader, SCOPE_GROUP, row->name);
		case HUB_MODEL_SERVICE:
			return held | api_held_by(reader, SCOPE_SERVICE, row->name);
		case HUB_MODEL_SERVER:
			return held | api_held_by(reader, SCOPE_SERVER, psprintf("%s/%s", row->owner, row->name)) |
				api_held_by(reader, SCOPE_SERVER, row->name) |
				api_held_by(reader, SCOPE_USER, row->owner) |
				api_held_by_groups(reader, row->groups);
		default:
			return held | api_held_by(reader, SCOPE_USER, row->owner) |
				api_held_by_groups(reader, row->groups);
	}
}

/*
 * The hub refuses a list of users or groups altogether where the scope for it
 * has a filter of a kind that it does not know there.
 */
static uint64
api_listable(const ApiReader *reader)
{
	const ApiBits *bits = api_bits();
	uint64		listable = ~UINT64CONST(0);

	for (int i = 0; i < reader->view.nfilters; i++)
	{
		ScopeKind	kind = scopeset_kind(&reader->view, i);
		uint64		unknown = 0;

		if (kind != SCOPE_GROUP)
			unknown |= bits->list_groups;
		if (kind != SCOPE_GROUP && kind != SCOPE_USER)
			unknown |= bits->list_users;
		listable &= ~(unknown & scopeset_mask(&reader->view, i));
	}
	return listable | reader->view.open;
}

void
api_reader_init(ApiReader *reader, const HubSchema *hub, const Scopeset *scopes)
{
	const Settings *settings = settings_get();
	int			len = strlen(settings->base_url);
	const char *host;

	memset(reader, 0, sizeof(*reader));
	(void) api_bits();
	reader->hub = hub;
	scopeset_view(scopes, &reader->view);
	reader->by_group = scopeset_has_kind(scopes, SCOPE_GROUP);
	reader->listable = api_listable(reader);
	reader->base_url = psprintf("%s%s", settings->base_url,
								len > 0 && settings->base_url[len - 1] == '/' ? "" : "/");
	/* set_option sees to it that it is a URL; the table may have been written */
	host = strstr(settings->public_url, "://");
	if (host != NULL)
	{
		host += 3;
		reader->public_host = pnstrdup(settings->public_url,
									   host - settings->public_url + strcspn(host, "/"));
	}
	for (int m = 0; m < HUB_NMODELS; m++)
		reader->missing[m] = hub_model_missing(hub, (HubModel) m);
}

bool
api_may_list(const ApiReader *reader, HubModel model, uint64 bit,
			 bool *all, Datum *names, Datum *groups)
{
	ScopeKind	own = model == HUB_MODEL_USER ? SCOPE_USER :
		model == HUB_MODEL_GROUP ? SCOPE_GROUP : SCOPE_SERVICE;
	int			nfilters = reader->view.nfilters;
	char	  **values[2];
	int			n[2] = {0, 0};

	*all = (reader->view.open & bit) != 0;
	*names = *groups = (Datum) 0;
	if (*all || (reader->listable & bit) == 0)
		return *all;
	values[0] = palloc(sizeof(char *) * Max(nfilters, 1));
	values[1] = palloc(sizeof(char *) * Max(nfilters, 1));
	for (int i = 0; i < nfilters; i++)
	{
		ScopeKind	kind = scopeset_kind(&reader->view, i);
		int			to = kind == own ? 0 : 1;
		const char *value;
		int			len;

		if ((scopeset_mask(&reader->view, i) & bit) == 0 ||
			(kind != own && kind != SCOPE_GROUP))
			continue;
		value = scopeset_value(&reader->view, i, &len);
		values[to][n[to]++] = pnstrdup(value, len);
	}
	*names = spi_text_array(values[0], n[0]);
	*groups = spi_text_array(values[1], n[1]);
	return n[0] > 0 || (model == HUB_MODEL_USER && n[1] > 0);
}

bool
api_may_read(HubModel model, uint64 held)
{
	(void) api_bits();
	/* who may see no more than auth_state may not ask */
	if (model == HUB_MODEL_USER)
		held &= ~api_field_bits[model][HUB_USER_AUTH_STATE];
	return (held & api_field_bits[model][HUB_USER_NAME]) != 0;
}

/* ---- rows ---- */

static void
api_set_text(int column, const char *utf8, Datum *values, bool *nulls)
{
	nulls[column] = utf8 == NULL;
	if (utf8 != NULL)
		values[column] = PointerGetDatum(module_text_from_utf8(utf8, strlen(utf8)));
}

static void
api_set_bool(int column, bool value, Datum *values, bool *nulls)
{
	nulls[column] = false;
	values[column] = BoolGetDatum(value);
}

/* A column that is not NULL for the hub: its default in the place of NULL. */
static void
api_set_default_json(int column, const char *json, Datum *values, bool *nulls)
{
	if (nulls[column])
		nulls[column] = !module_jsonb(json, &values[column]);
}

/* A server that is shown runs, and is ready as far as the tables know. */
static void
api_server_columns(const ApiReader *reader, const HubModelRow *row, Datum *values, bool *nulls)
{
	char	   *url = api_server_url(reader, row->owner, row->name);
	char	   *progress = api_progress_url(reader, row->owner, row->name);

	api_set_text(HUB_SERVER_FULL_NAME, psprintf("%s/%s", row->owner, row->name), values, nulls);
	api_set_bool(HUB_SERVER_READY, true, values, nulls);
	api_set_bool(HUB_SERVER_STOPPED, false, values, nulls);
	api_set_text(HUB_SERVER_URL, url, values, nulls);
	api_set_default_json(HUB_SERVER_USER_OPTIONS, "{}", values, nulls);
	api_set_text(HUB_SERVER_PROGRESS_URL, progress, values, nulls);
	api_set_text(HUB_SERVER_FULL_URL, api_full_url(reader, url), values, nulls);
	api_set_text(HUB_SERVER_FULL_PROGRESS_URL, api_full_url(reader, progress), values, nulls);
}

/* The default server's URL if it runs, and the servers that may be seen. */
static void
api_user_columns(const ApiReader *reader, const HubModelRow *row, uint32 *allowed,
				 Datum *values, bool *nulls)
{
	JsonbParseState *state = NULL;
	JsonbValue *servers;
	int			n = 0;

	if (row->nowned > 0 && row->owned[0]->name[0] == '\0')
		api_set_text(HUB_USER_SERVER, api_user_url(reader, row->name), values, nulls);

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	for (int i = 0; i < row->nowned; i++)
	{
		const HubModelRow *server = row->owned[i];
		uint64		held = api_held(reader, HUB_MODEL_SERVER, server);
		Datum		server_values[HUB_MODEL_MAX_COLUMNS];
		bool		server_nulls[HUB_MODEL_MAX_COLUMNS];
		uint32		server_allowed;

		server_allowed = api_row(reader, HUB_MODEL_SERVER, server, held, server_values, server_nulls);
		if (server_allowed == 0)
			continue;
		api_push_key(&state, module_from_utf8(server->name, strlen(server->name)));
		pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
		api_push_row(&state, HUB_MODEL_SERVER, server_allowed & ~(UINT32_C(1) << HUB_SERVER_USER),
					 server_values, server_nulls);
		pushJsonbValue(&state, WJB_END_OBJECT, NULL);
		n++;
	}
	servers = pushJsonbValue(&state, WJB_END_OBJECT, NULL);

	/* a server that may be seen is shown with a user of whom one sees anything */
	if (n > 0)
		*allowed |= UINT32_C(1) << HUB_USER_SERVERS;
	nulls[HUB_USER_SERVERS] = false;
	values[HUB_USER_SERVERS] = JsonbPGetDatum(JsonbValueToJsonb(servers));
}

/*
 * A service as the hub lists it: what is not set is at the default of the hub's
 * own object.  What a release before 5.0 does not store only its process knows.
 */
static void
api_service_columns(const ApiReader *reader, Datum *values, bool *nulls)
{
	uint32		missing = reader->missing[HUB_MODEL_SERVICE];

	nulls[HUB_SERVICE_PID] = false;
	values[HUB_SERVICE_PID] = Int32GetDatum(0);
	if (nulls[HUB_SERVICE_URL])
		api_set_text(HUB_SERVICE_URL, "", values, nulls);
	api_set_default_json(HUB_SERVICE_COMMAND, "[]", values, nulls);
	api_set_default_json(HUB_SERVICE_INFO, "{}", values, nulls);
	if (nulls[HUB_SERVICE_DISPLAY])
		api_set_bool(HUB_SERVICE_DISPLAY, true, values, nulls);
	for (int i = 0; i < HUB_SERVICE_NCOLUMNS; i++)
		nulls[i] |= (missing & UINT32_C(1) << i) != 0;
}

static void
api_token_columns(const HubModelRow *row, Datum *values, bool *nulls)
{
	api_set_text(HUB_TOKEN_ID, psprintf("a%d", row->id), values, nulls);
	nulls[HUB_TOKEN_ROLES] = false;
	values[HUB_TOKEN_ROLES] = PointerGetDatum(construct_empty_array(TEXTOID));
}

uint32
api_row(const ApiReader *reader, HubModel model, const HubModelRow *row,
		uint64 held, Datum *values, bool *nulls)
{
	const ApiModel *api = &api_models[model];
	uint32		allowed = api_allowed(reader, model, held);

	/* nothing of the row itself, nothing of what belongs to it */
	if (allowed == 0)
		return 0;
	/* a server's state is no reason to show the server */
	if (model == HUB_MODEL_SERVER && (held & api_bits()->read_servers) == 0)
		return 0;
	memcpy(values, row->values, sizeof(Datum) * HUB_MODEL_MAX_COLUMNS);
	memcpy(nulls, row->nulls, sizeof(bool) * HUB_MODEL_MAX_COLUMNS);
	if (api->kind != NULL)
		api_set_text(api->kind_column, api->kind, values, nulls);
	switch (model)
	{
		case HUB_MODEL_USER:
			api_user_columns(reader, row, &allowed, values, nulls);
			break;
		case HUB_MODEL_SERVICE:
			api_service_columns(reader, values, nulls);
			break;
		case HUB_MODEL_SERVER:
			api_server_columns(reader, row, values, nulls);
			break;
		case HUB_MODEL_TOKEN:
			api_token_columns(row, values, nulls);
			break;
		default:
			break;
	}
	for (int i = 0; i < api->ncolumns; i++)
		nulls[i] |= (allowed & UINT32_C(1) << i) == 0;
	return allowed;
}

/* ---- as JSON ---- */

/* A time as the hub writes it: Python's isoformat() and a Z. */
static char *
api_time(Timestamp time)
{
	struct pg_tm tm;
	fsec_t		fsec;

	if (TIMESTAMP_NOT_FINITE(time) || timestamp2tm(time, NULL, &tm, &fsec, NULL, NULL) != 0)
		return DatumGetCString(DirectFunctionCall1(timestamp_out, TimestampGetDatum(time)));
	if (fsec == 0)
		return psprintf("%04d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year, tm.tm_mon, tm.tm_mday,
						tm.tm_hour, tm.tm_min, tm.tm_sec);
	return psprintf("%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year, tm.tm_mon, tm.tm_mday,
					tm.tm_hour, tm.tm_min, tm.tm_sec, (int) fsec);
}

static void
api_push_bytes(JsonbParseState **state, JsonbIteratorToken token, const char *str, int len)
{
	JsonbValue	value;

	value.type = jbvString;
	value.val.string.val = unconstify(char *, str);
	value.val.string.len = len;
	pushJsonbValue(state, token, &value);
}

void
api_push_string(JsonbParseState **state, JsonbIteratorToken token, const char *str)
{
	JsonbValue	null = {.type = jbvNull};

	if (str == NULL)
		pushJsonbValue(state, token, &null);
	else
		api_push_bytes(state, token, str, strlen(str));
}

void
api_push_key(JsonbParseState **state, const char *key)
{
	api_push_bytes(state, WJB_KEY, key, strlen(key));
}

void
api_push_text(JsonbParseState **state, const char *key, const char *str)
{
	api_push_key(state, key);
	api_push_string(state, WJB_VALUE, str);
}

/* The hub's tables let a name be NULL, and the hub shows it as null. */
static void
api_push_array(JsonbParseState **state, ArrayType *array)
{
	JsonbValue	null = {.type = jbvNull};
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			pushJsonbValue(state, WJB_ELEM, &null);
		else
			api_push_bytes(state, WJB_ELEM, VARDATA_ANY(DatumGetPointer(elements[i])),
						   VARSIZE_ANY_EXHDR(DatumGetPointer(elements[i])));
	}
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/* A jsonb as a value: its scalar, or a container as it is. */
static void
api_push_jsonb(JsonbParseState **state, Jsonb *jsonb)
{
	JsonbValue	value;

	if (JB_ROOT_IS_SCALAR(jsonb))
		JsonbExtractScalar(&jsonb->root, &value);
	else
	{
		value.type = jbvBinary;
		value.val.binary.data = &jsonb->root;
		value.val.binary.len = VARSIZE_ANY_EXHDR(jsonb);
	}
	pushJsonbValue(state, WJB_VALUE, &value);
}

static void
api_push_value(JsonbParseState **state, Oid type, Datum datum)
{
	JsonbValue	value;

	switch (type)
	{
		case TEXTOID:
			api_push_bytes(state, WJB_VALUE, VARDATA_ANY(DatumGetPointer(datum)),
						   VARSIZE_ANY_EXHDR(DatumGetPointer(datum)));
			break;
		case BOOLOID:
			value.type = jbvBool;
			value.val.boolean = DatumGetBool(datum);
			pushJsonbValue(state, WJB_VALUE, &value);
			break;
		case INT4OID:
			value.type = jbvNumeric;
			value.val.numeric = int64_to_numeric(DatumGetInt32(datum));
			pushJsonbValue(state, WJB_VALUE, &value);
			break;
		case TIMESTAMPTZOID:
			api_push_string(state, WJB_VALUE, api_time(DatumGetTimestamp(datum)));
			break;
		case TEXTARRAYOID:
			api_push_array(state, DatumGetArrayTypeP(datum));
			break;
		case JSONBOID:
			api_push_jsonb(state, DatumGetJsonbP(datum));
			break;
		default:
			elog(ERROR, "unexpected type %u", type);
	}
}

void
api_push_row(JsonbParseState **state, HubModel model, uint32 allowed,
			 const Datum *values, const bool *nulls)
{
	const ApiModel *api = &api_models[model];
	JsonbValue	null = {.type = jbvNull};

	for (int i = 0; i < api->ncolumns; i++)
	{
		if ((allowed & UINT32_C(1) << i) == 0)
			continue;
		api_push_key(state, api->fields[i].name);
		if (nulls[i])
			pushJsonbValue(state, WJB_VALUE, &null);
		else
			api_push_value(state, api->fields[i].type, values[i]);
	}
}
