/*-------------------------------------------------------------------------
 *
 * role_reach.c
 *	  How far a role reaches: who has it, which tokens use it, and whom it lets
 *	  them act on.
 *
 * Whom a scope is about follows from its base and its filter; no group, service
 * or user is asked for more than being there.
 *
 *-------------------------------------------------------------------------
 */
#include "audit.h"

#include "../hub/hub_list.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* so many names are told of each kind */
#define ROLE_REACH_NAMES	20

/* What a base is about. */
#define ABOUT_USERS		1
#define ABOUT_SERVERS	2
#define ABOUT_GROUPS	4
#define ABOUT_SERVICES	8

typedef struct BaseAbout
{
	const char *base;
	int			about;
} BaseAbout;

/* All others are about users, but for those of the hub itself. */
static const BaseAbout base_abouts[] = {
	{"admin:groups", ABOUT_GROUPS}, {"groups", ABOUT_GROUPS}, {"list:groups", ABOUT_GROUPS},
	{"read:groups", ABOUT_GROUPS}, {"read:groups:name", ABOUT_GROUPS}, {"delete:groups", ABOUT_GROUPS},
	{"read:roles:groups", ABOUT_GROUPS}, {"groups:shares", ABOUT_GROUPS}, {"read:groups:shares", ABOUT_GROUPS},
	{"admin:services", ABOUT_SERVICES}, {"access:services", ABOUT_SERVICES}, {"list:services", ABOUT_SERVICES},
	{"read:services", ABOUT_SERVICES}, {"read:services:name", ABOUT_SERVICES}, {"read:roles:services", ABOUT_SERVICES},
	{"admin:servers", ABOUT_USERS | ABOUT_SERVERS}, {"servers", ABOUT_USERS | ABOUT_SERVERS},
	{"start:servers", ABOUT_USERS | ABOUT_SERVERS}, {"access:servers", ABOUT_USERS | ABOUT_SERVERS},
	{"read:servers", ABOUT_USERS | ABOUT_SERVERS}, {"delete:servers", ABOUT_USERS | ABOUT_SERVERS},
	{"admin:server_state", ABOUT_USERS | ABOUT_SERVERS}, {"shares", ABOUT_USERS | ABOUT_SERVERS},
	{"read:shares", ABOUT_USERS | ABOUT_SERVERS},
	{"read:hub", 0}, {"shutdown", 0}, {"proxy", 0}, {"read:metrics", 0}, {"admin-ui", 0}, {"read:roles", 0},
	{"self", 0}, {"inherit", 0}, {"(no_scope)", 0}
};

/* Things of one kind, in order of name; some of them are marked. */
typedef struct ReachKind
{
	const char *word;
	int			n;
	char	  **names;
	bool	   *marked;
} ReachKind;

typedef struct RoleReach
{
	ReturnSetInfo *rsinfo;
	HubData    *data;
	EffectiveWay *way;
	HubRole    *role;
	ReachKind	users;
	ReachKind	groups;
	ReachKind	services;
	ReachKind	servers;
	int			size;			/* of servers */
	HubPool		pool;			/* of their names */
	HubUser   **user_rows;
	int64		ntokens;
	int			tokens[ROLE_REACH_NAMES];	/* the first of them */
	MemoryContext row;
} RoleReach;

/* ---- marking ---- */

static int
reach_find(const ReachKind *kind, const char *name, int len)
{
	int			low = 0;
	int			high = kind->n;

	while (low < high)
	{
		int			mid = (low + high) / 2;
		int			order = strncmp(kind->names[mid], name, len);

		if (order == 0 && kind->names[mid][len] != '\0')
			order = 1;
		if (order == 0)
			return mid;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return -1;
}

static void
reach_mark(ReachKind *kind, const char *name, int len)
{
	int			at = reach_find(kind, name, len);

	if (at >= 0)
		kind->marked[at] = true;
}

static void
reach_mark_all(ReachKind *kind)
{
	memset(kind->marked, true, kind->n);
}

/* The servers of a user: those that begin with "name/", one after the other. */
static void
reach_mark_servers(RoleReach *reach, const char *user, int len)
{
	ReachKind  *servers = &reach->servers;
	char	   *prefix = psprintf("%.*s/", len, user);
	int			low = 0;
	int			high = servers->n;

	while (low < high)
	{
		int			mid = (low + high) / 2;

		if (strcmp(servers->names[mid], prefix) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	for (int i = low; i < servers->n && strncmp(servers->names[i], prefix, len + 1) == 0; i++)
		servers->marked[i] = true;
	pfree(prefix);
}

static int
reach_about(const ScopeMember *scope)
{
	for (int i = 0; i < (int) lengthof(base_abouts); i++)
		if ((int) strlen(base_abouts[i].base) == scope->base_len &&
			memcmp(base_abouts[i].base, scope->base, scope->base_len) == 0)
			return base_abouts[i].about;
	if (scope->base_id < 0)
		return ABOUT_USERS | ABOUT_SERVERS; /* a custom scope: as its filter says */
	return ABOUT_USERS;
}

static void
reach_group_members(RoleReach *reach, const ScopeMember *scope, int about)
{
	for (int i = 0; i < reach->users.n; i++)
	{
		const HubUser *user = reach->user_rows[i];

		for (int j = 0; j < user->ngroups; j++)
			if ((int) strlen(user->groups[j]->name) == scope->value_len &&
				memcmp(user->groups[j]->name, scope->value, scope->value_len) == 0)
			{
				reach->users.marked[i] = true;
				if (about & ABOUT_SERVERS)
					reach_mark_servers(reach, user->name, strlen(user->name));
			}
	}
}

static void
reach_scope(RoleReach *reach, const ScopeMember *scope)
{
	int			about = reach_about(scope);

	switch (scope->kind)
	{
		case SCOPE_OPEN:
			if (scope->base_id < 0)
				break;
			if (about & ABOUT_USERS)
				reach_mark_all(&reach->users);
			if (about & ABOUT_SERVERS)
				reach_mark_all(&reach->servers);
			if (about & ABOUT_GROUPS)
				reach_mark_all(&reach->groups);
			if (about & ABOUT_SERVICES)
				reach_mark_all(&reach->services);
			break;
		case SCOPE_USER:
			if (about & ABOUT_USERS)
				reach_mark(&reach->users, scope->value, scope->value_len);
			if (about & ABOUT_SERVERS)
				reach_mark_servers(reach, scope->value, scope->value_len);
			break;
		case SCOPE_GROUP:
			if (about & ABOUT_GROUPS)
				reach_mark(&reach->groups, scope->value, scope->value_len);
			if (about & ABOUT_USERS)
				reach_group_members(reach, scope, about);
			break;
		case SCOPE_SERVER:
			if (about & ABOUT_SERVERS)
				reach_mark(&reach->servers, scope->value, scope->value_len);
			break;
		case SCOPE_SERVICE:
			if (about & ABOUT_SERVICES)
				reach_mark(&reach->services, scope->value, scope->value_len);
			break;
		default:
			break;
	}
}

static void
reach_set(RoleReach *reach, const Scopeset *scopes)
{
	ScopeIter	iter;
	ScopeMember member;

	scope_iter_init(&iter, scopes);
	while (scope_iter_next(&iter, &member))
		reach_scope(reach, &member);
}

/* ---- rows ---- */

static void
reach_row(RoleReach *reach, const char *relation, const char *kind, int64 number, int64 all,
		  char **names, int nnames)
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

/* What is marked of a kind; the marks are taken off. */
static void
reach_put(RoleReach *reach, const char *relation, ReachKind *kind)
{
	char	   *names[ROLE_REACH_NAMES];
	int			nnames = 0;
	int64		number = 0;

	for (int i = 0; i < kind->n; i++)
	{
		if (!kind->marked[i])
			continue;
		if (nnames < ROLE_REACH_NAMES)
			names[nnames++] = kind->names[i];
		number++;
		kind->marked[i] = false;
	}
	reach_row(reach, relation, kind->word, number, kind->n, names, nnames);
}

/* ---- who has it ---- */

static bool
reach_has_role(const RoleReach *reach, HubRole *const *roles, int nroles)
{
	for (int i = 0; i < nroles; i++)
		if (roles[i] == reach->role)
			return true;
	return false;
}

static bool
reach_has_by_group(const RoleReach *reach, const HubUser *user)
{
	for (int i = 0; i < user->ngroups; i++)
		if (reach_has_role(reach, user->groups[i]->roles, user->groups[i]->nroles))
			return true;
	return false;
}

static bool
reach_user_has(const RoleReach *reach, const HubUser *user)
{
	return reach_has_role(reach, user->roles, user->nroles) || reach_has_by_group(reach, user);
}

static void
reach_holders(RoleReach *reach, HubGroup **groups, HubService **services)
{
	for (int i = 0; i < reach->users.n; i++)
		reach->users.marked[i] = reach_has_role(reach, reach->user_rows[i]->roles, reach->user_rows[i]->nroles);
	reach_put(reach, "has it", &reach->users);
	for (int i = 0; i < reach->users.n; i++)
		reach->users.marked[i] = reach_has_by_group(reach, reach->user_rows[i]);
	reach_put(reach, "has it by a group", &reach->users);
	for (int i = 0; i < reach->groups.n; i++)
		reach->groups.marked[i] = reach_has_role(reach, groups[i]->roles, groups[i]->nroles);
	reach_put(reach, "has it", &reach->groups);
	for (int i = 0; i < reach->services.n; i++)
		reach->services.marked[i] = reach_has_role(reach, services[i]->roles, services[i]->nroles);
	reach_put(reach, "has it", &reach->services);
}

/* ---- tokens that use it ---- */

static void
reach_token(HubToken *token, void *arg)
{
	RoleReach  *reach = arg;
	HubUser    *user = token->user_id != 0 ? hub_user(reach->data, token->user_id) : NULL;
	HubService *service = user == NULL && token->service_id != 0 ? hub_service(reach->data, token->service_id) : NULL;
	MemoryContext caller = MemoryContextSwitchTo(reach->row);

	CHECK_FOR_INTERRUPTS();
	if (user != NULL || service != NULL)
	{
		ExpandTarget target;
		const Scopeset *held = effective_token(reach->way, token, NULL, NULL);
		Scopeset   *given;

		effective_target(&target, user, service, NULL);
		given = catalogue_expand(hub_data_schema(reach->data)->catalogue, reach->role->raw, &target);
		if (scopeset_overlaps_with(held, given, hub_membership(reach->data)))
		{
			if (reach->ntokens < ROLE_REACH_NAMES)
				reach->tokens[reach->ntokens] = token->id;
			reach->ntokens++;
		}
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(reach->row);
}

static void
reach_put_tokens(RoleReach *reach, HubService **services)
{
	const HubSchema *hub = hub_data_schema(reach->data);
	HubTokenWant want = {.live_only = true};
	HubIds		owners = {0};
	HubIds		owner_services = {0};
	char	   *names[ROLE_REACH_NAMES];
	int			nnames;

	for (int i = 0; i < reach->users.n; i++)
		if (reach_user_has(reach, reach->user_rows[i]))
			hub_ids_add(&owners, reach->user_rows[i]->id);
	for (int i = 0; i < reach->services.n; i++)
		if (reach_has_role(reach, services[i]->roles, services[i]->nroles))
			hub_ids_add(&owner_services, services[i]->id);
	want.users = owners.ids;
	want.nusers = owners.n;
	want.services = owner_services.ids;
	want.nservices = owner_services.n;
	hub_each_token(hub, &want, false, reach_token, reach);
	nnames = (int) Min(reach->ntokens, ROLE_REACH_NAMES);
	for (int i = 0; i < nnames; i++)
		names[i] = psprintf("%d", reach->tokens[i]);
	reach_row(reach, "uses it", "token", reach->ntokens,
			  hub_count_live_tokens(hub), names, nnames);
}

/* ---- whom it reaches ---- */

static void
reach_targets(RoleReach *reach, HubService **services)
{
	const Catalogue *catalogue = hub_data_schema(reach->data)->catalogue;
	Scopeset   *general = catalogue_expand(catalogue, reach->role->raw, NULL);

	reach_set(reach, general);
	for (int i = 0; i < reach->users.n; i++)
	{
		HubUser    *user = reach->user_rows[i];
		MemoryContext caller;
		ExpandTarget target;

		if (!reach_user_has(reach, user))
			continue;
		CHECK_FOR_INTERRUPTS();
		caller = MemoryContextSwitchTo(reach->row);
		effective_target(&target, user, NULL, NULL);
		reach_set(reach, scopeset_minus_with(catalogue_expand(catalogue, reach->role->raw, &target), general, NULL));
		MemoryContextSwitchTo(caller);
		MemoryContextReset(reach->row);
	}
	for (int i = 0; i < reach->services.n; i++)
	{
		ExpandTarget target;

		if (!reach_has_role(reach, services[i]->roles, services[i]->nroles))
			continue;
		effective_target(&target, NULL, services[i], NULL);
		reach_set(reach, catalogue_expand(catalogue, reach->role->raw, &target));
	}
	reach_put(reach, "reaches", &reach->users);
	reach_put(reach, "reaches", &reach->servers);
	reach_put(reach, "reaches", &reach->groups);
	reach_put(reach, "reaches", &reach->services);
}

/* ---- the function ---- */

static void
reach_add_server(const char *owner, const char *server, void *arg)
{
	RoleReach  *reach = arg;
	ReachKind  *servers = &reach->servers;

	if (servers->n == reach->size)
	{
		reach->size *= 2;
		servers->names = repalloc_huge(servers->names, sizeof(char *) * reach->size);
	}
	servers->names[servers->n++] = hub_pool_string(&reach->pool, psprintf("%s/%s", owner, server));
}

static int
reach_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

static void
reach_kind(ReachKind *kind, const char *word, HubNamed **rows, int n)
{
	kind->word = word;
	kind->n = n;
	kind->names = palloc(sizeof(char *) * Max(n, 1));
	kind->marked = palloc0(Max(n, 1));
	for (int i = 0; i < n; i++)
		kind->names[i] = rows[i]->name;
}

/*
 * role_reach(role_name) - rows of what the role is to how many; none if there is no
 * such role.
 */
PG_FUNCTION_INFO_V1(jhub_authz_role_reach);
Datum
jhub_authz_role_reach(PG_FUNCTION_ARGS)
{
	RoleReach	reach = {.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo};
	HubGroup  **groups;
	HubService **services;
	int			n;
	int			id;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	id = hub_role_id(hub_schema(false, false), effective_utf8_string(PG_GETARG_TEXT_PP(0)), false);
	if (id == 0)
		return (Datum) 0;
	reach.way = audit_load_everyone();
	reach.data = reach.way->data;
	reach.role = hub_role(reach.data, id);
	if (reach.role == NULL)
		return (Datum) 0;
	reach.row = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz role_reach", ALLOCSET_DEFAULT_SIZES);
	reach.user_rows = hub_users(reach.data, &n);
	reach_kind(&reach.users, "user", (HubNamed **) reach.user_rows, n);
	groups = hub_groups(reach.data, &n);
	reach_kind(&reach.groups, "group", (HubNamed **) groups, n);
	services = hub_services(reach.data, &n);
	reach_kind(&reach.services, "service", (HubNamed **) services, n);
	hub_pool_init(&reach.pool, CurrentMemoryContext);
	reach.servers.word = "server";
	reach.size = 64;
	reach.servers.names = palloc(sizeof(char *) * reach.size);
	hub_each_server(hub_data_schema(reach.data), reach_add_server, &reach);
	qsort(reach.servers.names, reach.servers.n, sizeof(char *), reach_compare);
	reach.servers.marked = palloc0(Max(reach.servers.n, 1));

	reach_holders(&reach, groups, services);
	reach_put_tokens(&reach, services);
	reach_targets(&reach, services);
	hub_free(reach.data);
	return (Datum) 0;
}
