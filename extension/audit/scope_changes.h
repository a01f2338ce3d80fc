/*-------------------------------------------------------------------------
 *
 * scope_changes.h
 *	  What the files of scope_changes share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_SCOPE_CHANGES_H
#define JHUB_AUTHZ_SCOPE_CHANGES_H

#include "audit.h"

#include "executor/tuptable.h"
#include "utils/tuplesort.h"

#include "../hub/hub_past.h"

/* A subject that a row concerns; its causes stand together. */
typedef struct Concerned
{
	SubjectKind kind;			/* user, service or group */
	int			id;
	int64		place;			/* of the row, in order of those of the moment */
	int			net;			/* 1: began, -1: ended, 0: is another */
	HubTable	table;			/* and the next two: of the row; HUB_NTABLES: it has no cause of its own */
	int			ids[HUB_PAST_IDS];
	int64		change;
} Concerned;

/* One call, and the moment that it is at. */
typedef struct Changes
{
	ReturnSetInfo *rsinfo;
	MemoryContext context;		/* of the whole call */
	MemoryContext moment;		/* reset after each moment */
	MemoryContext part;			/* reset after each part of the subjects */
	MemoryContext scratch;		/* reset after each row and each subject */
	TimestampTz since;
	TimestampTz until;
	bool		by_self;		/* see hub_past_shares_by_self */
	HubSchema  *known;			/* as of the last moment, or NULL */

	/* what changed, in order of moments */
	Tuplesortstate *rows;
	TupleTableSlot *put_row;
	TupleTableSlot *next_row;	/* empty: there are no more */

	/* of the moment under way */
	TimestampTz at;
	int			ninfos;
	struct ChangeInfo *infos;
	HubSchema  *before;
	HubSchema  *after;
	int64		place;			/* of the row that is looked at */
	const char *everyone;		/* a cause that is everybody's, or NULL */
	int64		everyone_change;
	struct HTAB *names;			/* of roles and groups, as they are told; NULL: none yet */

	/* whom it concerns, in order of kind, id and place */
	Tuplesortstate *subjects;	/* NULL: nobody */
	TupleTableSlot *put_subject;
	TupleTableSlot *next_subject;	/* empty: there are no more */

	/* the part of them that is read */
	int			part_most;		/* so many subjects */
	int			nconcerned;
	int			concerned_size;
	Concerned  *concerned;
	HubData    *data_before;
	HubData    *data_after;
	EffectiveWay *way_before;
	EffectiveWay *way_after;
} Changes;

/* ---- rows and subjects in order, however many there are (scope_order.c) ---- */

/* Read all rows of the span. */
extern void changes_order_rows(Changes *c);
extern void changes_end_rows(Changes *c);

/*
 * The moment of the next row, and whether it is of the hub as a whole (of the release
 * or of custom scopes), which come first; false: there are no more.
 */
extern bool changes_next_moment(Changes *c, TimestampTz *at, bool *whole);

/* The next row of the moment under way; false: there are no more of it. */
extern bool changes_next_row(Changes *c, HubPastRow *row);

/* Add a subject, with what is in it of the row. */
extern void changes_order_subject(Changes *c, const Concerned *concerned);

/* All have been added: go through them. */
extern void changes_begin_subjects(Changes *c);
extern void changes_end_subjects(Changes *c);

/* The next part of them, in c->concerned; false: there are no more. */
extern bool changes_next_part(Changes *c);

/* ---- whom a moment concerns, and why (scope_concern.c) ---- */

/* All whom the rows of the moment concern: c->subjects, and c->everyone. */
extern void changes_concern_moment(Changes *c);

/* Name of a subject in a model; NULL if it is not there. */
extern const char *changes_subject_name(HubData *data, SubjectKind kind, int id);

/* All causes of one subject as text, and the last change among them. */
extern char *changes_causes(Changes *c, const Concerned *what, int n, int64 *change);

#endif							/* JHUB_AUTHZ_SCOPE_CHANGES_H */
