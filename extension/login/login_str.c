/*-------------------------------------------------------------------------
 *
 * login_str.c
 *	  str.lower(), str.strip() and fnmatch, to the character as Python's.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"

#include "login_python.h"

#define LOGIN_CAPITAL_SIGMA		0x3A3
#define LOGIN_SMALL_SIGMA		0x3C3
#define LOGIN_FINAL_SIGMA		0x3C2
#define LOGIN_CAPITAL_I_DOT		0x130	/* its lower case is two characters */
#define LOGIN_COMBINING_DOT		0x307

uint32 *
login_chars(const char *string, int *n)
{
	int			len = strlen(string);
	uint32	   *chars = palloc(sizeof(uint32) * Max(len, 1));
	const unsigned char *at = (const unsigned char *) string;
	const unsigned char *end = at + len;

	*n = 0;
	while (at < end)
	{
		chars[(*n)++] = utf8_to_unicode(at);
		at += pg_utf_mblen(at);
	}
	return chars;
}

static bool
login_is(uint32 c, const LoginClass *class)
{
	int			low = 0;
	int			high = class->n;

	while (low < high)
	{
		int			middle = (low + high) / 2;

		if (c < class->ranges[middle].first)
			high = middle;
		else if (c > class->ranges[middle].last)
			low = middle + 1;
		else
			return true;
	}
	return false;
}

/*
 * Is the sigma at this place the last letter of a word?  A cased character
 * comes before and none after; what is case-ignorable is looked past.
 */
static bool
login_final_sigma(const uint32 *chars, int n, int at)
{
	int			i;

	for (i = at - 1; i >= 0 && login_is(chars[i], &login_class_ignorable);)
		i--;
	if (i < 0 || !login_is(chars[i], &login_class_cased))
		return false;
	for (i = at + 1; i < n && login_is(chars[i], &login_class_ignorable);)
		i++;
	return i == n || !login_is(chars[i], &login_class_cased);
}

static char *
login_put_char(char *at, uint32 c)
{
	unicode_to_utf8(c, (unsigned char *) at);
	return at + pg_utf_mblen((unsigned char *) at);
}

char *
login_lower(const char *string)
{
	int			n;
	uint32	   *chars = login_chars(string, &n);
	/* a character and a combining one: at most 4 bytes, as any single one */
	char	   *result = palloc(n * MAX_MULTIBYTE_CHAR_LEN + 1);
	char	   *at = result;

	for (int i = 0; i < n; i++)
	{
		if (chars[i] == LOGIN_CAPITAL_I_DOT)
			at = login_put_char(login_put_char(at, 'i'), LOGIN_COMBINING_DOT);
		else if (chars[i] == LOGIN_CAPITAL_SIGMA)
			at = login_put_char(at, login_final_sigma(chars, n, i) ?
								LOGIN_FINAL_SIGMA : LOGIN_SMALL_SIGMA);
		else
			at = login_put_char(at, login_lower_char(chars[i]));
	}
	*at = '\0';
	pfree(chars);
	return result;
}

bool
login_has_outer_space(const char *string)
{
	int			n;
	uint32	   *chars = login_chars(string, &n);
	bool		result;

	result = n > 0 && (login_is(chars[0], &login_class_space) ||
					   login_is(chars[n - 1], &login_class_space));
	pfree(chars);
	return result;
}

/* ---- fnmatch ---- */

/*
 * The end of a bracket expression that begins behind at, or -1: then the
 * bracket is a character like any other.  A ] that comes first stands for
 * itself.
 */
static int
login_bracket_end(const uint32 *p, int n, int at)
{
	if (at < n && p[at] == '!')
		at++;
	if (at < n && p[at] == ']')
		at++;
	while (at < n && p[at] != ']')
		at++;
	return at < n ? at : -1;
}

/* What fnmatch.translate makes of the inside of brackets. */
typedef struct LoginBracket
{
	bool		never;			/* nothing is left of it */
	bool		negated;
	int			n;
	LoginRange *ranges;
} LoginBracket;

static void
login_bracket_add(LoginBracket *bracket, uint32 first, uint32 last)
{
	bracket->ranges[bracket->n].first = first;
	bracket->ranges[bracket->n++].last = last;
}

/*
 * Hyphens cut the inside into chunks: the last character of one and the first
 * of the next are a range.  An empty range takes both of them away.
 */
static void
login_bracket_parse(const uint32 *p, int from, int to, LoginBracket *bracket)
{
	int			size = to - from;
	uint32	   *rest = palloc(sizeof(uint32) * Max(size, 1));	/* chunks, one after the other */
	int		   *start = palloc(sizeof(int) * (size + 2));	/* of each chunk */
	int		   *stop = palloc(sizeof(int) * (size + 2));
	int			nchunks = 0;
	int			begin = from;
	int			k = p[from] == '!' ? from + 2 : from + 1;
	int			at;

	memcpy(rest, p + from, sizeof(uint32) * size);
	for (;;)
	{
		while (k < to && p[k] != '-')
			k++;
		if (k >= to)
			break;
		start[nchunks] = begin - from;
		stop[nchunks++] = k - from;
		begin = k + 1;
		k += 3;
	}
	/* a hyphen at the end is one, and belongs to the chunk before it */
	if (begin < to)
	{
		start[nchunks] = begin - from;
		stop[nchunks++] = to - from;
	}
	else
		stop[nchunks - 1]++;

	bracket->ranges = palloc(sizeof(LoginRange) * (2 * size + 1));
	bracket->n = 0;
	for (int i = nchunks - 1; i > 0; i--)
	{
		if (rest[stop[i - 1] - 1] > rest[start[i]])
		{
			/* the two become one, without the characters of the empty range */
			int			len = stop[i] - start[i] - 1;

			stop[i - 1]--;
			memmove(rest + stop[i - 1], rest + start[i] + 1, sizeof(uint32) * len);
			stop[i - 1] += len;
			memmove(start + i, start + i + 1, sizeof(int) * (nchunks - i - 1));
			memmove(stop + i, stop + i + 1, sizeof(int) * (nchunks - i - 1));
			nchunks--;
		}
	}
	bracket->never = nchunks == 1 && start[0] == stop[0];
	bracket->negated = !bracket->never && rest[start[0]] == '!';
	for (int i = 0; i < nchunks; i++)
	{
		at = i == 0 && bracket->negated ? start[0] + 1 : start[i];
		for (; at < stop[i]; at++)
			login_bracket_add(bracket, rest[at], rest[at]);
		if (i > 0)
			login_bracket_add(bracket, rest[stop[i - 1] - 1], rest[start[i]]);
	}
	pfree(rest);
	pfree(start);
	pfree(stop);
}

static bool
login_bracket_holds(const uint32 *p, int from, int to, uint32 c)
{
	LoginBracket bracket;
	bool		found = false;

	login_bracket_parse(p, from, to, &bracket);
	for (int i = 0; i < bracket.n; i++)
		found |= c >= bracket.ranges[i].first && c <= bracket.ranges[i].last;
	pfree(bracket.ranges);
	return !bracket.never && found != bracket.negated;
}

/*
 * Does the piece of the pattern at *at, which is no star, hold for c?  Moves
 * behind it.
 */
static bool
login_fnmatch_one(const uint32 *p, int n, int *at, uint32 c)
{
	uint32		piece = p[(*at)++];
	int			end;
	int			from = *at;

	if (piece == '?')
		return true;
	if (piece == '[' && (end = login_bracket_end(p, n, from)) >= 0)
	{
		*at = end + 1;
		return login_bracket_holds(p, from, end, c);
	}
	return piece == c;
}

/* With stars one after the other, going back to the last one is enough. */
bool
login_fnmatch(const char *string, const char *pattern)
{
	int			ns;
	int			np;
	uint32	   *s = login_chars(string, &ns);
	uint32	   *p = login_chars(pattern, &np);
	int			i = 0;
	int			j = 0;
	int			star = -1;
	int			star_i = 0;
	bool		result;

	while (i < ns)
	{
		int			next = j;

		CHECK_FOR_INTERRUPTS();
		if (j < np && p[j] == '*')
		{
			star = ++j;
			star_i = i;
		}
		else if (j < np && login_fnmatch_one(p, np, &next, s[i]))
		{
			j = next;
			i++;
		}
		else if (star >= 0)
		{
			j = star;
			i = ++star_i;
		}
		else
			break;
	}
	while (i == ns && j < np && p[j] == '*')
		j++;
	result = i == ns && j == np;
	pfree(s);
	pfree(p);
	return result;
}
