/*-------------------------------------------------------------------------
 *
 * scope_json.c
 *	  Getting past JSON that holds no scope, as Python reads JSON.
 *
 * The reader (scopeset_read.c) knows arrays of scopes.  What else a column of the
 * hub's may hold is nothing to it but must have an end, and where that is, is
 * what Python's json says: lone surrogates, U+0000 and NaN are fine there.
 *
 *-------------------------------------------------------------------------
 */
#include "scopeset_private.h"

/* Python gives up at about as many levels. */
#define JSON_MAX_DEPTH	1000

int
scope_json_hex4(const char *p, const char *end)
{
	int			value = 0;
	int			i;

	if (end - p < 4)
		return -1;
	for (i = 0; i < 4; i++)
	{
		char		c = p[i];

		value <<= 4;
		if (c >= '0' && c <= '9')
			value |= c - '0';
		else if (c >= 'a' && c <= 'f')
			value |= c - 'a' + 10;
		else if (c >= 'A' && c <= 'F')
			value |= c - 'A' + 10;
		else
			return -1;
	}
	return value;
}

const char *
scope_json_past_string(const char *p, const char *end)
{
	for (; p < end && (unsigned char) *p >= 0x20; p++)
	{
		if (*p == '"')
			return p + 1;
		if (*p != '\\')
			continue;
		if (++p >= end || memchr("\"\\/bfnrtu", *p, 9) == NULL)
			return NULL;
		if (*p == 'u')
		{
			if (scope_json_hex4(p + 1, end) < 0)
				return NULL;
			p += 4;
		}
	}
	return NULL;
}

static const char *
json_past_digits(const char *p, const char *end)
{
	const char *start = p;

	while (p < end && *p >= '0' && *p <= '9')
		p++;
	return p > start ? p : NULL;
}

static const char *
json_past_number(const char *p, const char *end)
{
	if (p < end && *p == '-')
		p++;
	if (p < end && *p == '0')
		p++;
	else
		p = json_past_digits(p, end);
	if (p != NULL && p < end && *p == '.')
		p = json_past_digits(p + 1, end);
	if (p != NULL && p < end && (*p == 'e' || *p == 'E'))
	{
		p++;
		if (p < end && (*p == '+' || *p == '-'))
			p++;
		p = json_past_digits(p, end);
	}
	return p;
}

static const char *
json_past_word(const char *p, const char *end)
{
	static const char *const words[] = {"true", "false", "null", "NaN", "Infinity", "-Infinity"};
	int			i;

	for (i = 0; i < (int) lengthof(words); i++)
	{
		int			len = (int) strlen(words[i]);

		if (end - p >= len && memcmp(p, words[i], len) == 0)
			return p + len;
	}
	return NULL;
}

static const char *json_past_any(const char *p, const char *end, int depth);

/* An array or object, from its bracket. */
static const char *
json_past_container(const char *p, const char *end, int depth)
{
	bool		object = *p == '{';
	char		close = object ? '}' : ']';

	p = scope_json_past_space(p + 1, end);
	if (p < end && *p == close)
		return p + 1;
	for (;;)
	{
		if (object)
			p = scope_json_past_key(p, end);
		if (p != NULL)
			p = json_past_any(p, end, depth + 1);
		if (p == NULL)
			return NULL;
		p = scope_json_past_space(p, end);
		if (p < end && *p == close)
			return p + 1;
		if (p >= end || *p != ',')
			return NULL;
		p = scope_json_past_space(p + 1, end);
	}
}

static const char *
json_past_any(const char *p, const char *end, int depth)
{
	const char *past;

	if (p >= end || depth > JSON_MAX_DEPTH)
		return NULL;
	if (*p == '"')
		return scope_json_past_string(p + 1, end);
	if (*p == '[' || *p == '{')
		return json_past_container(p, end, depth);
	past = json_past_word(p, end);
	return past ? past : json_past_number(p, end);
}

const char *
scope_json_past_colon(const char *p, const char *end)
{
	p = scope_json_past_space(p, end);
	return p < end && *p == ':' ? scope_json_past_space(p + 1, end) : NULL;
}

const char *
scope_json_past_key(const char *p, const char *end)
{
	if (p >= end || *p != '"')
		return NULL;
	p = scope_json_past_string(p + 1, end);
	return p ? scope_json_past_colon(p, end) : NULL;
}

const char *
scope_json_past_value(const char *p, const char *end)
{
	return json_past_any(p, end, 0);
}
