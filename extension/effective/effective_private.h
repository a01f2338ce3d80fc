/*-------------------------------------------------------------------------
 *
 * effective_private.h
 *	  What effective.c and paths.c share.  Private to this room.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_EFFECTIVE_PRIVATE_H
#define JHUB_AUTHZ_EFFECTIVE_PRIVATE_H

#include "effective.h"

#include "utils/hsearch.h"

struct EffectiveMemo
{
	HubData    *data;
	MemoryContext context;		/* of that */
	const Catalogue *catalogue;
	HTAB	   *role_sets;
	HTAB	   *role_gives;		/* paths.c's; NULL until it is needed */
	ScopeMembership *membership;	/* NULL until it is needed */
};

/* The memo of a way, made at the first call. */
extern struct EffectiveMemo *effective_memo(EffectiveWay *way);

/* Who the owner is. */
extern void effective_add_identify(ScopeBuilder *builder, const HubUser *user,
								   const HubService *service);

#endif							/* JHUB_AUTHZ_EFFECTIVE_PRIVATE_H */
