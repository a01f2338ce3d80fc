/*-------------------------------------------------------------------------
 *
 * scopeset.h
 *	  The type scopeset: its stored form, its builder and its algebra.
 *
 * A scopeset is a finite set of scopes.  It is stored *by filter*: for each
 * distinct filter (and once for "no filter") a 64-bit mask says which of the
 * well-known base names (scope_dictionary.h) it goes with.  Set operations are
 * therefore bitwise operations on the masks of filters that match, and the
 * rule "an unfiltered scope covers every filtered one" is one AND.  Base names
 * outside of the dictionary ("local" ones: custom scopes, scopes of a hub that
 * is newer than this code) are kept in a string table of the value's own, with
 * a sorted list of (base, filter) pairs beside it.
 *
 * Stored bytes, after the varlena header, in native byte order:
 *
 *		uint8	version			of the dictionary; anything newer is rejected
 *		uint8	flags			always 0
 *		uint16	nmembers		number of scopes in the set
 *		uint16	nfilters		number of distinct filters
 *		uint16	nlocals			number of local base names
 *		uint32	npairs			number of (local base, filter) pairs
 *		uint64	open			mask of the unfiltered well-known bases
 *		uint64	mask[nfilters]
 *		uint32	filter_end[nfilters]	end of each filter's value
 *		uint32	local_end[nlocals]		end of each local base name
 *		uint16	pair_local[npairs]		index of the local base
 *		uint16	pair_filter[npairs]		0: no filter; else index of it + 1
 *		uint8	filter_kind[nfilters]	ScopeKind
 *		char	filter values, then local base names, without separators
 *
 * Canonical form, kept by the one writer (scopeset_write.c): filters in
 * order of (kind, value bytes), local bases in byte order, pairs in order of
 * (local, filter), no filter and no local base that no member uses.  So equal
 * sets are equal bytes, and text order is (base, kind, value) order, because
 * '!' sorts before every character that a base may hold and ScopeKind is in
 * the order of the kinds' names.
 *
 * Nothing in the body is aligned: a value is used where it lies, also behind
 * a short varlena header.  Members are UTF-8 whatever the server's encoding.
 *
 * A new dictionary is a new SCOPESET_VERSION; the layout stays.  A value that
 * an earlier version has stored is rewritten as it comes in from SQL (see
 * scopeset_upgrade.c), so that every Scopeset in memory is of today's version.
 * Hash and order are defined on the members' text and outlive the change.
 *
 * This header knows no table, no setting and not which scopes exist.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_SCOPESET_H
#define JHUB_AUTHZ_SCOPESET_H

#include "postgres.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "nodes/nodes.h"

#include "../module/compat.h"
#include "scope_dictionary.h"

#define SCOPE_MAX_BYTES			2000	/* of one scope's text */
#define SCOPESET_MAX_MEMBERS	65535

/* Number of the operator @>> in the GIN operator family. */
#define SCOPESET_MAY_CONTAIN_STRATEGY	29

/*
 * Kinds of filter, in the order of their text.  The ..._SELF kinds are the
 * filters without a value ("!user").
 */
typedef enum ScopeKind
{
	SCOPE_OPEN = 0,				/* no filter; never stored in filter_kind */
	SCOPE_GROUP = 1,
	SCOPE_SERVER_SELF = 2,
	SCOPE_SERVER = 3,
	SCOPE_SERVICE_SELF = 4,
	SCOPE_SERVICE = 5,
	SCOPE_USER_SELF = 6,
	SCOPE_USER = 7
} ScopeKind;

typedef struct varlena Scopeset;

/*
 * A value that was stored with another version of the dictionary, as today's
 * form of it, palloc'd; 0A000 for a version that is not known.  'set' is
 * 'datum' detoasted.  (scopeset_upgrade.c)
 */
extern Scopeset *scopeset_upgrade(Scopeset *set, Datum datum);

/*
 * A value from SQL: detoasted, and of today's version.  This is the only way
 * in; what it returns may be a copy (PG_FREE_IF_COPY).
 */
static inline Scopeset *
DatumGetScopesetP(Datum datum)
{
	Scopeset   *set = (Scopeset *) PG_DETOAST_DATUM_PACKED(datum);

	if (likely((uint8) VARDATA_ANY(set)[0] == SCOPESET_VERSION))
		return set;
	return scopeset_upgrade(set, datum);
}

#define PG_GETARG_SCOPESET_P(n) DatumGetScopesetP(PG_GETARG_DATUM(n))
#define ScopesetPGetDatum(s)	PointerGetDatum(s)
#define PG_RETURN_SCOPESET_P(s) PG_RETURN_POINTER(s)

/* A scopeset taken apart, for reading.  Points into the value. */
typedef struct ScopesetView
{
	int			nmembers;
	int			nfilters;
	int			nlocals;
	int			npairs;
	uint64		open;
	const char *masks;
	const char *filter_ends;
	const char *local_ends;
	const char *pair_locals;
	const char *pair_filters;
	const uint8 *kinds;
	const char *values;
	const char *locals;
} ScopesetView;

/* One member, taken apart.  Points into the value or into the dictionary. */
typedef struct ScopeMember
{
	const char *base;
	int			base_len;
	int			base_id;		/* index in the dictionary, or -1 */
	ScopeKind	kind;
	const char *value;			/* without terminator; NULL if none */
	int			value_len;
} ScopeMember;

/* ---- reading (scopeset_view.c) ---- */

/* Take a value apart. */
extern void scopeset_view(const Scopeset *set, ScopesetView *view);

static inline uint64
scopeset_mask(const ScopesetView *view, int filter)
{
	uint64		mask;

	memcpy(&mask, view->masks + filter * sizeof(uint64), sizeof(uint64));
	return mask;
}

static inline ScopeKind
scopeset_kind(const ScopesetView *view, int filter)
{
	return (ScopeKind) view->kinds[filter];
}

/* A filter's value; *len is 0 for a self filter. */
static inline const char *
scopeset_value(const ScopesetView *view, int filter, int *len)
{
	uint32		from = 0;
	uint32		to;

	if (filter > 0)
		memcpy(&from, view->filter_ends + (filter - 1) * sizeof(uint32), sizeof(uint32));
	memcpy(&to, view->filter_ends + filter * sizeof(uint32), sizeof(uint32));
	*len = (int) (to - from);
	return view->values + from;
}

static inline const char *
scopeset_local(const ScopesetView *view, int local, int *len)
{
	uint32		from = 0;
	uint32		to;

	if (local > 0)
		memcpy(&from, view->local_ends + (local - 1) * sizeof(uint32), sizeof(uint32));
	memcpy(&to, view->local_ends + local * sizeof(uint32), sizeof(uint32));
	*len = (int) (to - from);
	return view->locals + from;
}

/* Pair number i: index of the local base, and of the filter (-1: none). */
static inline void
scopeset_pair(const ScopesetView *view, int i, int *local, int *filter)
{
	uint16		l,
				f;

	memcpy(&l, view->pair_locals + i * sizeof(uint16), sizeof(uint16));
	memcpy(&f, view->pair_filters + i * sizeof(uint16), sizeof(uint16));
	*local = l;
	*filter = (int) f - 1;
}

/* Find a filter; -1 if the set has none such. */
extern int	scopeset_find_filter(const ScopesetView *view, ScopeKind kind,
								 const char *value, int len);

/* Is this literally a member of the set? */
extern bool scopeset_has_member(const ScopesetView *view, const ScopeMember *member);

/* Is the set without members? */
extern bool scopeset_is_empty(const Scopeset *set);

/* Members in code point order of their text. */
typedef struct ScopeIter
{
	ScopesetView view;
	int			base;			/* dictionary base under way */
	int			pair;			/* next pair */
	int			filter;			/* next filter to look at for 'base'; -1: open */
	uint64		bases;			/* dictionary bases with any member */
	bool		in_locals;		/* the next base in order is a local one */
} ScopeIter;

extern void scope_iter_init(ScopeIter *iter, const Scopeset *set);
extern bool scope_iter_next(ScopeIter *iter, ScopeMember *member);

/* Append a member's text (UTF-8) to buf. */
extern void scope_append(StringInfo buf, const ScopeMember *member);

/* A set with one member, from a member. */
extern Scopeset *scopeset_single(const ScopeMember *member);

/* ---- grammar (scope_parse.c): no fmgr, no palloc ---- */

/*
 * Take one scope's text (UTF-8) apart.  On a defect returns false and sets
 * *defect (a full sentence for DETAIL, without the position) and *where
 * (byte offset in str).  Fills base_id through the dictionary.
 */
extern bool scope_parse(const char *str, int len, ScopeMember *member,
						const char **defect, int *where);

/* Two defects that are treated apart: compare the pointer. */
extern const char *const scope_too_long;	/* beyond SCOPE_MAX_BYTES */
extern const char *const scope_unknown_kind;

/*
 * Raise the standard error for the text of one scope (UTF-8) that scope_parse
 * refused: 54000 when it is too long, otherwise 22P02 with the position, and
 * with a hint when the kind of its filter is misspelt.
 */
extern void scope_syntax_error(Node *escontext, const char *str, int len,
							   const char *defect, int where);

/* A kind's name to the kind with a value or, if 'self', without; false: none. */
extern bool scope_kind_find(const char *name, int len, bool self,
							ScopeKind *kind);

/* Can this text be the value of a filter?  Not empty, no control character. */
extern bool scope_value_ok(const char *value, int len);

/* Does it hold white space, ASCII or Unicode?  (A base cannot.) */
extern bool scope_value_has_space(const char *value, int len);

/* The name of a kind as in text: "user" for SCOPE_USER and SCOPE_USER_SELF. */
extern const char *scope_kind_name(ScopeKind kind);
extern bool scope_kind_is_self(ScopeKind kind);

/* Index in the dictionary, or -1; and the name at an index. */
extern int	scope_dictionary_find(const char *base, int len);
extern const char *scope_dictionary_name(int base_id, int *len);

/* ---- misspelt words (scope_suggest.c): no fmgr, no palloc ---- */

/* Longer words get no suggestion. */
#define SCOPE_SUGGEST_MAX_BYTES	127

/*
 * The number of changes between two words, or limit + 1 if there are more than
 * limit; how many may be between a word of this length and what it means; and
 * a word in lower case, false if it is too long.
 */
extern int	scope_distance(const char *a, int alen, const char *b, int blen,
						   int limit);
extern int	scope_distance_limit(int len);
extern bool scope_suggest_fold(char *folded, const char *word, int len);

/* The kind of filter that "usr" means: "user"; NULL if it is near to none. */
extern const char *scope_suggest_kind(const char *kind, int len);

/* ---- writing (scopeset_build.c, scopeset_write.c) ---- */

typedef struct ScopeBuilder ScopeBuilder;

/*
 * Everything added is copied.  The builder lives in the memory context that is
 * current at its creation; so does what finish returns (a palloc'd value with
 * a 4-byte header).  finish raises 54000 beyond the limits, frees the builder.
 */
extern ScopeBuilder *scope_builder_create(void);
extern void scope_builder_add(ScopeBuilder *b, const ScopeMember *member);

/*
 * Names from a hub's tables need not fit the grammar: a value that is empty or
 * holds a control character cannot be in a scope.  These two leave such a
 * member out and return false.
 */
extern bool scope_builder_add_mask(ScopeBuilder *b, ScopeKind kind,
								   const char *value, int len, uint64 mask);
extern bool scope_builder_add_local(ScopeBuilder *b, const char *base, int base_len,
									ScopeKind kind, const char *value, int len);
extern void scope_builder_add_set(ScopeBuilder *b, const Scopeset *set);

/* Parse and add; false with the defect as scope_parse, or ereport. */
extern bool scope_builder_add_text(ScopeBuilder *b, const char *str, int len,
								   const char **defect, int *where);

/* A filtered member goes when its unfiltered form is there. */
extern Scopeset *scope_builder_finish(ScopeBuilder *b, bool reduce);

extern Scopeset *scopeset_empty(void);

/* ---- text (scopeset_io.c) ---- */

/*
 * Input of either form.  str is in the server's encoding.  Errors go through
 * escontext (NULL: ereport), 22P02 or 54000; NULL is returned after a soft one.
 */
extern Scopeset *scopeset_from_text(const char *str, int len, Node *escontext);

/*
 * What the hub makes of text that must be a JSON array of strings (its columns),
 * never throwing: NULL and *defect (palloc'd sentence) when it is none.  Members
 * that are no scopes are left out; then *defect says why of the first, and else
 * it is NULL.  An object counts as its keys, with a defect.
 */
extern Scopeset *scopeset_from_json(const char *str, int len, char **defect);

/* The JSON array, in UTF-8 (pure ASCII, as json.dumps writes it). */
extern char *scopeset_to_text(const Scopeset *set);

/*
 * ---- algebra (scopeset_op.c, scopeset_cover.c, scopeset_order.c): none of
 * these knows subscopes ----
 */

/*
 * Who is in which group, for the group-aware forms.  NULL in place of a
 * pointer to it means the plain operators.  Names are UTF-8.
 */
typedef struct ScopeMembership
{
	bool		(*is_member) (struct ScopeMembership *self,
							  const char *user, int user_len,
							  const char *group, int group_len);
	void	   *state;

	/*
	 * Or NULL, all three: what there is to know of a user and of a group (NULL:
	 * in no group, no such group), and whether that user is in that group.
	 */
	const void *(*user) (struct ScopeMembership *self, const char *name, int len);
	const void *(*group) (struct ScopeMembership *self, const char *name, int len);
	bool		(*is_in) (const void *user, const void *group);
} ScopeMembership;

extern bool scopeset_equal(const Scopeset *a, const Scopeset *b);
extern int	scopeset_compare(const Scopeset *a, const Scopeset *b);
extern uint32 scopeset_hash_value(const Scopeset *a);
extern uint64 scopeset_hash64(const Scopeset *a);

/* Every member of b is covered by a. */
extern bool scopeset_covers_with(const Scopeset *a, const Scopeset *b,
								 ScopeMembership *m);

/* Some permission in common. */
extern bool scopeset_overlaps_with(const Scopeset *a, const Scopeset *b,
								   ScopeMembership *m);

/* The permissions that both give, reduced. */
extern Scopeset *scopeset_intersect_with(const Scopeset *a, const Scopeset *b,
										 ScopeMembership *m);

/* Members of a that b does not cover. */
extern Scopeset *scopeset_minus_with(const Scopeset *a, const Scopeset *b,
									 ScopeMembership *m);

extern Scopeset *scopeset_union_of(const Scopeset *a, const Scopeset *b);
extern Scopeset *scopeset_reduced(const Scopeset *a);

/* Is this one member covered by set? */
extern bool scopeset_covers_member(const Scopeset *set, const ScopeMember *member,
								   ScopeMembership *m);

/*
 * Would group-aware cover, overlap or intersection of a and b have to ask
 * anything that the plain one does not know: does one side filter by group
 * where the other filters by user or server, on a base that both have only
 * with filters?  (The difference may need to know more: a member that its
 * unfiltered form makes superfluous is a member to it.)
 */
extern bool scopeset_needs_groups(const Scopeset *a, const Scopeset *b);

/* ---- filters (scopeset_filters.c) ---- */

/* Does any member have a filter of this kind? */
extern bool scopeset_has_kind(const Scopeset *a, ScopeKind kind);

/*
 * Does any member filter by this value?  For SCOPE_USER also as the owner's
 * part of a server filter.
 */
extern bool scopeset_names_filter(const Scopeset *set, ScopeKind kind,
								  const char *value, int len);

/* A number by which groups in filters are looked up; others may have the same. */
extern int32 scopeset_group_hash(const char *name, int len);

/*
 * The set with names in filters replaced, all at once, so that swaps come out
 * right.  Kinds: SCOPE_USER (also the owner's part of server filters),
 * SCOPE_GROUP, SCOPE_SERVICE, and SCOPE_SERVER, whose names are whole values
 * "owner/name", the old one under the owner's old name; the owner's part of
 * the new one is subject to the user renames.  A member whose new filter
 * cannot be written (an empty name, a control character) is left out.
 */
extern Scopeset *scopeset_renamed(const Scopeset *set, int n,
								  const ScopeKind *kinds,
								  char **olds, char **news);

/* The owner's part of a server filter's value: up to the first '/', or all. */
static inline int
scope_server_owner_len(const char *value, int len)
{
	const char *slash = memchr(value, '/', len);

	return slash ? (int) (slash - value) : len;
}

#endif							/* JHUB_AUTHZ_SCOPESET_H */
