/*-------------------------------------------------------------------------
 *
 * scopeset_write.c
 *	  The one writer of a scopeset's stored bytes.
 *
 * It lays out a draft: tables that are sorted already (scopeset_private.h), by
 * the builder or by an operator that merged them.  Here are also the errors
 * for what is too big to be stored.
 *
 * Sizes: 65535 members of 2000 bytes take less than 262 MB of names, and less
 * than 65535 * (13 + 4 + 4) bytes of tables; Size cannot overflow, and palloc
 * takes it.  A draft of two sets may have twice as many names; they are counted
 * before anything is written.
 *
 *-------------------------------------------------------------------------
 */
#include "scopeset_private.h"

#include "port/pg_bitutils.h"

/* ---- limits ---- */

void
scope_length_error(Node *escontext)
{
	errsave(escontext,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("scope is too long"),
			 errdetail("A scope may have %d bytes at most.",
					   SCOPE_MAX_BYTES)));
}

void
scopeset_size_error(Node *escontext)
{
	errsave(escontext,
			(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
			 errmsg("scopeset has too many members"),
			 errdetail("A scopeset may have %d members at most.",
					   SCOPESET_MAX_MEMBERS)));
}

/* ---- the writer ---- */

static inline char *
write_bytes(char *p, const void *bytes, size_t len)
{
	memcpy(p, bytes, len);
	return p + len;
}

/* The same for a name, which is short: a call would take longer than the copy. */
static inline char *
write_name(char *p, const char *name, int len)
{
	int			i;

	if (len >= 8)
	{
		for (i = 0; i < len - 8; i += 8)
			memcpy(p + i, name + i, 8);
		memcpy(p + len - 8, name + len - 8, 8);
	}
	else
	{
		for (i = 0; i < len; i++)
			p[i] = name[i];
	}
	return p + len;
}

/* How many bases a filter goes with; mostly it is one. */
static inline int
write_count(uint64 mask)
{
	return (mask & (mask - 1)) == 0 ? mask != 0 : pg_popcount64(mask);
}

/*
 * Which names do the pairs use?  Fills the new index of each name, counting
 * only those in use and from 1, into 'map'.
 */
static int
write_number_names(const ScopeDraft *draft, bool filters, uint32 *map)
{
	int			n = filters ? draft->nfilters : draft->nlocals;
	int			used = 0;
	int			i;

	for (i = 0; i < n; i++)
		map[i] = filters && (draft->filters[i].mask & ~draft->drop) != 0;
	for (i = 0; i < draft->npairs; i++)
	{
		int			name = filters ? SCOPE_PAIR_FILTER(draft->pairs[i]) :
		SCOPE_PAIR_LOCAL(draft->pairs[i]);

		if (name >= 0)
			map[name] = 1;
	}
	for (i = 0; i < n; i++)
		map[i] = map[i] ? ++used : 0;	/* number from 1; 0: not in use */
	return used;
}

/* Write a draft in which everything is in use; NULL beyond the limit. */
static Scopeset *
write_tight(const ScopeDraft *draft)
{
	static const char start[2] = {SCOPESET_VERSION, 0};
	Size		size = VARHDRSZ + 20;
	int			members = pg_popcount64(draft->open) + draft->npairs;
	uint16		count[3];
	uint32		npairs = draft->npairs;
	uint32		end;
	Scopeset   *set;
	char	   *p;
	int			i;

	for (i = 0; i < draft->nfilters; i++)
	{
		members += write_count(draft->filters[i].mask);
		size += sizeof(uint64) + sizeof(uint32) + 1 + draft->filters[i].len;
	}
	for (i = 0; i < draft->nlocals; i++)
		size += sizeof(uint32) + draft->locals[i].len;
	size += (Size) draft->npairs * 2 * sizeof(uint16);
	if (members > SCOPESET_MAX_MEMBERS)
		return NULL;

	set = (Scopeset *) palloc(size);
	SET_VARSIZE(set, size);
	p = VARDATA(set);
	p = write_bytes(p, start, sizeof(start));
	count[0] = members;
	count[1] = draft->nfilters;
	count[2] = draft->nlocals;
	p = write_bytes(p, count, sizeof(count));
	p = write_bytes(p, &npairs, sizeof(npairs));
	p = write_bytes(p, &draft->open, sizeof(uint64));
	for (i = 0; i < draft->nfilters; i++)
		p = write_bytes(p, &draft->filters[i].mask, sizeof(uint64));
	for (i = 0, end = 0; i < draft->nfilters; i++)
	{
		end += draft->filters[i].len;
		p = write_bytes(p, &end, sizeof(uint32));
	}
	for (i = 0, end = 0; i < draft->nlocals; i++)
	{
		end += draft->locals[i].len;
		p = write_bytes(p, &end, sizeof(uint32));
	}
	for (i = 0; i < draft->npairs; i++)
	{
		uint16		local = SCOPE_PAIR_LOCAL(draft->pairs[i]);

		p = write_bytes(p, &local, sizeof(uint16));
	}
	for (i = 0; i < draft->npairs; i++)
	{
		uint16		filter = SCOPE_PAIR_FILTER(draft->pairs[i]) + 1;

		p = write_bytes(p, &filter, sizeof(uint16));
	}
	for (i = 0; i < draft->nfilters; i++)
		*p++ = (char) draft->filters[i].kind;
	for (i = 0; i < draft->nfilters; i++)
		p = write_name(p, draft->filters[i].text, draft->filters[i].len);
	for (i = 0; i < draft->nlocals; i++)
		p = write_name(p, draft->locals[i].text, draft->locals[i].len);
	Assert(p == (char *) set + size);
	return set;
}

/* The part of the writer that deals with local bases and their pairs. */
static Scopeset *
write_with_pairs(const ScopeDraft *draft)
{
	ScopeDraft	tight = *draft;
	uint32	   *filter_map = palloc(sizeof(uint32) * (draft->nfilters + 1));
	uint32	   *local_map = palloc(sizeof(uint32) * (draft->nlocals + 1));
	ScopeName  *filters = palloc(sizeof(ScopeName) * (draft->nfilters + 1));
	ScopeName  *locals = palloc(sizeof(ScopeName) * (draft->nlocals + 1));
	uint64	   *pairs = palloc(sizeof(uint64) * draft->npairs);
	Scopeset   *set;
	int			i;
	int			n;

	tight.nfilters = write_number_names(draft, true, filter_map);
	tight.nlocals = write_number_names(draft, false, local_map);
	for (i = n = 0; i < draft->nfilters; i++)
	{
		if (filter_map[i] == 0)
			continue;
		filters[n] = draft->filters[i];
		filters[n++].mask &= ~draft->drop;
	}
	for (i = n = 0; i < draft->nlocals; i++)
	{
		if (local_map[i] != 0)
			locals[n++] = draft->locals[i];
	}
	for (i = 0; i < draft->npairs; i++)
	{
		int			filter = SCOPE_PAIR_FILTER(draft->pairs[i]);

		pairs[i] = SCOPE_PAIR((int) local_map[SCOPE_PAIR_LOCAL(draft->pairs[i])] - 1,
							  filter < 0 ? -1 : (int) filter_map[filter] - 1);
	}
	tight.filters = filters;
	tight.locals = locals;
	tight.pairs = pairs;
	set = write_tight(&tight);
	pfree(filter_map);
	pfree(local_map);
	pfree(filters);
	pfree(locals);
	pfree(pairs);
	return set;
}

/*
 * scopeset_write -
 *
 * Write a draft.  NULL when the set has more members than may be.  This is
 * the common case, without local bases; a single pass over the filters, and
 * the result is the only allocation.
 */
Scopeset *
scopeset_write(const ScopeDraft *draft)
{
	Scopeset   *set;
	Size		size = VARHDRSZ + 20;
	int			members;
	int			n = 0;
	int			i;
	uint16		count[3];
	uint32		npairs = 0;
	uint32		end = 0;
	char	   *masks;
	char	   *ends;
	char	   *kinds;
	char	   *values;

	if (draft->npairs > 0)
		return draft->tight ? write_tight(draft) : write_with_pairs(draft);

	members = pg_popcount64(draft->open);
	for (i = 0; i < draft->nfilters; i++)
	{
		uint64		mask = draft->filters[i].mask & ~draft->drop;

		if (mask == 0)
			continue;
		members += write_count(mask);
		size += sizeof(uint64) + sizeof(uint32) + 1 + draft->filters[i].len;
		n++;
	}
	if (members > SCOPESET_MAX_MEMBERS)
		return NULL;

	set = (Scopeset *) palloc(size);
	SET_VARSIZE(set, size);
	masks = VARDATA(set);
	masks[0] = SCOPESET_VERSION;
	masks[1] = 0;
	count[0] = members;
	count[1] = n;
	count[2] = 0;
	memcpy(masks + 2, count, sizeof(count));
	memcpy(masks + 8, &npairs, sizeof(npairs));
	memcpy(masks + 12, &draft->open, sizeof(uint64));
	masks += 20;
	ends = masks + n * sizeof(uint64);
	kinds = ends + n * sizeof(uint32);
	values = kinds + n;
	for (i = 0; i < draft->nfilters; i++)
	{
		const ScopeName *filter = &draft->filters[i];
		uint64		mask = filter->mask & ~draft->drop;

		if (mask == 0)
			continue;
		end += filter->len;
		masks = write_bytes(masks, &mask, sizeof(uint64));
		ends = write_bytes(ends, &end, sizeof(uint32));
		*kinds++ = (char) filter->kind;
		values = write_name(values, filter->text, filter->len);
	}
	Assert(values == (char *) set + size);
	return set;
}

Scopeset *
scopeset_write_or_fail(const ScopeDraft *draft)
{
	Scopeset   *set = scopeset_write(draft);

	if (set == NULL)
		scopeset_size_error(NULL);
	return set;
}

Scopeset *
scopeset_empty(void)
{
	ScopeDraft	draft = {0};

	return scopeset_write(&draft);
}

/*
 * scopeset_single -
 *
 * A set with one member.
 */
Scopeset *
scopeset_single(const ScopeMember *member)
{
	ScopeDraft	draft = {0};
	ScopeName	filter = {0};
	ScopeName	local = {0};
	uint64		pair;
	uint64		bit = member->base_id >= 0 ?
	UINT64CONST(1) << member->base_id : 0;

	if (member->kind == SCOPE_OPEN)
		draft.open = bit;
	else
	{
		filter.mask = bit;
		filter.kind = member->kind;
		filter.text = member->value;
		filter.len = member->value_len;
		draft.filters = &filter;
		draft.nfilters = 1;
	}
	if (member->base_id < 0)
	{
		local.text = member->base;
		local.len = member->base_len;
		draft.locals = &local;
		draft.nlocals = 1;
		pair = SCOPE_PAIR(0, member->kind == SCOPE_OPEN ? -1 : 0);
		draft.pairs = &pair;
		draft.npairs = 1;
	}
	return scopeset_write(&draft);
}
