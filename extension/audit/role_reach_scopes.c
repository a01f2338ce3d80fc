/*-------------------------------------------------------------------------
 *
 * role_reach_scopes.c
 *	  Whom the scopes of a role are about.
 *
 * It follows from the base and the filter of each; no group, service or user is
 * asked for more than being there.
 *
 * What a user who has the role holds by it, and others who have it do not, is about
 * that user: the scope self, and what is filtered by "!user".  So it is worked out
 * once for all of them.
 *
 *-------------------------------------------------------------------------
 */
#include "role_reach.h"

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
reach_whom_add(ReachWhom *whom, const ScopeMember *scope, int about)
{
	ReachName  *name;

	if (about == 0)
		return;
	if (whom->n == whom->size)
	{
		whom->size = Max(2 * whom->size, 16);
		whom->names = whom->names == NULL ? palloc(sizeof(ReachName) * whom->size) :
			repalloc_huge(whom->names, sizeof(ReachName) * (Size) whom->size);
	}
	name = &whom->names[whom->n++];
	name->kind = scope->kind;
	name->value = scope->value;
	name->len = scope->value_len;
	name->about = about;
	whom->sorted = false;
}

static void
reach_whom_scope(ReachWhom *whom, const ScopeMember *scope)
{
	int			about = reach_about(scope);

	switch (scope->kind)
	{
		case SCOPE_OPEN:
			/* who holds a custom scope may do what some service makes of it */
			if (scope->base_id >= 0)
				whom->open |= about;
			break;
		case SCOPE_USER:
			reach_whom_add(whom, scope, about & (ABOUT_USERS | ABOUT_SERVERS));
			break;
		case SCOPE_GROUP:
			reach_whom_add(whom, scope, about & (ABOUT_USERS | ABOUT_SERVERS | ABOUT_GROUPS));
			break;
		case SCOPE_SERVER:
			reach_whom_add(whom, scope, about & ABOUT_SERVERS);
			break;
		case SCOPE_SERVICE:
			reach_whom_add(whom, scope, about & ABOUT_SERVICES);
			break;
		default:
			break;
	}
}

void
reach_whom_set(ReachWhom *whom, const Scopeset *scopes)
{
	ScopeIter	iter;
	ScopeMember member;

	scope_iter_init(&iter, scopes);
	while (scope_iter_next(&iter, &member))
		reach_whom_scope(whom, &member);
}

/* Of a role's scopes, those that mean whoever holds them. */
static Scopeset *
reach_self_scopes(const Scopeset *raw)
{
	static const char self[] = "self";
	ScopeBuilder *builder = scope_builder_create();
	ScopeIter	iter;
	ScopeMember member;

	scope_iter_init(&iter, raw);
	while (scope_iter_next(&iter, &member))
		if (member.kind == SCOPE_USER_SELF ||
			(member.kind == SCOPE_OPEN && member.base_len == (int) strlen(self) &&
			 memcmp(member.base, self, member.base_len) == 0))
			scope_builder_add(builder, &member);
	return scope_builder_finish(builder, false);
}

void
reach_whom_role(ReachWhom *whom, const Catalogue *catalogue, const Scopeset *raw)
{
	ExpandTarget anybody = {.user = "anybody"};
	Scopeset   *general = catalogue_expand(catalogue, raw, NULL);
	ScopeIter	iter;
	ScopeMember member;

	reach_whom_set(whom, general);
	scope_iter_init(&iter, catalogue_expand(catalogue, reach_self_scopes(raw), &anybody));
	while (scope_iter_next(&iter, &member))
	{
		ScopeMember open = member;

		open.kind = SCOPE_OPEN;
		open.value = NULL;
		open.value_len = 0;
		/* one that is there without a filter, too, gives nothing more */
		if (member.kind == SCOPE_USER && !scopeset_covers_member(general, &open, NULL))
			whom->own |= reach_about(&member) & (ABOUT_USERS | ABOUT_SERVERS);
	}
}

static int
reach_compare_names(const void *a, const void *b)
{
	const ReachName *x = a;
	const ReachName *y = b;
	int			order;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	order = memcmp(x->value, y->value, Min(x->len, y->len));
	return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

/* In order, each once. */
static void
reach_whom_sort(ReachWhom *whom)
{
	int			n = 0;

	whom->sorted = true;
	if (whom->n == 0)
		return;
	qsort(whom->names, whom->n, sizeof(ReachName), reach_compare_names);
	for (int i = 1; i < whom->n; i++)
	{
		if (reach_compare_names(&whom->names[n], &whom->names[i]) == 0)
			whom->names[n].about |= whom->names[i].about;
		else
			whom->names[++n] = whom->names[i];
	}
	whom->n = n + 1;
}

int
reach_whom_named(ReachWhom *whom, ScopeKind kind, const char *name)
{
	ReachName	wanted = {.kind = kind,.value = name,.len = strlen(name)};
	ReachName  *found;

	if (!whom->sorted)
		reach_whom_sort(whom);
	if (whom->n == 0)
		return 0;
	found = bsearch(&wanted, whom->names, whom->n, sizeof(ReachName), reach_compare_names);
	return found != NULL ? found->about : 0;
}
