/*-------------------------------------------------------------------------
 *
 * scopeset_words.h
 *	  Walking along names in order, compared eight bytes at a time.
 *
 * Where two tables of names are merged, mostly all of them begin alike ("user",
 * "custom:tool").  So what all have in common is found once, from the first and
 * the last name of each table, and of each name the eight bytes that follow are
 * loaded as one number.  Nearly always these numbers decide, and then the merge
 * is one of sorted integers.
 *
 * A number that is shorter is filled with zeros, so different numbers are in the
 * order of the names; names of the same number have to be looked at again.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_SCOPESET_WORDS_H
#define JHUB_AUTHZ_SCOPESET_WORDS_H

#include "scopeset_private.h"

#include "port/pg_bitutils.h"

/* A place among names that lie one behind the other in a value. */
typedef struct ScopeCursor
{
	const char *text;			/* the first name of all */
	const char *ends;			/* where each name ends */
	int			at;				/* the name under way, */
	int			end;			/* which is before this one */
	int			skip;			/* names up to there share so many bytes */
	uint32		from;			/* of the name under way: where it begins */
	uint32		to;				/* and ends */
	uint64		word;			/* what follows the bytes that all share */
} ScopeCursor;

static inline uint32
scope_name_end(const char *ends, int i)
{
	uint32		end = 0;

	if (i >= 0)
		memcpy(&end, ends + i * sizeof(uint32), sizeof(uint32));
	return end;
}

/*
 * The eight bytes of a name behind the first 'skip'.  A name lies in a value,
 * behind more than eight bytes of head: so where it is too short, it is loaded by
 * its end, and what is before it is shifted out.
 */
static inline uint64
scope_name_word(const char *name, int len, int skip)
{
	int			rest = len - skip;

	if (rest >= 8)
		return scope_word8(name + skip);
	return rest > 0 ? scope_word8(name + len - 8) << (64 - 8 * rest) : 0;
}

static inline const char *
scope_cursor_name(const ScopeCursor *c, int *len)
{
	*len = (int) (c->to - c->from);
	return c->text + c->from;
}

/* To the first of the names at..end, if there are; the word comes later. */
static inline void
scope_cursor_begin(ScopeCursor *c, const char *text, const char *ends, int at, int end)
{
	c->text = text;
	c->ends = ends;
	c->at = at;
	c->end = end;
	c->skip = 0;
	c->from = scope_name_end(ends, at - 1);
	c->to = at < end ? scope_name_end(ends, at) : c->from;
	c->word = 0;
}

static inline void
scope_cursor_word(ScopeCursor *c)
{
	c->word = scope_name_word(c->text + c->from, (int) (c->to - c->from), c->skip);
}

static inline bool
scope_cursor_more(const ScopeCursor *c)
{
	return c->at < c->end;
}

static inline void
scope_cursor_next(ScopeCursor *c)
{
	if (++c->at < c->end)
	{
		c->from = c->to;
		c->to = scope_name_end(c->ends, c->at);
		scope_cursor_word(c);
	}
}

/* To another place among the same names. */
static inline void
scope_cursor_move(ScopeCursor *c, int at)
{
	c->at = at;
	if (at >= c->end)
		return;
	c->from = scope_name_end(c->ends, at - 1);
	c->to = scope_name_end(c->ends, at);
	scope_cursor_word(c);
}

/* So many bytes are the same at the beginning of both, 'most' at most. */
static inline int
scope_common_bytes(const char *a, const char *b, int most)
{
	int			i = 0;

	while (i + 8 <= most)
	{
		uint64		differ = scope_word8(a + i) ^ scope_word8(b + i);

		if (differ != 0)
			return i + (63 - pg_leftmost_one_pos64(differ)) / 8;
		i += 8;
	}
	while (i < most && a[i] == b[i])
		i++;
	return i;
}

/* What all names from the one under way on begin with: so much of it. */
static inline int
scope_cursor_common(const ScopeCursor *c)
{
	uint32		last = scope_name_end(c->ends, c->end - 2);
	uint32		end = scope_name_end(c->ends, c->end - 1);

	return scope_common_bytes(c->text + c->from, c->text + last,
							  (int) Min(c->to - c->from, end - last));
}

/* Two cursors that both have names are going to be merged. */
static inline void
scope_cursors_pair(ScopeCursor *a, ScopeCursor *b)
{
	/* what all have in common is worth looking for where there are many */
	if (a->end - a->at > 3 && b->end - b->at > 3)
		a->skip = b->skip =
			scope_common_bytes(a->text + a->from, b->text + b->from,
							   Min(scope_cursor_common(a), scope_cursor_common(b)));
	scope_cursor_word(a);
	scope_cursor_word(b);
}

/* The order of the names under way, of which the words are the same. */
static inline int
scope_same_word_cmp(const char *a, int alen, const char *b, int blen, int skip)
{
	if (alen == blen && alen - skip <= 8)
		return 0;
	return scope_bytes_cmp(a + skip, alen - skip, b + skip, blen - skip);
}

static inline int
scope_cursors_cmp(const ScopeCursor *a, const ScopeCursor *b)
{
	int			alen,
				blen;
	const char *aname = scope_cursor_name(a, &alen);
	const char *bname = scope_cursor_name(b, &blen);

	if (a->word != b->word)
		return a->word < b->word ? -1 : 1;
	return scope_same_word_cmp(aname, alen, bname, blen, a->skip);
}

/*
 * The length of the name of a server's owner, and its word.  There is no slash
 * among the first 'skip' bytes.  Mostly the word holds it, and is cut there.
 */
static inline int
scope_owner_word(const char *server, int len, int skip, uint64 *word)
{
	const uint64 low7 = UINT64CONST(0x7F7F7F7F7F7F7F7F);
	uint64		all = scope_name_word(server, len, skip);
	uint64		other = all ^ UINT64CONST(0x2F2F2F2F2F2F2F2F);
	uint64		slashes = ~(((other & low7) + low7) | other | low7);

	if (slashes != 0)
	{
		int			rest = (63 - pg_leftmost_one_pos64(slashes)) / 8;

		*word = rest > 0 ? all >> (64 - 8 * rest) << (64 - 8 * rest) : 0;
		return skip + rest;
	}
	*word = all;
	return scope_server_owner_len(server, len);
}

#endif							/* JHUB_AUTHZ_SCOPESET_WORDS_H */
