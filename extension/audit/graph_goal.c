/*-------------------------------------------------------------------------
 *
 * graph_goal.c
 *	  Pictures of who holds a scope, or may use a server, and through what.
 *
 * A role is looked at scope by scope: which of them gives what is required to
 * whoever has the role, and which only to the one whom the scope names, by a
 * self filter.  Both by the expansion and the cover that has_scope goes by.
 *
 *-------------------------------------------------------------------------
 */
#include "graph_build.h"
#include "../hub/hub_audit.h"

#include "miscadmin.h"
#include "utils/memutils.h"

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

/* Who has been given it by a share: a user or a group. */
static void
graph_shares_to_goal(GraphBuild *build, const GraphGoal *goal, HubShare **shares, int n,
					 const HubUser *user, const HubGroup *group)
{
	ExpandTarget nobody = {NULL, NULL, NULL};
	MemoryContext caller = MemoryContextSwitchTo(build->step);

	for (int i = 0; i < n; i++)
	{
		Scopeset   *scopes = graph_giving(build, shares[i]->scopes, &nobody, &goal->required);
		GraphNode  *from = NULL;

		CHECK_FOR_INTERRUPTS();
		if (!scopeset_is_empty(scopes) && user != NULL)
			from = graph_user(build, user);
		else if (!scopeset_is_empty(scopes) && group != NULL)
			from = graph_group(build, group);
		if (from != NULL)
			graph_scopes(build, graph_share(build, from, shares[i]), scopes, goal->node);
		MemoryContextReset(build->step);
	}
	MemoryContextSwitchTo(caller);
}

typedef struct GraphShares
{
	GraphBuild *build;
	const GraphGoal *goal;
	HubIds		users;			/* who was given it by a share */
} GraphShares;

static void
graph_share_to_goal(HubShare *share, int user_id, int group_id, void *arg)
{
	GraphShares *shares = arg;
	ExpandTarget nobody = {NULL, NULL, NULL};

	CHECK_FOR_INTERRUPTS();
	if (user_id != 0 &&
		!scopeset_is_empty(graph_giving(shares->build, share->scopes, &nobody, &shares->goal->required)))
		hub_ids_add(&shares->users, user_id);
}

/* Of the users only those are read who were given it. */
static void
graph_users_to_goal(GraphBuild *build, const GraphGoal *goal)
{
	GraphShares shares = {.build = build,.goal = goal};
	HubWant		want = {0};
	HubData    *data;
	HubUser   **users;
	int			n;

	hub_ids_begin(&shares.users);
	hub_each_share(build->hub, graph_share_to_goal, &shares);
	hub_ids_unique(&shares.users);
	want.users = shares.users.ids;
	want.nusers = shares.users.n;
	data = hub_load(build->hub, &want, false);
	users = hub_users(data, &n);
	for (int i = 0; i < n; i++)
		graph_shares_to_goal(build, goal, users[i]->shares, users[i]->nshares, users[i], NULL);
	hub_free(data);
}

static void
graph_to_goal(GraphBuild *build, GraphGoal *goal)
{
	HubRole   **roles;
	HubGroup  **groups;
	int			n;

	roles = hub_roles(build->data, &n);
	for (int i = 0; i < n; i++)
	{
		MemoryContext caller = MemoryContextSwitchTo(build->step);

		CHECK_FOR_INTERRUPTS();
		graph_role_to_goal(build, goal, roles[i]);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(build->step);
	}
	groups = hub_groups(build->data, &n);
	for (int i = 0; i < n; i++)
		graph_shares_to_goal(build, goal, groups[i]->shares, groups[i]->nshares, NULL, groups[i]);
	graph_users_to_goal(build, goal);
}

/* scope as text; word: "scope", or "server" when a server was asked for */
void
graph_of_scope(GraphBuild *build, const char *scope, const char *word, const char *name)
{
	GraphGoal	goal;
	int			owner_len;
	int			owner = 0;

	memset(&goal, 0, sizeof(goal));
	effective_parse_scope(scope, strlen(scope), &goal.required);
	effective_refuse_self(&goal.required);
	goal.node = graph_named(build, GRAPH_TARGET, word, name);
	goal.node->root = true;
	owner_len = goal.required.kind == SCOPE_SERVER ?
		scope_server_owner_len(goal.required.value, goal.required.value_len) :
		goal.required.value_len;
	if (goal.required.kind == SCOPE_USER || goal.required.kind == SCOPE_SERVER)
		owner = hub_user_id(build->hub, pnstrdup(goal.required.value, owner_len), false);
	graph_load(build, 0, owner);
	if (owner != 0)
		goal.owner = hub_user(build->data, owner);
	if (goal.required.kind == SCOPE_SERVICE)
		goal.service = hub_service(build->data,
								   hub_service_id(build->hub, pnstrdup(goal.required.value, owner_len), false));
	graph_to_goal(build, &goal);
}

/* A server's name becomes a filter's value; "owner" is the default server. */
void
graph_of_server(GraphBuild *build, const char *name)
{
	effective_check_name(name);
	if (strchr(name, '/') == NULL)
		name = psprintf("%s/", name);
	graph_of_scope(build, psprintf("access:servers!server=%s", name), "server", name);
}
