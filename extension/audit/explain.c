/*-------------------------------------------------------------------------
 *
 * explain.c
 *	  Why somebody holds a permission, step by step.
 *
 * A chain goes from the subject to what is required: group, role or share, scope,
 * subscopes, filter; a token's goes through what the token asks for to its owner
 * first.  There is a chain for each grant that suffices, also for those that
 * another one makes superfluous: so what all chains rest on is exactly what ends
 * it when it is taken away.
 *
 * What meets a requirement is asked of the algebra, as for every other question;
 * the words are found afterwards.
 *
 *-------------------------------------------------------------------------
 */
#include "explain.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

/* ---- rows ---- */

/* Columns of explain() */
enum
{
	EXPLAIN_HELD,
	EXPLAIN_CHAIN,
	EXPLAIN_STEP,
	EXPLAIN_NODE_KIND,
	EXPLAIN_NODE,
	EXPLAIN_SAYS,
	EXPLAIN_NCOLUMNS
};

void
explain_step(Explain *x, const char *node_kind, const char *node, const char *says,...)
{
	StringInfoData buf;
	Datum		values[EXPLAIN_NCOLUMNS];
	bool		nulls[EXPLAIN_NCOLUMNS] = {false};

	initStringInfo(&buf);
	for (;;)
	{
		va_list		args;
		int			needed;

		va_start(args, says);
		needed = appendStringInfoVA(&buf, says, args);
		va_end(args);
		if (needed == 0)
			break;
		enlargeStringInfo(&buf, needed);
	}
	values[EXPLAIN_HELD] = BoolGetDatum(x->held);
	values[EXPLAIN_CHAIN] = Int32GetDatum(x->chain);
	nulls[EXPLAIN_CHAIN] = x->chain == 0;
	values[EXPLAIN_STEP] = Int32GetDatum(++x->step);
	audit_put(&values[EXPLAIN_NODE_KIND], &nulls[EXPLAIN_NODE_KIND], node_kind);
	audit_put(&values[EXPLAIN_NODE], &nulls[EXPLAIN_NODE], node);
	audit_put_len(&values[EXPLAIN_SAYS], &nulls[EXPLAIN_SAYS], buf.data, buf.len);
	tuplestore_putvalues(x->rsinfo->setResult, x->rsinfo->setDesc, values, nulls);
}

char *
explain_text(const ScopeMember *member)
{
	StringInfoData buf;

	initStringInfo(&buf);
	scope_append(&buf, member);
	return buf.data;
}

/* ---- what a chain rests on ---- */

static void
explain_edge(Explain *x, char *node, char *cut)
{
	ExplainEdge *edge = palloc(sizeof(ExplainEdge));

	edge->node = node;
	edge->cut = cut;
	x->edges = lappend(x->edges, edge);
}

static bool
explain_has_edge(List *edges, const ExplainEdge *edge)
{
	ListCell   *cell;

	foreach(cell, edges)
		if (strcmp(((ExplainEdge *) lfirst(cell))->node, edge->node) == 0)
			return true;
	return false;
}

void
explain_begin_chain(Explain *x)
{
	CHECK_FOR_INTERRUPTS();
	x->chain++;
	x->step = 0;
	x->edges = NIL;
}

/* Keep of the common ones what this chain rests on, too. */
static void
explain_end_chain(Explain *x)
{
	List	   *common = NIL;
	ListCell   *cell;

	if (x->chain == 1)
		x->common = x->edges;
	foreach(cell, x->common)
		if (explain_has_edge(x->edges, lfirst(cell)) && !explain_has_edge(common, lfirst(cell)))
			common = lappend(common, lfirst(cell));
	x->common = common;
}

/* What to take away; after all chains. */
static void
explain_cuts(Explain *x)
{
	int			nchains = x->chain;
	ListCell   *cell;

	x->chain = 0;
	x->step = 0;
	foreach(cell, x->common)
	{
		ExplainEdge *edge = lfirst(cell);

		explain_step(x, "cut", edge->node, "It ends if one would %s.", edge->cut);
	}
	if (x->common == NIL)
		explain_step(x, "cut", NULL, "No single grant ends it: there are %d chains, and each of them suffices.",
					 nchains);
}

/* ---- the steps of a grant ---- */

/* A token's owner comes after the token. */
void
explain_owner(Explain *x)
{
	EffectiveSubject *subject = x->subject;

	if (subject->kind == SUBJECT_GROUP)
		explain_step(x, "group", subject->group->name, "Group \"%s\"", subject->group->name);
	else if (x->step > 0 && subject->user != NULL)
		explain_step(x, "user", subject->user->name, "and belongs to user \"%s\", who", subject->user->name);
	else if (x->step > 0 && subject->service != NULL)
		explain_step(x, "service", subject->service->name, "and belongs to service \"%s\", which", subject->service->name);
	else if (subject->user != NULL)
		explain_step(x, "user", subject->user->name, "User \"%s\"", subject->user->name);
	else if (subject->service != NULL)
		explain_step(x, "service", subject->service->name, "Service \"%s\"", subject->service->name);
}

/* What the owner is called in an edge: user "alice". */
static char *
explain_owner_words(const EffectiveSubject *subject)
{
	if (subject->kind == SUBJECT_GROUP)
		return psprintf("group \"%s\"", subject->group->name);
	if (subject->user != NULL)
		return psprintf("user \"%s\"", subject->user->name);
	return psprintf("service \"%s\"", subject->service ? subject->service->name : "");
}

static void
explain_membership(Explain *x, const char *user, int user_len, const char *group, int group_len)
{
	explain_edge(x, psprintf("user \"%.*s\" in group \"%.*s\"", user_len, user, group_len, group),
				 psprintf("take user \"%.*s\" out of group \"%.*s\"", user_len, user, group_len, group));
}

/* Until when: a share that has expired counts until the hub deletes it. */
static char *
explain_share_expiry(const HubShare *share)
{
	if (!share->has_expires)
		return pstrdup("");
	if (share->expires_at >= hub_now())
		return psprintf(" until %s", timestamptz_to_str((TimestampTz) share->expires_at));
	return psprintf(", which expired at %s and counts until the hub deletes it",
					timestamptz_to_str((TimestampTz) share->expires_at));
}

void
explain_grant(Explain *x, const EffectiveGrant *grant, const ScopeMember *gives)
{
	const char *holder = explain_owner_words(x->subject);

	if (grant->group != NULL)
	{
		const char *user = x->subject->user->name;

		explain_step(x, "group", grant->group->name, "is in group \"%s\", which", grant->group->name);
		explain_membership(x, user, strlen(user), grant->group->name, strlen(grant->group->name));
		holder = psprintf("group \"%s\"", grant->group->name);
	}
	if (grant->role != NULL)
	{
		const char *role = grant->role->name;

		explain_step(x, "role", role, "has the role \"%s\", which", role);
		explain_edge(x, psprintf("role \"%s\" of %s", role, holder),
					 psprintf("take the role \"%s\" from %s", role, holder));
	}
	else
	{
		explain_step(x, "share", psprintf("%d", grant->share->id), "has a share of server \"%s\"%s, which",
					 grant->share->server, explain_share_expiry(grant->share));
		explain_edge(x, psprintf("share %d", grant->share->id),
					 psprintf("revoke the share of server \"%s\" with %s", grant->share->server, holder));
	}
	if (gives == NULL)
		return;
	explain_step(x, "scope", explain_text(&grant->raw), "has the scope \"%s\",", explain_text(&grant->raw));
	if (grant->role != NULL)
		explain_edge(x, psprintf("scope \"%s\" of role \"%s\"", explain_text(&grant->raw), grant->role->name),
					 psprintf("take the scope \"%s\" out of the role \"%s\"", explain_text(&grant->raw), grant->role->name));
	explain_expansion(x, &grant->raw, gives);
}

/* ---- subscopes ---- */

/* A definition and from which other it was reached. */
typedef struct ExplainNode
{
	CatalogueDefinition definition;
	int			from;			/* -1: not reached; itself: the first */
} ExplainNode;

static int
explain_find(ExplainNode *nodes, int n, const char *name, int len)
{
	for (int i = 0; i < n; i++)
		if ((int) strlen(nodes[i].definition.name) == len &&
			memcmp(nodes[i].definition.name, name, len) == 0)
			return i;
	return -1;
}

/*
 * The shortest way from one base down to another, by direct subscopes: names
 * after the first, in order; *n 0 if there is none.
 */
static const char **
explain_subscopes(const Catalogue *catalogue, const ScopeMember *from, const ScopeMember *to, int *n)
{
	int			size = 64;
	int			nnodes = 0;
	ExplainNode *nodes = palloc(sizeof(ExplainNode) * size);
	CatalogueIter iter;
	int		   *queue;
	int			head = 0;
	int			tail = 0;
	int			first;
	int			last;
	const char **names;

	catalogue_iter_init(&iter, catalogue);
	while (catalogue_iter_next(&iter, &nodes[nnodes].definition))
	{
		nodes[nnodes++].from = -1;
		if (nnodes == size)
			nodes = repalloc(nodes, sizeof(ExplainNode) * (size *= 2));
	}
	*n = 0;
	first = explain_find(nodes, nnodes, from->base, from->base_len);
	last = explain_find(nodes, nnodes, to->base, to->base_len);
	if (first < 0 || last < 0)
		return NULL;
	queue = palloc(sizeof(int) * nnodes);
	nodes[first].from = first;
	queue[tail++] = first;
	while (head < tail && nodes[last].from < 0)
	{
		int			at = queue[head++];

		for (int i = 0; i < nodes[at].definition.nsubscopes; i++)
		{
			const char *below = nodes[at].definition.subscopes[i];
			int			to_node = explain_find(nodes, nnodes, below, strlen(below));

			if (to_node < 0 || nodes[to_node].from >= 0)
				continue;
			nodes[to_node].from = at;
			queue[tail++] = to_node;
		}
	}
	if (nodes[last].from < 0)
		return NULL;
	for (int at = last; at != first; at = nodes[at].from)
		(*n)++;
	names = palloc(sizeof(char *) * Max(*n, 1));
	for (int at = last, i = *n; at != first; at = nodes[at].from)
		names[--i] = nodes[at].definition.name;
	return names;
}

static bool
explain_same(const ScopeMember *a, const ScopeMember *b)
{
	return strcmp(explain_text(a), explain_text(b)) == 0;
}

/* From a scope as written to a member of what it stands for. */
void
explain_expansion(Explain *x, const ScopeMember *raw, const ScopeMember *gives)
{
	ScopeMember here = *gives;
	const char **names;
	int			n;

	if (explain_same(raw, gives))
		return;
	if (raw->kind == SCOPE_OPEN && gives->kind != SCOPE_OPEN)
	{
		explain_step(x, "subscope", explain_text(gives), "which is \"%s\" among others for %s,",
					 explain_text(gives), explain_owner_words(x->subject));
		return;
	}

	/* the same filter, or what a self filter stands for */
	here.base = raw->base;
	here.base_len = raw->base_len;
	if (scope_kind_is_self(raw->kind))
		explain_step(x, "filter", explain_text(&here), "which here is \"%s\",", explain_text(&here));
	names = explain_subscopes(x->subject->hub->catalogue, raw, gives, &n);
	for (int i = 0; i < n; i++)
	{
		here.base = names[i];
		here.base_len = strlen(names[i]);
		explain_step(x, "subscope", explain_text(&here), "which implies \"%s\",", explain_text(&here));
	}
	if (n == 0 && (raw->base_len != gives->base_len || memcmp(raw->base, gives->base, raw->base_len) != 0))
		explain_step(x, "subscope", explain_text(gives), "which implies \"%s\",", explain_text(gives));
}

/* ---- what is required ---- */

bool
explain_meets(const Explain *x, const Scopeset *scopes, ScopeMember *gives)
{
	ScopeIter	iter;
	ScopeMember member;
	bool		found = false;

	scope_iter_init(&iter, scopes);
	while (scope_iter_next(&iter, &member))
	{
		if (!scopeset_covers_member(scopeset_single(&member), x->required, x->membership))
			continue;
		if (!found || explain_same(&member, x->required))
			*gives = member;
		found = true;
	}
	return found;
}

/*
 * How a permission meets what is required: the last step, or one on the way of a
 * token.
 */
static void
explain_required(Explain *x, const ScopeMember *gives, bool last)
{
	const ScopeMember *required = x->required;
	const char *kind = last ? "required" : "filter";
	const char *begin = last ? "and that" : "which";
	const char *end = last ? "." : ",";
	const char *text = explain_text(required);
	int			owner_len = required->kind == SCOPE_SERVER ?
		scope_server_owner_len(required->value, required->value_len) : required->value_len;

	if (explain_same(gives, required))
	{
		if (last)
			explain_step(x, kind, text, "and that is what is required.");
	}
	else if (gives->kind == SCOPE_OPEN)
		explain_step(x, kind, text, "%s has no filter and so covers \"%s\"%s", begin, text, end);
	else if (gives->kind == SCOPE_GROUP)
	{
		explain_step(x, kind, text, "%s covers \"%s\", for user \"%.*s\" is in group \"%.*s\"%s",
					 begin, text, owner_len, required->value, gives->value_len, gives->value, end);
		explain_membership(x, required->value, owner_len, gives->value, gives->value_len);
	}
	else
		explain_step(x, kind, text, "%s covers \"%s\", a server of user \"%.*s\"%s",
					 begin, text, owner_len, required->value, end);
}

/* ---- tokens ---- */

void
explain_ask(Explain *x, const EffectiveAsks *asks, const EffectiveAsk *ask, const ScopeMember *gives)
{
	const HubToken *token = x->subject->token;
	const char *id = psprintf("%d", token->id);

	explain_step(x, "token", id, "Token %s", id);
	explain_edge(x, psprintf("token %s", id), psprintf("revoke token %s", id));
	switch (ask->kind)
	{
		case ASK_INHERIT:
			explain_step(x, "token scope", "inherit", "has the scope \"inherit\", which is all that its owner holds,");
			if (!x->beside_inherit)
				explain_edge(x, psprintf("scope \"inherit\" of token %s", id),
							 psprintf("take the scope \"inherit\" from token %s", id));
			break;
		case ASK_STORED:
			explain_step(x, "token scope", explain_text(&ask->raw), "has the scope \"%s\",", explain_text(&ask->raw));
			explain_edge(x, psprintf("scope \"%s\" of token %s", explain_text(&ask->raw), id),
						 psprintf("take the scope \"%s\" from token %s", explain_text(&ask->raw), id));
			if (gives != NULL)
				explain_expansion(x, &ask->raw, gives);
			break;
		case ASK_CLIENT:
			explain_step(x, "client", asks->client->identifier, "was issued through the OAuth client \"%s\" of %s \"%s\", which adds \"%s\",",
						 asks->client->identifier, asks->client->server ? "server" : "service",
						 asks->client->server ? asks->client->server : asks->client->service,
						 gives != NULL ? explain_text(gives) : "");
			break;
		case ASK_IDENTIFY:
			explain_step(x, "identify", gives != NULL ? explain_text(gives) : NULL, "may tell who its owner is, \"%s\",",
						 gives != NULL ? explain_text(gives) : "");
			break;
	}
	if (gives != NULL && ask->kind != ASK_INHERIT && x->held)
		explain_required(x, gives, false);
	explain_owner(x);
}

/* Would a token's owner give it what is required if it did not inherit? */
static bool
explain_beside_inherit(Explain *x, const EffectiveGrants *grants)
{
	EffectiveSubject *subject = x->subject;
	EffectiveAsks *asks = effective_asks_beside_inherit(subject->way, subject->token, subject->user, subject->service);
	ScopeMember gives;

	for (int i = 0; i < asks->n; i++)
		for (int j = 0; j < grants->n; j++)
			if (grants->grants[j].scopes != NULL &&
				explain_meets(x, scopeset_intersect_with(asks->asks[i].scopes, grants->grants[j].scopes, x->membership), &gives))
				return true;
	return false;
}

/* A token's chains: what it asks for and what its owner holds have to meet. */
static void
explain_token(Explain *x)
{
	EffectiveSubject *subject = x->subject;
	EffectiveGrants *grants = effective_grants(subject->way, subject->user, subject->service, NULL, true);
	EffectiveAsks *asks = effective_asks(subject->way, subject->token, subject->user, subject->service);

	if (asks->asks[0].kind == ASK_INHERIT)
		x->beside_inherit = explain_beside_inherit(x, grants);
	for (int i = 0; i < asks->n; i++)
	{
		const EffectiveAsk *ask = &asks->asks[i];

		for (int j = 0; j < grants->n; j++)
		{
			const EffectiveGrant *grant = &grants->grants[j];
			const Scopeset *both = grant->scopes;
			ScopeMember gives;
			ScopeMember asked;

			if (both != NULL && ask->scopes != NULL)
				both = scopeset_intersect_with(ask->scopes, both, x->membership);
			if (both == NULL || !explain_meets(x, both, &gives))
				continue;
			if (ask->scopes != NULL && !explain_meets(x, ask->scopes, &asked))
				continue;
			(void) explain_meets(x, grant->scopes, &gives);
			explain_begin_chain(x);
			explain_ask(x, asks, ask, ask->scopes != NULL ? &asked : NULL);
			explain_grant(x, grant, &gives);
			explain_required(x, &gives, true);
			explain_end_chain(x);
		}
	}
}

static void
explain_grants(Explain *x)
{
	EffectiveSubject *subject = x->subject;
	EffectiveGrants *grants = effective_grants(subject->way, subject->user, subject->service,
											   subject->group, false);

	for (int i = 0; i < grants->n; i++)
	{
		ScopeMember gives;

		if (grants->grants[i].scopes == NULL || !explain_meets(x, grants->grants[i].scopes, &gives))
			continue;
		explain_begin_chain(x);
		explain_owner(x);
		explain_grant(x, &grants->grants[i], &gives);
		explain_required(x, &gives, true);
		explain_end_chain(x);
	}
}

/* ---- the function ---- */

/*
 * explain(kind, name, required) - the chains of grants, or why there is none.
 */
PG_FUNCTION_INFO_V1(jhub_authz_explain);
Datum
jhub_authz_explain(PG_FUNCTION_ARGS)
{
	SubjectKind kind = effective_subject_kind(effective_utf8_string(PG_GETARG_TEXT_PP(0)));
	char	   *name = effective_utf8_string(PG_GETARG_TEXT_PP(1));
	EffectiveSubject subject;
	ScopeMember required;
	Explain		x = {.held = false};
	const char *str;
	int			len;

	str = effective_utf8(PG_GETARG_TEXT_PP(2), &len);
	effective_parse_scope(str, len, &required);
	effective_refuse_self(&required);
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	x.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	x.required = &required;
	x.subject = &subject;
	if (!effective_subject(&subject, kind, name, effective_reading_flags()))
	{
		explain_step(&x, "missing", name, "There is no %s \"%s\".", effective_kind_names[kind], name);
		return (Datum) 0;
	}
	x.membership = hub_membership(subject.data);
	x.held = (subject.token == NULL || !effective_token_expired(subject.token)) &&
		scopeset_covers_member(effective_subject_scopes(&subject, NULL), &required, x.membership);
	if (!x.held)
		explain_refusal(&x);
	else
	{
		if (kind == SUBJECT_TOKEN)
			explain_token(&x);
		else
			explain_grants(&x);
		explain_cuts(&x);
	}
	hub_free(subject.data);
	return (Datum) 0;
}
