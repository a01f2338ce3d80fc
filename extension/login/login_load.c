/*-------------------------------------------------------------------------
 *
 * login_load.c
 *	  load_login_config(): a document with an authenticator's options becomes
 *	  rules.
 *
 * Names and types are login_options.c's matter.  What is well-formed, but keeps
 * the authenticator from starting, is loaded with a warning: each decision then
 * says config_error, as long as the configuration stands.
 *
 *-------------------------------------------------------------------------
 */
#include "login.h"

#include "miscadmin.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(jhub_authz_load_login_config);
PG_FUNCTION_INFO_V1(jhub_authz_drop_login_config);

const char *const login_effect_names[LOGIN_NEFFECTS + 1] = {
	"admin", "allow", "block", "require", NULL
};

/* ---- pieces of the document ---- */

static const char *
login_string_option(const LoginValue *options, const char *name, const char *missing)
{
	const char *value = login_str(login_get(options, name));

	return value != NULL ? value : missing;
}

static bool
login_bool(const LoginValue *options, const char *name, bool missing)
{
	const LoginValue *value = login_get(options, name);

	return value == NULL ? missing : value->truth;
}

static bool
login_has_elements(const LoginValue *options, const char *name)
{
	return login_truth(login_get(options, name));
}

static void
login_add_rule(LoginConfig *config, LoginEffect effect, const char *kind,
			   const char *value, const char *qualifier)
{
	LoginRule  *rule;

	/* room for a power of two of them */
	if (config->nrules == 0)
		config->rules = palloc(sizeof(LoginRule));
	else if ((config->nrules & (config->nrules - 1)) == 0)
		config->rules = repalloc_huge(config->rules,
									  sizeof(LoginRule) * 2 * (Size) config->nrules);
	rule = &config->rules[config->nrules++];
	memset(rule, 0, sizeof(*rule));
	rule->effect = effect;
	rule->kind = kind;
	rule->value = value;
	rule->qualifier = qualifier;
}

/* One rule for each element of a list of strings; lower: in lower case. */
static void
login_add_rules(LoginConfig *config, const LoginValue *options, const char *option,
				LoginEffect effect, const char *kind, bool lower)
{
	const LoginValue *list = login_get(options, option);

	for (int i = 0; list != NULL && i < list->n; i++)
	{
		const char *value = list->values[i]->string;

		login_add_rule(config, effect, kind, lower ? login_lower(value) : value, NULL);
	}
}

/*
 * The same for an object of lists: the key qualifies.  An empty list leaves a
 * rule that is nobody's, because a domain that is named counts as a setting.
 */
static void
login_add_domain_rules(LoginConfig *config, const LoginValue *options,
					   const char *option, LoginEffect effect, const char *kind)
{
	const LoginValue *dict = login_get(options, option);

	for (int i = 0; dict != NULL && i < dict->n; i++)
	{
		const LoginValue *list = dict->values[i];

		if (list->n == 0)
			login_add_rule(config, effect, kind, NULL, dict->keys[i]);
		for (int j = 0; j < list->n; j++)
			login_add_rule(config, effect, kind, list->values[j]->string, dict->keys[i]);
	}
}

/* ---- cilogon's identity providers ---- */

pg_noreturn static void
login_bad_idp(const char *idp, const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"idps\""),
			 errdetail("Identity provider \"%s\": %s",
					   module_from_utf8(idp, strlen(idp)), detail)));
}

/* A field of the schema, or NULL; a field of another kind is an error. */
static const LoginValue *
login_idp_field(const char *idp, const LoginValue *dict, const char *field, LoginKind kind)
{
	const LoginValue *value = login_get(dict, field);

	if (value != NULL && value->kind != kind)
		login_bad_idp(idp, psprintf("\"%s\" must be of another type.", field));
	return value;
}

/* Only fields that the authenticator's schema has. */
static void
login_idp_fields(const char *idp, const LoginValue *dict, const char *const *fields)
{
	for (int i = 0; i < dict->n; i++)
	{
		const char *best;

		if (settings_word(dict->keys[i], fields) >= 0)
			continue;
		best = login_nearest(dict->keys[i], fields);
		login_bad_idp(idp, psprintf("There is no \"%s\".%s%s%s",
									module_from_utf8(dict->keys[i], strlen(dict->keys[i])),
									best ? "  Perhaps you meant \"" : "",
									best ? best : "", best ? "\"." : ""));
	}
}

/* urlparse(idp).scheme is urn, https or http */
static bool
login_is_entity_id(const char *idp)
{
	static const char *const schemes[] = {"urn:", "https:", "http:"};

	for (int i = 0; i < (int) lengthof(schemes); i++)
		if (pg_strncasecmp(idp, schemes[i], strlen(schemes[i])) == 0)
			return true;
	return false;
}

static void
login_load_derivation(LoginIdp *idp, const LoginValue *derivation)
{
	static const char *const fields[] = {"username_claim", "action", "domain", "prefix", NULL};
	const char *action;
	const char *argument = NULL;

	if (derivation == NULL)
		login_bad_idp(idp->idp, "\"username_derivation\" is missing.");
	login_idp_fields(idp->idp, derivation, fields);
	idp->username_claim = login_str(login_idp_field(idp->idp, derivation, "username_claim", LOGIN_STRING));
	if (idp->username_claim == NULL)
		login_bad_idp(idp->idp, "\"username_claim\" of \"username_derivation\" is missing.");
	(void) login_idp_field(idp->idp, derivation, "domain", LOGIN_STRING);
	(void) login_idp_field(idp->idp, derivation, "prefix", LOGIN_STRING);
	action = login_str(login_idp_field(idp->idp, derivation, "action", LOGIN_STRING));
	if (action == NULL)
		return;
	if (strcmp(action, "strip_idp_domain") == 0)
		argument = "domain";
	else if (strcmp(action, "prefix") == 0)
		argument = "prefix";
	else
		login_bad_idp(idp->idp, "\"action\" is strip_idp_domain or prefix.");
	idp->action = action;
	idp->argument = login_str(login_get(derivation, argument));
	if (idp->argument == NULL)
		login_bad_idp(idp->idp, psprintf("The action %s needs \"%s\".", action, argument));
}

static void
login_load_idp(LoginConfig *config, const char *name, const LoginValue *dict)
{
	static const char *const fields[] = {
		"allow_all", "allowed_domains", "allowed_domains_claim", "default",
		"username_derivation", NULL
	};
	LoginIdp   *idp = &config->idps[config->nidps++];
	const LoginValue *domains;

	memset(idp, 0, sizeof(*idp));
	idp->idp = name;
	if (dict->kind != LOGIN_DICT)
		login_bad_idp(name, "It must be an object.");
	if (!login_is_entity_id(name))
		login_bad_idp(name, "An entity id begins with urn:, https: or http:.");
	login_idp_fields(name, dict, fields);
	login_load_derivation(idp, login_idp_field(name, dict, "username_derivation", LOGIN_DICT));
	(void) login_idp_field(name, dict, "default", LOGIN_BOOL);
	idp->allowed_domains_claim =
		login_str(login_idp_field(name, dict, "allowed_domains_claim", LOGIN_STRING));

	if (login_truth(login_idp_field(name, dict, "allow_all", LOGIN_BOOL)))
		login_add_rule(config, LOGIN_ALLOW, "idp", name, NULL);
	domains = login_idp_field(name, dict, "allowed_domains", LOGIN_LIST);
	for (int i = 0; domains != NULL && i < domains->n; i++)
	{
		if (domains->values[i]->kind != LOGIN_STRING)
			login_bad_idp(name, "\"allowed_domains\" must be a list of strings.");
		login_add_rule(config, LOGIN_ALLOW, "idp_domain",
					   login_lower(domains->values[i]->string), name);
	}
}

static void
login_load_idps(LoginConfig *config, const LoginValue *idps)
{
	if (idps == NULL)
		return;
	if (idps->n == 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"idps\""),
				 errdetail("One or more identity providers must be configured.")));
	config->idps = palloc(sizeof(LoginIdp) * idps->n);
	for (int i = 0; i < idps->n; i++)
		login_load_idp(config, idps->keys[i], idps->values[i]);
}

/* ---- the rest ---- */

/* allowed_organizations holds "org" and "org:team" */
static void
login_load_organizations(LoginConfig *config, const LoginValue *options)
{
	const LoginValue *list = login_get(options, "allowed_organizations");

	for (int i = 0; list != NULL && i < list->n; i++)
	{
		const char *value = list->values[i]->string;
		const char *colon = strchr(value, ':');

		if (colon != NULL && strchr(colon + 1, ':') != NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("invalid value for option \"allowed_organizations\""),
					 errdetail("\"%s\" is neither an organization nor organization:team.",
							   module_from_utf8(value, strlen(value)))));
		login_add_rule(config, LOGIN_ALLOW, colon != NULL ? "team" : "organization", value, NULL);
	}
}

static void
login_load_rules(LoginConfig *config, const LoginValue *options)
{
	LoginFamily family = config->family;
	const char *group = family == LOGIN_PAM ? "unix_group" : "group";
	/* the hub's own: on as soon as users are listed; Dummy lets everybody in if not */
	bool		listed = login_has_elements(options, "allowed_users");

	if (login_bool(options, "allow_all", family == LOGIN_DUMMY && !listed))
		login_add_rule(config, LOGIN_ALLOW, "any", NULL, NULL);
	if (login_bool(options, "allow_existing_users", !LOGIN_IS_OAUTH(family) && listed))
		login_add_rule(config, LOGIN_ALLOW, "existing_user", NULL, NULL);
	login_add_rules(config, options, "allowed_users", LOGIN_ALLOW, "user", false);
	login_add_rules(config, options, "admin_users", LOGIN_ADMIN, "user", false);
	login_add_rules(config, options, "blocked_users", LOGIN_BLOCK, "user", false);
	login_add_rules(config, options, "allowed_groups", LOGIN_ALLOW, group, false);
	login_add_rules(config, options, "admin_groups", LOGIN_ADMIN, group, false);
	login_add_rules(config, options, "allowed_scopes", LOGIN_ALLOW, "scope", false);
	login_add_rules(config, options, "allowed_teams", LOGIN_ALLOW, "team", false);
	login_add_rules(config, options, "allowed_gitlab_groups", LOGIN_ALLOW, "gitlab_group", false);
	login_add_rules(config, options, "allowed_project_ids", LOGIN_ALLOW, "project", false);
	login_add_rules(config, options, "allowed_globus_groups", LOGIN_ALLOW, "globus_group", false);
	login_add_rules(config, options, "admin_globus_groups", LOGIN_ADMIN, "globus_group", false);
	login_add_rules(config, options, "allowed_hosted_domains", LOGIN_ALLOW, "hosted_domain", true);
	login_add_rules(config, options, "hosted_domain", LOGIN_REQUIRE, "hosted_domain", true);
	login_add_domain_rules(config, options, "allowed_google_groups", LOGIN_ALLOW, "google_group");
	login_add_domain_rules(config, options, "admin_google_groups", LOGIN_ADMIN, "google_group");
	login_load_organizations(config, options);
	if (login_get(options, LOGIN_OVERRIDDEN_IDPS) != NULL)
	{
		LoginConfig overridden = {0};

		login_load_idps(&overridden, login_get(options, LOGIN_OVERRIDDEN_IDPS));
	}
	login_load_idps(config, login_get(options, "idps"));
	if (family == LOGIN_GLOBUS && login_truth(login_get(options, "identity_provider")))
		login_add_rule(config, LOGIN_REQUIRE, "identity_provider",
					   login_str(login_get(options, "identity_provider")), NULL);
	if (family == LOGIN_GOOGLE ||
		(family == LOGIN_AUTH0 && !login_bool(options, "allow_unverified_email", false)))
		login_add_rule(config, LOGIN_REQUIRE, "verified_email", NULL, NULL);
}

static const char *
login_load_groups_key(LoginFamily family, const LoginValue *options)
{
	const char *claim = login_string_option(options, "claim_groups_key", NULL);
	const char *given = login_string_option(options, "auth_state_groups_key", NULL);

	if (claim != NULL)
		return psprintf("%s.%s", login_user_key(family), claim);
	if (given != NULL)
		return given;
	if (family == LOGIN_AZUREAD && login_truth(login_get(options, "user_groups_claim")))
		return psprintf("user.%s", login_str(login_get(options, "user_groups_claim")));
	if (family == LOGIN_GENERIC || family == LOGIN_OPENSHIFT || family == LOGIN_AZUREAD)
		return psprintf("%s.groups", login_user_key(family));
	return "";
}

static void
login_load_map(LoginConfig *config, const LoginValue *map)
{
	if (map == NULL || map->n == 0)
		return;
	config->nmaps = map->n;
	config->map_from = map->keys;
	config->map_to = palloc(sizeof(char *) * map->n);
	for (int i = 0; i < map->n; i++)
		config->map_to[i] = map->values[i]->string;
}

static void
login_try_pattern(void *arg)
{
	(void) login_pattern_matches(arg, "x");
}

static bool
login_is_bad_pattern(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_INVALID_REGULAR_EXPRESSION;
}

/* Also compiled, since the server refuses one that grows too large. */
static void
login_load_pattern(LoginConfig *config, const LoginValue *options)
{
	char	   *why;

	config->username_pattern = login_string_option(options, "username_pattern", NULL);
	if (config->username_pattern != NULL && config->username_pattern[0] == '\0')
		config->username_pattern = NULL;
	if (config->username_pattern == NULL)
		return;
	config->pattern = login_pattern_translate(config->username_pattern, false, &why);
	if (config->pattern != NULL &&
		!module_try(login_try_pattern, config->pattern, login_is_bad_pattern))
	{
		config->pattern = NULL;
		why = "The server cannot run it, most likely because its repetitions multiply.";
	}
	if (config->pattern == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"username_pattern\""),
				 errdetail("%s", why)));
}

/* ---- what keeps an authenticator from starting ---- */

/* Is every allowed scope among those that are asked for? */
static bool
login_scopes_requested(LoginFamily family, const LoginValue *options)
{
	static const char *const cilogon[] = {"openid", "email", "org.cilogon.userinfo", "profile", NULL};
	static const char *const google[] = {"openid", "email", NULL};
	static const char *const openshift[] = {"user:info", NULL};
	static const char *const globus[] = {"openid", "profile", "urn:globus:auth:scope:transfer.api.globus.org:all", NULL};
	static const char *const none[] = {NULL};
	const char *const *defaults = family == LOGIN_CILOGON ? cilogon :
		family == LOGIN_GOOGLE ? google : family == LOGIN_OPENSHIFT ? openshift :
		family == LOGIN_GLOBUS ? globus : none;
	const LoginValue *allowed = login_get(options, "allowed_scopes");
	const LoginValue *scope = login_get(options, "scope");

	for (int i = 0; allowed != NULL && i < allowed->n; i++)
	{
		const char *wanted = allowed->values[i]->string;

		if (scope != NULL)
		{
			/* cilogon adds these two */
			if (login_contains(scope, wanted) ||
				(family == LOGIN_CILOGON && (strcmp(wanted, "openid") == 0 ||
											 strcmp(wanted, "org.cilogon.userinfo") == 0)))
				continue;
		}
		else if (settings_word(wanted, defaults) >= 0 ||
				 (family == LOGIN_GLOBUS &&
				  ((strcmp(wanted, "urn:globus:auth:scope:groups.api.globus.org:view_my_groups_and_memberships") == 0 &&
					(login_has_elements(options, "allowed_globus_groups") ||
					 login_has_elements(options, "admin_globus_groups"))) ||
				   (strcmp(wanted, "email") == 0 && login_bool(options, "username_from_email", false)))))
			continue;
		return false;
	}
	return true;
}

static const char *
login_find_config_error(const LoginConfig *config, const LoginValue *options)
{
	static const char *const managed[] = {
		"allowed_groups", "admin_groups", "auth_state_groups_key", "claim_groups_key"
	};

	if (LOGIN_IS_OAUTH(config->family))
	{
		for (int i = 0; i < (int) lengthof(managed); i++)
			if (!config->manage_groups &&
				(login_has_elements(options, managed[i]) ||
				 /* even an empty one: it makes a path of the user's info */
				 (strcmp(managed[i], "claim_groups_key") == 0 && login_get(options, managed[i]) != NULL)))
				return psprintf("%s requires manage_groups to be set as well", managed[i]);
		if (!login_scopes_requested(config->family, options))
			return "allowed_scopes must be a subset of scope";
		if (login_truth(login_get(options, "userdata_url")) &&
			login_bool(options, "userdata_from_id_token", false))
			return "userdata_url and userdata_from_id_token exclude each other";
	}
	for (int i = 0; i < config->nrules; i++)
	{
		const LoginRule *rule = &config->rules[i];

		if (rule->name != NULL && rule->effect != LOGIN_BLOCK &&
			!login_valid_name(config, rule->name))
			return psprintf("%s holds an invalid name: \"%s\"",
							rule->effect == LOGIN_ADMIN ? "admin_users" : "allowed_users", rule->value);
	}
	return NULL;
}

static void
login_load(LoginConfig *config, const LoginValue *options)
{
	LoginFamily family = config->family;
	int			nhosted;

	login_load_map(config, login_get(options, "username_map"));
	login_load_pattern(config, options);
	login_load_rules(config, options);
	config->keep_case = login_bool(options, "pam_normalize_username", false);
	config->manage_groups = login_bool(options, "manage_groups", false);
	config->manage_roles = login_bool(options, "manage_roles", false);
	config->enable_auth_state = login_bool(options, "enable_auth_state", false);
	if (LOGIN_IS_OAUTH(family))
	{
		config->groups_key = login_load_groups_key(family, options);
		if (family != LOGIN_CILOGON && family != LOGIN_OPENSHIFT)
			config->username_claim =
				login_string_option(options, "username_claim",
									login_default_claim(family, login_bool(options, "username_from_email", false)));
	}
	login_config_finish(config);
	(void) login_rules(config, LOGIN_REQUIRE, "hosted_domain", &nhosted);
	/* a domain that is named twice counts twice */
	if (login_get(options, "hosted_domain") != NULL)
		nhosted = login_get(options, "hosted_domain")->n;
	config->strip_domain = family == LOGIN_GOOGLE &&
		login_bool(options, "strip_domain", nhosted <= 1);
	config->config_error = login_find_config_error(config, options);
	if (config->config_error != NULL)
		ereport(WARNING,
				(errmsg("the authenticator would not start with this configuration"),
				 errdetail("%s.", module_from_utf8(config->config_error, strlen(config->config_error))),
				 errhint("Each decision of it is config_error.")));
}

/* The family of that name, or 22023. */
static LoginFamily
login_family(text *name)
{
	char	   *word = text_to_cstring(name);
	int			family = settings_word(word, login_family_names);
	const char *best;

	if (family >= 0)
		return (LoginFamily) family;
	best = login_nearest(module_to_utf8(word), login_family_names);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("login family \"%s\" does not exist", word),
			 best != NULL ? errhint("Perhaps you meant \"%s\".", best) :
			 errhint("It is auth0, azuread, bitbucket, cilogon, generic, github, gitlab, globus, google, mediawiki, oauth2, openshift, base, dummy or pam.")));
	return LOGIN_NFAMILIES;		/* keep compiler quiet */
}

/* Error context: the document holds secrets, which an error shall not log. */
static void
login_hide_document(void *arg)
{
	errhidestmt(true);
	errhidecontext(true);
}

/*
 * load_login_config(provider, family, document) - provider is a name of the
 * caller's own; what it had is replaced.  22023 for a family or an option that
 * does not exist, and for a value of another type; 22P02 for broken JSON.
 */
Datum
jhub_authz_load_login_config(PG_FUNCTION_ARGS)
{
	ErrorContextCallback hide = {.callback = login_hide_document};
	LoginConfig config = {0};
	Jsonb	   *document;

	hide.previous = error_context_stack;
	error_context_stack = &hide;
	PreventCommandIfReadOnly("load_login_config()");
	config.provider = module_to_utf8(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	if (config.provider[0] == '\0')
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the name of a login provider cannot be empty")));
	config.family = login_family(PG_GETARG_TEXT_PP(1));
	document = DatumGetJsonbP(DirectFunctionCall1(jsonb_in,
												  CStringGetDatum(text_to_cstring(PG_GETARG_TEXT_PP(2)))));
	login_load(&config, login_check_options(config.family, login_value_of(document)));
	login_store(&config);
	error_context_stack = hide.previous;
	PG_RETURN_VOID();
}

/* drop_login_config(provider) - false if there is none such */
Datum
jhub_authz_drop_login_config(PG_FUNCTION_ARGS)
{
	PreventCommandIfReadOnly("drop_login_config()");
	PG_RETURN_BOOL(login_drop(module_to_utf8(text_to_cstring(PG_GETARG_TEXT_PP(0)))));
}
