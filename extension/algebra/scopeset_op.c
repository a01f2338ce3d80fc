/*-------------------------------------------------------------------------
 *
 * scopeset_op.c
 *	  The algebra of scopesets: intersection, difference, union, overlap and
 *	  reduction.
 *
 * One filtered scope x is covered by a set when the set holds x, or x's base
 * without a filter, or, for a server filter, the base for the user who owns
 * the server, or, if membership is known, the base for a group of the user.
 *
 * The binary operations merge the two sorted tables of filters into one list
 * of entries, each with the masks of both sides, and then apply one rule to
 * each entry: a few bitwise operations for all well-known bases at once.
 * Local bases go through the same rule, one base at a time, with masks of one
 * bit.  Up to OP_FIXED entries nothing but the result is allocated.
 *
 * The usual intersection is in scopeset_intersect.c, cover is in
 * scopeset_cover.c, order and hash are in scopeset_order.c, and the functions
 * that SQL calls in scopeset_functions.c.
 *
 *-------------------------------------------------------------------------
 */
#include "scopeset_private.h"

#include "miscadmin.h"

#define OP_FIXED	128

typedef enum OpRule
{
	OP_INTERSECT,
	OP_MINUS,
	OP_UNION
} OpRule;

/* One filter of either side. */
typedef struct OpEntry
{
	uint64		mask[2];		/* of each side */
	const char *value;
	int32		len;
	int32		owner;			/* entry of the owner's user filter, or -1 */
	int32		kind;
} OpEntry;

typedef struct OpState
{
	OpRule		rule;
	ScopeMembership *m;
	ScopesetView view[2];
	uint64		open[2];		/* what is unfiltered on each side */
	int			n;				/* entries */
	int			ngroups;		/* so many at the front are group filters */
	OpEntry    *entries;
	const void **groups;		/* what is known of each of them, or NULL */
	int32	   *place[2];		/* each side's filter to its entry */
	OpEntry		fixed_entries[OP_FIXED];
	int32		fixed_places[2 * OP_FIXED];
} OpState;

/* ---- merging ---- */

/*
 * The first user entry at or after 'from' that is not before the given name.
 * Steps double, so that names in about the right order cost a step or two.
 */
static int
op_seek_user(const OpState *s, int from, const char *value, int len,
			 bool *found)
{
	int			low = from;
	int			high = s->n;
	int			probe = from;
	int			step = 1;

	*found = false;
	while (low < high)
	{
		const OpEntry *e = &s->entries[probe];
		int			cmp = scope_bytes_cmp(e->value, e->len, value, len);

		if (cmp == 0)
		{
			*found = true;
			return probe;
		}
		if (cmp < 0)
			low = probe + 1;
		else
		{
			high = probe;
			step = 0;			/* from now on by halves */
		}
		if (step > 0 && low - 1 + step < high)
		{
			probe = low - 1 + step;
			step *= 2;
		}
		else
		{
			step = 0;
			probe = low + (high - low) / 2;
		}
	}
	return low;
}

/* For each server filter find the entry of its owner. */
static void
op_find_owners(OpState *s)
{
	int			first_user = s->n;
	int			at;
	const char *last = NULL;
	int			last_len = 0;
	int			last_owner = -1;
	int			i;

	while (first_user > 0 && s->entries[first_user - 1].kind == SCOPE_USER)
		first_user--;
	if (first_user == s->n)
		return;
	at = first_user;
	for (i = 0; i < first_user; i++)
	{
		OpEntry    *e = &s->entries[i];
		bool		found;
		int			len;
		int			cmp = 1;

		if (e->kind != SCOPE_SERVER)
			continue;
		len = scope_server_owner_len(e->value, e->len);
		if (last)
			cmp = scope_bytes_cmp(last, last_len, e->value, len);
		if (last == NULL || cmp != 0)
		{
			/* owners are in order, but for names that go on below '/' */
			at = op_seek_user(s, cmp < 0 ? at : first_user, e->value, len,
							  &found);
			last = e->value;
			last_len = len;
			last_owner = found ? at : -1;
		}
		e->owner = last_owner;
	}
}

static inline void
op_take(OpState *s, int side, int filter)
{
	OpEntry    *e = &s->entries[s->n];

	e->mask[side] = scopeset_mask(&s->view[side], filter);
	e->mask[1 - side] = 0;
	e->value = scopeset_value(&s->view[side], filter, &e->len);
	e->kind = s->view[side].kinds[filter];
	e->owner = -1;
	if (s->place[side])
		s->place[side][filter] = s->n;
	s->n++;
}

/* Ask for all groups once, as there may be many users. */
static void
op_know_groups(OpState *s)
{
	int			g;

	s->groups = palloc(sizeof(void *) * (s->ngroups + 1));
	for (g = 0; g < s->ngroups; g++)
		s->groups[g] = s->m->group(s->m, s->entries[g].value, s->entries[g].len);
}

/* Take two sets apart and merge their filters. */
static void
op_load(OpState *s, OpRule rule, const Scopeset *a, const Scopeset *b,
		ScopeMembership *m)
{
	int			max;
	int			i = 0;
	int			j = 0;

	s->rule = rule;
	s->m = m;
	s->n = 0;
	s->ngroups = 0;
	s->groups = NULL;
	scopeset_view(a, &s->view[0]);
	scopeset_view(b, &s->view[1]);
	s->open[0] = s->view[0].open;
	s->open[1] = s->view[1].open;
	max = s->view[0].nfilters + s->view[1].nfilters;
	s->entries = s->fixed_entries;
	if (max > OP_FIXED)
		s->entries = palloc(sizeof(OpEntry) * max);
	s->place[0] = s->place[1] = NULL;
	if (s->view[0].npairs > 0 || s->view[1].npairs > 0)
	{
		s->place[0] = s->fixed_places;
		s->place[1] = s->fixed_places + OP_FIXED;
		if (max > OP_FIXED)
		{
			s->place[0] = palloc(sizeof(int32) * (s->view[0].nfilters + 1));
			s->place[1] = palloc(sizeof(int32) * (s->view[1].nfilters + 1));
		}
	}

	while (i < s->view[0].nfilters && j < s->view[1].nfilters)
	{
		OpEntry    *e = &s->entries[s->n];
		int			cmp;

		op_take(s, 0, i);
		{
			int			len;
			const char *value = scopeset_value(&s->view[1], j, &len);

			cmp = scope_filter_cmp(e->kind, e->value, e->len,
								   s->view[1].kinds[j], value, len);
		}
		if (cmp > 0)
		{
			/* not yet: the other side's comes first */
			s->n--;
			op_take(s, 1, j++);
			continue;
		}
		i++;
		if (cmp == 0)
		{
			e->mask[1] = scopeset_mask(&s->view[1], j);
			if (s->place[1])
				s->place[1][j] = s->n - 1;
			j++;
		}
	}
	while (i < s->view[0].nfilters)
		op_take(s, 0, i++);
	while (j < s->view[1].nfilters)
		op_take(s, 1, j++);

	if (rule != OP_UNION)
	{
		op_find_owners(s);
		if (m)
		{
			while (s->ngroups < s->n &&
				   s->entries[s->ngroups].kind == SCOPE_GROUP)
				s->ngroups++;
			if (m->group != NULL)
				op_know_groups(s);
		}
	}
}

static void
op_unload(OpState *s)
{
	if (s->entries != s->fixed_entries)
		pfree(s->entries);
	if (s->groups != NULL)
		pfree(s->groups);
	if (s->place[0] && s->place[0] != s->fixed_places)
	{
		pfree(s->place[0]);
		pfree(s->place[1]);
	}
}

/* ---- the rule ---- */

/* So much of 'missing' has a side by a group of the user of entry e. */
static uint64
op_by_group(const OpState *s, const OpEntry *e, uint64 missing, int side)
{
	int			user_len = e->kind == SCOPE_USER ? e->len :
	scope_server_owner_len(e->value, e->len);
	const void *user = NULL;
	uint64		cover = 0;
	int			g;

	if (s->groups != NULL)
	{
		user = s->m->user(s->m, e->value, user_len);
		if (user == NULL)
			return 0;
	}
	for (g = 0; g < s->ngroups && (missing & ~cover) != 0; g++)
	{
		const OpEntry *group = &s->entries[g];

		if ((group->mask[side] & missing & ~cover) == 0)
			continue;
		if (s->groups != NULL ?
			s->groups[g] != NULL && s->m->is_in(user, s->groups[g]) :
			s->m->is_member(s->m, e->value, user_len, group->value, group->len))
			cover |= group->mask[side];
	}
	return cover;
}

/* Which of the bases in 'mask' with the filter of entry e does 'side' cover? */
static inline uint64
op_covered(const OpState *s, const OpEntry *e, uint64 mask, int side)
{
	uint64		cover = s->open[side] | e->mask[side];

	if (e->owner >= 0)
		cover |= s->entries[e->owner].mask[side];
	if (s->ngroups > 0 && (mask & ~cover) != 0 &&
		(e->kind == SCOPE_USER || e->kind == SCOPE_SERVER))
		cover |= op_by_group(s, e, mask & ~cover, side);
	return mask & cover;
}

/* The bases that the result has without a filter. */
static inline uint64
op_open(const OpState *s)
{
	switch (s->rule)
	{
		case OP_INTERSECT:
			return s->open[0] & s->open[1];
		case OP_MINUS:
			return s->open[0] & ~s->open[1];
		case OP_UNION:
			break;
	}
	return s->open[0] | s->open[1];
}

/*
 * The bases that the result has with the filter of entry e.  For the
 * intersection both sides are taken as reduced; then what it gives is the same
 * whatever the order in which several sets are intersected.
 */
static inline uint64
op_filtered(const OpState *s, const OpEntry *e)
{
	uint64		a = e->mask[0];
	uint64		b = e->mask[1];

	switch (s->rule)
	{
		case OP_INTERSECT:
			a &= ~s->open[0];
			b &= ~s->open[1];
			if (a != 0)
				a = op_covered(s, e, a, 1);
			if (b != 0)
				b = op_covered(s, e, b, 0);
			return a | b;
		case OP_MINUS:
			return a != 0 ? a & ~op_covered(s, e, a, 1) : 0;
		case OP_UNION:
			break;
	}
	return a | b;
}

/* ---- local bases ---- */

typedef struct OpLocals
{
	ScopeName  *names;
	int			nnames;
	uint64	   *pairs;
	int			npairs;
} OpLocals;

/* The entry of pair i of a side: -1 when it has no filter. */
static inline int
op_pair_entry(const OpState *s, int side, int i, int *local)
{
	int			filter;

	scopeset_pair(&s->view[side], i, local, &filter);
	return filter < 0 ? -1 : s->place[side][filter];
}

/*
 * Set (or with bit 0 clear) the one-bit masks of a side for the pairs of one
 * local base, from pair 'from' on.  Returns the number of the pair after them.
 */
static int
op_mark_local(OpState *s, int side, int from, int local, uint64 bit)
{
	int			i;

	s->open[side] = 0;
	for (i = from; i < s->view[side].npairs; i++)
	{
		int			l;
		int			entry = op_pair_entry(s, side, i, &l);

		if (l != local)
			break;
		if (entry < 0)
			s->open[side] = bit;
		else
			s->entries[entry].mask[side] = bit;
	}
	return i;
}

/* Apply the rule to one local base, whose pairs are marked. */
static void
op_marked_local(OpState *s, const int *from, const int *to, OpLocals *out)
{
	int			local = out->nnames;
	int			i = from[0];
	int			j = from[1];
	int			l;

	if (op_open(s) != 0)
		out->pairs[out->npairs++] = SCOPE_PAIR(local, -1);
	/* go through the entries that either side has, in their order */
	while (i < to[0] || j < to[1])
	{
		int			a = i < to[0] ? op_pair_entry(s, 0, i, &l) : PG_INT32_MAX;
		int			b = j < to[1] ? op_pair_entry(s, 1, j, &l) : PG_INT32_MAX;
		int			entry = Min(a, b);

		if (a == entry)
			i++;
		if (b == entry)
			j++;
		if (entry >= 0 && op_filtered(s, &s->entries[entry]) != 0)
			out->pairs[out->npairs++] = SCOPE_PAIR(local, entry);
	}
}

/* The number of the pair after those of one local base. */
static int
op_skip_local(const OpState *s, int side, int from, int local)
{
	int			i;

	for (i = from; i < s->view[side].npairs; i++)
	{
		int			l,
					f;

		scopeset_pair(&s->view[side], i, &l, &f);
		if (l != local)
			break;
	}
	return i;
}

/*
 * The intersection of a local base that each side has in one pair, at entries a
 * and b (-1: without a filter): the narrower of the two, if one covers the other.
 * PG_INT32_MAX: neither does, or membership would have to be known.
 */
static inline int
op_narrower(const OpState *s, int a, int b)
{
	if (a == b || b < 0)
		return a;
	if (a < 0)
		return b;
	if (s->entries[a].owner == b)
		return a;
	if (s->entries[b].owner == a)
		return b;
	return PG_INT32_MAX;
}

/*
 * One local base, by its number on each side (-1: not there), from the pairs
 * 'from' on, which are left at the base after it.  False if nothing comes of it.
 */
static bool
op_one_local(OpState *s, int *from, int *to, const int *local, OpLocals *out)
{
	int			before = out->npairs;
	int			side;
	int			l;

	if (s->rule == OP_INTERSECT)
	{
		to[0] = op_skip_local(s, 0, from[0], local[0]);
		to[1] = op_skip_local(s, 1, from[1], local[1]);
		if (to[0] - from[0] == 1 && to[1] - from[1] == 1)
		{
			int			entry = op_narrower(s, op_pair_entry(s, 0, from[0], &l),
											op_pair_entry(s, 1, from[1], &l));

			if (entry != PG_INT32_MAX || s->ngroups == 0)
			{
				from[0] = to[0];
				from[1] = to[1];
				if (entry == PG_INT32_MAX)
					return false;
				out->pairs[out->npairs++] = SCOPE_PAIR(out->nnames, entry);
				return true;
			}
		}
	}
	for (side = 0; side < 2; side++)
		to[side] = op_mark_local(s, side, from[side], local[side], 1);
	op_marked_local(s, from, to, out);
	for (side = 0; side < 2; side++)
	{
		(void) op_mark_local(s, side, from[side], local[side], 0);
		from[side] = to[side];
	}
	return out->npairs > before;
}

/*
 * All local bases.  The masks of the well-known bases are used up by now, so
 * the entries' masks serve for the local base at hand.  'first': stop at the
 * first pair in the result.
 */
static void
op_locals(OpState *s, OpLocals *out, bool first)
{
	const ScopesetView *a = &s->view[0];
	const ScopesetView *b = &s->view[1];
	int			from[2] = {0, 0};
	int			to[2] = {0, 0};
	int			i;

	out->nnames = out->npairs = 0;
	out->names = palloc(sizeof(ScopeName) * (a->nlocals + b->nlocals));
	out->pairs = palloc(sizeof(uint64) * (a->npairs + b->npairs));
	for (i = 0; i < s->n; i++)
		s->entries[i].mask[0] = s->entries[i].mask[1] = 0;

	/* every local base has a pair, so where pairs end, the bases end */
	while (from[0] < a->npairs || from[1] < b->npairs)
	{
		int			local[2] = {-1, -1};
		const char *name[2] = {NULL, NULL};
		int			len[2] = {0, 0};
		int			cmp;
		int			side;

		CHECK_FOR_INTERRUPTS();
		for (side = 0; side < 2; side++)
		{
			if (from[side] < s->view[side].npairs)
			{
				(void) op_pair_entry(s, side, from[side], &local[side]);
				name[side] = scopeset_local(&s->view[side], local[side],
											&len[side]);
			}
		}
		if (name[0] && name[1])
			cmp = scope_bytes_cmp(name[0], len[0], name[1], len[1]);
		else
			cmp = name[0] ? -1 : 1;
		if (cmp < 0)
			local[1] = -1;
		else if (cmp > 0)
			local[0] = -1;

		side = local[0] >= 0 ? 0 : 1;
		if (cmp != 0 && s->rule == OP_INTERSECT)
			from[side] = op_skip_local(s, side, from[side], local[side]);
		else if (op_one_local(s, from, to, local, out))
		{
			ScopeName  *n = &out->names[out->nnames++];

			memset(n, 0, sizeof(*n));
			n->text = name[side];
			n->len = len[side];
			if (first)
				return;
		}
	}
}

/* ---- the operations ---- */

static Scopeset *
op_run(OpRule rule, const Scopeset *a, const Scopeset *b, ScopeMembership *m)
{
	OpState		s;
	ScopeDraft	draft = {0};
	OpLocals	locals;
	ScopeName	fixed[OP_FIXED];
	ScopeName  *filters = fixed;
	Scopeset   *set;
	int			i;

	op_load(&s, rule, a, b, m);
	if (s.n > OP_FIXED)
		filters = palloc(sizeof(ScopeName) * s.n);
	draft.open = op_open(&s);
	for (i = 0; i < s.n; i++)
	{
		const OpEntry *e = &s.entries[i];

		filters[i].mask = op_filtered(&s, e);
		filters[i].text = e->value;
		filters[i].len = e->len;
		filters[i].kind = e->kind;
		if (m && (i & 0xFF) == 0)
			CHECK_FOR_INTERRUPTS();
	}
	draft.nfilters = s.n;
	draft.filters = filters;
	if (s.place[0])
	{
		op_locals(&s, &locals, false);
		draft.nlocals = locals.nnames;
		draft.locals = locals.names;
		draft.npairs = locals.npairs;
		draft.pairs = locals.pairs;
	}
	set = scopeset_write_or_fail(&draft);
	if (s.place[0])
	{
		pfree(locals.names);
		pfree(locals.pairs);
	}
	if (filters != fixed)
		pfree(filters);
	op_unload(&s);
	return set;
}

/*
 * scopeset_intersect_with -
 *
 * The permissions that both give: the members of either that the other covers,
 * reduced.
 */
Scopeset *
scopeset_intersect_with(const Scopeset *a, const Scopeset *b,
						ScopeMembership *m)
{
	Scopeset   *set = NULL;

	if (m == NULL)
		set = scopeset_intersect_plain(a, b);
	return set ? set : op_run(OP_INTERSECT, a, b, m);
}

Scopeset *
scopeset_minus_with(const Scopeset *a, const Scopeset *b, ScopeMembership *m)
{
	return op_run(OP_MINUS, a, b, m);
}

/* Raises 54000 when the union has too many members. */
Scopeset *
scopeset_union_of(const Scopeset *a, const Scopeset *b)
{
	return op_run(OP_UNION, a, b, NULL);
}

Scopeset *
scopeset_reduced(const Scopeset *a)
{
	ScopesetView view;
	ScopeBuilder *b;

	scopeset_view(a, &view);
	if (view.npairs == 0)
	{
		/* nothing to do when no unfiltered base has a filter as well */
		uint64		filtered = 0;
		int			i;

		for (i = 0; i < view.nfilters; i++)
			filtered |= scopeset_mask(&view, i);
		if ((filtered & view.open) == 0)
		{
			Size		size = VARSIZE_ANY_EXHDR(a);
			Scopeset   *copy = (Scopeset *) palloc(VARHDRSZ + size);

			SET_VARSIZE(copy, VARHDRSZ + size);
			memcpy(VARDATA(copy), VARDATA_ANY(a), size);
			return copy;
		}
	}
	b = scope_builder_create();
	scope_builder_add_set(b, a);
	return scope_builder_finish(b, true);
}

/*
 * scopeset_overlaps_with -
 *
 * Exactly when the intersection is not empty.
 */
bool
scopeset_overlaps_with(const Scopeset *a, const Scopeset *b,
					   ScopeMembership *m)
{
	OpState		s;
	OpLocals	locals;
	bool		result = false;
	int			i;

	/* most sets that overlap do so in an unfiltered scope of either */
	scopeset_view(a, &s.view[0]);
	scopeset_view(b, &s.view[1]);
	if (s.view[0].open & s.view[1].open)
		return true;
	for (i = 0; i < s.view[1].nfilters; i++)
		if (scopeset_mask(&s.view[1], i) & s.view[0].open)
			return true;
	for (i = 0; i < s.view[0].nfilters; i++)
		if (scopeset_mask(&s.view[0], i) & s.view[1].open)
			return true;

	op_load(&s, OP_INTERSECT, a, b, m);
	for (i = 0; i < s.n && !result; i++)
		result = op_filtered(&s, &s.entries[i]) != 0;
	if (!result && s.view[0].npairs > 0 && s.view[1].npairs > 0)
	{
		op_locals(&s, &locals, true);
		result = locals.npairs > 0;
		pfree(locals.names);
		pfree(locals.pairs);
	}
	op_unload(&s);
	return result;
}
