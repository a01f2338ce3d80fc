/*-------------------------------------------------------------------------
 *
 * scope_order.c
 *	  The rows that changed in order of moments, and whom a moment's rows concern in
 *	  order of kind and id, however many there are.
 *
 * A role that everybody has concerns everybody, and so does one transaction that puts
 * everybody into a group.  Both orders are the server's sorts, which go to files when
 * there are many; the subjects are handed out in parts, so that what is read of the
 * hub for one of them fits into memory.
 *
 * Whom a row concerns, and what they gained, is not known here.
 *
 *-------------------------------------------------------------------------
 */
#include "scope_changes.h"

#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* so many subjects at first, and at least */
#define ORDER_PART_FIRST	256
#define ORDER_PART_LEAST	32

/* Columns of a row; it is sorted by all but the last. */
enum
{
	ROW_AT,
	ROW_PLACE,					/* of its table */
	ROW_IDS,
	ROW_CHANGE = ROW_IDS + HUB_PAST_IDS,
	ROW_BEGAN,
	ROW_NAME,
	ROW_NCOLUMNS
};

/* Columns of a subject; it is sorted by the first three. */
enum
{
	SUBJECT_COLUMN_KIND,
	SUBJECT_COLUMN_ID,
	SUBJECT_COLUMN_PLACE,
	SUBJECT_COLUMN_NET,
	SUBJECT_COLUMN_TABLE,
	SUBJECT_COLUMN_CHANGE,
	SUBJECT_COLUMN_IDS,
	SUBJECT_NCOLUMNS = SUBJECT_COLUMN_IDS + HUB_PAST_IDS
};

#define SUBJECT_NKEYS	3

/* ---- both sorts ---- */

/* Within a quarter of work_mem; in the current memory context. */
static Tuplesortstate *
order_begin(TupleDesc desc, int nkeys)
{
	AttrNumber *columns = palloc(sizeof(AttrNumber) * nkeys);
	Oid		   *operators = palloc(sizeof(Oid) * nkeys);
	Oid		   *collations = palloc0(sizeof(Oid) * nkeys);
	bool	   *nulls_first = palloc0(sizeof(bool) * nkeys);

	for (int i = 0; i < nkeys; i++)
	{
		columns[i] = i + 1;
		operators[i] = TupleDescAttr(desc, i)->atttypid == INT8OID ? Int8LessOperator : Int4LessOperator;
	}
	return tuplesort_begin_heap(desc, nkeys, columns, operators, collations, nulls_first,
								Max(work_mem / 4, 64), NULL, TUPLESORT_NONE);
}

static void
order_put(Tuplesortstate *sort, TupleTableSlot *slot)
{
	ExecStoreVirtualTuple(slot);
	tuplesort_puttupleslot(sort, slot);
	ExecClearTuple(slot);
}

/* The next one, or an empty slot.  It is the call's: it outlives moments and parts. */
static void
order_next(const Changes *c, Tuplesortstate *sort, TupleTableSlot *slot)
{
	MemoryContext caller = MemoryContextSwitchTo(c->context);

	if (tuplesort_gettupleslot(sort, true, true, slot, NULL))
		slot_getallattrs(slot);
	MemoryContextSwitchTo(caller);
}

/* A table of integers, and perhaps a text at the end. */
static TupleDesc
order_desc(int n, const int *wide, int nwide, bool text)
{
	TupleDesc	desc = CreateTemplateTupleDesc(n);

	for (int i = 0; i < n; i++)
	{
		Oid			type = text && i == n - 1 ? TEXTOID : INT4OID;

		for (int w = 0; w < nwide; w++)
			if (wide[w] == i)
				type = INT8OID;
		TupleDescInitEntry(desc, i + 1, NULL, type, -1, 0);
	}
	return desc;
}

/* ---- rows in order of moments ---- */

/* Tables in their order, after what is of the hub as a whole. */
static int
order_place(HubTable table)
{
	return table == HUB_ALEMBIC_VERSION || table == HUB_NTABLES ?
		(int) table - HUB_NTABLES - 1 : (int) table;
}

static HubTable
order_table(int place)
{
	return (HubTable) (place < 0 ? place + HUB_NTABLES + 1 : place);
}

/* hub_each_past_row callback */
static void
order_row(const HubPastRow *row, void *arg)
{
	Changes    *c = arg;
	Datum	   *values = c->put_row->tts_values;
	bool	   *nulls = c->put_row->tts_isnull;

	/* a role's or group's name is found in the model; these are not in it */
	nulls[ROW_NAME] = row->table != HUB_NTABLES || row->name == NULL;
	values[ROW_NAME] = nulls[ROW_NAME] ? (Datum) 0 : CStringGetTextDatum(row->name);
	values[ROW_AT] = Int64GetDatum(row->at);
	values[ROW_PLACE] = Int32GetDatum(order_place(row->table));
	for (int i = 0; i < HUB_PAST_IDS; i++)
		values[ROW_IDS + i] = Int32GetDatum(row->ids[i]);
	values[ROW_CHANGE] = Int64GetDatum(row->change);
	values[ROW_BEGAN] = Int32GetDatum(row->began);
	order_put(c->rows, c->put_row);
}

void
changes_order_rows(Changes *c)
{
	static const int wide[] = {ROW_AT, ROW_CHANGE};
	TupleDesc	desc = order_desc(ROW_NCOLUMNS, wide, lengthof(wide), true);

	c->put_row = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
	c->next_row = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
	memset(c->put_row->tts_isnull, false, sizeof(bool) * ROW_NCOLUMNS);
	c->rows = order_begin(desc, ROW_NAME);
	hub_each_past_row(c->since, c->until, order_row, c);
	tuplesort_performsort(c->rows);
	order_next(c, c->rows, c->next_row);
}

void
changes_end_rows(Changes *c)
{
	ExecDropSingleTupleTableSlot(c->put_row);
	ExecDropSingleTupleTableSlot(c->next_row);
	tuplesort_end(c->rows);
}

bool
changes_next_moment(Changes *c, TimestampTz *at, bool *whole)
{
	if (TupIsNull(c->next_row))
		return false;
	*at = DatumGetInt64(c->next_row->tts_values[ROW_AT]);
	*whole = DatumGetInt32(c->next_row->tts_values[ROW_PLACE]) < 0;
	return true;
}

bool
changes_next_row(Changes *c, HubPastRow *row)
{
	const Datum *values = c->next_row->tts_values;

	if (TupIsNull(c->next_row) || DatumGetInt64(values[ROW_AT]) != c->at)
		return false;
	row->table = order_table(DatumGetInt32(values[ROW_PLACE]));
	row->at = c->at;
	row->change = DatumGetInt64(values[ROW_CHANGE]);
	row->began = DatumGetInt32(values[ROW_BEGAN]) != 0;
	for (int i = 0; i < HUB_PAST_IDS; i++)
		row->ids[i] = DatumGetInt32(values[ROW_IDS + i]);
	row->name = NULL;
	if (!c->next_row->tts_isnull[ROW_NAME])
	{
		MemoryContext caller = MemoryContextSwitchTo(c->moment);

		row->name = TextDatumGetCString(values[ROW_NAME]);
		MemoryContextSwitchTo(caller);
	}
	order_next(c, c->rows, c->next_row);
	return true;
}

/* ---- subjects in order of kind and id ---- */

static void
order_begin_subjects(Changes *c)
{
	MemoryContext caller = MemoryContextSwitchTo(c->context);

	/* once for the call */
	if (c->put_subject == NULL)
	{
		static const int wide[] = {SUBJECT_COLUMN_PLACE, SUBJECT_COLUMN_CHANGE};
		TupleDesc	desc = order_desc(SUBJECT_NCOLUMNS, wide, lengthof(wide), false);

		c->put_subject = MakeSingleTupleTableSlot(desc, &TTSOpsVirtual);
		c->next_subject = MakeSingleTupleTableSlot(desc, &TTSOpsMinimalTuple);
		memset(c->put_subject->tts_isnull, false, sizeof(bool) * SUBJECT_NCOLUMNS);
	}
	MemoryContextSwitchTo(c->moment);
	c->subjects = order_begin(c->put_subject->tts_tupleDescriptor, SUBJECT_NKEYS);
	MemoryContextSwitchTo(caller);
}

void
changes_order_subject(Changes *c, const Concerned *concerned)
{
	Datum	   *values;

	if (c->subjects == NULL)
		order_begin_subjects(c);
	values = c->put_subject->tts_values;
	values[SUBJECT_COLUMN_KIND] = Int32GetDatum(concerned->kind);
	values[SUBJECT_COLUMN_ID] = Int32GetDatum(concerned->id);
	values[SUBJECT_COLUMN_PLACE] = Int64GetDatum(concerned->place);
	values[SUBJECT_COLUMN_NET] = Int32GetDatum(concerned->net);
	values[SUBJECT_COLUMN_TABLE] = Int32GetDatum(concerned->table);
	values[SUBJECT_COLUMN_CHANGE] = Int64GetDatum(concerned->change);
	for (int i = 0; i < HUB_PAST_IDS; i++)
		values[SUBJECT_COLUMN_IDS + i] = Int32GetDatum(concerned->ids[i]);
	order_put(c->subjects, c->put_subject);
}

void
changes_begin_subjects(Changes *c)
{
	tuplesort_performsort(c->subjects);
	order_next(c, c->subjects, c->next_subject);
	c->part_most = ORDER_PART_FIRST;
}

void
changes_end_subjects(Changes *c)
{
	ExecClearTuple(c->next_subject);
	tuplesort_end(c->subjects);
	c->subjects = NULL;
}

static void
order_subject(const Changes *c, Concerned *concerned)
{
	const Datum *values = c->next_subject->tts_values;

	concerned->kind = (SubjectKind) DatumGetInt32(values[SUBJECT_COLUMN_KIND]);
	concerned->id = DatumGetInt32(values[SUBJECT_COLUMN_ID]);
	concerned->place = DatumGetInt64(values[SUBJECT_COLUMN_PLACE]);
	concerned->net = DatumGetInt32(values[SUBJECT_COLUMN_NET]);
	concerned->table = (HubTable) DatumGetInt32(values[SUBJECT_COLUMN_TABLE]);
	concerned->change = DatumGetInt64(values[SUBJECT_COLUMN_CHANGE]);
	for (int i = 0; i < HUB_PAST_IDS; i++)
		concerned->ids[i] = DatumGetInt32(values[SUBJECT_COLUMN_IDS + i]);
}

static Concerned *
order_room(Changes *c)
{
	if (c->nconcerned == c->concerned_size)
	{
		c->concerned_size = Max(64, 2 * c->concerned_size);
		c->concerned = c->concerned ?
			repalloc_huge(c->concerned, sizeof(Concerned) * c->concerned_size) :
			MemoryContextAllocHuge(c->part, sizeof(Concerned) * c->concerned_size);
	}
	return &c->concerned[c->nconcerned];
}

/*
 * How many subjects the next part has: twice as many, but no more than fit, to judge
 * by those of this one.
 */
static void
order_part_size(Changes *c, int n)
{
	Size		room = get_hash_memory_limit() - (Size) work_mem * 1024 / 2;
	Size		each = MemoryContextMemAllocated(c->part, true) / Max(n, 1);

	c->part_most = Min(2 * c->part_most, (int) Min(room / Max(each, 1), INT_MAX / 2));
	c->part_most = Max(c->part_most, ORDER_PART_LEAST);
}

/* What was read of the part before, and what of it is here, is forgotten. */
bool
changes_next_part(Changes *c)
{
	Size		room = (Size) work_mem * 1024 / 4;
	int			n = 0;

	if (c->nconcerned > 0)
	{
		for (int i = 0; i < c->nconcerned; i++)
			n += i == 0 || c->concerned[i].kind != c->concerned[i - 1].kind ||
				c->concerned[i].id != c->concerned[i - 1].id;
		order_part_size(c, n);
	}
	MemoryContextReset(c->part);
	c->concerned = NULL;
	c->nconcerned = c->concerned_size = 0;
	for (n = 0; !TupIsNull(c->next_subject); order_next(c, c->subjects, c->next_subject))
	{
		Concerned  *concerned = order_room(c);
		const Concerned *last = c->nconcerned > 0 ? concerned - 1 : NULL;
		bool		another;

		order_subject(c, concerned);
		another = last == NULL || last->kind != concerned->kind || last->id != concerned->id;
		/* few subjects may have very many causes */
		if (another && (n == c->part_most || c->nconcerned * sizeof(Concerned) > room))
			break;
		n += another;
		/* who had a role before and has it still is there twice */
		if (another || last->place != concerned->place)
			c->nconcerned++;
	}
	return c->nconcerned > 0;
}
