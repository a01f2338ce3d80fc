/*-------------------------------------------------------------------------
 *
 * graph_build.c
 *	  What is in a picture: nodes, what roles and shares give, and the picture
 *	  of one subject.  Those of the hub, a role or a group are in graph_hub.c,
 *	  those of who holds a scope in graph_goal.c.
 *
 * From left to right: who (users, groups, services, tokens), roles and shares,
 * the scopes that these give as they are written, and what their filters name.
 * The scopes of a role that have the same filter are one node.
 *
 * A subject is loaded alone, with what its scopes rest on; the others read all
 * roles, groups and services, and count the users.  Which role gives a scope is
 * decided by the expansion and the cover of effective.h, as for everything else.
 *
 *-------------------------------------------------------------------------
 */
#include "graph_build.h"

#include "miscadmin.h"
#include "utils/memutils.h"

/* ---- nodes ---- */

GraphNode *
graph_named(GraphBuild *build, GraphKind kind, const char *word, const char *name)
{
	bool		made;
	GraphNode  *node = graph_node(build->graph, kind, psprintf("%s %s", word, name), &made);

	if (made)
	{
		graph_line(build->graph, node, word);
		graph_line(build->graph, node, name);
	}
	return node;
}

GraphNode *
graph_user(GraphBuild *build, const HubUser *user)
{
	GraphNode  *node = graph_named(build, GRAPH_USER, "user", user->name);

	if (user->admin && node->nlines == 2)
		graph_line(build->graph, node, "(admin)");
	return node;
}

GraphNode *
graph_group(GraphBuild *build, const HubGroup *group)
{
	GraphNode  *node = graph_named(build, GRAPH_GROUP, "group", group->name);

	if (build->groups != NULL && node->nlines == 2)
	{
		GraphHolders *members = hash_search(build->groups, &group->id, HASH_FIND, NULL);
		int			n = members ? members->nusers : 0;

		graph_line(build->graph, node, psprintf("%d %s", n, n == 1 ? "member" : "members"));
	}
	return node;
}

/* ---- scopes and what they are about ---- */

/* Does one that filters name exist?  A server is judged by its owner. */
static bool
graph_exists(GraphBuild *build, const ScopeMember *member)
{
	char	   *name = pnstrdup(member->value, member->value_len);

	/* what the server's encoding cannot hold is nobody's name here */
	if (module_text_if_representable(name) == NULL)
		return false;
	switch (member->kind)
	{
		case SCOPE_USER:
			return hub_user_id(build->hub, name, false) != 0;
		case SCOPE_GROUP:
			return hub_group_id(build->hub, name, false) != 0;
		case SCOPE_SERVICE:
			return hub_service_id(build->hub, name, false) != 0;
		case SCOPE_SERVER:
			name[scope_server_owner_len(name, member->value_len)] = '\0';
			return hub_user_id(build->hub, name, false) != 0;
		default:
			return true;
	}
}

static bool
graph_base_is(const ScopeMember *member, const char *base)
{
	return member->base_len == (int) strlen(base) &&
		memcmp(member->base, base, member->base_len) == 0;
}

/* What a scope's filter names, in words; *named: by a name. */
static char *
graph_target_words(const ScopeMember *member, bool *named)
{
	*named = false;
	switch (member->kind)
	{
		case SCOPE_OPEN:
			if (graph_base_is(member, "inherit") || graph_base_is(member, "all"))
				return "whatever the owner may do";
			if (graph_base_is(member, "self"))
				return "oneself";
			return "the whole hub";
		case SCOPE_USER_SELF:
			return "oneself";
		case SCOPE_SERVICE_SELF:
			return "the service itself";
		case SCOPE_SERVER_SELF:
			return "the client's server";
		case SCOPE_GROUP:
			*named = true;
			return "members of group";
		case SCOPE_USER:
		case SCOPE_SERVICE:
		case SCOPE_SERVER:
			*named = true;
			return pstrdup(scope_kind_name(member->kind));
	}
	return NULL;				/* keep compiler quiet */
}

static GraphNode *
graph_target(GraphBuild *build, const ScopeMember *member)
{
	bool		named;
	bool		made;
	char	   *words = graph_target_words(member, &named);
	char	   *name = named ? pnstrdup(member->value, member->value_len) : "";
	GraphNode  *node = graph_node(build->graph, GRAPH_TARGET,
								  psprintf("on %s %s", words, name), &made);

	if (!made)
		return node;
	graph_line(build->graph, node, words);
	if (named)
		graph_line(build->graph, node, name);
	if (node->number != 0 && named && !graph_exists(build, member))
		graph_line(build->graph, node, "(there is none)");
	return node;
}

void
graph_scopes(GraphBuild *build, GraphNode *from, const Scopeset *scopes, GraphNode *goal)
{
	ScopeIter	iter;
	ScopeMember member;

	scope_iter_init(&iter, scopes);
	while (scope_iter_next(&iter, &member))
	{
		bool		named;
		bool		made;
		char	   *words = graph_target_words(&member, &named);
		char	   *name = named ? pnstrdup(member.value, member.value_len) : "";
		GraphNode  *node;
		StringInfoData scope;

		CHECK_FOR_INTERRUPTS();
		node = graph_node(build->graph, GRAPH_SCOPES,
						  psprintf("%s: %s %s", from->key, words, name), &made);
		initStringInfo(&scope);
		scope_append(&scope, &member);
		graph_line(build->graph, node,
				   catalogue_defines(build->hub->catalogue, &member) ? scope.data :
				   psprintf("%s (undefined)", scope.data));
		if (!made)
			continue;
		graph_edge(build->graph, from, node, "");
		graph_edge(build->graph, node, goal ? goal : graph_target(build, &member),
				   goal ? "" : "on");
	}
}

GraphNode *
graph_role(GraphBuild *build, const HubRole *role, bool *made)
{
	GraphNode  *node = graph_node(build->graph, GRAPH_ROLE, psprintf("role %s", role->name), made);

	if (*made)
	{
		graph_line(build->graph, node, "role");
		graph_line(build->graph, node, role->name);
		if (role->defect != NULL)
			graph_line(build->graph, node, "(its scopes do not parse)");
		else if (scopeset_is_empty(role->raw))
			graph_line(build->graph, node, "(without scopes)");
	}
	return node;
}

void
graph_roles(GraphBuild *build, GraphNode *from, HubRole **roles, int n)
{
	for (int i = 0; i < n; i++)
	{
		bool		made;
		GraphNode  *node = graph_role(build, roles[i], &made);

		graph_edge(build->graph, from, node, "has role");
		if (made)
			graph_scopes(build, node, roles[i]->raw, NULL);
	}
}

GraphNode *
graph_share(GraphBuild *build, GraphNode *from, const HubShare *share)
{
	bool		made;
	GraphNode  *node = graph_node(build->graph, GRAPH_SHARE, psprintf("share %d", share->id), &made);

	if (made)
	{
		graph_line(build->graph, node, psprintf("share %d of", share->id));
		graph_line(build->graph, node, share->server);
	}
	graph_edge(build->graph, from, node, "was given");
	return node;
}

void
graph_shares(GraphBuild *build, GraphNode *from, HubShare **shares, int n)
{
	for (int i = 0; i < n; i++)
		graph_scopes(build, graph_share(build, from, shares[i]), shares[i]->scopes, NULL);
}

/* ---- one subject ---- */

static void
graph_of_user(GraphBuild *build, GraphNode *node, const HubUser *user)
{
	graph_roles(build, node, user->roles, user->nroles);
	for (int i = 0; i < user->ngroups; i++)
	{
		HubGroup   *group = user->groups[i];
		GraphNode  *in = graph_group(build, group);

		graph_edge(build->graph, node, in, "is in");
		graph_roles(build, in, group->roles, group->nroles);
		graph_shares(build, in, group->shares, group->nshares);
	}
	graph_shares(build, node, user->shares, user->nshares);
}

static void
graph_of_service(GraphBuild *build, GraphNode *node, const HubService *service)
{
	if (service->admin && node->nlines == 2)
		graph_line(build->graph, node, "(admin)");
	graph_roles(build, node, service->roles, service->nroles);
}

static GraphNode *
graph_of_token(GraphBuild *build, const HubToken *token)
{
	GraphNode  *node = graph_named(build, GRAPH_TOKEN, "token", psprintf("%d", token->id));

	if (effective_token_expired(token))
		graph_line(build->graph, node, "(expired)");
	if (token->defect != NULL)
		graph_line(build->graph, node, "(its scopes do not parse)");
	if (token->client_id != NULL && strcmp(token->client_id, "jupyterhub") != 0)
		graph_edge(build->graph, node,
				   graph_named(build, GRAPH_CLIENT, "client", token->client_id), "issued through");
	graph_scopes(build, node, token->stored, NULL);
	return node;
}

static bool
graph_of_subject(GraphBuild *build, SubjectKind kind, const char *name)
{
	EffectiveSubject subject;
	GraphNode  *root = NULL;
	GraphNode  *owner = NULL;

	if (!effective_subject(&subject, kind, name, effective_reading_flags()))
		return false;
	build->data = subject.data;
	if (subject.token != NULL)
	{
		root = graph_of_token(build, subject.token);
		root->root = true;
	}
	if (subject.user != NULL)
	{
		owner = graph_user(build, subject.user);
		graph_of_user(build, owner, subject.user);
	}
	else if (subject.service != NULL)
	{
		owner = graph_named(build, GRAPH_SERVICE, "service", subject.service->name);
		graph_of_service(build, owner, subject.service);
	}
	if (root != NULL && owner != NULL)
		graph_edge(build->graph, root, owner, "belongs to");
	else if (owner != NULL)
		owner->root = true;
	return true;
}

/* ---- what is asked for ---- */

static const char *const graph_subjects[] = {"user", "service", "token", NULL};
static const char *const graph_others[] = {"hub", "role", "group", "server", "scope", NULL};

bool
graph_build(Graph *graph, const char *kind, const char *name)
{
	GraphBuild	build;
	int			other = settings_word(kind, graph_others);
	bool		result = true;

	if (other < 0 && settings_word(kind, graph_subjects) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid kind of graph: \"%s\"", module_from_utf8(kind, strlen(kind))),
				 errhint("The kind is \"hub\", \"role\", \"user\", \"group\", \"service\", \"token\", \"server\" or \"scope\".")));
	if (other != 0 && name == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a graph of kind \"%s\" needs a name", kind)));

	memset(&build, 0, sizeof(build));
	build.graph = graph;
	build.hub = hub_schema(false, false);
	build.step = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz graph", ALLOCSET_DEFAULT_SIZES);
	graph->title = other == 0 ? psprintf("JupyterHub %s: roles, who has them, what they give",
										 build.hub->release->name) :
		psprintf("%s %s", kind, name);
	if (other < 0)
		result = graph_of_subject(&build, effective_subject_kind(kind), name);
	else if (strcmp(kind, "hub") == 0)
		graph_of_hub(&build);
	else if (strcmp(kind, "role") == 0)
		result = graph_of_role(&build, name);
	else if (strcmp(kind, "group") == 0)
		result = graph_of_group(&build, name);
	else if (strcmp(kind, "server") == 0)
		graph_of_server(&build, name);
	else
		graph_of_scope(&build, name, "scope", name);
	if (build.data != NULL)
		hub_free(build.data);
	MemoryContextDelete(build.step);
	return result;
}
