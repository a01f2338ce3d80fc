/*-------------------------------------------------------------------------
 *
 * explain_refusal.c
 *	  Why somebody does not hold a permission: what comes nearest.
 *
 * Nearest are grants of the base that is required, with another filter: each is
 * a chain that ends with what is missing.  For a token it is also said which side
 * lacks it, the token or its owner.  Then what gave it once (shares that ended,
 * from the history), what would give it (roles that there are), and what cannot be
 * read.
 *
 *-------------------------------------------------------------------------
 */
#include "explain.h"

#include "../hub/hub_audit.h"

#include "miscadmin.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* so many near grants are told, the others counted; and so many roles */
#define REFUSAL_MOST	5

static bool
refusal_same_base(const ScopeMember *a, const ScopeMember *b)
{
	return a->base_len == b->base_len && memcmp(a->base, b->base, a->base_len) == 0;
}

/* A member of that base, whatever its filter. */
static bool
refusal_near(const Explain *x, const Scopeset *scopes, ScopeMember *near)
{
	ScopeIter	iter;
	ScopeMember member;

	scope_iter_init(&iter, scopes);
	while (scope_iter_next(&iter, &member))
		if (refusal_same_base(&member, x->required))
		{
			*near = member;
			return true;
		}
	return false;
}

/* The filter of a scope in words: for server "a/b". */
static char *
refusal_filter(const ScopeMember *member)
{
	return psprintf("for %s \"%.*s\"", scope_kind_name(member->kind), member->value_len, member->value);
}

/* The last step: what a grant of that base lacks. */
static void
refusal_missing(Explain *x, const ScopeMember *near)
{
	const ScopeMember *required = x->required;
	const char *text = explain_text(required);
	int			owner_len = required->kind == SCOPE_SERVER ?
		scope_server_owner_len(required->value, required->value_len) : required->value_len;

	if (near->kind != SCOPE_OPEN && near->value == NULL)
		explain_step(x, "missing", text, "but that names nobody here, and \"%s\" is required.", text);
	else if (required->kind == SCOPE_OPEN)
		explain_step(x, "missing", text, "but only %s, and \"%s\" without a filter is required.",
					 refusal_filter(near), text);
	else if (near->kind == SCOPE_GROUP && (required->kind == SCOPE_USER || required->kind == SCOPE_SERVER))
		explain_step(x, "missing", text, "but user \"%.*s\" is not in group \"%.*s\", and \"%s\" is required.",
					 owner_len, required->value, near->value_len, near->value, text);
	else
		explain_step(x, "missing", text, "but only %s, and \"%s\" is required.",
					 refusal_filter(near), text);
}

/*
 * A scope of a grant that means nothing for its holder: a self filter without a
 * target.
 */
static bool
refusal_dropped(const Explain *x, const EffectiveGrant *grant)
{
	Scopeset   *raw = scopeset_single(&grant->raw);
	ExpandTarget target = {.user = "u",.service = "s",.server = "u/"};
	ScopeMember near;

	return scope_kind_is_self(grant->raw.kind) && scopeset_is_empty(grant->scopes) &&
		refusal_near(x, catalogue_expand(x->subject->hub->catalogue, raw, &target), &near);
}

/* Grants of that base; how many there are. */
static int
refusal_grants(Explain *x, const EffectiveGrants *grants)
{
	int			found = 0;

	for (int i = 0; i < grants->n; i++)
	{
		const EffectiveGrant *grant = &grants->grants[i];
		ScopeMember near;
		bool		dropped = grant->scopes != NULL && refusal_dropped(x, grant);

		if (grant->scopes == NULL || (!dropped && !refusal_near(x, grant->scopes, &near)))
			continue;
		if (++found > REFUSAL_MOST)
			continue;
		if (dropped)
			near = grant->raw;
		explain_begin_chain(x);
		explain_owner(x);
		explain_grant(x, grant, &near);
		refusal_missing(x, &near);
	}
	return found;
}

/* ---- tokens ---- */

/* Does the owner hold it, as its tokens would get it, and by itself? */
static bool
refusal_owner_holds(Explain *x, bool for_token)
{
	EffectiveSubject *subject = x->subject;
	EffectiveGrants *grants = effective_grants(subject->way, subject->user, subject->service, NULL, for_token);
	ScopeMember gives;

	for (int i = 0; i < grants->n; i++)
		if (grants->grants[i].scopes != NULL && explain_meets(x, grants->grants[i].scopes, &gives))
			return true;
	return false;
}

static bool
refusal_asks(Explain *x, const EffectiveAsks *asks)
{
	ScopeMember gives;

	for (int i = 0; i < asks->n; i++)
		if (asks->asks[i].scopes == NULL || explain_meets(x, asks->asks[i].scopes, &gives))
			return true;
	return false;
}

/* The owner's name in words. */
static const char *
refusal_owner(const Explain *x)
{
	const char *kind = audit_owner_kind(x->subject);

	return kind == NULL ? "nobody" : psprintf("%s \"%s\"", kind, audit_owner_name(x->subject));
}

static char *
refusal_stored(const HubToken *token)
{
	return scopeset_is_empty(token->stored) ? pstrdup("no scopes") : scopeset_to_text(token->stored);
}

/* What a token asks for of that base. */
static void
refusal_near_asks(Explain *x, const EffectiveAsks *asks)
{
	for (int i = 0; i < asks->n; i++)
	{
		ScopeMember near;

		if (asks->asks[i].scopes == NULL || !refusal_near(x, asks->asks[i].scopes, &near))
			continue;
		explain_begin_chain(x);
		explain_ask(x, asks, &asks->asks[i], &near);
		explain_step(x, "missing", explain_text(x->required),
					 "may do \"%s\"; but the token asks for it only %s.", explain_text(x->required),
					 near.kind == SCOPE_OPEN ? "without a filter" : refusal_filter(&near));
	}
}

static void
refusal_token(Explain *x)
{
	EffectiveSubject *subject = x->subject;
	const HubToken *token = subject->token;
	const char *id = psprintf("%d", token->id);
	const char *text = explain_text(x->required);
	EffectiveAsks *asks;
	bool		asked;
	bool		held;

	if (effective_token_expired(token))
		explain_step(x, "missing", id, "Token %s expired or was revoked: its expiry was %s.", id,
					 timestamptz_to_str((TimestampTz) token->expires_at));
	if (audit_owner_kind(subject) == NULL)
	{
		explain_step(x, "missing", id, "Token %s has no owner.", id);
		return;
	}
	asks = effective_asks(subject->way, subject->token, subject->user, subject->service);
	asked = refusal_asks(x, asks);
	held = refusal_owner_holds(x, true);
	if (!held && refusal_owner_holds(x, false))
		explain_step(x, "missing", text, "The owner, %s, holds it by a share, but the hub does not count that for tokens (option token_shares).",
					 refusal_owner(x));
	else if (held && !asked)
		explain_step(x, "missing", text, "The owner, %s, holds it, but token %s narrows it: it has %s.",
					 refusal_owner(x), id, refusal_stored(token));
	else if (asked && !held)
		explain_step(x, "missing", text, "Token %s asks for it, but its owner, %s, does not hold it.",
					 id, refusal_owner(x));
	else if (!asked && !held)
		explain_step(x, "missing", text, "Token %s does not ask for it, and its owner, %s, does not hold it.",
					 id, refusal_owner(x));
	else if (!effective_token_expired(token))
		explain_step(x, "missing", text, "Token %s and its owner, %s, reach it through different groups, which the hub does not bring together.",
					 id, refusal_owner(x));
	if (held && !asked)
		refusal_near_asks(x, asks);
}

/* ---- what was, and what would be ---- */

typedef struct RefusalRoles
{
	Explain    *x;
	ExpandTarget target;
	MemoryContext context;
	int			n;
	char	   *names[REFUSAL_MOST];
} RefusalRoles;

static void
refusal_role(HubRole *role, void *arg)
{
	RefusalRoles *roles = arg;
	Explain    *x = roles->x;
	Scopeset   *expanded = catalogue_expand(x->subject->hub->catalogue, role->raw, &roles->target);

	if (!scopeset_covers_member(expanded, x->required, x->membership))
		return;
	if (roles->n < REFUSAL_MOST)
		roles->names[roles->n] = MemoryContextStrdup(roles->context, role->name);
	roles->n++;
}

static void
refusal_roles(Explain *x)
{
	RefusalRoles roles = {.x = x,.context = CurrentMemoryContext};

	effective_target(&roles.target, x->subject->user, x->subject->service, NULL);
	hub_each_role(x->subject->hub, refusal_role, &roles);
	for (int i = 0; i < Min(roles.n, REFUSAL_MOST); i++)
		explain_step(x, "role", roles.names[i], "The role \"%s\" would give it.", roles.names[i]);
	if (roles.n > REFUSAL_MOST)
		explain_step(x, "role", NULL, "So would %d others.", roles.n - REFUSAL_MOST);
}

/* Shares that were, with the user or with a group that the user is in now. */
static void
refusal_shares(Explain *x)
{
	EffectiveSubject *subject = x->subject;
	HubIds		groups = {0};
	AuditEndedShare *shares;
	int			n;

	if (subject->group != NULL)
		hub_ids_add(&groups, subject->group->id);
	for (int i = 0; subject->user != NULL && i < subject->user->ngroups; i++)
		hub_ids_add(&groups, subject->user->groups[i]->id);
	shares = audit_ended_shares(subject->user ? subject->user->id : 0, &groups, &n);
	for (int i = 0; i < n; i++)
	{
		const char *id = psprintf("%d", shares[i].id);
		Scopeset   *expanded = catalogue_expand(subject->hub->catalogue, shares[i].scopes, NULL);

		if (!scopeset_covers_member(expanded, x->required, x->membership))
			continue;
		if (shares[i].has_expires && shares[i].expires_at <= (Timestamp) shares[i].ended)
			explain_step(x, "share", id, "Share %s gave it until it expired at %s.", id,
						 timestamptz_to_str((TimestampTz) shares[i].expires_at));
		else
			explain_step(x, "share", id, "Share %s gave it until it was taken away at %s.", id,
						 timestamptz_to_str(shares[i].ended));
	}
}

/* Rows that do not parse could be what is missing. */
static void
refusal_defects(Explain *x, const EffectiveGrants *grants)
{
	for (int i = 0; i < grants->n; i++)
	{
		const EffectiveGrant *grant = &grants->grants[i];

		if (grant->defect == NULL)
			continue;
		if (grant->role != NULL)
			explain_step(x, "defect", grant->role->name, "The scopes of the role \"%s\" do not parse and give nothing: %s",
						 grant->role->name, grant->defect);
		else
			explain_step(x, "defect", psprintf("%d", grant->share->id), "The scopes of share %d do not parse and give nothing: %s",
						 grant->share->id, grant->defect);
	}
	if (x->subject->token != NULL && x->subject->token->defect != NULL)
		explain_step(x, "defect", psprintf("%d", x->subject->token->id), "The scopes of token %d do not parse and give nothing: %s",
					 x->subject->token->id, x->subject->token->defect);
}

static void
refusal_undefined(Explain *x)
{
	const Catalogue *catalogue = x->subject->hub->catalogue;
	char	   *suggestion;

	if (catalogue_defines(catalogue, x->required))
		return;
	suggestion = catalogue_suggest(catalogue, x->required);
	if (suggestion != NULL)
		explain_step(x, "missing", explain_text(x->required), "The scope \"%.*s\" does not exist; perhaps \"%s\" is meant.",
					 x->required->base_len, x->required->base, suggestion);
	else
		explain_step(x, "missing", explain_text(x->required), "The scope \"%.*s\" does not exist.",
					 x->required->base_len, x->required->base);
}

void
explain_refusal(Explain *x)
{
	EffectiveSubject *subject = x->subject;
	bool		for_token = subject->kind == SUBJECT_TOKEN;
	EffectiveGrants *grants = effective_grants(subject->way, subject->user, subject->service,
											   subject->group, for_token);
	const char *text = explain_text(x->required);
	int			near;
	int			steps;

	refusal_undefined(x);
	if (for_token)
		refusal_token(x);
	steps = x->step;
	near = for_token && refusal_owner_holds(x, true) ? 0 : refusal_grants(x, grants);
	x->chain = 0;
	x->step = steps;
	if (near > REFUSAL_MOST)
		explain_step(x, "missing", text, "%d other grants are of that scope, too, and none is enough.", near - REFUSAL_MOST);
	if (near == 0 && !for_token)
		explain_step(x, "missing", text, "No role or share of %s \"%s\" gives \"%.*s\", whatever the filter.",
					 effective_kind_names[subject->kind], audit_subject_name(subject),
					 x->required->base_len, x->required->base);
	refusal_defects(x, grants);
	refusal_shares(x);
	if (!for_token || !refusal_owner_holds(x, true))
		refusal_roles(x);
}
