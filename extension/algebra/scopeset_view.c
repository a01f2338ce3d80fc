/*-------------------------------------------------------------------------
 *
 * scopeset_view.c
 *	  Reading a scopeset: taking it apart, searching it, walking it.
 *
 * Nothing here allocates, but for scope_append's buffer, and nothing writes a
 * stored byte (scopeset_write.c does).
 *
 *-------------------------------------------------------------------------
 */
#include "scopeset_private.h"

#include "port/pg_bitutils.h"

/*
 * scopeset_take_apart -
 *
 * The parts of a value of any version (layout: scopeset.h).  What its masks
 * mean is for the caller to know.
 */
void
scopeset_take_apart(const Scopeset *set, ScopesetView *view)
{
	const char *p = VARDATA_ANY(set);
	uint16		count[3];
	uint32		npairs;

	memcpy(count, p + 2, sizeof(count));
	memcpy(&npairs, p + 8, sizeof(npairs));
	memcpy(&view->open, p + 12, sizeof(uint64));
	view->nmembers = count[0];
	view->nfilters = count[1];
	view->nlocals = count[2];
	view->npairs = (int) npairs;

	p += 20;
	view->masks = p;
	p += view->nfilters * sizeof(uint64);
	view->filter_ends = p;
	p += view->nfilters * sizeof(uint32);
	view->local_ends = p;
	p += view->nlocals * sizeof(uint32);
	view->pair_locals = p;
	p += view->npairs * sizeof(uint16);
	view->pair_filters = p;
	p += view->npairs * sizeof(uint16);
	view->kinds = (const uint8 *) p;
	p += view->nfilters;
	view->values = p;
	view->locals = p;
	if (view->nfilters > 0)
	{
		uint32		end;

		memcpy(&end, view->filter_ends + (view->nfilters - 1) * sizeof(uint32),
			   sizeof(uint32));
		view->locals += end;
	}
}

/*
 * scopeset_view -
 *
 * Take a value apart.  It must be detoasted, its header may be short, and it
 * is of today's version: see DatumGetScopesetP.
 */
void
scopeset_view(const Scopeset *set, ScopesetView *view)
{
	Assert((uint8) VARDATA_ANY(set)[0] == SCOPESET_VERSION);
	scopeset_take_apart(set, view);
}

bool
scopeset_is_empty(const Scopeset *set)
{
	ScopesetView view;

	scopeset_view(set, &view);
	return view.nmembers == 0;
}

/* ---- searching ---- */

static inline int
view_filter_cmp(const ScopesetView *view, int filter,
				ScopeKind kind, const char *value, int len)
{
	int			vlen;
	const char *v;

	if (view->kinds[filter] != kind)
		return view->kinds[filter] < kind ? -1 : 1;
	v = scopeset_value(view, filter, &vlen);
	return scope_bytes_cmp(v, vlen, value, len);
}

/*
 * scopeset_seek_filter -
 *
 * The first filter at or after 'from' that is not before the given one; *found
 * says whether it is that one.  Steps double, so a walk along two tables costs
 * like a merge, and a few look-ups in a large table like binary searches.
 */
int
scopeset_seek_filter(const ScopesetView *view, int from,
					 ScopeKind kind, const char *value, int len, bool *found)
{
	int			low = from;		/* everything before is smaller */
	int			high = view->nfilters;	/* everything from here on is not */
	int			step = 1;
	int			probe = from;

	*found = false;
	value = SCOPE_TEXT(value);
	while (probe < view->nfilters)
	{
		int			cmp = view_filter_cmp(view, probe, kind, value, len);

		if (cmp >= 0)
		{
			*found = (cmp == 0);
			high = probe;
			break;
		}
		low = probe + 1;
		probe += step;
		step *= 2;
	}
	if (*found)
		return high;
	while (low < high)
	{
		int			mid = low + (high - low) / 2;
		int			cmp = view_filter_cmp(view, mid, kind, value, len);

		if (cmp == 0)
		{
			*found = true;
			return mid;
		}
		if (cmp < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/*
 * scopeset_find_filter -
 *
 * Index of a filter, or -1.
 */
int
scopeset_find_filter(const ScopesetView *view, ScopeKind kind,
					 const char *value, int len)
{
	int			low = 0;
	int			high = view->nfilters;

	value = SCOPE_TEXT(value);
	while (low < high)
	{
		int			mid = low + (high - low) / 2;
		int			cmp = view_filter_cmp(view, mid, kind, value, len);

		if (cmp == 0)
			return mid;
		if (cmp < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return -1;
}

int
scopeset_find_local(const ScopesetView *view, const char *base, int len)
{
	int			low = 0;
	int			high = view->nlocals;

	while (low < high)
	{
		int			mid = low + (high - low) / 2;
		int			llen;
		const char *l = scopeset_local(view, mid, &llen);
		int			cmp = scope_bytes_cmp(l, llen, base, len);

		if (cmp == 0)
			return mid;
		if (cmp < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return -1;
}

/* The first pair that is not before (local, filter). */
static int
view_seek_pair(const ScopesetView *view, int local, int filter)
{
	int			low = 0;
	int			high = view->npairs;

	while (low < high)
	{
		int			mid = low + (high - low) / 2;
		int			l,
					f;

		scopeset_pair(view, mid, &l, &f);
		if (l < local || (l == local && f < filter))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

int
scopeset_first_pair(const ScopesetView *view, int local)
{
	return view_seek_pair(view, local, -1);
}

bool
scopeset_has_pair(const ScopesetView *view, int local, int filter)
{
	int			at = view_seek_pair(view, local, filter);
	int			l,
				f;

	if (at >= view->npairs)
		return false;
	scopeset_pair(view, at, &l, &f);
	return l == local && f == filter;
}

bool
scopeset_has_member(const ScopesetView *view, const ScopeMember *member)
{
	int			filter = -1;
	int			local;

	if (member->kind != SCOPE_OPEN)
	{
		filter = scopeset_find_filter(view, member->kind, member->value, member->value_len);
		if (filter < 0)
			return false;
	}
	if (member->base_id >= 0)
		return ((filter < 0 ? view->open : scopeset_mask(view, filter)) &
				(UINT64CONST(1) << member->base_id)) != 0;
	local = scopeset_find_local(view, member->base, member->base_len);
	return local >= 0 && scopeset_has_pair(view, local, filter);
}

/* ---- walking ---- */

/*
 * scope_iter_init -
 *
 * Start a walk over the members in code point order of their text.  That is
 * the order of (base, filter), so bases of the dictionary and local ones are
 * merged, and for each the filters are gone through in their stored order.
 */
void
scope_iter_init(ScopeIter *iter, const Scopeset *set)
{
	int			i;

	scopeset_view(set, &iter->view);
	iter->bases = iter->view.open;
	for (i = 0; i < iter->view.nfilters; i++)
		iter->bases |= scopeset_mask(&iter->view, i);
	iter->base = -1;
	iter->pair = 0;
	iter->filter = -1;
	iter->in_locals = false;
}

/* Go to the next base in order; false at the end. */
static bool
iter_next_base(ScopeIter *iter)
{
	const char *name = NULL;
	const char *local;
	int			len = 0;
	int			local_len;
	int			id = -1;
	int			l,
				f;

	if (iter->bases != 0)
	{
		id = pg_rightmost_one_pos64(iter->bases);
		name = scope_dictionary_name(id, &len);
	}
	iter->filter = -1;
	iter->in_locals = false;
	if (iter->pair < iter->view.npairs)
	{
		scopeset_pair(&iter->view, iter->pair, &l, &f);
		local = scopeset_local(&iter->view, l, &local_len);
		if (id < 0 || scope_bytes_cmp(local, local_len, name, len) < 0)
		{
			iter->in_locals = true;
			iter->base = l;
			return true;
		}
	}
	if (id < 0)
		return false;
	iter->base = id;
	iter->bases &= iter->bases - 1;
	return true;
}

static void
iter_fill(const ScopesetView *view, int filter, ScopeMember *member)
{
	if (filter < 0)
	{
		member->kind = SCOPE_OPEN;
		member->value = NULL;
		member->value_len = 0;
		return;
	}
	member->kind = scopeset_kind(view, filter);
	member->value = scopeset_value(view, filter, &member->value_len);
	if (scope_kind_is_self(member->kind))
		member->value = NULL;
}

/*
 * scope_iter_next -
 *
 * The next member; false when there is none.
 */
bool
scope_iter_next(ScopeIter *iter, ScopeMember *member)
{
	const ScopesetView *view = &iter->view;

	for (;;)
	{
		if (iter->in_locals && iter->pair < view->npairs)
		{
			int			l,
						f;

			scopeset_pair(view, iter->pair, &l, &f);
			if (l == iter->base)
			{
				iter->pair++;
				member->base = scopeset_local(view, l, &member->base_len);
				member->base_id = -1;
				iter_fill(view, f, member);
				return true;
			}
		}
		else if (!iter->in_locals && iter->base >= 0)
		{
			uint64		bit = UINT64CONST(1) << iter->base;

			while (iter->filter < view->nfilters)
			{
				int			f = iter->filter++;
				uint64		mask = f < 0 ? view->open : scopeset_mask(view, f);

				if (mask & bit)
				{
					member->base = scope_dictionary_name(iter->base,
														 &member->base_len);
					member->base_id = iter->base;
					iter_fill(view, f, member);
					return true;
				}
			}
		}
		if (!iter_next_base(iter))
			return false;
	}
}

/*
 * scope_append -
 *
 * Append a member's text, in UTF-8.
 */
void
scope_append(StringInfo buf, const ScopeMember *member)
{
	appendBinaryStringInfo(buf, member->base, member->base_len);
	if (member->kind == SCOPE_OPEN)
		return;
	appendStringInfoChar(buf, '!');
	appendStringInfoString(buf, scope_kind_name(member->kind));
	if (scope_kind_is_self(member->kind))
		return;
	appendStringInfoChar(buf, '=');
	appendBinaryStringInfo(buf, member->value, member->value_len);
}
