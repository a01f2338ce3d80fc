/*-------------------------------------------------------------------------
 *
 * authorize.c
 *	  May a request to a server be answered?  authorize, authorize_token,
 *	  authorize_explain and permissions.
 *
 * Two things are needed: access to the server, and one of the scopes that its
 * app requires for the resource and action (required_scopes.c).  Subscopes are
 * not looked at here: what is held is expanded, so a custom scope that implies
 * another has brought it along.
 *
 * Who is in a group is looked up only where it decides, which is where a scope
 * that is needed is held for a group, and then for all of them in one query.
 * All else is answered from the set and the cache of required scopes: nothing is
 * allocated, and no statement is run.
 *
 * A decision is never NULL.  No argument that is missing gives anything, and
 * "IF NOT authorize(...)" must refuse whom it cannot name.
 *
 *-------------------------------------------------------------------------
 */
#include "required_scopes.h"

#include "../effective/effective.h"
#include "../hub/hub.h"
#include "../issue/issue.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(jhub_authz_authorize);
PG_FUNCTION_INFO_V1(jhub_authz_authorize_token);
PG_FUNCTION_INFO_V1(jhub_authz_authorize_explain);
PG_FUNCTION_INFO_V1(jhub_authz_permissions);

/* Arguments, which have the same order in all of the functions. */
enum
{
	ARG_HAVE, ARG_OWNER, ARG_SERVER, ARG_ACTION, ARG_RESOURCE, ARG_APP
};

/* "owner/server" up to this many bytes needs no allocation. */
#define AUTHORIZE_FIXED		256

#define AUTHORIZE_ACCESS	"access:servers"

typedef struct AuthorizeRequest
{
	const Scopeset *have;
	RequiredTarget target;
	ScopeMember access[2];		/* by server, and by its owner */
	const RequiredEntry *entry; /* NULL: nothing gives it */

	/* looked up when it is needed, for all entries that may be asked about */
	const RequiredEntry *entries;
	int			nentries;
	bool		has_membership;
	ScopeMembership *membership;

	char		fixed[AUTHORIZE_FIXED];
} AuthorizeRequest;

/* The entry that a call site has last used. */
typedef struct AuthorizeMemo
{
	uint64		serial;
	const RequiredEntry *entry;
} AuthorizeMemo;

/* ---- a request ---- */

/*
 * The server, as scopes name it.  False for what is no server's name: the hub
 * has no user without a name or with a '/' in it, and the first '/' is what ends
 * the owner.
 */
static bool
authorize_set_target(AuthorizeRequest *request, const text *owner, const text *server)
{
	int			owner_len;
	int			server_len;
	const char *owner_str = effective_utf8(owner, &owner_len);
	const char *server_str = effective_utf8(server, &server_len);
	int			len = owner_len + 1 + server_len;
	char	   *value = len <= AUTHORIZE_FIXED ? request->fixed : palloc(len);

	memcpy(value, owner_str, owner_len);
	value[owner_len] = '/';
	memcpy(value + owner_len + 1, server_str, server_len);
	request->target.server = value;
	request->target.server_len = len;
	request->target.owner_len = owner_len;
	return owner_len > 0 && memchr(owner_str, '/', owner_len) == NULL &&
		scope_value_ok(value, len);
}

static void
authorize_set_access(AuthorizeRequest *request)
{
	static int	base_id = -1;
	ScopeMember member = {
		.base = AUTHORIZE_ACCESS,.base_len = sizeof(AUTHORIZE_ACCESS) - 1,
		.kind = SCOPE_SERVER
	};

	if (base_id < 0)
		base_id = scope_dictionary_find(member.base, member.base_len);
	member.base_id = base_id;
	member.value = request->target.server;
	member.value_len = request->target.server_len;
	request->access[0] = member;
	member.kind = SCOPE_USER;
	member.value_len = request->target.owner_len;
	request->access[1] = member;
}

static RequiredName
authorize_name(const text *name)
{
	RequiredName result = {VARDATA_ANY(name), VARSIZE_ANY_EXHDR(name)};

	return result;
}

/* Another request of the same server and set, about other entries. */
static void
authorize_set_entries(AuthorizeRequest *request, const RequiredEntry *entries, int n)
{
	request->entries = entries;
	request->nentries = n;
	request->has_membership = false;
	request->membership = NULL;
}

/* What the app requires; most calls of a site ask for the same as the last one. */
static const RequiredEntry *
authorize_entry(FunctionCallInfo fcinfo, const RequiredName key[3])
{
	const RequiredScopes *required = required_scopes_get();
	AuthorizeMemo *memo = fcinfo->flinfo->fn_extra;

	if (memo == NULL)
	{
		memo = MemoryContextAllocZero(fcinfo->flinfo->fn_mcxt, sizeof(AuthorizeMemo));
		fcinfo->flinfo->fn_extra = memo;
	}
	if (memo->serial == required->serial && memo->entry != NULL &&
		required_is_key(memo->entry, key))
		return memo->entry;
	memo->entry = required_scopes_find(required, key);
	memo->serial = required->serial;
	return memo->entry;
}

/*
 * Take the arguments but for the first; false where nothing can be allowed.
 * The argument for the app is there or has its default.
 */
static bool
authorize_take(FunctionCallInfo fcinfo, AuthorizeRequest *request)
{
	RequiredName key[3];

	for (int i = ARG_OWNER; i <= ARG_APP; i++)
		if (PG_ARGISNULL(i))
			return false;
	if (!authorize_set_target(request, PG_GETARG_TEXT_PP(ARG_OWNER),
							  PG_GETARG_TEXT_PP(ARG_SERVER)))
		return false;
	authorize_set_access(request);
	key[0] = authorize_name(PG_GETARG_TEXT_PP(ARG_APP));
	key[1] = authorize_name(PG_GETARG_TEXT_PP(ARG_RESOURCE));
	key[2] = authorize_name(PG_GETARG_TEXT_PP(ARG_ACTION));
	request->entry = authorize_entry(fcinfo, key);
	authorize_set_entries(request, request->entry, request->entry != NULL);
	return true;
}

/* ---- the decision ---- */

/* Is access held?  By the owner's name covers by the server's. */
static bool
authorize_access(const AuthorizeRequest *request, ScopeMembership *membership)
{
	return scopeset_covers_member(request->have, &request->access[0], membership);
}

static bool
authorize_required(const AuthorizeRequest *request, ScopeMembership *membership)
{
	for (int i = 0; i < request->entry->nscopes; i++)
	{
		ScopeMember member;

		required_scope_of(&request->entry->scopes[i], &request->target, &member);
		if (scopeset_covers_member(request->have, &member, membership))
			return true;
	}
	return false;
}

/* Whoever has a server's owner in a group has the server in it. */
static void
authorize_add_owner(ScopeBuilder *builder, ScopeMember member)
{
	if (member.kind == SCOPE_SERVER)
	{
		member.kind = SCOPE_USER;
		member.value_len = scope_server_owner_len(member.value, member.value_len);
	}
	scope_builder_add(builder, &member);
}

/* Every scope that is needed or would do, for its names. */
static Scopeset *
authorize_wanted(const AuthorizeRequest *request)
{
	ScopeBuilder *builder = scope_builder_create();

	authorize_add_owner(builder, request->access[1]);
	for (int i = 0; i < request->nentries; i++)
	{
		const RequiredEntry *entry = &request->entries[i];

		for (int j = 0; j < entry->nscopes; j++)
		{
			ScopeMember member;

			required_scope_of(&entry->scopes[j], &request->target, &member);
			authorize_add_owner(builder, member);
		}
	}
	return scope_builder_finish(builder, false);
}

/*
 * Who is in which group, as far as the request may hang on it; NULL: no group
 * makes a difference, or there is no hub.
 */
static ScopeMembership *
authorize_membership(AuthorizeRequest *request)
{
	Scopeset   *wanted;
	HubSchema  *hub;

	if (request->has_membership)
		return request->membership;
	request->has_membership = true;
	if (!scopeset_has_kind(request->have, SCOPE_GROUP))
		return NULL;
	wanted = authorize_wanted(request);
	if (!scopeset_needs_groups(request->have, wanted))
		return NULL;
	hub = hub_schema(true, false);
	if (hub != NULL)
		request->membership = hub_membership_for(hub, request->have, wanted, false);
	return request->membership;
}

static bool
authorize_decide(AuthorizeRequest *request)
{
	ScopeMembership *membership;
	bool		access;
	bool		required;

	if (request->entry == NULL)
		return false;
	access = authorize_access(request, NULL);
	required = authorize_required(request, NULL);
	if (access && required)
		return true;
	membership = authorize_membership(request);
	return membership != NULL &&
		(access || authorize_access(request, membership)) &&
		(required || authorize_required(request, membership));
}

/*
 * authorize(have scopeset, owner text, server text, action text, resource text,
 *			 app text) returns boolean
 *
 * have is expanded; server is '' for the default server.
 */
Datum
jhub_authz_authorize(PG_FUNCTION_ARGS)
{
	AuthorizeRequest request;

	if (PG_ARGISNULL(ARG_HAVE) || !authorize_take(fcinfo, &request))
		PG_RETURN_BOOL(false);
	request.have = PG_GETARG_SCOPESET_P(ARG_HAVE);
	PG_RETURN_BOOL(authorize_decide(&request));
}

/*
 * authorize_token(token text, owner text, server text, action text,
 *				   resource text, app text) returns boolean
 *
 * For a clear token: that of a request's sender.  No live token is a refusal.
 * What it holds is what the hub says it holds, whatever option token_shares shows.
 */
Datum
jhub_authz_authorize_token(PG_FUNCTION_ARGS)
{
	AuthorizeRequest request;
	EffectiveSubject subject;
	char	   *error;
	bool		result;
	int			id;

	if (PG_ARGISNULL(ARG_HAVE) || !authorize_take(fcinfo, &request))
		PG_RETURN_BOOL(false);
	id = issue_authenticate(text_to_cstring(PG_GETARG_TEXT_PP(ARG_HAVE)));
	if (id == 0 || !effective_subject(&subject, SUBJECT_TOKEN, psprintf("%d", id), 0))
		PG_RETURN_BOOL(false);
	request.have = effective_subject_scopes(&subject, &error);
	result = authorize_decide(&request);
	hub_free(subject.data);
	PG_RETURN_BOOL(result);
}

/* ---- why ---- */

/* The members of a set that cover a scope; NULL: there are none. */
static Scopeset *
authorize_satisfied_by(const Scopeset *have, const ScopeMember *wanted,
					   ScopeMembership *membership)
{
	ScopeBuilder *builder = NULL;
	ScopeIter	iter;
	ScopeMember member;

	scope_iter_init(&iter, have);
	while (scope_iter_next(&iter, &member))
	{
		if (member.base_len != wanted->base_len ||
			memcmp(member.base, wanted->base, member.base_len) != 0 ||
			!scopeset_covers_member(scopeset_single(&member), wanted, membership))
			continue;
		if (builder == NULL)
			builder = scope_builder_create();
		scope_builder_add(builder, &member);
	}
	return builder == NULL ? NULL : scope_builder_finish(builder, false);
}

/* One row; wanted NULL: there is nothing that would do. */
static void
authorize_put(ReturnSetInfo *rsinfo, const char *stage, const AuthorizeRequest *request,
			  const ScopeMember *wanted, ScopeMembership *membership)
{
	Datum		values[3] = {0};
	bool		nulls[3] = {false, true, true};

	values[0] = CStringGetTextDatum(stage);
	if (wanted != NULL)
	{
		Scopeset   *by = authorize_satisfied_by(request->have, wanted, membership);
		StringInfoData buf;

		initStringInfo(&buf);
		scope_append(&buf, wanted);
		values[1] = PointerGetDatum(module_text_from_utf8(buf.data, buf.len));
		nulls[1] = false;
		if (by != NULL)
		{
			values[2] = ScopesetPGetDatum(by);
			nulls[2] = false;
		}
	}
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

/*
 * authorize_explain(...) -> (stage text, required text, satisfied_by scopeset)
 *
 * A row for each scope that would do, of access and of what is required: both
 * need one that is satisfied.  One row without a scope where nothing would do.
 */
Datum
jhub_authz_authorize_explain(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	AuthorizeRequest request;
	ScopeMembership *membership;
	bool		named;

	InitMaterializedSRF(fcinfo, 0);
	named = authorize_take(fcinfo, &request);
	request.have = PG_GETARG_SCOPESET_P(ARG_HAVE);
	if (!named)
	{
		authorize_put(rsinfo, "access", &request, NULL, NULL);
		return (Datum) 0;
	}
	membership = authorize_membership(&request);
	for (int i = 0; i < (int) lengthof(request.access); i++)
		authorize_put(rsinfo, "access", &request, &request.access[i], membership);
	if (request.entry == NULL || request.entry->nscopes == 0)
		authorize_put(rsinfo, "required", &request, NULL, NULL);
	for (int i = 0; request.entry != NULL && i < request.entry->nscopes; i++)
	{
		ScopeMember member;

		required_scope_of(&request.entry->scopes[i], &request.target, &member);
		authorize_put(rsinfo, "required", &request, &member, membership);
	}
	return (Datum) 0;
}

/* ---- many at once ---- */

/* What is wanted, and what of it is allowed, for one server and app. */
typedef struct AuthorizeBatch
{
	AuthorizeRequest *request;
	const RequiredScopes *required;
	RequiredName app;
	bool		somebody;		/* false: nothing is allowed, whatever it is */
} AuthorizeBatch;

static void
authorize_bad_wanted(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("wanted permissions must be an object of resources with their actions"),
			 errdetail("%s", detail),
			 errhint("They are written as in {\"contents\": [\"read\", \"write\"]}.")));
}

static bool
authorize_batch_allows(AuthorizeBatch *batch, RequiredName resource, RequiredName action)
{
	RequiredName key[3] = {batch->app, resource, action};

	if (!batch->somebody)
		return false;
	batch->request->entry = required_scopes_find(batch->required, key);
	return authorize_decide(batch->request);
}

/* An array of actions, at its first element: those that are allowed. */
static void
authorize_batch_actions(AuthorizeBatch *batch, RequiredName resource,
						JsonbIterator **it, JsonbParseState **state)
{
	JsonbValue	value;

	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	while (JsonbIteratorNext(it, &value, true) == WJB_ELEM)
	{
		RequiredName action;

		if (value.type != jbvString)
			authorize_bad_wanted("An action is not a string.");
		action.text = value.val.string.val;
		action.len = value.val.string.len;
		if (authorize_batch_allows(batch, resource, action))
			pushJsonbValue(state, WJB_ELEM, &value);
	}
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

static Jsonb *
authorize_batch(AuthorizeBatch *batch, Jsonb *wanted)
{
	JsonbIterator *it = JsonbIteratorInit(&wanted->root);
	JsonbParseState *state = NULL;
	JsonbValue	value;
	JsonbValue *result;

	if (JsonbIteratorNext(&it, &value, false) != WJB_BEGIN_OBJECT)
		authorize_bad_wanted("It is not an object.");
	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	while (JsonbIteratorNext(&it, &value, false) == WJB_KEY)
	{
		RequiredName resource = {value.val.string.val, value.val.string.len};

		pushJsonbValue(&state, WJB_KEY, &value);
		if (JsonbIteratorNext(&it, &value, false) != WJB_BEGIN_ARRAY || value.val.array.rawScalar)
			authorize_bad_wanted(psprintf("The actions of \"%.*s\" are not an array.",
										  resource.len, resource.text));
		authorize_batch_actions(batch, resource, &it, &state);
	}
	result = pushJsonbValue(&state, WJB_END_OBJECT, NULL);
	return JsonbValueToJsonb(result);
}

/*
 * permissions(have scopeset, owner text, server text, wanted jsonb, app text)
 *		returns jsonb
 *
 * Every resource that is asked for, with those of its actions that are allowed:
 * what Jupyter Server answers to /api/me?permissions=.
 */
Datum
jhub_authz_permissions(PG_FUNCTION_ARGS)
{
	AuthorizeRequest request;
	AuthorizeBatch batch = {.request = &request};

	if (PG_ARGISNULL(3))
		PG_RETURN_NULL();
	batch.somebody = !PG_ARGISNULL(ARG_HAVE) && !PG_ARGISNULL(ARG_OWNER) &&
		!PG_ARGISNULL(ARG_SERVER) && !PG_ARGISNULL(4) &&
		authorize_set_target(&request, PG_GETARG_TEXT_PP(ARG_OWNER),
							 PG_GETARG_TEXT_PP(ARG_SERVER));
	if (batch.somebody)
	{
		authorize_set_access(&request);
		request.have = PG_GETARG_SCOPESET_P(ARG_HAVE);
		batch.app = authorize_name(PG_GETARG_TEXT_PP(4));
		batch.required = required_scopes_get();
		authorize_set_entries(&request, batch.required->entries, batch.required->nentries);
	}
	PG_RETURN_JSONB_P(authorize_batch(&batch, PG_GETARG_JSONB_P(3)));
}
