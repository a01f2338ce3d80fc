/*-------------------------------------------------------------------------
 *
 * scopeset_gin_hash.c
 *	  GIN support for scopeset_hash_ops: a smaller index for @>, @>> and = only.
 *
 * A set is indexed under the hash of each of these keys (a byte and UTF-8 text):
 *
 *		L base			each base without a filter
 *		F !kind=value	each filter, whatever the bases that go with it
 *		G base			each base that is filtered by group
 *
 * Sets mostly have many bases for few filters, so these are few keys.  What a
 * member x of the query needs in a row:
 *
 *		x is covered by the row:	L base; or F of its filter; or F !user=o if x
 *									is a server of o
 *		x may be covered:			the same, or G base if x filters by user or
 *									server
 *
 * There are no keys for what a member of the query covers, so && and <@ are not
 * served.
 *
 * What is found is always asked again: a filter may go with another base, and
 * different keys may have the same hash.
 * The hash is the server's hash_bytes of the text, whatever the version of the
 * dictionary; an index does not go from a machine to one of other byte order.
 *
 *-------------------------------------------------------------------------
 */
#include "scopeset_private.h"

#include "access/gin.h"
#include "access/stratnum.h"
#include "common/hashfn.h"

#define GIN_HASH_OPEN		'L'
#define GIN_HASH_FILTER		'F'
#define GIN_HASH_GROUPED	'G'

/* Keys under way; at most four a member. */
typedef struct GinHashKeys
{
	Datum	   *keys;
	int		   *member;			/* which member of the query it is for */
	int			n;
	int			nmembers;
	StringInfoData text;		/* scratch */
} GinHashKeys;

static void
gin_hash_init(GinHashKeys *k, int nmembers)
{
	k->keys = palloc(sizeof(Datum) * (nmembers * 4 + 1));
	k->member = palloc(sizeof(int) * (nmembers * 4 + 1));
	k->n = 0;
	k->nmembers = 0;
	initStringInfo(&k->text);
}

static void
gin_hash_key(GinHashKeys *k, char sort, const ScopeMember *member)
{
	resetStringInfo(&k->text);
	appendStringInfoChar(&k->text, sort);
	scope_append(&k->text, member);
	k->member[k->n] = k->nmembers;
	k->keys[k->n++] = UInt32GetDatum(hash_bytes((unsigned char *) k->text.data, k->text.len));
}

/* A key of a base alone. */
static void
gin_hash_base(GinHashKeys *k, char sort, const ScopeMember *m)
{
	ScopeMember member = *m;

	member.kind = SCOPE_OPEN;
	gin_hash_key(k, sort, &member);
}

/* A key of a filter alone. */
static void
gin_hash_filter(GinHashKeys *k, ScopeKind kind, const char *value, int len)
{
	ScopeMember member = {0};

	member.base = "";
	member.kind = kind;
	member.value = value;
	member.value_len = len;
	gin_hash_key(k, GIN_HASH_FILTER, &member);
}

/*
 * scopeset_gin_hash_extract_value -
 *
 * The keys of a set.  GIN throws out repetitions.
 */
PG_FUNCTION_INFO_V1(scopeset_gin_hash_extract_value);
Datum
scopeset_gin_hash_extract_value(PG_FUNCTION_ARGS)
{
	Scopeset   *set = PG_GETARG_SCOPESET_P(0);
	int32	   *nkeys = (int32 *) PG_GETARG_POINTER(1);
	ScopeIter	iter;
	ScopeMember m;
	GinHashKeys k;
	const char *grouped = NULL;
	int			i;

	scope_iter_init(&iter, set);
	gin_hash_init(&k, iter.view.nmembers);
	while (scope_iter_next(&iter, &m))
	{
		if (m.kind == SCOPE_OPEN)
			gin_hash_base(&k, GIN_HASH_OPEN, &m);
		/* members come by base, and its name lies at the same place */
		if (m.kind == SCOPE_GROUP && m.base != grouped)
		{
			gin_hash_base(&k, GIN_HASH_GROUPED, &m);
			grouped = m.base;
		}
	}
	for (i = 0; i < iter.view.nfilters; i++)
	{
		int			len;
		const char *value = scopeset_value(&iter.view, i, &len);

		gin_hash_filter(&k, scopeset_kind(&iter.view, i), value, len);
	}
	*nkeys = k.n;
	PG_RETURN_POINTER(k.n > 0 ? k.keys : NULL);
}

/* Keys any of which a row has that covers m; of = the row holds m itself. */
static void
gin_hash_member(GinHashKeys *k, const ScopeMember *m, StrategyNumber strategy)
{
	if (m->kind == SCOPE_OPEN)
	{
		gin_hash_base(k, GIN_HASH_OPEN, m);
		return;
	}
	gin_hash_filter(k, m->kind, m->value, m->value_len);
	if (strategy == RTEqualStrategyNumber)
		return;
	gin_hash_base(k, GIN_HASH_OPEN, m);
	if (m->kind == SCOPE_SERVER)
		gin_hash_filter(k, SCOPE_USER, m->value,
						scope_server_owner_len(m->value, m->value_len));
	if (strategy == SCOPESET_MAY_CONTAIN_STRATEGY &&
		(m->kind == SCOPE_USER || m->kind == SCOPE_SERVER))
		gin_hash_base(k, GIN_HASH_GROUPED, m);
}

/*
 * scopeset_gin_hash_extract_query -
 *
 * The keys to look for, each with the member of the query that it is for.
 */
PG_FUNCTION_INFO_V1(scopeset_gin_hash_extract_query);
Datum
scopeset_gin_hash_extract_query(PG_FUNCTION_ARGS)
{
	Scopeset   *set = PG_GETARG_SCOPESET_P(0);
	int32	   *nkeys = (int32 *) PG_GETARG_POINTER(1);
	StrategyNumber strategy = PG_GETARG_UINT16(2);
	Pointer   **extra_data = (Pointer **) PG_GETARG_POINTER(4);
	int32	   *search_mode = (int32 *) PG_GETARG_POINTER(6);
	ScopeIter	iter;
	ScopeMember m;
	GinHashKeys k;
	int			i;

	scope_iter_init(&iter, set);
	gin_hash_init(&k, iter.view.nmembers);
	while (scope_iter_next(&iter, &m))
	{
		gin_hash_member(&k, &m, strategy);
		k.nmembers++;
	}

	*nkeys = k.n;
	if (k.n == 0)
	{
		/* every row covers the empty set, and only the empty one equals it */
		*search_mode = strategy == RTEqualStrategyNumber ?
			GIN_SEARCH_MODE_INCLUDE_EMPTY : GIN_SEARCH_MODE_ALL;
		PG_RETURN_POINTER(NULL);
	}
	*extra_data = palloc(sizeof(Pointer) * k.n);
	for (i = 0; i < k.n; i++)
		(*extra_data)[i] = (Pointer) &k.member[i];
	PG_RETURN_POINTER(k.keys);
}

/*
 * May a row be one?  Each member needs one of its keys; for = it has no other.
 * Keys of one member stand together, and every member has at least one.
 */
static bool
gin_hash_judge(const GinTernaryValue *check, int nkeys, Pointer *extra_data)
{
	int			i = 0;

	while (i < nkeys)
	{
		int			member = *(int *) extra_data[i];
		bool		any = false;

		for (; i < nkeys && *(int *) extra_data[i] == member; i++)
			any |= check[i] != GIN_FALSE;
		if (!any)
			return false;
	}
	return true;
}

PG_FUNCTION_INFO_V1(scopeset_gin_hash_consistent);
Datum
scopeset_gin_hash_consistent(PG_FUNCTION_ARGS)
{
	GinTernaryValue *check = (GinTernaryValue *) PG_GETARG_POINTER(0);
	int32		nkeys = PG_GETARG_INT32(3);
	Pointer    *extra_data = (Pointer *) PG_GETARG_POINTER(4);
	bool	   *recheck = (bool *) PG_GETARG_POINTER(5);

	*recheck = true;
	PG_RETURN_BOOL(gin_hash_judge(check, nkeys, extra_data));
}

/* Never certain: a hash is not the key. */
PG_FUNCTION_INFO_V1(scopeset_gin_hash_triconsistent);
Datum
scopeset_gin_hash_triconsistent(PG_FUNCTION_ARGS)
{
	GinTernaryValue *check = (GinTernaryValue *) PG_GETARG_POINTER(0);
	int32		nkeys = PG_GETARG_INT32(3);
	Pointer    *extra_data = (Pointer *) PG_GETARG_POINTER(4);

	PG_RETURN_GIN_TERNARY_VALUE(gin_hash_judge(check, nkeys, extra_data) ?
								GIN_MAYBE : GIN_FALSE);
}
