/*-------------------------------------------------------------------------
 *
 * login_pattern.c
 *	  username_pattern: a regular expression of Python's, run by the server.
 *
 * The server's regular expressions are translated to, piece by piece, and only
 * what comes out the same: whether a pattern matches is the same question for
 * both as long as there are no back references, greedy or not.  Where the two
 * differ in what they mean, the piece is written out:
 *
 *	.			Python's does not match a line feed
 *	\d \w \s	Python's know all of Unicode, the server's go by the locale
 *	[...]		characters and ranges, written by their code points
 *	$			the end; a name that a line feed ends is not valid anyway
 *	{,n}		{0,n}
 *
 * Back references, look-behind, \b, flags, possessive quantifiers, conditionals
 * and more than 255 repetitions are refused.
 *
 *-------------------------------------------------------------------------
 */
#include "../module/module.h"

#include <ctype.h>

#include "catalog/pg_collation.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "regex/regex.h"
#include "utils/builtins.h"

#include "login_python.h"

#define LOGIN_MAX_REPEAT	255
#define LOGIN_LAST_CHAR		0x10FFFF

typedef struct LoginPattern
{
	const uint32 *p;
	int			n;
	int			at;
	StringInfoData out;			/* ASCII, with escapes */
	const char *why;			/* NULL as long as all is well */
	bool		wide;			/* it holds characters beyond ASCII */
} LoginPattern;

static void login_alternatives(LoginPattern *x);

static void
login_give_up(LoginPattern *x, const char *why)
{
	if (x->why == NULL)
		x->why = why;
	x->at = x->n;
}

static uint32
login_peek(const LoginPattern *x)
{
	return x->at < x->n ? x->p[x->at] : 0;
}

static bool
login_take(LoginPattern *x, uint32 c)
{
	if (x->at >= x->n || x->p[x->at] != c)
		return false;
	x->at++;
	return true;
}

static bool
login_is_word(uint32 c)
{
	return c < 128 && (isalnum((unsigned char) c) || c == '_');
}

/* One character; by its code point unless it stands for itself everywhere. */
static void
login_put(LoginPattern *x, uint32 c)
{
	if (login_is_word(c))
		appendStringInfoChar(&x->out, (char) c);
	else if (c < 0x10000)
		appendStringInfo(&x->out, "\\u%04x", c);
	else
		appendStringInfo(&x->out, "\\U%08x", c);
	x->wide |= c >= 128;
}

static void
login_put_range(LoginPattern *x, uint32 first, uint32 last)
{
	login_put(x, first);
	if (last == first)
		return;
	appendStringInfoChar(&x->out, '-');
	login_put(x, last);
}

static void
login_put_class(LoginPattern *x, const LoginClass *class, bool negated)
{
	uint32		next = 1;

	for (int i = 0; i < class->n; i++)
	{
		if (!negated)
			login_put_range(x, class->ranges[i].first, class->ranges[i].last);
		else if (class->ranges[i].first > next)
			login_put_range(x, next, class->ranges[i].first - 1);
		next = class->ranges[i].last + 1;
	}
	if (negated)
		login_put_range(x, next, LOGIN_LAST_CHAR);
}

/* \d, \W, ...: the class, or NULL */
static const LoginClass *
login_escaped_class(uint32 c)
{
	switch (c)
	{
		case 'd':
		case 'D':
			return &login_class_digit;
		case 'w':
		case 'W':
			return &login_class_word;
		case 's':
		case 'S':
			return &login_class_space;
		default:
			return NULL;
	}
}

/* So many hexadecimal digits. */
static uint32
login_hex(LoginPattern *x, int digits)
{
	uint32		value = 0;

	for (int i = 0; i < digits; i++)
	{
		uint32		c = login_peek(x);

		if (c >= 128 || !isxdigit((unsigned char) c))
		{
			login_give_up(x, "An escape needs more hexadecimal digits.");
			return 0;
		}
		value = value * 16 + (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
		x->at++;
	}
	if (value == 0 || value > LOGIN_LAST_CHAR || (value >= 0xD800 && value <= 0xDFFF))
		login_give_up(x, "An escape stands for no character.");
	return value;
}

/* The character that an escape stands for; the backslash is taken. */
static uint32
login_escaped_char(LoginPattern *x, bool in_class)
{
	uint32		c = login_peek(x);

	if (x->at >= x->n)
	{
		login_give_up(x, "It ends with a backslash.");
		return 0;
	}
	x->at++;
	switch (c)
	{
		case 'a':
			return 0x07;
		case 'f':
			return '\f';
		case 'n':
			return '\n';
		case 'r':
			return '\r';
		case 't':
			return '\t';
		case 'v':
			return '\v';
		case 'x':
			return login_hex(x, 2);
		case 'u':
			return login_hex(x, 4);
		case 'U':
			return login_hex(x, 8);
		case 'b':
			if (in_class)
				return '\b';
			break;
		default:
			if (c >= 128 || !isalnum((unsigned char) c))
				return c;
	}
	login_give_up(x, psprintf("\"\\%c\" is not supported.", (char) c));
	return 0;
}

/* An end of a range in brackets; *class is set where it is one of those. */
static uint32
login_class_item(LoginPattern *x, const LoginClass **class, bool *negated)
{
	uint32		c = x->p[x->at++];

	*class = NULL;
	if (c != '\\')
		return c;
	*class = login_escaped_class(login_peek(x));
	if (*class == NULL)
		return login_escaped_char(x, true);
	*negated = login_peek(x) < 'a';
	x->at++;
	return 0;
}

static void
login_brackets(LoginPattern *x)
{
	bool		first = true;

	appendStringInfoChar(&x->out, '[');
	if (login_take(x, '^'))
		appendStringInfoChar(&x->out, '^');
	while (first || login_peek(x) != ']')
	{
		const LoginClass *class;
		const LoginClass *other;
		bool		negated = false;
		uint32		low;
		uint32		high;

		first = false;
		if (x->at >= x->n)
		{
			login_give_up(x, "A bracket is not closed.");
			return;
		}
		low = high = login_class_item(x, &class, &negated);
		if (x->at + 1 < x->n && x->p[x->at] == '-' && x->p[x->at + 1] != ']')
		{
			x->at++;
			high = login_class_item(x, &other, &negated);
			if (class != NULL || other != NULL || high < low)
				login_give_up(x, "A range in brackets has no beginning and end in order.");
		}
		if (x->why != NULL)
			return;
		if (class != NULL)
			login_put_class(x, class, negated);
		else
			login_put_range(x, low, high);
	}
	x->at++;
	appendStringInfoChar(&x->out, ']');
}

/* (...), and of (?...) what means the same to both. */
static void
login_group(LoginPattern *x)
{
	if (!login_take(x, '?'))
		appendStringInfoString(&x->out, "(?:");
	else if (login_take(x, ':'))
		appendStringInfoString(&x->out, "(?:");
	else if (login_take(x, '='))
		appendStringInfoString(&x->out, "(?=");
	else if (login_take(x, '!'))
		appendStringInfoString(&x->out, "(?!");
	else if (login_peek(x) == 'P' && x->at + 1 < x->n && x->p[x->at + 1] == '<')
	{
		int			begin = x->at += 2;

		while (login_is_word(login_peek(x)))
			x->at++;
		if (x->at == begin || isdigit((unsigned char) x->p[begin]) || !login_take(x, '>'))
			login_give_up(x, "A group has a name that is none.");
		appendStringInfoString(&x->out, "(?:");
	}
	else
		login_give_up(x, "Of groups that begin with \"(?\" only (?:, (?=, (?! and (?P<name> are supported.");
	login_alternatives(x);
	if (!login_take(x, ')'))
		login_give_up(x, "A parenthesis is not closed.");
	appendStringInfoChar(&x->out, ')');
}

/* Digits from here, or missing. */
static int
login_count(LoginPattern *x, int missing)
{
	int			value = missing;

	for (; login_peek(x) >= '0' && login_peek(x) <= '9'; x->at++)
	{
		value = (value == missing ? 0 : value) * 10 + (int) (login_peek(x) - '0');
		value = Min(value, LOGIN_MAX_REPEAT + 1);
	}
	return value;
}

/* {m}, {m,}, {,n}, {m,n}: false, and nothing taken, if the brace is a character. */
static bool
login_braces(LoginPattern *x)
{
	int			begin = x->at;
	int			low;
	int			high;

	if (!login_take(x, '{') || login_peek(x) == '}')
	{
		x->at = begin;
		return false;
	}
	low = login_count(x, -1);
	high = low;
	if (login_take(x, ','))
		high = login_count(x, -1);
	else if (low < 0)
		high = -2;
	if (high == -2 || !login_take(x, '}'))
	{
		x->at = begin;
		return false;
	}
	low = Max(low, 0);
	if (low > LOGIN_MAX_REPEAT || high > LOGIN_MAX_REPEAT)
		login_give_up(x, "More than 255 repetitions are not supported.");
	else if (high >= 0 && high < low)
		login_give_up(x, "A repetition has a smaller maximum than minimum.");
	if (high < 0)
		appendStringInfo(&x->out, "{%d,}", low);
	else
		appendStringInfo(&x->out, "{%d,%d}", low, high);
	return true;
}

/*
 * What may follow a piece; not_so: why it may not.  Lazy or greedy is the same to
 * the question.
 */
static void
login_quantifier(LoginPattern *x, const char *not_so)
{
	uint32		c = login_peek(x);
	bool		found = c == '*' || c == '+' || c == '?';

	if (found)
	{
		x->at++;
		appendStringInfoChar(&x->out, (char) c);
	}
	else
		found = c == '{' && login_braces(x);
	if (!found)
		return;
	if (not_so != NULL)
		login_give_up(x, not_so);
	(void) login_take(x, '?');
	c = login_peek(x);
	if (c == '+')
		login_give_up(x, "Possessive quantifiers are not supported.");
	else if (c == '*' || c == '?')
		login_give_up(x, "A quantifier follows another.");
	else if (c == '{')
	{
		StringInfoData kept = x->out;

		initStringInfo(&x->out);
		if (login_braces(x))
			login_give_up(x, "A quantifier follows another.");
		x->out = kept;
	}
}

static void
login_piece(LoginPattern *x)
{
	uint32		c = x->p[x->at++];
	const char *const nothing = "There is nothing to repeat.";
	const char *not_so = NULL;
	const LoginClass *class;

	switch (c)
	{
		case '.':
			appendStringInfoString(&x->out, "[^\\u000a]");
			break;
		case '^':
		case '$':
			appendStringInfoChar(&x->out, (char) c);
			not_so = nothing;
			break;
		case '[':
			login_brackets(x);
			break;
		case '(':
			if (x->at + 1 < x->n && x->p[x->at] == '?' &&
				(x->p[x->at + 1] == '=' || x->p[x->at + 1] == '!'))
				not_so = "Repeated look-ahead is not supported.";
			login_group(x);
			break;
		case '*':
		case '+':
		case '?':
			login_give_up(x, nothing);
			return;
		case '\\':
			class = login_escaped_class(login_peek(x));
			if (class != NULL)
			{
				appendStringInfoChar(&x->out, '[');
				login_put_class(x, class, login_peek(x) < 'a');
				appendStringInfoChar(&x->out, ']');
				x->at++;
			}
			else if (login_peek(x) == 'A' || login_peek(x) == 'Z')
			{
				appendStringInfoChar(&x->out, login_peek(x) == 'A' ? '^' : '$');
				x->at++;
				not_so = nothing;
			}
			else
				login_put(x, login_escaped_char(x, false));
			break;
		case '{':
			x->at--;
			if (login_braces(x))
				login_give_up(x, nothing);
			x->at++;
			login_put(x, c);
			break;
		default:
			login_put(x, c);
	}
	if (x->why == NULL)
		login_quantifier(x, not_so);
}

static void
login_alternatives(LoginPattern *x)
{
	check_stack_depth();
	while (x->at < x->n && login_peek(x) != ')')
	{
		if (login_take(x, '|'))
			appendStringInfoChar(&x->out, '|');
		else
			login_piece(x);
	}
}

char *
login_pattern_translate(const char *pattern, bool full, char **why)
{
	LoginPattern x = {0};
	int			encoding = GetDatabaseEncoding();

	x.p = login_chars(pattern, &x.n);
	initStringInfo(&x.out);
	appendStringInfoString(&x.out, "^(?:");
	login_alternatives(&x);
	if (x.at < x.n)
		login_give_up(&x, "A parenthesis is closed that was not opened.");
	appendStringInfoString(&x.out, full ? ")$" : ")");
	if (x.why == NULL && x.wide && encoding != PG_UTF8)
		login_give_up(&x, "Characters beyond ASCII, \\d, \\w and \\s are supported in databases of encoding UTF8.");
	*why = unconstify(char *, x.why);
	return x.why == NULL ? x.out.data : NULL;
}

bool
login_pattern_matches(const char *translated, const char *name)
{
	char	   *server = module_from_utf8(name, strlen(name));

	return RE_compile_and_execute(cstring_to_text(translated), server, (int) strlen(server),
								  REG_ADVANCED, C_COLLATION_OID, 0, NULL);
}
