/*-------------------------------------------------------------------------
 *
 * graph_build.h
 *	  What the files that put a picture together share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_GRAPH_BUILD_H
#define JHUB_AUTHZ_GRAPH_BUILD_H

#include "graph.h"
#include "../effective/effective.h"

#include "utils/hsearch.h"

/* more than so many users who hold a role directly are one node */
#define GRAPH_FEW_USERS		5

/* Who has a role directly, or, for a group, who is in it. */
typedef struct GraphHolders
{
	int			id;				/* hash key */
	int			nusers;
	int			nknown;
	HubUser    *users[GRAPH_FEW_USERS]; /* all of them, where they are few and read */
	int			ngroups;
	int			nservices;
} GraphHolders;

typedef struct GraphBuild
{
	Graph	   *graph;
	const HubSchema *hub;
	HubData    *data;
	MemoryContext step;			/* reset after each role, group or user of many */
	HTAB	   *roles;			/* holders of roles and ... */
	HTAB	   *groups;			/* ... members of groups; NULL: these were not counted */
} GraphBuild;

/* ---- nodes, and what roles and shares give (graph_build.c) ---- */

/* A node with its kind and name; a name is looked up by both. */
extern GraphNode *graph_named(GraphBuild *build, GraphKind kind, const char *word, const char *name);
extern GraphNode *graph_user(GraphBuild *build, const HubUser *user);
extern GraphNode *graph_group(GraphBuild *build, const HubGroup *group);
extern GraphNode *graph_role(GraphBuild *build, const HubRole *role, bool *made);
extern GraphNode *graph_share(GraphBuild *build, GraphNode *from, const HubShare *share);

/*
 * The scopes that something gives, a node for each filter.  goal: what all of
 * them lead to; NULL: to what their filters name.
 */
extern void graph_scopes(GraphBuild *build, GraphNode *from, const Scopeset *scopes, GraphNode *goal);

/* A subject's roles and shares, with all that they give. */
extern void graph_roles(GraphBuild *build, GraphNode *from, HubRole **roles, int n);
extern void graph_shares(GraphBuild *build, GraphNode *from, HubShare **shares, int n);

/* ---- the hub (graph_hub.c) ---- */

/*
 * Count who holds what, and read all roles, groups and services; of the users, who
 * is one of the few that hold a role, or that are in the group of an id (0: none),
 * and the one of another id, or 0.
 */
extern void graph_load(GraphBuild *build, int group, int user);
extern GraphHolders *graph_holders(HTAB *table, int id);

/* Everybody who has a role: users and services, groups only if asked for. */
extern void graph_holders_of(GraphBuild *build, HubRole *role, GraphNode *node, bool with_groups);

/* Pictures; false: there is no such thing. */
extern void graph_of_hub(GraphBuild *build);
extern bool graph_of_role(GraphBuild *build, const char *name);
extern bool graph_of_group(GraphBuild *build, const char *name);

/* ---- who holds a scope (graph_goal.c) ---- */

extern void graph_of_scope(GraphBuild *build, const char *scope, const char *word, const char *name);
extern void graph_of_server(GraphBuild *build, const char *name);

#endif							/* JHUB_AUTHZ_GRAPH_BUILD_H */
