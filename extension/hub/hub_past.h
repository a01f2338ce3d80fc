/*-------------------------------------------------------------------------
 *
 * hub_past.h
 *	  The hub as it was at a moment, read from the history.
 *
 * A HubSchema with "past" set goes wherever a live one goes for reading: to
 * hub_load, the ids by name, hub_each_token, who holds what, and what rests on
 * them.  They read the history then, as the extension's owner.  So an answer of
 * the past is computed by the same code as today's.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_HUB_PAST_H
#define JHUB_AUTHZ_HUB_PAST_H

#include "hub.h"

/*
 * The hub as of a moment, palloc'd.  22023 for a moment that has not come, 55000
 * for one of which no past is kept.  If gap_ok: between a detach and the next
 * attach, the hub as it was last known; NULL before all that is kept.
 */
extern HubSchema *hub_schema_at(TimestampTz at, bool gap_ok, bool latest);

/* The past is kept from then on; false if none is. */
extern bool hub_past_from(bool latest, TimestampTz *from);

/* The last moment on record; 0 if there is none. */
extern TimestampTz hub_past_last(bool latest);

/* ---- what changed ---- */

#define HUB_PAST_IDS	5

/* One version of a row that a change began or ended. */
typedef struct HubPastRow
{
	HubTable	table;			/* HUB_NTABLES: attachment or custom scopes */
	TimestampTz at;
	int64		change;
	bool		began;			/* else it ended */
	int			ids[HUB_PAST_IDS];	/* its integer columns, in the history's order */
	char	   *name;			/* its first text column, UTF-8, or NULL */
} HubPastRow;

typedef void (*hub_past_fn) (const HubPastRow *row, void *arg);

/*
 * Each version of a row, but of tokens, that began or ended after since and not
 * after until, table by table.  The row lives for one call.
 */
extern void hub_each_past_row(TimestampTz since, TimestampTz until,
							  hub_past_fn each, void *arg);

/*
 * Did any share on record filter by "self"?  The hub writes none such.  Then what
 * it gives rests also on OAuth clients.
 */
extern bool hub_past_shares_by_self(void);

/* Ids of all rows of a table, as of the moment of a schema, in no order. */
typedef void (*hub_past_id_fn) (int id, void *arg);
extern void hub_past_each_id(const HubSchema *past, HubTable table, hub_past_id_fn each, void *arg);

/* With whom is a server (0: any) shared, as of the moment of a schema? */
extern void hub_share_holders(const HubSchema *past, int spawner_id,
							  int **users, int *nusers, int **groups, int *ngroups);

#endif							/* JHUB_AUTHZ_HUB_PAST_H */
