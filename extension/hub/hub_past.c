/*-------------------------------------------------------------------------
 *
 * hub_past.c
 *	  The hub as it was at a moment, read from the history.
 *
 * As of a moment, a version of a row counts that began by then and did not end by
 * then.  A change that is not on record is one of this very transaction, whose
 * moment is that of its commit: what it began is not there yet, what it ended is.
 *
 * Tokens are different, as the history says (history.c): what a token was before
 * a change is there, what it is today is in the hub's own table.  The one is read
 * as the extension's owner, the other as the owner of the hub's tables, never in
 * one statement.
 *
 * The history is written in the audit room; only reading is here, because it is
 * the model's queries (hub_data.c) that read it.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_past.h"
#include "hub_history.h"
#include "hub_private.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* h is a version in force at $%d: the FROM clause, and what must be true */
#define PAST_JOINS \
	" JOIN \"jhub_authz\".history_changes b ON b.change_id = h.began AND b.at <= $%d" \
	" LEFT JOIN \"jhub_authz\".history_changes e ON e.change_id = h.ended AND e.at <= $%d" \
	" WHERE e.change_id IS NULL"

/* a token's version, which may have begun with the token */
#define PAST_TOKEN_JOINS \
	" LEFT JOIN \"jhub_authz\".history_changes b ON b.change_id = h.began" \
	" LEFT JOIN \"jhub_authz\".history_changes e ON e.change_id = h.ended AND e.at <= $%d" \
	" WHERE e.change_id IS NULL AND CASE WHEN h.began IS NULL" \
	" THEN (h.created <= $%d AT TIME ZONE 'UTC') IS NOT FALSE ELSE b.at <= $%d END"

/*
 * The schema is in quotes so that a statement over all rows is not planned as if
 * it looked one up (spi.c).
 */
const char *
hub_from(const HubSchema *hub, HubTable table, const char *alias, int nargs)
{
	const char *name = hub_table_name(table);
	int			at = nargs + 1;

	if (!hub->past)
		return psprintf("%s.%s %s", hub->quoted, name, alias);
	if (table == HUB_API_TOKENS)
		return psprintf("(SELECT h.* FROM \"jhub_authz\".history_api_tokens h" PAST_TOKEN_JOINS ") %s",
						at, at, at, alias);
	return psprintf("(SELECT h.* FROM \"jhub_authz\".history_%s h" PAST_JOINS ") %s",
					name, at, at, alias);
}

int
hub_from_args(const HubSchema *hub, int nargs, Oid *types, Datum *values)
{
	if (!hub->past)
		return nargs;
	types[nargs] = TIMESTAMPTZOID;
	values[nargs] = TimestampTzGetDatum(hub->at);
	return nargs + 1;
}

/*
 * A plan that is made while the history is small would loop over changes for each
 * row, and go on so when there are many.
 */
void
hub_plan_whole(const HubSchema *hub)
{
	if (hub->past)
		(void) set_config_option("enable_nestloop", "off", PGC_USERSET, PGC_S_SESSION,
								 GUC_ACTION_SAVE, true, 0, false);
}

/* ---- when the past was kept ---- */

/* A timestamptz of one row of a statement of ours; false if NULL or no row. */
static bool
past_time(const char *sql, bool latest, TimestampTz *time)
{
	SpiFrame	frame;
	bool		isnull = true;

	spi_enter(&frame, module_owner());
	if (spi_run(sql, 0, NULL, NULL, NULL, true, latest, 1) > 0)
	{
		Datum		value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull);

		if (!isnull)
			*time = DatumGetTimestampTz(value);
	}
	spi_leave(&frame);
	return !isnull;
}

/* What was before a prune is dropped, even if its attachment is on record. */
bool
hub_past_from(bool latest, TimestampTz *from)
{
	return past_time("SELECT greatest(min(c.at), (SELECT max(p.kept_from) FROM jhub_authz.history_changes p WHERE p.kept_from IS NOT NULL))"
					 " FROM jhub_authz.history_attachment a"
					 " JOIN jhub_authz.history_changes c ON c.change_id = a.began",
					 latest, from);
}

TimestampTz
hub_past_last(bool latest)
{
	TimestampTz last = 0;

	(void) past_time("SELECT c.at FROM jhub_authz.history_changes c ORDER BY c.at DESC LIMIT 1",
					 latest, &last);
	return last;
}

/* Later than now, and than all that is on record: a clock may be set back. */
static void
past_refuse_future(TimestampTz at, bool latest)
{
	if (at <= GetCurrentTimestamp() || at <= hub_past_last(latest))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("%s has not come yet", timestamptz_to_str(at))));
}

static void
past_not_kept(TimestampTz at, bool latest)
{
	char	   *moment = pstrdup(timestamptz_to_str(at));
	TimestampTz from;

	if (!hub_past_from(latest, &from))
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no past is kept"),
				 errhint("It is kept from jhub_authz.attach() on.")));
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("no past is kept of %s", moment),
			 at < from ?
			 errdetail("It is kept from %s on.", timestamptz_to_str(from)) :
			 errdetail("No hub was attached then."),
			 errhint("jhub_authz.history_attachment tells when a hub was attached.")));
}

/* ---- the schema ---- */

/*
 * The attachment at that moment, or the one that had ended by then; false if none
 * had begun.
 */
static bool
past_attachment(HubSchema *past, bool latest, char **pinned, bool *ended)
{
	static const Oid types[1] = {TIMESTAMPTZOID};
	MemoryContext caller = CurrentMemoryContext;
	Datum		values[1] = {TimestampTzGetDatum(past->at)};
	SpiFrame	frame;
	bool		found;

	spi_enter(&frame, module_owner());
	found = spi_run("SELECT h.hub_schema, h.pinned_release, e.change_id IS NOT NULL"
					" FROM jhub_authz.history_attachment h"
					" JOIN \"jhub_authz\".history_changes b ON b.change_id = h.began AND b.at <= $1"
					" LEFT JOIN jhub_authz.history_changes e ON e.change_id = h.ended AND e.at <= $1"
					" ORDER BY e.change_id IS NULL DESC, b.at DESC LIMIT 1",
					1, types, values, NULL, true, latest, 1) > 0;
	if (found)
	{
		HeapTuple	row = SPI_tuptable->vals[0];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		char	   *release = SPI_getvalue(row, desc, 2);
		bool		isnull;

		strlcpy(past->name, SPI_getvalue(row, desc, 1), NAMEDATALEN);
		*pinned = release ? MemoryContextStrdup(caller, release) : NULL;
		*ended = DatumGetBool(SPI_getbinval(row, desc, 3, &isnull));
	}
	spi_leave(&frame);
	return found;
}

static void
past_revision(HubSchema *past, bool latest)
{
	Oid			types[1];
	Datum		values[1];
	SpiFrame	frame;

	spi_enter(&frame, past->owner);
	if (spi_run(psprintf("SELECT version_num FROM %s", hub_from(past, HUB_ALEMBIC_VERSION, "t", 0)),
				hub_from_args(past, 0, types, values), types, values, NULL, true, latest, 2) == 1)
		strlcpy(past->revision, SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1),
				sizeof(past->revision));
	spi_leave(&frame);
}

/*
 * Which release was in force?  A revision that we do not know was told by the
 * columns; as long as it is the same, they tell it today.
 */
static void
past_release(HubSchema *past, const char *pinned, bool latest)
{
	const CatalogueRelease *by_revision = past->revision[0] != '\0' ?
		catalogue_release_of_revision(past->revision) : NULL;
	HubSchema  *live;

	past->newer = past->revision[0] != '\0' && by_revision == NULL;
	past->certain = true;
	if (pinned != NULL && (past->release = catalogue_release_named(pinned)) != NULL)
		return;
	if ((past->release = by_revision) != NULL)
		return;
	past->certain = false;
	live = hub_schema(true, latest);
	if (live != NULL && strcmp(live->revision, past->revision) == 0 && !settings_get()->pinned_release)
		past->release = live->release;
	else
		past->release = catalogue_newest_release();
}

HubSchema *
hub_schema_at(TimestampTz at, bool gap_ok, bool latest)
{
	HubSchema  *past = palloc0(sizeof(HubSchema));
	TimestampTz from;
	char	   *pinned;
	bool		ended;

	past->past = true;
	past->at = at;
	past_refuse_future(at, latest);
	if (!hub_past_from(latest, &from) || at < from ||
		!past_attachment(past, latest, &pinned, &ended) || (ended && !gap_ok))
	{
		if (gap_ok)
			return NULL;
		past_not_kept(at, latest);
	}
	past->oid = module_schema_oid();
	past->owner = module_owner();
	strlcpy(past->quoted, "jhub_authz", sizeof(past->quoted));
	for (int t = 0; t < HUB_NTABLES; t++)
	{
		int			n,
					nkeys;

		if (hub_history_columns((HubTable) t, &n, &nkeys) != NULL)
			past->rel[t] = module_relation(psprintf("history_%s", hub_table_name((HubTable) t)));
	}
	past->has_token_scopes = past->has_allowed_scopes = true;
	past_revision(past, latest);
	past_release(past, pinned, latest);
	past->catalogue = catalogue_at(past->release, at, latest);
	return past;
}

/* ---- tokens that are today what they were ---- */

typedef struct PastTokens
{
	const HubSchema *past;
	HTAB	   *changed;		/* ids: not today what they were */
	bool		live_only;
	hub_token_fn each;
	void	   *arg;
} PastTokens;

static void
past_changed_row(HeapTuple row, TupleDesc desc, void *arg)
{
	PastTokens *tokens = arg;
	int			id = spi_int(row, desc, 1, 0);

	(void) hash_search(tokens->changed, &id, HASH_ENTER, NULL);
}

/*
 * Those that were changed or deleted since; this transaction comes after all.  By
 * id alone: whichever token has that id today got it after one of that id ended.
 */
static void
past_read_changed(PastTokens *tokens, bool latest)
{
	static const Oid types[1] = {TIMESTAMPTZOID};
	HASHCTL		ctl = {.keysize = sizeof(int),.entrysize = sizeof(int)};
	Datum		values[1] = {TimestampTzGetDatum(tokens->past->at)};
	SpiFrame	frame;

	ctl.hcxt = CurrentMemoryContext;
	tokens->changed = hash_create("jhub_authz changed tokens", 256, &ctl,
								  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	spi_enter(&frame, module_owner());
	hub_plan_whole(tokens->past);
	spi_each("SELECT h.id FROM \"jhub_authz\".history_api_tokens h"
			 " LEFT JOIN \"jhub_authz\".history_changes e ON e.change_id = h.ended AND e.at <= $1"
			 " WHERE e.change_id IS NULL",
			 1, types, values, NULL, latest, past_changed_row, tokens);
	spi_leave(&frame);
}

static void
past_live_token(HubToken *token, void *arg)
{
	PastTokens *tokens = arg;
	Timestamp	at = (Timestamp) tokens->past->at;

	if (token->has_created && token->created > at)
		return;
	if (tokens->live_only && token->has_expires && token->expires_at < at)
		return;
	if (hash_search(tokens->changed, &token->id, HASH_FIND, NULL) == NULL)
		tokens->each(token, tokens->arg);
}

/* Where another hub is attached today, or none, its tokens are not those. */
void
hub_past_each_unchanged(const HubSchema *past, const HubTokenWant *want, bool latest,
						hub_token_fn each, void *arg)
{
	HubSchema  *live = hub_schema(true, latest);
	PastTokens	tokens = {.past = past,.live_only = want->live_only,.each = each,.arg = arg};
	HubTokenWant live_want = *want;

	if (live == NULL || strcmp(live->name, past->name) != 0)
		return;
	past_read_changed(&tokens, latest);
	live_want.live_only = false;	/* as of that moment, not of now */
	/* what its row says of its beginning, whoever writes it can make up */
	live_want.before_this = true;
	hub_each_token(live, &live_want, latest, past_live_token, &tokens);
	hash_destroy(tokens.changed);
}

/* ---- what changed ---- */

typedef struct PastLoop
{
	HubPastRow	row;
	int			nids;
	hub_past_fn each;
	void	   *arg;
} PastLoop;

/* A row of at, change_id, began, name and the ids. */
static void
past_row(HeapTuple tuple, TupleDesc desc, void *arg)
{
	PastLoop   *loop = arg;
	HubPastRow *row = &loop->row;
	bool		isnull;

	CHECK_FOR_INTERRUPTS();
	row->at = DatumGetTimestampTz(SPI_getbinval(tuple, desc, 1, &isnull));
	row->change = DatumGetInt64(SPI_getbinval(tuple, desc, 2, &isnull));
	row->began = DatumGetBool(SPI_getbinval(tuple, desc, 3, &isnull));
	row->name = hub_utf8(tuple, desc, 4);
	for (int i = 0; i < loop->nids; i++)
		row->ids[i] = spi_int(tuple, desc, 5 + i, 0);
	loop->each(row, loop->arg);
}

static void
past_each_row(PastLoop *loop, const char *table, const char *columns,
			  TimestampTz since, TimestampTz until)
{
	static const Oid types[2] = {TIMESTAMPTZOID, TIMESTAMPTZOID};
	Datum		values[2] = {TimestampTzGetDatum(since), TimestampTzGetDatum(until)};

	spi_each(psprintf("SELECT c.at, c.change_id, true, %s FROM \"jhub_authz\".history_%s h"
					  " JOIN \"jhub_authz\".history_changes c ON c.change_id = h.began"
					  " WHERE c.at > $1 AND c.at <= $2 UNION ALL"
					  " SELECT c.at, c.change_id, false, %s FROM \"jhub_authz\".history_%s h"
					  " JOIN \"jhub_authz\".history_changes c ON c.change_id = h.ended"
					  " WHERE c.at > $1 AND c.at <= $2", columns, table, columns, table),
			 2, types, values, NULL, false, past_row, loop);
}

/* The columns of a history as past_row wants them. */
static char *
past_columns(HubTable table, int *nids)
{
	const HubHistoryColumn *columns;
	const char *name = "NULL::text";
	StringInfoData ids;
	int			n,
				nkeys;

	columns = hub_history_columns(table, &n, &nkeys);
	initStringInfo(&ids);
	*nids = 0;
	for (int c = n - 1; c >= 0; c--)
		if (columns[c].type == TEXTOID)
			name = psprintf("h.%s", columns[c].name);
	for (int c = 0; c < n; c++)
		if (columns[c].type == INT4OID)
		{
			Assert(*nids < HUB_PAST_IDS);
			appendStringInfo(&ids, ", h.%s", columns[c].name);
			(*nids)++;
		}
	return psprintf("%s%s", name, ids.data);
}

void
hub_each_past_row(TimestampTz since, TimestampTz until, hub_past_fn each, void *arg)
{
	static const HubSchema past = {.past = true};
	PastLoop	loop = {.each = each,.arg = arg};
	SpiFrame	frame;

	spi_enter(&frame, module_owner());
	hub_plan_whole(&past);
	for (int t = 0; t < HUB_NTABLES; t++)
	{
		int			n,
					nkeys;

		if (t == HUB_API_TOKENS || hub_history_columns((HubTable) t, &n, &nkeys) == NULL)
			continue;
		loop.row.table = (HubTable) t;
		past_each_row(&loop, hub_table_name((HubTable) t), past_columns((HubTable) t, &loop.nids),
					  since, until);
	}
	loop.row.table = HUB_NTABLES;
	loop.nids = 0;
	past_each_row(&loop, "attachment", "h.pinned_release", since, until);
	past_each_row(&loop, "custom_scopes", "h.name", since, until);
	spi_leave(&frame);
}

bool
hub_past_shares_by_self(void)
{
	SpiFrame	frame;
	uint64		n;
	bool		found = false;

	spi_enter(&frame, module_owner());
	n = spi_run("SELECT DISTINCT scopes FROM jhub_authz.history_shares WHERE scopes ~ '!(server|service)\"'"
				" OR strpos(scopes, chr(92) || 'u') > 0",
				0, NULL, NULL, NULL, true, false, 0);
	for (uint64 i = 0; i < n && !found; i++)
	{
		char	   *defect;
		const Scopeset *set = hub_parse_scopes(SPI_getvalue(SPI_tuptable->vals[i],
															SPI_tuptable->tupdesc, 1), &defect);

		found = scopeset_has_kind(set, SCOPE_SERVER_SELF) || scopeset_has_kind(set, SCOPE_SERVICE_SELF);
	}
	spi_leave(&frame);
	return found;
}

typedef struct PastIds
{
	hub_past_id_fn each;
	void	   *arg;
} PastIds;

static void
past_id(HeapTuple row, TupleDesc desc, void *arg)
{
	PastIds    *ids = arg;

	ids->each(spi_int(row, desc, 1, 0), ids->arg);
}

void
hub_past_each_id(const HubSchema *past, HubTable table, hub_past_id_fn each, void *arg)
{
	PastIds		ids = {.each = each,.arg = arg};
	Oid			types[1];
	Datum		values[1];
	SpiFrame	frame;

	spi_enter(&frame, past->owner);
	hub_plan_whole(past);
	spi_each(psprintf("SELECT id FROM %s", hub_from(past, table, "t", 0)),
			 hub_from_args(past, 0, types, values), types, values, NULL, false, past_id, &ids);
	spi_leave(&frame);
}

void
hub_share_holders(const HubSchema *past, int spawner_id,
				  int **users, int *nusers, int **groups, int *ngroups)
{
	Oid			types[2] = {INT4OID};
	Datum		values[2] = {Int32GetDatum(spawner_id)};
	SpiFrame	frame;
	uint64		n;

	*nusers = *ngroups = 0;
	spi_enter(&frame, past->owner);
	n = spi_run(psprintf("SELECT user_id, group_id FROM %s WHERE $1 IN (0, spawner_id)",
						 hub_from(past, HUB_SHARES, "s", 1)),
				hub_from_args(past, 1, types, values), types, values, NULL, true, false, 0);
	*users = SPI_palloc(sizeof(int) * Max(n, 1));
	*groups = SPI_palloc(sizeof(int) * Max(n, 1));
	for (uint64 i = 0; i < n; i++)
	{
		int			user = spi_int(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, 0);
		int			group = spi_int(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, 0);

		if (user != 0)
			(*users)[(*nusers)++] = user;
		if (group != 0)
			(*groups)[(*ngroups)++] = group;
	}
	spi_leave(&frame);
}
