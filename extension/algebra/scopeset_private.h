/*-------------------------------------------------------------------------
 *
 * scopeset_private.h
 *	  What the files of this room share and nobody else needs: the draft that
 *	  the one writer of stored bytes takes, and the edge to the server's
 *	  encoding.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_SCOPESET_PRIVATE_H
#define JHUB_AUTHZ_SCOPESET_PRIVATE_H

#include "scopeset.h"

#include "port/pg_bswap.h"

/* A name in a table that is under construction: a filter or a local base. */
typedef struct ScopeName
{
	uint64		mask;			/* filters: well-known bases it goes with */
	const char *text;			/* not terminated; NULL if len is 0 */
	int32		len;
	uint16		kind;			/* filters: ScopeKind */
	uint16		id;				/* scratch for sorting */
} ScopeName;

/*
 * A set that is ready to be written.  Filters are sorted and distinct, so are
 * locals, so are pairs; names that no member uses are left out on writing.
 * A pair is (index of the local base) << 32 | (index of the filter + 1, or 0).
 */
typedef struct ScopeDraft
{
	uint64		open;
	uint64		drop;			/* bases to leave out of all filters' masks */
	int			nfilters;
	int			nlocals;
	int			npairs;
	bool		tight;			/* no filter or local base that nothing uses */
	const ScopeName *filters;
	const ScopeName *locals;
	const uint64 *pairs;
} ScopeDraft;

#define SCOPE_PAIR(local, filter) \
	(((uint64) (local) << 32) | (uint64) ((filter) + 1))
#define SCOPE_PAIR_LOCAL(pair)		((int) ((pair) >> 32))
#define SCOPE_PAIR_FILTER(pair)		((int) ((pair) & 0xFFFFFFFF) - 1)

/* Write a set; NULL when it has too many members.  (scopeset_write.c) */
extern Scopeset *scopeset_write(const ScopeDraft *draft);

/* The same, raising 54000. */
extern Scopeset *scopeset_write_or_fail(const ScopeDraft *draft);

/*
 * The set so far; NULL beyond the limits.  The builder goes on to be usable,
 * unless reduce is set.
 */
extern Scopeset *scope_builder_try(ScopeBuilder *b, bool reduce);

/* Has something been refused because of a limit?  Then scope_builder_try
 * returns NULL whatever else is added. */
extern bool scope_builder_failed(ScopeBuilder *b);

/* Raise the error that goes with it, or say it in a sentence (palloc'd). */
extern void scope_builder_limit_error(ScopeBuilder *b, Node *escontext);
extern char *scope_builder_defect(ScopeBuilder *b);

extern void scope_builder_free(ScopeBuilder *b);

/* Add a member whose text is known to be good. */
extern void scope_builder_add_parsed(ScopeBuilder *b,
									 const ScopeMember *member);

/* 54000 for a scope or a set that is too big.  (scopeset_write.c) */
extern void scope_length_error(Node *escontext);
extern void scopeset_size_error(Node *escontext);

/*
 * "The value is empty." and 7 make "The value is empty (character 7)."; with
 * an element (1-based, 0 for none) "(element 2, character 7)".
 */
extern char *scope_detail(const char *defect, int element, int character);

/* The 1-based number of the character at byte offset where. */
extern int	scope_character(const char *str, int where);

/* Text for an error message, cut to a reasonable length. */
extern char *scope_excerpt(const char *str, int len);

/*
 * Parse the text of one scope, as an element of an array (1-based, 0: none),
 * and add it; raises the standard errors.
 */
extern void scope_builder_add_element(ScopeBuilder *b, const char *str, int len,
									  int element);

/*
 * JSON that holds no scope: past a string, from behind its opening quote; past a
 * key and its colon, or the colon only; past any value.  NULL: that is not what is
 * there.  The first gives the value of four hexadecimal digits, or -1.
 * (scope_json.c)
 */
extern int	scope_json_hex4(const char *p, const char *end);
extern const char *scope_json_past_string(const char *p, const char *end);
extern const char *scope_json_past_key(const char *p, const char *end);
extern const char *scope_json_past_colon(const char *p, const char *end);
extern const char *scope_json_past_value(const char *p, const char *end);

static inline const char *
scope_json_past_space(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r'))
		p++;
	return p;
}

/* Between the server's encoding and ours.  (scopeset_read.c) */
extern const char *scope_to_utf8(const char *str, int *len);
extern text *scope_text_from_utf8(const char *str, int len);

/* Eight, or four, bytes as a number whose order is that of the bytes. */
static inline uint64
scope_word8(const char *p)
{
	uint64		word;

	memcpy(&word, p, sizeof(word));
#ifdef WORDS_BIGENDIAN
	return word;
#else
	return pg_bswap64(word);
#endif
}

static inline uint32
scope_word4(const char *p)
{
	uint32		word;

	memcpy(&word, p, sizeof(word));
#ifdef WORDS_BIGENDIAN
	return word;
#else
	return pg_bswap32(word);
#endif
}

/*
 * Order of strings: by bytes, which for UTF-8 is by code points.  Names are
 * short, and a call of memcmp for each took more time than the comparison.  What
 * is left at the end is compared with bytes that are known to be equal.
 */
static inline int
scope_bytes_cmp(const char *a, int alen, const char *b, int blen)
{
	int			n = Min(alen, blen);
	int			i;

	if (n >= 8)
	{
		for (i = 0;; i = Min(i + 8, n - 8))
		{
			uint64		x = scope_word8(a + i);
			uint64		y = scope_word8(b + i);

			if (x != y)
				return x < y ? -1 : 1;
			if (i == n - 8)
				break;
		}
	}
	else if (n >= 4)
	{
		uint64		x = (uint64) scope_word4(a) << 32 | scope_word4(a + n - 4);
		uint64		y = (uint64) scope_word4(b) << 32 | scope_word4(b + n - 4);

		if (x != y)
			return x < y ? -1 : 1;
	}
	else
	{
		for (i = 0; i < n; i++)
			if (a[i] != b[i])
				return (unsigned char) a[i] < (unsigned char) b[i] ? -1 : 1;
	}
	return (alen > blen) - (alen < blen);
}

/* Are two strings of one length the same?  Likewise. */
static inline bool
scope_bytes_same(const char *a, const char *b, int len)
{
	int			i;

	if (len < 8)
	{
		for (i = 0; i < len; i++)
			if (a[i] != b[i])
				return false;
		return true;
	}
	for (i = 0; i < len - 8; i += 8)
		if (scope_word8(a + i) != scope_word8(b + i))
			return false;
	return scope_word8(a + len - 8) == scope_word8(b + len - 8);
}

/* Order of filters: by kind, then value. */
static inline int
scope_filter_cmp(int akind, const char *a, int alen,
				 int bkind, const char *b, int blen)
{
	if (akind != bkind)
		return akind < bkind ? -1 : 1;
	return scope_bytes_cmp(a, alen, b, blen);
}

/* A mixing step whose every input bit reaches every output bit. */
static inline uint64
scope_hash_mix(uint64 h)
{
	h ^= h >> 33;
	h *= UINT64CONST(0xff51afd7ed558ccd);
	h ^= h >> 33;
	h *= UINT64CONST(0xc4ceb9fe1a85ec53);
	h ^= h >> 33;
	return h;
}

/* memcmp with a NULL of no length is not defined; values may be that. */
#define SCOPE_TEXT(value)	((value) ? (value) : "")

/* Is there any filter by user?  SCOPE_USER is the last kind in order. */
static inline bool
scopeset_has_users(const ScopesetView *view)
{
	return view->nfilters > 0 &&
		view->kinds[view->nfilters - 1] == SCOPE_USER;
}

/* Take a value of any version apart; masks are as its version has them. */
extern void scopeset_take_apart(const Scopeset *set, ScopesetView *view);

/* Sorts of keys in the statistics of a column (scopeset_typanalyze.c). */
#define SCOPESET_STATS_LITERAL	'L'
#define SCOPESET_STATS_BASE		'B'
#define SCOPESET_STATS_GROUP	'G'

/* Intersection where nobody has to be asked who is in a group (scopeset_intersect.c). */
extern Scopeset *scopeset_intersect_plain(const Scopeset *a, const Scopeset *b);

/* The first filter at or after 'from' that is not before the given one. */
extern int	scopeset_seek_filter(const ScopesetView *view, int from,
								 ScopeKind kind, const char *value, int len,
								 bool *found);

/* Index of a local base, or -1. */
extern int	scopeset_find_local(const ScopesetView *view,
								const char *base, int len);

/* First pair of a local base, or of a later one. */
extern int	scopeset_first_pair(const ScopesetView *view, int local);

/* Is there a pair of a local base with a filter (-1: none)? */
extern bool scopeset_has_pair(const ScopesetView *view, int local, int filter);

#endif							/* JHUB_AUTHZ_SCOPESET_PRIVATE_H */
