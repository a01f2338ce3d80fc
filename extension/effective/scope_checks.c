/*-------------------------------------------------------------------------
 *
 * scope_checks.c
 *	  Questions about scopesets that are given: expand, intersect_scopes,
 *	  covers, has_scope, resolve_scopes and the like.
 *
 * The sets come from the caller; read are the catalogue, OAuth clients by
 * name and, where a filter needs it, who is in which group.  What a subject
 * of the hub holds is asked in subjects.c.
 *
 * The checks answer from the sets alone whenever these decide the matter, so
 * has_scope() on a set without group filters touches no table at all.
 *
 *-------------------------------------------------------------------------
 */
#include "effective.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* ---- text from users ---- */

const char *
effective_utf8(const text *value, int *len)
{
	const char *str;

	if (GetDatabaseEncoding() == PG_UTF8)
	{
		*len = VARSIZE_ANY_EXHDR(value);
		return VARDATA_ANY(value);
	}
	str = effective_utf8_string(value);
	*len = strlen(str);
	return str;
}

char *
effective_utf8_string(const text *value)
{
	return module_to_utf8(text_to_cstring(value));
}

void
effective_parse_scope(const char *str, int len, ScopeMember *member)
{
	const char *defect;
	int			where;

	if (!scope_parse(str, len, member, &defect, &where))
		scope_syntax_error(NULL, str, len, defect, where);
}

/* A name that is put behind "!user=" must be a value that the type accepts. */
void
effective_check_name(const char *name)
{
	int			len = strlen(name);

	if (!scope_value_ok(name, len))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid name: \"%s\"", module_from_utf8(name, len)),
				 errdetail("A name is not empty and holds no control characters.")));
}

/* ---- checks ---- */

static bool
effective_covers_at(const Scopeset *a, const Scopeset *b, FmgrInfo *site)
{
	HubSchema  *hub;
	ScopeMembership *membership;

	if (scopeset_covers_with(a, b, NULL))
		return true;
	if (!scopeset_needs_groups(a, b))
		return false;
	hub = hub_schema(true, false);
	if (hub == NULL)
		return false;
	membership = site ? hub_membership_kept(hub, a, b, site) :
		hub_membership_for(hub, a, b, false);
	return membership != NULL && scopeset_covers_with(a, b, membership);
}

bool
effective_covers(const Scopeset *a, const Scopeset *b)
{
	return effective_covers_at(a, b, NULL);
}

/*
 * The hub's has_scope for an expanded set.  A user, or the owner of a server,
 * may also be reached through a group that the set filters by; only then is
 * the hub read, and only if there is one.
 */
bool
effective_has_scope(const Scopeset *have, const ScopeMember *required)
{
	if (scopeset_covers_member(have, required, NULL))
		return true;
	if (required->kind != SCOPE_USER && required->kind != SCOPE_SERVER)
		return false;
	if (!scopeset_has_kind(have, SCOPE_GROUP))
		return false;
	return effective_covers(have, scopeset_single(required));
}

void
effective_refuse_self(const ScopeMember *member)
{
	if (scope_kind_is_self(member->kind))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a required scope cannot have the filter \"!%s\" without a value",
						scope_kind_name(member->kind)),
				 errhint("Name what is meant, as in \"!%s=NAME\".",
						 scope_kind_name(member->kind))));
}

/*
 * The required scope is mostly the same for all rows of a query, so the last
 * one is kept taken apart with the call site.
 */
typedef struct EffectiveRequired
{
	int			len;
	ScopeMember member;
	char		text[FLEXIBLE_ARRAY_MEMBER];
} EffectiveRequired;

static const ScopeMember *
effective_required(FunctionCallInfo fcinfo, const text *value)
{
	EffectiveRequired *cached = fcinfo->flinfo->fn_extra;
	EffectiveRequired *fresh;
	const char *str;
	int			len;

	str = effective_utf8(value, &len);
	if (cached != NULL && cached->len == len &&
		memcmp(cached->text, str, len) == 0)
		return &cached->member;

	fresh = MemoryContextAlloc(fcinfo->flinfo->fn_mcxt,
							   offsetof(EffectiveRequired, text) + len + 1);
	memcpy(fresh->text, str, len);
	fresh->text[len] = '\0';
	fresh->len = len;
	effective_parse_scope(fresh->text, len, &fresh->member);
	fcinfo->flinfo->fn_extra = fresh;
	if (cached != NULL)
		pfree(cached);
	return &fresh->member;
}

PG_FUNCTION_INFO_V1(jhub_authz_has_scope);
Datum
jhub_authz_has_scope(PG_FUNCTION_ARGS)
{
	Scopeset   *have = PG_GETARG_SCOPESET_P(0);
	const ScopeMember *required = effective_required(fcinfo, PG_GETARG_TEXT_PP(1));

	effective_refuse_self(required);
	PG_RETURN_BOOL(effective_has_scope(have, required));
}

/* All that an array requires; what any of them is refused for is raised. */
ScopeMember *
effective_required_array(ArrayType *array, int *n)
{
	ScopeMember *required;
	Datum	   *values;
	bool	   *nulls;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &values, &nulls, n);
	required = palloc(Max(*n, 1) * sizeof(ScopeMember));
	for (int i = 0; i < *n; i++)
	{
		const char *str;
		int			len;

		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("required scopes must not be null")));
		str = effective_utf8(DatumGetTextPP(values[i]), &len);
		effective_parse_scope(str, len, &required[i]);
		effective_refuse_self(&required[i]);
	}
	return required;
}

/* Any of them.  All are looked at before any is answered. */
PG_FUNCTION_INFO_V1(jhub_authz_has_scope_array);
Datum
jhub_authz_has_scope_array(PG_FUNCTION_ARGS)
{
	Scopeset   *have = PG_GETARG_SCOPESET_P(0);
	int			n;
	ScopeMember *required = effective_required_array(PG_GETARG_ARRAYTYPE_P(1), &n);
	bool		found = false;

	for (int i = 0; i < n && !found; i++)
		found = effective_has_scope(have, &required[i]);
	PG_RETURN_BOOL(found);
}

/* The hub's has_scope(post_filter=True): is there any access at all? */
PG_FUNCTION_INFO_V1(jhub_authz_has_any_scope);
Datum
jhub_authz_has_any_scope(PG_FUNCTION_ARGS)
{
	Scopeset   *have = PG_GETARG_SCOPESET_P(0);
	const ScopeMember *required = effective_required(fcinfo, PG_GETARG_TEXT_PP(1));
	ScopesetView view;

	if (required->kind != SCOPE_OPEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a scope with a filter cannot be asked for here"),
				 errhint("Use has_scope() for a scope with a filter.")));

	scopeset_view(have, &view);
	if (required->base_id >= 0)
	{
		uint64		bit = UINT64CONST(1) << required->base_id;

		if ((view.open & bit) != 0)
			PG_RETURN_BOOL(true);
		for (int i = 0; i < view.nfilters; i++)
		{
			if ((scopeset_mask(&view, i) & bit) != 0 &&
				!scope_kind_is_self(scopeset_kind(&view, i)))
				PG_RETURN_BOOL(true);
		}
		PG_RETURN_BOOL(false);
	}
	for (int i = 0; i < view.npairs; i++)
	{
		const char *base;
		int			local;
		int			filter;
		int			len;

		scopeset_pair(&view, i, &local, &filter);
		base = scopeset_local(&view, local, &len);
		if (len == required->base_len &&
			memcmp(base, required->base, len) == 0 &&
			(filter < 0 || !scope_kind_is_self(scopeset_kind(&view, filter))))
			PG_RETURN_BOOL(true);
	}
	PG_RETURN_BOOL(false);
}

PG_FUNCTION_INFO_V1(jhub_authz_covers);
Datum
jhub_authz_covers(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(effective_covers_at(PG_GETARG_SCOPESET_P(0),
									   PG_GETARG_SCOPESET_P(1), fcinfo->flinfo));
}

PG_FUNCTION_INFO_V1(jhub_authz_intersect_scopes);
Datum
jhub_authz_intersect_scopes(PG_FUNCTION_ARGS)
{
	Scopeset   *a = PG_GETARG_SCOPESET_P(0);
	Scopeset   *b = PG_GETARG_SCOPESET_P(1);
	ScopeMembership *membership = NULL;

	if (scopeset_needs_groups(a, b))
	{
		HubSchema  *hub = hub_schema(true, false);

		if (hub != NULL)
			membership = hub_membership_kept(hub, a, b, fcinfo->flinfo);
	}
	PG_RETURN_SCOPESET_P(scopeset_intersect_with(a, b, membership));
}

/* ---- expansion ---- */

const HubClient *
effective_client(HubData *data, const char *identifier)
{
	const HubClient *client = hub_client(data, identifier);

	if (client == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("OAuth client \"%s\" does not exist",
						module_from_utf8(identifier, strlen(identifier)))));
	return client;
}

/*
 * The names are taken as given: the hub's functions take objects, of which
 * they use no more than kind and name.
 */
void
effective_named_target(ExpandTarget *target, const char *owner_kind,
					   const char *owner_name, const HubClient *client)
{
	HubUser		user = {0};
	HubService	service = {0};
	bool		is_user;
	bool		is_service;

	if (owner_kind == NULL)
	{
		if (owner_name != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a name of an owner needs the owner's kind"),
					 errhint("The kind is \"user\", \"service\" or \"group\".")));
		effective_target(target, NULL, NULL, client);
		return;
	}
	is_user = strcmp(owner_kind, "user") == 0;
	is_service = strcmp(owner_kind, "service") == 0;
	if (!is_user && !is_service && strcmp(owner_kind, "group") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid kind of owner: \"%s\"",
						module_from_utf8(owner_kind, strlen(owner_kind))),
				 errhint("The kind is \"user\", \"service\" or \"group\".")));
	if (owner_name == NULL)
	{
		if (is_user || is_service)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("owner of kind \"%s\" needs a name", owner_kind)));
	}
	else
		effective_check_name(owner_name);

	/* a group is an owner that nothing is filtered by */
	user.name = service.name = unconstify(char *, owner_name);
	effective_target(target, is_user ? &user : NULL,
					 is_service ? &service : NULL, client);
}

/*
 * Owner and client of a call, from three arguments that begin at 'first' and
 * may be NULL.  *data is loaded, empty, if the hub has to be read: if a client
 * is named, or if there is a hub and anyway.
 */
static const Catalogue *
effective_call_target(FunctionCallInfo fcinfo, int first, bool anyway,
					  ExpandTarget *target, HubData **data)
{
	const HubClient *client = NULL;
	char	   *strings[3];
	HubSchema  *hub = NULL;

	for (int i = 0; i < 3; i++)
		strings[i] = PG_ARGISNULL(first + i) ? NULL :
			effective_utf8_string(PG_GETARG_TEXT_PP(first + i));

	*data = NULL;
	if (strings[2] != NULL || anyway)
		hub = hub_schema(strings[2] == NULL, false);
	if (hub != NULL)
	{
		HubWant		want;

		memset(&want, 0, sizeof(want));
		*data = hub_load(hub, &want, false);
	}
	if (strings[2] != NULL)
		client = effective_client(*data, strings[2]);
	effective_named_target(target, strings[0], strings[1], client);
	return hub != NULL ? hub->catalogue : hub_catalogue();
}

PG_FUNCTION_INFO_V1(jhub_authz_expand);
Datum
jhub_authz_expand(PG_FUNCTION_ARGS)
{
	Scopeset   *scopes;
	Scopeset   *result;
	const Catalogue *catalogue;
	ExpandTarget target;
	HubData    *data;

	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	scopes = PG_GETARG_SCOPESET_P(0);
	catalogue = effective_call_target(fcinfo, 1, false, &target, &data);

	/* "auto" keeps what it does not know, too: this is reading */
	if (settings_get()->undefined_scopes == UNDEFINED_REFUSE)
		catalogue_check_defined(catalogue, scopes);
	result = catalogue_expand(catalogue, scopes, &target);
	if (data != NULL)
		hub_free(data);
	PG_RETURN_SCOPESET_P(result);
}

PG_FUNCTION_INFO_V1(jhub_authz_resolve_scopes);
Datum
jhub_authz_resolve_scopes(PG_FUNCTION_ARGS)
{
	const Catalogue *catalogue;
	ExpandTarget target;
	HubData    *data;
	Scopeset   *granted;
	Scopeset   *refused;
	TupleDesc	desc;
	Datum		values[2];
	bool		nulls[2] = {false, false};

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");

	catalogue = effective_call_target(fcinfo, 2, true, &target, &data);
	effective_resolve(catalogue, PG_GETARG_SCOPESET_P(0), PG_GETARG_SCOPESET_P(1),
					  &target, data != NULL ? hub_membership(data) : NULL,
					  &granted, &refused);
	if (data != NULL)
		hub_free(data);

	values[0] = ScopesetPGetDatum(granted);
	values[1] = ScopesetPGetDatum(refused);
	desc = BlessTupleDesc(desc);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(desc, values, nulls)));
}

PG_FUNCTION_INFO_V1(jhub_authz_identify_scopes);
Datum
jhub_authz_identify_scopes(PG_FUNCTION_ARGS)
{
	char	   *kind = effective_utf8_string(PG_GETARG_TEXT_PP(0));
	char	   *name = effective_utf8_string(PG_GETARG_TEXT_PP(1));

	if (strcmp(kind, "user") != 0 && strcmp(kind, "service") != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid kind of owner: \"%s\"",
						module_from_utf8(kind, strlen(kind))),
				 errhint("The kind is \"user\" or \"service\".")));
	effective_check_name(name);
	if (strcmp(kind, "user") == 0)
		PG_RETURN_SCOPESET_P(effective_identify_user(name));
	PG_RETURN_SCOPESET_P(effective_identify_service(name));
}

/* As in the hub, the client "jupyterhub" is not looked up. */
PG_FUNCTION_INFO_V1(jhub_authz_access_scopes);
Datum
jhub_authz_access_scopes(PG_FUNCTION_ARGS)
{
	char	   *identifier = effective_utf8_string(PG_GETARG_TEXT_PP(0));
	const HubClient *client;
	Scopeset   *result = NULL;
	HubWant		want;
	HubData    *data;

	if (strcmp(identifier, "jupyterhub") == 0)
		PG_RETURN_SCOPESET_P(scopeset_empty());

	memset(&want, 0, sizeof(want));
	data = hub_load(hub_schema(false, false), &want, false);
	client = hub_client(data, identifier);
	if (client != NULL)
		result = effective_access(client);
	hub_free(data);
	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_SCOPESET_P(result);
}
