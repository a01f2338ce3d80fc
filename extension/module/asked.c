/*-------------------------------------------------------------------------
 *
 * asked.c
 *	  What the query wants of the rows of a function in FROM.
 *
 * The server computes all rows of such a function and then looks which of them
 * the WHERE clause wants.  A function for which one row is far less work than all
 * can look first: the clause is in the plan that is running, at the scan of the
 * function.  Only "column = constant" is understood, of text and int4, and with the
 * text of a column of another type.  Whatever the clause has, this too, the server
 * still applies, so that it is never more than work saved.  What is not understood is
 * not known, and then the function has to give all.
 *
 * A constant is one for the whole execution: a literal or a parameter from
 * outside.  One that is set within it, by a join or a subquery, could change while
 * the scan keeps its rows.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include "catalog/pg_operator.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/execnodes.h"
#include "nodes/nodeFuncs.h"
#include "nodes/plannodes.h"
#include "utils/lsyscache.h"

static FunctionScan *asked_scan(Plan *plan, Node *call);

static FunctionScan *
asked_scan_of(List *plans, Node *call)
{
	ListCell   *cell;

	foreach(cell, plans)
	{
		FunctionScan *scan = asked_scan(lfirst(cell), call);

		if (scan != NULL)
			return scan;
	}
	return NULL;
}

/*
 * Does this scan have the rows of the call alone?  Beside others, or numbered, a
 * row that is left out would move the ones after it.
 */
static bool
asked_is_scan(const FunctionScan *scan, Node *call)
{
	return list_length(scan->functions) == 1 && !scan->funcordinality &&
		linitial_node(RangeTblFunction, scan->functions)->funcexpr == call;
}

/* The scan of this very call, or NULL. */
static FunctionScan *
asked_scan(Plan *plan, Node *call)
{
	FunctionScan *scan = NULL;

	if (plan == NULL)
		return NULL;
	check_stack_depth();
	switch (nodeTag(plan))
	{
		case T_FunctionScan:
			return asked_is_scan((FunctionScan *) plan, call) ? (FunctionScan *) plan : NULL;
		case T_Append:
			return asked_scan_of(((Append *) plan)->appendplans, call);
		case T_MergeAppend:
			return asked_scan_of(((MergeAppend *) plan)->mergeplans, call);
		case T_SubqueryScan:
			return asked_scan(((SubqueryScan *) plan)->subplan, call);
		case T_CustomScan:
			scan = asked_scan_of(((CustomScan *) plan)->custom_plans, call);
			break;
		default:
			break;
	}
	if (scan == NULL)
		scan = asked_scan(plan->lefttree, call);
	if (scan == NULL)
		scan = asked_scan(plan->righttree, call);
	return scan;
}

/* The value of a constant of this type; false if it is none, or NULL. */
static bool
asked_constant(Node *node, Oid type, ParamListInfo params, Datum *value)
{
	if (IsA(node, Const))
	{
		*value = ((Const *) node)->constvalue;
		return ((Const *) node)->consttype == type && !((Const *) node)->constisnull;
	}
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXTERN &&
		params != NULL && ((Param *) node)->paramid > 0 &&
		((Param *) node)->paramid <= params->numParams)
	{
		int			id = ((Param *) node)->paramid;
		ParamExternData fetched;
		ParamExternData *param = params->paramFetch != NULL ?
			params->paramFetch(params, id, false, &fetched) : &params->params[id - 1];

		*value = param->value;
		return param->ptype == type && !param->isnull;
	}
	return false;
}

/*
 * May an equality of this type be taken at its word?  One of text by a collation
 * that takes different strings for equal may not.
 */
static bool
asked_is_equality(const OpExpr *op, Oid type)
{
	if (type == INT4OID)
		return op->opno == Int4EqualOperator;
	return op->opno == TextEqualOperator && OidIsValid(op->inputcollid) &&
		get_collation_isdeterministic(op->inputcollid);
}

/* Is it the column, or its text where text is compared? */
static bool
asked_is_column(Node *node, const FunctionScan *scan, int column, Oid type)
{
	if (type == TEXTOID && IsA(node, CoerceViaIO) && ((CoerceViaIO *) node)->resulttype == TEXTOID)
		node = (Node *) ((CoerceViaIO *) node)->arg;
	return IsA(node, Var) && ((Var *) node)->varlevelsup == 0 &&
		((Var *) node)->varno == (int) scan->scan.scanrelid && ((Var *) node)->varattno == column;
}

bool
module_asked(FunctionCallInfo fcinfo, int column, Oid type, Datum *value)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ExprContext *econtext;
	PlannedStmt *statement;
	FunctionScan *scan;
	ListCell   *cell;

	if (rsinfo == NULL || !IsA(rsinfo, ReturnSetInfo) || fcinfo->flinfo->fn_expr == NULL)
		return false;
	econtext = rsinfo->econtext;
	if (econtext == NULL || econtext->ecxt_estate == NULL)
		return false;
	statement = econtext->ecxt_estate->es_plannedstmt;
	if (statement == NULL)
		return false;
	scan = asked_scan(statement->planTree, fcinfo->flinfo->fn_expr);
	if (scan == NULL)
		scan = asked_scan_of(statement->subplans, fcinfo->flinfo->fn_expr);
	if (scan == NULL)
		return false;
	foreach(cell, scan->scan.plan.qual)
	{
		OpExpr	   *op = lfirst(cell);
		Node	   *left;
		Node	   *right;

		if (!IsA(op, OpExpr) || list_length(op->args) != 2 || !asked_is_equality(op, type))
			continue;
		left = linitial(op->args);
		right = lsecond(op->args);
		if ((asked_is_column(left, scan, column, type) &&
			 asked_constant(right, type, econtext->ecxt_param_list_info, value)) ||
			(asked_is_column(right, scan, column, type) &&
			 asked_constant(left, type, econtext->ecxt_param_list_info, value)))
			return true;
	}
	return false;
}
