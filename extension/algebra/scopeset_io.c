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
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"

#define SCOPESET_WIRE_VERSION	1

/* ---- text form ---- */

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

static void
io_append_text(StringInfo buf, const Scopeset *set)
{
	ScopeIter	iter;
	ScopeMember member;
	bool		first = true;

	scope_iter_init(&iter, set);
	appendStringInfoChar(buf, '[');
	while (scope_iter_next(&iter, &member))
	{
		appendBinaryStringInfo(buf, first ? "\"" : ", \"", first ? 1 : 3);
		first = false;
		if (member.base_id >= 0)
			appendBinaryStringInfo(buf, member.base, member.base_len);
		else
			io_append_escaped(buf, member.base, member.base_len);
		if (member.kind != SCOPE_OPEN)
		{
			appendStringInfoChar(buf, '!');
			appendStringInfoString(buf, scope_kind_name(member.kind));
			if (member.value)
			{
				appendStringInfoChar(buf, '=');
				io_append_escaped(buf, member.value, member.value_len);
			}
		}
		appendStringInfoChar(buf, '"');
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
