/*-------------------------------------------------------------------------
 *
 * hub_requests.h
 *	  What is asked of the hub's tables while a token is requested, issued or
 *	  presented: single questions, without the model of hub.h.
 *
 * Reading only; what is written is in hub_write.h.  What follows from an answer
 * is the issue room's to say.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_HUB_REQUESTS_H
#define JHUB_AUTHZ_HUB_REQUESTS_H

#include "hub.h"

/* What the functions below are called with lives for one call. */
typedef void (*hub_role_fn) (const HubRole *role, void *arg);
typedef void (*hub_set_fn) (const Scopeset *scopes, void *arg);
typedef void (*hub_hash_fn) (int token_id, const char *hashed, void *arg);

/* The roles of these names that there are. */
extern void hub_each_role_named(const HubSchema *hub, char *const *names, int n,
								bool latest, hub_role_fn each, void *arg);

/*
 * Name of a role, and the union of its scopes and those of a token, both
 * palloc'd.  False: the one or the other is not there.
 */
extern bool hub_token_with_role(const HubSchema *hub, int token_id, int role_id,
								char **role, const Scopeset **scopes);

/*
 * Stored scopes of roles and OAuth clients, of all those that hold one of these
 * bases and perhaps of some more.
 */
extern void hub_each_with_bases(const HubSchema *hub, char *const *bases, int n,
								bool latest, hub_set_fn each, void *arg);

/*
 * Union of the stored scopes of all tokens that an owner has through a client,
 * expired or not.  By user_id, or by service_id if that is 0.
 */
extern Scopeset *hub_scopes_through(const HubSchema *hub, int user_id, int service_id,
									const char *client_id);

/*
 * Is it the client of a server of that user's (0: nobody's), or of a service
 * that is marked as one to be let in without asking?
 */
extern bool hub_client_never_asks(const HubSchema *hub, const char *client_id,
								  int user_id);

/*
 * Live tokens of a prefix (in the server's encoding), with their hashes.  As in
 * the hub's own look-up, a token without a client is none.
 */
extern void hub_each_hash(const HubSchema *hub, const char *prefix,
						  hub_hash_fn each, void *arg);

/* The stored hash of a token by its id, palloc'd, while it is such a live one; or NULL. */
extern char *hub_live_hash(const HubSchema *hub, int token_id, bool latest);

/* The browser session that a token was issued for, palloc'd, or NULL. */
extern char *hub_token_session(const HubSchema *hub, int token_id);

#endif							/* JHUB_AUTHZ_HUB_REQUESTS_H */
