/*-------------------------------------------------------------------------
 *
 * login_allow.c
 *	  Who is let in: check_allowed() of the hub and of each authenticator.
 *
 * A union.  Python stops at the first rule that lets somebody in; here all of
 * them are looked at, so that matched names every reason, but what Python would
 * not have come to raises no error.
 *
 *-------------------------------------------------------------------------
 */
#include "login_case.h"

#include "../hub/hub.h"

/*
 * The e-mail gates of auth0 and google.  They are in check_allowed, which the
 * hub does not call with allow_all: then only strict mode looks.
 */
static LoginOutcome
login_email_gate(LoginCase *c)
{
	bool		google = c->config->family == LOGIN_GOOGLE;
	const LoginValue *verified = login_get(c->info, google ? "verified_email" : "email_verified");

	if (c->allow_all && !c->config->strict)
		return LOGIN_UNDECIDED;
	/* Python looks these up without a default */
	if (!c->config->strict &&
		(google ? verified : login_get(c->info, "email")) == NULL)
		return LOGIN_ERROR;
	if (!login_truth(verified) && login_has(c, LOGIN_REQUIRE, "verified_email"))
		return login_refused(c, LOGIN_HTTP_403, LOGIN_REQUIRE, "verified_email");
	return LOGIN_UNDECIDED;
}

/* allowed_scopes: all of them */
static void
login_allow_scopes(LoginCase *c)
{
	int			n;
	const LoginRule *rules = login_rules(c->config, LOGIN_ALLOW, "scope", &n);
	const LoginValue *granted = login_get(c->auth_state, "scope");
	bool		all = n > 0;

	for (int i = 0; i < n; i++)
		all &= rules[i].value != NULL && login_contains(granted, rules[i].value);
	if (all)
		login_match_all(c, LOGIN_ALLOW, "scope");
	c->allowed |= all;
}

/* Has the hub a user of that name, or makes one when it starts? */
static bool
login_exists(LoginCase *c)
{
	const LoginValue *existing = login_get(c->facts, "existing_users");
	HubSchema  *hub;

	if (login_match_user(c, LOGIN_ALLOW, c->name, false) ||
		login_match_user(c, LOGIN_ADMIN, c->name, false))
		return true;
	if (existing != NULL)
		return login_contains(existing, c->name);
	hub = hub_schema(true, false);
	return hub != NULL && hub_user_id(hub, c->name, false) != 0;
}

void
login_allow_users(LoginCase *c)
{
	int			n;
	const LoginRule *rules;

	c->allowed |= c->allow_all;
	login_match_all(c, LOGIN_ALLOW, "any");
	c->allowed |= login_match_user(c, LOGIN_ALLOW, c->name, true);
	/* the hub adds the admins to a list of users, but makes none of them */
	if (login_has(c, LOGIN_ALLOW, "user"))
		c->allowed |= login_match_user(c, LOGIN_ADMIN, c->name, true);
	rules = login_rules(c->config, LOGIN_ALLOW, "existing_user", &n);
	if (rules != NULL && login_exists(c))
		login_allow(c, &rules[0]);
}

/* Membership is asked for with the user's id, which must be there first. */
static LoginOutcome
login_allow_gitlab(LoginCase *c)
{
	const LoginValue *id = login_get(c->info, "id");
	const LoginValue *projects = login_get(c->facts, "gitlab_projects");
	bool		asks = login_has(c, LOGIN_ALLOW, "gitlab_group") || login_has(c, LOGIN_ALLOW, "project");
	int			n;
	const LoginRule *rules = login_rules(c->config, LOGIN_ALLOW, "project", &n);

	if (id == NULL || (asks && id->kind != LOGIN_NUMBER && id->kind != LOGIN_BOOL))
		return c->allowed ? LOGIN_UNDECIDED : LOGIN_ERROR;
	c->allowed |= login_match_list(c, LOGIN_ALLOW, "gitlab_group",
								   login_get(c->facts, "gitlab_groups"));
	for (int i = 0; i < n; i++)
	{
		const LoginValue *level = rules[i].value != NULL ? login_get(projects, rules[i].value) : NULL;

		/* 30 is a developer */
		if (level != NULL && strtod(level->string, NULL) >= 30)
			login_allow(c, &rules[i]);
	}
	return LOGIN_UNDECIDED;
}

/* The part after the last "@", in lower case. */
static const char *
login_last_domain(const char *address)
{
	const char *at = strrchr(address, '@');

	return login_lower(at != NULL ? at + 1 : address);
}

static LoginOutcome
login_allow_cilogon(LoginCase *c)
{
	const LoginIdp *idp = login_idp(c->config, c->info);
	const LoginValue *address;
	const char *domain;
	int			n;
	const LoginRule *rules = login_rules(c->config, LOGIN_ALLOW, "idp", &n);
	bool		has_domains = false;

	for (int i = 0; i < n; i++)
		if (rules[i].value != NULL && strcmp(rules[i].value, idp->idp) == 0)
			login_allow(c, &rules[i]);
	rules = login_rules(c->config, LOGIN_ALLOW, "idp_domain", &n);
	for (int i = 0; i < n; i++)
		has_domains |= rules[i].qualifier != NULL && strcmp(rules[i].qualifier, idp->idp) == 0;
	if (!has_domains)
		return LOGIN_UNDECIDED;

	address = login_get(c->info, idp->allowed_domains_claim != NULL && idp->allowed_domains_claim[0] != '\0' ?
						idp->allowed_domains_claim : idp->username_claim);
	if (!login_truth(address))
		return c->allowed ? LOGIN_UNDECIDED : LOGIN_HTTP_500;
	if (login_str(address) == NULL)
		return c->allowed ? LOGIN_UNDECIDED : LOGIN_ERROR;
	domain = login_last_domain(address->string);
	for (int i = 0; i < n; i++)
		if (rules[i].qualifier != NULL && strcmp(rules[i].qualifier, idp->idp) == 0 &&
			rules[i].value != NULL && login_fnmatch(domain, rules[i].value))
			login_allow(c, &rules[i]);
	return LOGIN_UNDECIDED;
}

/* What a provider's own check_allowed adds to the union. */
static LoginOutcome
login_allow_provider(LoginCase *c)
{
	const char *hd;

	switch (c->config->family)
	{
		case LOGIN_BITBUCKET:
			c->allowed |= login_match_list(c, LOGIN_ALLOW, "team",
										   login_get(c->facts, "bitbucket_teams"));
			break;
		case LOGIN_GITHUB:
			c->allowed |= login_match_list(c, LOGIN_ALLOW, "organization",
										   login_get(c->facts, "github_orgs"));
			c->allowed |= login_match_list(c, LOGIN_ALLOW, "team",
										   login_get(c->facts, "github_orgs"));
			break;
		case LOGIN_GITLAB:
			return login_allow_gitlab(c);
		case LOGIN_GLOBUS:
			c->allowed |= login_match_list(c, LOGIN_ALLOW, "globus_group",
										   login_get(c->facts, "globus_groups"));
			break;
		case LOGIN_GOOGLE:
			hd = login_get(c->info, "hd") == NULL ? "" :
				login_folded(c, login_str(login_get(c->info, "hd")));
			if (hd != NULL)
				c->allowed |= login_match_list(c, LOGIN_ALLOW, "hosted_domain",
											   login_list_value(unconstify(char **, &hd), 1));
			c->allowed |= login_match_google(c, LOGIN_ALLOW);
			break;
		case LOGIN_CILOGON:
			return login_allow_cilogon(c);
		default:
			break;
	}
	return LOGIN_UNDECIDED;
}

LoginOutcome
login_allowed(LoginCase *c)
{
	LoginOutcome outcome = LOGIN_UNDECIDED;

	if (c->config->family == LOGIN_AUTH0 || c->config->family == LOGIN_GOOGLE)
		outcome = login_email_gate(c);
	if (outcome != LOGIN_UNDECIDED)
		return outcome;
	login_allow_users(c);
	c->allowed |= c->decision->admin == LOGIN_ADMIN_YES;
	login_allow_scopes(c);
	if (c->config->manage_groups)
		c->allowed |= login_match_list(c, LOGIN_ALLOW, "group", login_group_list(c->decision));
	outcome = login_allow_provider(c);
	if (outcome != LOGIN_UNDECIDED)
		return outcome;
	return c->allowed ? LOGIN_ALLOWED : LOGIN_DENIED;
}
