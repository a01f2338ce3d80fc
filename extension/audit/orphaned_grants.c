/*-------------------------------------------------------------------------
 *
 * orphaned_grants.c
 *	  Grants that give nothing, or not what they say.
 *
 * One pass over all that stores scopes, or a look at one subject, if the query
 * asks for one by its name.  What a grant is to somebody is not looked at, only
 * what is written in it.
 *
 * In a pass over all, as many names of users, servers and the like are kept as fit
 * into half of what a hash may take.  What has a filter that names somebody else
 * waits, with others, until those names are looked up: of one subject all of them are.
 * What names nobody comes after that, so that rows of a kind are in no order.
 *
 *-------------------------------------------------------------------------
 */
#include "audit.h"

#include "catalog/pg_type.h"
#include "executor/nodeHash.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* so many of those that wait, and this part of the memory of a hash, are looked up at a time */
#define ORPHANS_WAITING		1000
#define ORPHANS_PART		8

/* Columns of orphaned_grants */
enum
{
	ORPHAN_KIND,
	ORPHAN_SUBJECT,
	ORPHAN_SCOPE,
	ORPHAN_FILTER_KIND,
	ORPHAN_FILTER_VALUE,
	ORPHAN_DEFECT,
	ORPHAN_DETAIL,
	ORPHAN_NCOLUMNS
};

typedef struct Orphans
{
	ReturnSetInfo *rsinfo;
	const HubSchema *hub;
	HubNameSets *known;			/* some of those who are there; NULL: none */
	HubNameSets *names;			/* whoever the filters that are looked at name, if there */
	MemoryContext row;			/* reset after each that stores scopes */
	MemoryContext waiting_context;	/* reset when they are looked up */
	List	   *waiting;		/* of HubStored */
} Orphans;

static const char *const orphan_kinds[] = {
	[HUB_STORED_ROLE] = "role",
	[HUB_STORED_CLIENT] = "client",
	[HUB_STORED_SHARE] = "share",
	[HUB_STORED_SHARE_CODE] = "share code",
	[HUB_STORED_TOKEN] = "token"
};

static void
orphan_put(Orphans *orphans, const HubStored *stored, const ScopeMember *scope,
		   const char *defect, const char *detail)
{
	Datum		values[ORPHAN_NCOLUMNS];
	bool		nulls[ORPHAN_NCOLUMNS];

	audit_put(&values[ORPHAN_KIND], &nulls[ORPHAN_KIND], orphan_kinds[stored->kind]);
	audit_put(&values[ORPHAN_SUBJECT], &nulls[ORPHAN_SUBJECT], stored->name);
	audit_put_member(&values[ORPHAN_SCOPE], &nulls[ORPHAN_SCOPE], scope);
	audit_put(&values[ORPHAN_FILTER_KIND], &nulls[ORPHAN_FILTER_KIND],
			  scope != NULL && scope->kind != SCOPE_OPEN ? scope_kind_name(scope->kind) : NULL);
	audit_put_len(&values[ORPHAN_FILTER_VALUE], &nulls[ORPHAN_FILTER_VALUE],
				  scope != NULL ? scope->value : NULL, scope != NULL ? scope->value_len : 0);
	audit_put(&values[ORPHAN_DEFECT], &nulls[ORPHAN_DEFECT], defect);
	audit_put(&values[ORPHAN_DETAIL], &nulls[ORPHAN_DETAIL], detail);
	tuplestore_putvalues(orphans->rsinfo->setResult, orphans->rsinfo->setDesc, values, nulls);
}

static void
orphan_scope(Orphans *orphans, const HubStored *stored, const ScopeMember *scope)
{
	if (!catalogue_defines(orphans->hub->catalogue, scope))
	{
		char	   *suggestion = catalogue_suggest(orphans->hub->catalogue, scope);

		orphan_put(orphans, stored, scope, "undefined",
				   suggestion != NULL ?
				   psprintf("The scope does not exist; perhaps \"%s\" is meant.", suggestion) :
				   "The scope does not exist.");
	}
	if (scope->kind == SCOPE_SERVER && memchr(scope->value, '/', scope->value_len) == NULL)
		orphan_put(orphans, stored, scope, "no slash",
				   "A server is named as owner/name, and its owner's default server as owner/.");
	else if (!hub_filter_names(orphans->names, scope))
		orphan_put(orphans, stored, scope, "names nobody",
				   psprintf("There is no %s \"%.*s\"; if one is made, it takes effect.",
							scope_kind_name(scope->kind), scope->value_len, scope->value));
}

/* The hub's own roles are given to tokens and servers, not to holders. */
static bool
orphan_is_default_role(const Orphans *orphans, const HubStored *stored)
{
	return catalogue_default_role(orphans->hub->release, stored->name) != NULL;
}

static void
orphan_look(Orphans *orphans, const HubStored *stored)
{
	MemoryContext caller = MemoryContextSwitchTo(orphans->row);
	ScopeIter	iter;
	ScopeMember scope;

	CHECK_FOR_INTERRUPTS();
	if (stored->defect != NULL)
		orphan_put(orphans, stored, NULL, "does not parse", stored->defect);
	scope_iter_init(&iter, stored->scopes);
	while (scope_iter_next(&iter, &scope))
		orphan_scope(orphans, stored, &scope);
	switch (stored->kind)
	{
		case HUB_STORED_ROLE:
			if (stored->defect == NULL && scopeset_is_empty(stored->scopes))
				orphan_put(orphans, stored, NULL, "empty role", "The role has no scopes.");
			if (!stored->attached && !orphan_is_default_role(orphans, stored))
				orphan_put(orphans, stored, NULL, "unheld role", "No user, group or service has the role.");
			break;
		case HUB_STORED_CLIENT:
			if (!stored->attached)
				orphan_put(orphans, stored, NULL, "no target", "The OAuth client belongs to no server or service.");
			break;
		case HUB_STORED_SHARE:
		case HUB_STORED_SHARE_CODE:
			if (!stored->attached)
				orphan_put(orphans, stored, NULL, "no target", "There is no server that it shares.");
			break;
		case HUB_STORED_TOKEN:
			if (!stored->attached)
				orphan_put(orphans, stored, NULL, "no owner", "The token belongs to no user or service.");
			break;
	}
	MemoryContextSwitchTo(caller);
	MemoryContextReset(orphans->row);
}

/* ---- who is there ---- */

/* Look up whom those that wait name, and look at them. */
static void
orphan_look_up(Orphans *orphans)
{
	MemoryContext caller = MemoryContextSwitchTo(orphans->waiting_context);
	int			n = list_length(orphans->waiting);
	const Scopeset **sets = palloc(sizeof(Scopeset *) * Max(n, 1));
	ListCell   *cell;

	foreach(cell, orphans->waiting)
	{
		sets[foreach_current_index(cell)] = ((HubStored *) lfirst(cell))->scopes;
	}
	orphans->names = hub_name_sets_of(orphans->hub, sets, n);
	foreach(cell, orphans->waiting)
	{
		orphan_look(orphans, lfirst(cell));
	}
	orphans->waiting = NIL;
	MemoryContextSwitchTo(caller);
	MemoryContextReset(orphans->waiting_context);
}

static void
orphan_wait(Orphans *orphans, const HubStored *stored)
{
	MemoryContext caller = MemoryContextSwitchTo(orphans->waiting_context);
	HubStored  *copy = palloc(sizeof(HubStored));

	*copy = *stored;
	copy->name = pstrdup(stored->name);
	copy->scopes = (const Scopeset *) PG_DETOAST_DATUM_COPY(PointerGetDatum(stored->scopes));
	if (stored->defect != NULL)
		copy->defect = pstrdup(stored->defect);
	orphans->waiting = lappend(orphans->waiting, copy);
	MemoryContextSwitchTo(caller);
	if (list_length(orphans->waiting) >= ORPHANS_WAITING ||
		MemoryContextMemAllocated(orphans->waiting_context, true) > get_hash_memory_limit() / ORPHANS_PART)
		orphan_look_up(orphans);
}

static bool
orphan_knows(const Orphans *orphans, const Scopeset *scopes)
{
	ScopeIter	iter;
	ScopeMember scope;

	if (orphans->known == NULL)
		return false;
	scope_iter_init(&iter, scopes);
	while (scope_iter_next(&iter, &scope))
		if (!hub_filter_names(orphans->known, &scope))
			return false;
	return true;
}

static void
orphan_pass(const HubStored *stored, void *arg)
{
	Orphans    *orphans = arg;

	CHECK_FOR_INTERRUPTS();
	if (!orphan_knows(orphans, stored->scopes))
	{
		orphan_wait(orphans, stored);
		return;
	}
	orphans->names = orphans->known;
	orphan_look(orphans, stored);
}

/* ---- functions ---- */

/* What the query asks for; false if there is no such kind. */
static bool
orphan_want(FunctionCallInfo fcinfo, HubStoredWant *want)
{
	Datum		value;

	memset(want, 0, sizeof(*want));
	if (module_asked(fcinfo, ORPHAN_SUBJECT + 1, TEXTOID, &value))
		want->name = DatumGetTextPP(value);
	if (!module_asked(fcinfo, ORPHAN_KIND + 1, TEXTOID, &value))
		return true;
	want->one_kind = true;
	for (int kind = 0; kind < (int) lengthof(orphan_kinds); kind++)
	{
		want->kind = kind;
		if (strcmp(TextDatumGetCString(value), orphan_kinds[kind]) == 0)
			return true;
	}
	return false;
}

PG_FUNCTION_INFO_V1(jhub_authz__orphaned_grants);
Datum
jhub_authz__orphaned_grants(PG_FUNCTION_ARGS)
{
	Orphans		orphans = {.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo};
	HubStoredWant want;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	orphans.hub = hub_schema(false, false);
	if (!orphan_want(fcinfo, &want))
		return (Datum) 0;
	orphans.row = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz orphan",
										ALLOCSET_DEFAULT_SIZES);
	orphans.waiting_context = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz orphans",
													ALLOCSET_DEFAULT_SIZES);
	if (want.name == NULL)
		orphans.known = hub_name_sets(orphans.hub, get_hash_memory_limit() / 2);
	hub_each_stored(orphans.hub, &want, orphan_pass, &orphans);
	orphan_look_up(&orphans);
	return (Datum) 0;
}
