/*-------------------------------------------------------------------------
 *
 * login_decide.c
 *	  The decision: from a name and what is known of it to an outcome.
 *
 * In the order of the hub: who it is and what the provider's groups make of
 * admin (authenticate), then a valid name, what is required and who is blocked
 * (check_blocked_users), then allow_all or check_allowed.  What may let somebody
 * in is a union.  Python stops at the first that does; here all of them are
 * looked at, so that matched names every reason, but what Python would not have
 * come to raises no error.
 *
 * The outcome says where a login ended: denied and blocked are the hub's silent
 * "no", http_403 and http_500 what an authenticator raises itself, error any
 * other exception, which the hub answers with 500.
 *
 *-------------------------------------------------------------------------
 */
#include "login.h"

#include "../hub/hub.h"

typedef struct LoginCase
{
	const LoginConfig *config;
	const LoginValue *info;		/* as the authenticator leaves it */
	const LoginValue *facts;
	const LoginValue *auth_state;	/* NULL for the hub's own */
	LoginDecision *decision;
	const char *name;			/* the hub's, as far as we have come */
	bool		allow_all;
	bool		allowed;		/* some rule holds */
} LoginCase;

const char *const login_outcome_names[] = {
	"allowed", "denied", "blocked", "invalid_username", "http_403", "http_500", "error",
	"config_error", NULL
};

/* ---- what was asked over the network ---- */

static pg_attribute_noreturn() void
login_bad_fact(const char *key, const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for fact \"%s\"", key),
			 errdetail("It must be: %s.", expected)));
}

static bool
login_is_strings(const LoginValue *value)
{
	if (value->kind != LOGIN_LIST)
		return false;
	for (int i = 0; i < value->n; i++)
		if (value->values[i]->kind != LOGIN_STRING)
			return false;
	return true;
}

static void
login_check_fact(const char *key, const LoginValue *value)
{
	if (strcmp(key, "refresh") == 0)
	{
		if (value->kind != LOGIN_BOOL)
			login_bad_fact(key, "true or false");
	}
	else if (strcmp(key, "scope") == 0)
	{
		if (value->kind != LOGIN_STRING && !login_is_strings(value))
			login_bad_fact(key, "a string or a list of strings");
	}
	else if (strcmp(key, "gitlab_projects") == 0)
	{
		bool		good = value->kind == LOGIN_DICT;

		for (int i = 0; good && i < value->n; i++)
			good = value->values[i]->kind == LOGIN_NUMBER;
		if (!good)
			login_bad_fact(key, "an object of levels of access");
	}
	else if (strcmp(key, "unix_groups") == 0)
	{
		bool		good = value->kind == LOGIN_DICT;

		for (int i = 0; good && i < value->n; i++)
			good = login_is_strings(value->values[i]);
		if (!good)
			login_bad_fact(key, "an object of lists of names");
	}
	else if (!login_is_strings(value))
		login_bad_fact(key, "a list of strings");
}

LoginValue *
login_check_facts(const LoginValue *facts)
{
	static const char *const keys[] = {
		"scope", "github_orgs", "gitlab_groups", "gitlab_projects", "bitbucket_teams",
		"globus_groups", "google_groups", "unix_groups", "existing_users", "config_roles",
		"refresh", NULL
	};

	if (facts->kind != LOGIN_DICT)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("facts must be a JSON object")));
	for (int i = 0; i < facts->n; i++)
	{
		const char *key = facts->keys[i];

		if (settings_word(key, keys) < 0)
		{
			const char *best = login_nearest(key, keys);

			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("fact \"%s\" does not exist", module_from_utf8(key, strlen(key))),
					 best != NULL ? errhint("Perhaps you meant \"%s\".", best) : 0));
		}
		login_check_fact(key, facts->values[i]);
	}
	return unconstify(LoginValue *, facts);
}

/* ---- rules that hold ---- */

static void
login_match(LoginCase *c, const LoginRule *rule)
{
	LoginDecision *decision = c->decision;

	/* room for a power of two of them */
	if (decision->matched == NULL)
		decision->matched = palloc(sizeof(int64));
	else if (decision->nmatched > 0 && (decision->nmatched & (decision->nmatched - 1)) == 0)
		decision->matched = repalloc(decision->matched,
									 sizeof(int64) * 2 * decision->nmatched);
	decision->matched[decision->nmatched++] = rule->id;
}

static void
login_allow(LoginCase *c, const LoginRule *rule)
{
	login_match(c, rule);
	c->allowed = true;
}

/* Do rules of a kind hold whose value is in a list?  Those that do are noted. */
static bool
login_match_list(LoginCase *c, LoginEffect effect, const char *kind, const LoginValue *list)
{
	int			n;
	const LoginRule *rules = login_rules(c->config, effect, kind, &n);
	bool		found = false;

	for (int i = 0; i < n; i++)
		if (rules[i].value != NULL && login_contains(list, rules[i].value))
		{
			login_match(c, &rules[i]);
			found = true;
		}
	return found;
}

/* Likewise for names of users. */
static bool
login_match_user(LoginCase *c, LoginEffect effect, const char *name, bool note)
{
	int			n;
	const LoginRule *rules = login_rules(c->config, effect, "user", &n);
	bool		found = false;

	for (int i = 0; i < n; i++)
		if (rules[i].value != NULL &&
			(strcmp(rules[i].name, name) == 0 ||
			 (effect == LOGIN_BLOCK && strcmp(rules[i].value, name) == 0)))
		{
			if (note)
				login_match(c, &rules[i]);
			found = true;
		}
	return found;
}

static bool
login_has(const LoginCase *c, LoginEffect effect, const char *kind)
{
	int			n;

	return login_rules(c->config, effect, kind, &n) != NULL;
}

/* Rules for groups of a google domain; strict: in whatever case it is written. */
static bool
login_match_google(LoginCase *c, LoginEffect effect)
{
	int			n;
	const LoginRule *rules = login_rules(c->config, effect, "google_group", &n);
	const char *domain = login_str(login_get(c->info, "domain"));
	const LoginValue *groups = login_get(c->facts, "google_groups");
	bool		found = false;

	for (int i = 0; i < n; i++)
	{
		const char *qualifier = rules[i].qualifier;

		if (qualifier == NULL || rules[i].value == NULL)
			continue;
		if (c->config->strict)
			qualifier = login_lower(qualifier);
		if (strcmp(qualifier, domain) == 0 && login_contains(groups, rules[i].value))
		{
			login_match(c, &rules[i]);
			found = true;
		}
	}
	return found;
}

/* ---- admin ---- */

/* Rules of a kind of group, and whether one holds: null becomes true or false. */
static void
login_admin_by(LoginCase *c, const char *kind, bool held)
{
	LoginDecision *decision = c->decision;

	if (decision->admin != LOGIN_ADMIN_YES && login_has(c, LOGIN_ADMIN, kind))
		decision->admin = held ? LOGIN_ADMIN_YES : LOGIN_ADMIN_NO;
}

static const LoginValue *
login_group_list(const LoginDecision *decision)
{
	return decision->named ? login_list_value(decision->groups, decision->ngroups) : NULL;
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

static void
login_match_all(LoginCase *c, LoginEffect effect, const char *kind)
{
	int			n;
	const LoginRule *rules = login_rules(c->config, effect, kind, &n);

	for (int i = 0; i < n; i++)
		login_match(c, &rules[i]);
}

static LoginOutcome
login_refused(LoginCase *c, LoginOutcome outcome, LoginEffect effect, const char *kind)
{
	c->decision->nmatched = 0;
	login_match_all(c, effect, kind);
	return outcome;
}

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

/* The domain of an address as it is compared. */
static const char *
login_folded(const LoginCase *c, const char *domain)
{
	return c->config->strict && domain != NULL ? login_lower(domain) : domain;
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

/* ---- who is let in ---- */

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

/* allow_all, allowed_users, allow_existing_users */
static void
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

/* allow_all, or check_allowed. */
static LoginOutcome
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

static int
login_compare_ids(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return (x > y) - (x < y);
}

/* In order, each once. */
static void
login_sort_matched(LoginDecision *decision)
{
	int			n = 0;

	qsort(decision->matched, decision->nmatched, sizeof(int64), login_compare_ids);
	for (int i = 0; i < decision->nmatched; i++)
		if (n == 0 || decision->matched[n - 1] != decision->matched[i])
			decision->matched[n++] = decision->matched[i];
	decision->nmatched = n;
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
