/*-------------------------------------------------------------------------
 *
 * findings_of.c
 *	  Findings of users, services and grants, of all or of one.
 *
 * Those of users and services are functions in SQL with a parameter, the name that
 * they are about or NULL for everybody.  What stands here calls them with the name that
 * the query asks for, which SQL cannot see.  That may be a name of a user and of a
 * service, and the kind, if the query has one, is left to the server.
 *
 *-------------------------------------------------------------------------
 */
#include "audit.h"

#include "catalog/pg_type.h"
#include "funcapi.h"

static void
findings_put(HeapTuple row, TupleDesc desc, void *arg)
{
	ReturnSetInfo *rsinfo = arg;

	tuplestore_puttuple(rsinfo->setResult, row);
}

/* Rows of a query of ours are those of the function. */
static void
findings_query(FunctionCallInfo fcinfo, const char *sql, int nargs, const Oid *types,
			   const Datum *values, const char *nulls)
{
	SpiFrame	frame;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	spi_enter(&frame, module_owner());
	spi_each(sql, nargs, types, values, nulls, false, findings_put, fcinfo->resultinfo);
	spi_leave(&frame);
}

/* The query's $1 is the name; column: where the rows have it. */
static Datum
findings_of(FunctionCallInfo fcinfo, const char *sql, int column)
{
	static const Oid type = TEXTOID;
	Datum		name = (Datum) 0;
	bool		one = module_asked(fcinfo, column, TEXTOID, &name);

	findings_query(fcinfo, sql, 1, &type, &name, one ? " " : "n");
	return (Datum) 0;
}

/* _toxic_combinations() - who may add anybody to a group and holds something for its members. */
PG_FUNCTION_INFO_V1(jhub_authz__toxic_combinations);
Datum
jhub_authz__toxic_combinations(PG_FUNCTION_ARGS)
{
	return findings_of(fcinfo, "SELECT * FROM jhub_authz._toxic_combinations_of($1)", 3);
}

/* _admins() - users and services that are admin or as good as admin, one row each. */
PG_FUNCTION_INFO_V1(jhub_authz__admins);
Datum
jhub_authz__admins(PG_FUNCTION_ARGS)
{
	return findings_of(fcinfo, "SELECT * FROM jhub_authz._admins_of($1)", 2);
}

/* _escalations() - what users and services could reach, a row for each permission that begins it. */
PG_FUNCTION_INFO_V1(jhub_authz__escalations);
Datum
jhub_authz__escalations(PG_FUNCTION_ARGS)
{
	return findings_of(fcinfo, "SELECT * FROM jhub_authz._escalations_of($1)", 2);
}

/* _leavers() - users with live tokens who have no grant or were not seen for long. */
PG_FUNCTION_INFO_V1(jhub_authz__leavers);
Datum
jhub_authz__leavers(PG_FUNCTION_ARGS)
{
	return findings_of(fcinfo, "SELECT * FROM jhub_authz._leavers_of($1)", 1);
}

/* _user_twins() - users whose names differ in case alone, a row for each such name. */
PG_FUNCTION_INFO_V1(jhub_authz__user_twins);
Datum
jhub_authz__user_twins(PG_FUNCTION_ARGS)
{
	return findings_of(fcinfo, "SELECT * FROM jhub_authz._user_twins_of($1)", 1);
}

/*
 * _orphans() - rows of orphaned_grants, and when what a filter names went.  A
 * condition on the kind and the name of the subject is passed on.  In SQL the
 * planner would take one row for likely, whatever the condition, and go through all
 * that went once for each.
 */
PG_FUNCTION_INFO_V1(jhub_authz__orphans);
Datum
jhub_authz__orphans(PG_FUNCTION_ARGS)
{
	static const Oid types[2] = {TEXTOID, TEXTOID};
	static const char *const columns[2] = {"subject_kind", "subject"};
	Datum		values[2];
	int			n = 0;
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfoString(&sql,
						   "SELECT o.subject_kind, o.subject, o.scope, o.defect, o.detail, g.at"
						   " FROM jhub_authz._orphaned_grants() o LEFT JOIN jhub_authz._targets_gone() g"
						   " ON o.defect = 'names nobody' AND g.filter_kind = o.filter_kind"
						   " AND g.filter_value = o.filter_value");
	for (int i = 0; i < 2; i++)
		if (module_asked(fcinfo, i + 1, TEXTOID, &values[n]))
		{
			appendStringInfo(&sql, " %s o.%s = $%d", n == 0 ? "WHERE" : "AND", columns[i], n + 1);
			n++;
		}
	findings_query(fcinfo, sql.data, n, types, values, NULL);
	return (Datum) 0;
}
