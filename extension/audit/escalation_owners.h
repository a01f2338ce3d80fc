/*-------------------------------------------------------------------------
 *
 * escalation_owners.h
 *	  Users whose tokens could be made, with what such a token can hold.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_ESCALATION_OWNERS_H
#define JHUB_AUTHZ_ESCALATION_OWNERS_H

#include "audit.h"

typedef struct ReachOwner
{
	int			id;
	const char *name;
	int			n;
	const Scopeset **gives;		/* for each grant, in their order, what it gives a token */
} ReachOwner;

/* What was read of them, for a query.  Its memory is the current one; it may have a file. */
typedef struct ReachOwners ReachOwners;

/* groups: all of the hub, with their shares, in order of name. */
extern ReachOwners *reach_owners(const HubSchema *hub, HubGroup **groups, int ngroups);
extern void reach_owners_end(ReachOwners *owners);

/* All that anybody could hold, without filters: who has that has all. */
extern const Scopeset *reach_owners_most(ReachOwners *owners);

/*
 * Many: all users, or the members of a group (its index; REACH_ALL_USERS).  Not each
 * is told of, but for each set of roles the first one by name, and those who have
 * shares; those who hold something without filter come first.  Who is the first of a
 * set itself asks for the second of each as well.
 */
#define REACH_ALL_USERS	(-1)
extern void reach_owners_many(ReachOwners *owners, int group, bool second);

/*
 * The next of them who holds what this does not cover.  Good until the next call.
 * One user, if not NULL, is not told of, but *met is set when it comes by.
 */
extern bool reach_owners_next(ReachOwners *owners, const Scopeset *held, const HubUser *but, bool *met,
							  ReachOwner *owner);

/*
 * One by name, NULL if there is none such.  Those who will be asked for are better
 * looked up together, ahead.  Good until the next time that names are looked up.
 */
extern bool reach_owner_known(const ReachOwners *owners, const char *name);
extern void reach_owners_ahead(ReachOwners *owners, char *const *names, int n);
extern const ReachOwner *reach_owner_named(ReachOwners *owners, const char *name);

#endif							/* JHUB_AUTHZ_ESCALATION_OWNERS_H */
