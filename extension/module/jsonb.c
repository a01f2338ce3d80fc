/*-------------------------------------------------------------------------
 *
 * jsonb.c
 *	  JSON that is stored as text, as jsonb, without dying of it.
 *
 * The server's own parser does the work.  Where its input functions report bad
 * input softly that is all; before, everything that makes jsonb_in fail is
 * looked for first: syntax and \u0000, which the parser reports as a code,
 * escapes of characters that the server's encoding lacks, and numbers that
 * numeric cannot hold.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include <ctype.h>

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
	ErrorSaveContext context = {.type = T_ErrorSaveContext};

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

/* Four hexadecimal digits; 0 if they are none. */
static uint32
jsonb_hex(const char *digits)
{
	uint32		value = 0;

	for (int i = 0; i < 4; i++)
	{
		unsigned char c = (unsigned char) digits[i];

		if (!isxdigit(c))
			return 0;
		value = value * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return value;
}

/* Has the server's encoding this character?  To an encoding of none: ASCII only. */
static bool
jsonb_is_representable(uint32 c)
{
	unsigned char utf8[MAX_MULTIBYTE_CHAR_LEN + 1] = {0};

	if (c < 0x80)
		return true;
	if (GetDatabaseEncoding() == PG_SQL_ASCII)
		return false;
	unicode_to_utf8(c, utf8);
	return module_text_if_representable((char *) utf8) != NULL;
}

/*
 * The parser makes an error of an escape that it cannot convert.  Backslashes
 * are in strings only, or it stops at them; a surrogate without the other is
 * for it to find.
 */
static bool
jsonb_escapes_fit(const char *json)
{
	if (GetDatabaseEncoding() == PG_UTF8)
		return true;
	for (const char *c = strchr(json, '\\'); c != NULL && c[1] != '\0'; c = strchr(c + 2, '\\'))
	{
		uint32		first;
		uint32		second;

		if (c[1] != 'u' || (first = jsonb_hex(c + 2)) == 0)
			continue;
		if (is_utf16_surrogate_first(first))
		{
			second = c[6] == '\\' && c[7] == 'u' ? jsonb_hex(c + 8) : 0;
			if (is_utf16_surrogate_second(second) &&
				!jsonb_is_representable(surrogate_pair_to_codepoint(first, second)))
				return false;
		}
		else if (!is_utf16_surrogate_second(first) && !jsonb_is_representable(first))
			return false;
	}
	return true;
}

static bool
jsonb_parse(char *json, Datum *value)
{
	bool		fits = true;
	JsonSemAction actions = {.semstate = &fits,.scalar = jsonb_scalar};
	JsonLexContext *lex = makeJsonLexContextCstringLen(json, strlen(json),
													   GetDatabaseEncoding(), true);

	if (!jsonb_escapes_fit(json) || pg_parse_json(lex, &actions) != JSON_SUCCESS || !fits)
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
