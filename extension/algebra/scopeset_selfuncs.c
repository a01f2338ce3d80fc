/*-------------------------------------------------------------------------
 *
 * scopeset_selfuncs.c
 *	  What the planner asks: how many rows scope_explode gives.
 *
 * The operators @>, <@ and && use the server's matchingsel, which runs the
 * operator over the column's most common values and histogram, so they need
 * nothing here.
 *
 *-------------------------------------------------------------------------
 */
#include "scopeset_private.h"

#include "nodes/nodeFuncs.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"

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
	/* this is attached to one function only, whose argument is a scopeset */
	scopeset_view(DatumGetScopesetP(((Const *) arg)->constvalue), &view);
	req->rows = view.nmembers;
	PG_RETURN_POINTER(req);
}
