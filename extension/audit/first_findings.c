/*-------------------------------------------------------------------------
 *
 * first_findings.c
 *	  The first of many findings, for the report: an aggregate that keeps so
 *	  many rows and lets the others go.
 *
 * There may be millions.  Sorted, or read again for each kind, they would go
 * through files; one that does not come before the last that is kept costs one
 * comparison here, most often that of its time.
 *
 *-------------------------------------------------------------------------
 */
#include "audit.h"

#include "access/htup_details.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "lib/binaryheap.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"
#include "utils/typcache.h"
#include "utils/varlena.h"

/* as many rows as report_html shows at most */
#define FIRST_MOST	1000

/* Arguments of the aggregate, after the state */
enum
{
	FIRST_STATE,
	FIRST_HOW_MANY,
	FIRST_SINCE,
	FIRST_KIND,
	FIRST_SUBJECT,
	FIRST_OBJECT,
	FIRST_DETAIL
};

/* Columns of _findings */
enum
{
	FINDING_SEVERITY,
	FINDING_CODE,
	FINDING_KIND,
	FINDING_SUBJECT,
	FINDING_OBJECT,
	FINDING_DETAIL,
	FINDING_SINCE,
	FINDING_NCOLUMNS
};

typedef struct FirstRow
{
	bool		has_since;
	TimestampTz since;
	text	   *kind;			/* this and the next ones may be NULL */
	text	   *subject;
	text	   *object;
	text	   *detail;
} FirstRow;

typedef struct FirstRows
{
	binaryheap *heap;			/* of FirstRow, the last one on top; NULL: none is kept */
	int			most;
} FirstRows;

/* ---- the order ---- */

static int
first_compare_text(const text *a, const text *b, Oid collation)
{
	if (a == NULL || b == NULL)
		return (a == NULL) - (b == NULL);
	return varstr_cmp(VARDATA_ANY(a), VARSIZE_ANY_EXHDR(a), VARDATA_ANY(b), VARSIZE_ANY_EXHDR(b), collation);
}

static int
first_length(const text *t)
{
	return t == NULL ? PG_INT32_MAX : pg_mbstrlen_with_len(VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t));
}

/*
 * As ORDER BY since DESC NULLS LAST, subject_kind, length(subject), subject
 * COLLATE "C", object COLLATE "C".
 */
static int
first_compare(Datum x, Datum y, void *arg)
{
	const FirstRow *a = (const FirstRow *) DatumGetPointer(x);
	const FirstRow *b = (const FirstRow *) DatumGetPointer(y);
	int			a_length;
	int			b_length;
	int			c;

	if (a->has_since != b->has_since)
		return a->has_since ? -1 : 1;
	if (a->has_since && a->since != b->since)
		return a->since > b->since ? -1 : 1;
	c = first_compare_text(a->kind, b->kind, DEFAULT_COLLATION_OID);
	if (c != 0)
		return c;
	a_length = first_length(a->subject);
	b_length = first_length(b->subject);
	if (a_length != b_length)
		return a_length < b_length ? -1 : 1;
	c = first_compare_text(a->subject, b->subject, C_COLLATION_OID);
	if (c != 0)
		return c;
	return first_compare_text(a->object, b->object, C_COLLATION_OID);
}

/* ---- the aggregate ---- */

static text *
first_argument(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : PG_GETARG_TEXT_PP(n);
}

static text *
first_copy(const text *t)
{
	text	   *copy;

	if (t == NULL)
		return NULL;
	copy = palloc(VARSIZE_ANY(t));
	memcpy(copy, t, VARSIZE_ANY(t));
	return copy;
}

static void
first_fill(FirstRow *row, const FirstRow *from, const text *detail)
{
	*row = *from;
	row->kind = first_copy(from->kind);
	row->subject = first_copy(from->subject);
	row->object = first_copy(from->object);
	row->detail = first_copy(detail);
}

static void
first_clear(FirstRow *row)
{
	text	   *texts[] = {row->kind, row->subject, row->object, row->detail};

	for (int i = 0; i < (int) lengthof(texts); i++)
		if (texts[i] != NULL)
			pfree(texts[i]);
}

static FirstRows *
first_state(FunctionCallInfo fcinfo, MemoryContext context)
{
	MemoryContext caller;
	FirstRows  *rows;

	if (!PG_ARGISNULL(FIRST_STATE))
		return (FirstRows *) PG_GETARG_POINTER(FIRST_STATE);
	caller = MemoryContextSwitchTo(context);
	rows = palloc0(sizeof(FirstRows));
	rows->most = PG_ARGISNULL(FIRST_HOW_MANY) ? 0 :
		Max(0, Min(PG_GETARG_INT32(FIRST_HOW_MANY), FIRST_MOST));
	if (rows->most > 0)
		rows->heap = binaryheap_allocate(rows->most, first_compare, NULL);
	MemoryContextSwitchTo(caller);
	return rows;
}

/* _first_findings_add(): transition function; how many is said by the first row. */
PG_FUNCTION_INFO_V1(jhub_authz__first_findings_add);
Datum
jhub_authz__first_findings_add(PG_FUNCTION_ARGS)
{
	FirstRow	row = {.has_since = !PG_ARGISNULL(FIRST_SINCE)};
	MemoryContext context;
	MemoryContext caller;
	FirstRows  *rows;
	FirstRow   *place;
	text	   *detail;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	rows = first_state(fcinfo, context);
	if (rows->heap == NULL)
		PG_RETURN_POINTER(rows);
	if (row.has_since)
		row.since = PG_GETARG_TIMESTAMPTZ(FIRST_SINCE);
	row.kind = first_argument(fcinfo, FIRST_KIND);
	row.subject = first_argument(fcinfo, FIRST_SUBJECT);
	row.object = first_argument(fcinfo, FIRST_OBJECT);
	if (rows->heap->bh_size == rows->most &&
		first_compare(PointerGetDatum(&row), binaryheap_first(rows->heap), NULL) >= 0)
		PG_RETURN_POINTER(rows);
	detail = first_argument(fcinfo, FIRST_DETAIL);
	caller = MemoryContextSwitchTo(context);
	if (rows->heap->bh_size < rows->most)
	{
		place = palloc(sizeof(FirstRow));
		first_fill(place, &row, detail);
		binaryheap_add(rows->heap, PointerGetDatum(place));
	}
	else
	{
		place = (FirstRow *) DatumGetPointer(binaryheap_first(rows->heap));
		first_clear(place);
		first_fill(place, &row, detail);
		binaryheap_replace_first(rows->heap, PointerGetDatum(place));
	}
	MemoryContextSwitchTo(caller);
	PG_RETURN_POINTER(rows);
}

static Datum
first_composite(const FirstRow *row, TupleDesc desc)
{
	Datum		values[FINDING_NCOLUMNS] = {0};
	bool		nulls[FINDING_NCOLUMNS];

	memset(nulls, true, sizeof(nulls));
	values[FINDING_KIND] = PointerGetDatum(row->kind);
	nulls[FINDING_KIND] = row->kind == NULL;
	values[FINDING_SUBJECT] = PointerGetDatum(row->subject);
	nulls[FINDING_SUBJECT] = row->subject == NULL;
	values[FINDING_OBJECT] = PointerGetDatum(row->object);
	nulls[FINDING_OBJECT] = row->object == NULL;
	values[FINDING_DETAIL] = PointerGetDatum(row->detail);
	nulls[FINDING_DETAIL] = row->detail == NULL;
	values[FINDING_SINCE] = TimestampTzGetDatum(row->since);
	nulls[FINDING_SINCE] = !row->has_since;
	return HeapTupleGetDatum(heap_form_tuple(desc, values, nulls));
}

/* _first_findings_rows(): final function, the rows in no order. */
PG_FUNCTION_INFO_V1(jhub_authz__first_findings_rows);
Datum
jhub_authz__first_findings_rows(PG_FUNCTION_ARGS)
{
	Oid			type = get_element_type(get_fn_expr_rettype(fcinfo->flinfo));
	FirstRows  *rows;
	TupleDesc	desc;
	Datum	   *elems;
	int			n;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	rows = PG_ARGISNULL(FIRST_STATE) ? NULL : (FirstRows *) PG_GETARG_POINTER(FIRST_STATE);
	n = rows != NULL && rows->heap != NULL ? rows->heap->bh_size : 0;
	if (!OidIsValid(type))
		elog(ERROR, "no array is expected");
	if (n == 0)
		PG_RETURN_ARRAYTYPE_P(construct_empty_array(type));
	desc = lookup_rowtype_tupdesc(type, -1);
	if (desc->natts != FINDING_NCOLUMNS)
		elog(ERROR, "_findings has %d columns", desc->natts);
	elems = palloc(sizeof(Datum) * n);
	for (int i = 0; i < n; i++)
		elems[i] = first_composite((FirstRow *) DatumGetPointer(rows->heap->bh_nodes[i]), desc);
	ReleaseTupleDesc(desc);
	PG_RETURN_ARRAYTYPE_P(construct_array(elems, n, type, -1, false, TYPALIGN_DOUBLE));
}
