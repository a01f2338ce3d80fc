/*-------------------------------------------------------------------------
 *
 * floor.c
 *	  What a call from SQL costs at the least: functions that do next to nothing.
 *
 * Built by "make bench" into the throwaway server that it measures, and never
 * installed with the extension.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "utils/array.h"

PG_MODULE_MAGIC;

PG_FUNCTION_INFO_V1(bench_and);
PG_FUNCTION_INFO_V1(bench_merge);
PG_FUNCTION_INFO_V1(bench_trigger);

/*
 * bench_and(a bytea, b bytea) -
 *
 * The bytes of two values of one length ANDed, a word at a time: what a set
 * operation on bit masks cannot be faster than.
 */
Datum
bench_and(PG_FUNCTION_ARGS)
{
	bytea	   *a = PG_GETARG_BYTEA_PP(0);
	bytea	   *b = PG_GETARG_BYTEA_PP(1);
	int			len = Min(VARSIZE_ANY_EXHDR(a), VARSIZE_ANY_EXHDR(b));
	bytea	   *result = (bytea *) palloc(VARHDRSZ + len);
	const char *p = VARDATA_ANY(a);
	const char *q = VARDATA_ANY(b);
	char	   *r = VARDATA(result);

	SET_VARSIZE(result, VARHDRSZ + len);
	for (int i = 0; i + 8 <= len; i += 8)
	{
		uint64		x,
					y;

		memcpy(&x, p + i, 8);
		memcpy(&y, q + i, 8);
		x &= y;
		memcpy(r + i, &x, 8);
	}
	PG_RETURN_BYTEA_P(result);
}

/*
 * bench_merge(a integer[], b integer[]) -
 *
 * The common elements of two sorted arrays without nulls: what an intersection
 * of members that are numbers, matched exactly, costs at the least.
 */
Datum
bench_merge(PG_FUNCTION_ARGS)
{
	ArrayType  *a = PG_GETARG_ARRAYTYPE_P(0);
	ArrayType  *b = PG_GETARG_ARRAYTYPE_P(1);
	int			na = ArrayGetNItems(ARR_NDIM(a), ARR_DIMS(a));
	int			nb = ArrayGetNItems(ARR_NDIM(b), ARR_DIMS(b));
	int32	   *x = (int32 *) ARR_DATA_PTR(a);
	int32	   *y = (int32 *) ARR_DATA_PTR(b);
	Size		size = ARR_OVERHEAD_NONULLS(1) + sizeof(int32) * Min(na, nb);
	ArrayType  *result = (ArrayType *) palloc0(size);
	int32	   *r = (int32 *) (((char *) result) + ARR_OVERHEAD_NONULLS(1));
	int			n = 0;

	for (int i = 0, j = 0; i < na && j < nb;)
	{
		if (x[i] == y[j])
		{
			r[n++] = x[i++];
			j++;
		}
		else if (x[i] < y[j])
			i++;
		else
			j++;
	}
	SET_VARSIZE(result, ARR_OVERHEAD_NONULLS(1) + sizeof(int32) * n);
	result->ndim = 1;
	result->dataoffset = 0;
	result->elemtype = ARR_ELEMTYPE(a);
	ARR_DIMS(result)[0] = n;
	ARR_LBOUND(result)[0] = 1;
	PG_RETURN_ARRAYTYPE_P(result);
}

/* bench_trigger() - a row trigger in C that does nothing at all. */
Datum
bench_trigger(PG_FUNCTION_ARGS)
{
	return PointerGetDatum(NULL);
}
