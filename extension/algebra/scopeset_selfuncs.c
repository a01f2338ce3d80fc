/*-------------------------------------------------------------------------
 *
 * scopeset_selfuncs.c
 *	  What the planner asks: how many rows scope_explode gives, and what part of
 *	  a column's sets @>, @>> or && finds.
 *
 * The latter from the most common scopes of a column, which ANALYZE keeps
 * (scopeset_typanalyze.c).  Without these, for <@, and for joins, it is the
 * server's own matchingsel, which runs the operator over the column's most common
 * values and histogram.
 *
 *-------------------------------------------------------------------------
 */
#include "scopeset_private.h"

#include "access/htup_details.h"
#include "access/stratnum.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"
#include "utils/syscache.h"

/*
 * jhub_authz_scope_explode_support -
 *
 * Planner support for scope_explode: the number of members of a constant.
 * Other requests and other arguments leave it to the function's ROWS.
 */
PG_FUNCTION_INFO_V1(jhub_authz_scope_explode_support);
Datum
jhub_authz_scope_explode_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	SupportRequestRows *req;
	FuncExpr   *call;
	Node	   *arg;
	ScopesetView view;

	if (!IsA(request, SupportRequestRows))
		PG_RETURN_POINTER(NULL);
	req = (SupportRequestRows *) request;
	if (req->node == NULL || !IsA(req->node, FuncExpr))
		PG_RETURN_POINTER(NULL);
	call = (FuncExpr *) req->node;
	if (list_length(call->args) != 1)
		PG_RETURN_POINTER(NULL);
	arg = estimate_expression_value(req->root, (Node *) linitial(call->args));
	if (!IsA(arg, Const) || ((Const *) arg)->constisnull)
		PG_RETURN_POINTER(NULL);
	/* attached to functions only whose argument is a scopeset */
	scopeset_view(DatumGetScopesetP(((Const *) arg)->constvalue), &view);
	req->rows = view.nmembers;
	PG_RETURN_POINTER(req);
}

/* ---- selectivity ---- */

/* The most common keys of a column, see scopeset_typanalyze.c. */
typedef struct SelKeys
{
	const Datum *values;
	const float4 *numbers;
	int			n;
	float4		rest;			/* of a key that is not among them */
	StringInfoData key;
} SelKeys;

/* missing: what is taken for a key that is not among them. */
static double
sel_find(SelKeys *keys, double missing)
{
	int			low = 0;
	int			high = keys->n;

	while (low < high)
	{
		int			mid = low + (high - low) / 2;
		bytea	   *value = DatumGetByteaPP(keys->values[mid]);
		int			cmp = scope_bytes_cmp(VARDATA_ANY(value), VARSIZE_ANY_EXHDR(value),
										  keys->key.data, keys->key.len);

		if (cmp == 0)
			return keys->numbers[mid];
		if (cmp < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return missing;
}

/* The part of the sets that have a key. */
static double
sel_of(SelKeys *keys, char sort, const ScopeMember *m, ScopeKind kind,
	   const char *value, int len, double missing)
{
	ScopeMember member = *m;

	member.kind = kind;
	member.value = value;
	member.value_len = len;
	resetStringInfo(&keys->key);
	appendStringInfoChar(&keys->key, sort);
	scope_append(&keys->key, &member);
	return sel_find(keys, missing);
}

/*
 * The part of the sets in which a member has what it needs: keys as in
 * scopeset_gin.c, any of which will do.
 */
static double
sel_member(SelKeys *keys, const ScopeMember *m, StrategyNumber strategy)
{
	double		sel = sel_of(keys, SCOPESET_STATS_LITERAL, m, m->kind, m->value, m->value_len,
						  keys->rest);

	/* other ways to it count only where they are known */
	if (m->kind != SCOPE_OPEN)
		sel += sel_of(keys, SCOPESET_STATS_LITERAL, m, SCOPE_OPEN, NULL, 0, 0.0);
	if (m->kind == SCOPE_SERVER)
		sel += sel_of(keys, SCOPESET_STATS_LITERAL, m, SCOPE_USER, m->value,
					  scope_server_owner_len(m->value, m->value_len), 0.0);
	if (strategy == SCOPESET_MAY_CONTAIN_STRATEGY &&
		(m->kind == SCOPE_USER || m->kind == SCOPE_SERVER))
		sel += sel_of(keys, SCOPESET_STATS_GROUP, m, SCOPE_OPEN, NULL, 0, 0.0);
	if (strategy == RTOverlapStrategyNumber && m->kind == SCOPE_OPEN)
		sel = Max(sel, sel_of(keys, SCOPESET_STATS_BASE, m, SCOPE_OPEN, NULL, 0, 0.0));
	return Min(sel, 1.0);
}

/*
 * All members of a query are mostly there or not there together, since roles give
 * many at a time: the rarest of them is what counts where all have to be there.
 */
static double
sel_query(SelKeys *keys, const Scopeset *query, StrategyNumber strategy)
{
	bool		any = strategy == RTOverlapStrategyNumber;
	double		sel = any ? 0.0 : 1.0;
	ScopeIter	iter;
	ScopeMember m;

	scope_iter_init(&iter, query);
	while (scope_iter_next(&iter, &m))
	{
		double		one = sel_member(keys, &m, strategy);

		sel = any ? Min(sel + one, 1.0) : Min(sel, one);
	}
	return sel;
}

/*
 * From the statistics of a column; negative if there are none to use.  They come
 * from a catalogue that others can write to as well: nothing is taken for what it
 * is not.
 */
static double
sel_from_stats(VariableStatData *vardata, const Scopeset *query, StrategyNumber strategy)
{
	Form_pg_statistic form;
	AttStatsSlot slot;
	SelKeys		keys;
	double		sel = -1;

	if (!HeapTupleIsValid(vardata->statsTuple) ||
		!statistic_proc_security_check(vardata, F_BYTEAEQ))
		return -1;
	form = (Form_pg_statistic) GETSTRUCT(vardata->statsTuple);
	if (!get_attstatsslot(&slot, vardata->statsTuple, STATISTIC_KIND_MCELEM, InvalidOid,
						  ATTSTATSSLOT_VALUES | ATTSTATSSLOT_NUMBERS))
		return -1;
	if (slot.valuetype == BYTEAOID && slot.nvalues > 0 && slot.nnumbers == slot.nvalues + 3)
	{
		keys.values = slot.values;
		keys.numbers = slot.numbers;
		keys.n = slot.nvalues;
		keys.rest = slot.numbers[slot.nvalues + 2];
		initStringInfo(&keys.key);
		sel = sel_query(&keys, query, strategy) * (1.0 - form->stanullfrac);
		pfree(keys.key.data);
	}
	free_attstatsslot(&slot);
	return sel;
}

/*
 * The type scopeset of the schema that the estimator is in.  Whoever makes an
 * operator with this estimator and other types gets the server's answer: what is
 * behind a pointer must be a set (as intarray had to learn, CVE-2026-2004).
 */
static Oid
sel_set_type(FunctionCallInfo fcinfo)
{
	return GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid, CStringGetDatum("scopeset"),
						   ObjectIdGetDatum(get_func_namespace(fcinfo->flinfo->fn_oid)));
}

static Datum
sel_estimate(FunctionCallInfo fcinfo, StrategyNumber strategy)
{
	PlannerInfo *root = (PlannerInfo *) PG_GETARG_POINTER(0);
	List	   *args = (List *) PG_GETARG_POINTER(2);
	VariableStatData vardata;
	Node	   *other;
	bool		left;
	Oid			set = sel_set_type(fcinfo);
	double		sel = -1;

	if (!get_restriction_variable(root, args, PG_GETARG_INT32(3), &vardata, &other, &left))
		return matchingsel(fcinfo);
	if (left && vardata.vartype == set && IsA(other, Const) &&
		((Const *) other)->consttype == set)
	{
		if (((Const *) other)->constisnull)
			sel = 0.0;			/* the operators are strict */
		else
			sel = sel_from_stats(&vardata, DatumGetScopesetP(((Const *) other)->constvalue),
								 strategy);
	}
	ReleaseVariableStats(vardata);
	if (sel < 0)
		return matchingsel(fcinfo);
	CLAMP_PROBABILITY(sel);
	PG_RETURN_FLOAT8(sel);
}

PG_FUNCTION_INFO_V1(scopeset_containsel);
Datum
scopeset_containsel(PG_FUNCTION_ARGS)
{
	return sel_estimate(fcinfo, RTContainsStrategyNumber);
}

PG_FUNCTION_INFO_V1(scopeset_may_containsel);
Datum
scopeset_may_containsel(PG_FUNCTION_ARGS)
{
	return sel_estimate(fcinfo, SCOPESET_MAY_CONTAIN_STRATEGY);
}

PG_FUNCTION_INFO_V1(scopeset_overlapsel);
Datum
scopeset_overlapsel(PG_FUNCTION_ARGS)
{
	return sel_estimate(fcinfo, RTOverlapStrategyNumber);
}
