/*-------------------------------------------------------------------------
 *
 * identity.h
 *	  Whose token this (sub)transaction acts with.
 *
 * The identity is a struct in the memory of the backend: not a setting, not a
 * table, and nothing that SQL could write but act_as() with a live token.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_IDENTITY_H
#define JHUB_AUTHZ_IDENTITY_H

#include "../effective/effective.h"

typedef struct Identity
{
	int			token_id;
	bool		is_service;		/* the owner is a service, not a user */
	int			owner_id;
	char	   *owner;			/* its name, UTF-8 */
	bool		has_expires;
	Timestamp	expires_at;		/* of the token */
	const Scopeset *scopes;		/* what it holds, as the hub computes it */
	uint64		serial;			/* another one: another identity, or read anew */
} Identity;

/*
 * The identity that was taken, and is alive at this moment; NULL if there is
 * none.  To be asked at each use: it is cheap as long as nothing was committed
 * since the last time.  Good until the next call.
 */
extern const Identity *identity_get(void);

/*
 * Owner and scopes of a live token, by its id: in the current memory context.
 * False: there is none such.  latest as in hub_load.
 */
extern bool identity_of_token(HubSchema *hub, int token_id, bool latest,
							  Identity *identity);

/* Error context: what goes wrong with a clear token at hand is logged without it. */
extern void identity_hide_token(void *arg);

#endif							/* JHUB_AUTHZ_IDENTITY_H */
