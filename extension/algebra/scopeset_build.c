/*-------------------------------------------------------------------------
 *
 * scopeset_build.c
 *	  The builder, which takes members in any order.
 *
 * The operators make a draft of their result by merging what is sorted
 * already; the builder is for everything else: text, casts, aggregates, other
 * rooms.  It keeps two tables of names, filters and local bases.  As long as
 * names arrive in order (the hub stores sorted lists) a table is simply
 * sorted; the first one out of order gives it a hash table, and it is sorted
 * once at the end.  The bytes are written by scopeset_write.c.
 *
 * Sizes: a set has at most 65535 members of 2000 bytes, so names take less
 * than 2 * 65535 * 2000 bytes (262 MB), a table of names less than 2 * 65535 *
 * 24 bytes, and pairs less than 4 * 65535 * 8.  No size here can overflow.
 *
 *-------------------------------------------------------------------------
 */
#include "scopeset_private.h"

#include "common/hashfn.h"
#include "port/pg_bitutils.h"
#include "utils/memutils.h"

#define BUILD_FIXED_FILTERS	64	/* as many need no allocation of their own */
#define BUILD_FIXED_TEXT	768
#define BUILD_FEW			64	/* as many are sorted by insertion */
#define BUILD_MAX_NAMES		SCOPESET_MAX_MEMBERS

/* A table of distinct names, in order of their arrival. */
typedef struct BuildTable
{
	ScopeName  *names;
	int			n;
	int			max;
	int			last;			/* looked up last, or -1 */
	bool		sorted;			/* so far they came in order */
	int			nslots;			/* hash table, if not: a power of two */
	uint32	   *slots;			/* index + 1, or 0 */
} BuildTable;

/* Text is kept in chunks that never move. */
typedef struct BuildChunk
{
	struct BuildChunk *next;
} BuildChunk;

struct ScopeBuilder
{
	MemoryContext context;
	uint64		open;
	BuildTable	filters;
	BuildTable	locals;
	uint64	   *pairs;			/* SCOPE_PAIR, unordered, may repeat */
	int			npairs;
	int			maxpairs;
	int			pairs_tidy;		/* so many at the front are sorted, distinct */
	char	   *text;			/* room for names */
	size_t		text_free;
	BuildChunk *chunks;
	bool		too_many;
	bool		too_long;
	ScopeName	fixed_filters[BUILD_FIXED_FILTERS];
	char		fixed_text[BUILD_FIXED_TEXT];
};

/* ---- the builder's tables ---- */

/* Copy a name's text to where it stays until the builder goes. */
static const char *
build_keep(ScopeBuilder *b, const char *str, int len)
{
	char	   *kept;

	if ((size_t) len > b->text_free)
	{
		Size		size = Max(8192, len);
		BuildChunk *chunk = MemoryContextAlloc(b->context,
											   sizeof(BuildChunk) + size);

		chunk->next = b->chunks;
		b->chunks = chunk;
		b->text = (char *) (chunk + 1);
		b->text_free = size;
	}
	kept = b->text;
	memcpy(kept, str, len);
	b->text += len;
	b->text_free -= len;
	return kept;
}

static inline bool
build_same(const ScopeName *name, int kind, const char *str, int len)
{
	return name->len == len && name->kind == kind &&
		scope_bytes_same(SCOPE_TEXT(name->text), str, len);
}

/* Of a name of usual length two words are all of it. */
static inline uint32
build_hash(int kind, const char *str, int len)
{
	if (len >= 8 && len <= 16)
		return (uint32) scope_hash_mix(scope_word8(str) +
									   scope_hash_mix(scope_word8(str + len - 8) + len)) + (uint32) kind;
	return hash_bytes((const unsigned char *) str, len) + (uint32) kind;
}

/* Put all names of a table into a hash table with room for as many again. */
static void
build_rehash(ScopeBuilder *b, BuildTable *table)
{
	int			i;

	if (table->slots)
		pfree(table->slots);
	table->nslots = 64;
	while (table->nslots < table->max * 2)
		table->nslots *= 2;
	table->slots = MemoryContextAllocZero(b->context,
										  sizeof(uint32) * table->nslots);
	for (i = 0; i < table->n; i++)
	{
		const ScopeName *name = &table->names[i];
		uint32		slot = build_hash(name->kind, SCOPE_TEXT(name->text),
									  name->len);

		for (slot &= table->nslots - 1; table->slots[slot] != 0;
			 slot = (slot + 1) & (table->nslots - 1))
			;
		table->slots[slot] = i + 1;
	}
}

/* Add a name that is not there yet. */
static int
build_append(ScopeBuilder *b, BuildTable *table,
			 int kind, const char *str, int len)
{
	ScopeName  *name;

	if (table->n >= BUILD_MAX_NAMES)
	{
		/* as each name stands for a member, there are too many of those */
		b->too_many = true;
		return -1;
	}
	if (table->n >= table->max)
	{
		int			max = Max(table->max * 2, 16);
		ScopeName  *names = MemoryContextAlloc(b->context,
											   sizeof(ScopeName) * max);

		if (table->n > 0)
			memcpy(names, table->names, sizeof(ScopeName) * table->n);
		if (table->names && table->names != b->fixed_filters)
			pfree(table->names);
		table->names = names;
		table->max = max;
		if (table->slots)
			build_rehash(b, table);
	}
	name = &table->names[table->n];
	name->mask = 0;
	name->kind = kind;
	name->id = 0;
	name->len = len;
	name->text = build_keep(b, str, len);
	return table->last = table->n++;
}

/* Look a name up in a table that is sorted. */
static int
build_search(const BuildTable *table, int kind, const char *str, int len)
{
	int			low = 0;
	int			high = table->n;

	while (low < high)
	{
		int			mid = low + (high - low) / 2;
		const ScopeName *name = &table->names[mid];
		int			cmp = scope_filter_cmp(name->kind, SCOPE_TEXT(name->text),
										   name->len, kind, str, len);

		if (cmp == 0)
			return mid;
		if (cmp < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return -1;
}

/*
 * The same, for a name that may not be there: what it is after most often is
 * tried first.  Lists are often sorted by base, so a name is the same as last
 * time, or the one after it, or the first, or new and after all the others.
 * -1: not there; -2: not there, and it comes after all the others.
 */
static int
build_search_sorted(const BuildTable *table, int kind, const char *str, int len)
{
	const ScopeName *name = &table->names[table->last];
	int			cmp = scope_filter_cmp(name->kind, SCOPE_TEXT(name->text),
									   name->len, kind, str, len);
	int			next;

	if (cmp == 0)
		return table->last;
	next = cmp < 0 ? table->last + 1 : 0;
	if (next == table->n)
		return -2;
	if (build_same(&table->names[next], kind, str, len))
		return next;
	name = &table->names[table->n - 1];
	if (cmp < 0 && scope_filter_cmp(name->kind, SCOPE_TEXT(name->text),
									name->len, kind, str, len) < 0)
		return -2;
	return build_search(table, kind, str, len);
}

/*
 * Index of a name in a table, adding it if need be; -1 if there are too many.
 */
static int
build_intern(ScopeBuilder *b, BuildTable *table,
			 int kind, const char *str, int len)
{
	uint32		slot;
	int			at;

	if (table->n == 0)
		return build_append(b, table, kind, str, len);
	if (table->sorted)
	{
		at = build_search_sorted(table, kind, str, len);
		if (at >= 0)
			return table->last = at;
		if (at == -2)
			return build_append(b, table, kind, str, len);
		/* new, and out of order: from now on by hash */
		table->sorted = false;
		build_rehash(b, table);
	}
	else if (build_same(&table->names[table->last], kind, str, len))
		return table->last;

	slot = build_hash(kind, str, len) & (table->nslots - 1);
	while (table->slots[slot] != 0)
	{
		at = table->slots[slot] - 1;
		if (build_same(&table->names[at], kind, str, len))
			return table->last = at;
		slot = (slot + 1) & (table->nslots - 1);
	}
	at = build_append(b, table, kind, str, len);
	if (at >= 0)
	{
		/* the table of slots may have been made anew, with the name in it */
		slot = build_hash(kind, str, len) & (table->nslots - 1);
		while (table->slots[slot] != 0 && table->slots[slot] != (uint32) (at + 1))
			slot = (slot + 1) & (table->nslots - 1);
		table->slots[slot] = at + 1;
	}
	return at;
}

static inline int
build_name_cmp(const ScopeName *na, const ScopeName *nb)
{
	return scope_filter_cmp(na->kind, SCOPE_TEXT(na->text), na->len,
							nb->kind, SCOPE_TEXT(nb->text), nb->len);
}

/* Kind and first bytes of a name, as a number in their order. */
static inline uint64
build_sort_key(const ScopeName *name)
{
	char		start[8] = {0};

	if (name->len >= 8)
		return (uint64) name->kind << 56 | scope_word8(name->text) >> 8;
	if (name->len > 0)
		memcpy(start, name->text, name->len);
	return (uint64) name->kind << 56 | scope_word8(start) >> 8;
}

/* A few names, sorted by insertion: mostly a comparison is one of numbers. */
static void
build_sort_few(ScopeName *names, int n)
{
	uint64		keys[BUILD_FEW];
	int			i;

	for (i = 0; i < n; i++)
	{
		ScopeName	name = names[i];
		uint64		key = build_sort_key(&name);
		int			at = i;

		while (at > 0 && (keys[at - 1] > key ||
						  (keys[at - 1] == key &&
						   build_name_cmp(&names[at - 1], &name) > 0)))
		{
			keys[at] = keys[at - 1];
			names[at] = names[at - 1];
			at--;
		}
		keys[at] = key;
		names[at] = name;
	}
}

/* A name that is sorted by its key, and by itself among those with the same. */
typedef struct BuildSortItem
{
	uint64		key;
	const ScopeName *name;
} BuildSortItem;

static inline int
build_item_cmp(const BuildSortItem *a, const BuildSortItem *b)
{
	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return build_name_cmp(a->name, b->name);
}

#define ST_SORT build_sort_items
#define ST_ELEMENT_TYPE BuildSortItem
#define ST_COMPARE(a, b) build_item_cmp(a, b)
#define ST_SCOPE static
#define ST_DEFINE
#include "lib/sort_template.h"

/* Any number of names. */
static void
build_sort_many(ScopeName *names, int n)
{
	BuildSortItem *items = palloc(sizeof(BuildSortItem) * n);
	ScopeName  *sorted = palloc(sizeof(ScopeName) * n);
	int			i;

	for (i = 0; i < n; i++)
	{
		items[i].key = build_sort_key(&names[i]);
		items[i].name = &names[i];
	}
	build_sort_items(items, n);
	for (i = 0; i < n; i++)
		sorted[i] = *items[i].name;
	memcpy(names, sorted, sizeof(ScopeName) * n);
	pfree(items);
	pfree(sorted);
}

/*
 * Sort a table.  Returns where each name has gone (to be freed), or NULL if
 * nothing moved.
 */
static uint16 *
build_sort(BuildTable *table)
{
	uint16	   *map;
	int			i;

	if (table->sorted)
		return NULL;
	for (i = 0; i < table->n; i++)
		table->names[i].id = i;
	if (table->n <= BUILD_FEW)
		build_sort_few(table->names, table->n);
	else
		build_sort_many(table->names, table->n);
	map = palloc(sizeof(uint16) * table->n);
	for (i = 0; i < table->n; i++)
		map[table->names[i].id] = i;
	pfree(table->slots);
	table->slots = NULL;
	table->sorted = true;
	table->last = 0;
	return map;
}

static int
build_pair_cmp(const void *a, const void *b)
{
	uint64		pa = *(const uint64 *) a;
	uint64		pb = *(const uint64 *) b;

	return (pa > pb) - (pa < pb);
}

/* Sort the pairs and throw out repetitions. */
static void
build_tidy_pairs(ScopeBuilder *b)
{
	int			i;
	int			n = 1;

	if (b->pairs_tidy == b->npairs)
		return;
	qsort(b->pairs, b->npairs, sizeof(uint64), build_pair_cmp);
	for (i = 1; i < b->npairs; i++)
	{
		if (b->pairs[i] != b->pairs[n - 1])
			b->pairs[n++] = b->pairs[i];
	}
	b->npairs = b->pairs_tidy = n;
}

static void
build_add_pair(ScopeBuilder *b, int local, int filter)
{
	uint64		pair = SCOPE_PAIR(local, filter);

	if (b->npairs > 0)
	{
		if (b->pairs[b->npairs - 1] == pair)
			return;
		/* in order, nothing needs sorting later */
		if (b->pairs_tidy == b->npairs && b->pairs[b->npairs - 1] < pair &&
			b->npairs < b->maxpairs)
		{
			b->pairs[b->npairs++] = pair;
			b->pairs_tidy = b->npairs;
			return;
		}
	}
	if (b->npairs >= b->maxpairs)
	{
		/* repetitions go first; what is left decides whether to grow */
		build_tidy_pairs(b);
		if (b->npairs > SCOPESET_MAX_MEMBERS)
		{
			b->too_many = true;
			return;
		}
		if (b->npairs >= b->maxpairs / 2)
		{
			b->maxpairs = Max(32, b->maxpairs * 2);
			if (b->pairs == NULL)
				b->pairs = MemoryContextAlloc(b->context,
											  sizeof(uint64) * b->maxpairs);
			else
				b->pairs = repalloc(b->pairs, sizeof(uint64) * b->maxpairs);
		}
	}
	if (b->pairs_tidy == b->npairs &&
		(b->npairs == 0 || b->pairs[b->npairs - 1] < pair))
		b->pairs_tidy++;
	b->pairs[b->npairs++] = pair;
}

/* ---- the builder ---- */

ScopeBuilder *
scope_builder_create(void)
{
	ScopeBuilder *b = palloc(sizeof(ScopeBuilder));

	memset(b, 0, offsetof(ScopeBuilder, fixed_filters));
	b->context = CurrentMemoryContext;
	b->filters.names = b->fixed_filters;
	b->filters.max = BUILD_FIXED_FILTERS;
	b->filters.sorted = true;
	b->locals.sorted = true;
	b->text = b->fixed_text;
	b->text_free = BUILD_FIXED_TEXT;
	return b;
}

void
scope_builder_free(ScopeBuilder *b)
{
	while (b->chunks)
	{
		BuildChunk *next = b->chunks->next;

		pfree(b->chunks);
		b->chunks = next;
	}
	if (b->filters.names != b->fixed_filters)
		pfree(b->filters.names);
	if (b->filters.slots)
		pfree(b->filters.slots);
	if (b->locals.names)
		pfree(b->locals.names);
	if (b->locals.slots)
		pfree(b->locals.slots);
	if (b->pairs)
		pfree(b->pairs);
	pfree(b);
}

bool
scope_builder_failed(ScopeBuilder *b)
{
	return b->too_many || b->too_long;
}

void
scope_builder_limit_error(ScopeBuilder *b, Node *escontext)
{
	if (b->too_long)
		scope_length_error(escontext);
	else
		scopeset_size_error(escontext);
}

char *
scope_builder_defect(ScopeBuilder *b)
{
	if (b->too_long)
		return pstrdup(scope_too_long);
	return psprintf("A scopeset may have %d members at most.",
					SCOPESET_MAX_MEMBERS);
}

/*
 * Index of a filter, adding it if need be; -1 for "no filter", -2 when it
 * cannot be one.  A name that is in the table already was checked before, and
 * so was one that the grammar has let through (checked).
 */
static int
build_filter(ScopeBuilder *b, ScopeKind kind, const char *value, int len,
			 int base_len, bool checked)
{
	BuildTable *table = &b->filters;
	int			at;
	int			n = table->n;

	if (kind == SCOPE_OPEN)
		return -1;
	if (scope_kind_is_self(kind))
	{
		value = "";
		len = 0;
	}
	else if (len <= 0)
		return -2;
	if (base_len + len > SCOPE_MAX_BYTES - 9 &&
		base_len + 1 + (int) strlen(scope_kind_name(kind)) + 1 + len > SCOPE_MAX_BYTES)
	{
		/* what text brings is an error; what a name would make is left out */
		if (checked)
			b->too_long = true;
		return -2;
	}
	at = build_intern(b, table, kind, value, len);
	if (at < 0)
		return -2;
	if (!checked && table->n > n && len > 0 && !scope_value_ok(value, len))
	{
		/* forget it again: it is the last one */
		table->n--;
		table->last = Max(table->n - 1, 0);
		if (table->slots)
			build_rehash(b, table);
		return -2;
	}
	return at;
}

/*
 * scope_builder_add_mask -
 *
 * Add several well-known bases with the same filter (SCOPE_OPEN: without).
 * Returns false, and adds nothing, if the value cannot be one: the names in a
 * hub's tables may be anything, and one that makes too long a scope must not
 * stop the answers about everybody else.
 */
bool
scope_builder_add_mask(ScopeBuilder *b, ScopeKind kind,
					   const char *value, int len, uint64 mask)
{
	int			filter;
	int			base_len = 0;

	if (kind == SCOPE_OPEN)
	{
		b->open |= mask;
		return true;
	}
	if (mask == 0)
		return true;
	if (len > SCOPE_MAX_BYTES - 64)
	{
		/* rare: find out how long the longest of the scopes would be */
		uint64		bits;

		for (bits = mask; bits != 0; bits &= bits - 1)
		{
			int			n;

			(void) scope_dictionary_name(pg_rightmost_one_pos64(bits), &n);
			base_len = Max(base_len, n);
		}
	}
	filter = build_filter(b, kind, value, len, base_len, false);
	if (filter < 0)
		return false;
	b->filters.names[filter].mask |= mask;
	return true;
}

/*
 * scope_builder_add_local -
 *
 * Add a scope whose base is not in the dictionary.  The base must be good.
 * Returns false, and adds nothing, if the value cannot be one.
 */
bool
scope_builder_add_local(ScopeBuilder *b, const char *base, int base_len,
						ScopeKind kind, const char *value, int len)
{
	int			filter;
	int			local;

	Assert(scope_dictionary_find(base, base_len) < 0);
	if (base_len > SCOPE_MAX_BYTES)
	{
		b->too_long = true;
		return false;
	}
	filter = build_filter(b, kind, value, len, base_len, false);
	if (filter == -2)
		return false;
	local = build_intern(b, &b->locals, 0, base, base_len);
	if (local >= 0)
		build_add_pair(b, local, filter);
	return true;
}

/*
 * scope_builder_add_parsed -
 *
 * Add a member that the grammar has let through, or that is in a set.
 */
void
scope_builder_add_parsed(ScopeBuilder *b, const ScopeMember *member)
{
	int			filter = build_filter(b, member->kind, member->value,
									  member->value_len, member->base_len,
									  true);
	int			local;

	if (filter == -2)
		return;
	if (member->base_id >= 0)
	{
		uint64		bit = UINT64CONST(1) << member->base_id;

		if (filter < 0)
			b->open |= bit;
		else
			b->filters.names[filter].mask |= bit;
		return;
	}
	local = build_intern(b, &b->locals, 0, member->base, member->base_len);
	if (local >= 0)
		build_add_pair(b, local, filter);
}

void
scope_builder_add(ScopeBuilder *b, const ScopeMember *member)
{
	if (member->base_id >= 0)
		(void) scope_builder_add_mask(b, member->kind, member->value,
									  member->value_len,
									  UINT64CONST(1) << member->base_id);
	else
		(void) scope_builder_add_local(b, member->base, member->base_len,
									   member->kind, member->value,
									   member->value_len);
}

/*
 * scope_builder_add_text -
 *
 * Parse the text of one scope and add it.  False, with the defect as
 * scope_parse sets it, when it is no scope.
 */
bool
scope_builder_add_text(ScopeBuilder *b, const char *str, int len,
					   const char **defect, int *where)
{
	ScopeMember member;

	if (!scope_parse(str, len, &member, defect, where))
		return false;
	scope_builder_add_parsed(b, &member);
	return true;
}

/*
 * scope_builder_add_set -
 *
 * Add all members of a set.
 */
void
scope_builder_add_set(ScopeBuilder *b, const Scopeset *set)
{
	ScopesetView view;
	int		   *map = NULL;
	int			local = -1;		/* in the builder ... */
	int			seen = -1;		/* ... for this one in the set */
	int			i;

	scopeset_view(set, &view);
	b->open |= view.open;
	if (view.npairs > 0)
		map = palloc(sizeof(int) * (view.nfilters + 1));
	for (i = 0; i < view.nfilters; i++)
	{
		int			len;
		const char *value = scopeset_value(&view, i, &len);
		int			at = build_intern(b, &b->filters, view.kinds[i], value, len);

		if (at < 0)
			break;				/* too many */
		b->filters.names[at].mask |= scopeset_mask(&view, i);
		if (map)
			map[i] = at;
	}
	for (i = 0; i < view.npairs && !b->too_many; i++)
	{
		int			l,
					f;

		scopeset_pair(&view, i, &l, &f);
		if (l != seen)
		{
			int			len;
			const char *base = scopeset_local(&view, l, &len);

			local = build_intern(b, &b->locals, 0, base, len);
			if (local < 0)
				break;
			seen = l;
		}
		build_add_pair(b, local, f < 0 ? -1 : map[f]);
	}
	if (map)
		pfree(map);
}

/* Throw out the filtered pairs of local bases that are there unfiltered. */
static void
build_reduce_pairs(ScopeBuilder *b)
{
	int			open = -1;
	int			n = 0;
	int			i;

	for (i = 0; i < b->npairs; i++)
	{
		int			local = SCOPE_PAIR_LOCAL(b->pairs[i]);

		if (SCOPE_PAIR_FILTER(b->pairs[i]) < 0)
			open = local;		/* comes before the filtered ones */
		else if (local == open)
			continue;
		b->pairs[n++] = b->pairs[i];
	}
	b->npairs = b->pairs_tidy = n;
}

/*
 * scope_builder_try -
 *
 * The set so far, in the current memory context; NULL beyond the limits (see
 * scope_builder_limit_error).  Without reduce the builder can go on.
 */
Scopeset *
scope_builder_try(ScopeBuilder *b, bool reduce)
{
	ScopeDraft	draft = {0};
	uint16	   *filter_map;
	uint16	   *local_map;
	int			i;

	if (scope_builder_failed(b))
		return NULL;

	filter_map = build_sort(&b->filters);
	local_map = build_sort(&b->locals);
	if (filter_map || local_map)
	{
		for (i = 0; i < b->npairs; i++)
		{
			int			local = SCOPE_PAIR_LOCAL(b->pairs[i]);
			int			filter = SCOPE_PAIR_FILTER(b->pairs[i]);

			if (local_map)
				local = local_map[local];
			if (filter_map && filter >= 0)
				filter = filter_map[filter];
			b->pairs[i] = SCOPE_PAIR(local, filter);
		}
		b->pairs_tidy = 0;
		if (filter_map)
			pfree(filter_map);
		if (local_map)
			pfree(local_map);
	}
	if (b->npairs > 0)
	{
		build_tidy_pairs(b);
		if (reduce)
			build_reduce_pairs(b);
	}

	draft.open = b->open;
	draft.drop = reduce ? b->open : 0;
	draft.nfilters = b->filters.n;
	draft.nlocals = b->locals.n;
	draft.npairs = b->npairs;
	draft.filters = b->filters.names;
	draft.locals = b->locals.names;
	draft.pairs = b->pairs;
	return scopeset_write(&draft);
}

/*
 * scope_builder_finish -
 *
 * The set, in the builder's memory context; frees the builder.  Raises 54000
 * beyond the limits.
 */
Scopeset *
scope_builder_finish(ScopeBuilder *b, bool reduce)
{
	MemoryContext old = MemoryContextSwitchTo(b->context);
	Scopeset   *set = scope_builder_try(b, reduce);

	MemoryContextSwitchTo(old);
	if (set == NULL)
		scope_builder_limit_error(b, NULL);
	scope_builder_free(b);
	return set;
}
