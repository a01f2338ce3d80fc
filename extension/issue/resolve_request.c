/*-------------------------------------------------------------------------
 *
 * resolve_request.c
 *	  What the hub's OAuth flow would grant of a request, and whether it would
 *	  ask the user first.
 *
 * The steps are those of the hub: what the client may ask for (its provider's
 * validate_scopes), whether the owner may enter what the client stands for,
 * what the owner can give (its authorize page), and whether a token of that
 * would be made in the end.  All of them but the last are on raw scopes;
 * resolving itself is effective.c's.
 *
 * Nothing is written here.  What the hub keeps in its configuration alone (the
 * clients that never ask, before 5.0) can't be seen from the database.
 *
 *-------------------------------------------------------------------------
 */
#include "issue.h"

#include "../hub/hub_requests.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(jhub_authz_resolve_request);

/* ---- what was asked for ---- */

/* The elements of a text[] as UTF-8; 22004 for a NULL among them. */
char	  **
issue_elements(ArrayType *array, const char *what, int *n)
{
	Datum	   *elements;
	bool	   *nulls;
	char	  **result;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, n);
	result = palloc(sizeof(char *) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s must not be null", what)));
		result[i] = module_to_utf8(TextDatumGetCString(elements[i]));
	}
	return result;
}

/* Role names and their scopes, as found. */
typedef struct RequestRoles
{
	ScopeBuilder *builder;
	int			n;
	char	  **names;
	bool	   *found;
	char	   *broken;			/* a role whose scopes do not parse */
} RequestRoles;

static void
request_add_role(const HubRole *role, void *arg)
{
	RequestRoles *roles = arg;

	scope_builder_add_set(roles->builder, role->raw);
	for (int i = 0; i < roles->n; i++)
		if (strcmp(roles->names[i], role->name) == 0)
		{
			roles->found[i] = true;
			if (role->defect != NULL && scopeset_is_empty(role->raw))
				roles->broken = roles->names[i];
		}
}

/* Look roles up by name; NULL and *missing if there is not every one. */
static Scopeset *
request_roles(const HubSchema *hub, char **names, int n, bool latest,
			  const char **missing)
{
	RequestRoles roles;

	memset(&roles, 0, sizeof(roles));
	roles.builder = scope_builder_create();
	roles.n = n;
	roles.names = names;
	roles.found = palloc0(sizeof(bool) * Max(n, 1));

	hub_each_role_named(hub, names, n, latest, request_add_role, &roles);

	for (int i = 0; i < n; i++)
		if (!roles.found[i])
		{
			*missing = names[i];
			return NULL;
		}
	if (roles.broken != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
				 errmsg("the stored scopes of role \"%s\" do not parse",
						issue_message(roles.broken))));
	return scope_builder_finish(roles.builder, false);
}

Scopeset *
issue_role_scopes(const HubSchema *hub, char **names, int n, bool latest)
{
	const char *missing = NULL;
	Scopeset   *scopes = request_roles(hub, names, n, latest, &missing);

	if (scopes == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role \"%s\" does not exist", issue_message(missing))));
	return scopes;
}

/* As scopes: NULL if one does not parse. */
static Scopeset *
request_scopes(char **elements, int n, const char **broken, const char **defect)
{
	ScopeBuilder *builder = scope_builder_create();
	int			where;

	for (int i = 0; i < n; i++)
		if (!scope_builder_add_text(builder, elements[i], strlen(elements[i]),
									defect, &where))
		{
			*broken = elements[i];
			return NULL;
		}
	return scope_builder_finish(builder, false);
}

Scopeset *
issue_requested(const HubSchema *hub, ArrayType *requested, bool latest)
{
	UndefinedScopes option = settings_get()->undefined_scopes;
	Scopeset   *scopes;
	Scopeset   *roles;
	Scopeset   *kept;
	Scopeset   *refused = NULL;
	const char *broken = NULL;
	const char *defect = NULL;
	const char *missing = NULL;
	char	  **elements;
	int			n;

	elements = issue_elements(requested, "a requested scope or role", &n);
	scopes = request_scopes(elements, n, &broken, &defect);
	if (scopes != NULL && catalogue_undefined(hub->catalogue, scopes) == NULL)
		return scopes;

	/* Not all are scopes: then all must be role names, as they were in 2.x. */
	roles = request_roles(hub, elements, n, latest, &missing);
	if (roles != NULL)
	{
		ereport(WARNING,
				(errcode(ERRCODE_WARNING_DEPRECATED_FEATURE),
				 errmsg("requesting roles is deprecated"),
				 errdetail("The roles were resolved to their scopes."),
				 errhint("Request scopes instead.")));
		return roles;
	}
	if (scopes == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("\"%s\" is neither a scope nor a role", issue_message(broken)),
				 errdetail("%s", issue_message(defect))));
	issue_undefined(hub, scopes, option, latest, &kept, &refused);
	if (refused != NULL)
		catalogue_check_defined(hub->catalogue, refused);
	return scopes;
}

/* ---- the flow ---- */

static void
request_raise_beyond(const IssueOwner *owner, const Scopeset *excess)
{
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("OAuth client \"%s\" may not ask for all of these scopes",
					issue_message(owner->client->identifier)),
			 errdetail("Beyond the client's allowed scopes: %s.", scopeset_to_text(excess))));
}

/* The owner must be able to enter what the client stands for. */
static void
request_check_access(IssueOwner *owner, const Scopeset *access)
{
	if (scopeset_is_empty(access))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("OAuth client \"%s\" stands for no server and no service",
						issue_message(owner->client->identifier))));
	if (!scopeset_covers_with(issue_owner_held(owner), access,
							  hub_membership(owner->data)))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("%s \"%s\" may not access what OAuth client \"%s\" stands for",
						issue_owner_kind(owner),
						issue_message(issue_owner_name(owner)),
						issue_message(owner->client->identifier)),
				 errdetail("Needed: %s.", scopeset_to_text(access))));
}

/* The raw identify scopes, the same for every owner. */
static Scopeset *
request_identify(void)
{
	static const char *const scopes[] = {
		"read:users:name!user", "read:users:groups!user"
	};
	ScopeBuilder *builder = scope_builder_create();
	const char *defect;
	int			where;

	for (int i = 0; i < (int) lengthof(scopes); i++)
		if (!scope_builder_add_text(builder, scopes[i], strlen(scopes[i]), &defect, &where))
			elog(ERROR, "scope \"%s\" does not parse: %s", scopes[i], defect);
	return scope_builder_finish(builder, false);
}

/* Identify and access scopes, which every login asks for and every client may. */
static Scopeset *
request_required(const HubClient *client)
{
	return scopeset_union_of(request_identify(), effective_access(client));
}

void
issue_resolve(IssueOwner *owner, const Scopeset *requested,
			  Scopeset **granted, Scopeset **refused)
{
	const Catalogue *catalogue = owner->hub->catalogue;
	ScopeMembership *membership = hub_membership(owner->data);
	Scopeset   *have = scopeset_union_of(issue_owner_raw(owner), issue_inherit());
	const Scopeset *allowed;
	Scopeset   *required;
	Scopeset   *access;
	Scopeset   *passed;
	char	   *defect = NULL;

	/* The hub's own client is no flow: only what the owner can give counts. */
	if (strcmp(owner->client->identifier, ISSUE_HUB_CLIENT) == 0)
	{
		if (requested == NULL)
			requested = scopeset_empty();
		effective_resolve(catalogue, requested, have, &owner->target, membership,
						  granted, refused);
		return;
	}

	allowed = hub_parse_scopes(owner->client->allowed_scopes, &defect);
	if (requested == NULL)
		requested = allowed;
	access = effective_access(owner->client);
	required = request_required(owner->client);
	requested = scopeset_union_of(requested, required);
	allowed = scopeset_union_of(allowed, required);

	effective_resolve(catalogue, requested, allowed, &owner->target, membership,
					  &passed, refused);
	if (!scopeset_is_empty(*refused))
		request_raise_beyond(owner, *refused);
	request_check_access(owner, access);

	/* Raw against raw: what every owner has at this point is put in by hand. */
	have = scopeset_union_of(have, required);
	effective_resolve(catalogue, requested, have, &owner->target, membership,
					  granted, refused);
}

/* ---- would the hub ask? ---- */

/*
 * Has the owner consented to all of these scopes before?  As the hub sees it:
 * literally, by every token of the same owner and client that is there still,
 * expired or not; and no scope at all is no consent.
 */
static bool
request_consented(IssueOwner *owner, const Scopeset *granted)
{
	Scopeset   *authorized;

	authorized = hub_scopes_through(owner->hub, owner->user ? owner->user->id : 0,
									owner->user ? 0 : owner->service->id,
									owner->client->identifier);
	return !scopeset_is_empty(authorized) &&
		scopeset_equal(scopeset_union_of(authorized, granted), authorized);
}

/* Is it the client of the owner's own server, or of a service that never asks? */
static bool
request_never_asks(IssueOwner *owner)
{
	return hub_client_never_asks(owner->hub, owner->client->identifier,
								 owner->user ? owner->user->id : 0);
}

static bool
request_confirm(IssueOwner *owner, const Scopeset *granted)
{
	return strcmp(owner->client->identifier, ISSUE_HUB_CLIENT) != 0 &&
		!request_never_asks(owner) && !request_consented(owner, granted);
}

/* ---- would there be a token? ---- */

/*
 * What the page shows comes back by its form, where the hub holds it against the
 * client once more; without a page it does that at once.  It is not always the
 * answer of the first time: of !group=g and a member's !user=u the hub grants
 * both, and then takes the first for held in part.  At last the token's scopes
 * must be the owner's, shares included, but for inherit.  A self filter in an
 * owner's role is met on the page, where there is a client, and not here.
 */
static void
request_check_token(IssueOwner *owner, const Scopeset *granted, bool confirm)
{
	const Catalogue *catalogue = owner->hub->catalogue;
	ScopeMembership *membership = hub_membership(owner->data);
	Scopeset   *required = request_required(owner->client);
	const Scopeset *sent = granted;
	const Scopeset *held = issue_owner_held(owner);
	Scopeset   *stored;
	Scopeset   *passed;
	Scopeset   *excess;
	char	   *defect = NULL;

	/* On the page inherit stands for all the rest. */
	if (confirm && issue_has_inherit(granted))
		sent = issue_inherit();
	stored = scopeset_union_of(sent, required);
	effective_resolve(catalogue, stored,
					  scopeset_union_of(hub_parse_scopes(owner->client->allowed_scopes, &defect),
										required),
					  &owner->target, membership, &passed, &excess);
	if (!scopeset_is_empty(excess))
		request_raise_beyond(owner, excess);

	stored = catalogue_expand(catalogue, effective_without_inherit(stored), &owner->target);
	if (!scopeset_covers_with(held, stored, membership))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("%s \"%s\" does not hold what a token of OAuth client \"%s\" needs",
						issue_owner_kind(owner),
						issue_message(issue_owner_name(owner)),
						issue_message(owner->client->identifier)),
				 errdetail("Not held: %s.",
						   scopeset_to_text(scopeset_minus_with(stored, held, membership)))));
}

/* In the flow a user logs in: a code has no place for a service. */
static void
request_check_owner(const IssueOwner *owner)
{
	if (owner->user == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a service cannot log in through an OAuth client"),
				 errdetail("Service \"%s\", OAuth client \"%s\".",
						   issue_message(issue_owner_name(owner)),
						   issue_message(owner->client->identifier)),
				 errhint("A service's own tokens are those of the client \"%s\".", ISSUE_HUB_CLIENT)));
}

/* A text[] without 'identify', the one scope of 1.x, which gives nothing. */
static ArrayType *
request_without_identify(ArrayType *requested)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	int			left = 0;

	deconstruct_array(requested, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
		if (nulls[i] || strcmp(TextDatumGetCString(elements[i]), "identify") != 0)
		{
			elements[left] = elements[i];
			nulls[left++] = nulls[i];
		}
	return construct_md_array(elements, nulls, 1, &left, (int[]) {1}, TEXTOID, -1,
							  false, TYPALIGN_INT);
}

/*
 * resolve_request(owner_kind text, owner_name text, requested text[],
 *				   client_id text) -> (granted, refused, confirm)
 *
 * Errors: 42704 for an unknown owner, client, scope or role, 42501 as in
 * issue_resolve and where no token would be made, 22023 for a kind that owns no
 * tokens and for a service that logs in.
 */
Datum
jhub_authz_resolve_request(PG_FUNCTION_ARGS)
{
	char	   *kind = issue_text_arg(fcinfo, 0, "owner_kind");
	char	   *name = issue_text_arg(fcinfo, 1, "owner_name");
	char	   *client_id = issue_text_arg(fcinfo, 3, "client_id");
	HubSchema  *hub = hub_schema(false, false);
	Scopeset   *requested = NULL;
	Scopeset   *granted;
	Scopeset   *refused;
	IssueOwner	owner;
	bool		login = strcmp(client_id, ISSUE_HUB_CLIENT) != 0;
	bool		confirm;
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {false, false, false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (!hub->has_token_scopes)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("tokens of a JupyterHub 2.x database have roles and no scopes"),
				 errhint("Upgrade the hub's database first.")));

	issue_owner_named(&owner, hub, kind, name, client_id, false);
	if (login)
		request_check_owner(&owner);
	if (!PG_ARGISNULL(2))
	{
		ArrayType  *array = PG_GETARG_ARRAYTYPE_P(2);

		if (ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array)) > 0)
		{
			if (login)
				array = request_without_identify(array);
			requested = issue_requested(hub, array, false);
		}
	}
	issue_resolve(&owner, requested, &granted, &refused);
	confirm = request_confirm(&owner, granted);
	if (login)
		request_check_token(&owner, granted, confirm);

	values[0] = ScopesetPGetDatum(granted);
	values[1] = ScopesetPGetDatum(refused);
	values[2] = BoolGetDatum(confirm);
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
