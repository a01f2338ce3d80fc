/*-------------------------------------------------------------------------
 *
 * owner.c
 *	  Whom a token is for: its owner, its client, and what they hold.
 *
 * A trigger comes with the ids of a row and a function with names; from here on
 * both take the same path.  Also here is the answer to what becomes of a scope
 * that the catalogue does not hold (option undefined_scopes), because it is
 * asked wherever a token's scopes are about to be written.
 *
 * What is held is computed in effective.c, not here.
 *
 *-------------------------------------------------------------------------
 */
#include "issue.h"

#include "../hub/hub_requests.h"

#include "utils/builtins.h"

#define ISSUE_CUSTOM_PREFIX		"custom:"

char *
issue_message(const char *utf8)
{
	return module_from_utf8(utf8, strlen(utf8));
}

char *
issue_text_arg(FunctionCallInfo fcinfo, int arg, const char *name)
{
	if (PG_ARGISNULL(arg))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s must not be null", name)));
	return module_to_utf8(text_to_cstring(PG_GETARG_TEXT_PP(arg)));
}

void
issue_owner_load(IssueOwner *owner, const HubSchema *hub, int user_id,
				 int service_id, const char *client_id, bool latest)
{
	HubWant		want;

	memset(&want, 0, sizeof(want));
	/* As in the hub: of two owners, the user counts. */
	if (user_id != 0)
	{
		want.nusers = 1;
		want.users = &user_id;
	}
	else if (service_id != 0)
	{
		want.nservices = 1;
		want.services = &service_id;
	}

	memset(owner, 0, sizeof(*owner));
	owner->hub = hub;
	owner->data = hub_load(hub, &want, latest);
	owner->way = effective_way(owner->data, 0);
	if (want.nusers > 0)
		owner->user = hub_user(owner->data, user_id);
	else if (want.nservices > 0)
		owner->service = hub_service(owner->data, service_id);
	if (client_id != NULL)
		owner->client = hub_client(owner->data, client_id);
	effective_target(&owner->target, owner->user, owner->service, owner->client);
}

void
issue_owner_named(IssueOwner *owner, const HubSchema *hub, const char *kind,
				  const char *name, const char *client_id, bool latest)
{
	int			user_id = 0;
	int			service_id = 0;

	if (strcmp(kind, "user") == 0)
		user_id = hub_user_id(hub, name, latest);
	else if (strcmp(kind, "service") == 0)
		service_id = hub_service_id(hub, name, latest);
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid kind of token owner: \"%s\"", issue_message(kind)),
				 errhint("A token belongs to a \"user\" or to a \"service\".")));
	if (user_id != 0 || service_id != 0)
		issue_owner_load(owner, hub, user_id, service_id, client_id, latest);
	if ((user_id == 0 && service_id == 0) || issue_owner_name(owner) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("%s \"%s\" does not exist", kind, issue_message(name))));
	if (owner->client == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("OAuth client \"%s\" does not exist",
						issue_message(client_id))));
}

const Scopeset *
issue_owner_held(IssueOwner *owner)
{
	char	   *error = NULL;

	if (owner->user != NULL)
		return effective_user(owner->way, owner->user, &error);
	if (owner->service != NULL)
		return effective_service(owner->way, owner->service, &error);
	return scopeset_empty();
}

const Scopeset *
issue_owner_raw(IssueOwner *owner)
{
	if (owner->user != NULL)
		return effective_raw_user(owner->way, owner->user);
	if (owner->service != NULL)
		return effective_raw_service(owner->way, owner->service);
	return scopeset_empty();
}

const char *
issue_owner_kind(const IssueOwner *owner)
{
	return owner->user ? "user" : owner->service ? "service" : NULL;
}

const char *
issue_owner_name(const IssueOwner *owner)
{
	return owner->user ? owner->user->name :
		owner->service ? owner->service->name : NULL;
}

Scopeset *
issue_inherit(void)
{
	ScopeBuilder *builder = scope_builder_create();
	const char *defect;
	int			where;

	if (!scope_builder_add_text(builder, "inherit", 7, &defect, &where))
		elog(ERROR, "scope \"inherit\" does not parse: %s", defect);
	return scope_builder_finish(builder, false);
}

bool
issue_has_inherit(const Scopeset *set)
{
	return scopeset_covers_with(set, issue_inherit(), NULL);
}

/* ---- scopes that the catalogue does not hold ---- */

/* Bases that are looked for in what the hub has stored. */
typedef struct IssueBases
{
	int			n;
	char	  **bases;
	bool	   *found;
} IssueBases;

static int
issue_base_index(const IssueBases *bases, const ScopeMember *member)
{
	for (int i = 0; i < bases->n; i++)
		if ((int) strlen(bases->bases[i]) == member->base_len &&
			memcmp(bases->bases[i], member->base, member->base_len) == 0)
			return i;
	return -1;
}

/* hub_each_with_bases callback: mark the bases that one stored list holds. */
static void
issue_mark_bases(const Scopeset *stored, void *arg)
{
	IssueBases *bases = arg;
	ScopeIter	iter;
	ScopeMember member;

	scope_iter_init(&iter, stored);
	while (scope_iter_next(&iter, &member))
	{
		int			i = issue_base_index(bases, &member);

		if (i >= 0)
			bases->found[i] = true;
	}
}

static bool
issue_is_custom(const ScopeMember *member)
{
	const int	len = sizeof(ISSUE_CUSTOM_PREFIX) - 1;

	return member->base_len > len &&
		memcmp(member->base, ISSUE_CUSTOM_PREFIX, len) == 0;
}

void
issue_undefined(const HubSchema *hub, const Scopeset *set,
				UndefinedScopes option, bool latest,
				Scopeset **kept, Scopeset **refused)
{
	Scopeset   *undefined = catalogue_undefined(hub->catalogue, set);
	ScopeBuilder *keep;
	ScopeBuilder *refuse;
	ScopesetView view;
	IssueBases	bases;
	ScopeIter	iter;
	ScopeMember member;
	int			nrefused = 0;
	int			nkept = 0;

	*kept = *refused = NULL;
	if (undefined == NULL)
		return;
	if (option == UNDEFINED_REFUSE)
		*refused = undefined;
	else if (option == UNDEFINED_LOG || hub_is_newer(hub, latest))
		*kept = undefined;
	if (*kept != NULL || *refused != NULL)
		return;

	/*
	 * A custom scope is configuration of the hub, which may know it.  Any
	 * other must be one that the hub itself has stored somewhere.
	 */
	scopeset_view(undefined, &view);
	bases.n = 0;
	bases.bases = palloc(sizeof(char *) * view.nmembers);
	bases.found = palloc0(sizeof(bool) * view.nmembers);
	scope_iter_init(&iter, undefined);
	while (scope_iter_next(&iter, &member))
		if (!issue_is_custom(&member) && issue_base_index(&bases, &member) < 0)
			bases.bases[bases.n++] = pnstrdup(member.base, member.base_len);
	if (bases.n > 0)
		hub_each_with_bases(hub, bases.bases, bases.n, latest, issue_mark_bases, &bases);

	keep = scope_builder_create();
	refuse = scope_builder_create();
	scope_iter_init(&iter, undefined);
	while (scope_iter_next(&iter, &member))
	{
		if (issue_is_custom(&member) ||
			bases.found[issue_base_index(&bases, &member)])
		{
			scope_builder_add(keep, &member);
			nkept++;
		}
		else
		{
			scope_builder_add(refuse, &member);
			nrefused++;
		}
	}
	if (nkept > 0)
		*kept = scope_builder_finish(keep, false);
	if (nrefused > 0)
		*refused = scope_builder_finish(refuse, false);
}
