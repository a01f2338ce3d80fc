/*-------------------------------------------------------------------------
 *
 * scopeset_read.c
 *	  From text to a scopeset: the JSON form, the white space form, errors.
 *
 * The JSON reader takes an array of strings and nothing else, in one pass, and
 * hands scopes to the builder where they lie.  A string that has no escape and
 * only printable ASCII characters (which is what the hub writes, but for names
 * beyond ASCII) takes the fast path; whatever that does not know goes through
 * the slow one, which also finds the words for a defect.  The server's own
 * parser is not used: it makes a copy of each string, and takes longer than
 * everything here together.
 *
 *-------------------------------------------------------------------------
 */
#include "scopeset_private.h"

#include "mb/pg_wchar.h"
#include "utils/builtins.h"

#define READ_EXCERPT	200		/* bytes of the text in an error message */

typedef struct ReadState
{
	const char *str;			/* the whole text, UTF-8 */
	const char *end;
	ScopeBuilder *builder;
	ScopeMember last;			/* the previous string, as it lies in the text */
	const char *defect;			/* what is wrong ... */
	const char *at;				/* ... and where */
	const char *meant;			/* what a misspelt scope may have meant */
	bool		lenient;		/* leave out what is no scope */
	const char *left_out;		/* why, of the first one that was ... */
	const char *left_out_at;	/* ... and where */
} ReadState;

/* ---- the server's encoding ---- */

/*
 * Server's encoding to UTF-8.  Where no conversion is possible (SQL_ASCII) the
 * text is passed on as it is: the grammar refuses what is not UTF-8.
 */
const char *
scope_to_utf8(const char *str, int *len)
{
	int			encoding = GetDatabaseEncoding();
	char	   *utf8;

	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII)
		return str;
	utf8 = pg_server_to_any(str, *len, PG_UTF8);
	if (utf8 != str)
		*len = (int) strlen(utf8);
	return utf8;
}

text *
scope_text_from_utf8(const char *str, int len)
{
	char	   *server;

	if (GetDatabaseEncoding() == PG_UTF8)
		return cstring_to_text_with_len(str, len);
	server = pg_any_to_server(str, len, PG_UTF8);
	if (server != str)
		len = (int) strlen(server);
	return cstring_to_text_with_len(server, len);
}

/* ---- error texts ---- */

char *
scope_detail(const char *defect, int element, int character)
{
	int			len = (int) strlen(defect) - 1; /* without the period */

	if (element > 0)
		return psprintf("%.*s (element %d, character %d).", len, defect,
						element, character);
	return psprintf("%.*s (character %d).", len, defect, character);
}

int
scope_character(const char *str, int where)
{
	int			n = 1;
	int			i;

	for (i = 0; i < where; i++)
		if (((unsigned char) str[i] & 0xC0) != 0x80)
			n++;
	/* where may point into a character that is not whole */
	return n;
}

char *
scope_excerpt(const char *str, int len)
{
	if (len <= READ_EXCERPT)
		return pnstrdup(str, len);
	return psprintf("%.*s...", pg_mbcliplen(str, len, READ_EXCERPT), str);
}

/*
 * What somebody meant who wrote this scope (UTF-8), which was refused with this
 * defect at 'where': the same with another kind of filter, in the server's
 * encoding and palloc'd, or NULL.
 */
static char *
read_meant(const char *str, int len, const char *defect, int where)
{
	const char *kind = str + where;
	const char *end = str + len;
	const char *equals;
	const char *better;
	char	   *meant;
	ScopeMember member;
	int			i;

	if (defect != scope_unknown_kind)
		return NULL;
	/* a hint is not worth an error for what the server cannot show */
	for (i = 0; i < len && GetDatabaseEncoding() != PG_UTF8; i++)
		if (IS_HIGHBIT_SET(str[i]))
			return NULL;
	equals = memchr(kind, '=', end - kind);
	if (equals == NULL)
		equals = end;
	better = scope_suggest_kind(kind, (int) (equals - kind));
	if (better == NULL)
		return NULL;
	meant = psprintf("%.*s%s%.*s", where, str, better, (int) (end - equals),
					 equals);
	/* that may be none either: "!group" has no form without a value */
	if (!scope_parse(meant, (int) strlen(meant), &member, &defect, &i))
		return NULL;
	return scope_excerpt(meant, (int) strlen(meant));
}

/*
 * 22P02, or 54000 for the one defect that is a limit.  str is what was given,
 * utf8 the same in UTF-8, where a byte offset in that.  meant: from read_meant.
 */
static void
read_error(Node *escontext, const char *str, int len, const char *defect,
		   int element, const char *utf8, int where, const char *meant)
{
	if (defect == scope_too_long)
	{
		scope_length_error(escontext);
		return;
	}
	errsave(escontext,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid input syntax for type %s: \"%s\"",
					"scopeset", scope_excerpt(str, len)),
			 errdetail_internal("%s", scope_detail(defect, element,
												   scope_character(utf8, where))),
			 meant ? errhint("Perhaps you meant \"%s\".", meant) : 0));
}

void
scope_syntax_error(Node *escontext, const char *str, int len,
				   const char *defect, int where)
{
	text	   *t = scope_text_from_utf8(str, len);

	read_error(escontext, VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t), defect, 0,
			   str, where, read_meant(str, len, defect, where));
}

void
scope_builder_add_element(ScopeBuilder *b, const char *str, int len,
						  int element)
{
	int			utf8_len = len;
	const char *utf8 = scope_to_utf8(str, &utf8_len);
	const char *defect;
	int			where;

	if (!scope_builder_add_text(b, utf8, utf8_len, &defect, &where))
		read_error(NULL, str, len, defect, element, utf8, where,
				   read_meant(utf8, utf8_len, defect, where));
	if (scope_builder_failed(b))
		scope_builder_limit_error(b, NULL);
}

/* ---- JSON strings: the slow path ---- */

static const char *
read_refuse(ReadState *s, const char *defect, const char *at)
{
	s->defect = defect;
	s->at = at;
	return NULL;
}

/* The same for what the grammar has refused in a scope (UTF-8). */
static const char *
read_refuse_scope(ReadState *s, const char *str, int len, const char *defect,
				  int where, const char *at)
{
	if (!s->lenient)
		s->meant = read_meant(str, len, defect, where);
	return read_refuse(s, defect, at);
}

/*
 * Decode one unit of a string, at p (a character or an escape), into buf (4
 * bytes).  Returns what follows it, or NULL with the defect set.
 */
static const char *
read_unit(ReadState *s, const char *p, char *buf, int *len)
{
	const char *start = p;
	int			c;

	*len = 1;
	if (*p != '\\')
	{
		buf[0] = *p;
		return p + 1;
	}
	if (++p >= s->end)
		return read_refuse(s, "The string is not closed.", start);
	switch (*p++)
	{
		case '"':
			buf[0] = '"';
			return p;
		case '\\':
			buf[0] = '\\';
			return p;
		case '/':
			buf[0] = '/';
			return p;
		case 'b':
			buf[0] = '\b';
			return p;
		case 'f':
			buf[0] = '\f';
			return p;
		case 'n':
			buf[0] = '\n';
			return p;
		case 'r':
			buf[0] = '\r';
			return p;
		case 't':
			buf[0] = '\t';
			return p;
		case 'u':
			break;
		default:
			return read_refuse(s, "The escape sequence is invalid.", start);
	}

	c = scope_json_hex4(p, s->end);
	if (c < 0)
		return read_refuse(s, "\"\\u\" must be followed by four hexadecimal digits.",
						   start);
	p += 4;
	if (c == 0)
		return read_refuse(s, "\"\\u0000\" cannot be converted to text.", start);
	if (c >= 0xD800 && c <= 0xDBFF)
	{
		int			low = -1;

		if (s->end - p >= 6 && p[0] == '\\' && p[1] == 'u')
			low = scope_json_hex4(p + 2, s->end);
		if (low < 0xDC00 || low > 0xDFFF)
			return read_refuse(s, "A high surrogate must be followed by a low surrogate.",
							   start);
		c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
		p += 6;
	}
	else if (c >= 0xDC00 && c <= 0xDFFF)
		return read_refuse(s, "A low surrogate must follow a high surrogate.",
						   start);
	unicode_to_utf8((pg_wchar) c, (unsigned char *) buf);
	*len = pg_utf_mblen((unsigned char *) buf);
	return p;
}

/*
 * A string with escapes, from p (behind the opening quote) up to 'close'.
 * Decodes it and adds the scope.
 */
static bool
read_escaped(ReadState *s, const char *p, const char *close)
{
	char		scope[SCOPE_MAX_BYTES + 4];
	char		unit[4];
	const char *start = p;
	const char *defect;
	int			scope_len;
	int			len = 0;
	int			where;

	scope[0] = '\0';
	while (p < close && len <= SCOPE_MAX_BYTES)
	{
		int			n;

		p = read_unit(s, p, scope + len, &n);
		if (p == NULL)
			return false;
		len += n;
	}
	if (len > SCOPE_MAX_BYTES)
	{
		(void) read_refuse(s, scope_too_long, start);
		return false;
	}
	scope_len = len;
	if (scope_builder_add_text(s->builder, scope, scope_len, &defect, &where))
		return true;

	/* find the place in the text that the defect's place comes from */
	for (p = start, len = 0; p < close;)
	{
		int			n;
		const char *next = read_unit(s, p, unit, &n);

		if (len + n > where)
			break;
		len += n;
		p = next;
	}
	(void) read_refuse_scope(s, scope, scope_len, defect, where, p);
	return false;
}

/*
 * Any string, from behind its opening quote.  Returns what follows the closing
 * one, or NULL.
 */
static const char *
read_string_slow(ReadState *s, const char *start)
{
	const char *p = start;
	const char *defect;
	bool		escaped = false;
	int			where;

	for (;; p++)
	{
		if (p >= s->end)
			return read_refuse(s, "The string is not closed.", start - 1);
		if (*p == '"')
			break;
		if (*p == '\\')
		{
			escaped = true;
			p++;
			if (p >= s->end)
				return read_refuse(s, "The string is not closed.", start - 1);
		}
		if ((unsigned char) *p < 0x20)
			return read_refuse(s, "A string cannot hold a control character that is not escaped.",
							   p);
	}
	if (escaped)
		return read_escaped(s, start, p) ? p + 1 : NULL;
	if (p - start > SCOPE_MAX_BYTES)
		return read_refuse(s, scope_too_long, start);
	if (!scope_builder_add_text(s->builder, start, (int) (p - start),
								&defect, &where))
		return read_refuse_scope(s, start, (int) (p - start), defect, where,
								 start + where);
	return p + 1;
}

/* ---- JSON strings: the fast path ---- */

/*
 * What an ASCII character may be without further ado: 1 in a base, 2 in a
 * value, 4 in the name of a kind.
 */
static const uint8 read_class[256] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	2, 2, 0, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 0, 3, 3, 3,
	3, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
	7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 3, 3, 3, 3, 0
};

/* Does the text at p go on like this, followed by a character 'then'? */
static inline bool
read_again(const ReadState *s, const char *p, const char *str, int len,
		   char then)
{
	return len > 0 && s->end - p > len && p[len] == then &&
		scope_bytes_same(p, str, len);
}

/*
 * A string, from behind its opening quote.  Returns what follows the closing
 * one, or NULL.  In a sorted list base or value are often those of the string
 * before, and need no second look.
 */
static const char *
read_string(ReadState *s, const char *start)
{
	const char *end = s->end;
	const char *p = start;
	ScopeMember *m = &s->last;

	if (read_again(s, p, m->base, m->base_len, '!'))
		p += m->base_len;
	else
	{
		while (p < end && (read_class[(unsigned char) *p] & 1))
			p++;
		if (p >= end || p == start)
			return read_string_slow(s, start);
		m->base_id = scope_dictionary_find(start, (int) (p - start));
		m->base_len = (int) (p - start);
	}
	m->base = start;
	m->kind = SCOPE_OPEN;
	if (*p == '!')
	{
		const char *name = ++p;

		while (p < end && (read_class[(unsigned char) *p] & 4))
			p++;
		if (p >= end || (*p != '=' && *p != '"') ||
			!scope_kind_find(name, (int) (p - name), *p == '"', &m->kind))
			return read_string_slow(s, start);
		if (*p == '=')
		{
			const char *value = ++p;

			if (read_again(s, p, m->value, m->value_len, '"'))
				p += m->value_len;
			else
			{
				while (p < end && (read_class[(unsigned char) *p] & 2))
					p++;
				if (p == value)
					return read_string_slow(s, start);
			}
			m->value = value;
			m->value_len = (int) (p - value);
		}
	}
	if (p >= end || *p != '"' || p - start > SCOPE_MAX_BYTES)
		return read_string_slow(s, start);
	scope_builder_add_parsed(s->builder, m);
	return p + 1;
}

/* ---- the two forms ---- */

/* The next string of an array: a scope, or what is left out. */
static const char *
read_element(ReadState *s, const char *start)
{
	const char *p = read_string(s, start);

	if (p != NULL || !s->lenient)
		return p;
	p = scope_json_past_string(start, s->end);
	if (p != NULL && s->left_out == NULL)
	{
		s->left_out = s->defect;
		s->left_out_at = s->at;
	}
	return p;
}

/* From a key of an object to behind its value. */
static const char *
read_past_value(ReadState *s, const char *p, const char *open)
{
	p = scope_json_past_colon(p, s->end);
	if (p != NULL)
		p = scope_json_past_value(p, s->end);
	return p ? p : read_refuse(s, "The text is not a JSON array.", open);
}

/*
 * A JSON array of strings, from its '['; or an object, from its '{', which is to
 * Python what its keys are.
 */
static bool
read_json(ReadState *s, const char *p)
{
	const char *open = p;
	bool		object = *p == '{';
	char		close = object ? '}' : ']';

	if (object)
	{
		s->left_out = "The text is a JSON object and not an array.";
		s->left_out_at = p;
	}
	p = scope_json_past_space(p + 1, s->end);
	if (p < s->end && *p == close)
		p++;
	else
	{
		for (;;)
		{
			if (p >= s->end)
				return read_refuse(s, "The array is not closed.", open) != NULL;
			if (*p != '"')
				return read_refuse(s, *p == ']' || *p == ',' ?
								   "A string is missing in the array." :
								   "Every element of the array must be a string.",
								   p) != NULL;
			p = read_element(s, p + 1);
			if (p != NULL && object)
				p = read_past_value(s, p, open);
			if (p == NULL)
				return false;
			p = scope_json_past_space(p, s->end);
			if (p >= s->end)
				return read_refuse(s, "The array is not closed.", open) != NULL;
			if (*p == close)
			{
				p++;
				break;
			}
			if (*p != ',')
				return read_refuse(s, "After a string there must be \",\" or \"]\".",
								   p) != NULL;
			p = scope_json_past_space(p + 1, s->end);
		}
	}
	p = scope_json_past_space(p, s->end);
	if (p < s->end)
		return read_refuse(s, "There is something after the array.", p) != NULL;
	return true;
}

/* ASCII white space: what separates scopes in the other form. */
static inline bool
read_is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Scopes between white space. */
static bool
read_words(ReadState *s, const char *p)
{
	for (;;)
	{
		const char *word;
		const char *defect;
		int			where;

		while (p < s->end && read_is_space(*p))
			p++;
		if (p >= s->end)
			return true;
		word = p;
		while (p < s->end && !read_is_space(*p))
			p++;
		if (p - word > SCOPE_MAX_BYTES)
			return read_refuse(s, scope_too_long, word) != NULL;
		if (!scope_builder_add_text(s->builder, word, (int) (p - word),
									&defect, &where))
			return read_refuse_scope(s, word, (int) (p - word), defect, where,
									 word + where) != NULL;
	}
}

/*
 * Read either form (json: that form only, and what is no scope is left out).
 * str is UTF-8.  Returns NULL with the defect in s; a defect of NULL means that
 * the builder has failed.
 */
static Scopeset *
read_any(ReadState *s, const char *str, int len, bool json)
{
	const char *p = str;
	bool		good;
	Scopeset   *set = NULL;

	s->str = str;
	s->end = str + len;
	s->builder = scope_builder_create();
	memset(&s->last, 0, sizeof(s->last));
	s->defect = NULL;
	s->at = str;
	s->meant = NULL;
	s->lenient = json;
	s->left_out = NULL;
	s->left_out_at = str;

	while (p < s->end && read_is_space(*p))
		p++;
	if (p < s->end && (*p == '[' || (json && *p == '{')))
		good = read_json(s, p);
	else if (json)
	{
		(void) read_refuse(s, "The text is not a JSON array.", p);
		good = false;
	}
	else
		good = read_words(s, p);

	if (good)
		set = scope_builder_try(s->builder, false);
	return set;
}

/*
 * scopeset_from_text -
 *
 * Input of either form, in the server's encoding.  Errors are 22P02 and 54000
 * and go through escontext (NULL: they are raised); NULL after a soft one.
 */
Scopeset *
scopeset_from_text(const char *str, int len, Node *escontext)
{
	ReadState	s;
	int			utf8_len = len;
	const char *utf8 = scope_to_utf8(str, &utf8_len);
	Scopeset   *set = read_any(&s, utf8, utf8_len, false);

	if (set == NULL)
	{
		if (s.defect == NULL)
			scope_builder_limit_error(s.builder, escontext);
		else
			read_error(escontext, str, len, s.defect, 0,
					   utf8, (int) (s.at - utf8), s.meant);
	}
	scope_builder_free(s.builder);
	return set;
}

/*
 * scopeset_from_json -
 *
 * What the hub makes of a column that holds a JSON array of strings, never
 * raising an error: NULL and a sentence in *defect when it is none.
 *
 * The hub stores what its configuration says, and a member with a filter that is
 * none (an empty value, say, or a kind that there is not) gives nothing there,
 * but does not keep the other members from giving what they say.  So it is left
 * out here: the others are the set, and *defect is about the first left out.  An
 * object, which the hub never writes, gives what its keys say, and is a defect.
 */
Scopeset *
scopeset_from_json(const char *str, int len, char **defect)
{
	ReadState	s;
	int			utf8_len = len;
	const char *utf8 = scope_to_utf8(str, &utf8_len);
	Scopeset   *set = read_any(&s, utf8, utf8_len, true);
	const char *why = set ? s.left_out : s.defect;
	const char *at = set ? s.left_out_at : s.at;

	if (defect)
	{
		*defect = NULL;
		if (why == scope_too_long)
			*defect = pstrdup(scope_too_long);
		else if (why != NULL)
			*defect = scope_detail(why, 0, scope_character(utf8, (int) (at - utf8)));
		else if (set == NULL)
			*defect = scope_builder_defect(s.builder);
	}
	scope_builder_free(s.builder);
	return set;
}
