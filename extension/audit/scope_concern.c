/*-------------------------------------------------------------------------
 *
 * scope_concern.c
 *	  Whom do the rows that changed at a moment concern, and what is to be said
 *	  of it?
 *
 * A row concerns those whose scopes rest on it, before the moment or at it: a role
 * its holders, a group's role the members too, another release everybody.  What a
 * row concerns must not be too little: pgtap/past_random.sql adds up the changes of
 * random histories.  Too much costs only time.
 *
 *-------------------------------------------------------------------------
 */
#include "scope_changes.h"

#include "utils/memutils.h"

#include "../hub/hub_concern.h"

/* so many causes are named of one subject */
#define CHANGES_CAUSES		3

/* ---- whom it concerns ---- */

void
changes_concern(Changes *c, SubjectKind kind, int id, const HubPastRow *row, int net)
{
	Concerned  *concerned;

	if (id == 0)
		return;
	if (c->nconcerned == c->concerned_size)
	{
		c->concerned_size = Max(64, 2 * c->concerned_size);
		c->concerned = c->concerned ?
			repalloc_huge(c->concerned, sizeof(Concerned) * c->concerned_size) :
			MemoryContextAllocHuge(c->moment, sizeof(Concerned) * c->concerned_size);
	}
	concerned = &c->concerned[c->nconcerned++];
	concerned->kind = kind;
	concerned->id = id;
	concerned->row = row;
	concerned->net = net;
}

static void
changes_concern_all(Changes *c, SubjectKind kind, const int *ids, int n,
					const HubPastRow *row, int net)
{
	for (int i = 0; i < n; i++)
		changes_concern(c, kind, ids[i], row, net);
}

/* Groups and who was in one of them before or is in one after. */
static void
changes_groups(Changes *c, const int *groups, int ngroups, const HubPastRow *row, int net)
{
	const HubSchema *sides[2] = {c->before, c->after};

	if (ngroups == 0)
		return;
	changes_concern_all(c, SUBJECT_GROUP, groups, ngroups, row, net);
	for (int s = 0; s < 2; s++)
	{
		int		   *users;
		int			n;

		hub_group_members(sides[s], groups, ngroups, &users, &n);
		changes_concern_all(c, SUBJECT_USER, users, n, row, net);
	}
}

static void
changes_role(Changes *c, int role, const HubPastRow *row, int net)
{
	const HubSchema *sides[2] = {c->before, c->after};

	for (int s = 0; s < 2; s++)
	{
		int		   *users,
				   *groups,
				   *services;
		int			nusers,
					ngroups,
					nservices;

		hub_role_holders(sides[s], &role, 1, &users, &nusers, &groups, &ngroups,
						 &services, &nservices);
		changes_concern_all(c, SUBJECT_USER, users, nusers, row, net);
		changes_concern_all(c, SUBJECT_SERVICE, services, nservices, row, net);
		changes_groups(c, groups, ngroups, row, net);
	}
}

/* Those with whom a server (0: any) is shared. */
static void
changes_shared(Changes *c, int spawner, const HubPastRow *row, int net)
{
	const HubSchema *sides[2] = {c->before, c->after};

	for (int s = 0; s < 2; s++)
	{
		int		   *users,
				   *groups;
		int			nusers,
					ngroups;

		hub_share_holders(sides[s], spawner, &users, &nusers, &groups, &ngroups);
		changes_concern_all(c, SUBJECT_USER, users, nusers, row, net);
		changes_groups(c, groups, ngroups, row, net);
	}
}

/* What concerns everyone: another release, or what a custom scope implies. */
static void
changes_everyone(Changes *c, const HubPastRow *row)
{
	const char *cause;

	if (c->before->release != c->after->release)
		cause = psprintf("release %s to %s", c->before->release->name, c->after->release->name);
	else if (row->table == HUB_NTABLES && row->name != NULL && strncmp(row->name, "custom:", 7) == 0)
		cause = psprintf("custom scope \"%s\"", row->name);
	else
		return;					/* of an attachment, another mode */
	if (c->everyone == NULL)
		c->everyone = cause;
	else if (strcmp(c->everyone, cause) != 0)
		c->everyone = "custom scopes";
	c->everyone_change = Max(c->everyone_change, row->change);
}

/* net: did the row come, go, or is it another than it was? */
static void
changes_concern_row(Changes *c, const HubPastRow *row, int net)
{
	switch (row->table)
	{
		case HUB_USERS:
			changes_concern(c, SUBJECT_USER, row->ids[0], row, net);
			if (c->by_self)
				changes_shared(c, 0, row, net);
			break;
		case HUB_GROUPS:
			changes_concern(c, SUBJECT_GROUP, row->ids[0], row, net);
			break;
		case HUB_SERVICES:
			changes_concern(c, SUBJECT_SERVICE, row->ids[0], row, net);
			if (c->by_self)
				changes_shared(c, 0, row, net);
			break;
		case HUB_ROLES:
			changes_role(c, row->ids[0], row, net);
			break;
		case HUB_USER_ROLE_MAP:
			changes_concern(c, SUBJECT_USER, row->ids[0], row, net);
			break;
		case HUB_GROUP_ROLE_MAP:
			changes_groups(c, &row->ids[0], 1, row, net);
			break;
		case HUB_SERVICE_ROLE_MAP:
			changes_concern(c, SUBJECT_SERVICE, row->ids[0], row, net);
			break;
		case HUB_USER_GROUP_MAP:
			changes_concern(c, SUBJECT_USER, row->ids[0], row, net);
			break;
		case HUB_SHARES:
			changes_concern(c, SUBJECT_USER, row->ids[3], row, net);
			changes_groups(c, &row->ids[4], row->ids[4] != 0, row, net);
			break;
		case HUB_SPAWNERS:
		case HUB_OAUTH_CLIENTS:
			if (c->by_self)
				changes_shared(c, 0, row, net);
			break;
		case HUB_ALEMBIC_VERSION:
		case HUB_NTABLES:
			changes_everyone(c, row);
			break;
		default:
			break;
	}
}

/* Versions of one row: of the same table, with the same key. */
static bool
changes_same_row(const HubPastRow *a, const HubPastRow *b)
{
	bool		map = a->table == HUB_USER_ROLE_MAP || a->table == HUB_GROUP_ROLE_MAP ||
		a->table == HUB_SERVICE_ROLE_MAP || a->table == HUB_USER_GROUP_MAP;

	return a->table == b->table && a->table != HUB_NTABLES && a->ids[0] == b->ids[0] &&
		(!map || a->ids[1] == b->ids[1]);
}

/*
 * The rows of one moment.  What ended as often as it began came to nothing, or is
 * another version of the row.  Versions that concern the same are taken once, with
 * the last change; a share that went from one to another concerns both.
 */
void
changes_concern_moment(Changes *c, const HubPastRow *rows, int n)
{
	for (int i = 0; i < n;)
	{
		int			net = 0;
		int			end = i;

		for (; end < n && (end == i || changes_same_row(&rows[i], &rows[end])); end++)
			net += rows[end].began ? 1 : -1;
		for (int r = i; r < end; r++)
			if (r + 1 == end || memcmp(rows[r].ids, rows[r + 1].ids, sizeof(rows[r].ids)) != 0 ||
				rows[r].table == HUB_NTABLES)
				changes_concern_row(c, &rows[r], net);
		i = end;
	}
}

static int
changes_concerned_cmp(const void *a, const void *b)
{
	const Concerned *x = a;
	const Concerned *y = b;

	if (x->kind != y->kind)
		return x->kind < y->kind ? -1 : 1;
	if (x->id != y->id)
		return x->id < y->id ? -1 : 1;
	return x->row < y->row ? -1 : x->row > y->row;
}

void
changes_sort_concerned(Changes *c)
{
	if (c->nconcerned > 1)
		qsort(c->concerned, c->nconcerned, sizeof(Concerned), changes_concerned_cmp);
}

/* ---- causes, as they are read ---- */

static const char *
changes_role_name(const Changes *c, int id)
{
	HubRole    *role = hub_role(c->data_after, id);

	if (role == NULL)
		role = hub_role(c->data_before, id);
	return role ? role->name : psprintf("%d", id);
}

static const char *
changes_group_name(const Changes *c, int id)
{
	HubGroup   *group = hub_group(c->data_after, id);

	if (group == NULL)
		group = hub_group(c->data_before, id);
	return group ? group->name : psprintf("%d", id);
}

const char *
changes_subject_name(HubData *data, SubjectKind kind, int id)
{
	HubUser    *user;
	HubService *service;
	HubGroup   *group;

	switch (kind)
	{
		case SUBJECT_USER:
			return (user = hub_user(data, id)) != NULL ? user->name : NULL;
		case SUBJECT_SERVICE:
			return (service = hub_service(data, id)) != NULL ? service->name : NULL;
		default:
			return (group = hub_group(data, id)) != NULL ? group->name : NULL;
	}
}

static const char *
changes_net(int net, const char *began, const char *ended, const char *changed)
{
	return net > 0 ? began : net < 0 ? ended : changed;
}

/* The subject's own row. */
static char *
changes_own_cause(const Changes *c, const Concerned *what)
{
	const char *before = changes_subject_name(c->data_before, what->kind, what->id);
	const char *after = changes_subject_name(c->data_after, what->kind, what->id);

	if (before == NULL || after == NULL)
		return pstrdup(after ? "created" : "deleted");
	if (strcmp(before, after) != 0)
		return psprintf("renamed from \"%s\"", before);
	return pstrdup("changed");
}

static char *
changes_cause(const Changes *c, const Concerned *what)
{
	const HubPastRow *row = what->row;
	int			net = what->net;

	switch (row->table)
	{
		case HUB_USERS:
			if (what->kind == SUBJECT_USER && what->id == row->ids[0])
				return changes_own_cause(c, what);
			break;
		case HUB_GROUPS:
			return changes_own_cause(c, what);
		case HUB_SERVICES:
			if (what->kind == SUBJECT_SERVICE && what->id == row->ids[0])
				return changes_own_cause(c, what);
			break;
		case HUB_ROLES:
			return psprintf("role \"%s\" %s", changes_role_name(c, row->ids[0]),
							changes_net(net, "created", "deleted", "redefined"));
		case HUB_USER_ROLE_MAP:
		case HUB_SERVICE_ROLE_MAP:
			return psprintf("role \"%s\" %s", changes_role_name(c, row->ids[1]),
							changes_net(net, "given", "taken away", "given anew"));
		case HUB_GROUP_ROLE_MAP:
			return psprintf("role \"%s\" %s group \"%s\"", changes_role_name(c, row->ids[1]),
							changes_net(net, "given to", "taken from", "given anew to"),
							changes_group_name(c, row->ids[0]));
		case HUB_USER_GROUP_MAP:
			return psprintf("%s group \"%s\"", changes_net(net, "joined", "left", "joined anew"),
							changes_group_name(c, row->ids[1]));
		case HUB_SHARES:
			if (row->ids[4] != 0)
				return psprintf("share %d with group \"%s\" %s", row->ids[0],
								changes_group_name(c, row->ids[4]),
								changes_net(net, "made", "ended", "changed"));
			return psprintf("share %d %s", row->ids[0], changes_net(net, "made", "ended", "changed"));
		default:
			break;
	}
	return pstrdup("what a shared server is or stands for");
}

/* All causes of one subject, and the last change among them. */
char *
changes_causes(const Changes *c, const Concerned *what, int n, int64 *change)
{
	StringInfoData text;
	char	   *last = NULL;
	int			told = 0;

	initStringInfo(&text);
	*change = 0;
	if (c->everyone != NULL)
	{
		appendStringInfoString(&text, c->everyone);
		*change = c->everyone_change;
		told++;
	}
	for (int i = 0; i < n; i++)
	{
		char	   *cause = changes_cause(c, &what[i]);

		*change = Max(*change, what[i].row->change);
		if (last != NULL && strcmp(last, cause) == 0)
			continue;
		last = cause;
		if (told++ < CHANGES_CAUSES)
			appendStringInfo(&text, "%s%s", text.len > 0 ? "; " : "", cause);
		/* whatever it had went with it */
		if (strcmp(cause, "deleted") == 0)
			break;
	}
	if (told > CHANGES_CAUSES)
		appendStringInfo(&text, " and %d more", told - CHANGES_CAUSES);
	return text.data;
}
