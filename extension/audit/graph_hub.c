/*-------------------------------------------------------------------------
 *
 * graph_hub.c
 *	  Pictures for which everybody counts: the hub as a whole, a role and who
 *	  has it, a group and who is in it.
 *
 * Users are counted, and only those are read who are shown by name.
 *
 * What matters comes first, for what comes when a picture is full is left out:
 * the roles that most have, the groups with most members.
 *
 *-------------------------------------------------------------------------
 */
#include "graph_build.h"
#include "../hub/hub_audit.h"

#include "miscadmin.h"
#include "utils/memutils.h"

/* ---- who holds what ---- */

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

/* ---- counting, and reading ---- */

typedef struct GraphCount
{
	HTAB	   *table;
	HubIds		few;			/* those that have few users */
} GraphCount;

static void
graph_count(int id, int64 number, void *arg)
{
	GraphCount *count = arg;

	graph_holders(count->table, id)->nusers = (int) Min(number, INT_MAX);
	if (number <= GRAPH_FEW_USERS)
		hub_ids_add(&count->few, id);
}

/* Count users of a map; whoever of the counted has few is in *few. */
static HTAB *
graph_count_users(GraphBuild *build, HubTable map, const char *name, HubIds *few)
{
	GraphCount	count = {.table = graph_holders_table(name)};

	hub_ids_begin(&count.few);
	hub_each_number_of_users(build->hub, map, graph_count, &count);
	*few = count.few;
	return count.table;
}

static void
graph_know_holder(HTAB *table, int id, HubUser *user)
{
	GraphHolders *holders = graph_holders(table, id);

	if (holders->nknown < GRAPH_FEW_USERS)
		holders->users[holders->nknown++] = user;
}

static void
graph_read(GraphBuild *build, HubIds *users)
{
	HubWant		want = {0};
	HubIds		groups = {0};
	HubIds		services = {0};
	HubIds		roles = {0};

	hub_add_ids_from(build->hub, HUB_GROUPS, PG_INT32_MIN, PG_INT32_MAX, &groups);
	hub_add_ids_from(build->hub, HUB_SERVICES, PG_INT32_MIN, PG_INT32_MAX, &services);
	hub_add_ids_from(build->hub, HUB_ROLES, PG_INT32_MIN, PG_INT32_MAX, &roles);
	hub_ids_unique(users);
	want.users = users->ids;
	want.nusers = users->n;
	want.groups = groups.ids;
	want.ngroups = groups.n;
	want.services = services.ids;
	want.nservices = services.n;
	want.roles = roles.ids;
	want.nroles = roles.n;
	build->data = hub_load(build->hub, &want, false);
}

void
graph_load(GraphBuild *build, int group, int user)
{
	HubIds		few_roles;
	HubIds		few_groups;
	HubIds		read = {0};
	HubIds		one = {0};
	HubIds		none = {0};
	HubUser   **users;
	HubGroup  **groups;
	HubService **services;
	int			n;

	build->roles = graph_count_users(build, HUB_USER_ROLE_MAP, "jhub_authz graph roles", &few_roles);
	build->groups = graph_count_users(build, HUB_USER_GROUP_MAP, "jhub_authz graph groups", &few_groups);
	if (user != 0)
		hub_ids_add(&read, user);
	hub_add_holders(build->hub, &few_roles, &read, &none, &none);
	if (group != 0 && graph_holders(build->groups, group)->nusers <= GRAPH_FEW_USERS)
	{
		hub_ids_add(&one, group);
		hub_add_members(build->hub, &one, &read);
	}
	graph_read(build, &read);

	users = hub_users(build->data, &n);
	for (int i = 0; i < n; i++)
	{
		for (int r = 0; r < users[i]->nroles; r++)
			graph_know_holder(build->roles, users[i]->roles[r]->id, users[i]);
		for (int g = 0; g < users[i]->ngroups; g++)
			graph_know_holder(build->groups, users[i]->groups[g]->id, users[i]);
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
	for (int i = 0; i < holders->nknown; i++)
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

static void
graph_hub_role(GraphBuild *build, HubRole *role)
{
	MemoryContext caller = MemoryContextSwitchTo(build->step);
	bool		made;
	GraphNode  *node = graph_role(build, role, &made);

	CHECK_FOR_INTERRUPTS();
	graph_scopes(build, node, role->raw, NULL);
	graph_holders_of(build, role, node, false);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(build->step);
}

static void
graph_hub_group(GraphBuild *build, HubGroup *group)
{
	MemoryContext caller = MemoryContextSwitchTo(build->step);

	CHECK_FOR_INTERRUPTS();
	if (group->nroles > 0)
		graph_roles(build, graph_group(build, group), group->roles, group->nroles);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(build->step);
}

void
graph_of_hub(GraphBuild *build)
{
	GraphRanked *ranked;
	HubRole   **roles;
	HubGroup  **groups;
	int			n;

	graph_load(build, 0, 0);
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
		graph_hub_role(build, ranked[i].row);
	pfree(ranked);

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
		graph_hub_group(build, ranked[i].row);
	pfree(ranked);
}

bool
graph_of_role(GraphBuild *build, const char *name)
{
	int			id = hub_role_id(build->hub, name, false);
	HubRole    *role;
	GraphNode  *node;
	bool		made;

	if (id == 0)
		return false;
	graph_load(build, 0, 0);
	role = hub_role(build->data, id);
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
	HubGroup   *group;
	GraphNode  *node;

	if (id == 0)
		return false;
	graph_load(build, id, 0);
	group = hub_group(build->data, id);
	if (group == NULL)
		return false;
	node = graph_group(build, group);
	node->root = true;
	graph_roles(build, node, group->roles, group->nroles);
	graph_shares(build, node, group->shares, group->nshares);
	graph_users(build, graph_holders(build->groups, group->id), node, "is in");
	return true;
}

