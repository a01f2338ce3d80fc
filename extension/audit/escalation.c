/*-------------------------------------------------------------------------
 *
 * escalation.c
 *	  What a subject can reach by writing what it may write: a closure.
 *
 * Whose tokens can be made is read in escalation_owners.c; how everybody is passed
 * by, for whom the closure is made, stands in escalation_each.c.
 *
 * What JupyterHub's API lets one write and what that gives (apihandlers/ of 5.5
 * and 6.0):
 *
 * tokens: a token of a user, with whatever that user's tokens may hold.  Who may
 *		do so for all users, or for those of a group, has what each has about
 *		itself for all of them.  A service that asks has its filter compared with
 *		services, not users, where its kind is handed on (see reach_tokens_of).
 * groups: a member of a group.  It gives to whom one acts as the roles and
 *		shares of the group; and what is filtered by the group is filtered no
 *		more, for whoever is wanted is added.  admin:groups can make the group.
 * admin:users: with the flag "admin" set, the flag for anybody, and so the role
 *		admin.  Without the flag it gives nothing that is not held already, but in
 *		releases that have no such check.
 *
 * Not here, for they give the writer nothing: shares (only what is held can be
 * shared), admin:services (a service gets no more than who makes it holds), and
 * roles, which no release lets one write over its API.  Who may enter a server
 * runs code as its owner; that is no scope of the hub and not followed.
 *
 *-------------------------------------------------------------------------
 */
#include "audit_tokens.h"
#include "escalation.h"

#include "../issue/issue.h"

#include "lib/stringinfo.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* enough for anybody; what is beyond is more of the same */
#define REACH_MOST	5000

typedef struct ReachState
{
	ReachHub   *hub;
	EffectiveSubject *subject;
	Reach	   *reach;
	int			size;
	bool		as_user;		/* it asks as a user does, or acts as one by now */
	char	   *joining;		/* whom to put into groups so that it gains; or NULL */
	bool	   *joined;			/* by index of the group */
	bool		all_users;		/* every user's tokens were looked at */
	MemoryContext grants;		/* of a group that is joined */
	bool		changed;
} ReachState;

static bool
reach_is(const ScopeMember *member, const char *base)
{
	return member->base_len == (int) strlen(base) && memcmp(member->base, base, member->base_len) == 0;
}

static bool
reach_names(const ScopeMember *member, const char *name)
{
	return member->value != NULL && member->value_len == (int) strlen(name) &&
		memcmp(member->value, name, member->value_len) == 0;
}

/* Add a permission unless it is covered by what is there. */
static void
reach_add(ReachState *state, const ScopeMember *scope, int from, const char *step)
{
	Reach	   *reach = state->reach;
	Reached    *reached;
	ScopeBuilder *builder;
	const Scopeset *before = reach->all;

	if (reach->n >= REACH_MOST || scopeset_covers_member(reach->all, scope, NULL))
		return;
	if (reach->n == state->size)
	{
		state->size *= 2;
		reach->scopes = repalloc(reach->scopes, sizeof(Reached) * state->size);
	}
	reached = &reach->scopes[reach->n++];
	/* its text may be that of a grant, which does not last */
	reached->scope = *scope;
	reached->scope.base = pnstrdup(scope->base, scope->base_len);
	if (scope->value != NULL)
		reached->scope.value = pnstrdup(scope->value, scope->value_len);
	reached->from = from;
	reached->nsteps = from < 0 ? 0 : reach->scopes[from].nsteps + (step != NULL);
	reached->step = step;
	reached->done = false;
	builder = scope_builder_create();
	scope_builder_add_set(builder, reach->all);
	scope_builder_add(builder, scope);
	reach->all = scope_builder_finish(builder, false);
	/* one for each that is added would be the square; nothing points into it */
	pfree(unconstify(Scopeset *, before));
}

static void
reach_add_set(ReachState *state, const Scopeset *set, int from, const char *step)
{
	ScopeIter	iter;
	ScopeMember member;

	scope_iter_init(&iter, set);
	while (scope_iter_next(&iter, &member))
		reach_add(state, &member, from, step);
}

/* ---- what is read for a closure ---- */

static void
reach_load_groups(ReachHub *hub)
{
	const HubSchema *schema = audit_hub_schema(hub->audit);
	MemoryContext caller;
	HubIds		ids = {0};
	HubWant		want = {0};

	if (hub->groups_way != NULL)
		return;
	caller = MemoryContextSwitchTo(hub->context);
	hub_add_ids_from(schema, HUB_GROUPS, PG_INT32_MIN, PG_INT32_MAX, &ids);
	want.groups = ids.ids;
	want.ngroups = ids.n;
	hub->groups_way = effective_way(hub_load(schema, &want, false), effective_reading_flags());
	audit_owners_clients(hub->groups_way->data);
	hub->groups = hub_groups(hub->groups_way->data, &hub->ngroups);
	hub->owners = reach_owners(schema, hub->groups, hub->ngroups);
	MemoryContextSwitchTo(caller);
}

/* ---- tokens ---- */

/* The user who asks, who acts as itself already. */
static const HubUser *
reach_itself(const ReachState *state)
{
	return state->subject->kind == SUBJECT_USER ? state->subject->user : NULL;
}

/*
 * What a token of that user can hold.  With a filter that means many users, what
 * is about the user itself is had for all of them.
 */
static void
reach_act_as(ReachState *state, const ReachOwner *owner, const ScopeMember *tokens, int from)
{
	const char *step = NULL;

	for (int i = 0; i < owner->n; i++)
	{
		ScopeIter	iter;
		ScopeMember member;

		scope_iter_init(&iter, owner->gives[i]);
		while (scope_iter_next(&iter, &member))
		{
			bool		own = (member.kind == SCOPE_USER && reach_names(&member, owner->name)) ||
				(member.kind == SCOPE_SERVER && member.value != NULL &&
				 scope_server_owner_len(member.value, member.value_len) == (int) strlen(owner->name) &&
				 memcmp(member.value, owner->name, strlen(owner->name)) == 0);

			if (own && (tokens->kind == SCOPE_OPEN || tokens->kind == SCOPE_GROUP))
			{
				member.kind = tokens->kind;
				member.value = tokens->value;
				member.value_len = tokens->value_len;
			}
			if (scopeset_covers_member(state->reach->all, &member, NULL))
				continue;
			if (step == NULL)
				step = psprintf("makes a token of user \"%s\"%s", owner->name,
								tokens->kind == SCOPE_OPEN ? ", as of anybody" :
								tokens->kind == SCOPE_GROUP ? ", as of anybody in the group" : "");
			reach_add(state, &member, from, step);
		}
	}
	state->as_user = true;
	if (state->joining == NULL)
	{
		state->joining = pstrdup(owner->name);
		state->changed = true;
	}
}

/*
 * For a service that asks, the hub compared filters with users' names as if these
 * were services: "tokens!service=USERNAME" counts.  5.5.4 and 6.1 do not, but 5.5.1
 * and 6.0.1 do, and the database does not tell them apart: from 5.5 on, what
 * either lets through counts.
 */
static bool
reach_service_as_user(const CatalogueRelease *release)
{
	const char *name = release->name;

	return name[0] > '5' || (name[0] == '5' && name[1] == '.' && name[2] >= '5');
}

/* Does a filter of this kind mean users, for who asks? */
static bool
reach_means_users(const ReachState *state, ScopeKind kind)
{
	if (kind == SCOPE_OPEN)
		return true;
	if (!state->as_user)
	{
		if (kind == SCOPE_SERVICE)
			return true;
		if (!reach_service_as_user(audit_hub_schema(state->hub->audit)->release))
			return false;
	}
	return kind == SCOPE_GROUP || kind == SCOPE_USER;
}

/* Index of a group, or -1. */
static int
reach_find_group(const ReachHub *hub, const ScopeMember *named)
{
	for (int i = 0; i < hub->ngroups; i++)
		if (reach_names(named, hub->groups[i]->name))
			return i;
	return -1;
}

/* Can nothing be added that is not there, whoever is acted as? */
static bool
reach_has_most(const ReachState *state)
{
	const Reach *reach = state->reach;

	return scopeset_covers_with(reach->all, reach_owners_most(state->hub->owners), NULL) ||
		(reach->n >= REACH_MOST && state->as_user && state->joining != NULL);
}

/* Of those who are told of; true: the one who asks was among them. */
static bool
reach_by_these(ReachState *state, const ScopeMember *tokens, int from)
{
	ReachOwner	owner;
	bool		met = false;

	while (!reach_has_most(state) &&
		   reach_owners_next(state->hub->owners, state->reach->all, reach_itself(state), &met, &owner))
		reach_act_as(state, &owner, tokens, from);
	return met;
}

static void
reach_by_many(ReachState *state, const ScopeMember *tokens, int from)
{
	ReachOwners *owners = state->hub->owners;
	int			group = tokens->kind == SCOPE_GROUP ? reach_find_group(state->hub, tokens) : REACH_ALL_USERS;

	/* most of those who can do this can do everything */
	if ((tokens->kind == SCOPE_GROUP && group < 0) || reach_has_most(state))
		return;
	reach_owners_many(owners, group, false);
	if (!reach_by_these(state, tokens, from))
		return;
	/* who stands for others with the same roles gains by one of these */
	reach_owners_many(owners, group, true);
	(void) reach_by_these(state, tokens, from);
}

/* so many names are looked up together */
#define REACH_NAMES		256

/* Look up those that are to come, too. */
static void
reach_names_ahead(ReachState *state, int from)
{
	Reach	   *reach = state->reach;
	char	  **names = palloc(sizeof(char *) * REACH_NAMES);
	int			n = 0;

	for (int i = from; i < reach->n && n < REACH_NAMES; i++)
	{
		const ScopeMember *scope = &reach->scopes[i].scope;

		if (scope->kind != SCOPE_OPEN && scope->kind != SCOPE_GROUP && scope->value != NULL &&
			reach_is(scope, "tokens") && reach_means_users(state, scope->kind))
			names[n++] = pnstrdup(scope->value, scope->value_len);
	}
	reach_owners_ahead(state->hub->owners, names, n);
	for (int i = 0; i < n; i++)
		pfree(names[i]);
	pfree(names);
}

/* Of one user. */
static void
reach_by_name(ReachState *state, const ScopeMember *tokens, int from)
{
	ReachOwners *owners = state->hub->owners;
	char	   *name = pnstrdup(tokens->value, tokens->value_len);
	const ReachOwner *owner;

	if (!reach_owner_known(owners, name))
		reach_names_ahead(state, from);
	owner = reach_owner_named(owners, name);
	if (owner != NULL && !(reach_itself(state) != NULL && reach_itself(state)->id == owner->id))
		reach_act_as(state, owner, tokens, from);
	pfree(name);
}

/* Once for each: another time would give what is there. */
static void
reach_by_tokens(ReachState *state, int from)
{
	const ScopeMember tokens = state->reach->scopes[from].scope;

	if (state->all_users || state->reach->scopes[from].done || !reach_means_users(state, tokens.kind))
		return;
	state->reach->scopes[from].done = true;
	if (tokens.kind == SCOPE_OPEN || tokens.kind == SCOPE_GROUP)
		reach_by_many(state, &tokens, from);
	else if (tokens.value != NULL)
		reach_by_name(state, &tokens, from);
	state->all_users = tokens.kind == SCOPE_OPEN;
}

/* ---- groups ---- */

/* Bases that are about a group itself: who is in it is no use there. */
static const char *const reach_about_groups[] = {
	"admin:groups", "groups", "list:groups", "read:groups", "read:groups:name", "delete:groups",
	"read:roles:groups", "groups:shares", "read:groups:shares"
};

static bool
reach_is_about_groups(const ScopeMember *member)
{
	for (int i = 0; i < (int) lengthof(reach_about_groups); i++)
		if (reach_is(member, reach_about_groups[i]))
			return true;
	return false;
}

/* Everything that is filtered by this group is filtered no more. */
static void
reach_widen(ReachState *state, const char *group, int from)
{
	Reach	   *reach = state->reach;

	for (int i = 0; i < reach->n; i++)
	{
		ScopeMember open = reach->scopes[i].scope;

		if (open.kind != SCOPE_GROUP || !reach_names(&open, group) || reach_is_about_groups(&open))
			continue;
		open.kind = SCOPE_OPEN;
		open.value = NULL;
		open.value_len = 0;
		if (scopeset_covers_member(reach->all, &open, NULL))
			continue;
		reach_add(state, &open, reach->scopes[i].nsteps > reach->scopes[from].nsteps ? i : from,
				  psprintf("puts whom it wants into group \"%s\"", group));
	}
}

static void
reach_join(ReachState *state, HubGroup *group, int from)
{
	EffectiveGrants *grants;
	const char *step = psprintf("puts user \"%s\" into group \"%s\"", state->joining, group->name);
	/* as if that were the user's only group: its roles and shares */
	HubUser		joined = {.name = state->joining,.ngroups = 1,.groups = &group};
	MemoryContext caller = MemoryContextSwitchTo(state->grants);

	grants = effective_grants(state->hub->groups_way, &joined, NULL, NULL,
							  state->subject->kind == SUBJECT_TOKEN);
	MemoryContextSwitchTo(caller);
	for (int i = 0; i < grants->n; i++)
		if (grants->grants[i].scopes != NULL)
			reach_add_set(state, grants->grants[i].scopes, from, step);
	MemoryContextReset(state->grants);
}

/* A group by a scope that lets one write its members. */
static void
reach_by_group(ReachState *state, int index, int from)
{
	HubGroup   *group = state->hub->groups[index];

	if (state->joining != NULL && !state->joined[index])
	{
		state->joined[index] = true;
		reach_join(state, group, from);
	}
	reach_widen(state, group->name, from);
}

static void
reach_by_groups(ReachState *state, const ScopeMember *groups, int from)
{
	ReachHub   *hub = state->hub;

	if (groups->kind == SCOPE_OPEN)
	{
		for (int i = 0; i < hub->ngroups; i++)
			reach_by_group(state, i, from);
		return;
	}
	if (groups->kind != SCOPE_GROUP)
		return;
	for (int i = 0; i < hub->ngroups; i++)
		if (reach_names(groups, hub->groups[i]->name))
			reach_by_group(state, i, from);
}

/* A group that is not there can be made by who may make groups. */
static void
reach_by_making(ReachState *state, const ScopeMember *making, int from)
{
	Reach	   *reach = state->reach;

	for (int i = 0; i < reach->n; i++)
	{
		const ScopeMember *scope = &reach->scopes[i].scope;
		char	   *name;

		if (scope->kind != SCOPE_GROUP ||
			!(making->kind == SCOPE_OPEN ||
			  (making->kind == SCOPE_GROUP && making->value_len == scope->value_len &&
			   memcmp(making->value, scope->value, scope->value_len) == 0)))
			continue;
		name = pnstrdup(scope->value, scope->value_len);
		reach_widen(state, name, from);
		pfree(name);
	}
}

/* ---- the flag ---- */

/*
 * Before 4.1.6, and in 5.0, the hub let whoever may write a user set the flag
 * (CVE-2024-41942).  The database does not tell patch releases apart: the newest of
 * those that it can be is meant.
 */
static bool
reach_sets_any_flag(const CatalogueRelease *release)
{
	return release->name[0] == '2' || release->name[0] == '3' ||
		strcmp(release->name, "4.0") == 0 || strcmp(release->name, "5.0") == 0;
}

/* The flag is a user's: who is none, and acts as none, gains nothing. */
static void
reach_by_flag(ReachState *state, int from)
{
	EffectiveSubject *subject = state->subject;
	const HubSchema *hub = audit_hub_schema(state->hub->audit);
	const char *json = catalogue_default_role(hub->release, "admin");
	bool		flag = subject->user != NULL ? subject->user->admin :
		subject->service != NULL && subject->service->admin;
	char	   *defect;

	if (state->joining == NULL || json == NULL || !(flag || reach_sets_any_flag(hub->release)))
		return;
	reach_add_set(state, catalogue_expand(hub->catalogue, hub_parse_scopes(json, &defect), NULL), from,
				  "sets the flag admin, and with it the role");
}

/* ---- the closure ---- */

void
reach_begin(ReachHub *hub, FunctionCallInfo fcinfo)
{
	memset(hub, 0, sizeof(*hub));
	hub->audit = audit_hub(fcinfo);
	hub->context = CurrentMemoryContext;
}

void
reach_end(ReachHub *hub)
{
	if (hub->groups_way == NULL)
		return;
	reach_owners_end(hub->owners);
	hub_free(hub->groups_way->data);
}

static bool
reach_is_writing(const EffectiveSubject *subject, const ScopeMember *member)
{
	if (reach_is(member, "tokens"))
		return !(subject->kind == SUBJECT_USER && member->kind == SCOPE_USER && reach_names(member, subject->user->name));
	return reach_is(member, "groups") || reach_is(member, "admin:users");
}

bool
reach_may_write(const EffectiveSubject *subject, const Scopeset *held)
{
	ScopeIter	iter;
	ScopeMember member;
	ScopesetView view;
	uint64		bases;
	static uint64 writing = 0;

	/* seldom, and so seen at once */
	if (writing == 0)
		writing = (UINT64CONST(1) << scope_dictionary_find("tokens", 6)) |
			(UINT64CONST(1) << scope_dictionary_find("groups", 6)) |
			(UINT64CONST(1) << scope_dictionary_find("admin:users", 11));
	scopeset_view(held, &view);
	bases = view.open;
	for (int i = 0; i < view.nfilters; i++)
		bases |= scopeset_mask(&view, i);
	if ((bases & writing) == 0)
		return false;
	scope_iter_init(&iter, held);
	while (scope_iter_next(&iter, &member))
		if (reach_is_writing(subject, &member))
			return true;
	return false;
}

Reach *
reach_of(ReachHub *hub, EffectiveSubject *subject, const Scopeset *held)
{
	ReachState	state = {.hub = hub,.subject = subject};
	Reach	   *reach = palloc0(sizeof(Reach));

	reach_load_groups(hub);
	state.reach = reach;
	state.grants = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz reach grants",
										 ALLOCSET_DEFAULT_SIZES);
	state.size = 64;
	reach->scopes = palloc(sizeof(Reached) * state.size);
	reach->held = held;
	reach->all = scopeset_empty();
	state.joined = palloc0(sizeof(bool) * Max(hub->ngroups, 1));
	state.as_user = subject->user != NULL;

	/* a token that does not inherit gains nothing by what its owner joins */
	if (subject->kind == SUBJECT_USER || (subject->token != NULL && issue_has_inherit(subject->token->stored)))
		state.joining = subject->user != NULL ? subject->user->name : NULL;
	reach_add_set(&state, held, -1, NULL);
	state.changed = true;
	while (state.changed)
	{
		int			before = reach->n;

		state.changed = false;
		for (int i = 0; i < reach->n; i++)
		{
			ScopeMember scope = reach->scopes[i].scope;

			CHECK_FOR_INTERRUPTS();
			if (reach_is(&scope, "tokens"))
				reach_by_tokens(&state, i);
			else if (reach_is(&scope, "groups"))
				reach_by_groups(&state, &scope, i);
			else if (reach_is(&scope, "admin:groups"))
				reach_by_making(&state, &scope, i);
			else if (reach_is(&scope, "admin:users"))
				reach_by_flag(&state, i);
		}
		state.changed |= reach->n != before;
	}
	return reach;
}

char *
reach_steps(const Reach *reach, int index)
{
	int			n = reach->scopes[index].nsteps;
	const char **steps;
	StringInfoData text;

	if (n == 0)
		return NULL;
	steps = palloc(sizeof(char *) * n);
	for (int i = n; i > 0; index = reach->scopes[index].from)
		if (reach->scopes[index].step != NULL)
			steps[--i] = reach->scopes[index].step;
	initStringInfo(&text);
	for (int i = 0; i < n; i++)
		appendStringInfo(&text, "%s%s", i > 0 ? "; " : "", steps[i]);
	pfree(steps);
	return text.data;
}

const ScopeMember *
reach_begins(const Reach *reach, int index)
{
	while (reach->scopes[index].from >= 0)
		index = reach->scopes[index].from;
	return &reach->scopes[index].scope;
}
