/*-------------------------------------------------------------------------
 *
 * effective_admins.c
 *	  Who is admin or as good as admin, and who can reach more than they hold.
 *
 * Both pass by everybody once, and by the tokens of those owners only of whom
 * there is something to tell: a token holds and reaches no more than its owner.
 *
 *-------------------------------------------------------------------------
 */
#include "escalation.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* The columns that both begin with. */
enum
{
	WHO_KIND,
	WHO_SUBJECT,
	WHO_SCOPE,
	WHO_FILTER_KIND,
	WHO_FILTER_VALUE,
	WHO_OWNER_KIND,
	WHO_OWNER,
	WHO_NCOLUMNS
};

static void
who_put(Datum *values, bool *nulls, const EffectiveSubject *subject, const ScopeMember *scope)
{
	audit_put(&values[WHO_KIND], &nulls[WHO_KIND], effective_kind_names[subject->kind]);
	audit_put(&values[WHO_SUBJECT], &nulls[WHO_SUBJECT], audit_subject_name(subject));
	audit_put_member(&values[WHO_SCOPE], &nulls[WHO_SCOPE], scope);
	audit_put(&values[WHO_FILTER_KIND], &nulls[WHO_FILTER_KIND],
			  scope != NULL && scope->kind != SCOPE_OPEN ? scope_kind_name(scope->kind) : NULL);
	audit_put_len(&values[WHO_FILTER_VALUE], &nulls[WHO_FILTER_VALUE],
				  scope != NULL ? scope->value : NULL, scope != NULL ? scope->value_len : 0);
	audit_put(&values[WHO_OWNER_KIND], &nulls[WHO_OWNER_KIND], audit_owner_kind(subject));
	audit_put(&values[WHO_OWNER], &nulls[WHO_OWNER], audit_owner_name(subject));
}

/* ---- escalation_paths ---- */

/* Columns of escalation_paths */
enum
{
	PATHS_BEGINS = WHO_NCOLUMNS,
	PATHS_STEPS,
	PATHS_NSTEPS,
	PATHS_NCOLUMNS
};

typedef struct Paths
{
	ReturnSetInfo *rsinfo;
	MemoryContext row;			/* reset after each */
} Paths;

static void
paths_put(const Paths *paths, const EffectiveSubject *subject, const Reach *reach, int index)
{
	const Reached *reached = &reach->scopes[index];
	MemoryContext caller = MemoryContextSwitchTo(paths->row);
	Datum		values[PATHS_NCOLUMNS];
	bool		nulls[PATHS_NCOLUMNS] = {false};

	CHECK_FOR_INTERRUPTS();
	who_put(values, nulls, subject, &reached->scope);
	audit_put_member(&values[PATHS_BEGINS], &nulls[PATHS_BEGINS], reach_begins(reach, index));
	audit_put(&values[PATHS_STEPS], &nulls[PATHS_STEPS], reach_steps(reach, index));
	values[PATHS_NSTEPS] = Int32GetDatum(reached->nsteps);
	tuplestore_putvalues(paths->rsinfo->setResult, paths->rsinfo->setDesc, values, nulls);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(paths->row);
}

static bool
paths_one(ReachHub *hub, EffectiveSubject *subject, const Scopeset *held, void *arg)
{
	Reach	   *reach;

	if (!reach_may_write(subject, held))
		return false;
	reach = reach_of(hub, subject, held);
	for (int i = 0; i < reach->n; i++)
		if (reach->scopes[i].nsteps > 0)
			paths_put(arg, subject, reach, i);
	/* a token that holds less may reach what its owner holds */
	return true;
}

PG_FUNCTION_INFO_V1(jhub_authz__escalation_paths);
Datum
jhub_authz__escalation_paths(PG_FUNCTION_ARGS)
{
	ReachHub	hub;
	Paths		paths = {.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo};

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	paths.row = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz path", ALLOCSET_SMALL_SIZES);
	reach_begin(&hub, fcinfo);
	reach_each(&hub, fcinfo, paths_one, &paths);
	reach_end(&hub);
	return (Datum) 0;
}

/* ---- effective_admins ---- */

/* Columns of effective_admins */
enum
{
	ADMINS_HOW = WHO_NCOLUMNS,
	ADMINS_IS_ADMIN,
	ADMINS_VIA_ROLE,
	ADMINS_VIA_GROUP,
	ADMINS_PATH,
	ADMINS_NCOLUMNS
};

typedef struct Admins
{
	ReturnSetInfo *rsinfo;
	const Scopeset *all;		/* what the default role admin holds, expanded */
	ScopeMember tokens;
	ScopeMember servers;
} Admins;

static bool
admins_flag(const EffectiveSubject *subject)
{
	if (subject->kind == SUBJECT_TOKEN)
		return false;
	return subject->user != NULL ? subject->user->admin : subject->service->admin;
}

static void
admins_put(Admins *admins, EffectiveSubject *subject, const ScopeMember *scope, const char *how,
		   const EffectiveGrant *grant, const char *path)
{
	Datum		values[ADMINS_NCOLUMNS];
	bool		nulls[ADMINS_NCOLUMNS] = {false};

	who_put(values, nulls, subject, scope);
	audit_put(&values[ADMINS_HOW], &nulls[ADMINS_HOW], how);
	values[ADMINS_IS_ADMIN] = BoolGetDatum(admins_flag(subject));
	nulls[ADMINS_IS_ADMIN] = subject->kind == SUBJECT_TOKEN;
	audit_put(&values[ADMINS_VIA_ROLE], &nulls[ADMINS_VIA_ROLE],
			  grant != NULL && grant->role != NULL ? grant->role->name : NULL);
	audit_put(&values[ADMINS_VIA_GROUP], &nulls[ADMINS_VIA_GROUP],
			  grant != NULL && grant->group != NULL ? grant->group->name : NULL);
	audit_put(&values[ADMINS_PATH], &nulls[ADMINS_PATH], path);
	tuplestore_putvalues(admins->rsinfo->setResult, admins->rsinfo->setDesc, values, nulls);
}

/* The role admin, from whichever side; a row for each. */
static bool
admins_role(Admins *admins, ReachHub *hub, EffectiveSubject *subject)
{
	EffectiveGrants *grants;
	const EffectiveGrant *last = NULL;
	bool		any = false;

	if (subject->kind == SUBJECT_TOKEN)
		return false;
	grants = effective_grants(subject->way, subject->user, subject->service, NULL, false);
	for (int i = 0; i < grants->n; i++)
	{
		const EffectiveGrant *grant = &grants->grants[i];

		if (grant->role == NULL || strcmp(grant->role->name, "admin") != 0 ||
			(last != NULL && last->group == grant->group))
			continue;
		last = grant;
		any = true;
		admins_put(admins, subject, NULL, "role", grant, NULL);
	}
	return any;
}

/* A permission that is held, with the grants that give it; a row for each. */
static bool
admins_scope(Admins *admins, ReachHub *hub, EffectiveSubject *subject, const Scopeset *held,
			 const ScopeMember *scope, const char *how)
{
	EffectiveGrants *grants;
	const EffectiveGrant *last = NULL;

	if (!scopeset_covers_member(held, scope, NULL))
		return false;
	grants = effective_grants(subject->way, subject->user, subject->service, NULL,
							  subject->kind == SUBJECT_TOKEN);
	for (int i = 0; i < grants->n; i++)
	{
		const EffectiveGrant *grant = &grants->grants[i];

		/* a role that gives it by two of its scopes gives it once */
		if (grant->scopes == NULL || !scopeset_covers_member(grant->scopes, scope, NULL) ||
			(last != NULL && grant->role != NULL && last->role == grant->role && last->group == grant->group))
			continue;
		last = grant;
		admins_put(admins, subject, scope, how, grant, NULL);
	}
	return true;
}

/* All that the role admin holds, by some steps; or access to all servers. */
static bool
admins_reach(Admins *admins, ReachHub *hub, EffectiveSubject *subject, const Scopeset *held)
{
	Reach	   *reach;
	bool		all;

	if (!reach_may_write(subject, held))
		return false;
	reach = reach_of(hub, subject, held);
	all = scopeset_covers_with(reach->all, admins->all, NULL);
	if (!all && (scopeset_covers_member(held, &admins->servers, NULL) ||
				 !scopeset_covers_member(reach->all, &admins->servers, NULL)))
		return false;
	for (int i = reach->n - 1; i >= 0; i--)
		if (reach->scopes[i].nsteps > 0 &&
			(all || scopeset_covers_member(scopeset_single(&reach->scopes[i].scope), &admins->servers, NULL)))
		{
			admins_put(admins, subject, reach_begins(reach, i), all ? "reaches" : "reaches servers",
					   NULL, reach_steps(reach, i));
			return true;
		}
	return false;
}

static bool
admins_one(ReachHub *hub, EffectiveSubject *subject, const Scopeset *held, void *arg)
{
	Admins	   *admins = arg;
	bool		all = scopeset_covers_with(held, admins->all, NULL);
	bool		any = false;

	if (admins_flag(subject))
	{
		any = true;
		admins_put(admins, subject, NULL, "flag", NULL, NULL);
	}
	any |= admins_role(admins, hub, subject);
	if (all)
	{
		any = true;
		admins_put(admins, subject, NULL, "scopes", NULL, NULL);
	}
	else
		any |= admins_reach(admins, hub, subject, held);
	any |= admins_scope(admins, hub, subject, held, &admins->tokens, "tokens");
	any |= admins_scope(admins, hub, subject, held, &admins->servers, "servers");
	return any;
}

PG_FUNCTION_INFO_V1(jhub_authz__effective_admins);
Datum
jhub_authz__effective_admins(PG_FUNCTION_ARGS)
{
	ReachHub	hub;
	Admins		admins = {.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo};
	const HubSchema *schema;
	const char *json;
	char	   *defect;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	reach_begin(&hub, fcinfo);
	schema = audit_hub_schema(hub.audit);
	json = catalogue_default_role(schema->release, "admin");
	admins.all = catalogue_expand(schema->catalogue, hub_parse_scopes(json, &defect), NULL);
	effective_parse_scope("tokens", 6, &admins.tokens);
	effective_parse_scope("access:servers", 14, &admins.servers);
	reach_each(&hub, fcinfo, admins_one, &admins);
	reach_end(&hub);
	return (Datum) 0;
}
