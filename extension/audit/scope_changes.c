/*-------------------------------------------------------------------------
 *
 * scope_changes.c
 *	  Who gained and lost what, when and by which change: scope_changes.
 *
 * The versions of rows that began or ended in the span of time are read once and
 * taken moment by moment.  Of each moment those subjects are loaded, as of right
 * before it and as of it, whom such a row can concern, and no others; what they
 * hold is computed as ever and compared, member by member.  A transaction is one
 * moment (changes.c), so what it did and undid is never seen.
 *
 * Users, services and groups are told of.  What tokens gained and lost follows
 * from their owners, and what was done to them is in token_events.
 *
 * What a row concerns must not be too little: pgtap/past_changes.sql adds up the
 * changes of random histories.  Too much costs only time.
 *
 *-------------------------------------------------------------------------
 */
#include "../effective/effective.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "../hub/hub_concern.h"
#include "../hub/hub_past.h"

PG_FUNCTION_INFO_V1(jhub_authz_scope_changes);

/* beyond so many subjects it is cheaper to read everyone */
#define CHANGES_MANY		5000

/* so many causes are named of one subject */
#define CHANGES_CAUSES		3

/* A row of history_changes. */
typedef struct ChangeInfo
{
	int64		id;
	FullTransactionId txid;
	Datum		actor;
	Datum		role;
	Datum		application_name;
	Datum		source;
} ChangeInfo;

/* A subject that a row concerns; its causes stand together once sorted. */
typedef struct Concerned
{
	SubjectKind kind;			/* user, service or group */
	int			id;
	const HubPastRow *row;
	int			net;			/* 1: began, -1: ended, 0: is another */
} Concerned;

/* Columns of scope_changes */
enum
{
	CHANGES_KIND,
	CHANGES_SUBJECT,
	CHANGES_SCOPE,
	CHANGES_FILTER_KIND,
	CHANGES_FILTER_VALUE,
	CHANGES_CHANGE,
	CHANGES_COVERED,
	CHANGES_AT,
	CHANGES_SUBJECT_ID,
	CHANGES_CAUSE,
	CHANGES_CHANGE_ID,
	CHANGES_TXID,
	CHANGES_ACTOR,
	CHANGES_ROLE,
	CHANGES_APPLICATION_NAME,
	CHANGES_SOURCE,
	CHANGES_NCOLUMNS
};

typedef struct Changes
{
	ReturnSetInfo *rsinfo;
	MemoryContext context;		/* of the whole call */
	MemoryContext moment;		/* reset after each moment */
	TimestampTz since;
	TimestampTz until;

	int			ninfos;
	ChangeInfo *infos;			/* in order of id */
	int			nrows;
	int			size;
	HubPastRow *rows;			/* in order of moments */
	bool		by_self;		/* see hub_past_shares_by_self */

	HubSchema  *known;			/* as of the last moment, or NULL */

	/* of the moment under way */
	HubSchema  *before;
	HubSchema  *after;
	HubData    *data_before;
	HubData    *data_after;
	EffectiveWay *way_before;
	EffectiveWay *way_after;
	int			nconcerned;
	int			concerned_size;
	Concerned  *concerned;
	const char *everyone;		/* a cause that is everybody's, or NULL */
	int64		everyone_change;
} Changes;

/* ---- reading what changed ---- */

static int
changes_row_cmp(const void *a, const void *b)
{
	const HubPastRow *x = a;
	const HubPastRow *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	if (x->table != y->table)
		return x->table < y->table ? -1 : 1;
	for (int i = 0; i < HUB_PAST_IDS; i++)
		if (x->ids[i] != y->ids[i])
			return x->ids[i] < y->ids[i] ? -1 : 1;
	if (x->change != y->change)
		return x->change < y->change ? -1 : 1;
	return (int) x->began - (int) y->began;
}

/* hub_each_past_row callback */
static void
changes_keep_row(const HubPastRow *row, void *arg)
{
	Changes    *c = arg;

	if (c->nrows == c->size)
	{
		c->size = Max(1024, 2 * c->size);
		c->rows = c->rows ? repalloc_huge(c->rows, sizeof(HubPastRow) * c->size) :
			MemoryContextAllocHuge(c->context, sizeof(HubPastRow) * c->size);
	}
	c->rows[c->nrows] = *row;
	/* a role's or group's name is found in the model; these are not in it */
	c->rows[c->nrows++].name = row->table == HUB_NTABLES && row->name != NULL ?
		MemoryContextStrdup(c->context, row->name) : NULL;
}

/* A column that is passed by reference and not null, in the memory of the call. */
static Datum
changes_copy(const Changes *c, HeapTuple row, TupleDesc desc, int column)
{
	MemoryContext caller = MemoryContextSwitchTo(c->context);
	bool		isnull;
	Datum		value = SPI_getbinval(row, desc, column, &isnull);

	value = datumCopy(value, false, TupleDescAttr(desc, column - 1)->attlen);
	MemoryContextSwitchTo(caller);
	return value;
}

/* spi_each callback: a row of history_changes */
static void
changes_info(HeapTuple row, TupleDesc desc, void *arg)
{
	Changes    *c = arg;
	ChangeInfo *info;
	bool		isnull;

	if (c->ninfos % 1024 == 0)
		c->infos = c->infos ?
			repalloc_huge(c->infos, sizeof(ChangeInfo) * (c->ninfos + 1024)) :
			MemoryContextAllocHuge(c->context, sizeof(ChangeInfo) * 1024);
	info = &c->infos[c->ninfos++];
	info->id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
	info->txid = DatumGetFullTransactionId(SPI_getbinval(row, desc, 2, &isnull));
	info->actor = changes_copy(c, row, desc, 3);
	info->role = changes_copy(c, row, desc, 4);
	info->application_name = changes_copy(c, row, desc, 5);
	info->source = changes_copy(c, row, desc, 6);
}

static void
changes_read(Changes *c)
{
	static const Oid types[2] = {TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[2] = {TimestampTzGetDatum(c->since), TimestampTzGetDatum(c->until)};
	SpiFrame	frame;

	spi_enter(&frame, module_owner());
	spi_each("SELECT change_id, txid, actor, role, application_name, source"
			 " FROM jhub_authz.history_changes WHERE at > $1 AND at <= $2 ORDER BY change_id",
			 2, types, values, NULL, false, changes_info, c);
	spi_leave(&frame);
	hub_each_past_row(c->since, c->until, changes_keep_row, c);
	qsort(c->rows, c->nrows, sizeof(HubPastRow), changes_row_cmp);
	c->by_self = hub_past_shares_by_self();
}

static const ChangeInfo *
changes_find_info(const Changes *c, int64 id)
{
	int			low = 0;
	int			high = c->ninfos;

	while (low < high)
	{
		int			mid = (low + high) / 2;

		if (c->infos[mid].id == id)
			return &c->infos[mid];
		if (c->infos[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	elog(ERROR, "change " INT64_FORMAT " is not on record", id);
	return NULL;				/* keep compiler quiet */
}

/* ---- whom it concerns ---- */

static void
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
static void
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

static const char *
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
static char *
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

/* ---- comparing ---- */

static void
changes_put_text(Datum *values, bool *nulls, int column, const char *str, int len)
{
	nulls[column] = str == NULL;
	values[column] = str == NULL ? (Datum) 0 :
		PointerGetDatum(module_text_from_utf8(pnstrdup(str, len), len));
}

/* The columns that are the same for all rows of a subject. */
static void
changes_subject_columns(const Changes *c, const Concerned *what, int n, TimestampTz at,
						Datum *values, bool *nulls)
{
	static const char *const kinds[] = {
		[SUBJECT_USER] = "user",[SUBJECT_SERVICE] = "service",[SUBJECT_GROUP] = "group"
	};
	const char *name = changes_subject_name(c->data_after, what->kind, what->id);
	const ChangeInfo *info;
	int64		change;
	char	   *cause = changes_causes(c, what, n, &change);

	if (name == NULL)
		name = changes_subject_name(c->data_before, what->kind, what->id);
	info = changes_find_info(c, change);
	memset(nulls, 0, sizeof(bool) * CHANGES_NCOLUMNS);
	changes_put_text(values, nulls, CHANGES_KIND, kinds[what->kind], strlen(kinds[what->kind]));
	changes_put_text(values, nulls, CHANGES_SUBJECT, name, strlen(name));
	values[CHANGES_AT] = TimestampTzGetDatum(at);
	values[CHANGES_SUBJECT_ID] = Int32GetDatum(what->id);
	changes_put_text(values, nulls, CHANGES_CAUSE, cause, strlen(cause));
	values[CHANGES_CHANGE_ID] = Int64GetDatum(change);
	values[CHANGES_TXID] = FullTransactionIdGetDatum(info->txid);
	values[CHANGES_ACTOR] = info->actor;
	values[CHANGES_ROLE] = info->role;
	values[CHANGES_APPLICATION_NAME] = info->application_name;
	values[CHANGES_SOURCE] = info->source;
}

/*
 * A member that only one side has.  What the other side has may cover it: of
 * "read:users" and "read:users!user=x" a set holds but the first.
 */
static void
changes_put_member(const Changes *c, const ScopeMember *member, const char *scope, bool gained,
				   const Scopeset *other, Datum *values, bool *nulls)
{
	bool		open = member->kind == SCOPE_OPEN;
	const char *kind = open ? NULL : scope_kind_name(member->kind);

	changes_put_text(values, nulls, CHANGES_SCOPE, scope, strlen(scope));
	changes_put_text(values, nulls, CHANGES_FILTER_KIND, kind, open ? 0 : strlen(kind));
	changes_put_text(values, nulls, CHANGES_FILTER_VALUE, open ? NULL : member->value,
					 member->value_len);
	values[CHANGES_CHANGE] = CStringGetTextDatum(gained ? "gained" : "lost");
	values[CHANGES_COVERED] = BoolGetDatum(scopeset_covers_member(other, member, NULL));
	tuplestore_putvalues(c->rsinfo->setResult, c->rsinfo->setDesc, values, nulls);
}

/* A member and its text; NULL at the end.  Members come in order of their text. */
static char *
changes_next(ScopeIter *iter, ScopeMember *member)
{
	StringInfoData text;

	if (!scope_iter_next(iter, member))
		return NULL;
	initStringInfo(&text);
	scope_append(&text, member);
	return text.data;
}

/* The members that only one of the two has. */
static void
changes_compare(const Changes *c, const Scopeset *before, const Scopeset *after,
				Datum *values, bool *nulls)
{
	ScopeIter	old_iter,
				new_iter;
	ScopeMember old_member,
				new_member;
	char	   *old_text,
			   *new_text;

	scope_iter_init(&old_iter, before);
	scope_iter_init(&new_iter, after);
	old_text = changes_next(&old_iter, &old_member);
	new_text = changes_next(&new_iter, &new_member);
	while (old_text != NULL || new_text != NULL)
	{
		int			order = old_text == NULL ? 1 : new_text == NULL ? -1 :
			strcmp(old_text, new_text);

		if (order < 0)
			changes_put_member(c, &old_member, old_text, false, after, values, nulls);
		else if (order > 0)
			changes_put_member(c, &new_member, new_text, true, before, values, nulls);
		if (order <= 0)
			old_text = changes_next(&old_iter, &old_member);
		if (order >= 0)
			new_text = changes_next(&new_iter, &new_member);
	}
}

static const Scopeset *
changes_scopes(HubData *data, EffectiveWay *way, SubjectKind kind, int id)
{
	HubUser    *user;
	HubService *service;
	HubGroup   *group;

	switch (kind)
	{
		case SUBJECT_USER:
			user = hub_user(data, id);
			return user ? effective_user(way, user, NULL) : scopeset_empty();
		case SUBJECT_SERVICE:
			service = hub_service(data, id);
			return service ? effective_service(way, service, NULL) : scopeset_empty();
		default:
			group = hub_group(data, id);
			return group ? effective_group(way, group, NULL) : scopeset_empty();
	}
}

/* One subject with its causes. */
static void
changes_subject(const Changes *c, const Concerned *what, int n, TimestampTz at)
{
	const Scopeset *before = changes_scopes(c->data_before, c->way_before, what->kind, what->id);
	const Scopeset *after = changes_scopes(c->data_after, c->way_after, what->kind, what->id);
	Datum		values[CHANGES_NCOLUMNS];
	bool		nulls[CHANGES_NCOLUMNS];

	CHECK_FOR_INTERRUPTS();
	if (scopeset_equal(before, after))
		return;
	changes_subject_columns(c, what, n, at, values, nulls);
	changes_compare(c, before, after, values, nulls);
}

/* Everybody there was or is, each with the causes that are their own. */
static void
changes_concern_everyone(Changes *c)
{
	HubData    *sides[2] = {c->data_before, c->data_after};

	for (int s = 0; s < 2; s++)
	{
		static const HubPastRow none = {.table = HUB_NTABLES};
		HubUser   **users;
		HubService **services;
		HubGroup  **groups;
		int			n;

		users = hub_users(sides[s], &n);
		for (int i = 0; i < n; i++)
			changes_concern(c, SUBJECT_USER, users[i]->id, &none, 0);
		services = hub_services(sides[s], &n);
		for (int i = 0; i < n; i++)
			changes_concern(c, SUBJECT_SERVICE, services[i]->id, &none, 0);
		groups = hub_groups(sides[s], &n);
		for (int i = 0; i < n; i++)
			changes_concern(c, SUBJECT_GROUP, groups[i]->id, &none, 0);
	}
}

/* Ids of one kind among those that are concerned, which are in order. */
static const int *
changes_ids(const Changes *c, SubjectKind kind, int *n)
{
	int		   *ids = palloc(sizeof(int) * Max(c->nconcerned, 1));

	*n = 0;
	for (int i = 0; i < c->nconcerned; i++)
		if (c->concerned[i].kind == kind && (*n == 0 || ids[*n - 1] != c->concerned[i].id))
			ids[(*n)++] = c->concerned[i].id;
	return ids;
}

static void
changes_load(Changes *c)
{
	HubWant		want = {0};

	want.users = changes_ids(c, SUBJECT_USER, &want.nusers);
	want.services = changes_ids(c, SUBJECT_SERVICE, &want.nservices);
	want.groups = changes_ids(c, SUBJECT_GROUP, &want.ngroups);
	want.everyone = c->everyone != NULL ||
		want.nusers + want.nservices + want.ngroups > CHANGES_MANY;
	c->data_before = hub_load(c->before, &want, false);
	c->data_after = hub_load(c->after, &want, false);
	c->way_before = effective_way(c->data_before, 0);
	c->way_after = effective_way(c->data_after, 0);
}

/* ---- the moments ---- */

static HubSchema *
changes_schema(const HubSchema *known, TimestampTz at)
{
	HubSchema  *schema = palloc(sizeof(HubSchema));

	*schema = *known;
	schema->at = at;
	return schema;
}

/*
 * The hub right before a moment, and at it.  As long as neither the release nor
 * the custom scopes are concerned, one differs from the other in nothing but the
 * moment.  False: nothing is known of what was before.
 */
static bool
changes_schemas(Changes *c, const HubPastRow *rows, int n)
{
	MemoryContext caller = MemoryContextSwitchTo(c->context);
	bool		anew = false;

	if (c->known == NULL)
		c->known = hub_schema_at(rows[0].at - 1, true, false);
	MemoryContextSwitchTo(caller);
	if (c->known == NULL)
		return false;
	c->before = changes_schema(c->known, rows[0].at - 1);
	for (int i = 0; i < n; i++)
		anew |= rows[i].table == HUB_ALEMBIC_VERSION || rows[i].table == HUB_NTABLES;
	if (anew)
	{
		MemoryContextSwitchTo(c->context);
		c->known = hub_schema_at(rows[0].at, true, false);
		MemoryContextSwitchTo(caller);
	}
	c->after = changes_schema(c->known, rows[0].at);
	return true;
}

static void
changes_moment(Changes *c, const HubPastRow *rows, int n)
{
	CHECK_FOR_INTERRUPTS();
	c->concerned = NULL;
	c->nconcerned = c->concerned_size = 0;
	c->everyone = NULL;
	c->everyone_change = 0;
	if (!changes_schemas(c, rows, n))
		return;
	changes_concern_moment(c, rows, n);
	if (c->nconcerned == 0 && c->everyone == NULL)
		return;
	if (c->nconcerned > 1)
		qsort(c->concerned, c->nconcerned, sizeof(Concerned), changes_concerned_cmp);
	changes_load(c);
	if (c->everyone != NULL)
	{
		changes_concern_everyone(c);
		qsort(c->concerned, c->nconcerned, sizeof(Concerned), changes_concerned_cmp);
	}
	for (int i = 0; i < c->nconcerned;)
	{
		int			end = i;
		const Concerned *what = &c->concerned[i];
		int			from = i;

		while (end < c->nconcerned && c->concerned[end].kind == what->kind &&
			   c->concerned[end].id == what->id)
			end++;
		/* what stands for everyone has no cause of its own */
		for (; i < end; i++)
			if (c->concerned[i].row->table != HUB_NTABLES)
				c->concerned[from++] = c->concerned[i];
		changes_subject(c, what, from - (int) (what - c->concerned), rows[0].at);
	}
}

/*
 * scope_changes(since, until) - a row for each permission that a user, service or
 * group gained or lost after since and up to until.
 */
Datum
jhub_authz_scope_changes(PG_FUNCTION_ARGS)
{
	Changes		c = {0};
	MemoryContext caller = CurrentMemoryContext;
	TimestampTz from;

	InitMaterializedSRF(fcinfo, 0);
	c.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	c.context = caller;
	c.since = PG_GETARG_TIMESTAMPTZ(0);
	c.until = PG_GETARG_TIMESTAMPTZ(1);
	/* what is found when the past begins was gained by nobody */
	if (!hub_past_from(false, &from))
		return (Datum) 0;
	c.since = Max(c.since, from);
	changes_read(&c);
	c.moment = AllocSetContextCreate(caller, "jhub_authz moment", ALLOCSET_DEFAULT_SIZES);
	for (int i = 0; i < c.nrows;)
	{
		int			end = i;

		while (end < c.nrows && c.rows[end].at == c.rows[i].at)
			end++;
		MemoryContextSwitchTo(c.moment);
		changes_moment(&c, &c.rows[i], end - i);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(c.moment);
		i = end;
	}
	return (Datum) 0;
}
