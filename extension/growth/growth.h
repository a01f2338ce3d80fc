/*-------------------------------------------------------------------------
 *
 * growth.h
 *	  Baselines, pending changes, the decision at commit, events.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_GROWTH_H
#define JHUB_AUTHZ_GROWTH_H

#include "../effective/effective.h"

/* One row of token_events. What is NULL is stored as NULL. */
typedef struct TokenEvent
{
	int			token_id;
	const char *prefix;			/* UTF-8 */
	const char *owner_kind;
	const char *owner_name;		/* UTF-8 */
	const char *client_id;		/* UTF-8 */
	const char *action;
	const char *reason;
	const Scopeset *before;
	const Scopeset *after;
	const Scopeset *gained;
} TokenEvent;

/*
 * Append an event.  actor is the session user of this statement unless given
 * (a pending row's); so with role and application_name.  They are kept by name:
 * a role may be gone before its transaction ends.
 */
typedef struct Actor
{
	NameData	session_user;
	NameData	role;
	char		application_name[NAMEDATALEN];
} Actor;

extern void actor_current(Actor *actor);
extern void token_event(const TokenEvent *event, const Actor *actor);

/* Many events: they are written in batches, the rest with flush. */
typedef struct EventWriter EventWriter;
extern EventWriter *event_writer(const Actor *actor);
extern void event_write(EventWriter *writer, const TokenEvent *event);
extern void event_writer_flush(EventWriter *writer);

/* Has this transaction written such an event for the token? */
extern bool event_is_there(int token_id, const char *action);

/*
 * The lock of a decision (decide.c), for timeout_ms at most (0: without limit).
 * It comes before any lock on a row of api_tokens that is there.
 */
extern void decision_lock(bool exclusive, int timeout_ms);

/* Note that something changed, to be decided at the end of the transaction. */
extern void pending_note(const char *kind, int id, const char *old_name);

/* A table of the hub has been truncated: assertions with a veto are looked at. */
extern void pending_truncated(HubTable table);

#endif							/* JHUB_AUTHZ_GROWTH_H */
