/*-------------------------------------------------------------------------
 *
 * html.c
 *	  The one place where a value becomes HTML.
 *
 * The result is ASCII, so that a report is the same in every encoding of the
 * server and of the client.
 *
 *-------------------------------------------------------------------------
 */
#include "safe_text.h"
#include "../effective/effective.h"

#include "utils/builtins.h"

/*
 * _html(value, most) - text for an element or a quoted attribute: markup and
 * everything beyond ASCII as entities, no more than so many characters; a dash
 * for NULL.
 */
PG_FUNCTION_INFO_V1(jhub_authz__html);
Datum
jhub_authz__html(PG_FUNCTION_ARGS)
{
	StringInfoData buf;
	int			most = PG_ARGISNULL(1) ? INT_MAX : PG_GETARG_INT32(1);
	int			n = 0;

	initStringInfo(&buf);
	if (PG_ARGISNULL(0))
		appendStringInfoString(&buf, "&ndash;");
	else
		for (const char *p = effective_utf8_string(PG_GETARG_TEXT_PP(0)); *p != '\0';
			 p += pg_utf_mblen((const unsigned char *) p))
		{
			pg_wchar	c = utf8_to_unicode((const unsigned char *) p);

			if (n++ >= most)
			{
				appendStringInfoString(&buf, "&hellip;");
				break;
			}
			if (safe_text_is_control(c))
				appendStringInfoString(&buf, "&#65533;");
			else if (c >= 0x80 || c == '<' || c == '>' || c == '&' || c == '"' || c == '\'' || c == '`')
				appendStringInfo(&buf, "&#%u;", c);
			else
				appendStringInfoChar(&buf, (char) c);
		}
	PG_RETURN_TEXT_P(cstring_to_text_with_len(buf.data, buf.len));
}
