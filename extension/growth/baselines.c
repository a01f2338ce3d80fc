/*-------------------------------------------------------------------------
 *
 * baselines.c
 *	  token_baselines: reading and writing it in bulk, and renames.
 *
 * What a baseline should be is judge.c's matter.
 *
 *-------------------------------------------------------------------------
 */
#include "growth_private.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#define BASELINE_BATCH		1000
#define BASELINE_COLUMNS	9

/* of so many at least it is worth the while to set up spi_insert */
#define BASELINE_MANY		16

/* What baseline_fill reads, in its order. */
#define BASELINE_SELECT \
	"SELECT token_id, baseline, requested, observed, release, created," \
	" user_id, service_id, client_id, revoked_at FROM jhub_authz.token_baselines"


struct BaselineWriter
{
	MemoryContext context;
	Oid			set;			/* the type scopeset */
	int			n;
	bool		fresh;			/* all rows so far are */
	ArrayBuildState *columns[BASELINE_COLUMNS];
};

/* A scopeset column, copied to the current context; NULL if null. */
static const Scopeset *
baseline_column(HeapTuple row, TupleDesc desc, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, desc, column, &isnull);

	return isnull ? NULL : (const Scopeset *) PG_DETOAST_DATUM_COPY(value);
}

static void
baseline_fill(Baseline *b, HeapTuple row, TupleDesc desc)
{
	bool		isnull;
	Datum		created;

	memset(b, 0, sizeof(*b));	/* not fresh: it is there */
	b->token_id = spi_int(row, desc, 1, 0);
	b->baseline = baseline_column(row, desc, 2);
	b->requested = baseline_column(row, desc, 3);
	b->observed = baseline_column(row, desc, 4);
	b->release = SPI_getvalue(row, desc, 5);
	created = SPI_getbinval(row, desc, 6, &isnull);
	b->has_created = !isnull;
	b->created = isnull ? 0 : DatumGetTimestamp(created);
	b->user_id = spi_int(row, desc, 7, 0);
	b->service_id = spi_int(row, desc, 8, 0);
	b->client_id = spi_utf8(row, desc, 9);
	(void) SPI_getbinval(row, desc, 10, &isnull);
	b->revoked = !isnull;
}

Baseline *
baselines_read(const int *ids, int n, int *nfound)
{
	static const Oid types[1] = {INT4ARRAYOID};
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext spi;
	Datum		values[1];
	Baseline   *result;
	SpiFrame	frame;
	uint64		rows;

	values[0] = spi_int_array(ids, n);
	spi_enter(&frame, module_owner());
	rows = spi_run(BASELINE_SELECT " WHERE token_id = ANY ($1) ORDER BY token_id",
				   1, types, values, NULL, true, true, 0);
	spi = MemoryContextSwitchTo(caller);
	result = palloc(sizeof(Baseline) * Max(rows, 1));
	for (uint64 i = 0; i < rows; i++)
		baseline_fill(&result[i], SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
	MemoryContextSwitchTo(spi);
	spi_leave(&frame);
	*nfound = (int) rows;
	return result;
}

BaselineWriter *
baseline_writer(void)
{
	BaselineWriter *writer = palloc0(sizeof(BaselineWriter));

	writer->context = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz baselines",
											ALLOCSET_DEFAULT_SIZES);
	writer->set = scopeset_type();
	writer->fresh = true;
	return writer;
}

static void
baseline_add(BaselineWriter *writer, int column, Datum value, bool isnull, Oid type)
{
	writer->columns[column] = accumArrayResult(writer->columns[column], value, isnull,
											   type, writer->context);
}

/* A row, new or in place of the one that is there. */
void
baseline_write(BaselineWriter *writer, const Baseline *row)
{
	Oid			set = writer->set;

	baseline_add(writer, 0, Int32GetDatum(row->token_id), false, INT4OID);
	baseline_add(writer, 1, PointerGetDatum(row->baseline), row->baseline == NULL, set);
	baseline_add(writer, 2, PointerGetDatum(row->requested), row->requested == NULL, set);
	baseline_add(writer, 3, PointerGetDatum(row->observed), row->observed == NULL, set);
	baseline_add(writer, 4, CStringGetTextDatum(row->release), false, TEXTOID);
	baseline_add(writer, 5, TimestampGetDatum(row->created), !row->has_created, TIMESTAMPOID);
	baseline_add(writer, 6, Int32GetDatum(row->user_id), row->user_id == 0, INT4OID);
	baseline_add(writer, 7, Int32GetDatum(row->service_id), row->service_id == 0, INT4OID);
	baseline_add(writer, 8,
				 row->client_id ? PointerGetDatum(module_text_from_utf8(row->client_id, strlen(row->client_id))) : (Datum) 0,
				 row->client_id == NULL, TEXTOID);
	writer->fresh &= row->fresh;
	if (++writer->n >= BASELINE_BATCH)
		baseline_writer_flush(writer);
}

#define BASELINE_INSERT \
	"INSERT INTO jhub_authz.token_baselines AS b" \
	" (token_id, baseline, requested, observed, release, created," \
	" user_id, service_id, client_id)" \
	" SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9)"

/* an id that is used again is another token: nothing of the old row stays */
#define BASELINE_REPLACE \
	" ON CONFLICT (token_id) DO UPDATE SET baseline = EXCLUDED.baseline," \
	" requested = EXCLUDED.requested, observed = EXCLUDED.observed," \
	" release = EXCLUDED.release, created = EXCLUDED.created," \
	" user_id = EXCLUDED.user_id, service_id = EXCLUDED.service_id," \
	" client_id = EXCLUDED.client_id, taken_at = now()," \
	" revoked_at = CASE WHEN b.created IS NOT DISTINCT FROM EXCLUDED.created" \
	" THEN b.revoked_at END," \
	" expires_before = CASE WHEN b.created IS NOT DISTINCT FROM EXCLUDED.created" \
	" THEN b.expires_before END"

static bool
baseline_insert(BaselineWriter *writer)
{
	static const char *const names[BASELINE_COLUMNS] = {
		"token_id", "baseline", "requested", "observed", "release", "created",
		"user_id", "service_id", "client_id"
	};
	InsertColumn columns[BASELINE_COLUMNS];

	for (int i = 0; i < BASELINE_COLUMNS; i++)
		columns[i] = (InsertColumn)
	{
		names[i], writer->columns[i]->element_type, false,
			writer->columns[i]->dvalues, writer->columns[i]->dnulls
	};
	return spi_insert("token_baselines", columns, BASELINE_COLUMNS, writer->n);
}

/* An array for each column. */
static void
baseline_insert_arrays(BaselineWriter *writer)
{
	Oid			sets = scopeset_array_type();
	Oid			types[BASELINE_COLUMNS] = {
		INT4ARRAYOID, sets, sets, sets, TEXTARRAYOID, TIMESTAMPARRAYOID,
		INT4ARRAYOID, INT4ARRAYOID, TEXTARRAYOID
	};
	Datum		values[BASELINE_COLUMNS];

	for (int i = 0; i < BASELINE_COLUMNS; i++)
		values[i] = makeArrayResult(writer->columns[i], writer->context);
	/* looking for a conflict costs as much as writing */
	spi_run(writer->fresh ? BASELINE_INSERT : BASELINE_INSERT BASELINE_REPLACE,
			BASELINE_COLUMNS, types, values, NULL, false, true, 0);
}

void
baseline_writer_flush(BaselineWriter *writer)
{
	SpiFrame	frame;

	if (writer->n == 0)
		return;
	spi_enter(&frame, module_owner());
	if (!writer->fresh || writer->n < BASELINE_MANY || !baseline_insert(writer))
		baseline_insert_arrays(writer);
	spi_leave(&frame);

	writer->n = 0;
	writer->fresh = true;
	memset(writer->columns, 0, sizeof(writer->columns));
	MemoryContextReset(writer->context);
}

/* Run a query that returns token ids and add them, each with a reason. */
static void
baselines_add_tokens(const char *sql, Oid type, Datum value, ConcernList *owners,
					 const char *reason, ConcernList *tokens)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext spi;
	SpiFrame	frame;
	uint64		rows;

	spi_enter(&frame, module_owner());
	rows = spi_run(sql, 1, &type, &value, NULL, true, true, 0);
	spi = MemoryContextSwitchTo(caller);
	for (uint64 i = 0; i < rows; i++)
	{
		int			id = spi_int(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, 0);
		int			owner = spi_int(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, 0);

		concern_add(tokens, id, owners ? concern_reason(owners, owner) : reason);
	}
	MemoryContextSwitchTo(spi);
	spi_leave(&frame);
}

void
baselines_of(ConcernList *users, ConcernList *services, List *clients, ConcernList *tokens)
{
	int		   *ids;
	int			nids;

	if (users->n > 0)
	{
		ids = concern_ids(users, &nids);
		baselines_add_tokens("SELECT token_id, user_id FROM jhub_authz.token_baselines"
							 " WHERE user_id = ANY ($1)", INT4ARRAYOID,
							 spi_int_array(ids, nids), users, NULL, tokens);
	}
	if (services->n > 0)
	{
		ids = concern_ids(services, &nids);
		baselines_add_tokens("SELECT token_id, service_id FROM jhub_authz.token_baselines"
							 " WHERE service_id = ANY ($1)", INT4ARRAYOID,
							 spi_int_array(ids, nids), services, NULL, tokens);
	}
	if (clients != NIL)
	{
		char	  **names = palloc(sizeof(char *) * list_length(clients));
		int			n = 0;
		ListCell   *lc;

		foreach(lc, clients)
			names[n++] = lfirst(lc);
		baselines_add_tokens("SELECT token_id, 0 FROM jhub_authz.token_baselines"
							 " WHERE client_id = ANY ($1) AND client_id <> 'jupyterhub'", TEXTARRAYOID,
							 spi_text_array(names, n), NULL, "client", tokens);
	}
}

/* Does the set, if there is one, filter by one of the groups? */
static bool
baseline_names_group(const Scopeset *set, List *groups)
{
	ListCell   *lc;

	if (set == NULL)
		return false;
	foreach(lc, groups)
	{
		const char *group = lfirst(lc);

		if (scopeset_names_filter(set, SCOPE_GROUP, group, strlen(group)))
			return true;
	}
	return false;
}

#define BASELINE_BY_GROUP \
	"SELECT token_id, baseline, requested FROM jhub_authz.token_baselines" \
	" WHERE (jhub_authz._filters_by_group(baseline) OR jhub_authz._filters_by_group(requested))"

void
baselines_by_groups(List *groups, ConcernList *tokens, const char *reason)
{
	static const Oid types[1] = {INT4ARRAYOID};
	Datum		values[1];
	ListCell   *lc;
	int			n = 0;
	SpiFrame	frame;
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext spi;
	uint64		rows;

	spi_enter(&frame, module_owner());
	if (groups == NIL)
		rows = spi_run(BASELINE_BY_GROUP, 0, NULL, NULL, NULL, true, true, 0);
	else
	{
		int		   *hashes = palloc(sizeof(int) * list_length(groups));

		foreach(lc, groups)
			hashes[n++] = scopeset_group_hash(lfirst(lc), strlen(lfirst(lc)));
		values[0] = spi_int_array(hashes, n);
		rows = spi_run(BASELINE_BY_GROUP " AND jhub_authz._filter_groups(baseline, requested) && $1",
					   1, types, values, NULL, true, true, 0);
	}
	for (uint64 i = 0; i < rows; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		const Scopeset *baseline = baseline_column(row, SPI_tuptable->tupdesc, 2);
		const Scopeset *requested = baseline_column(row, SPI_tuptable->tupdesc, 3);

		CHECK_FOR_INTERRUPTS();
		if (groups == NIL || baseline_names_group(baseline, groups) ||
			baseline_names_group(requested, groups))
		{
			spi = MemoryContextSwitchTo(caller);
			concern_add(tokens, spi_int(row, SPI_tuptable->tupdesc, 1, 0), reason);
			MemoryContextSwitchTo(spi);
		}
	}
	spi_leave(&frame);
}

/*
 * An UPDATE gave a token another id or another "created".  Its record goes along
 * at once, in the statement's own transaction, so that it never looks like
 * another token's.  A record that stands at the new id is of a token that is no
 * more.
 */
void
baselines_move(int old_id, int new_id, bool has_created, Timestamp created)
{
	static const Oid types[3] = {INT4OID, INT4OID, TIMESTAMPOID};
	Datum		values[3];
	char		nulls[3] = {' ', ' ', has_created ? ' ' : 'n'};
	SpiFrame	frame;

	values[0] = Int32GetDatum(old_id);
	values[1] = Int32GetDatum(new_id);
	values[2] = TimestampGetDatum(created);
	spi_enter(&frame, module_owner());
	if (old_id != new_id)
		spi_run("DELETE FROM jhub_authz.token_baselines WHERE token_id = $2 AND $1 <> $2",
				2, types, values, nulls, false, true, 0);
	spi_run("UPDATE jhub_authz.token_baselines SET token_id = $2, created = $3 WHERE token_id = $1",
			3, types, values, nulls, false, true, 0);
	spi_leave(&frame);
}

/*
 * The owner and the client are kept beside a baseline so that an owner's tokens
 * are found when the owner gains something.  A token that was given another
 * owner or client has to be found under that one.
 */
void
baselines_follow(HubToken **tokens, int n)
{
	static const Oid types[4] = {INT4ARRAYOID, INT4ARRAYOID, INT4ARRAYOID, TEXTARRAYOID};
	ArrayBuildState *columns[4] = {NULL};
	MemoryContext context = CurrentMemoryContext;
	Datum		values[4];
	SpiFrame	frame;

	if (n == 0)
		return;
	for (int i = 0; i < n; i++)
	{
		const char *client = tokens[i]->client_id;

		columns[0] = accumArrayResult(columns[0], Int32GetDatum(tokens[i]->id), false,
									  INT4OID, context);
		columns[1] = accumArrayResult(columns[1], Int32GetDatum(tokens[i]->user_id),
									  tokens[i]->user_id == 0, INT4OID, context);
		columns[2] = accumArrayResult(columns[2], Int32GetDatum(tokens[i]->service_id),
									  tokens[i]->service_id == 0, INT4OID, context);
		columns[3] = accumArrayResult(columns[3],
									  client ? PointerGetDatum(module_text_from_utf8(client, strlen(client))) : (Datum) 0,
									  client == NULL, TEXTOID, context);
	}
	for (int i = 0; i < 4; i++)
		values[i] = makeArrayResult(columns[i], context);
	spi_enter(&frame, module_owner());
	spi_run("UPDATE jhub_authz.token_baselines b SET user_id = t.user_id,"
			" service_id = t.service_id, client_id = t.client_id"
			" FROM unnest($1, $2, $3, $4) AS t (id, user_id, service_id, client_id)"
			" WHERE b.token_id = t.id",
			4, types, values, NULL, false, true, 0);
	spi_leave(&frame);
}

void
baselines_drop(const int *ids, int n)
{
	static const Oid types[1] = {INT4ARRAYOID};
	Datum		values[1];
	SpiFrame	frame;

	values[0] = spi_int_array(ids, n);
	spi_enter(&frame, module_owner());
	spi_run("DELETE FROM jhub_authz.token_baselines WHERE token_id = ANY ($1)",
			1, types, values, NULL, false, true, 0);
	spi_leave(&frame);
}

/*
 * After a TRUNCATE, or whatever else happened while no trigger was there.  The
 * two tables have two owners, so the ids are carried over.
 */
void
baselines_drop_orphans(const HubSchema *hub)
{
	static const Oid types[1] = {INT4ARRAYOID};
	Datum		values[1];
	SpiFrame	frame;

	values[0] = hub_token_ids(hub);
	spi_enter(&frame, module_owner());
	spi_run("DELETE FROM jhub_authz.token_baselines b WHERE NOT EXISTS"
			" (SELECT FROM unnest($1) AS t (id) WHERE t.id = b.token_id)",
			1, types, values, NULL, false, true, 0);
	spi_leave(&frame);
}

/* The renamed set, or NULL if it says the same as before. */
static const Scopeset *
baseline_renamed(const Scopeset *set, int n, const ScopeKind *kinds, char **olds, char **news)
{
	Scopeset   *renamed;

	if (set == NULL)
		return NULL;
	renamed = scopeset_renamed(set, n, kinds, olds, news);
	return scopeset_equal(renamed, set) ? NULL : renamed;
}

typedef struct RenameState
{
	Decision   *d;
	int			n;
	ScopeKind  *kinds;
	char	  **olds;
	char	  **news;
	EventWriter *events;
	BaselineWriter *writer;
} RenameState;

/* One baseline: rewritten if it holds an old name, and its token is looked at. */
static void
baseline_rename_one(HeapTuple row, TupleDesc desc, void *arg)
{
	RenameState *state = arg;
	Decision   *d = state->d;
	Baseline	b;
	Baseline   *before;
	const Scopeset *baseline,
			   *requested;
	TokenEvent	event = {0};
	MemoryContext save;

	baseline_fill(&b, row, desc);
	baseline = baseline_renamed(b.baseline, state->n, state->kinds, state->olds, state->news);
	requested = baseline_renamed(b.requested, state->n, state->kinds, state->olds, state->news);
	if (!baseline && !requested)
		return;

	event.token_id = b.token_id;
	event.action = "renamed";
	event.reason = psprintf("rename: %s to %s%s", state->olds[0], state->news[0],
							state->n > 1 ? " and others" : "");
	event.before = b.baseline;
	event.after = baseline ? baseline : b.baseline;
	event_write(state->events, &event);

	save = MemoryContextSwitchTo(d->context);
	before = palloc(sizeof(Baseline));
	before->token_id = b.token_id;
	before->baseline = b.baseline ?
		(const Scopeset *) PG_DETOAST_DATUM_COPY(PointerGetDatum(b.baseline)) : NULL;
	d->renamed = lappend(d->renamed, before);
	concern_add(&d->tokens, b.token_id, "rename");
	MemoryContextSwitchTo(save);

	if (baseline)
		b.baseline = baseline;
	if (requested)
		b.requested = requested;
	baseline_write(state->writer, &b);
}

/*
 * Rewrite the baselines that hold an old name, by all renames at once, so that
 * swaps come out right.  The exclusive lock is held: nobody else writes here.
 */
void
baselines_rename(Decision *d, Rename *renames, int n)
{
	RenameState state = {.d = d,.n = n};
	SpiFrame	frame;

	state.kinds = palloc(sizeof(ScopeKind) * n);
	state.olds = palloc(sizeof(char *) * n);
	state.news = palloc(sizeof(char *) * n);
	for (int i = 0; i < n; i++)
	{
		state.kinds[i] = renames[i].kind;
		state.olds[i] = renames[i].old_name;
		state.news[i] = renames[i].new_name;
	}
	state.events = event_writer(&d->actor);
	state.writer = baseline_writer();
	spi_enter(&frame, module_owner());
	spi_each(BASELINE_SELECT,
			 0, NULL, NULL, NULL, true, baseline_rename_one, &state);
	spi_leave(&frame);
	baseline_writer_flush(state.writer);
	event_writer_flush(state.events);
}
