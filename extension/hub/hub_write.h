/*-------------------------------------------------------------------------
 *
 * hub_write.h
 *	  The statements that change the hub's tables.
 *
 * They run as the owner of the tables and fire the triggers like anything of
 * the hub's.  What is issued, narrowed or revoked is the caller's to decide:
 * nothing here knows a policy, a baseline or an event.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_HUB_WRITE_H
#define JHUB_AUTHZ_HUB_WRITE_H

#include "hub.h"

/* ---- tokens, by id (hub_token_write.c) ---- */

/* A row of api_tokens that is to be. */
typedef struct HubNewToken
{
	const char *hashed;
	const char *prefix;
	int			user_id;		/* 0: none */
	int			service_id;		/* 0: none */
	const char *client_id;
	const char *note;			/* in the server's encoding */
	Timestamp	created;
	bool		has_expires;
	Timestamp	expires_at;
	const Scopeset *scopes;
} HubNewToken;

/*
 * Insert it.  Returns its id and, in *stored, the scopes that are there when
 * the triggers are done.  0: a trigger or rule took the row away.  A message
 * about the row does not show it, because it holds a hash.
 */
extern int	hub_insert_token(const HubSchema *hub, const HubNewToken *token,
							 const Scopeset **stored);

/* Store other scopes, in one statement, rows locked in order of id. */
extern void hub_set_token_scopes(const HubSchema *hub, const int *ids,
								 const Scopeset *const *scopes, int n);

/* Tokens that were expired, in order of id; with n = 0 the rest is not set. */
typedef struct HubExpired
{
	int			n;
	int		   *ids;			/* palloc'd */
	Datum		created;		/* timestamp[], in the same order */
	Datum		before;			/* likewise: their expires_at; infinity: none */
} HubExpired;

/*
 * Move expires_at back to a moment and, with blank_scopes, set the scopes to [],
 * in one statement, rows locked in order of id.  A token to which that would do
 * nothing is left alone and not counted.
 */
extern void hub_expire_tokens(const HubSchema *hub, const int *ids, int n,
							  Timestamp moment, bool blank_scopes,
							  HubExpired *expired);

/*
 * Give each token an expiry of its own, where it expires later or never, in one
 * statement, rows locked in order of id.  Ids of those that were changed, in
 * order, palloc'd.
 */
extern void hub_cap_tokens(const HubSchema *hub, const int *ids, const Timestamp *caps,
						   int n, int **capped, int *ncapped);

/* One of them that expires later than that all the same; 0: none. */
extern int	hub_token_beyond(const HubSchema *hub, const int *ids,
							 const Timestamp *caps, int n);

/* What one has to know of a token to let it live again. */
typedef struct HubTokenRow
{
	int			id;
	bool		has_created;
	Timestamp	created;
	bool		blank;			/* no scopes are stored */
	int			user_id;		/* 0: none */
	int			service_id;		/* 0: none */
	const char *client_id;		/* UTF-8, or NULL */
	const Scopeset *scopes;		/* as far as they parse */
} HubTokenRow;

/* Lock tokens in order of id; those that are there, in that order. */
extern HubTokenRow *hub_lock_tokens(const HubSchema *hub, const int *ids, int n,
									int *nlocked);

/* What to write to one. */
typedef struct HubRevival
{
	int			id;
	bool		has_expires;
	Timestamp	expires_at;
	const Scopeset *scopes;		/* NULL: as they are */
} HubRevival;

/*
 * Write expiry and scopes of tokens that are locked already.  Returns the ids,
 * in order, of those that are alive when the triggers are done.  *changed: one
 * that has other scopes than were written, or 0.
 */
extern int *hub_revive_tokens(const HubSchema *hub, const HubRevival *rows, int n,
							  int *nalive, int *changed);

/* ---- what a subject has (hub_owned.c) ---- */

typedef enum HubOwnership
{
	HUB_OF_USERS,
	HUB_OF_SERVICES,
	HUB_OF_CLIENT,				/* what was issued through an OAuth client */
	HUB_OF_SESSION				/* what a browser session left behind */
} HubOwnership;

typedef struct HubOwned
{
	HubOwnership by;
	int			n;				/* users or services */
	const int  *ids;
	const char *name;			/* of the client or session */
} HubOwned;

/* Ids, in order, of its tokens that are not expired at a moment; palloc'd. */
extern int *hub_owned_tokens(const HubSchema *hub, const HubOwned *owned,
							 Timestamp moment, int *n);

/* Set its OAuth codes and share codes expired at a moment, if later or never. */
extern void hub_expire_codes(const HubSchema *hub, const HubOwned *owned,
							 Timestamp moment);

/* Are there browser logins of such? */
extern bool hub_has_logins(HubOwnership by);

/* End its browser logins, by a new random cookie id for each user. */
extern void hub_end_logins(const HubSchema *hub, const HubOwned *owned);

#endif							/* JHUB_AUTHZ_HUB_WRITE_H */
