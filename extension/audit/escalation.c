/*-------------------------------------------------------------------------
 *
 * escalation.c
 *	  What a subject can reach by writing what it may write: a closure.
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

#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
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
	HubUser    *joining;		/* whom to put into groups so that it gains; or NULL */
	bool	   *joined;			/* by index of the group */
	bool		all_users;		/* every user's tokens were looked at */
	MemoryContext grants;		/* of one that is acted as, or joined */
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

/* There are as many as users: they last until the memory is reset. */
static EffectiveGrants *
reach_grants(ReachState *state, EffectiveWay *way, HubUser *user, bool for_token)
{
	MemoryContext caller = MemoryContextSwitchTo(state->grants);
	EffectiveGrants *grants = effective_grants(way, user, NULL, NULL, for_token);

	MemoryContextSwitchTo(caller);
	return grants;
}

/* ---- what is read for a closure ---- */

/* so many users are looked up one by one */
#define REACH_SINGLES	16

/* Who may act as many can be led from anybody to anybody: all have to be there. */
static void
reach_load_everyone(ReachHub *hub)
{
	MemoryContext caller;

	if (hub->way != NULL)
		return;
	caller = MemoryContextSwitchTo(hub->context);
	hub->way = audit_load_everyone();
	hub->users = hub_users(hub->way->data, &hub->nusers);
	MemoryContextSwitchTo(caller);
}

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
	MemoryContextSwitchTo(caller);
}

/* ---- tokens ---- */

/*
 * What a token of that user can hold.  With a filter that means many users, what
 * is about the user itself is had for all of them.
 */
static void
reach_act_as(ReachState *state, EffectiveWay *way, HubUser *user, const ScopeMember *tokens, int from)
{
	EffectiveGrants *grants;
	const char *step = NULL;

	if (state->subject->kind == SUBJECT_USER && state->subject->user->id == user->id)
		return;
	grants = reach_grants(state, way, user, true);
	for (int i = 0; i < grants->n; i++)
	{
		ScopeIter	iter;
		ScopeMember member;

		if (grants->grants[i].scopes == NULL)
			continue;
		scope_iter_init(&iter, grants->grants[i].scopes);
		while (scope_iter_next(&iter, &member))
		{
			bool		own = (member.kind == SCOPE_USER && reach_names(&member, user->name)) ||
				(member.kind == SCOPE_SERVER && member.value != NULL &&
				 scope_server_owner_len(member.value, member.value_len) == (int) strlen(user->name) &&
				 memcmp(member.value, user->name, strlen(user->name)) == 0);

			if (own && (tokens->kind == SCOPE_OPEN || tokens->kind == SCOPE_GROUP))
			{
				member.kind = tokens->kind;
				member.value = tokens->value;
				member.value_len = tokens->value_len;
			}
			if (scopeset_covers_member(state->reach->all, &member, NULL))
				continue;
			if (step == NULL)
				step = psprintf("makes a token of user \"%s\"%s", user->name,
								tokens->kind == SCOPE_OPEN ? ", as of anybody" :
								tokens->kind == SCOPE_GROUP ? ", as of anybody in the group" : "");
			reach_add(state, &member, from, step);
		}
	}
	MemoryContextReset(state->grants);
	state->as_user = true;
	if (state->joining == NULL)
	{
		state->joining = user;
		state->changed = true;
	}
}

static bool
reach_is_in(const HubUser *user, const ScopeMember *group)
{
	for (int i = 0; i < user->ngroups; i++)
		if (reach_names(group, user->groups[i]->name))
			return true;
	return false;
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

static bool
reach_tokens_of(const ReachState *state, const ScopeMember *tokens, const HubUser *user)
{
	if (tokens->kind == SCOPE_OPEN)
		return true;
	if (!state->as_user)
	{
		if (tokens->kind == SCOPE_SERVICE)
			return reach_names(tokens, user->name);
		if (!reach_service_as_user(audit_hub_schema(state->hub->audit)->release))
			return false;
	}
	if (tokens->kind == SCOPE_GROUP)
		return reach_is_in(user, tokens);
	return tokens->kind == SCOPE_USER && reach_names(tokens, user->name);
}

/* Index of a user by name, or -1; they are in order of name. */
static int
reach_find_user(const ReachHub *hub, const ScopeMember *named)
{
	char	   *name = pnstrdup(named->value, named->value_len);
	int			low = 0;
	int			high = hub->nusers;

	while (low < high)
	{
		int			mid = (low + high) / 2;
		int			order = strcmp(hub->users[mid]->name, name);

		if (order == 0)
			return mid;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return -1;
}

/* Users with the same roles. */
typedef struct ReachRoles
{
	const Scopeset *roles;		/* hash key, must be first: one for each set of roles */
	bool		taken;			/* somebody was acted as, or need not be */
	bool		looked;
	bool		open;			/* then: is anything of what they hold not filtered? */
} ReachRoles;

/* Is anything of it not filtered, as it is written? */
static bool
reach_shares_open(HubShare **shares, int nshares)
{
	ScopesetView view;

	for (int i = 0; i < nshares; i++)
	{
		scopeset_view(shares[i]->scopes, &view);
		if (view.open != 0)
			return true;
	}
	return false;
}

/*
 * Does a user hold anything that is not filtered?  What filters by the user is
 * computed for one of those with the same roles, and not kept for each.
 */
static bool
reach_holds_open(ReachHub *hub, HubUser *user, ReachRoles *same)
{
	bool		open = reach_shares_open(user->shares, user->nshares);
	ScopesetView view;

	for (int i = 0; i < user->ngroups && !open; i++)
		open = reach_shares_open(user->groups[i]->shares, user->groups[i]->nshares);
	if (!open && same->looked)
		return same->open;
	scopeset_view(effective_user(hub->way, user, NULL), &view);
	if (open)
		return view.open != 0;
	same->looked = true;
	same->open = view.open != 0;
	return same->open;
}

/*
 * Of many users with the same roles one is enough: what differs is what is about
 * themselves, which is had for all of them.  Shares differ.
 */
static void
reach_by_many(ReachState *state, const ScopeMember *tokens, int from)
{
	ReachHub   *hub = state->hub;
	HASHCTL		ctl = {.keysize = sizeof(Scopeset *),.entrysize = sizeof(ReachRoles),.hcxt = CurrentMemoryContext};
	HTAB	   *seen = hash_create("jhub_authz roles seen", 64, &ctl, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

	/* those who can do the most first: what they have covers the others' */
	for (int pass = 0; pass < 2; pass++)
		for (int i = 0; i < hub->nusers; i++)
		{
			HubUser    *user = hub->users[i];
			const Scopeset *roles = effective_raw_user(hub->way, user);
			ReachRoles *same;
			bool		found;

			if (!reach_tokens_of(state, tokens, user))
				continue;
			same = hash_search(seen, &roles, HASH_ENTER, &found);
			if (!found)
				same->taken = same->looked = false;
			if ((same->taken && user->nshares == 0) ||
				reach_holds_open(hub, user, same) != (pass == 0))
				continue;
			same->taken = true;
			if (!scopeset_covers_with(state->reach->all, effective_user(hub->way, user, NULL), NULL))
				reach_act_as(state, hub->way, user, tokens, from);
		}
	hash_destroy(seen);
}

/* Of one user, who is looked up by itself as long as there are few of them. */
static void
reach_by_name(ReachState *state, const ScopeMember *tokens, int from)
{
	ReachHub   *hub = state->hub;
	const HubSchema *schema = audit_hub_schema(hub->audit);
	EffectiveWay *way = hub->way;
	HubUser    *user;
	int			at;

	if (way == NULL && hub->singles < REACH_SINGLES)
	{
		char	   *name = pnstrdup(tokens->value, tokens->value_len);
		int			id;
		HubWant		want = {.users = &id,.nusers = 1};

		/* what the server's encoding cannot hold is nobody's name here */
		if (module_text_if_representable(name) == NULL)
			return;
		hub->singles++;
		id = hub_user_id(schema, name, false);
		if (id == 0)
			return;
		way = effective_way(hub_load(schema, &want, false), effective_reading_flags());
		user = hub_user(way->data, id);
	}
	else
	{
		reach_load_everyone(hub);
		way = hub->way;
		at = reach_find_user(hub, tokens);
		user = at >= 0 ? hub->users[at] : NULL;
	}
	if (user != NULL && reach_tokens_of(state, tokens, user))
		reach_act_as(state, way, user, tokens, from);
}

static void
reach_by_tokens(ReachState *state, const ScopeMember *tokens, int from)
{
	if (state->all_users)
		return;
	if (tokens->kind == SCOPE_OPEN || tokens->kind == SCOPE_GROUP)
	{
		reach_load_everyone(state->hub);
		reach_by_many(state, tokens, from);
	}
	else if (tokens->value != NULL)
		reach_by_name(state, tokens, from);
	state->all_users = tokens->kind == SCOPE_OPEN;
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
		reach_add(state, &open, reach->scopes[i].nsteps > reach->scopes[from].nsteps ? i : from,
				  psprintf("puts whom it wants into group \"%s\"", group));
	}
}

static void
reach_join(ReachState *state, HubGroup *group, int from)
{
	EffectiveGrants *grants;
	const char *step = psprintf("puts user \"%s\" into group \"%s\"", state->joining->name, group->name);
	HubUser		joined = *state->joining;

	/* as if that were the user's only group: its roles and shares */
	joined.nroles = 0;
	joined.nshares = 0;
	joined.ngroups = 1;
	joined.groups = &group;
	grants = reach_grants(state, state->hub->groups_way, &joined, state->subject->kind == SUBJECT_TOKEN);
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

		if (scope->kind != SCOPE_GROUP || (making->kind == SCOPE_GROUP && !reach_names(making, pnstrdup(scope->value, scope->value_len))))
			continue;
		name = pnstrdup(scope->value, scope->value_len);
		if (making->kind == SCOPE_OPEN || making->kind == SCOPE_GROUP)
			reach_widen(state, name, from);
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
	hub->batch = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz reach", ALLOCSET_DEFAULT_SIZES);
}

void
reach_end(ReachHub *hub)
{
	MemoryContextDelete(hub->batch);
	if (hub->way != NULL)
		hub_free(hub->way->data);
	if (hub->groups_way != NULL)
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
		state.joining = subject->user;
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
				reach_by_tokens(&state, &scope, i);
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

/* ---- everybody ---- */

/* so many subjects' ids are read at a time, and tokens */
#define REACH_BATCH	1000

typedef struct ReachEach
{
	ReachHub   *hub;
	reach_subject_fn each;
	void	   *arg;

	/* of those whose tokens are looked at */
	EffectiveWay *way;
	MemoryContext tokens_context;
	HubToken   *tokens[REACH_BATCH];
	int			ntokens;
} ReachEach;

static bool
reach_one(ReachEach *loop, EffectiveSubject *subject)
{
	MemoryContext caller = MemoryContextSwitchTo(loop->hub->batch);
	bool		result;

	CHECK_FOR_INTERRUPTS();
	result = loop->each(loop->hub, subject, effective_subject_scopes(subject, NULL), loop->arg);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(loop->hub->batch);
	return result;
}

/* All of a kind, in order of id, in which they are read in parts. */
static void
reach_each_of(ReachEach *loop, SubjectKind kind, HubTable table, HubIds *found)
{
	const HubSchema *hub = audit_hub_schema(loop->hub->audit);
	HubIds		ids = {0};
	int			from = PG_INT32_MIN;

	do
	{
		ids.n = 0;
		hub_add_ids_from(hub, table, from, REACH_BATCH, &ids);
		for (int i = 0; i < ids.n; i++)
		{
			EffectiveSubject subject;

			if (audit_subject(loop->hub->audit, kind, ids.ids[i], &subject) &&
				reach_one(loop, &subject))
				hub_ids_add(found, ids.ids[i]);
		}
		from = ids.n > 0 ? ids.ids[ids.n - 1] : PG_INT32_MAX;
	} while (ids.n == REACH_BATCH && from++ < PG_INT32_MAX);
}

/* The tokens that wait, after their clients were read in one go. */
static void
reach_tokens(ReachEach *loop)
{
	HubData    *data = loop->way->data;
	char	   *clients[REACH_BATCH];
	int			n = 0;

	for (int i = 0; i < loop->ntokens; i++)
		if (loop->tokens[i]->client_id != NULL && strcmp(loop->tokens[i]->client_id, "jupyterhub") != 0)
			clients[n++] = loop->tokens[i]->client_id;
	if (n > 0)
		hub_clients_ahead(data, clients, n);
	for (int i = 0; i < loop->ntokens; i++)
	{
		HubToken   *token = loop->tokens[i];
		EffectiveSubject subject = {.kind = SUBJECT_TOKEN,.token = token,.data = data,.way = loop->way};

		if (token->user_id != 0)
			subject.user = hub_user(data, token->user_id);
		else if (token->service_id != 0)
			subject.service = hub_service(data, token->service_id);
		(void) reach_one(loop, &subject);
	}
	loop->ntokens = 0;
	MemoryContextReset(loop->tokens_context);
}

static void
reach_token(HubToken *token, void *arg)
{
	ReachEach  *loop = arg;
	MemoryContext caller = MemoryContextSwitchTo(loop->tokens_context);

	loop->tokens[loop->ntokens++] = effective_copy_token(token);
	MemoryContextSwitchTo(caller);
	if (loop->ntokens == REACH_BATCH)
		reach_tokens(loop);
}

/* Tokens come in any order of their owners, so all of these are there, and nobody else. */
static void
reach_each_token(ReachEach *loop, const HubIds *users, const HubIds *services)
{
	const HubSchema *hub = audit_hub_schema(loop->hub->audit);
	HubWant		owners = {.users = users->ids,.nusers = users->n,.services = services->ids,.nservices = services->n};
	HubTokenWant want = {.live_only = true,.users = users->ids,.nusers = users->n,.services = services->ids,.nservices = services->n};

	if (users->n + services->n == 0)
		return;
	loop->way = effective_way(hub_load(hub, &owners, false), effective_reading_flags());
	loop->tokens_context = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz reach tokens",
												 ALLOCSET_DEFAULT_SIZES);
	hub_each_token(hub, &want, false, reach_token, loop);
	reach_tokens(loop);
	MemoryContextDelete(loop->tokens_context);
	hub_free(loop->way->data);
}

/* One of them; and of a token's owner it is seen first whether the token counts. */
static void
reach_each_one(ReachEach *loop, SubjectKind kind, int id)
{
	EffectiveSubject subject;

	if (!audit_subject(loop->hub->audit, kind, id, &subject))
		return;
	if (kind == SUBJECT_TOKEN)
	{
		EffectiveSubject owner = subject;

		owner.kind = subject.user != NULL ? SUBJECT_USER : SUBJECT_SERVICE;
		owner.token = NULL;
		if ((subject.user == NULL && subject.service == NULL) ||
			effective_token_expired(subject.token) || !reach_one(loop, &owner))
			return;
	}
	(void) reach_one(loop, &subject);
}

/*
 * Is the query about one subject?  A name that may be shown in another way than the
 * database has it is looked for among all.
 */
static bool
reach_asked(ReachEach *loop, FunctionCallInfo fcinfo)
{
	const HubSchema *hub = audit_hub_schema(loop->hub->audit);
	Datum		kind;
	Datum		name;
	const char *word;
	char	   *str;
	char	   *end;
	long		id;

	if (GetDatabaseEncoding() != PG_UTF8 || !module_asked(fcinfo, 1, TEXTOID, &kind) ||
		!module_asked(fcinfo, 2, TEXTOID, &name) || VARSIZE_ANY_EXHDR(DatumGetTextPP(name)) == 0)
		return false;
	word = TextDatumGetCString(kind);
	str = TextDatumGetCString(name);
	if (strcmp(word, effective_kind_names[SUBJECT_USER]) == 0)
		reach_each_one(loop, SUBJECT_USER, hub_user_id(hub, str, false));
	else if (strcmp(word, effective_kind_names[SUBJECT_SERVICE]) == 0)
		reach_each_one(loop, SUBJECT_SERVICE, hub_service_id(hub, str, false));
	else if (strcmp(word, effective_kind_names[SUBJECT_TOKEN]) == 0)
	{
		errno = 0;
		id = strtol(str, &end, 10);
		if (*end == '\0' && errno == 0 && id >= PG_INT32_MIN && id <= PG_INT32_MAX)
			reach_each_one(loop, SUBJECT_TOKEN, (int) id);
	}
	return true;
}

void
reach_each(ReachHub *hub, FunctionCallInfo fcinfo, reach_subject_fn each, void *arg)
{
	ReachEach	loop = {.hub = hub,.each = each,.arg = arg};
	HubIds		users = {0};
	HubIds		services = {0};

	if (reach_asked(&loop, fcinfo))
		return;
	reach_each_of(&loop, SUBJECT_USER, HUB_USERS, &users);
	reach_each_of(&loop, SUBJECT_SERVICE, HUB_SERVICES, &services);
	reach_each_token(&loop, &users, &services);
}
