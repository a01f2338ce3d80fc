/*-------------------------------------------------------------------------
 *
 * scopeset_gin.c
 *	  GIN support: which rows' sets can be in question for @>, @>>, <@, && and =.
 *
 * A set is indexed under these keys, each a byte for its sort and UTF-8 text:
 *
 *		L member		each member as it is written
 *		B base			the base of each member, filtered or not
 *		O base!user=o	for each server filter, the filter of its owner
 *
 * So the hierarchy (an unfiltered scope covers the filtered ones, a user's
 * filter that user's servers) is asked for with keys of the query.  What a
 * member x of the query needs in a row:
 *
 *		x is covered by the row:	L x, or L base, or L base!user=o if x is a
 *									server of o
 *		x may be covered:			the same, or L base!group=anything if x filters
 *									by user or server: a prefix of a key
 *		x covers something in it:	L x, or B base if x is unfiltered, or
 *									O x if x filters by user
 *
 * Keys are bytea, not text: they are UTF-8 in every database, and their order
 * must not depend on a collation.
 *
 *-------------------------------------------------------------------------
 */
#include "scopeset_private.h"

#include "access/gin.h"
#include "access/stratnum.h"

#define GIN_LITERAL	'L'
#define GIN_BASE	'B'
#define GIN_OWNER	'O'

/* Keys under way; at most four a member. */
typedef struct GinKeys
{
	Datum	   *keys;
	int			n;
	int		   *member;			/* which member of the query it is for */
	bool	   *partial;		/* is it the beginning of a key? */
	int			nmembers;
} GinKeys;

static void
gin_keys_init(GinKeys *k, int nmembers)
{
	k->keys = palloc(sizeof(Datum) * (nmembers * 4 + 1));
	k->member = palloc(sizeof(int) * (nmembers * 4 + 1));
	k->partial = palloc0(sizeof(bool) * (nmembers * 4 + 1));
	k->n = 0;
	k->nmembers = 0;
}

/* One key: a sort, a base and, unless kind is SCOPE_OPEN, a filter. */
static void
gin_key(GinKeys *k, char sort, const ScopeMember *m, ScopeKind kind,
		const char *value, int value_len)
{
	StringInfoData buf;
	ScopeMember member = *m;

	member.kind = kind;
	member.value = value;
	member.value_len = value_len;
	initStringInfo(&buf);
	appendStringInfoSpaces(&buf, VARHDRSZ);
	appendStringInfoChar(&buf, sort);
	scope_append(&buf, &member);
	SET_VARSIZE(buf.data, buf.len);
	k->member[k->n] = k->nmembers;
	k->keys[k->n++] = PointerGetDatum(buf.data);
}

static void
gin_key_literal(GinKeys *k, const ScopeMember *m)
{
	gin_key(k, GIN_LITERAL, m, m->kind, m->value, m->value_len);
}

/* Keys any of which a row has that covers m. */
static void
gin_keys_covering(GinKeys *k, const ScopeMember *m)
{
	if (m->kind != SCOPE_OPEN)
		gin_key(k, GIN_LITERAL, m, SCOPE_OPEN, NULL, 0);
	if (m->kind == SCOPE_SERVER)
		gin_key(k, GIN_LITERAL, m, SCOPE_USER, m->value,
				scope_server_owner_len(m->value, m->value_len));
}

/* The beginning of those that a row may have besides that covers m by a group. */
static void
gin_keys_by_group(GinKeys *k, const ScopeMember *m)
{
	if (m->kind != SCOPE_USER && m->kind != SCOPE_SERVER)
		return;
	k->partial[k->n] = true;
	gin_key(k, GIN_LITERAL, m, SCOPE_GROUP, "", 0);
}

/* Keys any of which a row has where m covers something else than itself. */
static void
gin_keys_covered(GinKeys *k, const ScopeMember *m)
{
	if (m->kind == SCOPE_OPEN)
		gin_key(k, GIN_BASE, m, SCOPE_OPEN, NULL, 0);
	else if (m->kind == SCOPE_USER)
		gin_key(k, GIN_OWNER, m, SCOPE_USER, m->value, m->value_len);
}

/*
 * scopeset_gin_extract_value -
 *
 * The keys of a set.  GIN throws out repetitions.
 */
PG_FUNCTION_INFO_V1(scopeset_gin_extract_value);
Datum
scopeset_gin_extract_value(PG_FUNCTION_ARGS)
{
	Scopeset   *set = PG_GETARG_SCOPESET_P(0);
	int32	   *nkeys = (int32 *) PG_GETARG_POINTER(1);
	ScopeIter	iter;
	ScopeMember m;
	GinKeys		k;
	const char *base = NULL;

	scope_iter_init(&iter, set);
	gin_keys_init(&k, iter.view.nmembers);
	while (scope_iter_next(&iter, &m))
	{
		gin_key_literal(&k, &m);
		/* members come by base, and its name lies at the same place */
		if (m.base != base)
			gin_key(&k, GIN_BASE, &m, SCOPE_OPEN, NULL, 0);
		base = m.base;
		if (m.kind == SCOPE_SERVER)
			gin_key(&k, GIN_OWNER, &m, SCOPE_USER, m.value,
					scope_server_owner_len(m.value, m.value_len));
	}
	*nkeys = k.n;
	PG_RETURN_POINTER(k.n > 0 ? k.keys : NULL);
}

/*
 * scopeset_gin_extract_query -
 *
 * The keys to look for.  All of them share one extra_data: the number of the
 * query's members, then, for each key, the member that it is for.
 */
PG_FUNCTION_INFO_V1(scopeset_gin_extract_query);
Datum
scopeset_gin_extract_query(PG_FUNCTION_ARGS)
{
	Scopeset   *set = PG_GETARG_SCOPESET_P(0);
	int32	   *nkeys = (int32 *) PG_GETARG_POINTER(1);
	StrategyNumber strategy = PG_GETARG_UINT16(2);
	bool	  **partial = (bool **) PG_GETARG_POINTER(3);
	Pointer   **extra_data = (Pointer **) PG_GETARG_POINTER(4);
	int32	   *search_mode = (int32 *) PG_GETARG_POINTER(6);
	ScopeIter	iter;
	ScopeMember m;
	GinKeys		k;
	int			i;

	scope_iter_init(&iter, set);
	gin_keys_init(&k, iter.view.nmembers);
	while (scope_iter_next(&iter, &m))
	{
		gin_key_literal(&k, &m);
		if (strategy == RTContainsStrategyNumber ||
			strategy == SCOPESET_MAY_CONTAIN_STRATEGY ||
			strategy == RTOverlapStrategyNumber)
			gin_keys_covering(&k, &m);
		if (strategy == SCOPESET_MAY_CONTAIN_STRATEGY)
			gin_keys_by_group(&k, &m);
		if (strategy == RTContainedByStrategyNumber ||
			strategy == RTOverlapStrategyNumber)
			gin_keys_covered(&k, &m);
		k.nmembers++;
	}

	switch (strategy)
	{
		case RTOverlapStrategyNumber:
			/* the empty set has nothing in common with any: no key, no row */
			break;
		case RTContainsStrategyNumber:
		case SCOPESET_MAY_CONTAIN_STRATEGY:
			/* every row covers the empty set */
			if (k.n == 0)
				*search_mode = GIN_SEARCH_MODE_ALL;
			break;
		case RTContainedByStrategyNumber:
			/* the empty set is covered by everything */
			*search_mode = GIN_SEARCH_MODE_INCLUDE_EMPTY;
			break;
		case RTEqualStrategyNumber:
			if (k.n == 0)
				*search_mode = GIN_SEARCH_MODE_INCLUDE_EMPTY;
			break;
		default:
			elog(ERROR, "unrecognized strategy number: %d", strategy);
	}

	*nkeys = k.n;
	if (k.n == 0)
		PG_RETURN_POINTER(NULL);
	*partial = k.partial;
	*extra_data = palloc(sizeof(Pointer) * k.n);
	for (i = 0; i < k.n; i++)
		(*extra_data)[i] = (Pointer) &k.member[i];
	PG_RETURN_POINTER(k.keys);
}

/*
 * What the keys that were found say.  Keys of one member stand together, and
 * every member has at least one.
 */
static GinTernaryValue
gin_judge(StrategyNumber strategy, const GinTernaryValue *check, int nkeys,
		  Pointer *extra_data, bool *recheck)
{
	GinTernaryValue all = GIN_TRUE; /* the least over members */
	GinTernaryValue any = GIN_FALSE;	/* the most over keys */
	GinTernaryValue least_key = GIN_TRUE;
	int			i = 0;

	*recheck = false;
	while (i < nkeys)
	{
		int			member = *(int *) extra_data[i];
		GinTernaryValue best = GIN_FALSE;

		for (; i < nkeys && *(int *) extra_data[i] == member; i++)
		{
			GinTernaryValue c = check[i];

			/* in order of certainty: no, maybe, yes */
			if (c == GIN_TRUE || (c == GIN_MAYBE && best == GIN_FALSE))
				best = c;
			if (c == GIN_FALSE || (c == GIN_MAYBE && least_key == GIN_TRUE))
				least_key = c;
		}
		if (best == GIN_FALSE || (best == GIN_MAYBE && all == GIN_TRUE))
			all = best;
		if (best == GIN_TRUE || (best == GIN_MAYBE && any == GIN_FALSE))
			any = best;
	}

	switch (strategy)
	{
		case RTOverlapStrategyNumber:
			/* exact: any key stands for a permission in common */
			return any;
		case RTContainsStrategyNumber:
		case SCOPESET_MAY_CONTAIN_STRATEGY:
			/* exact: each member needs one of its keys */
			return all;
		case RTContainedByStrategyNumber:
			/* the row may have members besides; the empty row has no key */
			*recheck = true;
			return GIN_MAYBE;
		case RTEqualStrategyNumber:
			/* all must be there; the row may have members besides */
			*recheck = true;
			return least_key == GIN_FALSE ? GIN_FALSE : GIN_MAYBE;
		default:
			elog(ERROR, "unrecognized strategy number: %d", strategy);
	}
	return GIN_MAYBE;			/* keep compiler quiet */
}

PG_FUNCTION_INFO_V1(scopeset_gin_consistent);
Datum
scopeset_gin_consistent(PG_FUNCTION_ARGS)
{
	GinTernaryValue *check = (GinTernaryValue *) PG_GETARG_POINTER(0);
	StrategyNumber strategy = PG_GETARG_UINT16(1);
	int32		nkeys = PG_GETARG_INT32(3);
	Pointer    *extra_data = (Pointer *) PG_GETARG_POINTER(4);
	bool	   *recheck = (bool *) PG_GETARG_POINTER(5);

	/* a bool is a ternary value that is never GIN_MAYBE */
	PG_RETURN_BOOL(gin_judge(strategy, check, nkeys, extra_data,
							 recheck) != GIN_FALSE);
}

PG_FUNCTION_INFO_V1(scopeset_gin_triconsistent);
Datum
scopeset_gin_triconsistent(PG_FUNCTION_ARGS)
{
	GinTernaryValue *check = (GinTernaryValue *) PG_GETARG_POINTER(0);
	StrategyNumber strategy = PG_GETARG_UINT16(1);
	int32		nkeys = PG_GETARG_INT32(3);
	Pointer    *extra_data = (Pointer *) PG_GETARG_POINTER(4);
	bool		recheck;

	PG_RETURN_GIN_TERNARY_VALUE(gin_judge(strategy, check, nkeys, extra_data,
										  &recheck));
}

/*
 * scopeset_gin_compare_partial -
 *
 * 0: the key begins so; 1: this and all that follow do not.
 */
PG_FUNCTION_INFO_V1(scopeset_gin_compare_partial);
Datum
scopeset_gin_compare_partial(PG_FUNCTION_ARGS)
{
	bytea	   *partial = PG_GETARG_BYTEA_PP(0);
	bytea	   *key = PG_GETARG_BYTEA_PP(1);
	int			len = VARSIZE_ANY_EXHDR(partial);

	PG_RETURN_INT32((int) VARSIZE_ANY_EXHDR(key) >= len &&
					memcmp(VARDATA_ANY(key), VARDATA_ANY(partial), len) == 0 ? 0 : 1);
}
