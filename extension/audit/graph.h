/*-------------------------------------------------------------------------
 *
 * graph.h
 *	  A picture of who may do what: what is in it, and how it is written.
 *
 * graph_build.c puts nodes and edges into a Graph, graph_write.c writes it as
 * DOT or as Mermaid.  A name is never an identifier there, only a label.
 *
 * Strings are UTF-8.  All of it lives in the context that was current at
 * graph_create().
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_GRAPH_H
#define JHUB_AUTHZ_GRAPH_H

#include "postgres.h"
#include "lib/stringinfo.h"

typedef enum GraphKind
{
	GRAPH_USER,
	GRAPH_USERS,				/* so many that they are one node */
	GRAPH_GROUP,
	GRAPH_SERVICE,
	GRAPH_TOKEN,
	GRAPH_CLIENT,
	GRAPH_ROLE,
	GRAPH_SHARE,
	GRAPH_SCOPES,				/* the scopes of a role that have one filter */
	GRAPH_TARGET,				/* what a filter names */
	GRAPH_NKINDS
} GraphKind;

/* What a node shows: the first lines, and the number of those that follow. */
#define GRAPH_MAX_LINES		12

typedef struct GraphEdge
{
	struct GraphNode *to;
	const char *label;			/* "" if none */
	struct GraphEdge *next;
} GraphEdge;

typedef struct GraphNode
{
	const char *key;			/* unique among all nodes */
	int			number;			/* 1, 2, ...; 0: left out */
	GraphKind	kind;
	bool		root;			/* what the graph is about */
	int			nlines;
	/* one that is left out ends here */
	char	   *lines[GRAPH_MAX_LINES];
	GraphEdge  *edges;			/* outgoing, in the order added */
	GraphEdge  *last;
} GraphNode;

typedef struct Graph
{
	MemoryContext context;
	char	   *title;
	int			most;			/* so many nodes, and four times as many edges */
	int			nnodes;
	GraphNode **nodes;			/* those shown, in order */
	int			nedges;
	int			left[GRAPH_NKINDS]; /* nodes left out */
	int			edges_left;		/* edges left out between nodes shown */
	struct graph_table_hash *table; /* all nodes by key */
} Graph;

#define GRAPH_EDGES_A_NODE	4

extern Graph *graph_create(int most);

/* The node of a key, made without lines if it is new: *made. */
extern GraphNode *graph_node(Graph *graph, GraphKind kind, const char *key, bool *made);
extern void graph_line(Graph *graph, GraphNode *node, const char *text);
extern void graph_edge(Graph *graph, GraphNode *from, GraphNode *to, const char *label);

/* What was left out, as a sentence, or NULL: nothing. */
extern char *graph_left_out(const Graph *graph);

/* Put together what kind and name ask for; false: there is no such thing. */
extern bool graph_build(Graph *graph, const char *kind, const char *name);

#endif							/* JHUB_AUTHZ_GRAPH_H */
