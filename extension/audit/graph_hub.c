/*-------------------------------------------------------------------------
 *
 * graph_hub.c
 *	  Pictures for which everybody is read: the hub as a whole, a role and who
 *	  has it, a group and who is in it.
 *
 * What matters comes first, for what comes when a picture is full is left out:
 * the roles that most have, the groups with most members.
 *
 *-------------------------------------------------------------------------
 */
#include "graph_build.h"

#include "miscadmin.h"

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

GraphHolders *
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

void
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

void
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

void
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

bool
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

bool
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

