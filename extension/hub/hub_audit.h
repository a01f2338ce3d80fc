/*-------------------------------------------------------------------------
 *
 * hub_audit.h
 *	  What an auditor's questions read of the hub's tables besides the model:
 *	  who there is, and where a grant could come from.
 *
 * Read with the statement's snapshot: an answer is of one moment.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_HUB_AUDIT_H
#define JHUB_AUTHZ_HUB_AUDIT_H

#include "hub.h"

/* Ids and names (UTF-8; NULL of api_tokens) of all rows; ids of tokens in order. */
typedef void (*hub_key_fn) (int id, const char *name, void *arg);
extern void hub_each_key(const HubSchema *hub, HubTable table, hub_key_fn each, void *arg);

/* All roles, and all shares with whom they are; what is passed lives for one call. */
typedef void (*hub_role_fn) (HubRole *role, void *arg);
extern void hub_each_role(const HubSchema *hub, hub_role_fn each, void *arg);
typedef void (*hub_share_fn) (HubShare *share, int user_id, int group_id, void *arg);
extern void hub_each_share(const HubSchema *hub, hub_share_fn each, void *arg);

/* A list of ids that grows; palloc'd where it was begun. */
typedef struct HubIds
{
	int			n;
	int			size;
	int		   *ids;
} HubIds;

extern void hub_ids_add(HubIds *ids, int id);

/* Sort them, each once. */
extern void hub_ids_unique(HubIds *ids);

/* Add who holds one of these roles, and who is in one of these groups. */
extern void hub_add_holders(const HubSchema *hub, const HubIds *roles,
							HubIds *users, HubIds *groups, HubIds *services);
extern void hub_add_members(const HubSchema *hub, const HubIds *groups, HubIds *users);

#endif							/* JHUB_AUTHZ_HUB_AUDIT_H */
