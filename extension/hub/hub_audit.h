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

/* Ids and names (UTF-8) of all rows, in order of id. */
typedef void (*hub_key_fn) (int id, const char *name, void *arg);
extern void hub_each_key(const HubSchema *hub, HubTable table, hub_key_fn each, void *arg);

/*
 * The same, of the row with an id, or with a name if that is not NULL.  A name as
 * it is in the database, not empty.
 */
extern void hub_one_key(const HubSchema *hub, HubTable table, int id, const text *name,
						hub_key_fn each, void *arg);

/* How many tokens have not expired. */
extern int64 hub_count_live_tokens(const HubSchema *hub);

/* All roles, and all shares with whom they are; what is passed lives for one call. */
typedef void (*hub_role_fn) (HubRole *role, void *arg);
extern void hub_each_role(const HubSchema *hub, hub_role_fn each, void *arg);
typedef void (*hub_share_fn) (HubShare *share, int user_id, int group_id, void *arg);
extern void hub_each_share(const HubSchema *hub, hub_share_fn each, void *arg);

/* ---- everything that stores scopes ---- */

typedef enum HubStoredKind
{
	HUB_STORED_ROLE, HUB_STORED_CLIENT, HUB_STORED_SHARE, HUB_STORED_SHARE_CODE, HUB_STORED_TOKEN
} HubStoredKind;

typedef struct HubStored
{
	HubStoredKind kind;
	int			id;
	const char *name;			/* of a role or client; else its id */
	const Scopeset *scopes;		/* never NULL */
	const char *defect;
	bool		attached;		/* role: somebody has it; client: it has a server
								 * or service; share, code: it has a server; token:
								 * it has an owner */
} HubStored;

/*
 * Pass by all of it, live tokens only, or by what of it is wanted: of one kind; of
 * one name, in the server's encoding, NULL for any.  What is passed lives for one call.
 */
typedef struct HubStoredWant
{
	bool		one_kind;
	HubStoredKind kind;
	const text *name;
} HubStoredWant;

typedef void (*hub_stored_fn) (const HubStored *stored, void *arg);
extern void hub_each_stored(const HubSchema *hub, const HubStoredWant *want,
							hub_stored_fn each, void *arg);

/* Names of all servers, with their owners' ids and names. */
typedef void (*hub_server_fn) (int owner_id, const char *owner, const char *server, void *arg);
extern void hub_each_server(const HubSchema *hub, hub_server_fn each, void *arg);

/*
 * Who there is by name: users, groups, services and servers ("owner/name"); as many
 * as fit into so many bytes, so that who is not among them may be there all the same.
 * Lives in the current memory context.
 */
typedef struct HubNameSets HubNameSets;
extern HubNameSets *hub_name_sets(const HubSchema *hub, Size room);

/* Those whom the filters of these sets name, all of them, found by their names. */
extern HubNameSets *hub_name_sets_of(const HubSchema *hub, const Scopeset *const *sets, int n);

/*
 * Is what this filter names among them?  A user's default server ("owner/") is there
 * as soon as the user is.  What is no filter by name always is.
 */
extern bool hub_filter_names(HubNameSets *sets, const ScopeMember *member);

/* ---- lists of ids ---- */

/* A list of ids that grows; palloc'd where it was begun. */
typedef struct HubIds
{
	int			n;
	int			size;
	int		   *ids;
} HubIds;

extern void hub_ids_add(HubIds *ids, int id);

/* Begin it here, where it is to be added to in other memory. */
extern void hub_ids_begin(HubIds *ids);

/* Sort them, each once; then: is it among them? */
extern void hub_ids_unique(HubIds *ids);
extern bool hub_ids_have(const HubIds *ids, int id);

/* Where the last one is that is not larger, or 0: the part, if they are the first of parts. */
extern int	hub_ids_part(const HubIds *first, int id);

/* Add the first ids of a table from this one on, in order, no more than so many. */
extern void hub_add_ids_from(const HubSchema *hub, HubTable table, int from, int most, HubIds *ids);

/* Add the first id of a table, and every so many-th after it; how many there are. */
extern int	hub_add_every_id(const HubSchema *hub, HubTable table, int step, HubIds *ids);

/* Add who holds one of these roles, and who is in one of these groups. */
extern void hub_add_holders(const HubSchema *hub, const HubIds *roles,
							HubIds *users, HubIds *groups, HubIds *services);
extern void hub_add_members(const HubSchema *hub, const HubIds *groups, HubIds *users);

/* Whoever is in one of these groups, once for each that it is in; in any order. */
typedef void (*hub_member_fn) (int user_id, int group_id, void *arg);
extern void hub_each_member(const HubSchema *hub, const HubIds *groups, hub_member_fn each, void *arg);

/* How many users each role has, by a map of users to roles, or each group. */
typedef void (*hub_number_fn) (int id, int64 number, void *arg);
extern void hub_each_number_of_users(const HubSchema *hub, HubTable map, hub_number_fn each, void *arg);

/* Add the roles that users or groups have. */
extern void hub_add_held_roles(const HubSchema *hub, HubIds *roles);

/* Add the ids of those users who have one of these names, UTF-8. */
extern void hub_add_users_named(const HubSchema *hub, char *const *names, int n, HubIds *users);

/* ---- users with the same roles (hub_role_sets.c) ---- */

/*
 * Add of each set of roles that users have, their own and their groups', the first
 * user by name, and of those who are in one of these groups beside another one; and
 * all who have a share.  Or else the second of each set, and nobody for their shares.
 * Of these users; NULL: of all.  In order of name, by its bytes in the database.
 */
extern void hub_add_role_sets(const HubSchema *hub, bool second, const HubIds *of, const HubIds *beside,
							  HubIds *users);

/* ---- tokens in order of their owners (hub_token_order.c) ---- */

/*
 * Ids of all tokens: those of users, whose ids are divided into parts, part by part,
 * then those of services, and those without owner; of a part in order of id.  first
 * has the first id of each part, in order, and lasts as long.  Sorted within so many
 * kilobytes, and files.  again: it can be gone through more than once.  Lives in the
 * current memory context; it may have a file, so that it has to be ended.
 */
typedef struct HubTokenOrder HubTokenOrder;
extern HubTokenOrder *hub_token_order(const HubSchema *hub, const HubIds *first, int memory,
									  bool again);

/* The next id; false: there was none. */
extern bool hub_token_order_next(HubTokenOrder *order, int *id);
extern void hub_token_order_again(HubTokenOrder *order);
extern void hub_token_order_end(HubTokenOrder *order);

#endif							/* JHUB_AUTHZ_HUB_AUDIT_H */
