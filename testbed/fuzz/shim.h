/*-------------------------------------------------------------------------
 *
 * shim.h
 *	  Between the shim, which stands for the server, and the laws.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_FUZZ_SHIM_H
#define JHUB_AUTHZ_FUZZ_SHIM_H

#include "postgres.h"

#include <setjmp.h>

/* appendBinaryStringInfo takes bytes of no type since PostgreSQL 16 */
#if PG_VERSION_NUM >= 160000
#define SHIM_BYTES	void
#else
#define SHIM_BYTES	char
#endif

/* The last error that was raised. */
typedef struct ShimError
{
	int			code;
	char		message[4096];
	char		detail[4096];
	char		hint[4096];
} ShimError;

extern ShimError shim_error;
extern int	shim_warnings;		/* since the last reset */
extern int	shim_encoding;		/* of the database that there isn't */

/* Free all that is palloc'd. */
extern void shim_reset(void);

#endif							/* JHUB_AUTHZ_FUZZ_SHIM_H */
