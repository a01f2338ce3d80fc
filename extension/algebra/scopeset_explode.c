/*-------------------------------------------------------------------------
 *
 * scopeset_explode.c
 *	  A scopeset as rows, and the number of its members.
 *
 *-------------------------------------------------------------------------
 */
#include "scopeset_private.h"

#include "funcapi.h"
#include "utils/builtins.h"

#define EXPLODE_COLUMNS	4

/*
 * jhub_authz_scope_explode -
 *
 * Rows (scope, base, filter_kind, filter_value) in code point order of the
 * scope.  Kind and value are null without a filter, the value is null with a
 * self filter.
 */
PG_FUNCTION_INFO_V1(jhub_authz_scope_explode);
Datum
jhub_authz_scope_explode(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ScopeIter	iter;
	ScopeMember member;
	StringInfoData buf;

	InitMaterializedSRF(fcinfo, 0);
	scope_iter_init(&iter, PG_GETARG_SCOPESET_P(0));
	initStringInfo(&buf);
	while (scope_iter_next(&iter, &member))
	{
		Datum		values[EXPLODE_COLUMNS] = {0};
		bool		nulls[EXPLODE_COLUMNS] = {false, false, true, true};
		int			i;

		resetStringInfo(&buf);
		scope_append(&buf, &member);
		values[0] = PointerGetDatum(scope_text_from_utf8(buf.data, buf.len));
		values[1] = PointerGetDatum(scope_text_from_utf8(member.base,
														 member.base_len));
		if (member.kind != SCOPE_OPEN)
		{
			values[2] = CStringGetTextDatum(scope_kind_name(member.kind));
			nulls[2] = false;
		}
		if (member.value)
		{
			values[3] = PointerGetDatum(scope_text_from_utf8(member.value,
															 member.value_len));
			nulls[3] = false;
		}
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		for (i = 0; i < EXPLODE_COLUMNS; i++)
			if (!nulls[i])
				pfree(DatumGetPointer(values[i]));
	}
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(jhub_authz_scope_count);
Datum
jhub_authz_scope_count(PG_FUNCTION_ARGS)
{
	ScopesetView view;

	scopeset_view(PG_GETARG_SCOPESET_P(0), &view);
	PG_RETURN_INT32(view.nmembers);
}
