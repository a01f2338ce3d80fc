/*-------------------------------------------------------------------------
 *
 * graph_build.c
 *	  What is in a picture: the hub as a whole, a role, a subject, or who
 *	  reaches a server or holds a scope.
 *
 * From left to right: who (users, groups, services, tokens), roles and shares,
 * the scopes that these give as they are written, and what their filters name.
 * The scopes of a role that have the same filter are one node.
 *
 * A subject is loaded alone, with what its scopes rest on; the others read the
 * whole hub in one pass.  Which role gives a scope is decided by the expansion
 * and the cover of effective.h, as for everything else.
 *
 *-------------------------------------------------------------------------
 */
#include "graph.h"
#include "../effective/effective.h"

#include "miscadmin.h"
#include "utils/hsearch.h"

/* more than so many users who hold a role directly are one node */
#define GRAPH_FEW_USERS		5

/* Who has a role directly, or, for a group, who is in it. */
typedef struct GraphHolders
{
	int			id;				/* hash key */
	int			nusers;
	HubUser    *users[GRAPH_FEW_USERS];
	int			ngroups;
	int			nservices;
} GraphHolders;

typedef struct GraphBuild
{
	Graph	   *graph;
	const HubSchema *hub;
	HubData    *data;
	HTAB	   *roles;			/* holders of roles and ... */
	HTAB	   *groups;			/* ... members of groups; NULL: not everyone is here */
} GraphBuild;

/* ---- nodes ---- */

/* A node with its kind and name; a name is looked up by both. */
static GraphNode *
graph_named(GraphBuild *build, GraphKind kind, const char *word, const char *name)
{
	bool		made;
	GraphNode  *node = graph_node(build->graph, kind, psprintf("%s %s", word, name), &made);

	if (made)
	{
		graph_line(build->graph, node, word);
		graph_line(build->graph, node, name);
	}
	return node;
}

static GraphNode *
graph_user(GraphBuild *build, const HubUser *user)
{
	GraphNode  *node = graph_named(build, GRAPH_USER, "user", user->name);

	if (user->admin && node->nlines == 2)
		graph_line(build->graph, node, "(admin)");
	return node;
}

static GraphNode *
graph_group(GraphBuild *build, const HubGroup *group)
{
	GraphNode  *node = graph_named(build, GRAPH_GROUP, "group", group->name);

	if (build->groups != NULL && node->nlines == 2)
	{
		GraphHolders *members = hash_search(build->groups, &group->id, HASH_FIND, NULL);
		int			n = members ? members->nusers : 0;

		graph_line(build->graph, node, psprintf("%d %s", n, n == 1 ? "member" : "members"));
	}
	return node;
}

/* ---- scopes and what they are about ---- */

/* Does one that filters name exist?  A server is judged by its owner. */
static bool
graph_exists(GraphBuild *build, const ScopeMember *member)
{
	char	   *name = pnstrdup(member->value, member->value_len);

	switch (member->kind)
	{
		case SCOPE_USER:
			return hub_user_id(build->hub, name, false) != 0;
		case SCOPE_GROUP:
			return hub_group_id(build->hub, name, false) != 0;
		case SCOPE_SERVICE:
			return hub_service_id(build->hub, name, false) != 0;
		case SCOPE_SERVER:
			name[scope_server_owner_len(name, member->value_len)] = '\0';
			return hub_user_id(build->hub, name, false) != 0;
		default:
			return true;
	}
}

static bool
graph_base_is(const ScopeMember *member, const char *base)
{
	return member->base_len == (int) strlen(base) &&
		memcmp(member->base, base, member->base_len) == 0;
}

/* What a scope's filter names, in words; *named: by a name. */
static char *
graph_target_words(const ScopeMember *member, bool *named)
{
	*named = false;
	switch (member->kind)
	{
		case SCOPE_OPEN:
			if (graph_base_is(member, "inherit") || graph_base_is(member, "all"))
				return "whatever the owner may do";
			if (graph_base_is(member, "self"))
				return "oneself";
			return "the whole hub";
		case SCOPE_USER_SELF:
			return "oneself";
		case SCOPE_SERVICE_SELF:
			return "the service itself";
		case SCOPE_SERVER_SELF:
			return "the client's server";
		case SCOPE_GROUP:
			*named = true;
			return "members of group";
		case SCOPE_USER:
		case SCOPE_SERVICE:
		case SCOPE_SERVER:
			*named = true;
			return pstrdup(scope_kind_name(member->kind));
	}
	return NULL;				/* keep compiler quiet */
}

static GraphNode *
graph_target(GraphBuild *build, const ScopeMember *member)
{
	bool		named;
	bool		made;
	char	   *words = graph_target_words(member, &named);
	char	   *name = named ? pnstrdup(member->value, member->value_len) : "";
	GraphNode  *node = graph_node(build->graph, GRAPH_TARGET,
								  psprintf("on %s %s", words, name), &made);

	if (!made)
		return node;
	graph_line(build->graph, node, words);
	if (named)
		graph_line(build->graph, node, name);
	if (node->number != 0 && named && !graph_exists(build, member))
		graph_line(build->graph, node, "(there is none)");
	return node;
}

/*
 * The scopes that something gives, a node for each filter.  goal: what all of
 * them lead to; NULL: to what their filters name.
 */
static void
graph_scopes(GraphBuild *build, GraphNode *from, const Scopeset *scopes, GraphNode *goal)
{
	ScopeIter	iter;
	ScopeMember member;

	scope_iter_init(&iter, scopes);
	while (scope_iter_next(&iter, &member))
	{
		bool		named;
		bool		made;
		char	   *words = graph_target_words(&member, &named);
		char	   *name = named ? pnstrdup(member.value, member.value_len) : "";
		GraphNode  *node;
		StringInfoData scope;

		CHECK_FOR_INTERRUPTS();
		node = graph_node(build->graph, GRAPH_SCOPES,
						  psprintf("%s: %s %s", from->key, words, name), &made);
		initStringInfo(&scope);
		scope_append(&scope, &member);
		graph_line(build->graph, node,
				   catalogue_defines(build->hub->catalogue, &member) ? scope.data :
				   psprintf("%s (undefined)", scope.data));
		if (!made)
			continue;
		graph_edge(build->graph, from, node, "");
		graph_edge(build->graph, node, goal ? goal : graph_target(build, &member),
				   goal ? "" : "on");
	}
}

static GraphNode *
graph_role(GraphBuild *build, const HubRole *role, bool *made)
{
	GraphNode  *node = graph_node(build->graph, GRAPH_ROLE, psprintf("role %s", role->name), made);

	if (*made)
	{
		graph_line(build->graph, node, "role");
		graph_line(build->graph, node, role->name);
		if (role->defect != NULL)
			graph_line(build->graph, node, "(its scopes do not parse)");
		else if (scopeset_is_empty(role->raw))
			graph_line(build->graph, node, "(without scopes)");
	}
	return node;
}

/* A subject's roles, with all that they give. */
static void
graph_roles(GraphBuild *build, GraphNode *from, HubRole **roles, int n)
{
	for (int i = 0; i < n; i++)
	{
		bool		made;
		GraphNode  *node = graph_role(build, roles[i], &made);

		graph_edge(build->graph, from, node, "has role");
		if (made)
			graph_scopes(build, node, roles[i]->raw, NULL);
	}
}

static GraphNode *
graph_share(GraphBuild *build, GraphNode *from, const HubShare *share)
{
	bool		made;
	GraphNode  *node = graph_node(build->graph, GRAPH_SHARE, psprintf("share %d", share->id), &made);

	if (made)
	{
		graph_line(build->graph, node, psprintf("share %d of", share->id));
		graph_line(build->graph, node, share->server);
	}
	graph_edge(build->graph, from, node, "was given");
	return node;
}

static void
graph_shares(GraphBuild *build, GraphNode *from, HubShare **shares, int n)
{
	for (int i = 0; i < n; i++)
		graph_scopes(build, graph_share(build, from, shares[i]), shares[i]->scopes, NULL);
}

/* ---- one subject ---- */

static void
graph_of_user(GraphBuild *build, GraphNode *node, const HubUser *user)
{
	graph_roles(build, node, user->roles, user->nroles);
	for (int i = 0; i < user->ngroups; i++)
	{
		HubGroup   *group = user->groups[i];
		GraphNode  *in = graph_group(build, group);

		graph_edge(build->graph, node, in, "is in");
		graph_roles(build, in, group->roles, group->nroles);
		graph_shares(build, in, group->shares, group->nshares);
	}
	graph_shares(build, node, user->shares, user->nshares);
}

static void
graph_of_service(GraphBuild *build, GraphNode *node, const HubService *service)
{
	if (service->admin && node->nlines == 2)
		graph_line(build->graph, node, "(admin)");
	graph_roles(build, node, service->roles, service->nroles);
}

static GraphNode *
graph_of_token(GraphBuild *build, const HubToken *token)
{
	GraphNode  *node = graph_named(build, GRAPH_TOKEN, "token", psprintf("%d", token->id));

	if (effective_token_expired(token))
		graph_line(build->graph, node, "(expired)");
	if (token->defect != NULL)
		graph_line(build->graph, node, "(its scopes do not parse)");
	if (token->client_id != NULL && strcmp(token->client_id, "jupyterhub") != 0)
		graph_edge(build->graph, node,
				   graph_named(build, GRAPH_CLIENT, "client", token->client_id), "issued through");
	graph_scopes(build, node, token->stored, NULL);
	return node;
}

static bool
graph_of_subject(GraphBuild *build, SubjectKind kind, const char *name)
{
	EffectiveSubject subject;
	GraphNode  *root = NULL;
	GraphNode  *owner = NULL;

	if (!effective_subject(&subject, kind, name, effective_reading_flags()))
		return false;
	build->data = subject.data;
	if (subject.token != NULL)
	{
		root = graph_of_token(build, subject.token);
		root->root = true;
	}
	if (subject.user != NULL)
	{
		owner = graph_user(build, subject.user);
		graph_of_user(build, owner, subject.user);
	}
	else if (subject.service != NULL)
	{
		owner = graph_named(build, GRAPH_SERVICE, "service", subject.service->name);
		graph_of_service(build, owner, subject.service);
	}
	if (root == NULL)
		owner->root = true;
	else if (owner != NULL)
		graph_edge(build->graph, root, owner, "belongs to");
	return true;
}

/* ---- everyone ---- */

static HTAB *
graph_holders_table(const char *name)
{
	HASHCTL		ctl;

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(int);
	ctl.entrysize = sizeof(GraphHolders);
	ctl.hcxt = CurrentMemoryContext;
	return hash_create(name, 256, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

static GraphHolders *
graph_holders(HTAB *table, int id)
{
	bool		found;
	GraphHolders *holders = hash_search(table, &id, HASH_ENTER, &found);

	if (!found)
		memset((char *) holders + sizeof(int), 0, sizeof(GraphHolders) - sizeof(int));
	return holders;
}

static void
graph_add_holder(HTAB *table, int id, HubUser *user)
{
	GraphHolders *holders = graph_holders(table, id);

	if (holders->nusers < GRAPH_FEW_USERS)
		holders->users[holders->nusers] = user;
	holders->nusers++;
}

/* Read everybody, and count who holds what. */
static void
graph_load(GraphBuild *build)
{
	HubWant		want;
	HubUser   **users;
	HubGroup  **groups;
	HubService **services;
	int			n;

	memset(&want, 0, sizeof(want));
	want.everyone = true;
	build->data = hub_load(build->hub, &want, false);
	build->roles = graph_holders_table("jhub_authz graph roles");
	build->groups = graph_holders_table("jhub_authz graph groups");
	users = hub_users(build->data, &n);
	for (int i = 0; i < n; i++)
	{
		for (int r = 0; r < users[i]->nroles; r++)
			graph_add_holder(build->roles, users[i]->roles[r]->id, users[i]);
		for (int g = 0; g < users[i]->ngroups; g++)
			graph_add_holder(build->groups, users[i]->groups[g]->id, users[i]);
	}
	groups = hub_groups(build->data, &n);
	for (int i = 0; i < n; i++)
		for (int r = 0; r < groups[i]->nroles; r++)
			graph_holders(build->roles, groups[i]->roles[r]->id)->ngroups++;
	services = hub_services(build->data, &n);
	for (int i = 0; i < n; i++)
		for (int r = 0; r < services[i]->nroles; r++)
			graph_holders(build->roles, services[i]->roles[r]->id)->nservices++;
}

/* Users that a role or group has: each, or one node for all of them. */
static void
graph_users(GraphBuild *build, const GraphHolders *holders, GraphNode *to, const char *label)
{
	bool		made;

	if (holders->nusers > GRAPH_FEW_USERS)
	{
		GraphNode  *node = graph_node(build->graph, GRAPH_USERS, psprintf("users of %s", to->key), &made);

		if (made)
			graph_line(build->graph, node, psprintf("%d users", holders->nusers));
		graph_edge(build->graph, node, to, label);
		return;
	}
	for (int i = 0; i < holders->nusers; i++)
		graph_edge(build->graph, graph_user(build, holders->users[i]), to, label);
}

/* Everybody who has a role: users and services here, groups only if asked for. */
static void
graph_holders_of(GraphBuild *build, HubRole *role, GraphNode *node, bool with_groups)
{
	GraphHolders *holders = graph_holders(build->roles, role->id);
	HubService **services;
	HubGroup  **groups;
	int			n;

	graph_users(build, holders, node, "has role");
	services = hub_services(build->data, &n);
	for (int i = 0; i < n && holders->nservices > 0; i++)
		for (int r = 0; r < services[i]->nroles; r++)
			if (services[i]->roles[r] == role)
				graph_edge(build->graph,
						   graph_named(build, GRAPH_SERVICE, "service", services[i]->name),
						   node, "has role");
	groups = hub_groups(build->data, &n);
	for (int i = 0; i < n && with_groups && holders->ngroups > 0; i++)
		for (int r = 0; r < groups[i]->nroles; r++)
			if (groups[i]->roles[r] == role)
				graph_edge(build->graph, graph_group(build, groups[i]), node, "has role");
}

/* ---- the hub ---- */

typedef struct GraphRanked
{
	int64		rank;
	const char *name;
	void	   *row;
} GraphRanked;

/* The highest rank first, then by name. */
static int
graph_compare_ranked(const void *a, const void *b)
{
	const GraphRanked *x = a;
	const GraphRanked *y = b;

	if (x->rank != y->rank)
		return x->rank > y->rank ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void
graph_of_hub(GraphBuild *build)
{
	GraphRanked *ranked;
	HubRole   **roles;
	HubGroup  **groups;
	int			n;

	roles = hub_roles(build->data, &n);
	ranked = palloc(sizeof(GraphRanked) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		GraphHolders *holders = graph_holders(build->roles, roles[i]->id);

		ranked[i].rank = (int64) holders->nusers + holders->ngroups + holders->nservices;
		ranked[i].name = roles[i]->name;
		ranked[i].row = roles[i];
	}
	qsort(ranked, n, sizeof(GraphRanked), graph_compare_ranked);
	for (int i = 0; i < n; i++)
	{
		HubRole    *role = ranked[i].row;
		bool		made;
		GraphNode  *node = graph_role(build, role, &made);

		CHECK_FOR_INTERRUPTS();
		graph_scopes(build, node, role->raw, NULL);
		graph_holders_of(build, role, node, false);
	}

	groups = hub_groups(build->data, &n);
	ranked = palloc(sizeof(GraphRanked) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		ranked[i].rank = graph_holders(build->groups, groups[i]->id)->nusers;
		ranked[i].name = groups[i]->name;
		ranked[i].row = groups[i];
	}
	qsort(ranked, n, sizeof(GraphRanked), graph_compare_ranked);
	for (int i = 0; i < n; i++)
	{
		HubGroup   *group = ranked[i].row;
		GraphNode  *node;

		if (group->nroles == 0)
			continue;
		node = graph_group(build, group);
		graph_roles(build, node, group->roles, group->nroles);
	}
}

static HubRole *
graph_find_role(GraphBuild *build, const char *name)
{
	int			id = hub_role_id(build->hub, name, false);

	return id == 0 ? NULL : hub_role(build->data, id);
}

static bool
graph_of_role(GraphBuild *build, const char *name)
{
	HubRole    *role = graph_find_role(build, name);
	GraphNode  *node;
	bool		made;

	if (role == NULL)
		return false;
	node = graph_role(build, role, &made);
	node->root = true;
	graph_scopes(build, node, role->raw, NULL);
	graph_holders_of(build, role, node, true);
	return true;
}

static bool
graph_of_group(GraphBuild *build, const char *name)
{
	int			id = hub_group_id(build->hub, name, false);
	HubGroup   *group = id == 0 ? NULL : hub_group(build->data, id);
	GraphNode  *node;

	if (group == NULL)
		return false;
	node = graph_group(build, group);
	node->root = true;
	graph_roles(build, node, group->roles, group->nroles);
	graph_shares(build, node, group->shares, group->nshares);
	graph_users(build, graph_holders(build->groups, group->id), node, "is in");
	return true;
}

/* ---- who holds a scope ---- */

typedef struct GraphGoal
{
	ScopeMember required;
	GraphNode  *node;
	HubUser    *owner;			/* whom the scope names as user or server, or NULL */
	HubService *service;		/* or as service */
} GraphGoal;

/* Of a role's scopes, those which give what is required to that target. */
static Scopeset *
graph_giving(GraphBuild *build, const Scopeset *raw, const ExpandTarget *target,
			 const ScopeMember *required)
{
	ScopeBuilder *builder = scope_builder_create();
	ScopeIter	iter;
	ScopeMember member;

	scope_iter_init(&iter, raw);
	while (scope_iter_next(&iter, &member))
	{
		Scopeset   *expanded = catalogue_expand(build->hub->catalogue,
												scopeset_single(&member), target);

		if (scopeset_covers_member(expanded, required, hub_membership(build->data)))
			scope_builder_add(builder, &member);
	}
	return scope_builder_finish(builder, false);
}

/* Has the one whom the scope names this role, or a group of the user's? */
static void
graph_own_role(GraphBuild *build, const GraphGoal *goal, HubRole *role, GraphNode *node)
{
	HubUser    *user = goal->owner;

	for (int r = 0; user != NULL && r < user->nroles; r++)
		if (user->roles[r] == role)
			graph_edge(build->graph, graph_user(build, user), node, "has role");
	for (int g = 0; user != NULL && g < user->ngroups; g++)
		for (int r = 0; r < user->groups[g]->nroles; r++)
			if (user->groups[g]->roles[r] == role)
			{
				GraphNode  *group = graph_group(build, user->groups[g]);

				graph_edge(build->graph, graph_user(build, user), group, "is in");
				graph_edge(build->graph, group, node, "has role");
			}
	for (int r = 0; goal->service != NULL && r < goal->service->nroles; r++)
		if (goal->service->roles[r] == role)
			graph_edge(build->graph,
					   graph_named(build, GRAPH_SERVICE, "service", goal->service->name),
					   node, "has role");
}

static bool
graph_holds_role(const GraphGoal *goal, const HubRole *role)
{
	for (int r = 0; goal->owner != NULL && r < goal->owner->nroles; r++)
		if (goal->owner->roles[r] == role)
			return true;
	for (int g = 0; goal->owner != NULL && g < goal->owner->ngroups; g++)
		for (int r = 0; r < goal->owner->groups[g]->nroles; r++)
			if (goal->owner->groups[g]->roles[r] == role)
				return true;
	for (int r = 0; goal->service != NULL && r < goal->service->nroles; r++)
		if (goal->service->roles[r] == role)
			return true;
	return false;
}

/*
 * What a role gives whoever has it, and what it gives only the one whom the
 * scope names, by a self filter.
 */
static void
graph_role_to_goal(GraphBuild *build, const GraphGoal *goal, HubRole *role)
{
	ExpandTarget nobody = {NULL, NULL, NULL};
	ExpandTarget own = {goal->owner ? goal->owner->name : NULL,
	goal->service ? goal->service->name : NULL, NULL};
	GraphHolders *holders = graph_holders(build->roles, role->id);
	Scopeset   *scopes = graph_giving(build, role->raw, &nobody, &goal->required);
	bool		made;

	if (!scopeset_is_empty(scopes))
	{
		GraphNode  *node;

		if (holders->nusers + holders->ngroups + holders->nservices == 0)
			return;
		node = graph_role(build, role, &made);
		graph_scopes(build, node, scopes, goal->node);
		graph_holders_of(build, role, node, true);
	}
	if (graph_holds_role(goal, role))
	{
		Scopeset   *with_own = graph_giving(build, role->raw, &own, &goal->required);

		scopes = scopeset_minus_with(with_own, scopes, NULL);
		if (!scopeset_is_empty(scopes))
		{
			GraphNode  *node = graph_role(build, role, &made);

			graph_scopes(build, node, scopes, goal->node);
			graph_own_role(build, goal, role, node);
		}
	}
}

/* Who has been given it by a share. */
static void
graph_shares_to_goal(GraphBuild *build, const GraphGoal *goal, HubUser *user, HubGroup *group)
{
	ExpandTarget nobody = {NULL, NULL, NULL};
	HubShare  **shares = user != NULL ? user->shares : group->shares;
	int			n = user != NULL ? user->nshares : group->nshares;

	for (int i = 0; i < n; i++)
	{
		Scopeset   *scopes = graph_giving(build, shares[i]->scopes, &nobody, &goal->required);
		GraphNode  *from;

		if (scopeset_is_empty(scopes))
			continue;
		from = user != NULL ? graph_user(build, user) : graph_group(build, group);
		graph_scopes(build, graph_share(build, from, shares[i]), scopes, goal->node);
	}
}

static void
graph_to_goal(GraphBuild *build, GraphGoal *goal)
{
	HubRole   **roles;
	HubUser   **users;
	HubGroup  **groups;
	int			n;

	roles = hub_roles(build->data, &n);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		graph_role_to_goal(build, goal, roles[i]);
	}
	groups = hub_groups(build->data, &n);
	for (int i = 0; i < n; i++)
		graph_shares_to_goal(build, goal, NULL, groups[i]);
	users = hub_users(build->data, &n);
	for (int i = 0; i < n; i++)
		graph_shares_to_goal(build, goal, users[i], NULL);
}

/* scope as text; word: "scope", or "server" when a server was asked for */
static void
graph_of_scope(GraphBuild *build, const char *scope, const char *word, const char *name)
{
	GraphGoal	goal;
	int			owner_len;

	memset(&goal, 0, sizeof(goal));
	effective_parse_scope(scope, strlen(scope), &goal.required);
	effective_refuse_self(&goal.required);
	goal.node = graph_named(build, GRAPH_TARGET, word, name);
	goal.node->root = true;
	owner_len = goal.required.kind == SCOPE_SERVER ?
		scope_server_owner_len(goal.required.value, goal.required.value_len) :
		goal.required.value_len;
	if (goal.required.kind == SCOPE_USER || goal.required.kind == SCOPE_SERVER)
		goal.owner = hub_user(build->data,
							  hub_user_id(build->hub, pnstrdup(goal.required.value, owner_len), false));
	if (goal.required.kind == SCOPE_SERVICE)
		goal.service = hub_service(build->data,
								   hub_service_id(build->hub, pnstrdup(goal.required.value, owner_len), false));
	graph_to_goal(build, &goal);
}

/* A server's name becomes a filter's value; "owner" is the default server. */
static void
graph_of_server(GraphBuild *build, const char *name)
{
	effective_check_name(name);
	if (strchr(name, '/') == NULL)
		name = psprintf("%s/", name);
	graph_of_scope(build, psprintf("access:servers!server=%s", name), "server", name);
}

/* ---- what is asked for ---- */

static const char *const graph_subjects[] = {"user", "service", "token", NULL};
static const char *const graph_others[] = {"hub", "role", "group", "server", "scope", NULL};

bool
graph_build(Graph *graph, const char *kind, const char *name)
{
	GraphBuild	build;
	int			other = settings_word(kind, graph_others);
	bool		result = true;

	if (other < 0 && settings_word(kind, graph_subjects) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid kind of graph: \"%s\"", module_from_utf8(kind, strlen(kind))),
				 errhint("The kind is \"hub\", \"role\", \"user\", \"group\", \"service\", \"token\", \"server\" or \"scope\".")));
	if (other != 0 && name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a graph of kind \"%s\" needs a name", kind)));

	memset(&build, 0, sizeof(build));
	build.graph = graph;
	build.hub = hub_schema(false, false);
	graph->title = other == 0 ? psprintf("JupyterHub %s: roles, who has them, what they give",
										 build.hub->release->name) :
		psprintf("%s %s", kind, name);
	if (other < 0)
		result = graph_of_subject(&build, effective_subject_kind(kind), name);
	else
	{
		graph_load(&build);
		if (strcmp(kind, "hub") == 0)
			graph_of_hub(&build);
		else if (strcmp(kind, "role") == 0)
			result = graph_of_role(&build, name);
		else if (strcmp(kind, "group") == 0)
			result = graph_of_group(&build, name);
		else if (strcmp(kind, "server") == 0)
			graph_of_server(&build, name);
		else
			graph_of_scope(&build, name, "scope", name);
	}
	if (build.data != NULL)
		hub_free(build.data);
	return result;
}
