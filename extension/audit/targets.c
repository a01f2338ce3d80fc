/*-------------------------------------------------------------------------
 *
 * targets.c
 *	  The grants that there are, as rows: actual_grants.
 *
 * They are what permissions are made of and what an administrator writes down as
 * desired: who holds which role, who is in which group, who has the hub's admin
 * flag, and what a role holds.  How they compare with what is desired is plain SQL
 * (targets.sql).
 *
 *-------------------------------------------------------------------------
 */
#include "../effective/effective.h"

#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "audit.h"

PG_FUNCTION_INFO_V1(jhub_authz_actual_grants);
PG_FUNCTION_INFO_V1(jhub_authz__is_there);

/* Columns of actual_grants */
enum
{
	GRANTS_SUBJECT_KIND,
	GRANTS_SUBJECT,
	GRANTS_GRANT_KIND,
	GRANTS_GRANTED,
	GRANTS_SCOPES,
	GRANTS_ERROR,
	GRANTS_NCOLUMNS
};

typedef struct Grants
{
	ReturnSetInfo *rsinfo;
	MemoryContext row;			/* reset after each subject */
} Grants;

static void
grants_put(Grants *grants, const char *subject_kind, const char *subject,
		   const char *grant_kind, const char *granted, const HubRole *role)
{
	MemoryContext caller = MemoryContextSwitchTo(grants->row);
	Datum		values[GRANTS_NCOLUMNS];
	bool		nulls[GRANTS_NCOLUMNS];

	CHECK_FOR_INTERRUPTS();
	audit_put(&values[GRANTS_SUBJECT_KIND], &nulls[GRANTS_SUBJECT_KIND], subject_kind);
	audit_put(&values[GRANTS_SUBJECT], &nulls[GRANTS_SUBJECT], subject);
	audit_put(&values[GRANTS_GRANT_KIND], &nulls[GRANTS_GRANT_KIND], grant_kind);
	audit_put(&values[GRANTS_GRANTED], &nulls[GRANTS_GRANTED], granted);
	nulls[GRANTS_SCOPES] = role == NULL;
	values[GRANTS_SCOPES] = role != NULL ? ScopesetPGetDatum(role->raw) : (Datum) 0;
	audit_put(&values[GRANTS_ERROR], &nulls[GRANTS_ERROR], role != NULL ? role->defect : NULL);
	tuplestore_putvalues(grants->rsinfo->setResult, grants->rsinfo->setDesc, values, nulls);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(grants->row);
}

static void
grants_roles(Grants *grants, const char *kind, const char *subject, HubRole **roles, int nroles)
{
	for (int i = 0; i < nroles; i++)
		grants_put(grants, kind, subject, "role", roles[i]->name, NULL);
}

static void
grants_user(Grants *grants, const HubUser *user)
{
	if (user->admin)
		grants_put(grants, "user", user->name, "admin", NULL, NULL);
	grants_roles(grants, "user", user->name, user->roles, user->nroles);
	for (int i = 0; i < user->ngroups; i++)
		grants_put(grants, "user", user->name, "group", user->groups[i]->name, NULL);
}

static void
grants_subject(EffectiveSubject *subject, void *arg)
{
	Grants	   *grants = arg;

	switch (subject->kind)
	{
		case SUBJECT_USER:
			grants_user(grants, subject->user);
			break;
		case SUBJECT_SERVICE:
			if (subject->service->admin)
				grants_put(grants, "service", subject->service->name, "admin", NULL, NULL);
			grants_roles(grants, "service", subject->service->name,
						 subject->service->roles, subject->service->nroles);
			break;
		case SUBJECT_GROUP:
			grants_roles(grants, "group", subject->group->name,
						 subject->group->roles, subject->group->nroles);
			break;
		case SUBJECT_TOKEN:
			break;
	}
}

static void
grants_role(HubRole *role, void *arg)
{
	grants_put(arg, "role", role->name, "scopes", NULL, role);
}

/* actual_grants() - the grants that there are now. */
Datum
jhub_authz_actual_grants(PG_FUNCTION_ARGS)
{
	AuditHub   *hub;
	Grants		grants;

	InitMaterializedSRF(fcinfo, 0);
	hub = audit_hub(fcinfo);
	grants.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	grants.row = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz grants",
									   ALLOCSET_SMALL_SIZES);
	audit_each(hub, SUBJECT_USER, grants_subject, &grants);
	audit_each(hub, SUBJECT_SERVICE, grants_subject, &grants);
	audit_each(hub, SUBJECT_GROUP, grants_subject, &grants);
	hub_each_role(audit_hub_schema(hub), grants_role, &grants);
	return (Datum) 0;
}

/* ---- is there such a one? ---- */

typedef struct GrantsName
{
	const text *name;
	bool		found;
} GrantsName;

static void
grants_found(int id, const char *name, void *arg)
{
	((GrantsName *) arg)->found = true;
}

static void
grants_compare(int id, const char *name, void *arg)
{
	GrantsName *wanted = arg;
	text	   *shown;

	if (wanted->found)
		return;
	shown = module_text_shown(name, strlen(name));
	wanted->found = VARSIZE_ANY_EXHDR(shown) == VARSIZE_ANY_EXHDR(wanted->name) &&
		memcmp(VARDATA_ANY(shown), VARDATA_ANY(wanted->name), VARSIZE_ANY_EXHDR(shown)) == 0;
}

/*
 * May it be shown in another way than the database has it?  ASCII is the same in all
 * encodings of a server; a backslash may be of what one of them has no character for.
 */
static bool
grants_shown_otherwise(const text *name)
{
	const char *str = VARDATA_ANY(name);
	int			len = VARSIZE_ANY_EXHDR(name);

	for (int i = 0; i < len; i++)
		if (str[i] == '\\' || IS_HIGHBIT_SET(str[i]))
			return GetDatabaseEncoding() != PG_UTF8;
	return len == 0;			/* of NULL */
}

/*
 * _is_there(kind, name) - is there a user, service, group or role of this name, as
 * actual_grants() shows it?  By its key; where a name may be shown in another way than
 * the database has it, among all.
 */
Datum
jhub_authz__is_there(PG_FUNCTION_ARGS)
{
	static const char *const kinds[] = {"user", "service", "group", "role", NULL};
	static const HubTable tables[] = {HUB_USERS, HUB_SERVICES, HUB_GROUPS, HUB_ROLES};
	int			kind = settings_word(effective_utf8_string(PG_GETARG_TEXT_PP(0)), kinds);
	GrantsName	wanted = {.name = PG_GETARG_TEXT_PP(1)};
	const HubSchema *hub;

	if (kind < 0)
		PG_RETURN_BOOL(false);
	hub = hub_schema(false, false);
	if (VARSIZE_ANY_EXHDR(wanted.name) > 0)
		hub_one_key(hub, tables[kind], 0, wanted.name, grants_found, &wanted);
	if (!wanted.found && grants_shown_otherwise(wanted.name))
		hub_each_key(hub, tables[kind], grants_compare, &wanted);
	PG_RETURN_BOOL(wanted.found);
}
