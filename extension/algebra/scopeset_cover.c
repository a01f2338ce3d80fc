/*-------------------------------------------------------------------------
 *
 * scopeset_cover.c
 *	  Is a scope, or each of a set, covered by a set?
 *
 * The questions that are asked most, and the shortest to answer: nothing is
 * allocated and nothing merged.  What covers what is said at the head of
 * scopeset_op.c.
 *
 *-------------------------------------------------------------------------
 */
#include "scopeset_private.h"

#include "miscadmin.h"

#define COVER_FIXED	128			/* filters that need no allocation */

/*
 * Where a walk along another set's filters has got to in this one: filters
 * asked for in order are found by a step or two.
 */
typedef struct CoverCursor
{
	int			at;				/* of the last filter asked for */
	int			owner_at;		/* of the owner of the last server */
	const char *owner;
	int			owner_len;
} CoverCursor;

/*
 * The user filter of a server's owner, or -1.  Servers in order have owners in
 * order, but for names that go on with a character below '/'.
 */
static int
cover_owner(const ScopesetView *view, CoverCursor *cursor,
			const char *owner, int len)
{
	bool		found;

	if (cursor->owner == NULL ||
		scope_bytes_cmp(cursor->owner, cursor->owner_len, owner, len) > 0)
		cursor->owner_at = 0;
	cursor->owner_at = scopeset_seek_filter(view, cursor->owner_at, SCOPE_USER,
											owner, len, &found);
	cursor->owner = owner;
	cursor->owner_len = len;
	return found ? cursor->owner_at : -1;
}

/*
 * Which of the bases in 'mask', with this filter, does the set not cover?
 * Filters must be asked for in order.
 */
static uint64
cover_uncovered(const ScopesetView *view, CoverCursor *cursor, uint64 mask,
				ScopeKind kind, const char *value, int len, ScopeMembership *m)
{
	bool		found;
	int			owner_len = len;
	int			g;

	cursor->at = scopeset_seek_filter(view, cursor->at, kind, value, len,
									  &found);
	if (found)
		mask &= ~scopeset_mask(view, cursor->at);
	if (mask == 0 || (kind != SCOPE_SERVER && kind != SCOPE_USER))
		return mask;

	if (kind == SCOPE_SERVER)
	{
		owner_len = scope_server_owner_len(value, len);
		if (scopeset_has_users(view))
		{
			int			owner = cover_owner(view, cursor, value, owner_len);

			if (owner >= 0)
				mask &= ~scopeset_mask(view, owner);
		}
	}
	if (m == NULL)
		return mask;
	for (g = 0; mask != 0 && g < view->nfilters &&
		 view->kinds[g] == SCOPE_GROUP; g++)
	{
		uint64		by_group = scopeset_mask(view, g);
		int			group_len;
		const char *group;

		if ((by_group & mask) == 0)
			continue;
		group = scopeset_value(view, g, &group_len);
		if (m->is_member(m, value, owner_len, group, group_len))
			mask &= ~by_group;
	}
	return mask;
}

/* The pairs of one local base in a set, for looking up filters among them. */
typedef struct CoverLocal
{
	int			from;			/* first pair */
	int			to;				/* behind the last; from = to: base not there */
	bool		open;			/* there is one without a filter */
} CoverLocal;

/* Find a local base; 'from' is the pair to begin with. */
static void
cover_find_local(const ScopesetView *view, CoverLocal *local, int from,
				 const char *base, int len)
{
	int			index = view->npairs > 0 ?
	scopeset_find_local(view, base, len) : -1;
	int			l,
				f = 0;

	local->open = false;
	local->from = local->to = from;
	if (index < 0)
		return;
	/* mostly the very next one */
	scopeset_pair(view, Min(from, view->npairs - 1), &l, &f);
	if (l != index || from >= view->npairs)
		local->from = scopeset_first_pair(view, index);
	for (local->to = local->from; local->to < view->npairs; local->to++)
	{
		scopeset_pair(view, local->to, &l, &f);
		if (l != index)
			break;
		if (f < 0)
			local->open = true;
	}
}

/* Is a filter (its index; -1: there is none such) among a base's pairs? */
static bool
cover_has_filter(const ScopesetView *view, const CoverLocal *local, int filter)
{
	int			low = local->from;
	int			high = local->to;

	if (filter < 0)
		return false;
	while (low < high)
	{
		int			mid = low + (high - low) / 2;
		int			l,
					f;

		scopeset_pair(view, mid, &l, &f);
		if (f == filter)
			return true;
		if (f < filter)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

/* Is a local base with a filter, which is not there unfiltered, covered? */
static bool
cover_local(const ScopesetView *view, const CoverLocal *local, ScopeKind kind,
			const char *value, int len, ScopeMembership *m)
{
	int			owner_len = len;
	int			i;

	if (cover_has_filter(view, local,
						 scopeset_find_filter(view, kind, value, len)))
		return true;
	if (kind != SCOPE_SERVER && kind != SCOPE_USER)
		return false;
	if (kind == SCOPE_SERVER)
	{
		owner_len = scope_server_owner_len(value, len);
		if (scopeset_has_users(view) &&
			cover_has_filter(view, local,
							 scopeset_find_filter(view, SCOPE_USER, value,
												  owner_len)))
			return true;
	}
	if (m == NULL)
		return false;
	for (i = local->from; i < local->to; i++)
	{
		int			l,
					filter;
		int			group_len;
		const char *group;

		/* groups come first in the order of filters */
		scopeset_pair(view, i, &l, &filter);
		if (view->kinds[filter] != SCOPE_GROUP)
			break;
		group = scopeset_value(view, filter, &group_len);
		if (m->is_member(m, value, owner_len, group, group_len))
			return true;
	}
	return false;
}

/*
 * The local bases of b against a.  Their pairs come by base, and bases are
 * often used with the same few filters: each of those is looked up in a once.
 */
static bool
cover_locals(const ScopesetView *va, const ScopesetView *vb,
			 ScopeMembership *m)
{
	CoverLocal	local = {0};
	int			fixed[COVER_FIXED];
	int		   *same = fixed;	/* b's filters in a; -2: not looked up yet */
	int			seen = -1;
	bool		good = true;
	int			i;

	if (vb->nfilters > COVER_FIXED)
		same = palloc(sizeof(int) * vb->nfilters);
	for (i = 0; i < vb->nfilters; i++)
		same[i] = -2;
	for (i = 0; i < vb->npairs && good; i++)
	{
		const char *text;
		int			len;
		int			l,
					f;

		scopeset_pair(vb, i, &l, &f);
		if (l != seen)
		{
			text = scopeset_local(vb, l, &len);
			cover_find_local(va, &local, local.to, text, len);
			seen = l;
			CHECK_FOR_INTERRUPTS();
		}
		if (local.open)
			continue;
		if (f < 0 || local.from == local.to)
		{
			good = false;
			break;
		}
		text = scopeset_value(vb, f, &len);
		if (same[f] == -2)
			same[f] = scopeset_find_filter(va, scopeset_kind(vb, f), text, len);
		if (cover_has_filter(va, &local, same[f]))
			continue;
		good = cover_local(va, &local, scopeset_kind(vb, f), text, len, m);
	}
	if (same != fixed)
		pfree(same);
	return good;
}

/*
 * scopeset_covers_with -
 *
 * Is every member of b covered by a?
 */
bool
scopeset_covers_with(const Scopeset *a, const Scopeset *b, ScopeMembership *m)
{
	ScopesetView va;
	ScopesetView vb;
	CoverCursor cursor = {0};
	int			i;

	scopeset_view(a, &va);
	scopeset_view(b, &vb);
	if (vb.open & ~va.open)
		return false;
	if (vb.npairs > 0 && va.npairs == 0)
		return false;
	for (i = 0; i < vb.nfilters; i++)
	{
		uint64		rest = scopeset_mask(&vb, i) & ~va.open;

		if (rest != 0)
		{
			int			len;
			const char *value = scopeset_value(&vb, i, &len);

			if (cover_uncovered(&va, &cursor, rest, scopeset_kind(&vb, i),
							 value, len, m) != 0)
				return false;
		}
	}
	return vb.npairs == 0 || cover_locals(&va, &vb, m);
}

/*
 * scopeset_covers_member -
 *
 * Is this one member covered?
 */
bool
scopeset_covers_member(const Scopeset *set, const ScopeMember *member,
					   ScopeMembership *m)
{
	ScopesetView view;
	CoverCursor cursor = {0};
	CoverLocal	local;

	scopeset_view(set, &view);
	if (member->base_id < 0)
	{
		cover_find_local(&view, &local, 0, member->base, member->base_len);
		if (local.from == local.to || local.open)
			return local.open;
		return member->kind != SCOPE_OPEN &&
			cover_local(&view, &local, member->kind, member->value,
						member->value_len, m);
	}
	else
	{
		uint64		bit = UINT64CONST(1) << member->base_id;

		if (view.open & bit)
			return true;
		if (member->kind == SCOPE_OPEN)
			return false;
		return cover_uncovered(&view, &cursor, bit, member->kind, member->value,
							member->value_len, m) == 0;
	}
}

/* ---- would membership matter? ---- */

/* Bases with a group filter, and with a user or server filter. */
static void
cover_grouped_bases(const ScopesetView *view, uint64 *groups, uint64 *users)
{
	int			i;

	*groups = *users = 0;
	for (i = 0; i < view->nfilters; i++)
	{
		if (view->kinds[i] == SCOPE_GROUP)
			*groups |= scopeset_mask(view, i);
		else if (view->kinds[i] == SCOPE_USER || view->kinds[i] == SCOPE_SERVER)
			*users |= scopeset_mask(view, i);
	}
}

/* Has a local base a filter by group (or by user or server)? */
static bool
cover_local_filters(const ScopesetView *view, int local, bool by_group)
{
	int			i;

	for (i = scopeset_first_pair(view, local); i < view->npairs; i++)
	{
		int			l,
					f;

		scopeset_pair(view, i, &l, &f);
		if (l != local)
			break;
		if (f >= 0 && (by_group ? view->kinds[f] == SCOPE_GROUP :
					   (view->kinds[f] == SCOPE_USER ||
						view->kinds[f] == SCOPE_SERVER)))
			return true;
	}
	return false;
}

/*
 * scopeset_needs_groups -
 *
 * Does one side filter by group where the other filters by user or server, on
 * a base that both have only with filters?
 */
bool
scopeset_needs_groups(const Scopeset *a, const Scopeset *b)
{
	ScopesetView va;
	ScopesetView vb;
	uint64		agroups,
				ausers,
				bgroups,
				busers;
	uint64		open;
	int			i;

	scopeset_view(a, &va);
	scopeset_view(b, &vb);
	cover_grouped_bases(&va, &agroups, &ausers);
	cover_grouped_bases(&vb, &bgroups, &busers);
	open = va.open | vb.open;
	if (((agroups & busers) | (ausers & bgroups)) & ~open)
		return true;
	if (vb.nlocals == 0)
		return false;
	for (i = 0; i < va.nlocals; i++)
	{
		int			len;
		const char *name = scopeset_local(&va, i, &len);
		int			other = scopeset_find_local(&vb, name, len);

		if (other >= 0 &&
			!scopeset_has_pair(&va, i, -1) &&
			!scopeset_has_pair(&vb, other, -1) &&
			((cover_local_filters(&va, i, true) &&
			  cover_local_filters(&vb, other, false)) ||
			 (cover_local_filters(&va, i, false) &&
			  cover_local_filters(&vb, other, true))))
			return true;
	}
	return false;
}
