/*-------------------------------------------------------------------------
 *
 * insert.c
 *	  Many rows for one of our own tables, written as COPY writes them.
 *
 * A decision about tokens that were issued in bulk writes two rows for each.  An
 * INSERT of arrays would form each row three times over, write it to the log by
 * itself, and go through the executor for it.  Here rows are formed once and
 * written a page at a time, by the server's own functions: defaults, constraints,
 * indexes, TOAST, logical decoding and serializability are as with INSERT.
 *
 * It is only for a table as we made it.  Where somebody has put a trigger, a rule,
 * a policy, a check or a column of another type on it, or where the row may not be
 * written at all, the caller is told to run its INSERT, which knows what to do or
 * what to say.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include "access/table.h"
#include "access/tableam.h"
#include "access/xact.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "optimizer/optimizer.h"
#include "rewrite/rewriteHandler.h"
#include "utils/acl.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

/* Rows that are written together. */
#define INSERT_ROWS		256

/* Where the values of an attribute come from. */
typedef struct InsertAttribute
{
	const InsertColumn *column; /* NULL: the default, if there is one */
	ExprState  *value;
} InsertAttribute;

typedef struct Insert
{
	Relation	rel;
	EState	   *estate;
	ResultRelInfo *result;
	InsertAttribute *attributes;
	int			nslots;
	TupleTableSlot *slots[INSERT_ROWS];
} Insert;

/* Nothing but rows, with the rights to write them? */
static bool
insert_is_plain(Relation rel)
{
	TriggerDesc *triggers = rel->trigdesc;
	TupleConstr *constr = RelationGetDescr(rel)->constr;

	Assert(ActiveSnapshotSet());
	return rel->rd_rel->relkind == RELKIND_RELATION &&
		rel->rd_rel->relowner == GetUserId() &&
		!rel->rd_rel->relispartition && !rel->rd_rel->relrowsecurity &&
		rel->rd_rules == NULL &&
		(triggers == NULL ||
		 !(triggers->trig_insert_before_row || triggers->trig_insert_after_row ||
		   triggers->trig_insert_instead_row || triggers->trig_insert_before_statement ||
		   triggers->trig_insert_after_statement || triggers->trig_insert_new_table)) &&
		(constr == NULL || constr->num_check == 0) &&
		pg_class_aclcheck(RelationGetRelid(rel), GetUserId(), ACL_INSERT) == ACLCHECK_OK;
}

/*
 * Each column of ours must be there, and of the type that we give it.  Others get
 * their default, if that is all that there is to them.
 */
static bool
insert_match(Insert *insert, const InsertColumn *columns, int ncolumns)
{
	TupleDesc	desc = RelationGetDescr(insert->rel);
	int			matched = 0;

	insert->attributes = palloc0(sizeof(InsertAttribute) * desc->natts);
	for (int i = 0; i < desc->natts; i++)
	{
		Form_pg_attribute att = TupleDescAttr(desc, i);
		InsertAttribute *a = &insert->attributes[i];

		for (int c = 0; !att->attisdropped && c < ncolumns; c++)
			if (strcmp(NameStr(att->attname), columns[c].name) == 0 &&
				att->atttypid == columns[c].type && att->atttypmod < 0)
			{
				a->column = &columns[c];
				matched++;
			}
		if (!att->attisdropped && (att->attgenerated != '\0' ||
								   get_typtype(att->atttypid) == TYPTYPE_DOMAIN))
			return false;
	}
	return matched == ncolumns;
}

/* Expressions of the defaults of all other columns. */
static void
insert_defaults(Insert *insert)
{
	TupleDesc	desc = RelationGetDescr(insert->rel);

	for (int i = 0; i < desc->natts; i++)
	{
		Node	   *value = NULL;

		if (insert->attributes[i].column == NULL && !TupleDescAttr(desc, i)->attisdropped)
			value = build_column_default(insert->rel, i + 1);
		if (value != NULL)
			insert->attributes[i].value = ExecInitExpr(expression_planner((Expr *) value), NULL);
	}
}

static void
insert_fill(Insert *insert, TupleTableSlot *slot, int row)
{
	ExprContext *econtext = GetPerTupleExprContext(insert->estate);
	int			natts = RelationGetDescr(insert->rel)->natts;

	ExecClearTuple(slot);
	for (int i = 0; i < natts; i++)
	{
		const InsertAttribute *a = &insert->attributes[i];

		slot->tts_values[i] = (Datum) 0;
		slot->tts_isnull[i] = true;
		if (a->column != NULL)
		{
			int			at = a->column->same ? 0 : row;

			slot->tts_isnull[i] = a->column->nulls != NULL && a->column->nulls[at];
			if (!slot->tts_isnull[i])
				slot->tts_values[i] = a->column->values[at];
		}
		else if (a->value != NULL)
			slot->tts_values[i] = ExecEvalExprSwitchContext(a->value, econtext, &slot->tts_isnull[i]);
	}
	ExecStoreVirtualTuple(slot);
	if (RelationGetDescr(insert->rel)->constr != NULL)
		ExecConstraints(insert->result, slot, insert->estate);
}

/* The rows from 'from' on, as many as there are slots. */
static void
insert_some(Insert *insert, int from, int n)
{
	for (int i = 0; i < n; i++)
	{
		if (insert->nslots == i)
			insert->slots[insert->nslots++] = table_slot_create(insert->rel, NULL);
		insert_fill(insert, insert->slots[i], from + i);
	}
	table_multi_insert(insert->rel, insert->slots, n, GetCurrentCommandId(true), 0, NULL);
	if (insert->result->ri_NumIndices > 0)
		for (int i = 0; i < n; i++)
			list_free(module_insert_index_tuples(insert->result, insert->slots[i],
												 insert->estate));
	for (int i = 0; i < n; i++)
		ExecClearTuple(insert->slots[i]);
	ResetPerTupleExprContext(insert->estate);
}

bool
spi_insert(const char *relname, const InsertColumn *columns, int ncolumns, int n)
{
	MemoryContext context;
	MemoryContext caller;
	Insert		insert = {0};

	if (XactReadOnly || IsInParallelMode())
		return false;
	insert.rel = table_open(module_relation(relname), RowExclusiveLock);
	context = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz insert",
									ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	if (!insert_is_plain(insert.rel) || !insert_match(&insert, columns, ncolumns))
	{
		MemoryContextSwitchTo(caller);
		MemoryContextDelete(context);
		table_close(insert.rel, NoLock);
		return false;
	}
	insert.estate = CreateExecutorState();
	insert_defaults(&insert);
	insert.result = makeNode(ResultRelInfo);
	InitResultRelInfo(insert.result, insert.rel, 0, NULL, 0);
	ExecOpenIndices(insert.result, false);
	for (int from = 0; from < n; from += INSERT_ROWS)
	{
		CHECK_FOR_INTERRUPTS();
		insert_some(&insert, from, Min(INSERT_ROWS, n - from));
	}
	for (int i = 0; i < insert.nslots; i++)
		ExecDropSingleTupleTableSlot(insert.slots[i]);
	ExecCloseIndices(insert.result);
	FreeExecutorState(insert.estate);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	table_close(insert.rel, NoLock);
	CommandCounterIncrement();
	return true;
}
