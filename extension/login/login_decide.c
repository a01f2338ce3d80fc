/*-------------------------------------------------------------------------
 *
 * login_decide.c
 *	  The decision: from a name and what is known of it to an outcome.
 *
 * In the order of the hub: who it is and what the provider's groups make of
 * admin (authenticate), then a valid name, what is required and who is blocked
 * (check_blocked_users), then who is let in (login_allow.c).
 *
 * The outcome says where a login ended: denied and blocked are the hub's silent
 * "no", http_403 and http_500 what an authenticator raises itself, error any
 * other exception, which the hub answers with 500.
 *
 *-------------------------------------------------------------------------
 */
#include "login_case.h"

const char *const login_outcome_names[] = {
	"allowed", "denied", "blocked", "invalid_username", "http_403", "http_500", "error",
	"config_error", NULL
};

/* ---- admin ---- */

/* Rules of a kind of group, and whether one holds: null becomes true or false. */
static void
login_admin_by(LoginCase *c, const char *kind, bool held)
{
	LoginDecision *decision = c->decision;

	if (decision->admin != LOGIN_ADMIN_YES && login_has(c, LOGIN_ADMIN, kind))
		decision->admin = held ? LOGIN_ADMIN_YES : LOGIN_ADMIN_NO;
}

/* update_auth_model and _apply_managed_groups. */
static LoginOutcome
login_model(LoginCase *c)
{
	const LoginConfig *config = c->config;
	LoginDecision *decision = c->decision;
	LoginOutcome outcome;

	if (login_match_user(c, LOGIN_ADMIN, c->name, true))
		decision->admin = LOGIN_ADMIN_YES;
	c->auth_state = login_auth_state(config, c->info, c->facts);
	if (config->family == LOGIN_GITHUB && login_get(c->info, "email") == NULL)
		return LOGIN_ERROR;
	if (config->family == LOGIN_GLOBUS)
		login_admin_by(c, "globus_group",
					   login_match_list(c, LOGIN_ADMIN, "globus_group",
										login_get(c->facts, "globus_groups")));
	if (config->family == LOGIN_GOOGLE)
		login_admin_by(c, "google_group", login_match_google(c, LOGIN_ADMIN));
	if (!config->manage_groups)
		return LOGIN_UNDECIDED;
	outcome = login_groups(config, c->auth_state, decision);
	decision->has_groups = outcome == LOGIN_UNDECIDED;
	if (outcome == LOGIN_UNDECIDED)
		login_admin_by(c, "group", login_match_list(c, LOGIN_ADMIN, "group",
													login_group_list(decision)));
	return outcome;
}

/* ---- who is kept out ---- */

/* Is a domain one of those that are required?  Without any, it is. */
static bool
login_meets(const LoginCase *c, const char *kind, const char *domain)
{
	int			n;
	const LoginRule *rules = login_rules(c->config, LOGIN_REQUIRE, kind, &n);

	for (int i = 0; i < n; i++)
	{
		const char *value = rules[i].value;

		if (value == NULL || domain == NULL)
			continue;
		if (c->config->strict)
			value = login_lower(value);
		if (strcmp(value, domain) == 0)
			return true;
	}
	return n == 0;
}

static LoginOutcome
login_blocked(LoginCase *c)
{
	if (c->config->family == LOGIN_GLOBUS)
	{
		const char *name = login_str(login_get(c->info, c->config->username_claim));

		if (!login_meets(c, "identity_provider", login_folded(c, login_after_at(name))))
			return login_refused(c, LOGIN_HTTP_403, LOGIN_REQUIRE, "identity_provider");
	}
	if (c->config->family == LOGIN_GOOGLE)
	{
		const LoginValue *hd = login_get(c->info, "hd");

		if (!login_meets(c, "hosted_domain", hd == NULL ? "" : login_folded(c, login_str(hd))))
			return login_refused(c, LOGIN_BLOCKED, LOGIN_REQUIRE, "hosted_domain");
	}
	if (login_match_user(c, LOGIN_BLOCK, c->name, false))
	{
		c->decision->nmatched = 0;
		(void) login_match_user(c, LOGIN_BLOCK, c->name, true);
		return LOGIN_BLOCKED;
	}
	return LOGIN_UNDECIDED;
}

/* ---- the whole way ---- */

/* A refresh goes through none of the checks; strict mode makes it. */
static bool
login_unchecked_refresh(const LoginCase *c)
{
	return login_truth(login_get(c->facts, "refresh")) && !c->config->strict;
}

static LoginOutcome
login_oauth(LoginCase *c)
{
	const char *name;
	const char *once;
	LoginOutcome outcome = login_username(c->config, &c->info, &name);

	if (outcome != LOGIN_UNDECIDED)
		return outcome;
	once = c->decision->username = c->name = login_normalize(c->config, name);
	if (login_unchecked_refresh(c) && !c->config->enable_auth_state)
	{
		/* the hub has nothing to refresh from */
		c->decision->unchanged = true;
		c->decision->username = login_normalize(c->config, once);
		return LOGIN_ALLOWED;
	}
	outcome = login_model(c);
	if (outcome != LOGIN_UNDECIDED)
		return outcome;

	/* the hub normalizes what the authenticator has normalized */
	if (!c->config->strict)
		c->decision->username = c->name = login_normalize(c->config, once);
	if (login_unchecked_refresh(c))
		return strcmp(once, c->name) == 0 ? LOGIN_ALLOWED : LOGIN_ERROR;
	if (!login_valid_name(c->config, c->name))
		return LOGIN_INVALID_USERNAME;
	outcome = login_blocked(c);
	if (outcome == LOGIN_UNDECIDED)
		outcome = login_allowed(c);
	if (outcome == LOGIN_ALLOWED && c->decision->admin == LOGIN_ADMIN_LEAVE &&
		login_match_user(c, LOGIN_ADMIN, c->name, true))
		c->decision->admin = LOGIN_ADMIN_YES;
	return outcome;
}

/* What an authenticator of one's own says beside the name. */
static LoginOutcome
login_own_model(LoginCase *c)
{
	const LoginValue *admin = login_get(c->info, "admin");
	const LoginValue *groups = login_get(c->info, "groups");
	LoginDecision *decision = c->decision;

	decision->no_groups = c->config->family != LOGIN_BASE || groups == NULL;
	if (c->config->family != LOGIN_BASE)
		return LOGIN_UNDECIDED;
	if (admin != NULL && admin->kind != LOGIN_NONE)
	{
		if (admin->kind != LOGIN_BOOL)
			return LOGIN_ERROR;
		decision->admin = admin->truth ? LOGIN_ADMIN_YES : LOGIN_ADMIN_NO;
	}
	if (c->config->manage_roles)
		decision->roles = login_get(c->info, "roles");
	if (!c->config->manage_groups || groups == NULL || groups->kind == LOGIN_NONE)
		return LOGIN_UNDECIDED;
	if (!login_is_strings(groups))
		return LOGIN_ERROR;
	decision->has_groups = true;
	return login_sorted_set(groups, decision);
}

/* is_admin of PAM: a UNIX group that does not exist is an exception. */
static LoginOutcome
login_unix_admin(LoginCase *c)
{
	int			n;
	const LoginRule *rules = login_rules(c->config, LOGIN_ADMIN, "unix_group", &n);
	const LoginValue *groups = login_get(c->facts, "unix_groups");
	bool		member = false;

	if (n == 0 || c->decision->admin == LOGIN_ADMIN_YES)
		return LOGIN_ALLOWED;
	for (int i = 0; i < n; i++)
	{
		const LoginValue *members = rules[i].value != NULL ? login_get(groups, rules[i].value) : NULL;

		if (members == NULL)
			return LOGIN_ERROR;
		if (login_contains(members, c->name))
		{
			login_match(c, &rules[i]);
			member = true;
		}
	}
	c->decision->admin = member ? LOGIN_ADMIN_YES : LOGIN_ADMIN_NO;
	return LOGIN_ALLOWED;
}

static LoginOutcome
login_own(LoginCase *c)
{
	const char *name;
	LoginOutcome outcome = login_username(c->config, &c->info, &name);
	int			n;
	const LoginRule *rules;

	/* authenticate() gave None: not authenticated */
	if (c->config->family == LOGIN_BASE && c->info->kind == LOGIN_NONE &&
		!login_unchecked_refresh(c))
		return LOGIN_DENIED;
	if (outcome != LOGIN_UNDECIDED)
		return outcome;
	c->decision->username = c->name = login_normalize(c->config, name);
	if (login_unchecked_refresh(c))
	{
		c->decision->unchanged = true;
		return LOGIN_ALLOWED;
	}
	outcome = login_own_model(c);
	if (outcome != LOGIN_UNDECIDED)
		return outcome;
	if (!login_valid_name(c->config, c->name))
		return LOGIN_INVALID_USERNAME;
	outcome = login_blocked(c);
	if (outcome != LOGIN_UNDECIDED)
		return outcome;

	login_allow_users(c);
	rules = login_rules(c->config, LOGIN_ALLOW, "unix_group", &n);
	for (int i = 0; i < n; i++)
		if (rules[i].value != NULL &&
			login_contains(login_get(login_get(c->facts, "unix_groups"), rules[i].value), c->name))
			login_allow(c, &rules[i]);
	if (!c->allowed)
		return LOGIN_DENIED;
	if (c->decision->admin != LOGIN_ADMIN_LEAVE)
		return LOGIN_ALLOWED;
	if (login_match_user(c, LOGIN_ADMIN, c->name, true))
		c->decision->admin = LOGIN_ADMIN_YES;
	return login_unix_admin(c);
}

void
login_decide(const LoginConfig *config, const LoginValue *user_info,
			 const LoginValue *facts, LoginDecision *decision)
{
	LoginCase	c = {0};

	memset(decision, 0, sizeof(*decision));
	if (config->config_error != NULL)
	{
		decision->outcome = LOGIN_CONFIG_ERROR;
		return;
	}
	c.config = config;
	c.info = user_info;
	c.facts = facts;
	c.decision = decision;
	c.allow_all = login_has(&c, LOGIN_ALLOW, "any");
	decision->outcome = LOGIN_IS_OAUTH(config->family) ? login_oauth(&c) : login_own(&c);
	if (decision->outcome != LOGIN_ALLOWED)
	{
		decision->admin = LOGIN_ADMIN_LEAVE;
		/* reasons for letting in explain no refusal */
		if (decision->outcome != LOGIN_BLOCKED && decision->outcome != LOGIN_HTTP_403)
			decision->nmatched = 0;
	}
	login_sort_matched(decision);
}
