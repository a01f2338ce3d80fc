/*-------------------------------------------------------------------------
 *
 * hub_login.h
 *	  What a login writes to the hub's tables: a user, groups, roles.
 *
 * Each of these writes what differs, and nothing if nothing does.  They run as
 * the owner of the tables and fire the triggers like anything of the hub's.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_HUB_LOGIN_H
#define JHUB_AUTHZ_HUB_LOGIN_H

#include "hub.h"

typedef struct HubLoginUser
{
	int			id;
	bool		admin;			/* the flag, when it is written */
} HubLoginUser;

/*
 * The user of that name, made if there is none.  The flag admin is set unless
 * leave is true.
 */
extern void hub_login_user(const HubSchema *hub, const char *name, bool leave, bool admin,
						   HubLoginUser *user);

/* Forget the encrypted auth_state. */
extern void hub_login_no_auth_state(const HubSchema *hub, int user_id);

/* Be in these groups and in no other; those that are not there are made. */
extern void hub_login_groups(const HubSchema *hub, int user_id, char *const *groups, int n);

/* A role that somebody has or is to have. */
typedef struct HubLoginRole
{
	char	   *name;
	bool		managed;		/* managed_by_auth of the grant */
} HubLoginRole;

/* The roles that a user has directly, in order of name; palloc'd. */
extern HubLoginRole *hub_login_roles(const HubSchema *hub, int user_id, int *n);

/* Have these directly and no other.  42704 for one that does not exist. */
extern void hub_login_set_roles(const HubSchema *hub, int user_id,
								const HubLoginRole *roles, int n);

/* A role as an authenticator wants it.  NULL: as it is. */
typedef struct HubLoginRoleSpec
{
	const char *name;
	const char *description;
	const char *scopes;			/* the column's text */
	bool		no_scopes;		/* take away those that it has */
} HubLoginRoleSpec;

/* Make it, managed by the authenticator, or bring it up to date. */
extern void hub_login_put_role(const HubSchema *hub, const HubLoginRoleSpec *role);

/*
 * Give a role to these and to nobody else: users (but for one of them, whose
 * roles come later), groups or services, by name.  Names that nobody has are
 * passed over.
 */
extern void hub_login_role_members(const HubSchema *hub, const char *role, HubTable table,
								   char *const *names, int n, int except_user);

/* Delete those of these roles that are managed and that nobody has. */
extern void hub_login_drop_roles(const HubSchema *hub, char *const *names, int n);

#endif							/* JHUB_AUTHZ_HUB_LOGIN_H */
