/*-------------------------------------------------------------------------
 *
 * scope_changes.c
 *	  Who gained and lost what, when and by which change: scope_changes.
 *
 * The versions of rows that began or ended in the span of time are read once and
 * taken moment by moment.  Of each moment those subjects are loaded, as of right
 * before it and as of it, whom such a row can concern, and no others; what they
 * hold is computed as ever and compared, member by member.  Many are loaded in parts
 * that fit into memory.  A transaction is one moment (changes.c), so what it did and
 * undid is never seen.
 *
 * Users, services and groups are told of.  What tokens gained and lost follows
 * from their owners, and what was done to them is in token_events.
 *
 * Whom a row concerns is told by scope_concern.c; rows and subjects are put in order
 * by scope_order.c.
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

/* ---- the changes of a moment ---- */

/* A column that is passed by reference and not null, in the memory of the moment. */
static Datum
changes_copy(const Changes *c, HeapTuple row, TupleDesc desc, int column)
{
	MemoryContext caller = MemoryContextSwitchTo(c->moment);
	bool		isnull;
	Datum		value = SPI_getbinval(row, desc, column, &isnull);

	value = datumCopy(value, false, TupleDescAttr(desc, column - 1)->attlen);
	MemoryContextSwitchTo(caller);
	return value;
}

/* There is one, or one of each actor. */
static void
changes_read_infos(Changes *c)
{
	static const Oid types[1] = {TIMESTAMPTZOID};
	Datum		values[1] = {TimestampTzGetDatum(c->at)};
	SpiFrame	frame;
	uint64		n;

	spi_enter(&frame, module_owner());
	n = spi_run("SELECT change_id, txid, actor, role, application_name, source"
				" FROM jhub_authz.history_changes WHERE at = $1 ORDER BY change_id",
				1, types, values, NULL, true, false, 0);
	c->infos = MemoryContextAllocHuge(c->moment, sizeof(ChangeInfo) * Max(n, 1));
	c->ninfos = (int) n;
	for (uint64 i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		ChangeInfo *info = &c->infos[i];
		bool		isnull;

		info->id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
		info->txid = DatumGetFullTransactionId(SPI_getbinval(row, desc, 2, &isnull));
		info->actor = changes_copy(c, row, desc, 3);
		info->role = changes_copy(c, row, desc, 4);
		info->application_name = changes_copy(c, row, desc, 5);
		info->source = changes_copy(c, row, desc, 6);
	}
	spi_leave(&frame);
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
changes_subject_columns(Changes *c, const Concerned *what, int n,
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
	values[CHANGES_AT] = TimestampTzGetDatum(c->at);
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
changes_subject(Changes *c, const Concerned *what, int n)
{
	const Scopeset *before = changes_scopes(c->data_before, c->way_before, what->kind, what->id);
	const Scopeset *after = changes_scopes(c->data_after, c->way_after, what->kind, what->id);
	Datum		values[CHANGES_NCOLUMNS];
	bool		nulls[CHANGES_NCOLUMNS];

	CHECK_FOR_INTERRUPTS();
	if (scopeset_equal(before, after))
		return;
	changes_subject_columns(c, what, n, values, nulls);
	changes_compare(c, before, after, values, nulls);
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
	c->data_before = hub_load(c->before, &want, false);
	c->data_after = hub_load(c->after, &want, false);
	c->way_before = effective_way(c->data_before, 0);
	c->way_after = effective_way(c->data_after, 0);
}

/* The subjects that are in c->concerned. */
static void
changes_part(Changes *c)
{
	MemoryContext caller = MemoryContextSwitchTo(c->part);

	changes_load(c);
	MemoryContextSwitchTo(c->scratch);
	for (int i = 0; i < c->nconcerned;)
	{
		const Concerned *what = &c->concerned[i];
		int			from = i;

		for (; i < c->nconcerned && c->concerned[i].kind == what->kind && c->concerned[i].id == what->id; i++)
			/* what stands for everyone has no cause of its own */
			if (c->concerned[i].table != HUB_NTABLES)
				c->concerned[from++] = c->concerned[i];
		changes_subject(c, what, from - (int) (what - c->concerned));
		MemoryContextReset(c->scratch);
	}
	MemoryContextSwitchTo(caller);
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
changes_schemas(Changes *c, bool whole)
{
	MemoryContext caller = MemoryContextSwitchTo(c->context);

	if (c->known == NULL)
		c->known = hub_schema_at(c->at - 1, true, false);
	MemoryContextSwitchTo(caller);
	if (c->known == NULL)
		return false;
	c->before = changes_schema(c->known, c->at - 1);
	if (whole)
	{
		MemoryContextSwitchTo(c->context);
		c->known = hub_schema_at(c->at, true, false);
		MemoryContextSwitchTo(caller);
	}
	c->after = changes_schema(c->known, c->at);
	return true;
}

/* The moment that c->at is, in memory that is reset after it. */
static void
changes_moment(Changes *c, bool whole)
{
	HubPastRow	row;

	CHECK_FOR_INTERRUPTS();
	c->place = 0;
	c->everyone = NULL;
	c->everyone_change = 0;
	c->names = NULL;
	if (!changes_schemas(c, whole))
	{
		while (changes_next_row(c, &row))
			;
		return;
	}
	changes_concern_moment(c);
	if (c->subjects == NULL)
		return;
	changes_read_infos(c);
	changes_begin_subjects(c);
	while (changes_next_part(c))
		changes_part(c);
	changes_end_subjects(c);
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
	bool		whole;

	InitMaterializedSRF(fcinfo, 0);
	c.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	c.context = caller;
	c.since = PG_GETARG_TIMESTAMPTZ(0);
	c.until = PG_GETARG_TIMESTAMPTZ(1);
	/* what is found when the past begins was gained by nobody */
	if (!hub_past_from(false, &from))
		return (Datum) 0;
	c.since = Max(c.since, from);
	c.by_self = hub_past_shares_by_self();
	c.moment = AllocSetContextCreate(caller, "jhub_authz moment", ALLOCSET_DEFAULT_SIZES);
	c.part = AllocSetContextCreate(caller, "jhub_authz moment part", ALLOCSET_DEFAULT_SIZES);
	c.scratch = AllocSetContextCreate(caller, "jhub_authz moment subject", ALLOCSET_DEFAULT_SIZES);
	changes_order_rows(&c);
	while (changes_next_moment(&c, &c.at, &whole))
	{
		MemoryContextSwitchTo(c.moment);
		changes_moment(&c, whole);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(c.moment);
	}
	changes_end_rows(&c);
	return (Datum) 0;
}
