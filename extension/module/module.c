/*-------------------------------------------------------------------------
 *
 * module.c
 *	  Magic block, start of the library, and who we are in this database.
 *
 * No room owns the module: each has an init function that is called here.
 * There are no hooks and nothing needs shared_preload_libraries.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "commands/extension.h"
#include "mb/pg_wchar.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"

#include "init.h"

#ifdef PG_MODULE_MAGIC_EXT
PG_MODULE_MAGIC_EXT(.name = "jhub_authz",.version = JHUB_AUTHZ_VERSION);
#else
PG_MODULE_MAGIC;
#endif

#define MODULE_NAME		"jhub_authz"
#define MODULE_MAX_CALLBACKS	16

/*
 * A backend has room for ten relcache callbacks in all, so the library takes
 * one and hands it on.
 */
static void (*module_callbacks[MODULE_MAX_CALLBACKS]) (Oid relid);
static int	module_ncallbacks = 0;

static void
module_relcache_callback(Datum arg, Oid relid)
{
	for (int i = 0; i < module_ncallbacks; i++)
		module_callbacks[i] (relid);
}

void		_PG_init(void);

void
_PG_init(void)
{
	CacheRegisterRelcacheCallback(module_relcache_callback, (Datum) 0);
	settings_init();
	catalogue_init();
	hub_init();
	hub_concern_init();
	hub_history_init();
	hub_kept_init();
	issue_init();
	growth_init();
	history_init();
	required_scopes_init();
	identity_init();
}

/*
 * Have callback(relid) called when a relation's cache entry goes; InvalidOid
 * stands for all of them.  The callback must not look anything up.
 */
void
module_on_relcache(void (*callback) (Oid relid))
{
	if (module_ncallbacks >= MODULE_MAX_CALLBACKS)
		elog(ERROR, "too many relcache callbacks in %s", MODULE_NAME);
	module_callbacks[module_ncallbacks++] = callback;
}

/* The extension's OID; an error if it is not created in this database. */
Oid
module_extension_oid(void)
{
	return get_extension_oid(MODULE_NAME, false);
}

Oid
module_schema_oid(void)
{
	return get_namespace_oid(MODULE_NAME, false);
}

Oid
module_relation(const char *relname)
{
	Oid			relid = get_relname_relid(relname, module_schema_oid());

	if (!OidIsValid(relid))
		elog(ERROR, "relation %s.%s is missing", MODULE_NAME, relname);
	return relid;
}

double
module_rows(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	double		rows = -1;

	if (HeapTupleIsValid(tuple))
	{
		rows = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
		ReleaseSysCache(tuple);
	}
	return rows;
}

/*
 * The role that owns our tables, which is the extension's owner: read from
 * the table itself, because that is whose rights its statements need.
 */
Oid
module_owner(void)
{
	HeapTuple	tuple;
	Oid			owner;

	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(module_relation("attachment")));
	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %s.attachment", MODULE_NAME);
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);
	return owner;
}

static bool
module_is_ascii(const char *str, int len)
{
	for (int i = 0; i < len; i++)
		if (IS_HIGHBIT_SET(str[i]))
			return false;
	return true;
}

/*
 * Encoding conversion at the edges.  The argument itself comes back when there
 * is nothing to convert and it is terminated where it should be.  22P05 for a
 * character that the server's encoding lacks.
 */
static char *
module_converted(const char *str, int len)
{
	int			encoding = GetDatabaseEncoding();

	if (encoding != PG_UTF8 && encoding != PG_SQL_ASCII && !module_is_ascii(str, len) &&
		OidIsValid(FindDefaultConversionProc(PG_UTF8, encoding)) &&
		module_text_if_representable(pnstrdup(str, len)) == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
				 errmsg("\"%s\" has characters that the encoding \"%s\" lacks",
						text_to_cstring(module_text_shown(str, len)),
						pg_encoding_to_char(encoding)),
				 errhint("JupyterHub's names may hold any character: its database should have the encoding UTF8.")));
	return pg_any_to_server(str, len, PG_UTF8);
}

char *
module_from_utf8(const char *str, int len)
{
	char	   *result = module_converted(str, len);

	return result == str ? pnstrdup(str, len) : result;
}

char *
module_to_utf8(const char *str)
{
	return pg_server_to_any(str, strlen(str), PG_UTF8);
}

/* The same, or NULL for what the server's encoding has no characters for. */
text *
module_text_if_representable(const char *utf8)
{
	int			encoding = GetDatabaseEncoding();
	int			len = strlen(utf8);
	Oid			proc;
	unsigned char *buf;
	int			converted;

	if (encoding == PG_UTF8 || encoding == PG_SQL_ASCII || len == 0)
		return cstring_to_text_with_len(utf8, len);
	proc = FindDefaultConversionProc(PG_UTF8, encoding);
	if (!OidIsValid(proc))
		return NULL;
	buf = palloc(len * MAX_CONVERSION_GROWTH + 1);
	converted = pg_do_encoding_conversion_buf(proc, PG_UTF8, encoding,
											  (unsigned char *) unconstify(char *, utf8), len,
											  buf, len * MAX_CONVERSION_GROWTH + 1, true);
	return converted < len ? NULL : cstring_to_text((char *) buf);
}

/*
 * For rows that tell what there is: a character that the server's encoding has
 * not is written as JSON does it, as it is stored in the hub's columns.
 */
text *
module_text_shown(const char *str, int len)
{
	char	   *utf8 = pnstrdup(str, len);
	text	   *shown = module_text_if_representable(utf8);
	StringInfoData buf;

	if (shown != NULL)
		return shown;
	initStringInfo(&buf);
	for (const char *p = utf8; *p != '\0'; p += pg_utf_mblen((const unsigned char *) p))
	{
		int			width = pg_utf_mblen((const unsigned char *) p);
		pg_wchar	c = utf8_to_unicode((const unsigned char *) p);

		if (width == 1 || module_text_if_representable(pnstrdup(p, width)) != NULL)
			appendBinaryStringInfo(&buf, p, width);
		else if (c < 0x10000)
			appendStringInfo(&buf, "\\u%04x", c);
		else
			appendStringInfo(&buf, "\\u%04x\\u%04x", 0xd800 + ((c - 0x10000) >> 10),
							 0xdc00 + ((c - 0x10000) & 0x3ff));
	}
	return module_text_from_utf8(buf.data, buf.len);
}

text *
module_text_from_utf8(const char *str, int len)
{
	char	   *result = module_converted(str, len);

	if (result == str)
		return cstring_to_text_with_len(str, len);
	return cstring_to_text(result);
}

TimestampTz
module_ago(TimestampTz now, const Interval *span)
{
	const double far = 6000.0 * DAYS_PER_YEAR;
	double		days = (double) span->month * DAYS_PER_MONTH + span->day +
		(double) span->time / USECS_PER_DAY;

	if (days > far)
		return DT_NOBEGIN;
	if (days < -far)
		return DT_NOEND;
	return DatumGetTimestampTz(DirectFunctionCall2(timestamptz_mi_interval,
												   TimestampTzGetDatum(now),
												   IntervalPGetDatum(span)));
}
