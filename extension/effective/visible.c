/*-------------------------------------------------------------------------
 *
 * visible.c
 *	  Which rows of the hub's tables a scopeset lets one see.
 *
 * The rule is the hub's check_scope_filter, asked of a whole table: the filters
 * that the set holds on the base go into one query as arrays (hub_visible.c).
 *
 *-------------------------------------------------------------------------
 */
#include "effective.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

/* The filters on one base. */
typedef struct VisibleFilters
{
	bool		all;			/* held without a filter */
	char	  **values[SCOPE_USER + 1];
	int			n[SCOPE_USER + 1];
} VisibleFilters;

static void
visible_add_filter(VisibleFilters *filters, const ScopesetView *view, int filter)
{
	ScopeKind	kind = scopeset_kind(view, filter);
	const char *value;
	int			len;

	if (scope_kind_is_self(kind))
		return;
	value = scopeset_value(view, filter, &len);
	if (filters->values[kind] == NULL)
		filters->values[kind] = palloc(view->nfilters * sizeof(char *));
	filters->values[kind][filters->n[kind]++] = pnstrdup(value, len);
}

static void
visible_filters(VisibleFilters *filters, const Scopeset *have, const text *base)
{
	ScopeMember member;
	ScopesetView view;
	const char *str;
	int			len;

	memset(filters, 0, sizeof(*filters));
	str = effective_utf8(base, &len);
	effective_parse_scope(str, len, &member);
	if (member.kind != SCOPE_OPEN)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the scope to see rows by cannot have a filter")));

	scopeset_view(have, &view);
	if (member.base_id >= 0)
	{
		uint64		bit = UINT64CONST(1) << member.base_id;

		filters->all = (view.open & bit) != 0;
		for (int i = 0; i < view.nfilters && !filters->all; i++)
		{
			if ((scopeset_mask(&view, i) & bit) != 0)
				visible_add_filter(filters, &view, i);
		}
		return;
	}
	for (int i = 0; i < view.npairs && !filters->all; i++)
	{
		const char *name;
		int			local;
		int			filter;

		scopeset_pair(&view, i, &local, &filter);
		name = scopeset_local(&view, local, &len);
		if (len != member.base_len || memcmp(name, member.base, len) != 0)
			continue;
		if (filter < 0)
			filters->all = true;
		else
			visible_add_filter(filters, &view, filter);
	}
}

static void
visible_put(HeapTuple row, TupleDesc desc, void *arg)
{
	ReturnSetInfo *rsinfo = arg;
	Datum		value = Int32GetDatum(spi_int(row, desc, 1, 0));
	bool		isnull = false;

	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, &value, &isnull);
}

static Datum
visible_rows(FunctionCallInfo fcinfo, HubTable table)
{
	static const ScopeKind kinds[HUB_VISIBLE_KINDS] = {
		SCOPE_USER, SCOPE_GROUP, SCOPE_SERVICE, SCOPE_SERVER
	};
	VisibleFilters filters;
	Datum		names[HUB_VISIBLE_KINDS];
	bool		any = false;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	visible_filters(&filters, PG_GETARG_SCOPESET_P(0), PG_GETARG_TEXT_PP(1));
	for (int i = 0; i < HUB_VISIBLE_KINDS; i++)
	{
		names[i] = spi_text_array(filters.values[kinds[i]], filters.n[kinds[i]]);
		any = any || filters.n[kinds[i]] > 0;
	}
	if (filters.all || any)
		hub_each_visible(hub_schema(false, false), table, filters.all, names,
						 visible_put, fcinfo->resultinfo);
	return (Datum) 0;
}

PG_FUNCTION_INFO_V1(jhub_authz_visible_users);
Datum
jhub_authz_visible_users(PG_FUNCTION_ARGS)
{
	return visible_rows(fcinfo, HUB_USERS);
}

PG_FUNCTION_INFO_V1(jhub_authz_visible_groups);
Datum
jhub_authz_visible_groups(PG_FUNCTION_ARGS)
{
	return visible_rows(fcinfo, HUB_GROUPS);
}

PG_FUNCTION_INFO_V1(jhub_authz_visible_services);
Datum
jhub_authz_visible_services(PG_FUNCTION_ARGS)
{
	return visible_rows(fcinfo, HUB_SERVICES);
}

PG_FUNCTION_INFO_V1(jhub_authz_visible_servers);
Datum
jhub_authz_visible_servers(PG_FUNCTION_ARGS)
{
	return visible_rows(fcinfo, HUB_SPAWNERS);
}
