/*-------------------------------------------------------------------------
 *
 * scopeset_functions.c
 *	  What SQL calls of the algebra: operators, and support functions of the
 *	  btree and hash operator classes.
 *
 * Nothing but wrappers: the algebra is in scopeset_op.c, scopeset_cover.c and
 * scopeset_order.c.
 *
 *-------------------------------------------------------------------------
 */
#include "scopeset_private.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

/* ---- set operators ---- */

PG_FUNCTION_INFO_V1(scopeset_contains);
Datum
scopeset_contains(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(scopeset_covers_with(PG_GETARG_SCOPESET_P(0),
										PG_GETARG_SCOPESET_P(1), NULL));
}

static bool
functions_in_every_group(ScopeMembership *self, const char *user, int user_len,
						 const char *group, int group_len)
{
	return true;
}

PG_FUNCTION_INFO_V1(scopeset_may_contain);
Datum
scopeset_may_contain(PG_FUNCTION_ARGS)
{
	ScopeMembership everywhere = {.is_member = functions_in_every_group};

	PG_RETURN_BOOL(scopeset_covers_with(PG_GETARG_SCOPESET_P(0),
										PG_GETARG_SCOPESET_P(1), &everywhere));
}

PG_FUNCTION_INFO_V1(scopeset_may_be_contained);
Datum
scopeset_may_be_contained(PG_FUNCTION_ARGS)
{
	ScopeMembership everywhere = {.is_member = functions_in_every_group};

	PG_RETURN_BOOL(scopeset_covers_with(PG_GETARG_SCOPESET_P(1),
										PG_GETARG_SCOPESET_P(0), &everywhere));
}

PG_FUNCTION_INFO_V1(scopeset_contained);
Datum
scopeset_contained(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(scopeset_covers_with(PG_GETARG_SCOPESET_P(1),
										PG_GETARG_SCOPESET_P(0), NULL));
}

PG_FUNCTION_INFO_V1(scopeset_overlaps);
Datum
scopeset_overlaps(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(scopeset_overlaps_with(PG_GETARG_SCOPESET_P(0),
										  PG_GETARG_SCOPESET_P(1), NULL));
}

PG_FUNCTION_INFO_V1(scopeset_intersect);
Datum
scopeset_intersect(PG_FUNCTION_ARGS)
{
	PG_RETURN_SCOPESET_P(scopeset_intersect_with(PG_GETARG_SCOPESET_P(0),
												 PG_GETARG_SCOPESET_P(1),
												 NULL));
}

PG_FUNCTION_INFO_V1(scopeset_union);
Datum
scopeset_union(PG_FUNCTION_ARGS)
{
	PG_RETURN_SCOPESET_P(scopeset_union_of(PG_GETARG_SCOPESET_P(0),
										   PG_GETARG_SCOPESET_P(1)));
}

PG_FUNCTION_INFO_V1(scopeset_minus);
Datum
scopeset_minus(PG_FUNCTION_ARGS)
{
	PG_RETURN_SCOPESET_P(scopeset_minus_with(PG_GETARG_SCOPESET_P(0),
											 PG_GETARG_SCOPESET_P(1), NULL));
}

PG_FUNCTION_INFO_V1(jhub_authz_reduce);
Datum
jhub_authz_reduce(PG_FUNCTION_ARGS)
{
	PG_RETURN_SCOPESET_P(scopeset_reduced(PG_GETARG_SCOPESET_P(0)));
}

/* ---- comparison ---- */

/*
 * Index code does not free what its support functions leave behind, so copies
 * made on detoasting are freed here.
 */
static int
functions_compare(FunctionCallInfo fcinfo)
{
	Scopeset   *a = PG_GETARG_SCOPESET_P(0);
	Scopeset   *b = PG_GETARG_SCOPESET_P(1);
	int			cmp = scopeset_compare(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return cmp;
}

static bool
functions_equal(FunctionCallInfo fcinfo)
{
	Scopeset   *a = PG_GETARG_SCOPESET_P(0);
	Scopeset   *b = PG_GETARG_SCOPESET_P(1);
	bool		equal = scopeset_equal(a, b);

	PG_FREE_IF_COPY(a, 0);
	PG_FREE_IF_COPY(b, 1);
	return equal;
}

PG_FUNCTION_INFO_V1(scopeset_cmp);
Datum
scopeset_cmp(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(functions_compare(fcinfo));
}

PG_FUNCTION_INFO_V1(scopeset_eq);
Datum
scopeset_eq(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(functions_equal(fcinfo));
}

PG_FUNCTION_INFO_V1(scopeset_ne);
Datum
scopeset_ne(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(!functions_equal(fcinfo));
}

PG_FUNCTION_INFO_V1(scopeset_lt);
Datum
scopeset_lt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(functions_compare(fcinfo) < 0);
}

PG_FUNCTION_INFO_V1(scopeset_le);
Datum
scopeset_le(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(functions_compare(fcinfo) <= 0);
}

PG_FUNCTION_INFO_V1(scopeset_gt);
Datum
scopeset_gt(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(functions_compare(fcinfo) > 0);
}

PG_FUNCTION_INFO_V1(scopeset_ge);
Datum
scopeset_ge(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(functions_compare(fcinfo) >= 0);
}

PG_FUNCTION_INFO_V1(scopeset_hash);
Datum
scopeset_hash(PG_FUNCTION_ARGS)
{
	Scopeset   *a = PG_GETARG_SCOPESET_P(0);
	uint32		hash = scopeset_hash_value(a);

	PG_FREE_IF_COPY(a, 0);
	PG_RETURN_UINT32(hash);
}

/*
 * scopeset_hash_extended -
 *
 * With seed 0 the low half is scopeset_hash, as hash_func wants it.
 */
PG_FUNCTION_INFO_V1(scopeset_hash_extended);
Datum
scopeset_hash_extended(PG_FUNCTION_ARGS)
{
	Scopeset   *a = PG_GETARG_SCOPESET_P(0);
	uint64		seed = PG_GETARG_INT64(1);
	uint64		hash = scopeset_hash64(a);

	if (seed != 0)
		hash = scope_hash_mix(hash ^ scope_hash_mix(seed));
	PG_FREE_IF_COPY(a, 0);
	PG_RETURN_UINT64(hash);
}

/* ---- filters ---- */

/* Hashes of the groups that a set filters by, which come first in its filters. */
static int
functions_group_hashes(const Scopeset *set, Datum **hashes, int n)
{
	ScopesetView view;
	int			ngroups = 0;
	int			i;

	scopeset_view(set, &view);
	while (ngroups < view.nfilters && view.kinds[ngroups] == SCOPE_GROUP)
		ngroups++;
	*hashes = *hashes ? repalloc(*hashes, sizeof(Datum) * (n + ngroups + 1)) :
		palloc(sizeof(Datum) * (n + ngroups + 1));
	for (i = 0; i < ngroups; i++)
	{
		int			len;
		const char *name = scopeset_value(&view, i, &len);

		(*hashes)[n + i] = Int32GetDatum(scopeset_group_hash(name, len));
	}
	return n + ngroups;
}

/*
 * jhub_authz__filter_groups -
 *
 * By numbers and not by names, which the server's encoding need not have; who
 * looks a group up by one has to look at the sets themselves as well.
 */
PG_FUNCTION_INFO_V1(jhub_authz__filter_groups);
Datum
jhub_authz__filter_groups(PG_FUNCTION_ARGS)
{
	Datum	   *hashes = NULL;
	int			n = 0;
	int			i;

	for (i = 0; i < 2; i++)
		if (!PG_ARGISNULL(i))
			n = functions_group_hashes(PG_GETARG_SCOPESET_P(i), &hashes, n);
	if (hashes == NULL)
		hashes = palloc(sizeof(Datum));
	PG_RETURN_ARRAYTYPE_P(construct_array(hashes, n, INT4OID, sizeof(int32), true,
										  TYPALIGN_INT));
}

PG_FUNCTION_INFO_V1(jhub_authz__filters_by_group);
Datum
jhub_authz__filters_by_group(PG_FUNCTION_ARGS)
{
	PG_RETURN_BOOL(scopeset_has_kind(PG_GETARG_SCOPESET_P(0), SCOPE_GROUP));
}

/* The strings of a text[] argument, in UTF-8. */
static char **
functions_strings(FunctionCallInfo fcinfo, int arg, int *n)
{
	Datum	   *elements;
	bool	   *nulls;
	char	  **result;
	int			i;

	deconstruct_array(PG_GETARG_ARRAYTYPE_P(arg), TEXTOID, -1, false,
					  TYPALIGN_INT, &elements, &nulls, n);
	result = palloc(sizeof(char *) * (*n + 1));
	for (i = 0; i < *n; i++)
	{
		text	   *t;
		const char *utf8;
		int			len;

		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a name must not be null")));
		t = DatumGetTextPP(elements[i]);
		len = VARSIZE_ANY_EXHDR(t);
		utf8 = scope_to_utf8(VARDATA_ANY(t), &len);
		result[i] = pnstrdup(utf8, len);
	}
	return result;
}

/*
 * jhub_authz__rename_filter -
 *
 * scopeset_renamed with its three lists as arrays.
 */
PG_FUNCTION_INFO_V1(jhub_authz__rename_filter);
Datum
jhub_authz__rename_filter(PG_FUNCTION_ARGS)
{
	int			n,
				nolds,
				nnews;
	char	  **names = functions_strings(fcinfo, 1, &n);
	char	  **olds = functions_strings(fcinfo, 2, &nolds);
	char	  **news = functions_strings(fcinfo, 3, &nnews);
	ScopeKind  *kinds;
	int			i;

	if (n != nolds || n != nnews)
		ereport(ERROR,
				(errcode(ERRCODE_ARRAY_SUBSCRIPT_ERROR),
				 errmsg("lists of renames are of different lengths")));
	kinds = palloc(sizeof(ScopeKind) * (n + 1));
	for (i = 0; i < n; i++)
	{
		if (!scope_kind_find(names[i], (int) strlen(names[i]), false,
							 &kinds[i]))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("unknown kind of filter: \"%s\"", names[i])));
	}
	PG_RETURN_SCOPESET_P(scopeset_renamed(PG_GETARG_SCOPESET_P(0), n, kinds,
										  olds, news));
}
