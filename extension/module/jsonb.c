/*-------------------------------------------------------------------------
 *
 * jsonb.c
 *	  JSON that is stored as text, as jsonb, without dying of it.
 *
 * The server's own parser does the work.  Where its input functions report bad
 * input softly that is all; before, everything that makes jsonb_in fail is
 * looked for first: syntax and \u0000, which the parser reports as a code, and
 * numbers that numeric cannot hold.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include "catalog/pg_type.h"
#include "common/jsonapi.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"

/* Deeper than this the parser may be out of stack; Python's json is by then. */
#define JSONB_MAX_DEPTH		1000

static bool
jsonb_is_deep(const char *json)
{
	int			depth = 0;
	bool		in_string = false;

	for (const char *c = json; *c != '\0'; c++)
	{
		if (in_string)
		{
			if (*c == '\\' && c[1] != '\0')
				c++;
			else if (*c == '"')
				in_string = false;
		}
		else if (*c == '"')
			in_string = true;
		else if (*c == '[' || *c == '{')
		{
			if (++depth > JSONB_MAX_DEPTH)
				return true;
		}
		else if (*c == ']' || *c == '}')
			depth--;
	}
	return false;
}

#if MODULE_SOFT_INPUT

static bool
jsonb_parse(char *json, Datum *value)
{
	ErrorSaveContext context = {T_ErrorSaveContext};

	return DirectInputFunctionCallSafe(jsonb_in, json, JSONBOID, -1, (Node *) &context, value);
}

#else

/* numeric takes many more digits, and so much larger an exponent */
#define JSONB_MAX_NUMBER	1000

static void
jsonb_scalar(void *state, char *token, JsonTokenType type)
{
	bool	   *fits = state;
	const char *exponent;

	if (type != JSON_TOKEN_NUMBER)
		return;
	exponent = strpbrk(token, "eE");
	if (strlen(token) > JSONB_MAX_NUMBER || (exponent != NULL && strlen(exponent) > 5))
		*fits = false;
}

static bool
jsonb_parse(char *json, Datum *value)
{
	bool		fits = true;
	JsonSemAction actions = {.semstate = &fits,.scalar = jsonb_scalar};
	JsonLexContext *lex = makeJsonLexContextCstringLen(json, strlen(json),
													   GetDatabaseEncoding(), true);

	if (pg_parse_json(lex, &actions) != JSON_SUCCESS || !fits)
		return false;
	*value = DirectFunctionCall1(jsonb_in, CStringGetDatum(json));
	return true;
}

#endif

bool
module_jsonb(const char *json, Datum *value)
{
	return !jsonb_is_deep(json) && jsonb_parse(unconstify(char *, json), value);
}
