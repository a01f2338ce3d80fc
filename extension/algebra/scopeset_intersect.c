/*-------------------------------------------------------------------------
 *
 * scopeset_intersect.c
 *	  Intersection, without membership.
 *
 * That is nearly every intersection there is, so it has a path of its own: the
 * filters of both sides are merged, kind by kind, and only what the result holds
 * is ever written down.  A kind that only one side has is passed over as a whole
 * where nothing can cover it.  Local bases are done here where both sides have each
 * of theirs once.  The rules are those of scopeset_op.c, whose head tells them and
 * which does all the rest; a test compares the two.
 *
 * A few names are compared as they are, many by their words (scopeset_words.h).
 *
 *-------------------------------------------------------------------------
 */
#include "scopeset_private.h"

#include "scopeset_words.h"

#define INTERSECT_FIXED	128		/* names of a side that need no allocation */
#define INTERSECT_FEW	12		/* no more names are compared as they are */
#define INTERSECT_STEPS	16		/* from one owner to the next, before seeking */
#define INTERSECT_PAIRINGS	8	/* see IntersectPairing */

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

/*
 * The filters of a local base on both sides, and what comes of it.  Mostly it is
 * one of a few: all bases are held for the same user.
 */
typedef struct IntersectPairing
{
	int			filter[2];		/* of each side; -1: none */
	bool		any;			/* is there anything? */
	ScopeName	narrower;		/* its filter; of kind SCOPE_OPEN: none */
	int			place;			/* of that in the result; -1: none */
} IntersectPairing;

/* Local bases of the result. */
typedef struct IntersectLocals
{
	int			n;
	int			npairings;
	ScopeName  *names;
	uint64	   *pairs;
	IntersectPairing pairings[INTERSECT_PAIRINGS];
	ScopeName	fixed_names[INTERSECT_FIXED];
	uint64		fixed_pairs[INTERSECT_FIXED];
} IntersectLocals;

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
intersect_cursor(const IntersectSide *s, int at, int end, ScopeCursor *c)
{
	scope_cursor_begin(c, s->view.values, s->view.filter_ends, at, end);
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

/* The bases that a side has for an owner, found among the users from 'from' on. */
static uint64
intersect_seek_owner(const IntersectSide *s, int from, const char *owner, int len, int *at)
{
	bool		found;

	*at = scopeset_seek_filter(&s->view, from, SCOPE_USER, owner, len, &found);
	return found ? scopeset_mask(&s->view, *at) : 0;
}

/* Users among whom the owners of many servers are looked up, by words. */
typedef struct IntersectOwners
{
	ScopeCursor users;			/* those before are less than any owner after 'word' */
	uint64		word;			/* of the last owner in order, */
	const char *owner;			/* this one */
	int			owner_len;		/* -1: none yet */
	uint64		mask;			/* and what the side has for it */
} IntersectOwners;

/* Both have names.  A server begins with what all users have in common. */
static inline void
intersect_owners_begin(IntersectOwners *o, const IntersectSide *s, ScopeCursor *servers)
{
	const char *server;
	int			len;

	intersect_cursor(s, s->first_user, s->view.nfilters, &o->users);
	scope_cursors_pair(&o->users, servers);
	server = scope_cursor_name(servers, &len);
	if (o->users.skip > 0 && memchr(server, '/', o->users.skip) != NULL)
	{
		/* all are of one owner, whose name is shorter */
		o->users.skip = 0;
		scope_cursor_word(&o->users);
	}
	o->word = 0;
	o->owner = NULL;
	o->owner_len = -1;
	o->mask = 0;
}

/* As intersect_owner: a merge, but for owners who are not in order. */
static inline uint64
intersect_next_owner(IntersectOwners *o, const IntersectSide *s, const char *server,
					 int server_len)
{
	uint64		word;
	int			len = scope_owner_word(server, server_len, o->users.skip, &word);
	int			steps = 0;
	int			at;

	if (word <= o->word)
	{
		if (len == o->owner_len && scope_bytes_same(server, o->owner, len))
			return o->mask;
		return intersect_seek_owner(s, s->first_user, server, len, &at);
	}
	o->word = word;
	o->owner = server;
	o->owner_len = len;
	o->mask = 0;
	while (scope_cursor_more(&o->users) && o->users.word < word)
	{
		if (++steps > INTERSECT_STEPS)
		{
			o->mask = intersect_seek_owner(s, o->users.at, server, len, &at);
			scope_cursor_move(&o->users, at);
			return o->mask;
		}
		scope_cursor_next(&o->users);
	}
	if (scope_cursor_more(&o->users) && o->users.word == word)
	{
		int			user_len;
		const char *user = scope_cursor_name(&o->users, &user_len);
		int			cmp = scope_same_word_cmp(user, user_len, server, len, o->users.skip);

		if (cmp == 0)
			o->mask = scopeset_mask(&s->view, o->users.at);
		else if (cmp < 0)
			o->mask = intersect_seek_owner(s, o->users.at, server, len, &at);
	}
	return o->mask;
}

/* As intersect_alone, of many servers and users. */
static pg_noinline void
intersect_owned(IntersectResult *r, IntersectSide *mine, const IntersectSide *other, int end)
{
	const ScopesetView view = mine->view;
	uint64		open = other->view.open;
	IntersectOwners owners;
	ScopeCursor servers;
	uint32		from = mine->from;
	int			i;

	intersect_cursor(mine, mine->at, end, &servers);
	intersect_owners_begin(&owners, other, &servers);
	for (i = mine->at; i < end; i++)
	{
		uint32		to = scope_name_end(view.filter_ends, i);
		const char *value = view.values + from;
		uint64		mask = scopeset_mask(&view, i) & ~view.open;
		uint64		cover = open;

		if ((mask & ~cover) != 0)
			cover |= intersect_next_owner(&owners, other, value, (int) (to - from));
		intersect_put(r, mask & cover, SCOPE_SERVER, value, (int) (to - from));
		from = to;
	}
	intersect_skip_to(mine, end);
}

/*
 * Filters of one kind that only 'mine' has, up to 'end': what the other covers
 * without a filter or, if it is a server's, for its owner.
 */
static void
intersect_alone(IntersectResult *r, IntersectSide *mine, IntersectSide *other, int end,
				ScopeKind kind)
{
	int			nusers = kind == SCOPE_SERVER ? other->view.nfilters - other->first_user : 0;

	if (nusers > INTERSECT_FEW && end - mine->at > INTERSECT_FEW)
	{
		intersect_owned(r, mine, other, end);
		return;
	}
	while (mine->at < end)
	{
		int			len;
		const char *value = intersect_value(mine, &len);
		uint64		mask = scopeset_mask(&mine->view, mine->at) & ~mine->view.open;
		uint64		cover = other->view.open;

		if (nusers > 0 && (mask & ~cover) != 0)
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

/*
 * The merge by words of one kind that neither side can cover but by the very
 * filter: then there are no unfiltered bases.  Both sides have some.
 */
static pg_noinline void
intersect_exact(IntersectResult *r, IntersectSide *a, IntersectSide *b, int aend, int bend,
				ScopeKind kind)
{
	const char *amasks = a->view.masks;
	const char *bmasks = b->view.masks;
	ScopeCursor x;
	ScopeCursor y;

	intersect_cursor(a, a->at, aend, &x);
	intersect_cursor(b, b->at, bend, &y);
	scope_cursors_pair(&x, &y);
	while (scope_cursor_more(&x) && scope_cursor_more(&y))
	{
		int			cmp = scope_cursors_cmp(&x, &y);

		if (cmp == 0)
		{
			uint64		amask;
			uint64		bmask;

			memcpy(&amask, amasks + x.at * sizeof(uint64), sizeof(uint64));
			memcpy(&bmask, bmasks + y.at * sizeof(uint64), sizeof(uint64));
			intersect_put(r, amask & bmask, kind, x.text + x.from, (int) (x.to - x.from));
			scope_cursor_next(&x);
			scope_cursor_next(&y);
		}
		else if (cmp < 0)
			scope_cursor_next(&x);
		else
			scope_cursor_next(&y);
	}
	intersect_skip_to(a, aend);
	intersect_skip_to(b, bend);
}

/* One kind: filters of a up to aend and of b up to bend. */
static void
intersect_kind(IntersectResult *r, IntersectSide *a, IntersectSide *b, int aend, int bend,
			   ScopeKind kind)
{
	bool		acovers = intersect_may_cover(a, kind);
	bool		bcovers = intersect_may_cover(b, kind);

	if (!acovers && !bcovers && aend - a->at > INTERSECT_FEW && bend - b->at > INTERSECT_FEW)
	{
		intersect_exact(r, a, b, aend, bend, kind);
		return;
	}
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

static inline void
intersect_all_filters(IntersectResult *r, IntersectSide *a, IntersectSide *b)
{
	while (a->at < a->view.nfilters || b->at < b->view.nfilters)
	{
		int			kind = SCOPE_USER;

		if (a->at < a->view.nfilters)
			kind = Min(kind, a->view.kinds[a->at]);
		if (b->at < b->view.nfilters)
			kind = Min(kind, b->view.kinds[b->at]);
		intersect_kind(r, a, b, intersect_end_of_kind(&a->view, a->at, kind),
					   intersect_end_of_kind(&b->view, b->at, kind), (ScopeKind) kind);
	}
}

/* ---- local bases ---- */

/*
 * The local bases that both sides have, in order: each as (index of it in a) << 16
 * | (index of it in b).  'common' has room for the smaller number of them.
 */
static int
intersect_common_locals(const ScopesetView *a, const ScopesetView *b, uint32 *common)
{
	ScopeCursor x;
	ScopeCursor y;
	int			n = 0;

	if (a->nlocals == 0 || b->nlocals == 0)
		return 0;
	scope_cursor_begin(&x, a->locals, a->local_ends, 0, a->nlocals);
	scope_cursor_begin(&y, b->locals, b->local_ends, 0, b->nlocals);
	scope_cursors_pair(&x, &y);
	while (scope_cursor_more(&x) && scope_cursor_more(&y))
	{
		int			cmp = scope_cursors_cmp(&x, &y);

		if (cmp == 0)
		{
			common[n++] = (uint32) x.at << 16 | (uint32) y.at;
			scope_cursor_next(&x);
			scope_cursor_next(&y);
		}
		else if (cmp < 0)
			scope_cursor_next(&x);
		else
			scope_cursor_next(&y);
	}
	return n;
}

static void
intersect_filter_name(const IntersectSide *s, int filter, ScopeName *name)
{
	name->mask = 0;
	name->kind = SCOPE_OPEN;
	name->text = NULL;
	name->len = 0;
	if (filter < 0)
		return;
	name->kind = s->view.kinds[filter];
	name->text = scopeset_value(&s->view, filter, &name->len);
}

static inline bool
intersect_same_text(const char *a, int alen, const char *b, int blen)
{
	return alen == blen && scope_bytes_same(a, b, alen);
}

/* Is the first filter that of a server whose owner the second is for? */
static inline bool
intersect_is_owned(const ScopeName *server, const ScopeName *user)
{
	return server->kind == SCOPE_SERVER && user->kind == SCOPE_USER &&
		intersect_same_text(server->text, scope_server_owner_len(server->text, server->len),
							user->text, user->len);
}

/* What comes of a base that each side has once, with these filters. */
static void
intersect_pair_up(const IntersectSide *a, const IntersectSide *b, IntersectPairing *p)
{
	ScopeName	with_a;
	ScopeName	with_b;

	intersect_filter_name(a, p->filter[0], &with_a);
	intersect_filter_name(b, p->filter[1], &with_b);
	p->any = true;
	p->place = -1;
	if (with_b.kind == SCOPE_OPEN || intersect_is_owned(&with_a, &with_b))
		p->narrower = with_a;
	else if (with_a.kind == SCOPE_OPEN || intersect_is_owned(&with_b, &with_a))
		p->narrower = with_b;
	else
	{
		p->narrower = with_a;
		p->any = with_a.kind == with_b.kind &&
			intersect_same_text(with_a.text, with_a.len, with_b.text, with_b.len);
	}
}

/* The number of a pairing, which is made if there is none; -1: there is no room. */
static inline int
intersect_find_pairing(IntersectLocals *l, const IntersectSide *a, const IntersectSide *b,
					   int afilter, int bfilter)
{
	int			i;

	for (i = 0; i < l->npairings; i++)
		if (l->pairings[i].filter[0] == afilter && l->pairings[i].filter[1] == bfilter)
			return i;
	if (i == INTERSECT_PAIRINGS)
		return -1;
	l->pairings[i].filter[0] = afilter;
	l->pairings[i].filter[1] = bfilter;
	intersect_pair_up(a, b, &l->pairings[i]);
	l->npairings++;
	return i;
}

/*
 * The local bases in common, which each side has in one pair: then the pairs are
 * numbered as the bases.  False: there are too many different filters.
 */
static bool
intersect_locals(IntersectLocals *l, const IntersectSide *a, const IntersectSide *b)
{
	uint32		fixed[INTERSECT_FIXED];
	uint32	   *common = fixed;
	int			most = Min(a->view.nlocals, b->view.nlocals);
	int			n;
	int			i;

	l->n = l->npairings = 0;
	l->names = l->fixed_names;
	l->pairs = l->fixed_pairs;
	if (most > INTERSECT_FIXED)
		common = palloc(sizeof(uint32) * most);
	n = intersect_common_locals(&a->view, &b->view, common);
	if (n > INTERSECT_FIXED)
	{
		l->names = palloc(sizeof(ScopeName) * n);
		l->pairs = palloc(sizeof(uint64) * n);
	}
	for (i = 0; i < n; i++)
	{
		int			alocal = common[i] >> 16;
		int			afilter;
		int			bfilter;
		int			local;
		int			pairing;
		ScopeName  *name = &l->names[l->n];

		scopeset_pair(&a->view, alocal, &local, &afilter);
		scopeset_pair(&b->view, common[i] & 0xFFFF, &local, &bfilter);
		pairing = intersect_find_pairing(l, a, b, afilter, bfilter);
		if (pairing < 0)
			break;
		/* written in any case, see intersect_put; the filter comes later */
		name->text = scopeset_local(&a->view, alocal, &name->len);
		l->pairs[l->n] = pairing;
		l->n += l->pairings[pairing].any;
	}
	if (common != fixed)
		pfree(common);
	return i == n;
}

static void
intersect_free_locals(IntersectLocals *l)
{
	if (l->names == l->fixed_names)
		return;
	pfree(l->names);
	pfree(l->pairs);
}

/* The place of a filter in the result, or where it belongs. */
static int
intersect_place(const IntersectResult *r, const ScopeName *f, bool *found)
{
	int			low = 0;
	int			high = r->n;

	*found = false;
	while (low < high)
	{
		int			mid = low + (high - low) / 2;
		const ScopeName *m = &r->filters[mid];
		int			cmp = scope_filter_cmp(m->kind, SCOPE_TEXT(m->text), m->len,
										   f->kind, SCOPE_TEXT(f->text), f->len);

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

/* Put the filters of local bases between those of others, and number the pairs. */
static void
intersect_put_locals(IntersectResult *r, IntersectLocals *l)
{
	bool		found;
	int			i;

	for (i = 0; i < l->npairings; i++)
	{
		const ScopeName *f = &l->pairings[i].narrower;
		int			at;

		if (!l->pairings[i].any || f->kind == SCOPE_OPEN)
			continue;
		at = intersect_place(r, f, &found);
		if (found)
			continue;
		memmove(&r->filters[at + 1], &r->filters[at], sizeof(ScopeName) * (r->n - at));
		r->filters[at] = *f;
		r->n++;
	}
	for (i = 0; i < l->npairings; i++)
	{
		const ScopeName *f = &l->pairings[i].narrower;

		if (l->pairings[i].any && f->kind != SCOPE_OPEN)
			l->pairings[i].place = intersect_place(r, f, &found);
	}
	for (i = 0; i < l->n; i++)
		l->pairs[i] = SCOPE_PAIR(i, l->pairings[l->pairs[i]].place);
}

/* ---- all together ---- */

/* The filters, and the result; l: local bases in common, or NULL. */
static Scopeset *
intersect_finish(IntersectSide *a, IntersectSide *b, IntersectLocals *l)
{
	IntersectResult r;
	ScopeName	fixed[INTERSECT_FIXED];
	ScopeDraft	draft = {0};
	Scopeset   *set;

	r.n = 0;
	r.filters = fixed;
	/* one more than there can be, see intersect_put */
	if (a->view.nfilters + b->view.nfilters >= INTERSECT_FIXED)
		r.filters = palloc(sizeof(ScopeName) * (a->view.nfilters + b->view.nfilters + 1));
	intersect_all_filters(&r, a, b);
	draft.open = a->view.open & b->view.open;
	if (l != NULL)
	{
		intersect_put_locals(&r, l);
		draft.nlocals = draft.npairs = l->n;
		draft.locals = l->names;
		draft.pairs = l->pairs;
		draft.tight = true;
	}
	draft.nfilters = r.n;
	draft.filters = r.filters;
	set = scopeset_write_or_fail(&draft);
	if (r.filters != fixed)
		pfree(r.filters);
	return set;
}

/* Each side has each of its local bases once: with one filter, or with none. */
static Scopeset *
intersect_with_locals(IntersectSide *a, IntersectSide *b)
{
	IntersectLocals l;
	Scopeset   *set = NULL;

	if (intersect_locals(&l, a, b))
		set = intersect_finish(a, b, &l);
	intersect_free_locals(&l);
	return set;
}

/*
 * scopeset_intersect_plain -
 *
 * The permissions that both give, reduced, as scopeset_intersect_with gives them
 * without membership.  NULL where local bases are held in too many ways: then
 * that has to be called.
 */
Scopeset *
scopeset_intersect_plain(const Scopeset *a, const Scopeset *b)
{
	IntersectSide sa,
				sb;

	intersect_begin(&sa, a);
	intersect_begin(&sb, b);
	if (sa.view.npairs == 0 || sb.view.npairs == 0)
		return intersect_finish(&sa, &sb, NULL);
	/* every local base has a pair */
	if (sa.view.npairs == sa.view.nlocals && sb.view.npairs == sb.view.nlocals)
		return intersect_with_locals(&sa, &sb);
	return NULL;
}
