/*-------------------------------------------------------------------------
 *
 * role_reach.h
 *	  What the files that tell how far a role reaches share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_ROLE_REACH_H
#define JHUB_AUTHZ_ROLE_REACH_H

#include "audit.h"

/* so many names are told of each kind */
#define ROLE_REACH_NAMES	20

/* ---- whom scopes are about (role_reach_scopes.c) ---- */

/* What a base is about. */
#define ABOUT_USERS		1
#define ABOUT_SERVERS	2
#define ABOUT_GROUPS	4
#define ABOUT_SERVICES	8

/* A name in a filter, and what the scopes that have it are about. */
typedef struct ReachName
{
	ScopeKind	kind;
	const char *value;			/* of the set that it is from */
	int			len;
	int			about;
} ReachName;

/* Whom scopes are about: of all; of a holder, itself; of whoever is named. */
typedef struct ReachWhom
{
	int			open;
	int			own;
	int			n;
	int			size;
	ReachName  *names;
	bool		sorted;
} ReachWhom;

/* What its scopes give to whoever has a role, and to a user who has it. */
extern void reach_whom_role(ReachWhom *whom, const Catalogue *catalogue, const Scopeset *raw);

/* The scopes of a set, which has to last. */
extern void reach_whom_set(ReachWhom *whom, const Scopeset *scopes);

/* What filters that name it are about: a user, group or service, or "owner/server". */
extern int	reach_whom_named(ReachWhom *whom, ScopeKind kind, const char *name);

/* ---- tokens that use a role (role_reach_tokens.c) ---- */

typedef struct ReachUse
{
	int64		number;
	int			n;
	int			tokens[ROLE_REACH_NAMES];	/* the first of them */
} ReachUse;

/*
 * Live tokens of these, sorted, who have the role, that get something from it.
 * of_most: they are more than half of all users.
 */
extern void reach_use(const HubSchema *hub, const Scopeset *raw, const HubIds *users,
					  const HubIds *services, bool of_most, ReachUse *use);

#endif							/* JHUB_AUTHZ_ROLE_REACH_H */
