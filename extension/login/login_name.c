/*-------------------------------------------------------------------------
 *
 * login_name.c
 *	  From what a provider says about somebody to the hub's name.
 *
 * user_info_to_username() of each authenticator, normalize_username() and
 * validate_username().  Where Python would raise an exception the outcome is an
 * error: the hub answers 500 and lets nobody in.
 *
 *-------------------------------------------------------------------------
 */
#include "login.h"

const char *
login_user_key(LoginFamily family)
{
	switch (family)
	{
		case LOGIN_AUTH0:
			return "auth0_user";
		case LOGIN_AZUREAD:
			return "user";
		case LOGIN_BITBUCKET:
			return "bitbucket_user";
		case LOGIN_CILOGON:
			return "cilogon_user";
		case LOGIN_GITHUB:
			return "github_user";
		case LOGIN_GITLAB:
			return "gitlab_user";
		case LOGIN_GLOBUS:
			return "globus_user";
		case LOGIN_GOOGLE:
			return "google_user";
		case LOGIN_MEDIAWIKI:
			return "MEDIAWIKI_USER_IDENTITY";
		case LOGIN_OPENSHIFT:
			return "openshift_user";
		default:
			return "oauth_user";
	}
}

const char *
login_default_claim(LoginFamily family, bool from_email)
{
	switch (family)
	{
		case LOGIN_AUTH0:
		case LOGIN_GOOGLE:
			return "email";
		case LOGIN_AZUREAD:
			return "name";
		case LOGIN_GITHUB:
			return "login";
		case LOGIN_GLOBUS:
			return from_email ? "email" : "preferred_username";
		default:
			return "username";
	}
}

const char *
login_after_at(const char *string)
{
	const char *at = strchr(string, '@');

	return at != NULL ? at + 1 : string;
}

/* str.split("@")[0] */
static const char *
login_before_at(const char *string)
{
	const char *at = strchr(string, '@');

	return at != NULL ? pnstrdup(string, at - string) : string;
}

static const char *
login_mapped(const LoginConfig *config, const char *name)
{
	for (int i = 0; i < config->nmaps; i++)
		if (strcmp(config->map_from[i], name) == 0)
			return config->map_to[i];
	return name;
}

const char *
login_normalize(const LoginConfig *config, const char *name)
{
	if (config->family == LOGIN_MEDIAWIKI)
	{
		char	   *result = pstrdup(name);

		for (char *at = result; (at = strchr(at, ' ')) != NULL;)
			*at = '_';
		return result;
	}
	return login_mapped(config, config->keep_case ? name : login_lower(name));
}

/* Only dots, or what a URL would take for such. */
static bool
login_only_dots(const char *name)
{
	while (*name != '\0')
	{
		if (*name == '.')
			name++;
		else if (pg_strncasecmp(name, "%2e", 3) == 0)
			name += 3;
		else
			return false;
	}
	return true;
}

bool
login_valid_name(const LoginConfig *config, const char *name)
{
	return name[0] != '\0' && strchr(name, '/') == NULL && !login_only_dots(name) &&
		!login_has_outer_space(name) &&
		(config->pattern == NULL || login_pattern_matches(config->pattern, name));
}

/* ---- by family ---- */

/* The claim of that name, which must be a string that is not empty. */
static LoginOutcome
login_claim(const LoginValue *info, const char *claim, const char **name)
{
	const LoginValue *value = login_get(info, claim);

	*name = login_str(value);
	return login_truth(value) && *name != NULL ? LOGIN_UNDECIDED : LOGIN_ERROR;
}

const LoginIdp *
login_idp(const LoginConfig *config, const LoginValue *info)
{
	const char *name = login_str(login_get(info, "idp"));

	for (int i = 0; name != NULL && i < config->nidps; i++)
		if (strcmp(config->idps[i].idp, name) == 0)
			return &config->idps[i];
	return NULL;
}

/* As an f-string writes a value that is not empty; NULL for what nests. */
static const char *
login_formatted(const LoginValue *value)
{
	switch (value->kind)
	{
		case LOGIN_STRING:
		case LOGIN_NUMBER:
			return value->string;
		case LOGIN_BOOL:
			return value->truth ? "True" : "False";
		default:
			return NULL;
	}
}

/*
 * Take off "@domain", in whatever case.  As many characters go as the domain
 * has, even where lower case is longer.
 */
static const char *
login_strip_domain(const char *name, const char *domain)
{
	const char *lower = login_lower(name);
	const char *suffix = login_lower(psprintf("@%s", domain));
	size_t		len = strlen(lower);
	size_t		suffix_len = strlen(suffix);
	int			nname;
	int			ndomain;
	char	   *end;

	if (len < suffix_len || strcmp(lower + len - suffix_len, suffix) != 0)
		return name;
	(void) login_chars(name, &nname);
	(void) login_chars(domain, &ndomain);
	end = pstrdup(name);
	if (nname <= ndomain + 1)
		*end = '\0';
	else
	{
		char	   *at = end + strlen(end);

		for (int i = 0; i < ndomain + 1; i++)
			do
				at--;
			while ((*at & 0xC0) == 0x80);
		*at = '\0';
	}
	return end;
}

static LoginOutcome
login_cilogon_name(const LoginConfig *config, const LoginValue *info, const char **name)
{
	const LoginValue *named = login_get(info, "idp");
	const LoginIdp *idp = login_idp(config, info);
	const LoginValue *claim;

	if (!login_truth(named))
		return LOGIN_HTTP_500;
	if (named->kind == LOGIN_LIST || named->kind == LOGIN_DICT)
		return LOGIN_ERROR;		/* not hashable */
	if (idp == NULL)
		return LOGIN_HTTP_403;
	claim = login_get(info, idp->username_claim);
	if (!login_truth(claim))
		return LOGIN_HTTP_500;
	if (idp->action != NULL && strcmp(idp->action, "prefix") == 0)
	{
		const char *formatted = login_formatted(claim);

		if (formatted == NULL)
			return LOGIN_ERROR;
		*name = psprintf("%s:%s", idp->argument, formatted);
		return LOGIN_UNDECIDED;
	}
	*name = login_str(claim);
	if (*name == NULL)
		return LOGIN_ERROR;
	if (idp->action != NULL && strcmp(idp->action, "strip_idp_domain") == 0)
		*name = login_strip_domain(*name, idp->argument);
	return LOGIN_UNDECIDED;
}

/* Is it a hosted domain?  Without one that is configured, none is. */
static bool
login_hosts(const LoginConfig *config, const char *domain)
{
	int			n;
	const LoginRule *rules = login_rules(config, LOGIN_REQUIRE, "hosted_domain", &n);

	for (int i = 0; i < n; i++)
		if (rules[i].value != NULL && strcmp(rules[i].value, domain) == 0)
			return true;
	return false;
}

/* The domain is noted beside the rest: groups are looked for by it. */
static LoginOutcome
login_google_name(const LoginConfig *config, const LoginValue **info, const char **name)
{
	LoginOutcome outcome = login_claim(*info, config->username_claim, name);
	const LoginValue *claim = login_get(*info, config->username_claim);
	const char *email = login_str(login_get(*info, "email"));
	const char *domain;

	if (!login_truth(claim) || email == NULL || strchr(email, '@') == NULL)
		return LOGIN_ERROR;
	domain = login_lower(login_before_at(login_after_at(email)));
	*info = login_with(*info, "domain", login_string_value(domain));
	if (outcome == LOGIN_UNDECIDED && config->strip_domain && login_hosts(config, domain))
		*name = login_before_at(*name);
	return outcome;
}

/* The hub's own: the name is what the authenticator says, empty or not. */
static LoginOutcome
login_plain_name(const LoginValue *value, const char **name)
{
	*name = login_str(value);
	return *name != NULL ? LOGIN_UNDECIDED : LOGIN_ERROR;
}

LoginOutcome
login_username(const LoginConfig *config, const LoginValue **info, const char **name)
{
	LoginOutcome outcome;

	*name = NULL;
	switch (config->family)
	{
		case LOGIN_CILOGON:
			return (*info)->kind == LOGIN_DICT ?
				login_cilogon_name(config, *info, name) : LOGIN_ERROR;
		case LOGIN_GLOBUS:
			outcome = login_plain_name(login_get(*info, config->username_claim), name);
			if (*name != NULL)
				*name = login_before_at(*name);
			return outcome;
		case LOGIN_GOOGLE:
			return login_google_name(config, info, name);
		case LOGIN_OPENSHIFT:
			return login_plain_name(login_get(login_get(*info, "metadata"), "name"), name);
		case LOGIN_BASE:
			/* authenticate() may give a bare name */
			if ((*info)->kind == LOGIN_STRING)
				return login_plain_name(*info, name);
			/* FALLTHROUGH */
		case LOGIN_DUMMY:
		case LOGIN_PAM:
			return login_plain_name(login_get(*info, "name"), name);
		default:
			return login_claim(*info, config->username_claim, name);
	}
}
