/*-------------------------------------------------------------------------
 *
 * hub_history.h
 *	  Which columns of the hub's tables the past is kept of.  For history.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_HUB_HISTORY_H
#define JHUB_AUTHZ_HUB_HISTORY_H

#include "hub.h"
#include "utils/rel.h"

#define HUB_HISTORY_MAX_COLUMNS	9

typedef struct HubHistoryColumn
{
	const char *name;			/* in the hub's table and in ours */
	const char *sqltype;		/* in ours */
	Oid			type;
} HubHistoryColumn;

/*
 * The columns, of which the first *nkeys tell the row; NULL for a table whose
 * past is not kept.  Of a table without some of them the rest is kept.
 */
extern const HubHistoryColumn *hub_history_columns(HubTable table, int *n, int *nkeys);

/* Do two versions of a row differ in one of them? */
extern bool hub_history_changed(Relation rel, HubTable table, HeapTuple old, HeapTuple new);

/* They of one row, in our types, NULL for a column that is not there. */
extern void hub_history_row(Relation rel, HubTable table, HeapTuple row,
							Datum *values, char *nulls);

/*
 * They of all rows, as one array for each column, copied to the current context.
 * Nobody else writes the table from here on to the end of the transaction.
 */
extern void hub_history_arrays(const HubSchema *hub, HubTable table, Datum *arrays);

#endif							/* JHUB_AUTHZ_HUB_HISTORY_H */
