/*-------------------------------------------------------------------------
 *
 * past.c
 *	  What somebody could do at a moment: user_scopes_as_of, who_could.
 *
 * The hub is read as of that moment (hub_past.h), and the same functions as for
 * today say what follows: effective.h, with the release and the custom scopes that
 * were in force.  Only what has not been committed by that moment is left out,
 * this very transaction's changes among it.
 *
 *-------------------------------------------------------------------------
 */
#include "../effective/effective.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "../hub/hub_past.h"

PG_FUNCTION_INFO_V1(jhub_authz_user_scopes_as_of);
PG_FUNCTION_INFO_V1(jhub_authz_who_could);

/*
 * user_scopes_as_of(name, at) - NULL if there was no such user then; 22023 for a
 * moment that has not come, 55000 for one of which no past is kept.
 */
Datum
jhub_authz_user_scopes_as_of(PG_FUNCTION_ARGS)
{
	char	   *name = effective_utf8_string(PG_GETARG_TEXT_PP(0));
	HubSchema  *past = hub_schema_at(PG_GETARG_TIMESTAMPTZ(1), false, false);
	int			id = hub_user_id(past, name, false);
	HubWant		want = {.nusers = 1,.users = &id};
	HubData    *data;
	HubUser    *user;
	char	   *error = NULL;
	Datum		result;

	if (id == 0)
		PG_RETURN_NULL();
	data = hub_load(past, &want, false);
	user = hub_user(data, id);
	if (user == NULL)
		PG_RETURN_NULL();
	result = PointerGetDatum(PG_DETOAST_DATUM_COPY(
		PointerGetDatum(effective_user(effective_way(data, effective_reading_flags()), user, &error))));
	if (error != NULL)
		ereport(WARNING,
				(errmsg("scopes of user \"%s\" were incomplete", module_from_utf8(name, strlen(name))),
				 errdetail("%s", module_from_utf8(error, strlen(error)))));
	hub_free(data);
	PG_RETURN_DATUM(result);
}

/* ---- who_could ---- */

/* Columns of who_could */
enum
{
	COULD_KIND,
	COULD_SUBJECT,
	COULD_SCOPE,
	COULD_FILTER_KIND,
	COULD_FILTER_VALUE,
	COULD_OWNER_KIND,
	COULD_OWNER,
	COULD_NCOLUMNS
};

typedef struct Could
{
	ReturnSetInfo *rsinfo;
	HubData    *data;
	EffectiveWay *way;
	const Scopeset *required;
	ScopeMember member;
	MemoryContext row;			/* reset after each subject */
} Could;

static void
could_text(Datum *values, bool *nulls, int column, const char *str, int len)
{
	nulls[column] = str == NULL;
	if (str != NULL)
		values[column] = PointerGetDatum(module_text_from_utf8(pnstrdup(str, len), len));
}

/* A row for each scope that gives it. */
static void
could_holds(Could *could, const char *kind, const char *subject, const Scopeset *scopes,
			const char *owner_kind, const char *owner)
{
	ScopeMembership *groups = NULL;
	ScopeIter	iter;
	ScopeMember member;

	if (scopeset_needs_groups(scopes, could->required))
		groups = hub_membership(could->data);
	if (!scopeset_covers_member(scopes, &could->member, groups))
		return;
	scope_iter_init(&iter, scopes);
	while (scope_iter_next(&iter, &member))
	{
		Datum		values[COULD_NCOLUMNS];
		bool		nulls[COULD_NCOLUMNS] = {false};
		StringInfoData text;

		if (!scopeset_covers_member(scopeset_single(&member), &could->member, groups))
			continue;
		initStringInfo(&text);
		scope_append(&text, &member);
		could_text(values, nulls, COULD_KIND, kind, strlen(kind));
		could_text(values, nulls, COULD_SUBJECT, subject, strlen(subject));
		could_text(values, nulls, COULD_SCOPE, text.data, text.len);
		could_text(values, nulls, COULD_FILTER_KIND,
				   member.kind == SCOPE_OPEN ? NULL : scope_kind_name(member.kind),
				   member.kind == SCOPE_OPEN ? 0 : strlen(scope_kind_name(member.kind)));
		could_text(values, nulls, COULD_FILTER_VALUE,
				   member.kind == SCOPE_OPEN ? NULL : member.value, member.value_len);
		could_text(values, nulls, COULD_OWNER_KIND, owner_kind, owner_kind ? strlen(owner_kind) : 0);
		could_text(values, nulls, COULD_OWNER, owner, owner ? strlen(owner) : 0);
		tuplestore_putvalues(could->rsinfo->setResult, could->rsinfo->setDesc, values, nulls);
	}
}

static void
could_owners(Could *could)
{
	HubUser   **users;
	HubService **services;
	HubGroup  **groups;
	int			n;

#define COULD_EACH(kind, rows, effective) \
	for (int i = 0; i < n; i++) \
	{ \
		const Scopeset *scopes = effective(could->way, rows[i], NULL); \
		MemoryContext save = MemoryContextSwitchTo(could->row); \
		CHECK_FOR_INTERRUPTS(); \
		could_holds(could, kind, rows[i]->name, scopes, NULL, NULL); \
		MemoryContextSwitchTo(save); \
		MemoryContextReset(could->row); \
	}
	users = hub_users(could->data, &n);
	COULD_EACH("user", users, effective_user);
	services = hub_services(could->data, &n);
	COULD_EACH("service", services, effective_service);
	groups = hub_groups(could->data, &n);
	COULD_EACH("group", groups, effective_group);
#undef COULD_EACH
}

/* hub_each_token callback */
static void
could_token(HubToken *token, void *arg)
{
	Could	   *could = arg;
	MemoryContext save = MemoryContextSwitchTo(could->row);
	HubUser    *user = token->user_id ? hub_user(could->data, token->user_id) : NULL;
	HubService *service = token->service_id ? hub_service(could->data, token->service_id) : NULL;
	const Scopeset *scopes = effective_token(could->way, token, NULL, NULL);

	CHECK_FOR_INTERRUPTS();
	could_holds(could, "token", psprintf("%d", token->id), scopes,
				user ? "user" : service ? "service" : NULL,
				user ? user->name : service ? service->name : NULL);
	MemoryContextSwitchTo(save);
	MemoryContextReset(could->row);
}

/*
 * who_could(required, at) - whoever held it at that moment, a row for each scope
 * of theirs that gave it.  A token that had expired by then is none.
 */
Datum
jhub_authz_who_could(PG_FUNCTION_ARGS)
{
	HubWant		want = {.everyone = true};
	HubTokenWant tokens = {.all = true,.live_only = true};
	HubSchema  *past;
	Could		could = {0};
	const char *str;
	int			len;

	str = effective_utf8(PG_GETARG_TEXT_PP(0), &len);
	effective_parse_scope(str, len, &could.member);
	effective_refuse_self(&could.member);
	InitMaterializedSRF(fcinfo, 0);
	past = hub_schema_at(PG_GETARG_TIMESTAMPTZ(1), false, false);
	could.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	could.required = scopeset_single(&could.member);
	could.data = hub_load(past, &want, false);
	could.way = effective_way(could.data, effective_reading_flags());
	could.row = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz who_could",
									  ALLOCSET_DEFAULT_SIZES);
	could_owners(&could);
	hub_each_token(past, &tokens, false, could_token, &could);
	hub_free(could.data);
	return (Datum) 0;
}
