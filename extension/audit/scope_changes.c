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
 * Whom a row concerns is told by scope_concern.c.
 *
 *-------------------------------------------------------------------------
 */
#include "scope_changes.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

PG_FUNCTION_INFO_V1(jhub_authz_scope_changes);

/* beyond so many subjects it is cheaper to read everyone */
#define CHANGES_MANY		5000

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

/* ---- comparing ---- */

/* The columns that are the same for all rows of a subject. */
static void
changes_subject_columns(const Changes *c, const Concerned *what, int n, TimestampTz at,
						Datum *values, bool *nulls)
{
	const char *name = changes_subject_name(c->data_after, what->kind, what->id);
	const ChangeInfo *info;
	int64		change;
	char	   *cause = changes_causes(c, what, n, &change);

	if (name == NULL)
		name = changes_subject_name(c->data_before, what->kind, what->id);
	info = changes_find_info(c, change);
	memset(nulls, 0, sizeof(bool) * CHANGES_NCOLUMNS);
	audit_put(&values[CHANGES_KIND], &nulls[CHANGES_KIND], effective_kind_names[what->kind]);
	audit_put(&values[CHANGES_SUBJECT], &nulls[CHANGES_SUBJECT], name);
	values[CHANGES_AT] = TimestampTzGetDatum(at);
	values[CHANGES_SUBJECT_ID] = Int32GetDatum(what->id);
	audit_put(&values[CHANGES_CAUSE], &nulls[CHANGES_CAUSE], cause);
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

	audit_put(&values[CHANGES_SCOPE], &nulls[CHANGES_SCOPE], scope);
	audit_put(&values[CHANGES_FILTER_KIND], &nulls[CHANGES_FILTER_KIND],
			  open ? NULL : scope_kind_name(member->kind));
	audit_put_len(&values[CHANGES_FILTER_VALUE], &nulls[CHANGES_FILTER_VALUE],
				  open ? NULL : member->value, member->value_len);
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
	changes_sort_concerned(c);
	changes_load(c);
	if (c->everyone != NULL)
	{
		changes_concern_everyone(c);
		changes_sort_concerned(c);
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
