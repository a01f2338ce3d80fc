/*-------------------------------------------------------------------------
 *
 * group_fillers.c
 *	  Who may put somebody into a group, and all that is held with it: what findings
 *	  look for toxic combinations in.
 *
 * As for who_can, the roles and shares are looked through for those that can give
 * it, and whoever holds one of them is looked at, in order of id, so that they are
 * read in parts that fit into work_mem.  A filter that means its holder ("!user") is
 * none by group, and passed over.
 *
 *-------------------------------------------------------------------------
 */
#include "audit.h"

#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* Columns of _group_fillers */
enum
{
	FILLERS_SUBJECT_KIND,
	FILLERS_SUBJECT,
	FILLERS_SCOPES,
	FILLERS_NCOLUMNS
};

typedef struct Fillers
{
	ReturnSetInfo *rsinfo;
	AuditHub   *hub;
	const HubSchema *schema;
	const Scopeset *wanted;		/* groups */
	MemoryContext row;			/* reset after each subject */
	HubIds		roles;
	HubIds		groups;
	HubIds		users;
	HubIds		services;
	HubIds	   *keys;			/* where the next one that is found by name goes */
} Fillers;

/* ---- who could ---- */

static bool
fillers_can_give(const Fillers *fillers, const Scopeset *raw)
{
	return scopeset_overlaps_with(raw, fillers->wanted, NULL) ||
		scopeset_overlaps_with(catalogue_expand(fillers->schema->catalogue, raw, NULL), fillers->wanted, NULL);
}

static void
fillers_look_at_role(HubRole *role, void *arg)
{
	Fillers    *fillers = arg;

	if (fillers_can_give(fillers, role->raw))
		hub_ids_add(&fillers->roles, role->id);
}

static void
fillers_look_at_share(HubShare *share, int user_id, int group_id, void *arg)
{
	Fillers    *fillers = arg;

	if (!fillers_can_give(fillers, share->scopes))
		return;
	if (user_id != 0)
		hub_ids_add(&fillers->users, user_id);
	if (group_id != 0)
		hub_ids_add(&fillers->groups, group_id);
}

static void
fillers_candidates(Fillers *fillers)
{
	hub_each_role(fillers->schema, fillers_look_at_role, fillers);
	hub_each_share(fillers->schema, fillers_look_at_share, fillers);
	hub_add_holders(fillers->schema, &fillers->roles, &fillers->users, &fillers->groups, &fillers->services);
	hub_add_members(fillers->schema, &fillers->groups, &fillers->users);
}

static void
fillers_key(int id, const char *name, void *arg)
{
	Fillers    *fillers = arg;

	hub_ids_add(fillers->keys, id);
}

/* Those of this name. */
static void
fillers_named(Fillers *fillers, const text *name)
{
	fillers->keys = &fillers->users;
	hub_one_key(fillers->schema, HUB_USERS, 0, name, fillers_key, fillers);
	fillers->keys = &fillers->services;
	hub_one_key(fillers->schema, HUB_SERVICES, 0, name, fillers_key, fillers);
}

/* ---- who does ---- */

static void
fillers_put(Fillers *fillers, EffectiveSubject *subject)
{
	char	   *error;
	const Scopeset *scopes = effective_subject_scopes(subject, &error);
	Datum		values[FILLERS_NCOLUMNS];
	bool		nulls[FILLERS_NCOLUMNS] = {false};

	if (!scopeset_overlaps_with(scopes, fillers->wanted, NULL))
		return;
	audit_put(&values[FILLERS_SUBJECT_KIND], &nulls[FILLERS_SUBJECT_KIND], effective_kind_names[subject->kind]);
	audit_put(&values[FILLERS_SUBJECT], &nulls[FILLERS_SUBJECT], audit_subject_name(subject));
	values[FILLERS_SCOPES] = ScopesetPGetDatum(scopes);
	tuplestore_putvalues(fillers->rsinfo->setResult, fillers->rsinfo->setDesc, values, nulls);
}

static void
fillers_each(Fillers *fillers, SubjectKind kind, HubIds *ids)
{
	MemoryContext caller = CurrentMemoryContext;

	hub_ids_unique(ids);
	for (int i = 0; i < ids->n; i++)
	{
		EffectiveSubject subject;

		CHECK_FOR_INTERRUPTS();
		if (!audit_subject(fillers->hub, kind, ids->ids[i], &subject))
			continue;
		MemoryContextSwitchTo(fillers->row);
		fillers_put(fillers, &subject);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(fillers->row);
	}
}

/*
 * _group_fillers(asked) - users and services that hold some of "groups", which lets
 * one write who is in a group; of this name, or all.  Of a name that may be shown in
 * another way than the database has it there are all as well.
 */
PG_FUNCTION_INFO_V1(jhub_authz__group_fillers);
Datum
jhub_authz__group_fillers(PG_FUNCTION_ARGS)
{
	Fillers		fillers = {.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo};
	const text *asked = PG_ARGISNULL(0) ? NULL : PG_GETARG_TEXT_PP(0);
	ScopeMember groups;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	fillers.hub = audit_hub(fcinfo);
	fillers.schema = audit_hub_schema(fillers.hub);
	effective_parse_scope("groups", 6, &groups);
	fillers.wanted = scopeset_single(&groups);
	fillers.row = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz group fillers",
										ALLOCSET_DEFAULT_SIZES);
	/* here, so that they do not lie where rows are read */
	hub_ids_begin(&fillers.roles);
	hub_ids_begin(&fillers.groups);
	hub_ids_begin(&fillers.users);
	hub_ids_begin(&fillers.services);
	if (asked != NULL && GetDatabaseEncoding() == PG_UTF8 && VARSIZE_ANY_EXHDR(asked) > 0)
		fillers_named(&fillers, asked);
	else
		fillers_candidates(&fillers);
	fillers_each(&fillers, SUBJECT_USER, &fillers.users);
	fillers_each(&fillers, SUBJECT_SERVICE, &fillers.services);
	return (Datum) 0;
}
