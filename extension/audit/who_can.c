/*-------------------------------------------------------------------------
 *
 * who_can.c
 *	  Who holds a permission, or held it at a moment, found from the grants that
 *	  can give it.
 *
 * Not everybody is computed.  First the roles and shares are looked through for
 * those that can give what is required; who holds one of them, and whom the
 * filter of what is required names (roles like "self" mean their holder), is a
 * candidate.  For the candidates the answer is computed as for any single
 * question, so a candidate too many does no harm; and tokens are looked at only
 * where their owner holds what is required.
 *
 *-------------------------------------------------------------------------
 */
#include "audit.h"

#include "../hub/hub_audit.h"
#include "../hub/hub_past.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/*
 * So many tokens are looked at together: their clients are read in one go, which
 * passes by all servers, and of the past by all that there ever were.  They take
 * some hundred bytes each.
 */
#define WHO_BATCH	8000

typedef struct WhoCan
{
	const HubSchema *hub;
	const ScopeMember *required;
	ScopeMembership *membership;	/* of whom the required filter names */
	HubIds		roles;
	HubIds		users;
	HubIds		groups;
	HubIds		services;
	MemoryContext context;		/* of these lists */

	HubData    *data;			/* the candidates */
	EffectiveWay *way;
	AuditScopeRows rows;
	HubIds		owner_users;	/* whose tokens may hold it */
	HubIds		owner_services;

	MemoryContext batch;		/* of tokens that wait to be looked at */
	int			ntokens;
	HubToken  **tokens;			/* WHO_BATCH */
} WhoCan;

static bool
who_meets(const WhoCan *who, const Scopeset *scopes)
{
	return scopeset_covers_member(scopes, who->required, who->membership);
}

/* Does a set of raw scopes, expanded for nobody, meet what is required? */
static bool
who_can_give(const WhoCan *who, const Scopeset *raw)
{
	Scopeset   *expanded = catalogue_expand(who->hub->catalogue, raw, NULL);
	bool		result = who_meets(who, expanded);

	pfree(expanded);
	return result;
}

static void
who_add(WhoCan *who, HubIds *ids, int id)
{
	MemoryContext caller = MemoryContextSwitchTo(who->context);

	if (id != 0)
		hub_ids_add(ids, id);
	MemoryContextSwitchTo(caller);
}

static void
who_look_at_role(HubRole *role, void *arg)
{
	WhoCan	   *who = arg;

	if (who_can_give(who, role->raw))
		who_add(who, &who->roles, role->id);
}

/* A share with !server or !service means what its client stands for. */
static void
who_look_at_share(HubShare *share, int user_id, int group_id, void *arg)
{
	WhoCan	   *who = arg;

	if (who_can_give(who, share->scopes) || who_meets(who, share->scopes) ||
		scopeset_has_kind(share->scopes, SCOPE_SERVER_SELF) ||
		scopeset_has_kind(share->scopes, SCOPE_SERVICE_SELF))
	{
		who_add(who, &who->users, user_id);
		who_add(who, &who->groups, group_id);
	}
}

/* Whom the required filter names: for "self", "!user" and their kin. */
static void
who_add_named(WhoCan *who)
{
	const ScopeMember *required = who->required;
	char	   *name;

	if (required->value == NULL)
		return;
	switch (required->kind)
	{
		case SCOPE_USER:
			name = pnstrdup(required->value, required->value_len);
			who_add(who, &who->users, hub_user_id(who->hub, name, false));
			/* in 2.x, "!user" is a service's name too */
			who_add(who, &who->services, hub_service_id(who->hub, name, false));
			break;
		case SCOPE_SERVER:
			name = pnstrdup(required->value,
							scope_server_owner_len(required->value, required->value_len));
			who_add(who, &who->users, hub_user_id(who->hub, name, false));
			who_add(who, &who->services, hub_service_id(who->hub, name, false));
			break;
		case SCOPE_SERVICE:
			name = pnstrdup(required->value, required->value_len);
			who_add(who, &who->services, hub_service_id(who->hub, name, false));
			break;
		default:
			break;
	}
}

/* Load everybody who might hold it. */
static void
who_load_candidates(WhoCan *who)
{
	HubWant		want;

	who_add_named(who);
	hub_each_role(who->hub, who_look_at_role, who);
	hub_each_share(who->hub, who_look_at_share, who);
	hub_add_holders(who->hub, &who->roles, &who->users, &who->groups, &who->services);
	hub_add_members(who->hub, &who->groups, &who->users);
	hub_ids_unique(&who->users);
	hub_ids_unique(&who->groups);
	hub_ids_unique(&who->services);

	memset(&want, 0, sizeof(want));
	want.users = who->users.ids;
	want.nusers = who->users.n;
	want.groups = who->groups.ids;
	want.ngroups = who->groups.n;
	want.services = who->services.ids;
	want.nservices = who->services.n;
	who->data = hub_load(who->hub, &want, false);
	who->way = effective_way(who->data, effective_reading_flags());
}

static void
who_subject(WhoCan *who, EffectiveSubject *subject, SubjectKind kind)
{
	memset(subject, 0, sizeof(*subject));
	subject->kind = kind;
	subject->data = who->data;
	subject->way = who->way;
}

/* Can a token of this owner hold it?  What limits tokens is not what is held. */
static bool
who_limit_meets(WhoCan *who, HubUser *user, HubService *service)
{
	EffectiveGrants *grants = effective_grants(who->way, user, service, NULL, true);

	for (int i = 0; i < grants->n; i++)
		if (grants->grants[i].scopes != NULL && who_meets(who, grants->grants[i].scopes))
			return true;
	return false;
}

static void
who_owners(WhoCan *who)
{
	EffectiveSubject subject;
	HubUser   **users;
	HubService **services;
	HubGroup  **groups;
	int			n;
	MemoryContext row = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz who_can",
											  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(row);

	users = hub_users(who->data, &n);
	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		who_subject(who, &subject, SUBJECT_USER);
		subject.user = users[i];
		if (who_meets(who, effective_user(who->way, users[i], NULL)))
			audit_scope_rows(&who->rows, &subject);
		if (who_limit_meets(who, users[i], NULL))
			who_add(who, &who->owner_users, users[i]->id);
		MemoryContextReset(row);
	}
	services = hub_services(who->data, &n);
	for (int i = 0; i < n; i++)
	{
		who_subject(who, &subject, SUBJECT_SERVICE);
		subject.service = services[i];
		if (who_meets(who, effective_service(who->way, services[i], NULL)))
			audit_scope_rows(&who->rows, &subject);
		if (who_limit_meets(who, NULL, services[i]))
			who_add(who, &who->owner_services, services[i]->id);
		MemoryContextReset(row);
	}

	/* groups that came with a member are loaded as well */
	groups = hub_groups(who->data, &n);
	for (int i = 0; i < n; i++)
	{
		who_subject(who, &subject, SUBJECT_GROUP);
		subject.group = groups[i];
		if (who_meets(who, effective_group(who->way, groups[i], NULL)))
			audit_scope_rows(&who->rows, &subject);
		MemoryContextReset(row);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(row);
}

static void
who_token(WhoCan *who, HubToken *token)
{
	EffectiveSubject subject;

	CHECK_FOR_INTERRUPTS();
	who_subject(who, &subject, SUBJECT_TOKEN);
	subject.token = token;
	if (token->user_id != 0)
		subject.user = hub_user(who->data, token->user_id);
	else if (token->service_id != 0)
		subject.service = hub_service(who->data, token->service_id);
	if (who_meets(who, effective_token(who->way, token, NULL, NULL)))
		audit_scope_rows(&who->rows, &subject);
}

static void
who_batch(WhoCan *who)
{
	MemoryContext caller = MemoryContextSwitchTo(who->batch);

	hub_clients_of_tokens(who->data, who->tokens, who->ntokens);
	for (int i = 0; i < who->ntokens; i++)
		who_token(who, who->tokens[i]);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(who->batch);
	who->ntokens = 0;
}

static void
who_keep_token(HubToken *token, void *arg)
{
	WhoCan	   *who = arg;
	MemoryContext caller = MemoryContextSwitchTo(who->batch);

	who->tokens[who->ntokens++] = effective_copy_token(token);
	MemoryContextSwitchTo(caller);
	if (who->ntokens == WHO_BATCH)
		who_batch(who);
}

/*
 * Rows of effective_scopes, of everybody who holds it in this hub, live or of the
 * past: only of the permissions that meet it.
 */
static void
who_answer(FunctionCallInfo fcinfo, WhoCan *who)
{
	HubWant		nobody = {0};
	HubTokenWant want = {.live_only = true};

	audit_scope_rows_begin(&who->rows, fcinfo);
	who->context = CurrentMemoryContext;

	/* members of groups are asked of a model that holds nobody, by name */
	who->membership = hub_membership(hub_load(who->hub, &nobody, false));
	who_load_candidates(who);
	who->rows.required = who->required;
	who->rows.membership = who->membership;
	who_owners(who);

	want.users = who->owner_users.ids;
	want.nusers = who->owner_users.n;
	want.services = who->owner_services.ids;
	want.nservices = who->owner_services.n;
	who->tokens = palloc(sizeof(HubToken *) * WHO_BATCH);
	who->batch = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz who_can tokens",
									   ALLOCSET_DEFAULT_SIZES);
	hub_each_token(who->hub, &want, false, who_keep_token, who);
	who_batch(who);
}

static void
who_required(text *value, ScopeMember *required)
{
	int			len;
	const char *str = effective_utf8(value, &len);

	effective_parse_scope(str, len, required);
	effective_refuse_self(required);
}

/* who_can(required) */
PG_FUNCTION_INFO_V1(jhub_authz_who_can);
Datum
jhub_authz_who_can(PG_FUNCTION_ARGS)
{
	ScopeMember required;
	WhoCan		who = {.required = &required};

	who_required(PG_GETARG_TEXT_PP(0), &required);
	who.hub = hub_schema(false, false);
	who_answer(fcinfo, &who);
	return (Datum) 0;
}

/*
 * who_could(required, at) - the same of a moment.  Tokens that had expired by then
 * are left out.  Errors as of hub_schema_at.
 */
PG_FUNCTION_INFO_V1(jhub_authz_who_could);
Datum
jhub_authz_who_could(PG_FUNCTION_ARGS)
{
	ScopeMember required;
	WhoCan		who = {.required = &required};

	who_required(PG_GETARG_TEXT_PP(0), &required);
	who.hub = hub_schema_at(PG_GETARG_TIMESTAMPTZ(1), false, false);
	who_answer(fcinfo, &who);
	return (Datum) 0;
}
