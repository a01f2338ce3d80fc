/*-------------------------------------------------------------------------
 *
 * login_match.c
 *	  Which rules hold, and that they are noted.
 *
 *-------------------------------------------------------------------------
 */
#include "login_case.h"

#include "miscadmin.h"

void
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

void
login_allow(LoginCase *c, const LoginRule *rule)
{
	login_match(c, rule);
	c->allowed = true;
}

/* Do rules of a kind hold whose value is in a list?  Those that do are noted. */
bool
login_match_list(LoginCase *c, LoginEffect effect, const char *kind, const LoginValue *list)
{
	int			n;
	const LoginRule *rules = login_rules(c->config, effect, kind, &n);
	bool		found = false;

	for (int i = 0; i < n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		if (rules[i].value != NULL && login_contains(list, rules[i].value))
		{
			login_match(c, &rules[i]);
			found = true;
		}
	}
	return found;
}

/* Likewise for names of users. */
bool
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

bool
login_has(const LoginCase *c, LoginEffect effect, const char *kind)
{
	int			n;

	return login_rules(c->config, effect, kind, &n) != NULL;
}

/* Rules for groups of a google domain; strict: in whatever case it is written. */
bool
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

/* The domain of an address as it is compared. */
const char *
login_folded(const LoginCase *c, const char *domain)
{
	return c->config->strict && domain != NULL ? login_lower(domain) : domain;
}

void
login_match_all(LoginCase *c, LoginEffect effect, const char *kind)
{
	int			n;
	const LoginRule *rules = login_rules(c->config, effect, kind, &n);

	for (int i = 0; i < n; i++)
		login_match(c, &rules[i]);
}

LoginOutcome
login_refused(LoginCase *c, LoginOutcome outcome, LoginEffect effect, const char *kind)
{
	c->decision->nmatched = 0;
	login_match_all(c, effect, kind);
	return outcome;
}

const LoginValue *
login_group_list(const LoginDecision *decision)
{
	return decision->named ? login_list_value(decision->groups, decision->ngroups) : NULL;
}

static int
login_compare_ids(const void *a, const void *b)
{
	int64		x = *(const int64 *) a;
	int64		y = *(const int64 *) b;

	return (x > y) - (x < y);
}

/* In order, each once. */
void
login_sort_matched(LoginDecision *decision)
{
	int			n = 0;

	qsort(decision->matched, decision->nmatched, sizeof(int64), login_compare_ids);
	for (int i = 0; i < decision->nmatched; i++)
		if (n == 0 || decision->matched[n - 1] != decision->matched[i])
			decision->matched[n++] = decision->matched[i];
	decision->nmatched = n;
}
