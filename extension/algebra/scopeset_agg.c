/*-------------------------------------------------------------------------
 *
 * scopeset_agg.c
 *	  The aggregate scopeset_agg: the union of many sets, or of many scopes.
 *
 * The state is a builder in the aggregate's memory context, so that a row
 * costs what adding its members costs.  Null inputs are ignored; without any
 * other row there is no state and the result is null.  Serialized, a state is
 * the stored form of the set so far.  scopeset_intersect_agg needs nothing
 * here: its state is a set, its functions are those of &.
 *
 *-------------------------------------------------------------------------
 */
#include "scopeset_private.h"

/* The state of argument 0, made if there is none yet. */
static ScopeBuilder *
agg_state(FunctionCallInfo fcinfo)
{
	MemoryContext context;
	MemoryContext old;
	ScopeBuilder *b;

	if (!AggCheckCallContext(fcinfo, &context))
		elog(ERROR, "aggregate function called in non-aggregate context");
	if (!PG_ARGISNULL(0))
		return (ScopeBuilder *) PG_GETARG_POINTER(0);
	old = MemoryContextSwitchTo(context);
	b = scope_builder_create();
	MemoryContextSwitchTo(old);
	return b;
}

/* Fail at the first row that goes beyond the limits. */
static void
agg_check(ScopeBuilder *b)
{
	if (scope_builder_failed(b))
		scope_builder_limit_error(b, NULL);
}

/* The state as it was: null stays null. */
static Datum
agg_unchanged(FunctionCallInfo fcinfo)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_POINTER(PG_GETARG_POINTER(0));
}

PG_FUNCTION_INFO_V1(scopeset_agg_add);
Datum
scopeset_agg_add(PG_FUNCTION_ARGS)
{
	ScopeBuilder *b;

	if (PG_ARGISNULL(1))
		return agg_unchanged(fcinfo);
	b = agg_state(fcinfo);
	scope_builder_add_set(b, PG_GETARG_SCOPESET_P(1));
	agg_check(b);
	PG_RETURN_POINTER(b);
}

PG_FUNCTION_INFO_V1(scopeset_agg_add_text);
Datum
scopeset_agg_add_text(PG_FUNCTION_ARGS)
{
	ScopeBuilder *b;
	text	   *t;

	if (PG_ARGISNULL(1))
		return agg_unchanged(fcinfo);
	b = agg_state(fcinfo);
	t = PG_GETARG_TEXT_PP(1);
	scope_builder_add_element(b, VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t), 0);
	PG_RETURN_POINTER(b);
}

/* The set that a state stands for. */
static Scopeset *
agg_result(ScopeBuilder *b)
{
	Scopeset   *set = scope_builder_try(b, false);

	if (set == NULL)
		scope_builder_limit_error(b, NULL);
	return set;
}

PG_FUNCTION_INFO_V1(scopeset_agg_combine);
Datum
scopeset_agg_combine(PG_FUNCTION_ARGS)
{
	ScopeBuilder *b;
	Scopeset   *other;

	if (PG_ARGISNULL(1))
		return agg_unchanged(fcinfo);
	b = agg_state(fcinfo);
	other = agg_result((ScopeBuilder *) PG_GETARG_POINTER(1));
	scope_builder_add_set(b, other);
	pfree(other);
	agg_check(b);
	PG_RETURN_POINTER(b);
}

PG_FUNCTION_INFO_V1(scopeset_agg_serialize);
Datum
scopeset_agg_serialize(PG_FUNCTION_ARGS)
{
	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	/* a set and a bytea are both a varlena of bytes */
	PG_RETURN_BYTEA_P(agg_result((ScopeBuilder *) PG_GETARG_POINTER(0)));
}

PG_FUNCTION_INFO_V1(scopeset_agg_deserialize);
Datum
scopeset_agg_deserialize(PG_FUNCTION_ARGS)
{
	ScopeBuilder *b;

	if (!AggCheckCallContext(fcinfo, NULL))
		elog(ERROR, "aggregate function called in non-aggregate context");
	/* short-lived: combine copies it into its own state */
	b = scope_builder_create();
	scope_builder_add_set(b, PG_GETARG_SCOPESET_P(0));
	PG_RETURN_POINTER(b);
}

PG_FUNCTION_INFO_V1(scopeset_agg_final);
Datum
scopeset_agg_final(PG_FUNCTION_ARGS)
{
	if (PG_ARGISNULL(0))
		PG_RETURN_NULL();
	PG_RETURN_SCOPESET_P(agg_result((ScopeBuilder *) PG_GETARG_POINTER(0)));
}
