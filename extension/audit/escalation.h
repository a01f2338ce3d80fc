/*-------------------------------------------------------------------------
 *
 * escalation.h
 *	  What a subject can reach by writing what it may write.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_ESCALATION_H
#define JHUB_AUTHZ_ESCALATION_H

#include "escalation_owners.h"

/* A permission that was reached. */
typedef struct Reached
{
	ScopeMember scope;
	int			from;			/* the one that let it be reached; -1: it is held */
	int			nsteps;
	const char *step;			/* what was written then, in words; NULL: held */
	bool		done;			/* tokens: those that it lets one make were looked at */
} Reached;

/* All that a subject holds and reaches; in the memory that was current. */
typedef struct Reach
{
	int			n;
	Reached    *scopes;
	const Scopeset *held;
	const Scopeset *all;		/* what is held and reached */
} Reach;

/* What the questions about many subjects share. */
typedef struct ReachHub
{
	AuditHub   *audit;			/* subjects are read from it */
	MemoryContext context;		/* what lasts to the end */

	/* read when the first closure is made: all groups, and whose tokens can be made */
	EffectiveWay *groups_way;
	HubGroup  **groups;
	int			ngroups;
	ReachOwners *owners;
} ReachHub;

extern void reach_begin(ReachHub *hub, FunctionCallInfo fcinfo);
extern void reach_end(ReachHub *hub);

/* May it write anything that could give it more?  Cheap. */
extern bool reach_may_write(const EffectiveSubject *subject, const Scopeset *held);

/* The closure. */
extern Reach *reach_of(ReachHub *hub, EffectiveSubject *subject, const Scopeset *held);

/* The steps to one of them, in words, from the first one on. */
extern char *reach_steps(const Reach *reach, int index);
/* The held permission with which it begins. */
extern const ScopeMember *reach_begins(const Reach *reach, int index);

/*
 * Call each for every user and service, and every live token of those for whom
 * it returned true; or for one of them, if a query asks for its rows only, of which
 * the first two columns are the kind and the name.  (escalation_each.c)  It is called
 * in memory that is reset after it.
 */
typedef bool (*reach_subject_fn) (ReachHub *hub, EffectiveSubject *subject,
								  const Scopeset *held, void *arg);
extern void reach_each(ReachHub *hub, FunctionCallInfo fcinfo, reach_subject_fn each, void *arg);

#endif							/* JHUB_AUTHZ_ESCALATION_H */
