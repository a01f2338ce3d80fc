/*-------------------------------------------------------------------------
 *
 * compat.h
 *	  What differs between the PostgreSQL majors that we build on.
 *
 * This is the only file that looks at PG_VERSION_NUM.  The rest of the code
 * is written for the newest major; the shims below let older ones follow.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_COMPAT_H
#define JHUB_AUTHZ_COMPAT_H

#include "postgres.h"
#include "fmgr.h"

#if PG_VERSION_NUM < 150000
#error "jhub_authz needs PostgreSQL 15 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "varatt.h"
#include "nodes/miscnodes.h"
#else
/* Soft errors came with PostgreSQL 16; before that every error is hard. */
#define ereturn(context, dummy_value, ...) \
	do { \
		(void) (context); \
		ereport(ERROR, __VA_ARGS__); \
		return dummy_value; \
	} while (0)
#define errsave(context, ...) \
	do { \
		(void) (context); \
		ereport(ERROR, __VA_ARGS__); \
	} while (0)
#define SOFT_ERROR_OCCURRED(escontext) (false)
#endif

/* Can an input function be called so that it reports bad input? */
#define MODULE_SOFT_INPUT	(PG_VERSION_NUM >= 160000)

/* To be called now and then while ANALYZE works. */
#if PG_VERSION_NUM >= 180000
#define module_analyze_delay()	vacuum_delay_point(true)
#else
#define module_analyze_delay()	vacuum_delay_point()
#endif

/* The entries of a new row in all indexes. */
#if PG_VERSION_NUM >= 160000
#define module_insert_index_tuples(result, slot, estate) \
	ExecInsertIndexTuples(result, slot, estate, false, false, NULL, NIL, false)
#else
#define module_insert_index_tuples(result, slot, estate) \
	ExecInsertIndexTuples(result, slot, estate, false, false, NULL, NIL)
#endif

/* The next of what was sorted; a value that is no pointer. */
#if PG_VERSION_NUM >= 160000
#define module_getdatum(sort, value, isnull) \
	tuplesort_getdatum(sort, true, false, value, isnull, NULL)
#else
#define module_getdatum(sort, value, isnull) \
	tuplesort_getdatum(sort, true, value, isnull, NULL)
#endif

#if PG_VERSION_NUM < 180000
#define pg_noreturn pg_attribute_noreturn()
#endif

/* A small number that no two sessions of this moment share. */
#include "storage/proc.h"
#if PG_VERSION_NUM >= 170000
#define module_backend_number()	((int) MyProcNumber)
#else
#define module_backend_number()	((int) MyProc->pgprocno)
#endif

#endif							/* JHUB_AUTHZ_COMPAT_H */
