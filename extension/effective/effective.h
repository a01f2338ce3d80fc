/*-------------------------------------------------------------------------
 *
 * effective.h
 *	  What a subject may do: the hub's get_scopes_for, on a HubData.
 *
 * One code path for one subject and for the whole hub: only how much of the
 * hub was loaded differs.  Results live in the HubData's memory context and are
 * remembered there.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_EFFECTIVE_H
#define JHUB_AUTHZ_EFFECTIVE_H

#include "../hub/hub.h"

/* Leave shares out: what is held without them. */
#define EFFECTIVE_NO_SHARES			0x01
/* Token: group shares and expanded shares too (option token_shares). */
#define EFFECTIVE_TOKEN_SHARES		0x02

/*
 * A way of computing: catalogue to expand with (NULL: the one in force), and
 * roles to take at an earlier definition.  memo is per way: a way is used with
 * one HubData only.
 */
typedef struct EffectiveWay
{
	HubData    *data;
	const Catalogue *catalogue;
	int			flags;
	/* replaces a role's raw scopes, or returns NULL; may be NULL */
	const Scopeset *(*role_raw) (const HubRole *role, void *arg);
	void	   *role_arg;
	struct EffectiveMemo *memo; /* effective.c's; start with NULL */
} EffectiveWay;

extern EffectiveWay *effective_way(HubData *data, int flags);

/* Expanded scopes; *error is NULL or a sentence about rows that do not parse. */
extern const Scopeset *effective_user(EffectiveWay *way, HubUser *user, char **error);
extern const Scopeset *effective_service(EffectiveWay *way, HubService *service, char **error);
extern const Scopeset *effective_group(EffectiveWay *way, HubGroup *group, char **error);

/*
 * A token's.  Its owner must be loaded, else the result is empty.  *discarded
 * (may be a NULL pointer) gets what it holds beyond its owner.
 */
extern const Scopeset *effective_token(EffectiveWay *way, HubToken *token,
									   const Scopeset **discarded, char **error);

/* Union of the roles' scopes as written, a user's groups' included. */
extern const Scopeset *effective_raw_user(EffectiveWay *way, HubUser *user);
extern const Scopeset *effective_raw_service(EffectiveWay *way, HubService *service);
extern const Scopeset *effective_raw_group(EffectiveWay *way, HubGroup *group);

/* Identify scopes of an owner, access scopes of a client (empty if none). */
extern Scopeset *effective_identify_user(const char *name);
extern Scopeset *effective_identify_service(const char *name);
extern Scopeset *effective_access(const HubClient *client);

/* Expansion target of an owner (either may be NULL) with a client. */
extern void effective_target(ExpandTarget *target, const HubUser *user,
							 const HubService *service, const HubClient *client);

/*
 * The hub's _resolve_requested_scopes, in code point order.  All raw; granted
 * and refused are palloc'd.
 */
extern void effective_resolve(const Catalogue *catalogue, const Scopeset *requested,
							  const Scopeset *have, const ExpandTarget *target,
							  ScopeMembership *membership,
							  Scopeset **granted, Scopeset **refused);

#endif							/* JHUB_AUTHZ_EFFECTIVE_H */
