/*-------------------------------------------------------------------------
 *
 * paths.c
 *	  By which grant a subject holds what it holds.
 *
 * effective.c says what a subject may do, and is asked for that here too: what
 * is told of a path is a member of what it answers, never more, and every member
 * has a path.  This file only finds out where a member comes from, by expanding
 * the scopes of roles, shares and tokens one by one.
 *
 * A set that is expanded scope by scope has the members of the set expanded as
 * a whole, and those that the whole leaves out since their unfiltered form is
 * there.  The grants of the latter are grants all the same (EffectiveGrants has
 * them: take away what covers them, and they count), but no paths.
 *
 *-------------------------------------------------------------------------
 */
#include "effective_private.h"

#include "utils/memutils.h"

const char *const effective_ask_names[] = {
	[ASK_INHERIT] = "inherit",
	[ASK_STORED] = "stored",
	[ASK_CLIENT] = "client",
	[ASK_IDENTIFY] = "identify"
};

/* A scope of a role, and what it gives to anybody. */
typedef struct PathGive
{
	ScopeMember raw;
	const Scopeset *single;
	const Scopeset *expanded;	/* NULL: it is different for each owner */
} PathGive;

/* The scopes of a role in one way of computing. */
typedef struct PathRole
{
	HubRole    *role;			/* hash key, must be first */
	int			n;
	PathGive   *gives;
	const char *defect;
} PathRole;

/* ---- roles ---- */

/* Does this scope mean another thing for each owner? */
static bool
path_names_owner(const ScopeMember *member)
{
	return member->kind == SCOPE_USER_SELF || member->kind == SCOPE_SERVICE_SELF ||
		(member->kind == SCOPE_OPEN && member->base_len == 4 &&
		 memcmp(member->base, "self", 4) == 0);
}

/* Take a role's scopes apart; in the memo's context, for they are kept. */
static void
path_role_fill(EffectiveWay *way, PathRole *entry)
{
	HubRole    *role = entry->role;
	const Scopeset *raw = NULL;
	ScopesetView view;
	ScopeIter	iter;
	ScopeMember member;

	if (way->role_raw != NULL)
		raw = way->role_raw(role, way->role_arg);
	if (raw == NULL)
	{
		raw = role->raw;
		entry->defect = role->defect;
	}
	scopeset_view(raw, &view);
	entry->gives = palloc(sizeof(PathGive) * Max(view.nmembers, 1));
	scope_iter_init(&iter, raw);
	while (scope_iter_next(&iter, &member))
	{
		PathGive   *give = &entry->gives[entry->n++];

		give->raw = member;
		give->single = scopeset_single(&member);
		give->expanded = path_names_owner(&member) ? NULL :
			catalogue_expand(way->memo->catalogue, give->single, NULL);
	}
}

static PathRole *
path_role(EffectiveWay *way, HubRole *role)
{
	struct EffectiveMemo *memo = effective_memo(way);
	PathRole   *entry;

	if (memo->role_gives == NULL)
	{
		HASHCTL		ctl = {.keysize = sizeof(HubRole *),.entrysize = sizeof(PathRole),.hcxt = memo->context};

		memo->role_gives = hash_create("jhub_authz role scopes", 64, &ctl,
									   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(memo->role_gives, &role, HASH_FIND, NULL);
	if (entry == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(memo->context);
		PathRole	made = {.role = role};

		/* complete before it is entered: an error must not leave half of it */
		path_role_fill(way, &made);
		entry = hash_search(memo->role_gives, &role, HASH_ENTER, NULL);
		*entry = made;
		MemoryContextSwitchTo(caller);
	}
	return entry;
}

/* ---- grants ---- */

static EffectiveGrant *
path_add_grant(EffectiveGrants *grants, HubGroup *group)
{
	EffectiveGrant *grant;

	if (grants->n == grants->size)
	{
		grants->size = grants->size ? 2 * grants->size : 16;
		grants->grants = grants->grants ?
			repalloc(grants->grants, sizeof(EffectiveGrant) * grants->size) :
			palloc(sizeof(EffectiveGrant) * grants->size);
	}
	grant = &grants->grants[grants->n++];
	memset(grant, 0, sizeof(*grant));
	grant->group = group;
	return grant;
}

static void
path_add_roles(EffectiveWay *way, EffectiveGrants *grants, HubRole **roles, int nroles,
			   HubGroup *group, const ExpandTarget *target)
{
	for (int i = 0; i < nroles; i++)
	{
		PathRole   *role = path_role(way, roles[i]);

		if (role->defect != NULL)
		{
			EffectiveGrant *grant = path_add_grant(grants, group);

			grant->role = roles[i];
			grant->defect = role->defect;
		}
		for (int j = 0; j < role->n; j++)
		{
			PathGive   *give = &role->gives[j];
			EffectiveGrant *grant = path_add_grant(grants, group);

			grant->role = roles[i];
			grant->raw = give->raw;
			grant->scopes = give->expanded != NULL ? give->expanded :
				catalogue_expand(way->memo->catalogue, give->single, target);
		}
	}
}

/*
 * Shares with a user (group NULL) or with a group.  as_written: as the hub
 * counts them for tokens.
 */
static void
path_add_shares(EffectiveWay *way, EffectiveGrants *grants, const HubUser *user,
				HubShare **shares, int nshares, HubGroup *group, bool as_written)
{
	for (int i = 0; i < nshares; i++)
	{
		HubShare   *share = shares[i];
		const HubClient *client = NULL;
		ExpandTarget target;
		ScopeIter	iter;
		ScopeMember member;

		if (share->defect != NULL)
		{
			EffectiveGrant *grant = path_add_grant(grants, group);

			grant->share = share;
			grant->defect = share->defect;
		}
		if (share->client_id != NULL &&
			(scopeset_has_kind(share->scopes, SCOPE_SERVER_SELF) ||
			 scopeset_has_kind(share->scopes, SCOPE_SERVICE_SELF)))
			client = hub_client(way->data, share->client_id);
		effective_target(&target, user, NULL, client);
		scope_iter_init(&iter, share->scopes);
		while (scope_iter_next(&iter, &member))
		{
			EffectiveGrant *grant = path_add_grant(grants, group);
			Scopeset   *single = scopeset_single(&member);

			grant->share = share;
			grant->raw = member;
			grant->scopes = as_written ? single :
				catalogue_expand(way->memo->catalogue, single, &target);
		}
	}
}

static void
path_add_user(EffectiveWay *way, EffectiveGrants *grants, HubUser *user, bool for_token)
{
	ExpandTarget target;

	effective_target(&target, user, NULL, NULL);
	path_add_roles(way, grants, user->roles, user->nroles, NULL, &target);
	for (int i = 0; i < user->ngroups; i++)
		path_add_roles(way, grants, user->groups[i]->roles, user->groups[i]->nroles,
					   user->groups[i], &target);
	if ((way->flags & EFFECTIVE_NO_SHARES) != 0)
		return;
	if (for_token && (way->flags & EFFECTIVE_TOKEN_SHARES) == 0)
	{
		path_add_shares(way, grants, user, user->shares, user->nshares, NULL, true);
		return;
	}
	path_add_shares(way, grants, user, user->shares, user->nshares, NULL, false);
	for (int i = 0; i < user->ngroups; i++)
		path_add_shares(way, grants, NULL, user->groups[i]->shares,
						user->groups[i]->nshares, user->groups[i], false);
}

EffectiveGrants *
effective_grants(EffectiveWay *way, HubUser *user, HubService *service,
				 HubGroup *group, bool for_token)
{
	EffectiveGrants *grants = palloc0(sizeof(EffectiveGrants));
	ExpandTarget target;

	(void) effective_memo(way);
	if (user != NULL)
		path_add_user(way, grants, user, for_token);
	else if (service != NULL)
	{
		effective_target(&target, NULL, service, NULL);
		path_add_roles(way, grants, service->roles, service->nroles, NULL, &target);
	}
	else if (group != NULL)
	{
		effective_target(&target, NULL, NULL, NULL);
		path_add_roles(way, grants, group->roles, group->nroles, NULL, &target);
		if ((way->flags & EFFECTIVE_NO_SHARES) == 0)
			path_add_shares(way, grants, NULL, group->shares, group->nshares, NULL, false);
	}
	return grants;
}

/* ---- what a token asks for ---- */

static EffectiveAsks *
path_asks(EffectiveWay *way, HubToken *token, HubUser *user, HubService *service, bool inherit)
{
	EffectiveAsks *asks = palloc0(sizeof(EffectiveAsks));
	ExpandTarget target;
	ScopeBuilder *builder;
	ScopesetView view;
	ScopeIter	iter;
	ScopeMember member;

	(void) effective_memo(way);
	if (token->client_id != NULL && strcmp(token->client_id, "jupyterhub") != 0)
		asks->client = hub_client(way->data, token->client_id);
	scopeset_view(token->stored, &view);
	asks->asks = palloc0(sizeof(EffectiveAsk) * (view.nmembers + 2));

	effective_target(&target, user, service, asks->client);
	scope_iter_init(&iter, token->stored);
	while (scope_iter_next(&iter, &member))
	{
		EffectiveAsk *ask = &asks->asks[asks->n];

		ask->kind = ASK_STORED;
		ask->raw = member;
		if (member.kind == SCOPE_OPEN && member.base_len == 7 &&
			memcmp(member.base, "inherit", 7) == 0)
		{
			if (!inherit)
				continue;
			/* the hub looks at nothing else then */
			asks->asks[0] = *ask;
			asks->asks[0].kind = ASK_INHERIT;
			asks->n = 1;
			return asks;
		}
		ask->scopes = catalogue_expand(way->memo->catalogue, scopeset_single(&member), &target);
		asks->n++;
	}
	asks->asks[asks->n].kind = ASK_CLIENT;
	asks->asks[asks->n++].scopes = effective_access(asks->client);
	builder = scope_builder_create();
	effective_add_identify(builder, user, service);
	asks->asks[asks->n].kind = ASK_IDENTIFY;
	asks->asks[asks->n++].scopes = scope_builder_finish(builder, false);
	return asks;
}

EffectiveAsks *
effective_asks(EffectiveWay *way, HubToken *token, HubUser *user, HubService *service)
{
	return path_asks(way, token, user, service, true);
}

EffectiveAsks *
effective_asks_beside_inherit(EffectiveWay *way, HubToken *token, HubUser *user, HubService *service)
{
	return path_asks(way, token, user, service, false);
}

/* ---- paths ---- */

/* Every grant, with the members that are among the subject's scopes. */
static void
path_each_grant(const EffectiveGrants *grants, const Scopeset *scopes,
				const EffectiveAsk *ask, effective_path_fn each, void *arg)
{
	ScopesetView view;

	scopeset_view(scopes, &view);
	for (int i = 0; i < grants->n; i++)
	{
		const EffectiveGrant *grant = &grants->grants[i];
		EffectivePath path = {.grant = grant,.ask = ask,.defect = grant->defect};
		ScopeIter	iter;
		ScopeMember member;

		if (grant->defect != NULL)
		{
			path.ask = NULL;
			each(&path, arg);
			continue;
		}
		path.scope = &member;
		scope_iter_init(&iter, grant->scopes);
		while (scope_iter_next(&iter, &member))
			if (scopeset_has_member(&view, &member))
				each(&path, arg);
	}
}

/* The defects of a token and of its owner's grants. */
static void
path_each_defect(const HubToken *token, const EffectiveGrants *grants,
				 effective_path_fn each, void *arg)
{
	EffectivePath path = {.scope = NULL};

	path.defect = token->defect;
	if (path.defect != NULL)
		each(&path, arg);
	for (int i = 0; i < grants->n; i++)
	{
		path.grant = &grants->grants[i];
		path.defect = path.grant->defect;
		if (path.defect != NULL)
			each(&path, arg);
	}
}

/*
 * A token's permission comes from what covers it on both sides: what it asks
 * for and what its owner holds.
 */
static void
path_each_token(EffectiveSubject *subject, effective_path_fn each, void *arg)
{
	HubToken   *token = subject->token;
	const Scopeset *scopes = effective_token(subject->way, token, NULL, NULL);
	EffectiveGrants *grants = effective_grants(subject->way, subject->user,
											   subject->service, NULL, true);
	EffectiveAsks *asks = effective_asks(subject->way, token, subject->user,
										 subject->service);
	ScopeMembership *membership = hub_membership(subject->data);
	ScopeIter	iter;
	ScopeMember member;
	EffectivePath path = {.scope = NULL};

	if (asks->asks[0].kind == ASK_INHERIT)
	{
		path_each_grant(grants, scopes, &asks->asks[0], each, arg);
		return;
	}
	path_each_defect(token, grants, each, arg);
	path.scope = &member;
	scope_iter_init(&iter, scopes);
	while (scope_iter_next(&iter, &member))
	{
		for (int i = 0; i < asks->n; i++)
		{
			path.ask = &asks->asks[i];
			if (!scopeset_covers_member(path.ask->scopes, &member, membership))
				continue;
			for (int j = 0; j < grants->n; j++)
			{
				path.grant = &grants->grants[j];
				if (path.grant->defect == NULL &&
					scopeset_covers_member(path.grant->scopes, &member, membership))
					each(&path, arg);
			}
		}
	}
}

void
effective_each_path(EffectiveSubject *subject, effective_path_fn each, void *arg)
{
	if (subject->kind == SUBJECT_TOKEN)
	{
		path_each_token(subject, each, arg);
		return;
	}
	path_each_grant(effective_grants(subject->way, subject->user, subject->service,
									 subject->group, false),
					effective_subject_scopes(subject, NULL), NULL, each, arg);
}
