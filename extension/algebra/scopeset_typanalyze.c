/*-------------------------------------------------------------------------
 *
 * scopeset_typanalyze.c
 *	  What ANALYZE keeps of a column of sets.
 *
 * Besides what it keeps of any ordered type: the most common of these keys, each
 * with the part of the sets that have it, as most_common_elems:
 *
 *		L member	each member as it is written
 *		B base		the base of each member, filtered or not
 *		G base		the base of each member that filters by group
 *
 * and after their frequencies the least, the most, and that of a key which is not
 * among them, on the average.  The latter takes an estimate of how many keys the
 * whole table has, made as the server makes that of distinct values (Haas and
 * Stokes).  scopeset_selfuncs.c reads it.
 *
 *-------------------------------------------------------------------------
 */
#include "scopeset_private.h"

#include "catalog/pg_operator_d.h"
#include "catalog/pg_type.h"
#include "commands/vacuum.h"
#include "common/hashfn.h"
#include "utils/hsearch.h"

/* So many keys are counted at most; with more, fewer of the rows are looked at. */
#define TYPANALYZE_KEYS		500000
#define TYPANALYZE_FIRST	1000	/* rows that tell how many keys one has */

typedef struct TypanalyzeKey
{
	char	   *text;			/* sort and UTF-8 */
	int			len;
} TypanalyzeKey;

typedef struct TypanalyzeEntry
{
	TypanalyzeKey key;			/* hash key, must be first */
	int			count;
} TypanalyzeEntry;

/* What std_typanalyze wanted done. */
typedef struct TypanalyzeExtra
{
	AnalyzeAttrComputeStatsFunc compute;
	void	   *extra;
} TypanalyzeExtra;

typedef struct TypanalyzeCount
{
	HTAB	   *keys;
	StringInfoData text;
	int64		total;			/* keys counted */
	int			sets;			/* in which */
} TypanalyzeCount;

static uint32
typanalyze_hash(const void *key, Size size)
{
	const TypanalyzeKey *k = key;

	return hash_bytes((const unsigned char *) k->text, k->len);
}

static int
typanalyze_match(const void *a, const void *b, Size size)
{
	const TypanalyzeKey *x = a;
	const TypanalyzeKey *y = b;

	return x->len == y->len ? memcmp(x->text, y->text, x->len) : 1;
}

/* One more of the key that is in count->text. */
static void
typanalyze_add(TypanalyzeCount *count)
{
	TypanalyzeKey key = {count->text.data, count->text.len};
	TypanalyzeEntry *entry;
	bool		found;

	entry = hash_search(count->keys, &key, HASH_ENTER, &found);
	if (!found)
	{
		entry->key.text = pnstrdup(key.text, key.len);
		entry->count = 0;
	}
	entry->count++;
	count->total++;
}

static void
typanalyze_key(TypanalyzeCount *count, char sort, const ScopeMember *m, bool base)
{
	resetStringInfo(&count->text);
	appendStringInfoChar(&count->text, sort);
	if (base)
		appendBinaryStringInfo(&count->text, m->base, m->base_len);
	else
		scope_append(&count->text, m);
	typanalyze_add(count);
}

/* The keys of one set, each once. */
static void
typanalyze_set(TypanalyzeCount *count, const Scopeset *set)
{
	const char *base = NULL;
	const char *grouped = NULL;
	ScopeIter	iter;
	ScopeMember m;

	scope_iter_init(&iter, set);
	while (scope_iter_next(&iter, &m))
	{
		typanalyze_key(count, SCOPESET_STATS_LITERAL, &m, false);
		/* members come by base, and its name lies at the same place */
		if (m.base != base)
			typanalyze_key(count, SCOPESET_STATS_BASE, &m, true);
		base = m.base;
		if (m.kind == SCOPE_GROUP && m.base != grouped)
		{
			typanalyze_key(count, SCOPESET_STATS_GROUP, &m, true);
			grouped = m.base;
		}
	}
	count->sets++;
}

static void
typanalyze_rows(TypanalyzeCount *count, VacAttrStatsP stats,
				AnalyzeAttrFetchFunc fetch, int rows)
{
	int			step = 1;

	for (int i = 0; i < rows; i += step)
	{
		bool		isnull;
		Datum		value = fetch(stats, i, &isnull);
		Scopeset   *set;

		module_analyze_delay();
		if (!isnull)
		{
			set = DatumGetScopesetP(value);
			typanalyze_set(count, set);
			if (PointerGetDatum(set) != value)
				pfree(set);
		}
		/* sets are larger than the first ones told, or these are immense */
		if (hash_get_num_entries(count->keys) >= TYPANALYZE_KEYS)
			break;
		if (i == TYPANALYZE_FIRST && count->total > 0)
			step = 1 + (int) ((double) count->total / TYPANALYZE_FIRST * rows / TYPANALYZE_KEYS);
	}
}

/* Keys without a filter: there are few, and most is asked about them. */
static bool
typanalyze_is_open(const TypanalyzeEntry *entry)
{
	return memchr(entry->key.text, '!', entry->key.len) == NULL;
}

/* Those first, then the most common. */
static int
typanalyze_by_count(const void *a, const void *b)
{
	const TypanalyzeEntry *x = *(TypanalyzeEntry *const *) a;
	const TypanalyzeEntry *y = *(TypanalyzeEntry *const *) b;
	bool		x_open = typanalyze_is_open(x);
	bool		y_open = typanalyze_is_open(y);

	if (x_open != y_open)
		return x_open ? -1 : 1;
	return (y->count > x->count) - (y->count < x->count);
}

static int
typanalyze_by_key(const void *a, const void *b)
{
	const TypanalyzeEntry *x = *(TypanalyzeEntry *const *) a;
	const TypanalyzeEntry *y = *(TypanalyzeEntry *const *) b;

	return scope_bytes_cmp(x->key.text, x->key.len, y->key.text, y->key.len);
}

/* How many sets of the table have a key that is not kept, on the average. */
static double
typanalyze_rest(double counted, double kept, double ndistinct, double nkept,
				double once, double times)
{
	double		all = counted * times;	/* keys in the whole table */
	double		distinct = ndistinct;

	if (once > 0 && all > counted)
		distinct = counted * ndistinct / (counted - once + once * counted / all);
	if (distinct < nkept + 1)
		distinct = nkept + 1;
	return Max((counted - kept) * times / (distinct - nkept), 1);
}

/* Keep the most common keys: in order of their bytes, to be searched. */
static void
typanalyze_keep(VacAttrStatsP stats, const TypanalyzeCount *count, double totalrows,
				int slot)
{
	int			n = (int) hash_get_num_entries(count->keys);
	int			target = stats->minrows / 30;	/* ten times the statistics target */
	TypanalyzeEntry **sorted = palloc(sizeof(TypanalyzeEntry *) * Max(n, 1));
	HASH_SEQ_STATUS seq;
	TypanalyzeEntry *entry;
	MemoryContext old;
	Datum	   *values;
	float4	   *numbers;
	int64		kept = 0;
	int			least = PG_INT32_MAX;
	int			most = 0;
	int			once = 0;
	int			i = 0;
	int			nkept = 0;
	double		times;

	hash_seq_init(&seq, count->keys);
	while ((entry = hash_seq_search(&seq)) != NULL)
	{
		sorted[i++] = entry;
		once += entry->count == 1;
	}
	qsort(sorted, n, sizeof(TypanalyzeEntry *), typanalyze_by_count);
	/* what was seen once or twice says little */
	while (nkept < n && nkept < target &&
		   (sorted[nkept]->count > 2 || n <= target || typanalyze_is_open(sorted[nkept])))
	{
		kept += sorted[nkept]->count;
		least = Min(least, sorted[nkept]->count);
		most = Max(most, sorted[nkept]->count);
		nkept++;
	}
	if (nkept == 0)
		return;

	times = totalrows * (1.0 - stats->stanullfrac) / count->sets;
	old = MemoryContextSwitchTo(stats->anl_context);
	values = palloc(sizeof(Datum) * nkept);
	numbers = palloc(sizeof(float4) * (nkept + 3));
	numbers[nkept] = (float4) least / count->sets;
	numbers[nkept + 1] = (float4) most / count->sets;
	numbers[nkept + 2] = typanalyze_rest(count->total, kept, n, nkept, once, Max(times, 1)) /
		(count->sets * Max(times, 1));
	qsort(sorted, nkept, sizeof(TypanalyzeEntry *), typanalyze_by_key);
	for (i = 0; i < nkept; i++)
	{
		int			len = sorted[i]->key.len;
		bytea	   *key = palloc(VARHDRSZ + len);

		SET_VARSIZE(key, VARHDRSZ + len);
		memcpy(VARDATA(key), sorted[i]->key.text, len);
		values[i] = PointerGetDatum(key);
		numbers[i] = (float4) sorted[i]->count / count->sets;
	}
	MemoryContextSwitchTo(old);

	stats->stakind[slot] = STATISTIC_KIND_MCELEM;
	stats->staop[slot] = ByteaEqualOperator;
	stats->stacoll[slot] = InvalidOid;
	stats->stanumbers[slot] = numbers;
	stats->numnumbers[slot] = nkept + 3;
	stats->stavalues[slot] = values;
	stats->numvalues[slot] = nkept;
	stats->statypid[slot] = BYTEAOID;
	stats->statyplen[slot] = -1;
	stats->statypbyval[slot] = false;
	stats->statypalign[slot] = TYPALIGN_INT;
}

static void
typanalyze_compute(VacAttrStatsP stats, AnalyzeAttrFetchFunc fetch, int samplerows,
				   double totalrows)
{
	TypanalyzeExtra *extra = stats->extra_data;
	HASHCTL		ctl = {.keysize = sizeof(TypanalyzeKey),.entrysize = sizeof(TypanalyzeEntry),
	.hash = typanalyze_hash,.match = typanalyze_match};
	TypanalyzeCount count = {0};
	int			slot = 0;

	stats->extra_data = extra->extra;
	extra->compute(stats, fetch, samplerows, totalrows);
	stats->extra_data = extra;

	while (slot < STATISTIC_NUM_SLOTS && stats->stakind[slot] != 0)
		slot++;
	if (slot == STATISTIC_NUM_SLOTS)
		return;
	ctl.hcxt = CurrentMemoryContext;
	count.keys = hash_create("jhub_authz scopes analyzed", 1024, &ctl,
							 HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
	initStringInfo(&count.text);
	typanalyze_rows(&count, stats, fetch, samplerows);
	if (count.sets > 0)
		typanalyze_keep(stats, &count, totalrows, slot);
}

PG_FUNCTION_INFO_V1(scopeset_typanalyze);
Datum
scopeset_typanalyze(PG_FUNCTION_ARGS)
{
	VacAttrStats *stats = (VacAttrStats *) PG_GETARG_POINTER(0);
	TypanalyzeExtra *extra;

	if (!std_typanalyze(stats))
		PG_RETURN_BOOL(false);
	extra = palloc(sizeof(TypanalyzeExtra));
	extra->compute = stats->compute_stats;
	extra->extra = stats->extra_data;
	stats->compute_stats = typanalyze_compute;
	stats->extra_data = extra;
	PG_RETURN_BOOL(true);
}
