/*-------------------------------------------------------------------------
 *
 * hub_concern.h
 *	  Which columns of the hub's tables matter to permissions, and who is
 *	  concerned when one changes.  For the triggers and the decision.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_HUB_CONCERN_H
#define JHUB_AUTHZ_HUB_CONCERN_H

#include "hub.h"
#include "utils/rel.h"

/* Columns of concern; not every table has every one. */
typedef enum HubColumn
{
	HUB_COL_ID,
	HUB_COL_NAME,
	HUB_COL_SCOPES,
	HUB_COL_USER_ID,
	HUB_COL_GROUP_ID,
	HUB_COL_SERVICE_ID,
	HUB_COL_ROLE_ID,
	HUB_COL_CLIENT_ID,			/* client_id or oauth_client_id */
	HUB_COL_SPAWNER_ID,
	HUB_COL_EXPIRES_AT,
	HUB_COL_CREATED,
	HUB_COL_NOTE,
	HUB_COL_PREFIX,
	HUB_COL_VERSION_NUM,
	HUB_COL_TOKEN_ID,			/* of a 2.x role on a token */
	HUB_NCOLUMNS
} HubColumn;

/*
 * Attribute numbers of a hub table's columns of concern (0: has none such), as
 * an array by HubColumn.  Found by name, remembered per relation until its
 * relcache entry changes.
 */
extern const AttrNumber *hub_columns(Relation rel, HubTable table);

/* One of them, which the table must have: else 42703. */
extern AttrNumber hub_column(Relation rel, HubTable table, HubColumn column);

/*
 * Which table of the hub is this?  By schema (NULL: any) and name; HUB_NTABLES:
 * none.
 */
extern HubTable hub_table_of_relation(Relation rel, const char *hub_schema);

/* Do two versions of a row differ in a column of concern? */
extern bool hub_row_changed(Relation rel, HubTable table, HeapTuple old, HeapTuple new);

/* Who holds one of these roles?  Ids, sorted, palloc'd. */
extern void hub_role_holders(const HubSchema *hub, const int *roles, int nroles,
							 int **users, int *nusers,
							 int **groups, int *ngroups,
							 int **services, int *nservices);

/* Who is in one of these groups? */
extern void hub_group_members(const HubSchema *hub, const int *groups, int ngroups,
							  int **users, int *nusers);

/* Which groups is a user in? */
extern void hub_groups_of_user(const HubSchema *hub, int user, int **groups, int *ngroups);

/* Which OAuth clients stand for a user's servers?  Identifiers, UTF-8. */
extern void hub_clients_of_user(const HubSchema *hub, int user, char ***clients, int *nclients);

/*
 * Roles whose scopes filter by one of these names (n 0: by any), of groups or
 * users by kind, and users who have a share that does.  A user's server counts
 * as the user.
 */
extern void hub_roles_naming(const HubSchema *hub, ScopeKind kind, char *const *names, int n,
							 int **roles, int *nroles);
extern void hub_share_users_naming(const HubSchema *hub, ScopeKind kind, char *const *names, int n,
								   int **users, int *nusers);

/* Which of these groups have roles or shares?  One may be there twice. */
extern void hub_giving_groups(const HubSchema *hub, const int *groups, int ngroups,
							  int **giving, int *ngiving);

/*
 * Who of these users (nusers 0: of all) is in which of these groups?  Pairs in
 * order of user and group, palloc'd.
 */
extern void hub_memberships(const HubSchema *hub, const int *groups, int ngroups,
							const int *users, int nusers, bool latest,
							int **user_ids, int **group_ids, int *n);

/* "owner/name" of a server by its row id, and its owner's id; NULL if gone. */
extern char *hub_server_name(const HubSchema *hub, int spawner_id, char **owner);

/* Is there a server of this name, "owner/name"? */
extern bool hub_server_exists(const HubSchema *hub, const char *server);

/* Name of a user, group or service by id; NULL if gone. */
extern char *hub_name_of(const HubSchema *hub, HubTable table, int id);

#endif							/* JHUB_AUTHZ_HUB_CONCERN_H */
