/*-------------------------------------------------------------------------
 *
 * graph.c
 *	  Nodes and edges of a picture, and what does not fit.
 *
 * A node that comes when the graph is full is remembered by its key, so that it
 * is counted once, but not shown, nor are edges from or to it.  So the first
 * that come are those that are seen: graph_build.c begins with what matters.
 *
 *-------------------------------------------------------------------------
 */
#include "graph.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#define SH_PREFIX graph_table
#define SH_ELEMENT_TYPE GraphEntry
#define SH_KEY_TYPE const char *
#define SH_KEY key
#define SH_HASH_KEY(tb, key) hash_bytes((const unsigned char *) key, strlen(key))
#define SH_EQUAL(tb, a, b) (strcmp(a, b) == 0)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE

typedef struct GraphEntry
{
	const char *key;
	GraphNode  *node;
	char		status;
} GraphEntry;

#include "lib/simplehash.h"

Graph *
graph_create(int most)
{
	Graph	   *graph = palloc0(sizeof(Graph));

	graph->context = CurrentMemoryContext;
	graph->most = most;
	graph->nodes = palloc(sizeof(GraphNode *) * most);
	graph->table = graph_table_create(graph->context, 64, NULL);
	return graph;
}

GraphNode *
graph_node(Graph *graph, GraphKind kind, const char *key, bool *made)
{
	GraphEntry *entry = graph_table_lookup(graph->table, key);
	GraphNode  *node;
	bool		found;

	*made = entry == NULL;
	if (entry != NULL)
		return entry->node;
	/* of those that are left out, which may be very many, only the key is needed */
	node = MemoryContextAllocZero(graph->context, graph->nnodes < graph->most ?
								  sizeof(GraphNode) : offsetof(GraphNode, lines));
	node->key = MemoryContextStrdup(graph->context, key);
	node->kind = kind;
	if (graph->nnodes < graph->most)
	{
		graph->nodes[graph->nnodes++] = node;
		node->number = graph->nnodes;
	}
	else
		graph->left[kind]++;
	graph_table_insert(graph->table, node->key, &found)->node = node;
	return node;
}

void
graph_line(Graph *graph, GraphNode *node, const char *text)
{
	if (node->number != 0 && node->nlines < GRAPH_MAX_LINES)
		node->lines[node->nlines] = MemoryContextStrdup(graph->context, text);
	node->nlines++;
}

void
graph_edge(Graph *graph, GraphNode *from, GraphNode *to, const char *label)
{
	GraphEdge  *edge;

	if (from->number == 0 || to->number == 0)
		return;
	for (edge = from->edges; edge != NULL; edge = edge->next)
		if (edge->to == to && strcmp(edge->label, label) == 0)
			return;
	if (graph->nedges / GRAPH_EDGES_A_NODE >= graph->most)
	{
		graph->edges_left++;
		return;
	}
	graph->nedges++;
	edge = MemoryContextAllocZero(graph->context, sizeof(GraphEdge));
	edge->to = to;
	edge->label = label;
	if (from->last != NULL)
		from->last->next = edge;
	else
		from->edges = edge;
	from->last = edge;
}

static const char *const graph_kind_words[GRAPH_NKINDS][2] = {
	[GRAPH_USER] = {"user", "users"},
	[GRAPH_USERS] = {"set of users", "sets of users"},
	[GRAPH_GROUP] = {"group", "groups"},
	[GRAPH_SERVICE] = {"service", "services"},
	[GRAPH_TOKEN] = {"token", "tokens"},
	[GRAPH_CLIENT] = {"client", "clients"},
	[GRAPH_ROLE] = {"role", "roles"},
	[GRAPH_SHARE] = {"share", "shares"},
	[GRAPH_SCOPES] = {"set of scopes", "sets of scopes"},
	[GRAPH_TARGET] = {"target", "targets"}
};

char *
graph_left_out(const Graph *graph)
{
	StringInfoData text;

	initStringInfo(&text);
	for (int kind = 0; kind < GRAPH_NKINDS; kind++)
		if (graph->left[kind] > 0)
			appendStringInfo(&text, "%s%d %s", text.len > 0 ? ", " : "", graph->left[kind],
							 graph_kind_words[kind][graph->left[kind] > 1]);
	if (graph->edges_left > 0)
		appendStringInfo(&text, "%s%d %s", text.len > 0 ? ", " : "", graph->edges_left,
						 graph->edges_left > 1 ? "lines" : "line");
	return text.len > 0 ? psprintf("Left out: %s", text.data) : NULL;
}
