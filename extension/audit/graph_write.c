/*-------------------------------------------------------------------------
 *
 * graph_write.c
 *	  graph_dot() and graph_mermaid(): a picture as text for Graphviz and
 *	  Mermaid.
 *
 * Nodes are n1, n2, ...: a name is only ever in a label, in quotes, and what
 * could end the quotes or mean something within them is written as an entity.
 * A character that the server's encoding lacks is an entity too, which both
 * languages know, so the text says the same in every encoding.
 *
 * Kinds differ by shape, the colours are for comfort.
 *
 *-------------------------------------------------------------------------
 */
#include "graph.h"
#include "safe_text.h"
#include "../effective/effective.h"

#include <ctype.h>

#include "utils/builtins.h"

#define GRAPH_DEFAULT_MOST	100
#define GRAPH_MAX_MOST		10000

/* a longer line of a label is cut, and so is a title */
#define GRAPH_LINE_CHARS	80
#define GRAPH_TITLE_CHARS	300

typedef struct GraphStyle
{
	const char *word;			/* Mermaid's class */
	const char *dot;			/* shape for DOT */
	const char *open;			/* shape for Mermaid: around the label */
	const char *close;
	const char *fill;
	const char *line;
} GraphStyle;

static const GraphStyle graph_styles[GRAPH_NKINDS] = {
	[GRAPH_USER] = {"user", "ellipse", "([", "])", "#e8f1fb", "#2b5d91"},
	[GRAPH_USERS] = {"users", "ellipse, peripheries=2", "([", "])", "#e8f1fb", "#2b5d91"},
	[GRAPH_GROUP] = {"group", "folder", "[[", "]]", "#e6f4ee", "#22694b"},
	[GRAPH_SERVICE] = {"service", "component", "[/", "/]", "#f1ecfa", "#5a3f92"},
	[GRAPH_TOKEN] = {"token", "cds, margin=\"0.3,0.1\"", ">", "]", "#fdf1e0", "#8a5a11"},
	[GRAPH_CLIENT] = {"client", "parallelogram", "[\\", "\\]", "#f3f3f1", "#55554f"},
	[GRAPH_ROLE] = {"role", "hexagon", "{{", "}}", "#fbeaec", "#99314a"},
	[GRAPH_SHARE] = {"share", "cds, margin=\"0.3,0.1\"", ">", "]", "#eef3da", "#566317"},
	[GRAPH_SCOPES] = {"scopes", "note", "[", "]", "#ffffff", "#55554f"},
	[GRAPH_TARGET] = {"target", "box, style=\"filled,rounded,dashed\"", "(", ")", "#f3f3f1", "#55554f"}
};

/* Write one character of a label. */
typedef void (*graph_char_fn) (StringInfo buf, pg_wchar c, const char *bytes, int len);

/* Does the server's encoding hold every character? */
static bool
graph_keeps_unicode(void)
{
	return GetDatabaseEncoding() == PG_UTF8;
}

static void
graph_append_line(StringInfo buf, const char *line, int most, graph_char_fn append)
{
	int			n = 0;

	for (const char *p = line; *p != '\0';)
	{
		int			len = pg_utf_mblen((const unsigned char *) p);
		pg_wchar	c = utf8_to_unicode((const unsigned char *) p);

		if (n++ == most)
		{
			append(buf, 0x2026, "\xe2\x80\xa6", 3);
			break;
		}
		if (safe_text_is_control(c))
			append(buf, 0xfffd, "\xef\xbf\xbd", 3);
		else
			append(buf, c, p, len);
		p += len;
	}
}

/* The lines of a node. */
static void
graph_append_label(StringInfo buf, const GraphNode *node, const char *newline,
				   graph_char_fn append)
{
	int			n = Min(node->nlines, GRAPH_MAX_LINES);

	for (int i = 0; i < n; i++)
	{
		if (i > 0)
			appendStringInfoString(buf, newline);
		graph_append_line(buf, node->lines[i], GRAPH_LINE_CHARS, append);
	}
	if (node->nlines > n)
		appendStringInfo(buf, "%sand %d more", newline, node->nlines - n);
}

/* ---- DOT ---- */

/* Within quotes a backslash escapes, and entities are read. */
static void
graph_dot_char(StringInfo buf, pg_wchar c, const char *bytes, int len)
{
	if (c == '"' || c == '\\')
		appendStringInfo(buf, "\\%c", (char) c);
	else if (c == '&')
		appendStringInfoString(buf, "&amp;");
	else if (c >= 0x80 && !graph_keeps_unicode())
		appendStringInfo(buf, "&#%u;", c);
	else
		appendBinaryStringInfo(buf, bytes, len);
}

static void
graph_dot_node(StringInfo buf, const GraphNode *node)
{
	const GraphStyle *style = &graph_styles[node->kind];

	appendStringInfo(buf, "  n%d [label=\"", node->number);
	graph_append_label(buf, node, "\\n", graph_dot_char);
	appendStringInfo(buf, "\", shape=%s, fillcolor=\"%s\", color=\"%s\"%s];\n",
					 style->dot, style->fill, style->line,
					 node->root ? ", penwidth=3" : "");
}

static void
graph_dot_write(StringInfo buf, const Graph *graph)
{
	char	   *left = graph_left_out(graph);

	appendStringInfoString(buf, "digraph jhub_authz {\n"
						   "  graph [rankdir=LR, charset=\"UTF-8\", fontname=\"Helvetica\", labelloc=t, label=\"");
	graph_append_line(buf, graph->title, GRAPH_TITLE_CHARS, graph_dot_char);
	if (left != NULL)
	{
		appendStringInfoString(buf, "\\n");
		graph_append_line(buf, left, GRAPH_TITLE_CHARS, graph_dot_char);
	}
	appendStringInfoString(buf, "\"];\n"
						   "  node [fontname=\"Helvetica\", fontsize=11, style=filled];\n"
						   "  edge [fontname=\"Helvetica\", fontsize=9, color=\"#55554f\"];\n");
	for (int i = 0; i < graph->nnodes; i++)
		graph_dot_node(buf, graph->nodes[i]);
	for (int i = 0; i < graph->nnodes; i++)
		for (GraphEdge *edge = graph->nodes[i]->edges; edge != NULL; edge = edge->next)
		{
			appendStringInfo(buf, "  n%d -> n%d", graph->nodes[i]->number, edge->to->number);
			if (edge->label[0] != '\0')
				appendStringInfo(buf, " [label=\"%s\"]", edge->label);
			appendStringInfoString(buf, ";\n");
		}
	appendStringInfoString(buf, "}\n");
}

/* ---- Mermaid ---- */

/*
 * Everything that is not plain is written as Mermaid's entity "#n;": quotes and
 * markup, "%" of comments and directives, backticks of Markdown, ":" which
 * Mermaid looks for after "style".  The letters that it puts in place of "&#" and
 * ";" for a while, and takes back whoever wrote them, cannot be shown.  After a
 * backslash comes a character that takes no room: "\n" would be a new line.
 */
static void
graph_mermaid_char(StringInfo buf, pg_wchar c, const char *bytes, int len)
{
	if (c == 0xfb02 || c == 0xb6)
		appendStringInfo(buf, "#%u;", 0xfffd);
	else if (c == '\\')
		appendStringInfoString(buf, "#92;#8288;");
	else if (c < 0x80 ? isalnum((int) c) || c == ' ' || c == '/' || c == ',' :
			 graph_keeps_unicode())
		appendBinaryStringInfo(buf, bytes, len);
	else
		appendStringInfo(buf, "#%u;", c);
}

static void
graph_mermaid_node(StringInfo buf, const GraphNode *node)
{
	const GraphStyle *style = &graph_styles[node->kind];

	appendStringInfo(buf, "  n%d%s\"", node->number, style->open);
	graph_append_label(buf, node, "<br/>", graph_mermaid_char);
	appendStringInfo(buf, "\"%s\n", style->close);
}

/* One line for each kind that there is: "class n1,n4 user". */
static void
graph_mermaid_classes(StringInfo buf, const Graph *graph)
{
	for (int kind = 0; kind < GRAPH_NKINDS; kind++)
	{
		const GraphStyle *style = &graph_styles[kind];
		int			n = 0;

		for (int i = 0; i < graph->nnodes; i++)
			if (graph->nodes[i]->kind == (GraphKind) kind)
				appendStringInfo(buf, "%sn%d", n++ == 0 ? "  class " : ",",
								 graph->nodes[i]->number);
		if (n > 0)
			appendStringInfo(buf, " %s\n  classDef %s fill:%s,stroke:%s,color:#1d1d1b%s\n",
							 style->word, style->word, style->fill, style->line,
							 kind == GRAPH_TARGET ? ",stroke-dasharray:4 3" : "");
	}
	for (int i = 0; i < graph->nnodes; i++)
		if (graph->nodes[i]->root)
			appendStringInfo(buf, "  style n%d stroke-width:3px\n", graph->nodes[i]->number);
}

static void
graph_mermaid_write(StringInfo buf, const Graph *graph)
{
	char	   *left = graph_left_out(graph);

	appendStringInfoString(buf, "flowchart LR\n");
	for (int i = 0; i < graph->nnodes; i++)
		graph_mermaid_node(buf, graph->nodes[i]);
	for (int i = 0; i < graph->nnodes; i++)
		for (GraphEdge *edge = graph->nodes[i]->edges; edge != NULL; edge = edge->next)
		{
			appendStringInfo(buf, "  n%d -->", graph->nodes[i]->number);
			if (edge->label[0] != '\0')
				appendStringInfo(buf, "|\"%s\"|", edge->label);
			appendStringInfo(buf, " n%d\n", edge->to->number);
		}
	if (left != NULL)
	{
		appendStringInfoString(buf, "  left[\"");
		graph_append_line(buf, left, GRAPH_TITLE_CHARS, graph_mermaid_char);
		appendStringInfoString(buf, "\"]\n");
	}
	graph_mermaid_classes(buf, graph);
}

/* ---- from SQL ---- */

/* The picture that is asked for, or NULL: there is no such thing. */
static text *
graph_call(FunctionCallInfo fcinfo, void (*write) (StringInfo buf, const Graph *graph))
{
	char	   *kind = PG_ARGISNULL(0) ? "hub" : effective_utf8_string(PG_GETARG_TEXT_PP(0));
	char	   *name = PG_ARGISNULL(1) ? NULL : effective_utf8_string(PG_GETARG_TEXT_PP(1));
	int			most = PG_ARGISNULL(2) ? GRAPH_DEFAULT_MOST : PG_GETARG_INT32(2);
	StringInfoData buf;
	Graph	   *graph;

	if (most < 1 || most > GRAPH_MAX_MOST)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid size of a graph: %d", most),
				 errdetail("It is between 1 and %d nodes.", GRAPH_MAX_MOST)));
	graph = graph_create(most);
	if (!graph_build(graph, kind, name))
		return NULL;
	initStringInfo(&buf);
	write(&buf, graph);
	return module_text_from_utf8(buf.data, buf.len);
}

/*
 * graph_dot(kind, name, most) - a picture for Graphviz; NULL if there is no such
 * role, subject or group; 22023 for a kind that is none.
 */
PG_FUNCTION_INFO_V1(jhub_authz_graph_dot);
Datum
jhub_authz_graph_dot(PG_FUNCTION_ARGS)
{
	text	   *result = graph_call(fcinfo, graph_dot_write);

	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(result);
}

/* graph_mermaid(kind, name, most) - the same for Mermaid. */
PG_FUNCTION_INFO_V1(jhub_authz_graph_mermaid);
Datum
jhub_authz_graph_mermaid(PG_FUNCTION_ARGS)
{
	text	   *result = graph_call(fcinfo, graph_mermaid_write);

	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(result);
}
