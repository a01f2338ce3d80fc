/*
 * What cppcheck needs to know of the server, whose headers it does not read:
 * which macros do not come back, and which are blocks.
 */
#define ERROR 21
#define ereport(elevel, ...) do { if ((elevel) >= ERROR) abort(); } while (0)
#define elog(elevel, ...) do { if ((elevel) >= ERROR) abort(); } while (0)
#define ereturn(context, value, ...) abort()
#define PG_TRY() do { if (1)
#define PG_CATCH() else
#define PG_FINALLY()
#define PG_END_TRY() } while (0)
#define PG_RE_THROW() abort()
#define PG_FUNCTION_INFO_V1(name) extern Datum name(PG_FUNCTION_ARGS)
#define PG_FUNCTION_ARGS FunctionCallInfo fcinfo
#define StaticAssertDecl(condition, message) extern void static_assert_decl(void)
#define UINT64CONST(x) (x##UL)
#define Assert(condition) do { if (!(condition)) abort(); } while (0)
#define likely(x) (x)
#define unlikely(x) (x)
#define Max(x, y) ((x) > (y) ? (x) : (y))
#define Min(x, y) ((x) < (y) ? (x) : (y))
#define lengthof(array) (sizeof (array) / sizeof ((array)[0]))
#define PG_VERSION_NUM 160000
