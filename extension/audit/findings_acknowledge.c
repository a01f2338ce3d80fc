/*-------------------------------------------------------------------------
 *
 * findings_acknowledge.c
 *	  acknowledge() and withdraw_acknowledgement(): who accepts a finding, why,
 *	  and until when.
 *
 * Rows are only added; the latest of a finding counts (view _acknowledged in
 * findings.sql).  Nothing is acknowledged that is not there: a word that is
 * misspelt would hide nothing and be taken for granted.
 *
 *-------------------------------------------------------------------------
 */
#include "../module/module.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* Arguments of both functions */
enum
{
	FINDING_CODE,
	FINDING_SUBJECT_KIND,
	FINDING_SUBJECT,
	FINDING_OBJECT,
	FINDING_REASON,
	FINDING_UNTIL
};

static const char *const finding_argument_names[] = {
	"code", "subject_kind", "subject", "object", "reason", "until"
};

/* A text argument; 22004 if it is NULL and must not be. */
static char *
finding_argument(FunctionCallInfo fcinfo, int n, bool required)
{
	if (!PG_ARGISNULL(n))
		return text_to_cstring(PG_GETARG_TEXT_PP(n));
	if (required)
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("%s cannot be null", finding_argument_names[n])));
	return NULL;
}

static char *
finding_reason(FunctionCallInfo fcinfo)
{
	char	   *reason = finding_argument(fcinfo, FINDING_REASON, true);

	if (strspn(reason, " \t\n\r") == strlen(reason))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("reason cannot be empty"),
				 errdetail("An acknowledgement tells whoever reads it later why the finding is accepted.")));
	return reason;
}

/* Run a query for a number, as the extension's owner. */
static int64
finding_number(const char *sql, int nargs, const Datum *values, const char *nulls)
{
	static const Oid types[4] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID};
	SpiFrame	frame;
	bool		isnull;
	int64		n;

	spi_enter(&frame, module_owner());
	if (spi_run(sql, nargs, types, values, nulls, true, false, 1) != 1)
		elog(ERROR, "no number from: %s", sql);
	n = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	spi_leave(&frame);
	return n;
}

static void
finding_check_code(FunctionCallInfo fcinfo, char *code)
{
	Datum		values[1] = {PG_GETARG_DATUM(FINDING_CODE)};

	if (finding_number("SELECT count(*) FROM jhub_authz.finding_codes WHERE code = $1",
					   1, values, NULL) == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid code of a finding: \"%s\"", code),
				 errhint("The view jhub_authz.finding_codes lists them.")));
}

/*
 * How many findings there are of that code, subject and object (NULL: any).  The
 * code is written into the text, where it lets the planner leave out the parts
 * of the view that are for others.
 */
static int64
finding_count(FunctionCallInfo fcinfo, const char *code)
{
	Datum		values[3] = {
		PG_GETARG_DATUM(FINDING_SUBJECT_KIND),
		PG_GETARG_DATUM(FINDING_SUBJECT),
		PG_ARGISNULL(FINDING_OBJECT) ? (Datum) 0 : PG_GETARG_DATUM(FINDING_OBJECT)
	};
	char		nulls[4] = {' ', ' ', PG_ARGISNULL(FINDING_OBJECT) ? 'n' : ' ', '\0'};

	return finding_number(psprintf("SELECT count(*) FROM jhub_authz._findings WHERE code = %s"
								   " AND subject_kind = $1 AND subject = $2 AND ($3 IS NULL OR object = $3)",
								   quote_literal_cstr(code)), 3, values, nulls);
}

/* Add a row to the acknowledgements. */
static void
finding_write(FunctionCallInfo fcinfo, bool withdrawn)
{
	static const Oid types[8] = {
		TEXTOID, TEXTOID, TEXTOID, TEXTOID, TEXTOID, TIMESTAMPTZOID, BOOLOID, NAMEOID
	};
	Datum		values[8];
	char		nulls[9] = "        ";
	NameData	role;
	char	   *role_name = GetUserNameFromId(GetUserId(), true);
	SpiFrame	frame;

	for (int n = FINDING_CODE; n <= FINDING_UNTIL; n++)
	{
		bool		isnull = n >= PG_NARGS() || PG_ARGISNULL(n);

		values[n] = isnull ? (Datum) 0 : PG_GETARG_DATUM(n);
		nulls[n] = isnull ? 'n' : ' ';
	}
	values[6] = BoolGetDatum(withdrawn);
	namestrcpy(&role, role_name ? role_name : psprintf("%u", GetUserId()));
	values[7] = NameGetDatum(&role);
	spi_enter(&frame, module_owner());
	spi_run("INSERT INTO jhub_authz.finding_acknowledgements"
			" (code, subject_kind, subject, object, reason, until, withdrawn, role, actor, application_name)"
			" VALUES ($1, $2, $3, $4, $5, $6, $7, $8, session_user, current_setting('application_name'))",
			8, types, values, nulls, false, false, 0);
	spi_leave(&frame);
}

/*
 * acknowledge(code, subject_kind, subject, object, reason, until) - accept a
 * finding; object NULL: whatever the object.  Returns how many there are of it.
 *
 * Errors: 22023 for a code that is none, an empty reason or a time that is past;
 * 42704 if there is no such finding.
 */
PG_FUNCTION_INFO_V1(jhub_authz_acknowledge);
Datum
jhub_authz_acknowledge(PG_FUNCTION_ARGS)
{
	char	   *code = finding_argument(fcinfo, FINDING_CODE, true);
	char	   *kind = finding_argument(fcinfo, FINDING_SUBJECT_KIND, true);
	char	   *subject = finding_argument(fcinfo, FINDING_SUBJECT, true);
	int64		n;

	PreventCommandIfReadOnly("acknowledge()");
	(void) finding_reason(fcinfo);
	finding_check_code(fcinfo, code);
	if (!PG_ARGISNULL(FINDING_UNTIL) &&
		PG_GETARG_TIMESTAMPTZ(FINDING_UNTIL) <= GetCurrentTimestamp())
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("until must be in the future")));
	n = finding_count(fcinfo, code);
	if (n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no finding \"%s\" of %s \"%s\"%s", code, kind, subject,
						PG_ARGISNULL(FINDING_OBJECT) ? "" : " with that object"),
				 errhint("The view jhub_authz.findings has them, with the words to name them by.")));
	finding_write(fcinfo, false);
	PG_RETURN_INT64(n);
}

/*
 * withdraw_acknowledgement(code, subject_kind, subject, object, reason) - take it
 * back.  False if none was in force for exactly that.
 */
PG_FUNCTION_INFO_V1(jhub_authz_withdraw_acknowledgement);
Datum
jhub_authz_withdraw_acknowledgement(PG_FUNCTION_ARGS)
{
	Datum		values[4];
	char		nulls[5] = "    ";

	for (int n = FINDING_CODE; n <= FINDING_OBJECT; n++)
	{
		(void) finding_argument(fcinfo, n, n != FINDING_OBJECT);
		values[n] = PG_ARGISNULL(n) ? (Datum) 0 : PG_GETARG_DATUM(n);
		nulls[n] = PG_ARGISNULL(n) ? 'n' : ' ';
	}
	PreventCommandIfReadOnly("withdraw_acknowledgement()");
	(void) finding_reason(fcinfo);
	if (finding_number("SELECT count(*) FROM jhub_authz._acknowledged"
					   " WHERE code = $1 AND subject_kind = $2 AND subject = $3 AND object IS NOT DISTINCT FROM $4",
					   4, values, nulls) == 0)
		PG_RETURN_BOOL(false);
	finding_write(fcinfo, true);
	PG_RETURN_BOOL(true);
}
