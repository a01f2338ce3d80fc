/*-------------------------------------------------------------------------
 *
 * scope_support.c
 *	  What the planner is told of has_scope, has_any_scope and covers.
 *
 * Each of them implies an operator on the set alone:
 *
 *		has_scope(s, 'x')			s @>> 'x'
 *		has_scope(s, '{x,y}')		s @>> ANY ('{x,y}')
 *		covers(s, t)				s @>> t
 *		has_any_scope(s, 'base')	s && 'base'
 *
 * so that is what a GIN index on s is asked, and whose selectivity is taken.  The
 * functions know more (who is in which group), so the rows that the index finds
 * are always asked again: nothing is lost, and nothing too much is given.
 *
 *-------------------------------------------------------------------------
 */
#include "effective.h"

#include "access/stratnum.h"
#include "catalog/namespace.h"
#include "catalog/pg_am.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "optimizer/plancat.h"
#include "parser/parse_func.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/selfuncs.h"

/* A call of one of the functions, as an operator on its first argument. */
typedef struct SupportedCall
{
	Oid			set;			/* the type scopeset */
	bool		any;			/* has_any_scope */
	bool		many;			/* wanted is an array: one of it will do */
	Node	   *wanted;			/* the operator's right side, of that type */
} SupportedCall;

/* A required scope taken apart; false for what the function will refuse. */
static bool
support_member(Datum text_value, ScopeMember *member)
{
	const char *defect;
	const char *str;
	int			len;
	int			where;

	str = effective_utf8(DatumGetTextPP(text_value), &len);
	return scope_parse(str, len, member, &defect, &where) &&
		!scope_kind_is_self(member->kind);
}

/* One scope, constant text, as a set; NULL for what the function will refuse. */
static Node *
support_constant(Oid set, const Const *text_const)
{
	ScopeMember member;

	if (text_const->constisnull || !support_member(text_const->constvalue, &member))
		return NULL;
	return (Node *) makeConst(set, -1, InvalidOid, -1,
							  ScopesetPGetDatum(scopeset_single(&member)), false, false);
}

/* Scopes as an array of sets of one. */
static Datum
support_sets(Oid set, const ScopeMember *members, int n)
{
	Datum	   *sets = palloc(sizeof(Datum) * Max(n, 1));
	int16		len;
	bool		by_value;
	char		align;

	get_typlenbyvalalign(set, &len, &by_value, &align);
	for (int i = 0; i < n; i++)
		sets[i] = ScopesetPGetDatum(scopeset_single(&members[i]));
	return PointerGetDatum(construct_array(sets, n, set, len, by_value, align));
}

/* A constant text[] likewise. */
static Node *
support_constant_array(Oid set, const Const *array_const)
{
	ScopeMember *members;
	Datum	   *values;
	bool	   *nulls;
	int			n;

	if (array_const->constisnull)
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(array_const->constvalue), TEXTOID, -1, false,
					  TYPALIGN_INT, &values, &nulls, &n);
	members = palloc(sizeof(ScopeMember) * Max(n, 1));
	for (int i = 0; i < n; i++)
		if (nulls[i] || !support_member(values[i], &members[i]))
			return NULL;
	return (Node *) makeConst(get_array_type(set), -1, InvalidOid, -1,
							  support_sets(set, members, n), false, false);
}

/* A function of one array of texts, beside another; InvalidOid if it is not there. */
static Oid
support_function(Oid beside, const char *name)
{
	Oid			argtypes[1] = {TEXTARRAYOID};
	char	   *schema = get_namespace_name(get_func_namespace(beside));

	return LookupFuncName(list_make2(makeString(schema), makeString(pstrdup(name))),
						  1, argtypes, true);
}

/* A text[] that is known when the query is run: _required_sets(text[]). */
static Node *
support_variable_array(Oid set, Oid function, Node *value)
{
	Oid			sets = support_function(function, "_required_sets");

	if (!OidIsValid(sets))
		return NULL;
	return (Node *) makeFuncExpr(sets, get_array_type(set), list_make1(value), InvalidOid,
								 InvalidOid, COERCE_EXPLICIT_CALL);
}

/*
 * The set if the function takes its text, asked with the empty set: what it refuses
 * is refused, whether or not the index finds a row.  NULL for NULL, which finds none
 * and which the constructor refuses.
 */
static Node *
support_if_taken(Oid set, Oid function, Node *value, FuncExpr *made)
{
	Const	   *empty = makeConst(set, -1, InvalidOid, -1,
								  ScopesetPGetDatum(scopeset_empty()), false, false);
	NullTest   *test = makeNode(NullTest);
	CaseWhen   *when = makeNode(CaseWhen);
	CaseExpr   *result = makeNode(CaseExpr);

	test->arg = (Expr *) makeFuncExpr(function, BOOLOID, list_make2(empty, copyObject(value)),
									  InvalidOid, DEFAULT_COLLATION_OID, COERCE_EXPLICIT_CALL);
	test->nulltesttype = IS_NOT_NULL;
	test->argisrow = false;
	test->location = -1;
	when->expr = (Expr *) test;
	when->result = (Expr *) made;
	when->location = -1;
	result->casetype = set;
	result->casecollid = InvalidOid;
	result->args = list_make1(when);
	result->defresult = (Expr *) makeNullConst(set, -1, InvalidOid);
	result->location = -1;
	return (Node *) result;
}

/* One scope, text that is known when the query is run: scopeset_of(text). */
static Node *
support_variable(Oid set, Oid function, Node *value)
{
	Oid			constructor = support_function(function, "scopeset_of");
	ArrayExpr  *array;
	FuncExpr   *call;

	if (!OidIsValid(constructor))
		return NULL;
	array = makeNode(ArrayExpr);
	array->array_typeid = TEXTARRAYOID;
	array->element_typeid = TEXTOID;
	array->elements = list_make1(value);
	array->multidims = false;
	array->location = -1;
	call = makeFuncExpr(constructor, set, list_make1(array), InvalidOid, InvalidOid,
						COERCE_EXPLICIT_CALL);
	call->funcvariadic = true;
	return support_if_taken(set, function, value, call);
}

/*
 * Take a call apart.  Functions are told by their names, which are ours: in our
 * schema no others than the extension's owner can make one.
 */
static bool
support_call(Node *node, SupportedCall *call)
{
	FuncExpr   *f = (FuncExpr *) node;
	Node	   *second;
	char	   *name;

	if (node == NULL || !IsA(node, FuncExpr) || list_length(f->args) != 2)
		return false;
	name = get_func_name(f->funcid);
	if (name == NULL)
		return false;
	call->set = exprType(linitial(f->args));
	call->any = strcmp(name, "has_any_scope") == 0;
	second = lsecond(f->args);
	call->many = exprType(second) == TEXTARRAYOID;
	if (exprType(second) == call->set)
		call->wanted = second;
	else if (IsA(second, Const))
		call->wanted = call->many ? support_constant_array(call->set, (Const *) second) :
			support_constant(call->set, (Const *) second);
	else if (call->many)
		call->wanted = support_variable_array(call->set, f->funcid, second);
	else
		call->wanted = support_variable(call->set, f->funcid, second);
	return call->wanted != NULL;
}

/* set OPERATOR ANY (array) */
static ScalarArrayOpExpr *
support_any(Oid op, Node *set, Node *array, Oid collation)
{
	ScalarArrayOpExpr *any = makeNode(ScalarArrayOpExpr);

	any->opno = op;
	any->opfuncid = get_opcode(op);
	any->useOr = true;
	any->inputcollid = collation;
	any->args = list_make2(set, array);
	any->location = -1;
	return any;
}

static Node *
support_index_condition(SupportRequestIndexCondition *req)
{
	SupportedCall call;
	Node	   *set;
	Oid			op;

	if (req->indexarg != 0 || req->index->relam != GIN_AM_OID ||
		!IsA(req->node, FuncExpr) || list_length(((FuncExpr *) req->node)->args) != 2 ||
		!is_pseudo_constant_for_index(req->root, lsecond(((FuncExpr *) req->node)->args),
									  req->index) ||
		!support_call(req->node, &call))
		return NULL;
	op = get_opfamily_member(req->opfamily, call.set, call.set,
							 call.any ? RTOverlapStrategyNumber : SCOPESET_MAY_CONTAIN_STRATEGY);
	if (!OidIsValid(op))
		return NULL;
	req->lossy = true;
	set = linitial(((FuncExpr *) req->node)->args);
	if (call.many)
		return (Node *) list_make1(support_any(op, set, call.wanted, req->indexcollation));
	return (Node *) list_make1(make_opclause(op, BOOLOID, false, (Expr *) set,
											 (Expr *) call.wanted,
											 InvalidOid, req->indexcollation));
}

/* The operator's estimate; false where it cannot be had. */
static bool
support_selectivity(SupportRequestSelectivity *req)
{
	FuncExpr	f = {.xpr = {T_FuncExpr}};
	SupportedCall call;
	List	   *name;
	Oid			op;

	if (req->is_join)
		return false;
	f.funcid = req->funcid;
	f.args = req->args;
	if (!support_call((Node *) &f, &call))
		return false;
	name = list_make2(makeString(get_namespace_name(get_func_namespace(req->funcid))),
					  makeString(pstrdup(call.any ? "&&" : "@>>")));
	op = OpernameGetOprid(name, call.set, call.set);
	if (!OidIsValid(op))
		return false;
	if (call.many)
		req->selectivity = scalararraysel(req->root,
										  support_any(op, linitial(req->args), call.wanted,
													  InvalidOid),
										  false, req->varRelid, JOIN_INNER, NULL);
	else
		req->selectivity = restriction_selectivity(req->root, op,
												   list_make2(linitial(req->args), call.wanted),
												   InvalidOid, req->varRelid);
	return true;
}

/*
 * _required_sets(required text[]) returns scopeset[]: each as a set of its own.
 * What an index is asked for the array; refuses what has_scope refuses.
 */
PG_FUNCTION_INFO_V1(jhub_authz__required_sets);
Datum
jhub_authz__required_sets(PG_FUNCTION_ARGS)
{
	int			n;
	ScopeMember *members = effective_required_array(PG_GETARG_ARRAYTYPE_P(0), &n);

	PG_RETURN_DATUM(support_sets(get_element_type(get_func_rettype(fcinfo->flinfo->fn_oid)),
								 members, n));
}

/* _scope_check_support(): planner support; NULL for what is not known here. */
PG_FUNCTION_INFO_V1(jhub_authz__scope_check_support);
Datum
jhub_authz__scope_check_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	Node	   *result = NULL;

	if (IsA(request, SupportRequestIndexCondition))
		result = support_index_condition((SupportRequestIndexCondition *) request);
	else if (IsA(request, SupportRequestSelectivity) &&
			 support_selectivity((SupportRequestSelectivity *) request))
		result = request;
	PG_RETURN_POINTER(result);
}
