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

#include "miscadmin.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "../hub/hub_concern.h"

/* so many causes are named of one subject */
#define CHANGES_CAUSES		3

typedef struct ChangesIds
{
	Changes    *c;
	SubjectKind kind;
} ChangesIds;

/* ---- whom it concerns ---- */

/* Add a subject; id 0 is none.  net: did the row begin, end, or is it another? */
static void
changes_concern(Changes *c, SubjectKind kind, int id, const HubPastRow *row, int net)
{
	Concerned	concerned = {.kind = kind,.id = id,.place = c->place,.net = net,
	.table = row->table,.change = row->change};

	if (id == 0)
		return;
	memcpy(concerned.ids, row->ids, sizeof(concerned.ids));
	changes_order_subject(c, &concerned);
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
		c->everyone = MemoryContextStrdup(c->moment, cause);
	else if (strcmp(c->everyone, cause) != 0)
		c->everyone = "custom scopes";
	c->everyone_change = Max(c->everyone_change, row->change);
}

/* hub_past_each_id callback */
static void
changes_concern_id(int id, void *arg)
{
	ChangesIds *ids = arg;
	static const HubPastRow none = {.table = HUB_NTABLES};

	changes_concern(ids->c, ids->kind, id, &none, 0);
}

/* Everybody there was or is, each with the causes that are their own. */
static void
changes_concern_everyone(Changes *c)
{
	static const struct
	{
		HubTable	table;
		SubjectKind kind;
	}			who[] = {
		{HUB_USERS, SUBJECT_USER}, {HUB_SERVICES, SUBJECT_SERVICE}, {HUB_GROUPS, SUBJECT_GROUP}
	};
	const HubSchema *sides[2] = {c->before, c->after};

	for (int s = 0; s < 2; s++)
		for (int i = 0; i < (int) lengthof(who); i++)
		{
			ChangesIds	ids = {.c = c,.kind = who[i].kind};

			hub_past_each_id(sides[s], who[i].table, changes_concern_id, &ids);
		}
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
 * The versions of one row.  What ended as often as it began came to nothing, or is
 * another version of the row.  Versions that concern the same are taken once, with
 * the last change; a share that went from one to another concerns both.
 */
static void
changes_concern_versions(Changes *c, const HubPastRow *versions, int n)
{
	int			net = 0;

	for (int i = 0; i < n; i++)
		net += versions[i].began ? 1 : -1;
	for (int i = 0; i < n; i++)
	{
		c->place++;
		if (i + 1 < n && memcmp(versions[i].ids, versions[i + 1].ids, sizeof(versions[i].ids)) == 0)
			continue;
		changes_concern_row(c, &versions[i], net);
		MemoryContextReset(c->scratch);
	}
}

void
changes_concern_moment(Changes *c)
{
	MemoryContext caller = MemoryContextSwitchTo(c->scratch);
	HubPastRow *versions = NULL;
	int			size = 0;
	HubPastRow	row;
	bool		more = changes_next_row(c, &row);

	while (more)
	{
		int			n = 0;

		do
		{
			CHECK_FOR_INTERRUPTS();
			if (n == size)
			{
				size = Max(8, 2 * size);
				versions = versions ? repalloc_huge(versions, sizeof(HubPastRow) * size) :
					MemoryContextAlloc(c->moment, sizeof(HubPastRow) * size);
			}
			versions[n++] = row;
			more = changes_next_row(c, &row);
		} while (more && changes_same_row(&versions[0], &row));
		changes_concern_versions(c, versions, n);
	}
	c->place++;					/* after all of them */
	if (c->everyone != NULL)
		changes_concern_everyone(c);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(c->scratch);
}

/* ---- causes, as they are read ---- */

typedef struct ChangesName
{
	int			key[2];			/* table and id */
	char	   *name;
} ChangesName;

/*
 * The name of a role or group, now or right before; its id if it came and went
 * within the moment.  Not from those who are read: it depends on the part what they
 * have, and who came into a group when it lost a role never held that.
 */
static const char *
changes_name(Changes *c, HubTable table, int id)
{
	int			key[2] = {table, id};
	ChangesName *entry;
	bool		found;
	char	   *name;

	if (c->names == NULL)
	{
		HASHCTL		ctl = {.keysize = sizeof(key),.entrysize = sizeof(ChangesName),.hcxt = c->moment};

		c->names = hash_create("jhub_authz names of a moment", 64, &ctl,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
	entry = hash_search(c->names, key, HASH_FIND, NULL);
	if (entry != NULL)
		return entry->name;
	name = hub_name_of(c->after, table, id);
	if (name == NULL)
		name = hub_name_of(c->before, table, id);
	if (name == NULL)
		name = psprintf("%d", id);
	name = MemoryContextStrdup(c->moment, name);
	entry = hash_search(c->names, key, HASH_ENTER, &found);
	entry->name = name;
	return name;
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
changes_cause(Changes *c, const Concerned *what)
{
	const int  *ids = what->ids;
	int			net = what->net;

	switch (what->table)
	{
		case HUB_USERS:
			if (what->kind == SUBJECT_USER && what->id == ids[0])
				return changes_own_cause(c, what);
			break;
		case HUB_GROUPS:
			return changes_own_cause(c, what);
		case HUB_SERVICES:
			if (what->kind == SUBJECT_SERVICE && what->id == ids[0])
				return changes_own_cause(c, what);
			break;
		case HUB_ROLES:
			return psprintf("role \"%s\" %s", changes_name(c, HUB_ROLES, ids[0]),
							changes_net(net, "created", "deleted", "redefined"));
		case HUB_USER_ROLE_MAP:
		case HUB_SERVICE_ROLE_MAP:
			return psprintf("role \"%s\" %s", changes_name(c, HUB_ROLES, ids[1]),
							changes_net(net, "given", "taken away", "given anew"));
		case HUB_GROUP_ROLE_MAP:
			return psprintf("role \"%s\" %s group \"%s\"", changes_name(c, HUB_ROLES, ids[1]),
							changes_net(net, "given to", "taken from", "given anew to"),
							changes_name(c, HUB_GROUPS, ids[0]));
		case HUB_USER_GROUP_MAP:
			return psprintf("%s group \"%s\"", changes_net(net, "joined", "left", "joined anew"),
							changes_name(c, HUB_GROUPS, ids[1]));
		case HUB_SHARES:
			if (ids[4] != 0)
				return psprintf("share %d with group \"%s\" %s", ids[0],
								changes_name(c, HUB_GROUPS, ids[4]),
								changes_net(net, "made", "ended", "changed"));
			return psprintf("share %d %s", ids[0], changes_net(net, "made", "ended", "changed"));
		default:
			break;
	}
	return pstrdup("what a shared server is or stands for");
}

/* All causes of one subject, and the last change among them. */
char *
changes_causes(Changes *c, const Concerned *what, int n, int64 *change)
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

		*change = Max(*change, what[i].change);
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
