/*-------------------------------------------------------------------------
 *
 * membership.c
 *	  Somebody joined or left a group: whom does that concern?
 *
 * The one who joined, if the group has roles or shares: more is held then.  And
 * of everybody else, and in any case, those tokens in which a filter by the group
 * now meets one by the user's name, or by a server of the user's: the owner holds
 * by the one what the token asks for by the other.  There are two sides of it:
 *
 *	  the owner holds by the group: concerned is what asks by the user's name, or
 *	  comes by another client than the hub's own, which may be the user's server;
 *	  the owner holds by the user's name, as each user does by their own:
 *	  concerned is what asks by the group.
 *
 * What a token asks for is looked up in the token itself (judge.c), not in our
 * records, which are of the time of its issue.  Nothing else can grow by a join:
 * a baseline that filters by the group covers more than before.
 *
 * Somebody who leaves may end a cover, and a rename makes everything by the old
 * name another.  Then every token counts that filters, or was requested to, by
 * the group; after a group's rename everybody who holds something by it, too.  So
 * it is where many join at a time; whose name it is that somebody holds by is not
 * asked then.  A user with a new name leaves each group and joins it (decide.c).
 *
 *-------------------------------------------------------------------------
 */
#include "growth_private.h"

#include "../hub/hub_concern.h"
#include "../issue/issue.h"

/* Joins of so many are looked at one by one. */
#define MEMBERSHIP_FEW		32

void
membership_join(Memberships *m, int user_id, int group_id)
{
	if (m->njoins >= m->size)
	{
		m->size = m->size ? m->size * 2 : 16;
		m->joins = m->joins ? repalloc_huge(m->joins, sizeof(GroupJoin) * m->size) :
			palloc(sizeof(GroupJoin) * m->size);
	}
	m->joins[m->njoins].user_id = user_id;
	m->joins[m->njoins++].group_id = group_id;
}

/* name: of a group that went, else NULL */
void
membership_leave(Memberships *m, int group_id, const char *name)
{
	concern_add(&m->groups, group_id, NULL);
	if (name != NULL)
		concern_add(&m->gone, group_id, name);
}

static void
membership_whole(Memberships *m, int group_id)
{
	concern_add(&m->groups, group_id, NULL);
	concern_add(&m->joined, group_id, NULL);
}

void
membership_renamed(Memberships *m, int group_id)
{
	membership_whole(m, group_id);
	concern_add(&m->renamed, group_id, NULL);
}

/* ---- joins, one by one ---- */

/* Those of the ids that have a name, by it. */
static char **
membership_names(Decision *d, HubTable table, ConcernList *list, int *n)
{
	int			nids;
	int		   *ids = concern_ids(list, &nids);
	char	  **names = palloc(sizeof(char *) * Max(nids, 1));

	*n = 0;
	for (int i = 0; i < nids; i++)
		if ((names[*n] = hub_name_of(d->hub, table, ids[i])) != NULL)
			(*n)++;
	return names;
}

static void
membership_add(ConcernList *list, const int *ids, int n)
{
	for (int i = 0; i < n; i++)
		concern_add(list, ids[i], "membership");
}

/* Who holds something by one of these names, through a role or a share? */
static void
membership_holding(Decision *d, ScopeKind kind, char **names, int n, JoinSide *side)
{
	int		   *roles,
			   *users,
			   *groups,
			   *services;
	int			nroles,
				nusers,
				ngroups,
				nservices;

	hub_share_users_naming(d->hub, kind, names, n, &users, &nusers);
	membership_add(&side->users, users, nusers);
	hub_roles_naming(d->hub, kind, names, n, &roles, &nroles);
	if (nroles == 0)
		return;
	hub_role_holders(d->hub, roles, nroles, &users, &nusers, &groups, &ngroups,
					 &services, &nservices);
	membership_add(&side->users, users, nusers);
	membership_add(&side->services, services, nservices);
	if (ngroups == 0)
		return;
	hub_group_members(d->hub, groups, ngroups, &users, &nusers);
	membership_add(&side->users, users, nusers);
}

/* Those who joined a group that gives something, or one of those with a policy. */
static void
membership_concern_joiners(Decision *d, Memberships *m, ConcernList *groups)
{
	bool		policies = d->settings.nnarrower_of[POLICY_OF_GROUP] > 0;
	ConcernList giving = {0};
	int		   *ids,
			   *found;
	int			n,
				nfound;

	ids = concern_ids(groups, &n);
	hub_giving_groups(d->hub, ids, n, &found, &nfound);
	membership_add(&giving, found, nfound);
	for (int i = 0; i < m->njoins; i++)
		if (policies || concern_is_in(&giving, m->joins[i].group_id))
			concern_add(&d->users, m->joins[i].user_id,
						decision_reason(d, "join", HUB_GROUPS, m->joins[i].group_id));
}

static void
membership_few(Decision *d, Memberships *m)
{
	ConcernList users = {0};
	ConcernList groups = {0};

	for (int i = 0; i < m->njoins; i++)
	{
		concern_add(&users, m->joins[i].user_id, NULL);
		concern_add(&groups, m->joins[i].group_id, NULL);
	}
	membership_concern_joiners(d, m, &groups);
	d->join_users = membership_names(d, HUB_USERS, &users, &d->njoin_users);
	d->join_groups = membership_names(d, HUB_GROUPS, &groups, &d->njoin_groups);
	/* who, or what they joined, is not there any more has left, and that is noted */
	if (d->njoin_users == 0 || d->njoin_groups == 0)
		return;
	membership_holding(d, SCOPE_GROUP, d->join_groups, d->njoin_groups, &d->by_group);
	membership_holding(d, SCOPE_USER, d->join_users, d->njoin_users, &d->by_user);
	for (int i = 0; i < users.n; i++)
	{
		concern_add(&d->by_user.users, users.items[i].id, "membership");
		/* one's tokens ask by one's own name, if only who that is */
		if (concern_is_in(&d->by_group.users, users.items[i].id))
			concern_add(&d->users, users.items[i].id, "membership");
	}
}

/* ---- groups as a whole ---- */

static void
membership_many(Decision *d, Memberships *m)
{
	ConcernList groups = {0};

	for (int i = 0; i < m->njoins; i++)
	{
		concern_add(&d->users, m->joins[i].user_id,
					decision_reason(d, "join", HUB_GROUPS, m->joins[i].group_id));
		concern_add(&groups, m->joins[i].group_id, NULL);
		membership_whole(m, m->joins[i].group_id);
	}
	d->join_groups = membership_names(d, HUB_GROUPS, &groups, &d->njoin_groups);
	membership_holding(d, SCOPE_USER, NULL, 0, &d->by_user);
}

/*
 * A group's new name: what a token asks by it may be held by the name of whoever
 * is in it.  The token itself says what it asks by; what was requested at its issue
 * is renamed along.
 */
static void
membership_new_names(Decision *d, Memberships *m)
{
	int			n;
	char	  **names = membership_names(d, HUB_GROUPS, &m->renamed, &n);
	int		   *ids,
			   *users;
	int			nids,
				nusers;

	if (n == 0)
		return;
	d->join_groups = d->join_groups == NULL ? palloc(sizeof(char *) * n) :
		repalloc(d->join_groups, sizeof(char *) * (d->njoin_groups + n));
	memcpy(d->join_groups + d->njoin_groups, names, sizeof(char *) * n);
	d->njoin_groups += n;
	ids = concern_ids(&m->renamed, &nids);
	hub_group_members(d->hub, ids, nids, &users, &nusers);
	membership_add(&d->by_user.users, users, nusers);
	membership_holding(d, SCOPE_USER, NULL, 0, &d->by_user);
}

/* Everybody who holds something by the group. */
static void
membership_holders(Decision *d, Memberships *m, ConcernList *roles)
{
	int			n;
	char	  **names = membership_names(d, HUB_GROUPS, &m->joined, &n);
	int		   *found;
	int			nfound;

	if (n == 0)
		return;
	hub_roles_naming(d->hub, SCOPE_GROUP, names, n, &found, &nfound);
	membership_add(roles, found, nfound);
	hub_share_users_naming(d->hub, SCOPE_GROUP, names, n, &found, &nfound);
	membership_add(&d->users, found, nfound);
}

/*
 * Tokens that filter by the group.  Its name comes with the note where the group
 * itself went; otherwise it is looked up; a group that is not there any more
 * stands for all of them.
 */
static void
membership_filters(Decision *d, Memberships *m)
{
	int			ngroups;
	int		   *ids = concern_ids(&m->groups, &ngroups);
	List	   *names = NIL;

	for (int i = 0; i < ngroups; i++)
	{
		const char *name = concern_reason(&m->gone, ids[i]);

		if (name == NULL)
			name = hub_name_of(d->hub, HUB_GROUPS, ids[i]);
		if (name == NULL)
		{
			baselines_by_groups(NIL, &d->tokens, "membership");
			return;
		}
		names = lappend(names, unconstify(char *, name));
	}
	if (names != NIL)
		baselines_by_groups(names, &d->tokens, "membership");
}

/* Adds to whom d concerns, and to roles those of which all holders are concerned. */
void
memberships_concern(Decision *d, Memberships *m, ConcernList *roles)
{
	if (m->njoins > MEMBERSHIP_FEW)
		membership_many(d, m);
	else if (m->njoins > 0)
		membership_few(d, m);
	membership_new_names(d, m);
	membership_filters(d, m);
	membership_holders(d, m, roles);
}

/* ---- tokens of those who hold by one of the names ---- */

static bool
membership_asks(const HubToken *token, ScopeKind kind, char **names, int n)
{
	for (int i = 0; i < n; i++)
		if (scopeset_names_filter(token->stored, kind, names[i], strlen(names[i])))
			return true;
	return false;
}

/* Is a token concerned that was found for its owner alone? */
bool
membership_concerns(Decision *d, const HubToken *token)
{
	if (concern_is_in(&d->by_group.tokens, token->id) &&
		((token->client_id != NULL && strcmp(token->client_id, ISSUE_HUB_CLIENT) != 0) ||
		 membership_asks(token, SCOPE_USER, d->join_users, d->njoin_users)))
		return true;
	return concern_is_in(&d->by_user.tokens, token->id) &&
		membership_asks(token, SCOPE_GROUP, d->join_groups, d->njoin_groups);
}
