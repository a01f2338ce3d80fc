/*-------------------------------------------------------------------------
 *
 * scopeset_intersect.c
 *	  Intersection, for sets of well-known bases and without membership.
 *
 * That is nearly every intersection there is, so it has a path of its own: the
 * filters of both sides are merged, kind by kind, and only what the result holds
 * is ever written down.  A kind that only one side has is passed over as a whole
 * where nothing can cover it.  The rules are those of scopeset_op.c, whose head
 * tells them and which does all the rest; a test compares the two.
 *
 *-------------------------------------------------------------------------
 */
#include "scopeset_private.h"

#define INTERSECT_FIXED	128		/* filters of a result that need no allocation */

/* One side, with a place in its filters. */
typedef struct IntersectSide
{
	ScopesetView view;
	int			at;				/* the next filter */
	uint32		from;			/* where its value begins */
	int			first_user;		/* the first filter by user */
	int			owner_at;		/* users before are before the owner looked for last */
} IntersectSide;

/* What the result holds so far. */
typedef struct IntersectResult
{
	ScopeName  *filters;
	int			n;
} IntersectResult;

/* Where a filter's value ends: where the next one's begins. */
static inline uint32
intersect_end(const IntersectSide *s, int filter)
{
	uint32		end;

	memcpy(&end, s->view.filter_ends + filter * sizeof(uint32), sizeof(uint32));
	return end;
}

static inline const char *
intersect_value(const IntersectSide *s, int *len)
{
	*len = (int) (intersect_end(s, s->at) - s->from);
	return s->view.values + s->from;
}

static inline void
intersect_skip_to(IntersectSide *s, int filter)
{
	if (filter > 0)
		s->from = intersect_end(s, filter - 1);
	s->at = filter;
}

static inline void
intersect_put(IntersectResult *r, uint64 mask, ScopeKind kind, const char *value, int len)
{
	ScopeName  *f = &r->filters[r->n];

	/* written in any case, kept if there is something: no branch to guess */
	f->mask = mask;
	f->text = value;
	f->len = len;
	f->kind = kind;
	r->n += mask != 0;
}

/* How the user of filter 'at' compares with an owner. */
static inline int
intersect_cmp_user(const IntersectSide *s, int at, const char *owner, int len)
{
	int			user_len;
	const char *user = scopeset_value(&s->view, at, &user_len);

	return scope_bytes_cmp(user, user_len, owner, len);
}

/*
 * The bases that a side has for the user who owns a server.  Servers are in
 * order, and so are their owners, but for names that go on below '/': mostly it
 * is a step from the owner before.
 */
static uint64
intersect_owner(IntersectSide *s, const char *server, int len)
{
	int			owner_len = scope_server_owner_len(server, len);
	int			at = s->owner_at;
	int			steps = 0;
	int			cmp = 1;
	bool		found;

	while (at < s->view.nfilters &&
		   (cmp = intersect_cmp_user(s, at, server, owner_len)) < 0 && steps < 4)
	{
		at++;
		steps++;
	}
	if (cmp < 0 && at < s->view.nfilters)
		at = scopeset_seek_filter(&s->view, at, SCOPE_USER, server, owner_len, &found);
	else if (cmp != 0 && steps == 0 && at > s->first_user &&
			 intersect_cmp_user(s, at - 1, server, owner_len) >= 0)
		at = scopeset_seek_filter(&s->view, s->first_user, SCOPE_USER, server, owner_len,
								  &found);
	else
		found = cmp == 0 && at < s->view.nfilters;
	s->owner_at = at;
	return found ? scopeset_mask(&s->view, at) : 0;
}

/* Can a filter of this kind that only the other side has be covered here? */
static inline bool
intersect_may_cover(const IntersectSide *s, ScopeKind kind)
{
	return s->view.open != 0 ||
		(kind == SCOPE_SERVER && s->first_user < s->view.nfilters);
}

/*
 * Filters of one kind that only 'mine' has, up to 'end': what the other covers
 * without a filter or, if it is a server's, for its owner.
 */
static void
intersect_alone(IntersectResult *r, IntersectSide *mine, IntersectSide *other, int end,
				ScopeKind kind)
{
	bool		owners = kind == SCOPE_SERVER && other->first_user < other->view.nfilters;

	while (mine->at < end)
	{
		int			len;
		const char *value = intersect_value(mine, &len);
		uint64		mask = scopeset_mask(&mine->view, mine->at) & ~mine->view.open;
		uint64		cover = other->view.open;

		if (owners && (mask & ~cover) != 0)
			cover |= intersect_owner(other, value, len);
		intersect_put(r, mask & cover, kind, value, len);
		intersect_skip_to(mine, mine->at + 1);
	}
}

/* A filter that both have, at their places. */
static void
intersect_both(IntersectResult *r, IntersectSide *a, IntersectSide *b, ScopeKind kind)
{
	int			len;
	const char *value = intersect_value(a, &len);
	uint64		amask = scopeset_mask(&a->view, a->at);
	uint64		bmask = scopeset_mask(&b->view, b->at);
	uint64		acover = amask | a->view.open;
	uint64		bcover = bmask | b->view.open;

	/* both sides are taken as reduced, see op_filtered */
	amask &= ~a->view.open;
	bmask &= ~b->view.open;
	if (kind == SCOPE_SERVER)
	{
		if (amask & ~bcover)
			bcover |= intersect_owner(b, value, len);
		if (bmask & ~acover)
			acover |= intersect_owner(a, value, len);
	}
	intersect_put(r, (amask & bcover) | (bmask & acover), kind, value, len);
}

/* One kind: filters of a up to aend and of b up to bend. */
static void
intersect_kind(IntersectResult *r, IntersectSide *a, IntersectSide *b, int aend, int bend,
			   ScopeKind kind)
{
	bool		acovers = intersect_may_cover(a, kind);
	bool		bcovers = intersect_may_cover(b, kind);

	while (a->at < aend && b->at < bend)
	{
		int			alen,
					blen;
		const char *avalue = intersect_value(a, &alen);
		const char *bvalue = intersect_value(b, &blen);
		int			cmp = scope_bytes_cmp(avalue, alen, bvalue, blen);

		if (cmp == 0)
		{
			intersect_both(r, a, b, kind);
			intersect_skip_to(a, a->at + 1);
			intersect_skip_to(b, b->at + 1);
		}
		else if (cmp < 0)
		{
			if (bcovers)
				intersect_alone(r, a, b, a->at + 1, kind);
			else
				intersect_skip_to(a, a->at + 1);
		}
		else
		{
			if (acovers)
				intersect_alone(r, b, a, b->at + 1, kind);
			else
				intersect_skip_to(b, b->at + 1);
		}
	}
	if (bcovers)
		intersect_alone(r, a, b, aend, kind);
	else
		intersect_skip_to(a, aend);
	if (acovers)
		intersect_alone(r, b, a, bend, kind);
	else
		intersect_skip_to(b, bend);
}

/* The first filter at or after 'from' of a kind after 'kind'. */
static int
intersect_end_of_kind(const ScopesetView *view, int from, int kind)
{
	int			low = from;
	int			high = view->nfilters;

	/* most sets have one kind, or this is the last one */
	if (high == 0 || view->kinds[high - 1] <= kind)
		return high;
	while (low < high)
	{
		int			mid = low + (high - low) / 2;

		if (view->kinds[mid] <= kind)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void
intersect_begin(IntersectSide *s, const Scopeset *set)
{
	scopeset_view(set, &s->view);
	s->at = 0;
	s->from = 0;
	s->first_user = intersect_end_of_kind(&s->view, 0, SCOPE_USER - 1);
	s->owner_at = s->first_user;
}

/*
 * scopeset_intersect_plain -
 *
 * The permissions that both give, reduced, as scopeset_intersect_with gives them
 * without membership.  NULL for sets that hold local bases in common: then that
 * has to be called.
 */
Scopeset *
scopeset_intersect_plain(const Scopeset *a, const Scopeset *b)
{
	IntersectSide sa,
				sb;
	IntersectResult r;
	ScopeName	fixed[INTERSECT_FIXED];
	ScopeDraft	draft = {0};
	Scopeset   *set;

	intersect_begin(&sa, a);
	intersect_begin(&sb, b);
	if (sa.view.npairs > 0 && sb.view.npairs > 0)
		return NULL;
	r.n = 0;
	r.filters = fixed;
	/* one more than there can be, see intersect_put */
	if (sa.view.nfilters + sb.view.nfilters >= INTERSECT_FIXED)
		r.filters = palloc(sizeof(ScopeName) * (sa.view.nfilters + sb.view.nfilters + 1));
	while (sa.at < sa.view.nfilters || sb.at < sb.view.nfilters)
	{
		int			kind = SCOPE_USER;

		if (sa.at < sa.view.nfilters)
			kind = Min(kind, sa.view.kinds[sa.at]);
		if (sb.at < sb.view.nfilters)
			kind = Min(kind, sb.view.kinds[sb.at]);
		intersect_kind(&r, &sa, &sb, intersect_end_of_kind(&sa.view, sa.at, kind),
					   intersect_end_of_kind(&sb.view, sb.at, kind), (ScopeKind) kind);
	}
	draft.open = sa.view.open & sb.view.open;
	draft.nfilters = r.n;
	draft.filters = r.filters;
	set = scopeset_write_or_fail(&draft);
	if (r.filters != fixed)
		pfree(r.filters);
	return set;
}
