/*-------------------------------------------------------------------------
 *
 * history.h
 *	  Keeping the past of what permissions rest on.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_HISTORY_H
#define JHUB_AUTHZ_HISTORY_H

#include "../hub/hub_history.h"

/* ---- changes: who, when, in which transaction (changes.c) ---- */

/* Where a change came from; kept as a word in history_changes.source. */
typedef enum HistorySource
{
	HISTORY_CHANGE,				/* made here, by a statement */
	HISTORY_REPLICATION,		/* made elsewhere, brought by replication */
	HISTORY_ATTACH,				/* was there when recording began */
	HISTORY_PRUNE				/* the past before some moment was dropped */
} HistorySource;

/* The number of the change that this statement makes. */
extern int64 history_change(HistorySource source);

/*
 * Something was written under the number that history_change gave last: the
 * change gets its row when the transaction commits, unless it was rolled back.
 */
extern void history_written(void);

/* The same for a prune, which says from where on the past is kept. */
extern void history_pruned(TimestampTz kept_from);

/* Numbers of this transaction's changes: an int8[]. */
extern Datum history_own_changes(void);

/* ---- the past (history.c) ---- */

/*
 * Recording begins for these tables of the hub (bits by HubTable), or begins
 * again: what is there now is compared with what was recorded last.  Locks them
 * against writers to the end of the transaction.
 */
extern void history_begin(const HubSchema *hub, uint32 tables);

/* Is there no attachment on record that is open? */
extern bool history_is_closed(void);

/* The attachment or the custom scopes have been written. */
extern void history_settings(void);
extern void history_custom_scopes(void);

#endif							/* JHUB_AUTHZ_HISTORY_H */
