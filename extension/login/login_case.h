/*-------------------------------------------------------------------------
 *
 * login_case.h
 *	  A decision that is being made.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_LOGIN_CASE_H
#define JHUB_AUTHZ_LOGIN_CASE_H

#include "login.h"

typedef struct LoginCase
{
	const LoginConfig *config;
	const LoginValue *info;		/* as the authenticator leaves it */
	const LoginValue *facts;
	const LoginValue *auth_state;	/* NULL for the hub's own */
	LoginDecision *decision;
	const char *name;			/* the hub's, as far as we have come */
	bool		allow_all;
	bool		allowed;		/* some rule holds */
} LoginCase;

/* ---- rules that hold (login_match.c) ---- */

/* Note a rule; as one that lets the user in. */
extern void login_match(LoginCase *c, const LoginRule *rule);
extern void login_allow(LoginCase *c, const LoginRule *rule);

/* Do rules of a kind hold whose value is in a list?  Those that do are noted. */
extern bool login_match_list(LoginCase *c, LoginEffect effect, const char *kind,
							 const LoginValue *list);

/* Likewise for names of users; not noted if note is false. */
extern bool login_match_user(LoginCase *c, LoginEffect effect, const char *name, bool note);

/* Likewise for the groups of a google domain. */
extern bool login_match_google(LoginCase *c, LoginEffect effect);

/* Note all of a kind. */
extern void login_match_all(LoginCase *c, LoginEffect effect, const char *kind);

/* Note these alone, as what refused; returns the outcome. */
extern LoginOutcome login_refused(LoginCase *c, LoginOutcome outcome, LoginEffect effect,
								  const char *kind);

/* Are there rules of a kind? */
extern bool login_has(const LoginCase *c, LoginEffect effect, const char *kind);

/* A domain as it is compared: in strict mode without regard to case. */
extern const char *login_folded(const LoginCase *c, const char *domain);

/* The groups, if they are strings. */
extern const LoginValue *login_group_list(const LoginDecision *decision);

/* What was noted, in order, each once. */
extern void login_sort_matched(LoginDecision *decision);

/* ---- who is let in (login_allow.c) ---- */

/* allow_all, or check_allowed. */
extern LoginOutcome login_allowed(LoginCase *c);

/* allow_all, allowed_users, allow_existing_users: what every family has. */
extern void login_allow_users(LoginCase *c);

#endif							/* JHUB_AUTHZ_LOGIN_CASE_H */
