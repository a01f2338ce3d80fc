/*-------------------------------------------------------------------------
 *
 * scopeset_io.c
 *	  The type's I/O functions, casts and constructors.
 *
 * Reading text is in scopeset_read.c; this file writes it, and turns arrays
 * and jsonb into sets and back.  The text form is a JSON array as Python's
 * json.dumps(sorted(s)) writes it, to the byte: the hub stores that.
 *
 *-------------------------------------------------------------------------
 */
#include "scopeset_private.h"

#include "catalog/pg_type.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "port/pg_bitutils.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#define SCOPESET_WIRE_VERSION	1

#define IO_FEW	128				/* as many members need no allocation */

/* ---- escapes ---- */

/* Append UTF-8 as the inside of a JSON string in ASCII. */
static void
io_append_escaped(StringInfo buf, const char *str, int len)
{
	const unsigned char *s = (const unsigned char *) str;
	const unsigned char *end = s + len;

	while (s < end)
	{
		const unsigned char *run = s;
		pg_wchar	c;

		while (s < end && *s >= 0x20 && *s < 0x80 && *s != '"' && *s != '\\')
			s++;
		if (s > run)
			appendBinaryStringInfo(buf, (const char *) run, (int) (s - run));
		if (s >= end)
			break;
		/* members hold no control character, so two need a short escape */
		if (*s == '"' || *s == '\\')
		{
			appendStringInfoChar(buf, '\\');
			appendStringInfoChar(buf, (char) *s++);
			continue;
		}
		c = utf8_to_unicode(s);
		s += pg_utf_mblen(s);
		if (c >= 0x10000)
		{
			c -= 0x10000;
			appendStringInfo(buf, "\\u%04x\\u%04x",
							 0xD800 + (unsigned int) (c >> 10),
							 0xDC00 + (unsigned int) (c & 0x3FF));
		}
		else
			appendStringInfo(buf, "\\u%04x", (unsigned int) c);
	}
}

/* ---- the members' order ---- */

/*
 * The members of a set without local bases are by base, then filter, and are
 * stored by filter.  A walk that looks for each base at every filter (ScopeIter)
 * costs their product; to count them by base first costs their sum.
 */
typedef struct IoMember
{
	int32		base;
	int32		filter;			/* -1: none */
} IoMember;

/* order has room for all members. */
static void
io_order(const ScopesetView *view, IoMember *order)
{
	int			next[64];
	uint64		mask;
	int			n = 0;
	int			f;
	int			b;

	memset(next, 0, sizeof(next));
	for (f = -1; f < view->nfilters; f++)
		for (mask = f < 0 ? view->open : scopeset_mask(view, f); mask != 0; mask &= mask - 1)
			next[pg_rightmost_one_pos64(mask)]++;
	for (b = 0; b < SCOPE_DICTIONARY_SIZE; b++)
	{
		int			count = next[b];

		next[b] = n;
		n += count;
	}
	for (f = -1; f < view->nfilters; f++)
		for (mask = f < 0 ? view->open : scopeset_mask(view, f); mask != 0; mask &= mask - 1)
		{
			b = pg_rightmost_one_pos64(mask);
			order[next[b]].base = b;
			order[next[b]++].filter = f;
		}
}

/* ---- text form ---- */

/* The next ones write where there is room, which they take for granted. */
static inline char *
io_put(char *p, const char *str, int len)
{
	memcpy(p, str, len);
	return p + len;
}

/*
 * A filter, written for the first time: "!kind=value" and the closing quote.  A
 * value of which every byte is an escape takes six times its length.
 */
static void
io_append_filter(StringInfo buf, ScopeKind kind, const char *value, int len)
{
	appendStringInfoChar(buf, '!');
	appendStringInfoString(buf, scope_kind_name(kind));
	if (!scope_kind_is_self(kind))
	{
		appendStringInfoChar(buf, '=');
		io_append_escaped(buf, value, len);
	}
	appendStringInfoChar(buf, '"');
}

/* Where in the text a filter stands; at 0: nowhere. */
typedef struct IoWritten
{
	int			at;
	int			len;
} IoWritten;

/*
 * The members in their order.  A filter that comes again is copied from where it
 * was written first.
 */
static void
io_append_ordered(StringInfo buf, const ScopesetView *view, const IoMember *order,
				  IoWritten *written)
{
	int			i;

	memset(written, 0, sizeof(IoWritten) * view->nfilters);
	for (i = 0; i < view->nmembers; i++)
	{
		int			f = order[i].filter;
		int			base_len;
		const char *base = scope_dictionary_name(order[i].base, &base_len);
		char	   *p;

		/* separator, base, and a filter that is there already */
		enlargeStringInfo(buf, 4 + base_len + (f >= 0 && written[f].at ? written[f].len : 1));
		p = buf->data + buf->len;
		if (i > 0)
			p = io_put(p, ", \"", 3);
		else
			*p++ = '"';
		p = io_put(p, base, base_len);
		if (f < 0)
			*p++ = '"';
		else if (written[f].at)
			p = io_put(p, buf->data + written[f].at, written[f].len);
		buf->len = (int) (p - buf->data);
		if (f >= 0 && !written[f].at)
		{
			int			len;
			const char *value = scopeset_value(view, f, &len);

			written[f].at = buf->len;
			io_append_filter(buf, scopeset_kind(view, f), value, len);
			written[f].len = buf->len - written[f].at;
		}
	}
}

static void
io_append_walked(StringInfo buf, const Scopeset *set)
{
	ScopeIter	iter;
	ScopeMember member;
	bool		first = true;

	scope_iter_init(&iter, set);
	while (scope_iter_next(&iter, &member))
	{
		appendBinaryStringInfo(buf, first ? "\"" : ", \"", first ? 1 : 3);
		first = false;
		if (member.base_id >= 0)
			appendBinaryStringInfo(buf, member.base, member.base_len);
		else
			io_append_escaped(buf, member.base, member.base_len);
		if (member.kind != SCOPE_OPEN)
			io_append_filter(buf, member.kind, member.value, member.value_len);
		else
			appendStringInfoChar(buf, '"');
	}
}

static void
io_append_text(StringInfo buf, const Scopeset *set)
{
	ScopesetView view;
	IoMember	fixed[IO_FEW];
	IoWritten	fixed_written[IO_FEW];
	IoMember   *order = fixed;
	IoWritten  *written = fixed_written;

	scopeset_view(set, &view);
	appendStringInfoChar(buf, '[');
	if (view.npairs > 0)
		io_append_walked(buf, set);
	else
	{
		/* no set has more filters than members */
		if (view.nmembers > IO_FEW)
		{
			order = palloc(sizeof(IoMember) * view.nmembers);
			written = palloc(sizeof(IoWritten) * view.nmembers);
		}
		io_order(&view, order);
		io_append_ordered(buf, &view, order, written);
		if (order != fixed)
		{
			pfree(order);
			pfree(written);
		}
	}
	appendStringInfoChar(buf, ']');
}

/*
 * scopeset_to_text -
 *
 * The JSON array, pure ASCII.
 */
char *
scopeset_to_text(const Scopeset *set)
{
	StringInfoData buf;

	initStringInfo(&buf);
	io_append_text(&buf, set);
	return buf.data;
}

PG_FUNCTION_INFO_V1(scopeset_in);
Datum
scopeset_in(PG_FUNCTION_ARGS)
{
	char	   *str = PG_GETARG_CSTRING(0);
	Scopeset   *set = scopeset_from_text(str, (int) strlen(str),
										 (Node *) fcinfo->context);

	if (set == NULL)
		PG_RETURN_NULL();		/* a soft error */
	PG_RETURN_SCOPESET_P(set);
}

PG_FUNCTION_INFO_V1(scopeset_out);
Datum
scopeset_out(PG_FUNCTION_ARGS)
{
	PG_RETURN_CSTRING(scopeset_to_text(PG_GETARG_SCOPESET_P(0)));
}

/*
 * scopeset_recv -
 *
 * A version byte, then the JSON form.  It is parsed like any other input, so
 * that no value comes in that is not in canonical form.
 */
PG_FUNCTION_INFO_V1(scopeset_recv);
Datum
scopeset_recv(PG_FUNCTION_ARGS)
{
	StringInfo	buf = (StringInfo) PG_GETARG_POINTER(0);
	int			version = pq_getmsgbyte(buf);
	int			len;
	char	   *str;

	if (version != SCOPESET_WIRE_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_BINARY_REPRESENTATION),
				 errmsg("unsupported scopeset version number %d", version)));
	str = pq_getmsgtext(buf, buf->len - buf->cursor, &len);
	PG_RETURN_SCOPESET_P(scopeset_from_text(str, len, NULL));
}

PG_FUNCTION_INFO_V1(scopeset_send);
Datum
scopeset_send(PG_FUNCTION_ARGS)
{
	Scopeset   *set = PG_GETARG_SCOPESET_P(0);
	StringInfoData buf;

	pq_begintypsend(&buf);
	pq_sendbyte(&buf, SCOPESET_WIRE_VERSION);
	io_append_text(&buf, set);
	PG_RETURN_BYTEA_P(pq_endtypsend(&buf));
}

/* ---- casts: text ---- */

PG_FUNCTION_INFO_V1(scopeset_as_text);
Datum
scopeset_as_text(PG_FUNCTION_ARGS)
{
	StringInfoData buf;

	/* build the text where it lies, behind its header */
	initStringInfo(&buf);
	appendStringInfoSpaces(&buf, VARHDRSZ);
	io_append_text(&buf, PG_GETARG_SCOPESET_P(0));
	SET_VARSIZE(buf.data, buf.len);
	PG_RETURN_TEXT_P((text *) buf.data);
}

PG_FUNCTION_INFO_V1(text_to_scopeset);
Datum
text_to_scopeset(PG_FUNCTION_ARGS)
{
	text	   *t = PG_GETARG_TEXT_PP(0);

	PG_RETURN_SCOPESET_P(scopeset_from_text(VARDATA_ANY(t),
											VARSIZE_ANY_EXHDR(t), NULL));
}

/* ---- casts: text[] ---- */

/*
 * text_array_to_scopeset -
 *
 * One scope an element, never split.  Serves the cast and scopeset_of().
 */
PG_FUNCTION_INFO_V1(text_array_to_scopeset);
Datum
text_array_to_scopeset(PG_FUNCTION_ARGS)
{
	ArrayType  *array = PG_GETARG_ARRAYTYPE_P(0);
	ScopeBuilder *b;
	Datum	   *elements;
	bool	   *nulls;
	int			n;
	int			i;

	deconstruct_array(array, TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, &n);
	b = scope_builder_create();
	for (i = 0; i < n; i++)
	{
		text	   *t;

		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("a scope must not be null"),
					 errdetail("Element %d of the array is null.", i + 1)));
		t = DatumGetTextPP(elements[i]);
		scope_builder_add_element(b, VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t),
								  i + 1);
	}
	PG_RETURN_SCOPESET_P(scope_builder_finish(b, false));
}

PG_FUNCTION_INFO_V1(scopeset_to_array);
Datum
scopeset_to_array(PG_FUNCTION_ARGS)
{
	Scopeset   *set = PG_GETARG_SCOPESET_P(0);
	ScopeIter	iter;
	ScopeMember member;
	StringInfoData buf;
	Datum	   *elements;
	int			n = 0;

	scope_iter_init(&iter, set);
	elements = palloc(sizeof(Datum) * (iter.view.nmembers + 1));
	initStringInfo(&buf);
	while (scope_iter_next(&iter, &member))
	{
		resetStringInfo(&buf);
		scope_append(&buf, &member);
		elements[n++] = PointerGetDatum(scope_text_from_utf8(buf.data, buf.len));
	}
	PG_RETURN_ARRAYTYPE_P(construct_array(elements, n, TEXTOID, -1, false,
										  TYPALIGN_INT));
}

/* ---- casts: jsonb ---- */

static void
io_jsonb_refuse(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("cannot cast jsonb value to type %s", "scopeset"),
			 errdetail_internal("%s", detail)));
}

PG_FUNCTION_INFO_V1(jsonb_to_scopeset);
Datum
jsonb_to_scopeset(PG_FUNCTION_ARGS)
{
	Jsonb	   *jb = PG_GETARG_JSONB_P(0);
	ScopeBuilder *b;
	JsonbIterator *it;
	JsonbIteratorToken token;
	JsonbValue	v;
	int			n = 0;

	if (!JB_ROOT_IS_ARRAY(jb) || JB_ROOT_IS_SCALAR(jb))
		io_jsonb_refuse("The value is not an array.");
	b = scope_builder_create();
	it = JsonbIteratorInit(&jb->root);
	while ((token = JsonbIteratorNext(&it, &v, true)) != WJB_DONE)
	{
		if (token != WJB_ELEM)
			continue;
		n++;
		if (v.type != jbvString)
			io_jsonb_refuse(psprintf("Element %d of the array is not a string.",
									 n));
		scope_builder_add_element(b, v.val.string.val, v.val.string.len, n);
	}
	PG_RETURN_SCOPESET_P(scope_builder_finish(b, false));
}

PG_FUNCTION_INFO_V1(scopeset_to_jsonb);
Datum
scopeset_to_jsonb(PG_FUNCTION_ARGS)
{
	char	   *str = scopeset_to_text(PG_GETARG_SCOPESET_P(0));

	return DirectFunctionCall1(jsonb_in, CStringGetDatum(str));
}

/* ---- the OAuth form ---- */

/*
 * jhub_authz_oauth_scope -
 *
 * The members, separated by a space; 22023 when that could not be read back.
 */
PG_FUNCTION_INFO_V1(jhub_authz_oauth_scope);
Datum
jhub_authz_oauth_scope(PG_FUNCTION_ARGS)
{
	ScopeIter	iter;
	ScopeMember member;
	StringInfoData buf;

	scope_iter_init(&iter, PG_GETARG_SCOPESET_P(0));
	initStringInfo(&buf);
	while (scope_iter_next(&iter, &member))
	{
		int			start = buf.len;

		if (buf.len > 0)
		{
			appendStringInfoChar(&buf, ' ');
			start++;
		}
		scope_append(&buf, &member);
		if (member.value &&
			scope_value_has_space(member.value, member.value_len))
		{
			text	   *t = scope_text_from_utf8(buf.data + start,
												 buf.len - start);

			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("scope \"%s\" holds white space",
							scope_excerpt(VARDATA_ANY(t),
										  VARSIZE_ANY_EXHDR(t))),
					 errhint("Use the JSON form for such a set.")));
		}
	}
	PG_RETURN_TEXT_P(scope_text_from_utf8(buf.data, buf.len));
}
