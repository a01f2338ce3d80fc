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

#include "../hub/hub_past.h"

/* A subject that a row concerns; its causes stand together once sorted. */
typedef struct Concerned
{
	SubjectKind kind;			/* user, service or group */
	int			id;
	const HubPastRow *row;
	int			net;			/* 1: began, -1: ended, 0: is another */
} Concerned;

/* One call, and the moment that it is at. */
typedef struct Changes
{
	ReturnSetInfo *rsinfo;
	MemoryContext context;		/* of the whole call */
	MemoryContext moment;		/* reset after each moment */
	TimestampTz since;
	TimestampTz until;

	int			ninfos;
	struct ChangeInfo *infos;			/* in order of id */
	int			nrows;
	int			size;
	HubPastRow *rows;			/* in order of moments */
	bool		by_self;		/* see hub_past_shares_by_self */

	HubSchema  *known;			/* as of the last moment, or NULL */

	/* of the moment under way */
	HubSchema  *before;
	HubSchema  *after;
	HubData    *data_before;
	HubData    *data_after;
	EffectiveWay *way_before;
	EffectiveWay *way_after;
	int			nconcerned;
	int			concerned_size;
	Concerned  *concerned;
	const char *everyone;		/* a cause that is everybody's, or NULL */
	int64		everyone_change;
} Changes;

/* ---- whom a moment concerns, and why (scope_concern.c) ---- */

/* Add a subject; id 0 is none.  net: did the row begin, end, or is it another? */
extern void changes_concern(Changes *c, SubjectKind kind, int id, const HubPastRow *row, int net);

/* All whom the rows of one moment concern: in c->concerned, or c->everyone. */
extern void changes_concern_moment(Changes *c, const HubPastRow *rows, int n);

/* In order of kind and id. */
extern void changes_sort_concerned(Changes *c);

/* Name of a subject in a model; NULL if it is not there. */
extern const char *changes_subject_name(HubData *data, SubjectKind kind, int id);

/* All causes of one subject as text, and the last change among them. */
extern char *changes_causes(const Changes *c, const Concerned *what, int n, int64 *change);

#endif							/* JHUB_AUTHZ_SCOPE_CHANGES_H */
