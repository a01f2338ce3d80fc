/*-------------------------------------------------------------------------
 *
 * shim.c
 *	  What the fuzzed sources use of the server, outside of a server.
 *
 * The sources are compiled unchanged, against the server's own headers; this
 * file has the functions behind those.  Memory comes from malloc, block by
 * block, so that AddressSanitizer sees the end of each; all that an input
 * leaves behind is freed after it.  An error is a longjmp, as it is in the
 * server; what it said is kept, for the laws (fuzz.c) to look at.  An error
 * without a code is one that cannot happen, and stops the program.
 *
 * What the fuzzer never calls stops the program too.
 *
 *-------------------------------------------------------------------------
 */
#include "shim.h"

#include <sanitizer/asan_interface.h>

#include "common/hashfn.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "libpq/pqformat.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

#undef vsnprintf
#undef snprintf
#undef fprintf

int			shim_encoding = PG_UTF8;
ShimError	shim_error;
int			shim_warnings;

/* ---- memory ---- */

typedef struct Block
{
	struct Block *next;
	struct Block *prev;
	Size		size;
	uint64		magic;
} Block;

#define BLOCK_MAGIC UINT64CONST(0x5ca1ab1e5ca1ab1e)

static Block blocks = {&blocks, &blocks, 0, 0};
static MemoryContextData context_data;

MemoryContext CurrentMemoryContext = &context_data;
MemoryContext TopMemoryContext = &context_data;

static void *
block_new(Size size, bool zero)
{
	Block	   *block;

	if (size > MaxAllocSize)
		elog(ERROR, "invalid memory alloc request size %zu", size);
	block = malloc(sizeof(Block) + size);
	if (block == NULL)
		abort();
	block->size = size;
	block->magic = BLOCK_MAGIC;
	block->next = blocks.next;
	block->prev = &blocks;
	if (blocks.next != &blocks)
		ASAN_UNPOISON_MEMORY_REGION(blocks.next, sizeof(Block));
	blocks.next->prev = block;
	if (blocks.next != &blocks)
		ASAN_POISON_MEMORY_REGION(blocks.next, sizeof(Block));
	blocks.next = block;
	/* what is not zeroed holds anything */
	memset(block + 1, zero ? 0 : 0x7F, size);
	ASAN_POISON_MEMORY_REGION(block, sizeof(Block));
	return block + 1;
}

static Block *
block_of(void *pointer)
{
	Block	   *block = (Block *) pointer - 1;

	ASAN_UNPOISON_MEMORY_REGION(block, sizeof(Block));
	if (block->magic != BLOCK_MAGIC)
		abort();
	return block;
}

static void
block_free(Block *block)
{
	Block	   *sides[2] = {block->prev, block->next};
	int			i;

	for (i = 0; i < 2; i++)
		if (sides[i] != &blocks)
			ASAN_UNPOISON_MEMORY_REGION(sides[i], sizeof(Block));
	block->prev->next = block->next;
	block->next->prev = block->prev;
	for (i = 0; i < 2; i++)
		if (sides[i] != &blocks)
			ASAN_POISON_MEMORY_REGION(sides[i], sizeof(Block));
	block->magic = 0;
	free(block);
}

void
shim_reset(void)
{
	while (blocks.next != &blocks)
		block_free(block_of(blocks.next + 1));
	CurrentMemoryContext = &context_data;
	error_context_stack = NULL;
	PG_exception_stack = NULL;
	shim_warnings = 0;
}

void *
palloc(Size size)
{
	return block_new(size, false);
}

void *
palloc0(Size size)
{
	return block_new(size, true);
}

void *
palloc_extended(Size size, int flags)
{
	return block_new(size, (flags & MCXT_ALLOC_ZERO) != 0);
}

void *
MemoryContextAlloc(MemoryContext context, Size size)
{
	return block_new(size, false);
}

void *
MemoryContextAllocZero(MemoryContext context, Size size)
{
	return block_new(size, true);
}

void
pfree(void *pointer)
{
	block_free(block_of(pointer));
}

void *
repalloc(void *pointer, Size size)
{
	void	   *result = palloc(size);
	Block	   *block = block_of(pointer);

	memcpy(result, pointer, Min(block->size, size));
	block_free(block);
	return result;
}

char *
pnstrdup(const char *in, Size len)
{
	char	   *result;

	len = strnlen(in, len);
	result = palloc(len + 1);
	memcpy(result, in, len);
	result[len] = '\0';
	return result;
}

char *
pstrdup(const char *in)
{
	return pnstrdup(in, strlen(in));
}

static char *
format(const char *fmt, va_list args)
{
	va_list		again;
	char	   *result;
	int			len;

	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	result = palloc(len + 1);
	vsnprintf(result, len + 1, fmt, args);
	return result;
}

char *
psprintf(const char *fmt,...)
{
	va_list		args;
	char	   *result;

	va_start(args, fmt);
	result = format(fmt, args);
	va_end(args);
	return result;
}

/* ---- StringInfo ---- */

void
initStringInfo(StringInfo str)
{
	str->maxlen = 64;
	str->data = palloc(str->maxlen);
	resetStringInfo(str);
}

void
resetStringInfo(StringInfo str)
{
	str->data[0] = '\0';
	str->len = 0;
	str->cursor = 0;
}

void
enlargeStringInfo(StringInfo str, int needed)
{
	if (needed < 0 || (Size) needed >= MaxAllocSize - (Size) str->len)
		ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
						errmsg("out of memory")));
	if (str->len + needed + 1 <= str->maxlen)
		return;
	str->maxlen = Max(str->len + needed + 1, str->maxlen * 2);
	str->data = repalloc(str->data, str->maxlen);
}

void
appendBinaryStringInfo(StringInfo str, const SHIM_BYTES *data, int datalen)
{
	enlargeStringInfo(str, datalen);
	memcpy(str->data + str->len, data, datalen);
	str->len += datalen;
	str->data[str->len] = '\0';
}

void
appendStringInfoString(StringInfo str, const char *s)
{
	appendBinaryStringInfo(str, s, strlen(s));
}

void
appendStringInfoChar(StringInfo str, char ch)
{
	appendBinaryStringInfo(str, &ch, 1);
}

void
appendStringInfoSpaces(StringInfo str, int count)
{
	while (count-- > 0)
		appendStringInfoChar(str, ' ');
}

void
appendStringInfo(StringInfo str, const char *fmt,...)
{
	va_list		args;

	va_start(args, fmt);
	appendStringInfoString(str, format(fmt, args));
	va_end(args);
}

/* ---- errors ---- */

sigjmp_buf *PG_exception_stack;
ErrorContextCallback *error_context_stack;
static ShimError raising;
static int	raising_level;

static void
keep(char *buffer, Size size, const char *fmt, va_list args)
{
	vsnprintf(buffer, size, fmt, args);
}

#define KEEP(field) \
	va_list		args; \
	va_start(args, fmt); \
	keep(raising.field, sizeof(raising.field), fmt, args); \
	va_end(args); \
	return 0

bool
errstart(int elevel, const char *domain)
{
	memset(&raising, 0, sizeof(raising));
	raising_level = elevel;
	return true;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}

int
errcode(int sqlerrcode)
{
	raising.code = sqlerrcode;
	return 0;
}

int
errmsg(const char *fmt,...)
{
	KEEP(message);
}

int
errmsg_internal(const char *fmt,...)
{
	KEEP(message);
}

int
errdetail(const char *fmt,...)
{
	KEEP(detail);
}

int
errdetail_internal(const char *fmt,...)
{
	KEEP(detail);
}

int
errhint(const char *fmt,...)
{
	KEEP(hint);
}

void
pg_re_throw(void)
{
	if (PG_exception_stack == NULL)
		abort();
	siglongjmp(*PG_exception_stack, 1);
}

void
errfinish(const char *filename, int lineno, const char *funcname)
{
	if (raising_level < ERROR)
	{
		shim_warnings++;
		return;
	}
	if (raising.code == 0)
	{
		fprintf(stderr, "%s:%d: cannot happen: %s\n", filename, lineno,
				raising.message);
		abort();
	}
	shim_error = raising;
	pg_re_throw();
}

void
ExceptionalCondition(const char *condition, const char *type_or_file,
#if PG_VERSION_NUM < 160000
					 const char *file,
#endif
					 int line)
{
	fprintf(stderr, "assertion failed: %s, line %d\n", condition, line);
	abort();
}

volatile sig_atomic_t InterruptPending;

void
ProcessInterrupts(void)
{
}

/* ---- encodings: UTF8, SQL_ASCII, LATIN1 ---- */

int
GetDatabaseEncoding(void)
{
	return shim_encoding;
}

bool
pg_verify_mbstr(int encoding, const char *str, int len, bool noError)
{
	if (pg_encoding_verifymbstr(encoding, str, len) == len)
		return true;
	if (!noError)
		ereport(ERROR, (errcode(ERRCODE_CHARACTER_NOT_IN_REPERTOIRE),
						errmsg("invalid byte sequence")));
	return false;
}

/* Only between UTF8 and the encoding of the day. */
char *
pg_server_to_any(const char *s, int len, int encoding)
{
	unsigned char *result;
	unsigned char *p;
	int			i;

	if (len <= 0 || encoding == shim_encoding)
		return unconstify(char *, s);
	if (shim_encoding == PG_SQL_ASCII)
	{
		pg_verify_mbstr(encoding, s, len, false);
		return unconstify(char *, s);
	}
	p = result = palloc(len * 2 + 1);
	for (i = 0; i < len; i++)
	{
		unicode_to_utf8((unsigned char) s[i], p);
		p += pg_utf_mblen(p);
	}
	*p = '\0';
	return (char *) result;
}

char *
pg_any_to_server(const char *s, int len, int encoding)
{
	char	   *result;
	int			n = 0;
	int			i;

	if (len <= 0)
		return unconstify(char *, s);
	pg_verify_mbstr(encoding, s, len, false);
	if (encoding == shim_encoding || shim_encoding == PG_SQL_ASCII)
		return unconstify(char *, s);
	result = palloc(len + 1);
	for (i = 0; i < len; i += pg_utf_mblen((const unsigned char *) s + i))
	{
		pg_wchar	c = utf8_to_unicode((const unsigned char *) s + i);

		if (c > 0xFF)
			ereport(ERROR, (errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
							errmsg("character has no equivalent")));
		result[n++] = (char) c;
	}
	result[n] = '\0';
	return result;
}

int
pg_mbcliplen(const char *mbstr, int len, int limit)
{
	int			at = 0;

	while (at < len && mbstr[at])
	{
		int			l = pg_encoding_mblen(shim_encoding, mbstr + at);

		if (at + l > limit || at + l > len)
			break;
		at += l;
	}
	return at;
}

/* as in the module (module.c), which is not fuzzed */
char *
module_from_utf8(const char *str, int len)
{
	char	   *result = pg_any_to_server(str, len, PG_UTF8);

	return result == str ? pnstrdup(str, len) : result;
}

/* ---- varlena, text ---- */

struct varlena *
pg_detoast_datum(struct varlena *datum)
{
	struct varlena *result;

	if (!VARATT_IS_SHORT(datum))
		return datum;
	result = palloc(VARSIZE_ANY_EXHDR(datum) + VARHDRSZ);
	SET_VARSIZE(result, VARSIZE_ANY_EXHDR(datum) + VARHDRSZ);
	memcpy(VARDATA(result), VARDATA_ANY(datum), VARSIZE_ANY_EXHDR(datum));
	return result;
}

struct varlena *
pg_detoast_datum_packed(struct varlena *datum)
{
	if (VARATT_IS_COMPRESSED(datum) || VARATT_IS_EXTERNAL(datum))
		abort();
	return datum;
}

text *
cstring_to_text_with_len(const char *s, int len)
{
	text	   *result = palloc(len + VARHDRSZ);

	SET_VARSIZE(result, len + VARHDRSZ);
	memcpy(VARDATA(result), s, len);
	return result;
}

text *
cstring_to_text(const char *s)
{
	return cstring_to_text_with_len(s, strlen(s));
}

/* ---- the wire ---- */

int
pq_getmsgbyte(StringInfo msg)
{
	if (msg->cursor >= msg->len)
		ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
						errmsg("no data left in message")));
	return (unsigned char) msg->data[msg->cursor++];
}

char *
pq_getmsgtext(StringInfo msg, int rawbytes, int *nbytes)
{
	char	   *str = msg->data + msg->cursor;

	if (rawbytes < 0 || rawbytes > msg->len - msg->cursor)
		ereport(ERROR, (errcode(ERRCODE_PROTOCOL_VIOLATION),
						errmsg("insufficient data left in message")));
	msg->cursor += rawbytes;
	/* the client's encoding is the server's */
	pg_verify_mbstr(shim_encoding, str, rawbytes, false);
	*nbytes = rawbytes;
	return pnstrdup(str, rawbytes);
}

void
pq_begintypsend(StringInfo buf)
{
	initStringInfo(buf);
	appendStringInfoSpaces(buf, 4);
}

bytea *
pq_endtypsend(StringInfo buf)
{
	SET_VARSIZE(buf->data, buf->len);
	return (bytea *) buf->data;
}

/* ---- calls ---- */

int
AggCheckCallContext(FunctionCallInfo fcinfo, MemoryContext *aggcontext)
{
	if (aggcontext)
		*aggcontext = CurrentMemoryContext;
	return AGG_CONTEXT_AGGREGATE;
}

/* ---- never called ---- */

#define NEVER(result, name, arguments) result name arguments { abort(); }

NEVER(ArrayType *, construct_array, (Datum *elems, int nelems, Oid elmtype, int elmlen, bool elmbyval, char elmalign))
NEVER(void, deconstruct_array, (ArrayType *array, Oid elmtype, int elmlen, bool elmbyval, char elmalign, Datum **elemsp, bool **nullsp, int *nelemsp))
NEVER(JsonbIterator *, JsonbIteratorInit, (JsonbContainer *container))
NEVER(JsonbIteratorToken, JsonbIteratorNext, (JsonbIterator **it, JsonbValue *val, bool skipNested))
NEVER(Datum, jsonb_in, (PG_FUNCTION_ARGS))
NEVER(Datum, DirectFunctionCall1Coll, (PGFunction func, Oid collation, Datum arg1))
