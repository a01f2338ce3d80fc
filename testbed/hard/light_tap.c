/*
 * light_tap.c
 *	  pgTAP's judgements with as few looks into the catalogues as can be, for a
 *	  server that throws its caches away (light_tap.sql declares them).  Rows are
 *	  compared as texts.  Nothing is counted or kept.
 */
#include "postgres.h"

#include "access/xact.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "executor/spi.h"
#include "fmgr.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PG_MODULE_MAGIC;

/* rows of a query, each as one text */
typedef struct
{
	int			n;
	char	  **row;
} Rows;

static char *
string_arg(FunctionCallInfo fcinfo, int n)
{
	return PG_ARGISNULL(n) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(n));
}

/* a value of whatever type, as a text; NULL if it is none */
static char *
value_arg(FunctionCallInfo fcinfo, int n)
{
	Oid			output;
	bool		is_varlena;

	if (PG_ARGISNULL(n))
		return NULL;
	getTypeOutputInfo(get_fn_expr_argtype(fcinfo->flinfo, n), &output, &is_varlena);
	return OidOutputFunctionCall(output, PG_GETARG_DATUM(n));
}

static Datum
said(bool good, const char *name, const char *got, const char *want)
{
	StringInfoData s;

	initStringInfo(&s);
	appendStringInfo(&s, "%sok - %s", good ? "" : "not ", name ? name : "");
	if (!good)
		appendStringInfo(&s, "\n# %.2000s\n# %.2000s", got ? got : "NULL", want ? want : "NULL");
	return PointerGetDatum(cstring_to_text(s.data));
}

/* as PL/pgSQL does it, which pgTAP is written in */
static void
execute(const char *query)
{
	int			result;

	if (query == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("query string argument of EXECUTE is null")));
	if (query[0] == '"' || strpbrk(query, " \t\n\r") == NULL)
		query = psprintf("EXECUTE %s", query);
	result = SPI_execute(query, false, 0);
	if (result < 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot execute this in a function: %s", SPI_result_code_string(result))));
}

static Rows
rows_of(const char *query)
{
	MemoryContext outer = CurrentMemoryContext;
	Rows		rows;

	SPI_connect();
	execute(query);
	if (SPI_tuptable == NULL)
		elog(ERROR, "no rows come from: %s", query);
	rows.n = SPI_tuptable->numvals;
	rows.row = MemoryContextAlloc(outer, Max(rows.n, 1) * sizeof(char *));
	for (int i = 0; i < rows.n; i++)
	{
		StringInfoData s;

		initStringInfo(&s);
		for (int c = 1; c <= SPI_tuptable->tupdesc->natts; c++)
		{
			char	   *value = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, c);

			if (value == NULL)
				appendStringInfoString(&s, "|NULL");
			else
				appendStringInfo(&s, "|%zu:%s", strlen(value), value);
		}
		rows.row[i] = MemoryContextStrdup(outer, s.data);
	}
	SPI_finish();
	return rows;
}

static Rows
rows_of_array(FunctionCallInfo fcinfo, int n)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(n);
	Oid			output;
	bool		is_varlena;
	int16		length;
	bool		by_value;
	char		align;
	Datum	   *values;
	bool	   *nulls;
	Rows		rows;

	getTypeOutputInfo(ARR_ELEMTYPE(array), &output, &is_varlena);
	get_typlenbyvalalign(ARR_ELEMTYPE(array), &length, &by_value, &align);
	deconstruct_array(array, ARR_ELEMTYPE(array), length, by_value, align, &values, &nulls, &rows.n);
	rows.row = palloc(Max(rows.n, 1) * sizeof(char *));
	for (int i = 0; i < rows.n; i++)
	{
		char	   *value = nulls[i] ? NULL : OidOutputFunctionCall(output, values[i]);

		rows.row[i] = value ? psprintf("|%zu:%s", strlen(value), value) : "|NULL";
	}
	return rows;
}

static char *
joined(Rows rows)
{
	StringInfoData s;

	initStringInfo(&s);
	for (int i = 0; i < rows.n && s.len < 2000; i++)
		appendStringInfo(&s, "%s ", rows.row[i]);
	return s.data;
}

static bool
same(Rows a, Rows b)
{
	if (a.n != b.n)
		return false;
	for (int i = 0; i < a.n; i++)
		if (strcmp(a.row[i], b.row[i]) != 0)
			return false;
	return true;
}

static int
compare(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

static Rows
sorted(Rows rows)
{
	qsort(rows.row, rows.n, sizeof(char *), compare);
	return rows;
}

static Rows
distinct(Rows rows)
{
	int			n = 0;

	sorted(rows);
	for (int i = 0; i < rows.n; i++)
		if (n == 0 || strcmp(rows.row[n - 1], rows.row[i]) != 0)
			rows.row[n++] = rows.row[i];
	rows.n = n;
	return rows;
}

/* all of the second, which is distinct, are among the first */
static bool
has(Rows a, Rows b)
{
	for (int i = 0; i < b.n; i++)
		if (bsearch(&b.row[i], a.row, a.n, sizeof(char *), compare) == NULL)
			return false;
	return true;
}

/* SQLSTATE and message of a statement, whose effects go with an error; NULL: it lives */
static ErrorData *
error_of(const char *query)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);
	PG_TRY();
	{
		SPI_connect();
		execute(query);
		SPI_finish();
		ReleaseCurrentSubTransaction();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		error = CopyErrorData();
		if (error->sqlerrcode == ERRCODE_QUERY_CANCELED || error->sqlerrcode == ERRCODE_ASSERT_FAILURE)
			PG_RE_THROW();
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	return error;
}

#define JUDGE(name) \
	PG_FUNCTION_INFO_V1(name); \
	Datum name(PG_FUNCTION_ARGS)

JUDGE(light_ok)
{
	return said(!PG_ARGISNULL(0) && PG_GETARG_BOOL(0), string_arg(fcinfo, 1), NULL, NULL);
}

static bool
equal_args(FunctionCallInfo fcinfo, char **got, char **want)
{
	*got = value_arg(fcinfo, 0);
	*want = value_arg(fcinfo, 1);
	return *got && *want ? strcmp(*got, *want) == 0 : *got == *want;
}

JUDGE(light_is)
{
	char	   *got;
	char	   *want;
	bool		equal = equal_args(fcinfo, &got, &want);

	return said(equal, string_arg(fcinfo, 2), got, want);
}

JUDGE(light_isnt)
{
	char	   *got;
	char	   *want;
	bool		equal = equal_args(fcinfo, &got, &want);

	return said(!equal, string_arg(fcinfo, 2), got, want);
}

JUDGE(light_cmp_ok)
{
	Oid			types[] = {get_fn_expr_argtype(fcinfo->flinfo, 0), get_fn_expr_argtype(fcinfo->flinfo, 2)};
	Datum		values[] = {PG_GETARG_DATUM(0), PG_GETARG_DATUM(2)};
	char		nulls[] = {PG_ARGISNULL(0) ? 'n' : ' ', PG_ARGISNULL(2) ? 'n' : ' '};
	bool		null;
	bool		good;

	SPI_connect();
	if (SPI_execute_with_args(psprintf("SELECT $1 %s $2", string_arg(fcinfo, 1)), 2, types, values, nulls, false, 0) != SPI_OK_SELECT ||
		SPI_gettypeid(SPI_tuptable->tupdesc, 1) != BOOLOID)
		elog(ERROR, "no comparison");
	good = DatumGetBool(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null));
	good = good && !null;
	SPI_finish();
	return said(good, string_arg(fcinfo, 3), good ? NULL : value_arg(fcinfo, 0), good ? NULL : value_arg(fcinfo, 2));
}

static bool
like(FunctionCallInfo fcinfo, PGFunction operator, char **got)
{
	*got = value_arg(fcinfo, 0);
	return *got && !PG_ARGISNULL(1) &&
		DatumGetBool(DirectFunctionCall2Coll(operator, DEFAULT_COLLATION_OID, PointerGetDatum(cstring_to_text(*got)), PG_GETARG_DATUM(1)));
}

JUDGE(light_matches)
{
	char	   *got;
	bool		good = like(fcinfo, textregexeq, &got);

	return said(good, string_arg(fcinfo, 2), got, string_arg(fcinfo, 1));
}

JUDGE(light_doesnt_match)
{
	char	   *got;
	bool		good = like(fcinfo, textregexne, &got);

	return said(good, string_arg(fcinfo, 2), got, string_arg(fcinfo, 1));
}

JUDGE(light_alike)
{
	char	   *got;
	bool		good = like(fcinfo, textlike, &got);

	return said(good, string_arg(fcinfo, 2), got, string_arg(fcinfo, 1));
}

JUDGE(light_unalike)
{
	char	   *got;
	bool		good = like(fcinfo, textnlike, &got);

	return said(good, string_arg(fcinfo, 2), got, string_arg(fcinfo, 1));
}

JUDGE(light_throws_ok)
{
	ErrorData  *error = error_of(string_arg(fcinfo, 0));
	char	   *state = string_arg(fcinfo, 1);
	char	   *message = string_arg(fcinfo, 2);
	bool		good = error && (!state || strcmp(state, unpack_sql_state(error->sqlerrcode)) == 0) &&
		(!message || strcmp(message, error->message) == 0);

	return said(good, string_arg(fcinfo, 3), error ? psprintf("%s %s", unpack_sql_state(error->sqlerrcode), error->message) : "no error",
				psprintf("%s %s", state ? state : "", message ? message : ""));
}

JUDGE(light_throws_like)
{
	ErrorData  *error = error_of(string_arg(fcinfo, 0));
	bool		good = error && !PG_ARGISNULL(1) &&
		DatumGetBool(DirectFunctionCall2Coll(textlike, DEFAULT_COLLATION_OID, PointerGetDatum(cstring_to_text(error->message)), PG_GETARG_DATUM(1)));

	return said(good, string_arg(fcinfo, 2), error ? error->message : "no error", string_arg(fcinfo, 1));
}

JUDGE(light_lives_ok)
{
	ErrorData  *error = error_of(string_arg(fcinfo, 0));

	return said(error == NULL, string_arg(fcinfo, 1), error ? psprintf("%s %s", unpack_sql_state(error->sqlerrcode), error->message) : NULL, NULL);
}

JUDGE(light_is_empty)
{
	Rows		got = rows_of(string_arg(fcinfo, 0));

	return said(got.n == 0, string_arg(fcinfo, 1), joined(got), NULL);
}

JUDGE(light_isnt_empty)
{
	Rows		got = rows_of(string_arg(fcinfo, 0));

	return said(got.n > 0, string_arg(fcinfo, 1), NULL, NULL);
}

JUDGE(light_results_eq)
{
	Rows		got = rows_of(string_arg(fcinfo, 0));
	Rows		want = rows_of(string_arg(fcinfo, 1));

	return said(same(got, want), string_arg(fcinfo, 2), joined(got), joined(want));
}

JUDGE(light_results_eq_array)
{
	Rows		got = rows_of(string_arg(fcinfo, 0));
	Rows		want = rows_of_array(fcinfo, 1);

	return said(same(got, want), string_arg(fcinfo, 2), joined(got), joined(want));
}

JUDGE(light_set_eq)
{
	Rows		got = distinct(rows_of(string_arg(fcinfo, 0)));
	Rows		want = distinct(rows_of(string_arg(fcinfo, 1)));

	return said(same(got, want), string_arg(fcinfo, 2), joined(got), joined(want));
}

JUDGE(light_set_eq_array)
{
	Rows		got = distinct(rows_of(string_arg(fcinfo, 0)));
	Rows		want = distinct(rows_of_array(fcinfo, 1));

	return said(same(got, want), string_arg(fcinfo, 2), joined(got), joined(want));
}

JUDGE(light_set_has)
{
	Rows		got = distinct(rows_of(string_arg(fcinfo, 0)));
	Rows		want = distinct(rows_of(string_arg(fcinfo, 1)));

	return said(has(got, want), string_arg(fcinfo, 2), joined(got), joined(want));
}

JUDGE(light_bag_eq)
{
	Rows		got = sorted(rows_of(string_arg(fcinfo, 0)));
	Rows		want = sorted(rows_of(string_arg(fcinfo, 1)));

	return said(same(got, want), string_arg(fcinfo, 2), joined(got), joined(want));
}
