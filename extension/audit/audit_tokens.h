/*-------------------------------------------------------------------------
 *
 * audit_tokens.h
 *	  Tokens by their ids, read ahead, and the parts in which their owners are
 *	  read: of the hub that is kept for a query.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_AUDIT_TOKENS_H
#define JHUB_AUTHZ_AUDIT_TOKENS_H

#include "audit.h"

#include "nodes/execnodes.h"

/* ---- parts of the users (audit_parts.c) ---- */

typedef struct AuditParts
{
	HubIds		first;			/* the first id of each, the least that there can be first */
	int			most;			/* so many users has each, but the last */
} AuditParts;

/* By the statement's snapshot; flags as for effective_way. */
extern AuditParts *audit_owner_parts(const HubSchema *hub, int flags);
extern int	audit_owner_part(const AuditParts *parts, int user_id);

/* They take more than was thought: let there be fewer in each, the next time. */
extern void audit_parts_too_large(void);

/* What is for a part, in bytes; and the clients of its users' servers (audit_hub.c) */
extern Size audit_owners_room(void);
extern void audit_owners_clients(HubData *part);

/* ---- tokens (audit_tokens.c) ---- */

typedef struct AuditTokens
{
	const HubSchema *hub;
	int			flags;
	EState	   *query;			/* whose end ends the order; NULL: unknown */
	MemoryContext context;		/* of the query */
	AuditParts *parts;			/* NULL: not begun */
	HubTokenOrder *order;		/* NULL: not begun, or given up */
	int			returns;		/* so many times it was begun anew */

	/* what was read, in order of id */
	MemoryContext ahead;
	HubToken  **tokens;
	int			n;
	int			used;			/* so many of them were asked for */
	int			most;			/* so many are read at a time */
	int			reads;			/* so many times it was read */
} AuditTokens;

/* In the current memory context, which is the query's. */
extern void audit_tokens_begin(AuditTokens *tokens, const HubSchema *hub, int flags, EState *query);

/* NULL: there is no such token.  Good until the next call. */
extern HubToken *audit_token_find(AuditTokens *tokens, int id);

#endif							/* JHUB_AUTHZ_AUDIT_TOKENS_H */
