/*-------------------------------------------------------------------------
 *
 * role_reach.c
 *	  How far a role reaches: who has it, which tokens use it, and whom it lets
 *	  them act on.
 *
 * Users and servers pass by, with their ids and names; no model of everybody is
 * made.  What is kept of all of them are ids: of those who have the role, of those
 * in the groups that it names, and of those whose servers it reaches.
 *
 *-------------------------------------------------------------------------
 */
#include "role_reach.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/memutils.h"

/* How many there are, and the first names, in order. */
typedef struct ReachFound
{
	int64		number;
	int			n;
	char	   *names[ROLE_REACH_NAMES];
} ReachFound;

/* A kind of what there is: users, servers, groups, services. */
typedef struct ReachKind
{
	const char *word;
	int64		all;
	ReachFound	has;
	ReachFound	by_group;
	ReachFound	reached;
} ReachKind;

typedef struct RoleReach
{
	ReturnSetInfo *rsinfo;
	const HubSchema *hub;
	MemoryContext context;		/* of the call */
	HubRole    *role;
	ReachWhom	whom;
	ReachKind	users;
	ReachKind	groups;
	ReachKind	services;
	ReachKind	servers;

	/* ids, sorted once they are complete */
	HubIds		user_holders;
	HubIds		group_holders;
	HubIds		service_holders;
	HubIds		named_groups;	/* whose members are reached ... */
	HubIds		server_groups;	/* ... and their servers */
	HubIds		by_group;		/* users in group_holders, */
	HubIds		members;		/* named_groups, */
	HubIds		server_members; /* server_groups */
	HubIds		owners;			/* all users who have it */
	HubIds		reached_owners; /* users whose servers are reached, if not all are */
	ReachUse	use;
} RoleReach;

/* ---- rows ---- */

static void
reach_row(RoleReach *reach, const char *relation, const char *kind, int64 all, int64 number,
		  char *const *names, int nnames)
{
	Datum		values[6];
	bool		nulls[6] = {false};
	Datum		elements[ROLE_REACH_NAMES];
	bool		isnull;

	audit_put(&values[0], &nulls[0], reach->role->name);
	audit_put(&values[1], &nulls[1], relation);
	audit_put(&values[2], &nulls[2], kind);
	values[3] = Int64GetDatum(number);
	values[4] = Int64GetDatum(all);
	for (int i = 0; i < nnames; i++)
		audit_put(&elements[i], &isnull, names[i]);
	values[5] = PointerGetDatum(construct_array(elements, nnames, TEXTOID, -1, false, TYPALIGN_INT));
	tuplestore_putvalues(reach->rsinfo->setResult, reach->rsinfo->setDesc, values, nulls);
}

static void
reach_put(RoleReach *reach, const char *relation, const ReachKind *kind, const ReachFound *found)
{
	reach_row(reach, relation, kind->word, kind->all, found->number, found->names, found->n);
}

static void
reach_put_tokens(RoleReach *reach)
{
	char	   *names[ROLE_REACH_NAMES];

	for (int i = 0; i < reach->use.n; i++)
		names[i] = psprintf("%d", reach->use.tokens[i]);
	reach_row(reach, "uses it", "token", hub_count_live_tokens(reach->hub), reach->use.number,
			  names, reach->use.n);
}

/* ---- what is found ---- */

static void
reach_found(RoleReach *reach, ReachFound *found, const char *name)
{
	int			at;

	found->number++;
	if (found->n == ROLE_REACH_NAMES)
	{
		if (strcmp(found->names[found->n - 1], name) <= 0)
			return;
		pfree(found->names[--found->n]);
	}
	for (at = found->n++; at > 0 && strcmp(found->names[at - 1], name) > 0; at--)
		found->names[at] = found->names[at - 1];
	found->names[at] = MemoryContextStrdup(reach->context, name);
}

static void
reach_service(int id, const char *name, void *arg)
{
	RoleReach  *reach = arg;

	reach->services.all++;
	if (hub_ids_have(&reach->service_holders, id))
		reach_found(reach, &reach->services.has, name);
	if ((reach->whom.open | reach_whom_named(&reach->whom, SCOPE_SERVICE, name)) & ABOUT_SERVICES)
		reach_found(reach, &reach->services.reached, name);
}

/* A service's own scopes name it, and in old releases a user of its name. */
static void
reach_holding_service(int id, const char *name, void *arg)
{
	RoleReach  *reach = arg;
	HubService	service = {.id = id,.name = unconstify(char *, name)};
	ExpandTarget target;
	MemoryContext caller;

	if (!hub_ids_have(&reach->service_holders, id))
		return;
	caller = MemoryContextSwitchTo(reach->context);
	effective_target(&target, NULL, &service, NULL);
	reach_whom_set(&reach->whom, catalogue_expand(reach->hub->catalogue, reach->role->raw, &target));
	MemoryContextSwitchTo(caller);
}

static void
reach_group(int id, const char *name, void *arg)
{
	RoleReach  *reach = arg;
	int			about = reach_whom_named(&reach->whom, SCOPE_GROUP, name);

	reach->groups.all++;
	if (hub_ids_have(&reach->group_holders, id))
		reach_found(reach, &reach->groups.has, name);
	if ((reach->whom.open | about) & ABOUT_GROUPS)
		reach_found(reach, &reach->groups.reached, name);
	if (about & ABOUT_USERS)
		hub_ids_add(&reach->named_groups, id);
	if (about & ABOUT_SERVERS)
		hub_ids_add(&reach->server_groups, id);
}

static void
reach_member(int user_id, int group_id, void *arg)
{
	RoleReach  *reach = arg;

	if (hub_ids_have(&reach->group_holders, group_id))
		hub_ids_add(&reach->by_group, user_id);
	if (hub_ids_have(&reach->named_groups, group_id))
		hub_ids_add(&reach->members, user_id);
	if (hub_ids_have(&reach->server_groups, group_id))
		hub_ids_add(&reach->server_members, user_id);
}

/* Who is in the groups that count. */
static void
reach_members(RoleReach *reach)
{
	HubIds		groups = {0};

	for (int i = 0; i < reach->group_holders.n; i++)
		hub_ids_add(&groups, reach->group_holders.ids[i]);
	for (int i = 0; i < reach->named_groups.n; i++)
		hub_ids_add(&groups, reach->named_groups.ids[i]);
	hub_ids_unique(&groups);
	hub_ids_begin(&reach->by_group);
	hub_ids_begin(&reach->members);
	hub_ids_begin(&reach->server_members);
	hub_each_member(reach->hub, &groups, reach_member, reach);
	hub_ids_unique(&reach->by_group);
	hub_ids_unique(&reach->members);
	hub_ids_unique(&reach->server_members);
}

static void
reach_user(int id, const char *name, void *arg)
{
	RoleReach  *reach = arg;
	int			about = reach->whom.open | reach_whom_named(&reach->whom, SCOPE_USER, name);
	bool		has = hub_ids_have(&reach->user_holders, id);
	bool		by_group = hub_ids_have(&reach->by_group, id);

	reach->users.all++;
	if (has)
		reach_found(reach, &reach->users.has, name);
	if (by_group)
		reach_found(reach, &reach->users.by_group, name);
	if (has || by_group)
	{
		hub_ids_add(&reach->owners, id);
		/* whose name can be in no filter holds nothing of its own */
		if (scope_value_ok(name, strlen(name)))
			about |= reach->whom.own;
	}
	if (hub_ids_have(&reach->members, id))
		about |= ABOUT_USERS;
	if (hub_ids_have(&reach->server_members, id))
		about |= ABOUT_SERVERS;
	if (about & ABOUT_USERS)
		reach_found(reach, &reach->users.reached, name);
	if (about & ~reach->whom.open & ABOUT_SERVERS)
		hub_ids_add(&reach->reached_owners, id);
}

static void
reach_server(int owner_id, const char *owner, const char *server, void *arg)
{
	RoleReach  *reach = arg;
	char	   *name = psprintf("%s/%s", owner, server);

	reach->servers.all++;
	if (((reach->whom.open | reach_whom_named(&reach->whom, SCOPE_SERVER, name)) & ABOUT_SERVERS) ||
		hub_ids_have(&reach->reached_owners, owner_id))
		reach_found(reach, &reach->servers.reached, name);
}

/* ---- the function ---- */

/* Who has it, and whom it reaches; each kind passes by once, or services twice. */
static void
reach_all(RoleReach *reach)
{
	HubIds		roles = {0};

	hub_ids_add(&roles, reach->role->id);
	hub_add_holders(reach->hub, &roles, &reach->user_holders, &reach->group_holders, &reach->service_holders);
	hub_ids_unique(&reach->user_holders);
	hub_ids_unique(&reach->group_holders);
	hub_ids_unique(&reach->service_holders);
	reach_whom_role(&reach->whom, reach->hub->catalogue, reach->role->raw);
	if (reach->service_holders.n > 0)
		hub_each_key(reach->hub, HUB_SERVICES, reach_holding_service, reach);
	hub_each_key(reach->hub, HUB_SERVICES, reach_service, reach);
	hub_ids_begin(&reach->named_groups);
	hub_ids_begin(&reach->server_groups);
	hub_each_key(reach->hub, HUB_GROUPS, reach_group, reach);
	reach_members(reach);
	hub_ids_begin(&reach->owners);
	hub_ids_begin(&reach->reached_owners);
	hub_each_key(reach->hub, HUB_USERS, reach_user, reach);
	hub_each_server(reach->hub, reach_server, reach);
	reach_use(reach->hub, reach->role->raw, &reach->owners, &reach->service_holders,
			  reach->owners.n > reach->users.all / 2, &reach->use);
}

/*
 * role_reach(role_name) - rows of what the role is to how many; none if there is no
 * such role.
 */
PG_FUNCTION_INFO_V1(jhub_authz_role_reach);
Datum
jhub_authz_role_reach(PG_FUNCTION_ARGS)
{
	RoleReach  *reach = palloc0(sizeof(RoleReach));
	HubWant		want = {.nroles = 1};
	HubData    *data;
	int			id;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	reach->rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	reach->hub = hub_schema(false, false);
	reach->context = CurrentMemoryContext;
	id = hub_role_id(reach->hub, effective_utf8_string(PG_GETARG_TEXT_PP(0)), false);
	if (id == 0)
		return (Datum) 0;
	want.roles = &id;
	data = hub_load(reach->hub, &want, false);
	reach->role = hub_role(data, id);
	if (reach->role == NULL)
		return (Datum) 0;
	reach->users.word = "user";
	reach->groups.word = "group";
	reach->services.word = "service";
	reach->servers.word = "server";
	reach_all(reach);

	reach_put(reach, "has it", &reach->users, &reach->users.has);
	reach_put(reach, "has it by a group", &reach->users, &reach->users.by_group);
	reach_put(reach, "has it", &reach->groups, &reach->groups.has);
	reach_put(reach, "has it", &reach->services, &reach->services.has);
	reach_put_tokens(reach);
	reach_put(reach, "reaches", &reach->users, &reach->users.reached);
	reach_put(reach, "reaches", &reach->servers, &reach->servers.reached);
	reach_put(reach, "reaches", &reach->groups, &reach->groups.reached);
	reach_put(reach, "reaches", &reach->services, &reach->services.reached);
	hub_free(data);
	return (Datum) 0;
}
