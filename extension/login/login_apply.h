/*-------------------------------------------------------------------------
 *
 * login_apply.h
 *	  What an allowed login does to the hub's tables.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_LOGIN_APPLY_H
#define JHUB_AUTHZ_LOGIN_APPLY_H

#include "login.h"

/* The user's id.  Only what differs is written. */
extern int	login_apply(const LoginConfig *config, const LoginDecision *decision,
						const LoginValue *facts);

#endif							/* JHUB_AUTHZ_LOGIN_APPLY_H */
