/*-------------------------------------------------------------------------
 *
 * everyone.c
 *	  The whole hub in one pass: all_user_scopes, all_token_scopes ...
 *
 * The hub is loaded once, set-at-a-time, and each row is computed by the very
 * functions that answer for a single subject.  Nothing raises on account of
 * one row: what does not parse is told in the column "error".  If the query asks
 * for one user or service by name, no more is loaded than for that one; for groups,
 * no users.
 *
 *-------------------------------------------------------------------------
 */
#include "effective.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/tuplestore.h"

#include "../hub/hub_audit.h"

static HubData *
effective_load_everyone(void)
{
	HubWant		want;

	memset(&want, 0, sizeof(want));
	want.everyone = true;
	return hub_load(hub_schema(false, false), &want, false);
}

/* All groups, and nobody who is in them. */
static HubData *
effective_load_groups(void)
{
	const HubSchema *hub = hub_schema(false, false);
	HubIds		ids = {0};
	HubWant		want;

	hub_add_ids_from(hub, HUB_GROUPS, PG_INT32_MIN, PG_INT32_MAX, &ids);
	memset(&want, 0, sizeof(want));
	want.groups = ids.ids;
	want.ngroups = ids.n;
	return hub_load(hub, &want, false);
}

/*
 * The hub, as far as the query asks for it: one user or service of the name, if it
 * wants one, else everybody.  A name that may be shown in another way than the
 * database has it is looked for among all.
 */
static HubData *
effective_load_asked(FunctionCallInfo fcinfo, SubjectKind kind)
{
	const HubSchema *hub = hub_schema(false, false);
	HubWant		want;
	Datum		value;
	const char *name;
	int			id;

	if (GetDatabaseEncoding() != PG_UTF8 || !module_asked(fcinfo, 1, TEXTOID, &value) ||
		VARSIZE_ANY_EXHDR(DatumGetTextPP(value)) == 0)
		return effective_load_everyone();
	name = TextDatumGetCString(value);
	memset(&want, 0, sizeof(want));
	if (kind == SUBJECT_USER)
	{
		id = hub_user_id(hub, name, false);
		want.users = &id;
		want.nusers = 1;
	}
	else
	{
		id = hub_service_id(hub, name, false);
		want.services = &id;
		want.nservices = 1;
	}
	return hub_load(hub, &want, false);
}

/* A text column, NULL for NULL. */
static void
effective_put_text(Datum *value, bool *isnull, const char *str)
{
	*isnull = str == NULL;
	*value = str == NULL ? (Datum) 0 :
		PointerGetDatum(module_text_from_utf8(str, strlen(str)));
}

static void
effective_put_row(ReturnSetInfo *rsinfo, const char *name,
				  const Scopeset *scopes, const char *error)
{
	Datum		values[3];
	bool		nulls[3];

	effective_put_text(&values[0], &nulls[0], name);
	values[1] = ScopesetPGetDatum(scopes);
	nulls[1] = false;
	effective_put_text(&values[2], &nulls[2], error);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

PG_FUNCTION_INFO_V1(jhub_authz_all_user_scopes);
Datum
jhub_authz_all_user_scopes(PG_FUNCTION_ARGS)
{
	HubData    *data;
	EffectiveWay *way;
	HubUser   **users;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	data = effective_load_asked(fcinfo, SUBJECT_USER);
	way = effective_way(data, 0);
	users = hub_users(data, &n);
	for (int i = 0; i < n; i++)
	{
		char	   *error;
		const Scopeset *scopes = effective_user(way, users[i], &error);

		CHECK_FOR_INTERRUPTS();
		effective_put_row((ReturnSetInfo *) fcinfo->resultinfo,
						  users[i]->name, scopes, error);
	}
	hub_free(data);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(jhub_authz_all_service_scopes);
Datum
jhub_authz_all_service_scopes(PG_FUNCTION_ARGS)
{
	HubData    *data;
	EffectiveWay *way;
	HubService **services;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	data = effective_load_asked(fcinfo, SUBJECT_SERVICE);
	way = effective_way(data, 0);
	services = hub_services(data, &n);
	for (int i = 0; i < n; i++)
	{
		char	   *error;
		const Scopeset *scopes = effective_service(way, services[i], &error);

		CHECK_FOR_INTERRUPTS();
		effective_put_row((ReturnSetInfo *) fcinfo->resultinfo,
						  services[i]->name, scopes, error);
	}
	hub_free(data);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(jhub_authz_all_group_scopes);
Datum
jhub_authz_all_group_scopes(PG_FUNCTION_ARGS)
{
	HubData    *data;
	EffectiveWay *way;
	HubGroup  **groups;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	data = effective_load_groups();
	way = effective_way(data, 0);
	groups = hub_groups(data, &n);
	for (int i = 0; i < n; i++)
	{
		char	   *error;
		const Scopeset *scopes = effective_group(way, groups[i], &error);

		CHECK_FOR_INTERRUPTS();
		effective_put_row((ReturnSetInfo *) fcinfo->resultinfo,
						  groups[i]->name, scopes, error);
	}
	hub_free(data);
	return (Datum) 0;
}

/* ---- tokens ---- */

typedef struct EffectiveTokenRows
{
	ReturnSetInfo *rsinfo;
	HubData    *data;
	EffectiveWay *way;
	MemoryContext row;			/* reset after each token */
} EffectiveTokenRows;

/* Columns of all_token_scopes() */
enum
{
	TOKEN_COLUMN_ID,
	TOKEN_COLUMN_OWNER_KIND,
	TOKEN_COLUMN_OWNER_NAME,
	TOKEN_COLUMN_CLIENT,
	TOKEN_COLUMN_STORED,
	TOKEN_COLUMN_EFFECTIVE,
	TOKEN_COLUMN_DISCARDED,
	TOKEN_COLUMN_ERROR,
	TOKEN_NCOLUMNS
};

static void
effective_put_token(HubToken *token, void *arg)
{
	EffectiveTokenRows *rows = arg;
	MemoryContext old = MemoryContextSwitchTo(rows->row);
	const HubUser *user = NULL;
	const HubService *service = NULL;
	const Scopeset *discarded;
	const Scopeset *scopes;
	char	   *error;
	Datum		values[TOKEN_NCOLUMNS];
	bool		nulls[TOKEN_NCOLUMNS];

	CHECK_FOR_INTERRUPTS();
	if (token->user_id != 0)
		user = hub_user(rows->data, token->user_id);
	else if (token->service_id != 0)
		service = hub_service(rows->data, token->service_id);
	scopes = effective_token(rows->way, token, &discarded, &error);

	memset(nulls, 0, sizeof(nulls));
	values[TOKEN_COLUMN_ID] = Int32GetDatum(token->id);
	effective_put_text(&values[TOKEN_COLUMN_OWNER_KIND],
					   &nulls[TOKEN_COLUMN_OWNER_KIND],
					   user != NULL ? "user" : service != NULL ? "service" : NULL);
	effective_put_text(&values[TOKEN_COLUMN_OWNER_NAME],
					   &nulls[TOKEN_COLUMN_OWNER_NAME],
					   user != NULL ? user->name :
					   service != NULL ? service->name : NULL);
	effective_put_text(&values[TOKEN_COLUMN_CLIENT],
					   &nulls[TOKEN_COLUMN_CLIENT], token->client_id);
	/* NULL, or what does not parse, is no set */
	nulls[TOKEN_COLUMN_STORED] = token->scopes == NULL ||
		(token->defect != NULL && scopeset_is_empty(token->stored));
	values[TOKEN_COLUMN_STORED] = ScopesetPGetDatum(token->stored);
	values[TOKEN_COLUMN_EFFECTIVE] = ScopesetPGetDatum(scopes);
	values[TOKEN_COLUMN_DISCARDED] = ScopesetPGetDatum(discarded);
	effective_put_text(&values[TOKEN_COLUMN_ERROR],
					   &nulls[TOKEN_COLUMN_ERROR], error);
	tuplestore_putvalues(rows->rsinfo->setResult, rows->rsinfo->setDesc,
						 values, nulls);
	MemoryContextSwitchTo(old);
	MemoryContextReset(rows->row);
}

PG_FUNCTION_INFO_V1(jhub_authz_all_token_scopes);
Datum
jhub_authz_all_token_scopes(PG_FUNCTION_ARGS)
{
	EffectiveTokenRows rows;
	HubTokenWant want;

	InitMaterializedSRF(fcinfo, 0);
	rows.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	rows.data = effective_load_everyone();
	rows.way = effective_way(rows.data, effective_reading_flags());
	rows.row = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz token row",
									 ALLOCSET_DEFAULT_SIZES);
	memset(&want, 0, sizeof(want));
	want.all = true;
	hub_each_token(hub_data_schema(rows.data), &want, false,
				   effective_put_token, &rows);
	MemoryContextDelete(rows.row);
	hub_free(rows.data);
	return (Datum) 0;
}
