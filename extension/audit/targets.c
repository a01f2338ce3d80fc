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
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

#include "audit.h"

PG_FUNCTION_INFO_V1(jhub_authz_actual_grants);

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

/* actual_grants() - the grants that there are now. */
Datum
jhub_authz_actual_grants(PG_FUNCTION_ARGS)
{
	HubWant		want = {.everyone = true};
	HubData    *data;
	Grants		grants;
	HubUser   **users;
	HubService **services;
	HubGroup  **groups;
	HubRole   **roles;
	int			n;

	InitMaterializedSRF(fcinfo, 0);
	data = hub_load(hub_schema(false, false), &want, false);
	grants.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	grants.row = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz grants",
									   ALLOCSET_SMALL_SIZES);
	users = hub_users(data, &n);
	for (int i = 0; i < n; i++)
		grants_user(&grants, users[i]);
	services = hub_services(data, &n);
	for (int i = 0; i < n; i++)
	{
		if (services[i]->admin)
			grants_put(&grants, "service", services[i]->name, "admin", NULL, NULL);
		grants_roles(&grants, "service", services[i]->name, services[i]->roles, services[i]->nroles);
	}
	groups = hub_groups(data, &n);
	for (int i = 0; i < n; i++)
		grants_roles(&grants, "group", groups[i]->name, groups[i]->roles, groups[i]->nroles);
	roles = hub_roles(data, &n);
	for (int i = 0; i < n; i++)
		grants_put(&grants, "role", roles[i]->name, "scopes", NULL, roles[i]);
	hub_free(data);
	return (Datum) 0;
}
