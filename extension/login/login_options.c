/*-------------------------------------------------------------------------
 *
 * login_options.c
 *	  The options of the authenticators: names, types, and what is made of them.
 *
 * All that the classes of OAuthenticator 17 and of JupyterHub 5 and 6 declare
 * as configurable is here, so that whoever pastes a whole section is told of
 * every name that is none.  What means nothing to a decision is checked for its
 * type and forgotten: no secret is ever stored.  interop/login compares the
 * table with the classes.
 *
 *-------------------------------------------------------------------------
 */
#include "login.h"

#include "../algebra/scopeset.h"
#include "funcapi.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(jhub_authz__login_options);

#define F(family)	(1u << LOGIN_##family)
#define ALL			((1u << LOGIN_NFAMILIES) - 1)
#define OAUTH		((1u << LOGIN_BASE) - 1)

const char *const login_family_names[LOGIN_NFAMILIES + 1] = {
	"auth0", "azuread", "bitbucket", "cilogon", "generic", "github", "gitlab", "globus",
	"google", "mediawiki", "oauth2", "openshift", "base", "dummy", "pam", NULL
};

static const char *const login_type_names[] = {
	[LOGIN_TYPE_BOOL] = "boolean",
	[LOGIN_TYPE_INT] = "integer",
	[LOGIN_TYPE_STR] = "string",
	[LOGIN_TYPE_TEXT] = "string",
	[LOGIN_TYPE_STRINGS] = "list of strings",
	[LOGIN_TYPE_TEXTS] = "list of strings or integers",
	[LOGIN_TYPE_LIST] = "list",
	[LOGIN_TYPE_DICT] = "object",
	[LOGIN_TYPE_STR_DICT] = "object of strings",
	[LOGIN_TYPE_SET_DICT] = "object of lists of strings",
	[LOGIN_TYPE_CALLABLE] = "callable",
	[LOGIN_TYPE_ANY] = "anything"
};

static const char *const login_use_names[] = {
	[LOGIN_USE_DECIDES] = "decides",
	[LOGIN_USE_ALIAS] = "alias",
	[LOGIN_USE_CHECKED] = "checked",
	[LOGIN_USE_IGNORED] = "ignored",
	[LOGIN_USE_REFUSED] = "refused"
};

/* In order of name. */
static const LoginOption login_options[] = {
	{"add_user_cmd", F(PAM), LOGIN_TYPE_STRINGS, LOGIN_USE_IGNORED, NULL},
	{"additional_username_claims", F(CILOGON), LOGIN_TYPE_LIST, LOGIN_USE_REFUSED, "idps"},
	{"admin_globus_groups", F(GLOBUS), LOGIN_TYPE_STRINGS, LOGIN_USE_DECIDES, NULL},
	{"admin_google_groups", F(GOOGLE), LOGIN_TYPE_SET_DICT, LOGIN_USE_DECIDES, NULL},
	{"admin_groups", OAUTH | F(PAM), LOGIN_TYPE_STRINGS, LOGIN_USE_DECIDES, NULL},
	{"admin_users", ALL, LOGIN_TYPE_STRINGS, LOGIN_USE_DECIDES, NULL},
	{"allow_all", ALL, LOGIN_TYPE_BOOL, LOGIN_USE_DECIDES, NULL},
	{"allow_existing_users", ALL, LOGIN_TYPE_BOOL, LOGIN_USE_DECIDES, NULL},
	{"allow_unverified_email", F(AUTH0), LOGIN_TYPE_BOOL, LOGIN_USE_DECIDES, NULL},
	{"allowed_gitlab_groups", F(GITLAB), LOGIN_TYPE_STRINGS, LOGIN_USE_DECIDES, NULL},
	{"allowed_globus_groups", F(GLOBUS), LOGIN_TYPE_STRINGS, LOGIN_USE_DECIDES, NULL},
	{"allowed_google_groups", F(GOOGLE), LOGIN_TYPE_SET_DICT, LOGIN_USE_DECIDES, NULL},
	{"allowed_groups", OAUTH | F(PAM), LOGIN_TYPE_STRINGS, LOGIN_USE_DECIDES, NULL},
	{"allowed_hosted_domains", F(GOOGLE), LOGIN_TYPE_STRINGS, LOGIN_USE_DECIDES, NULL},
	{"allowed_idps", F(CILOGON), LOGIN_TYPE_DICT, LOGIN_USE_ALIAS, "idps"},
	{"allowed_organizations", F(GITHUB), LOGIN_TYPE_STRINGS, LOGIN_USE_DECIDES, NULL},
	{"allowed_project_ids", F(GITLAB), LOGIN_TYPE_TEXTS, LOGIN_USE_DECIDES, NULL},
	{"allowed_scopes", OAUTH, LOGIN_TYPE_STRINGS, LOGIN_USE_DECIDES, NULL},
	{"allowed_teams", F(BITBUCKET), LOGIN_TYPE_STRINGS, LOGIN_USE_DECIDES, NULL},
	{"allowed_users", ALL, LOGIN_TYPE_STRINGS, LOGIN_USE_DECIDES, NULL},
	{"any_allow_config", ALL, LOGIN_TYPE_BOOL, LOGIN_USE_IGNORED, NULL},
	{"auth0_domain", F(AUTH0), LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"auth0_subdomain", F(AUTH0), LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"auth_refresh_age", ALL, LOGIN_TYPE_INT, LOGIN_USE_IGNORED, NULL},
	{"auth_refresh_strict", ALL, LOGIN_TYPE_BOOL, LOGIN_USE_IGNORED, NULL},
	{"auth_state_groups_key", OAUTH, LOGIN_TYPE_STR, LOGIN_USE_DECIDES, NULL},
	{"authorize_url", OAUTH, LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"auto_login", ALL, LOGIN_TYPE_BOOL, LOGIN_USE_IGNORED, NULL},
	{"auto_login_oauth2_authorize", ALL, LOGIN_TYPE_BOOL, LOGIN_USE_IGNORED, NULL},
	{"basic_auth", OAUTH, LOGIN_TYPE_BOOL, LOGIN_USE_IGNORED, NULL},
	{"blocked_users", ALL, LOGIN_TYPE_STRINGS, LOGIN_USE_DECIDES, NULL},
	{"ca_certs", F(OPENSHIFT), LOGIN_TYPE_STR, LOGIN_USE_REFUSED, "http_request_kwargs"},
	{"check_account", F(PAM), LOGIN_TYPE_BOOL, LOGIN_USE_IGNORED, NULL},
	{"cilogon_host", F(CILOGON), LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"claim_groups_key", F(GENERIC), LOGIN_TYPE_STR, LOGIN_USE_DECIDES, NULL},
	{"client_id", OAUTH, LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"client_secret", OAUTH, LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"create_system_users", F(PAM), LOGIN_TYPE_BOOL, LOGIN_USE_IGNORED, NULL},
	{"custom_403_message", OAUTH, LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"delete_invalid_users", ALL, LOGIN_TYPE_BOOL, LOGIN_USE_IGNORED, NULL},
	{"enable_auth_state", ALL, LOGIN_TYPE_BOOL, LOGIN_USE_DECIDES, NULL},
	{"enable_pkce", OAUTH, LOGIN_TYPE_BOOL, LOGIN_USE_IGNORED, NULL},
	{"encoding", F(PAM), LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"exclude_tokens", F(GLOBUS), LOGIN_TYPE_LIST, LOGIN_USE_IGNORED, NULL},
	{"executor_threads", F(MEDIAWIKI) | F(PAM), LOGIN_TYPE_INT, LOGIN_USE_IGNORED, NULL},
	{"extra_authorize_params", OAUTH, LOGIN_TYPE_DICT, LOGIN_USE_IGNORED, NULL},
	{"extra_params", F(GENERIC), LOGIN_TYPE_DICT, LOGIN_USE_IGNORED, NULL},
	{"github_api", F(GITHUB), LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"github_client_id", F(GITHUB), LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"github_client_secret", F(GITHUB), LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"github_organization_whitelist", F(GITHUB), LOGIN_TYPE_STRINGS, LOGIN_USE_ALIAS, "allowed_organizations"},
	{"github_url", F(GITHUB), LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"gitlab_api", F(GITLAB), LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"gitlab_api_version", F(GITLAB), LOGIN_TYPE_TEXT, LOGIN_USE_IGNORED, NULL},
	{"gitlab_group_whitelist", F(GITLAB), LOGIN_TYPE_STRINGS, LOGIN_USE_ALIAS, "allowed_gitlab_groups"},
	{"gitlab_project_id_whitelist", F(GITLAB), LOGIN_TYPE_TEXTS, LOGIN_USE_ALIAS, "allowed_project_ids"},
	{"gitlab_url", F(GITLAB), LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"globus_groups_url", F(GLOBUS), LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"globus_local_endpoint", F(GLOBUS), LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"google_api_url", F(GOOGLE), LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"google_group_whitelist", F(GOOGLE), LOGIN_TYPE_SET_DICT, LOGIN_USE_ALIAS, "allowed_google_groups"},
	{"google_service_account_keys", F(GOOGLE), LOGIN_TYPE_STR_DICT, LOGIN_USE_IGNORED, NULL},
	{"graph_url", F(AZUREAD), LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"group_whitelist", F(PAM), LOGIN_TYPE_STRINGS, LOGIN_USE_IGNORED, NULL},
	{"gsuite_administrator", F(GOOGLE), LOGIN_TYPE_STR_DICT, LOGIN_USE_IGNORED, NULL},
	{"hosted_domain", F(GOOGLE), LOGIN_TYPE_STRINGS, LOGIN_USE_DECIDES, NULL},
	{"http_request_kwargs", OAUTH, LOGIN_TYPE_DICT, LOGIN_USE_IGNORED, NULL},
	{"identity_provider", F(GLOBUS), LOGIN_TYPE_STR, LOGIN_USE_DECIDES, NULL},
	{"idp", F(CILOGON), LOGIN_TYPE_STR, LOGIN_USE_REFUSED, "idps"},
	{"idp_whitelist", F(CILOGON), LOGIN_TYPE_LIST, LOGIN_USE_REFUSED, "idps"},
	{"idps", F(CILOGON), LOGIN_TYPE_DICT, LOGIN_USE_DECIDES, NULL},
	{"include_nested_groups", F(GOOGLE), LOGIN_TYPE_BOOL, LOGIN_USE_IGNORED, NULL},
	{"login_service", OAUTH, LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"logout_redirect_url", OAUTH, LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"manage_groups", ALL, LOGIN_TYPE_BOOL, LOGIN_USE_DECIDES, NULL},
	{"manage_roles", ALL, LOGIN_TYPE_BOOL, LOGIN_USE_DECIDES, NULL},
	{"modify_auth_state_hook", OAUTH, LOGIN_TYPE_CALLABLE, LOGIN_USE_IGNORED, NULL},
	{"mw_index_url", F(MEDIAWIKI), LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"oauth_callback_url", OAUTH, LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"open_sessions", F(PAM), LOGIN_TYPE_BOOL, LOGIN_USE_IGNORED, NULL},
	{"openshift_auth_api_url", F(OPENSHIFT), LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"openshift_rest_api_url", F(OPENSHIFT), LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"openshift_url", F(OPENSHIFT), LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"otp_prompt", ALL, LOGIN_TYPE_ANY, LOGIN_USE_IGNORED, NULL},
	{"pam_normalize_username", F(PAM), LOGIN_TYPE_BOOL, LOGIN_USE_DECIDES, NULL},
	{"password", F(DUMMY), LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"populate_teams_in_auth_state", F(GITHUB), LOGIN_TYPE_BOOL, LOGIN_USE_IGNORED, NULL},
	{"post_auth_hook", ALL, LOGIN_TYPE_CALLABLE, LOGIN_USE_IGNORED, NULL},
	{"reconcile_auth_state_hook", ALL, LOGIN_TYPE_CALLABLE, LOGIN_USE_IGNORED, NULL},
	{"refresh_pre_spawn", ALL, LOGIN_TYPE_BOOL, LOGIN_USE_IGNORED, NULL},
	{"refresh_pre_stop", ALL, LOGIN_TYPE_BOOL, LOGIN_USE_IGNORED, NULL},
	{"refresh_user_hook", OAUTH, LOGIN_TYPE_CALLABLE, LOGIN_USE_IGNORED, NULL},
	{"request_otp", ALL, LOGIN_TYPE_BOOL, LOGIN_USE_IGNORED, NULL},
	{"reset_managed_roles_on_startup", ALL, LOGIN_TYPE_BOOL, LOGIN_USE_IGNORED, NULL},
	{"revocation_url", F(GLOBUS), LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"revoke_tokens_on_logout", F(GLOBUS), LOGIN_TYPE_BOOL, LOGIN_USE_IGNORED, NULL},
	{"scope", OAUTH, LOGIN_TYPE_STRINGS, LOGIN_USE_CHECKED, NULL},
	{"service", F(PAM), LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"shown_idps", F(CILOGON), LOGIN_TYPE_LIST, LOGIN_USE_REFUSED, "idps"},
	{"skin", F(CILOGON), LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"strip_domain", F(GOOGLE), LOGIN_TYPE_BOOL, LOGIN_USE_DECIDES, NULL},
	{"strip_idp_domain", F(CILOGON), LOGIN_TYPE_BOOL, LOGIN_USE_REFUSED, "idps"},
	{"team_whitelist", F(BITBUCKET), LOGIN_TYPE_STRINGS, LOGIN_USE_ALIAS, "allowed_teams"},
	{"tenant_id", F(AZUREAD), LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"tls_verify", F(GENERIC), LOGIN_TYPE_BOOL, LOGIN_USE_IGNORED, NULL},
	{"token_params", OAUTH, LOGIN_TYPE_DICT, LOGIN_USE_IGNORED, NULL},
	{"token_url", OAUTH, LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"uids", F(PAM), LOGIN_TYPE_DICT, LOGIN_USE_IGNORED, NULL},
	{"user_groups_claim", F(AZUREAD), LOGIN_TYPE_STR, LOGIN_USE_DECIDES, NULL},
	{"userdata_from_id_token", OAUTH, LOGIN_TYPE_BOOL, LOGIN_USE_CHECKED, NULL},
	{"userdata_params", OAUTH, LOGIN_TYPE_DICT, LOGIN_USE_IGNORED, NULL},
	{"userdata_token_method", OAUTH, LOGIN_TYPE_STR, LOGIN_USE_IGNORED, NULL},
	{"userdata_url", OAUTH, LOGIN_TYPE_STR, LOGIN_USE_CHECKED, NULL},
	{"username_claim", OAUTH & ~F(CILOGON), LOGIN_TYPE_STR, LOGIN_USE_DECIDES, NULL},
	{"username_claim", F(CILOGON), LOGIN_TYPE_STR, LOGIN_USE_REFUSED, "idps"},
	{"username_from_email", F(GLOBUS), LOGIN_TYPE_BOOL, LOGIN_USE_DECIDES, NULL},
	{"username_key", F(AUTH0) | F(GENERIC), LOGIN_TYPE_STR, LOGIN_USE_ALIAS, "username_claim"},
	{"username_map", ALL, LOGIN_TYPE_STR_DICT, LOGIN_USE_DECIDES, NULL},
	{"username_pattern", ALL, LOGIN_TYPE_STR, LOGIN_USE_DECIDES, NULL},
	{"validate_cert", F(OPENSHIFT), LOGIN_TYPE_BOOL, LOGIN_USE_IGNORED, NULL},
	{"validate_server_cert", OAUTH, LOGIN_TYPE_BOOL, LOGIN_USE_IGNORED, NULL},
	{"whitelist", ALL, LOGIN_TYPE_STRINGS, LOGIN_USE_ALIAS, "allowed_users"},
};

#undef F
#undef ALL
#undef OAUTH

const LoginOption *
login_option(LoginFamily family, const char *name)
{
	for (int i = 0; i < (int) lengthof(login_options); i++)
		if ((login_options[i].families & (1u << family)) != 0 &&
			strcmp(login_options[i].name, name) == 0)
			return &login_options[i];
	return NULL;
}

const char *
login_nearest(const char *word, const char *const *candidates)
{
	char		folded[SCOPE_SUGGEST_MAX_BYTES + 1];
	const char *best = NULL;
	int			best_distance = 0;
	int			len = strlen(word);

	if (!scope_suggest_fold(folded, word, len))
		return NULL;
	for (; *candidates != NULL; candidates++)
	{
		int			clen = strlen(*candidates);
		int			limit = scope_distance_limit(Max(len, clen));
		int			distance = scope_distance(folded, len, *candidates, clen, limit);

		if (distance <= limit && (best == NULL || distance < best_distance))
		{
			best = *candidates;
			best_distance = distance;
		}
	}
	return best;
}

/* 22023 for an option that the family does not have. */
pg_noreturn static void
login_unknown_option(LoginFamily family, const char *name)
{
	const char *names[lengthof(login_options) + 1];
	const char *best;
	int			n = 0;

	for (int i = 0; i < (int) lengthof(login_options); i++)
		if ((login_options[i].families & (1u << family)) != 0)
			names[n++] = login_options[i].name;
	names[n] = NULL;
	best = login_nearest(name, names);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("option \"%s\" of family %s does not exist",
					module_from_utf8(name, strlen(name)), login_family_names[family]),
			 best != NULL ? errhint("Perhaps you meant \"%s\".", best) :
			 errhint("The view jhub_authz.login_options lists them.")));
}

pg_noreturn static void
login_wrong_type(const LoginOption *option, const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for option \"%s\"", option->name),
			 option->type == LOGIN_TYPE_CALLABLE ?
			 errdetail("It is a function in Python, which JSON cannot hold; a decision knows nothing of what it does.") :
			 errdetail("It must be: %s.", expected)));
}

static LoginValue *
login_bool_option(const LoginOption *option, LoginValue *value)
{
	LoginValue *truth;

	if (value->kind == LOGIN_BOOL)
		return value;
	/* traitlets takes these two numbers as well */
	if (value->kind != LOGIN_NUMBER ||
		(strcmp(value->string, "0") != 0 && strcmp(value->string, "1") != 0))
		login_wrong_type(option, login_type_names[option->type]);
	truth = palloc0(sizeof(LoginValue));
	truth->kind = LOGIN_BOOL;
	truth->truth = value->truth;
	return truth;
}

/* A list of strings; what may be one as a list of strings. */
static LoginValue *
login_list_option(const LoginOption *option, LoginValue *value, bool bare)
{
	char	  **strings;

	if (bare && value->kind == LOGIN_STRING)
		return login_list_value(&value->string, 1);
	if (value->kind != LOGIN_LIST)
		login_wrong_type(option, login_type_names[option->type]);
	strings = palloc(sizeof(char *) * Max(value->n, 1));
	for (int i = 0; i < value->n; i++)
	{
		const LoginValue *element = value->values[i];

		if (element->kind != LOGIN_STRING &&
			(option->type != LOGIN_TYPE_TEXTS || element->kind != LOGIN_NUMBER))
			login_wrong_type(option, login_type_names[option->type]);
		strings[i] = element->string;
	}
	return login_list_value(strings, value->n);
}

static LoginValue *
login_check_option(const LoginOption *option, LoginValue *value)
{
	const char *expected = login_type_names[option->type];
	LoginValue *dict;

	switch (option->type)
	{
		case LOGIN_TYPE_BOOL:
			return login_bool_option(option, value);
		case LOGIN_TYPE_INT:
			if (value->kind != LOGIN_NUMBER || strchr(value->string, '.') != NULL)
				login_wrong_type(option, expected);
			return value;
		case LOGIN_TYPE_TEXT:
			if (value->kind == LOGIN_NUMBER)
				return value;
			/* FALLTHROUGH */
		case LOGIN_TYPE_STR:
			if (value->kind != LOGIN_STRING)
				login_wrong_type(option, expected);
			return value;
		case LOGIN_TYPE_STRINGS:
		case LOGIN_TYPE_TEXTS:
			return login_list_option(option, value, true);
		case LOGIN_TYPE_LIST:
			if (value->kind != LOGIN_LIST)
				login_wrong_type(option, expected);
			return value;
		case LOGIN_TYPE_DICT:
		case LOGIN_TYPE_STR_DICT:
		case LOGIN_TYPE_SET_DICT:
			if (value->kind != LOGIN_DICT)
				login_wrong_type(option, expected);
			dict = value;
			for (int i = 0; i < dict->n; i++)
			{
				if (option->type == LOGIN_TYPE_SET_DICT)
					dict->values[i] = login_list_option(option, dict->values[i], false);
				else if (option->type == LOGIN_TYPE_STR_DICT &&
						 dict->values[i]->kind != LOGIN_STRING)
					login_wrong_type(option, expected);
			}
			return dict;
		case LOGIN_TYPE_CALLABLE:
			if (value->kind != LOGIN_NONE)
				login_wrong_type(option, expected);
			return value;
		case LOGIN_TYPE_ANY:
			return value;
	}
	return value;
}

LoginValue *
login_check_options(LoginFamily family, const LoginValue *document)
{
	LoginValue *options = palloc0(sizeof(LoginValue));
	LoginValue *aliases = palloc0(sizeof(LoginValue));
	const LoginValue *overridden;

	options->kind = aliases->kind = LOGIN_DICT;
	if (document->kind != LOGIN_DICT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("the configuration of a login provider must be a JSON object"),
				 errhint("Its keys are the names of the authenticator's options.")));
	for (int i = 0; i < document->n; i++)
	{
		const LoginOption *option = login_option(family, document->keys[i]);
		LoginValue *value;

		if (option == NULL)
			login_unknown_option(family, document->keys[i]);
		Assert(option != NULL);
		value = login_check_option(option, document->values[i]);
		if (option->use == LOGIN_USE_REFUSED)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("option \"%s\" is no longer accepted", option->name),
					 errhint("The authenticator refuses it too.  Use \"%s\".", option->other)));
		if (option->use == LOGIN_USE_ALIAS)
			aliases = login_with(aliases, option->other, value);
		else
			options = login_with(options, option->name, value);
	}
	/* an old name wins over the new one, as in the authenticator */
	for (int i = 0; i < aliases->n; i++)
	{
		/* nothing in the place of nothing is no setting */
		if (aliases->values[i]->n == 0 && login_get(options, aliases->keys[i]) == NULL &&
			aliases->values[i]->kind != LOGIN_STRING)
			continue;
		overridden = login_get(options, aliases->keys[i]);
		if (overridden != NULL && strcmp(aliases->keys[i], "idps") == 0)
			options = login_with(options, LOGIN_OVERRIDDEN_IDPS, unconstify(LoginValue *, overridden));
		options = login_with(options, aliases->keys[i], aliases->values[i]);
	}
	return options;
}

/* What the view login_options shows. */
Datum
jhub_authz__login_options(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int family = 0; family < LOGIN_NFAMILIES; family++)
	{
		for (int i = 0; i < (int) lengthof(login_options); i++)
		{
			const LoginOption *option = &login_options[i];
			Datum		values[5];
			bool		nulls[5] = {false};

			if ((option->families & (1u << family)) == 0)
				continue;
			values[0] = CStringGetTextDatum(login_family_names[family]);
			values[1] = CStringGetTextDatum(option->name);
			values[2] = CStringGetTextDatum(login_type_names[option->type]);
			values[3] = CStringGetTextDatum(login_use_names[option->use]);
			nulls[4] = option->other == NULL;
			values[4] = nulls[4] ? (Datum) 0 : CStringGetTextDatum(option->other);
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		}
	}
	return (Datum) 0;
}
