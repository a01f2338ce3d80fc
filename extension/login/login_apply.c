/*-------------------------------------------------------------------------
 *
 * login_apply.c
 *	  What the hub does with an allowed login: auth_to_user().
 *
 * The user's row, the flag admin, the default roles, groups, roles that come
 * from the authenticator.  The hub takes these in steps, each committed, and
 * grants at one what the next takes away.  Here the steps are gone through in
 * memory first, and only the state after the last one is written: a login that
 * changes nothing writes nothing, and no token is judged by a state in between.
 *
 *-------------------------------------------------------------------------
 */
#include "login_apply.h"

#include "../hub/hub_login.h"

typedef struct LoginRoles
{
	int			n;
	HubLoginRole *roles;
} LoginRoles;

static int
login_find_role(const LoginRoles *roles, const char *name)
{
	for (int i = 0; i < roles->n; i++)
		if (strcmp(roles->roles[i].name, name) == 0)
			return i;
	return -1;
}

static void
login_add_role(LoginRoles *roles, const char *name, bool managed)
{
	roles->roles = repalloc(roles->roles, sizeof(HubLoginRole) * (roles->n + 1));
	roles->roles[roles->n].name = unconstify(char *, name);
	roles->roles[roles->n++].managed = managed;
}

static void
login_remove_role(LoginRoles *roles, int at)
{
	memmove(roles->roles + at, roles->roles + at + 1,
			sizeof(HubLoginRole) * (roles->n - at - 1));
	roles->n--;
}

/* assign_default_roles: user always, admin as the flag says */
static void
login_default_roles(LoginRoles *roles, bool admin)
{
	int			at = login_find_role(roles, "admin");

	if (admin && at < 0)
		login_add_role(roles, "admin", false);
	else if (!admin && at >= 0)
		login_remove_role(roles, at);
	if (login_find_role(roles, "user") < 0)
		login_add_role(roles, "user", false);
}

/* ---- roles of an authenticator ---- */

pg_noreturn static void
login_bad_role(const char *name, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid role in user_info: \"%s\"",
					name == NULL ? "" : module_from_utf8(name, strlen(name))),
			 errdetail("%s", detail)));
}

/* 3 to 255 characters, begins with a letter, ends with a letter or digit */
static bool
login_role_name_ok(const char *name)
{
	size_t		len = strlen(name);

	if (len < 3 || len > 255 || !(name[0] >= 'a' && name[0] <= 'z'))
		return false;
	for (size_t i = 0; i < len; i++)
		if (!((name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9') ||
			  (i + 1 < len && strchr("-_~.", name[i]) != NULL)))
			return false;
	return true;
}

/* A field that is a list of strings; NULL if it is not there. */
static const LoginValue *
login_role_list(const char *name, const LoginValue *role, const char *key, bool null_ok)
{
	const LoginValue *list = login_get(role, key);

	if (list == NULL || (null_ok && list->kind == LOGIN_NONE))
		return NULL;
	if (list->kind != LOGIN_LIST)
		login_bad_role(name, psprintf("\"%s\" must be a list of strings.", key));
	for (int i = 0; i < list->n; i++)
		if (list->values[i]->kind != LOGIN_STRING)
			login_bad_role(name, psprintf("\"%s\" must be a list of strings.", key));
	return list;
}

/*
 * A scope that the hub would not know is refused, as it refuses it.  What only
 * its configuration may know is let pass, unless option undefined_scopes says
 * otherwise.
 */
static void
login_check_scope(const HubSchema *hub, const char *scope, const Scopeset *set)
{
	UndefinedScopes option = settings_get()->undefined_scopes;

	if (option == UNDEFINED_LOG)
		return;
	if (option == UNDEFINED_AUTO &&
		(strncmp(scope, "custom:", 7) == 0 || hub_is_newer(hub, true)))
		return;
	catalogue_check_defined(hub->catalogue, set);
}

/* The column's text: the scopes in their order, as the hub's json writes them. */
static char *
login_role_scopes(const HubSchema *hub, const LoginValue *list)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '[');
	for (int i = 0; i < list->n; i++)
	{
		const char *scope = list->values[i]->string;
		ScopeMember member;
		Scopeset   *one;
		const char *defect;
		int			where;
		char	   *text;

		if (!scope_parse(scope, (int) strlen(scope), &member, &defect, &where))
			scope_syntax_error(NULL, scope, (int) strlen(scope), defect, where);
		one = scopeset_single(&member);
		login_check_scope(hub, scope, one);
		text = scopeset_to_text(one);
		/* without the brackets */
		appendStringInfo(&buf, "%s%.*s", i > 0 ? ", " : "", (int) strlen(text) - 2, text + 1);
	}
	appendStringInfoChar(&buf, ']');
	return buf.data;
}

/* Nobody may make another role of admin. */
static void
login_check_admin_role(const HubSchema *hub, const HubLoginRoleSpec *spec,
					   const LoginValue *role)
{
	const char *scopes = catalogue_default_role(hub->release, "admin");

	if (spec->no_scopes || (spec->scopes != NULL && strcmp(spec->scopes, scopes) != 0) ||
		(login_get(role, "description") != NULL &&
		 (spec->description == NULL ||
		  strcmp(spec->description, "Elevated privileges (can do anything)") != 0)))
		login_bad_role("admin", "The hub does not let its role admin be changed.");
}

/* create_role() without reset_to_defaults */
static void
login_put_role(const HubSchema *hub, const char *name, const LoginValue *role)
{
	const LoginValue *description = login_get(role, "description");
	const LoginValue *scopes = login_role_list(name, role, "scopes", true);
	HubLoginRoleSpec spec = {name, NULL, NULL, false};

	if (description != NULL && description->kind != LOGIN_STRING && description->kind != LOGIN_NONE)
		login_bad_role(name, "\"description\" must be a string.");
	spec.description = login_str(description);
	if (scopes != NULL)
		spec.scopes = login_role_scopes(hub, scopes);
	/* null takes them away, whereas [] is taken for the default */
	spec.no_scopes = scopes == NULL && login_get(role, "scopes") != NULL;
	if (strcmp(name, "admin") == 0)
		login_check_admin_role(hub, &spec, role);
	hub_login_put_role(hub, &spec);
}

static void
login_strings(const LoginValue *list, char ***strings)
{
	*strings = palloc(sizeof(char *) * Max(list->n, 1));
	for (int i = 0; i < list->n; i++)
		(*strings)[i] = list->values[i]->string;
}

/*
 * The keys users, groups and services replace all who have the role.  Our user's
 * own grant is kept in memory: false if "users" leaves it out.
 */
static void
login_put_members(const HubSchema *hub, const char *name, const LoginValue *role,
				  const HubLoginUser *user, const char *username, bool *listed, bool *has_users)
{
	static const char *const keys[] = {"groups", "services", "users"};
	static const HubTable tables[] = {HUB_GROUPS, HUB_SERVICES, HUB_USERS};

	*has_users = *listed = false;
	for (int i = 0; i < (int) lengthof(keys); i++)
	{
		const LoginValue *list = login_role_list(name, role, keys[i], false);
		char	  **names;

		if (list == NULL)
			continue;
		login_strings(list, &names);
		hub_login_role_members(hub, name, tables[i], names, list->n,
							   tables[i] == HUB_USERS ? user->id : 0);
		if (tables[i] == HUB_USERS)
		{
			*has_users = true;
			*listed = login_contains(list, username);
		}
	}
}

/* The name of a role of the list; a later one of the same name counts. */
static const char *
login_role_name(const LoginValue *roles, int at, bool *last)
{
	const char *name;

	if (roles->values[at]->kind != LOGIN_DICT ||
		(name = login_str(login_get(roles->values[at], "name"))) == NULL)
		login_bad_role(NULL, "A role is an object with a \"name\".");
	*last = true;
	for (int i = at + 1; i < roles->n; i++)
	{
		const char *other = login_str(login_get(roles->values[i], "name"));

		*last &= other == NULL || strcmp(other, name) != 0;
	}
	if (!login_role_name_ok(name))
		login_bad_role(name, "A name has 3 to 255 characters of a-z, 0-9, - _ ~ and ., begins with a letter and ends with a letter or digit.");
	return name;
}

/*
 * sync_roles(): what is not among the roles is stripped, the default roles
 * included; a grant is managed if it is new.  *stripped: names that went.
 */
static void
login_sync_roles(const HubSchema *hub, const LoginValue *wanted, const HubLoginUser *user,
				 const char *username, LoginRoles *roles, LoginRoles *stripped)
{
	LoginRoles	before = *roles;

	if (wanted->kind != LOGIN_LIST)
		login_bad_role(NULL, "\"roles\" must be a list of roles.");
	if (!hub->has_managed_by_auth)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("roles of an authenticator need JupyterHub 5.0 or later")));
	roles->n = 0;
	roles->roles = palloc(sizeof(HubLoginRole));
	for (int i = 0; i < wanted->n; i++)
	{
		const LoginValue *role = wanted->values[i];
		bool		last;
		const char *name = login_role_name(wanted, i, &last);
		int			at = login_find_role(&before, name);
		bool		listed;
		bool		has_users;

		if (!last)
			continue;
		login_put_role(hub, name, role);
		login_put_members(hub, name, role, user, username, &listed, &has_users);
		if (at >= 0 && (!has_users || listed))
			login_add_role(roles, name, before.roles[at].managed);
		else if (at < 0)
			login_add_role(roles, name, !listed);
	}
	for (int i = 0; i < before.n; i++)
	{
		bool		again = false;

		for (int j = 0; j < wanted->n; j++)
			again |= strcmp(login_str(login_get(wanted->values[j], "name")),
							before.roles[i].name) == 0;
		if (!again)
			login_add_role(stripped, before.roles[i].name, false);
	}
}

/* A managed role that was taken off and that nobody has goes, but for those of the configuration. */
static void
login_drop_stripped(const HubSchema *hub, const LoginRoles *stripped, const LoginValue *facts)
{
	char	  **names = palloc(sizeof(char *) * Max(stripped->n, 1));
	int			n = 0;

	for (int i = 0; i < stripped->n; i++)
		if (!login_contains(login_get(facts, "config_roles"), stripped->roles[i].name))
			names[n++] = stripped->roles[i].name;
	if (n > 0)
		hub_login_drop_roles(hub, names, n);
}

static void
login_apply_roles(const HubSchema *hub, const LoginDecision *decision, const HubLoginUser *user,
				  const LoginValue *facts)
{
	LoginRoles	roles;
	LoginRoles	stripped = {0, palloc(sizeof(HubLoginRole))};

	roles.roles = hub_login_roles(hub, user->id, &roles.n);
	login_default_roles(&roles, user->admin);
	if (decision->roles != NULL && decision->roles->kind != LOGIN_NONE)
		login_sync_roles(hub, decision->roles, user, decision->username, &roles, &stripped);
	hub_login_set_roles(hub, user->id, roles.roles, roles.n);
	login_drop_stripped(hub, &stripped, facts);
}

static void
login_apply_groups(const HubSchema *hub, const LoginConfig *config,
				   const LoginDecision *decision, int user_id)
{
	if (!config->manage_groups)
		return;
	if (decision->no_groups)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("manage_groups is set, but user_info says nothing of groups"),
				 errhint("Give \"groups\", or null to leave them as they are.")));
	if (!decision->has_groups)
		return;
	if (decision->ngroups > 0 && !decision->named)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the groups of user \"%s\" are no strings",
						module_from_utf8(decision->username, strlen(decision->username)))));
	hub_login_groups(hub, user_id, decision->groups, decision->ngroups);
}

int
login_apply(const LoginConfig *config, const LoginDecision *decision, const LoginValue *facts)
{
	HubSchema  *hub = hub_schema(false, true);
	HubLoginUser user;

	if (decision->unchanged)
		return hub_user_id(hub, decision->username, true);
	hub_login_user(hub, decision->username, decision->admin == LOGIN_ADMIN_LEAVE,
				   decision->admin == LOGIN_ADMIN_YES, &user);
	login_apply_groups(hub, config, decision, user.id);
	login_apply_roles(hub, decision, &user, facts);
	/* what the hub keeps is encrypted with a key that the database does not have */
	if (!config->enable_auth_state)
		hub_login_no_auth_state(hub, user.id);
	return user.id;
}
