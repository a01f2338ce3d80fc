/*-------------------------------------------------------------------------
 *
 * login_groups.c
 *	  The groups that a provider says somebody is in: manage_groups.
 *
 * auth_state_groups_key is a path through auth_state.  Python makes a set of
 * whatever is found there, and sorts it; what that does to a string, a number or
 * a mixture is part of the decision.
 *
 *-------------------------------------------------------------------------
 */
#include "login.h"

#include "mb/pg_wchar.h"

/* The token response's scope, split as build_auth_state_dict does. */
static LoginValue *
login_scope(const LoginValue *facts)
{
	const LoginValue *given = login_get(facts, "scope");
	const char *scope = given == NULL ? "" : login_str(given);
	char		separator;
	char	  **parts;
	int			n = 0;

	if (scope == NULL)
		return unconstify(LoginValue *, given);	/* a list already */
	separator = strchr(scope, ' ') != NULL ? ' ' : ',';
	parts = palloc(sizeof(char *) * (strlen(scope) + 1));
	for (;;)
	{
		const char *end = strchr(scope, separator);

		if (end == NULL)
			break;
		parts[n++] = pnstrdup(scope, end - scope);
		scope = end + 1;
	}
	parts[n++] = pstrdup(scope);
	return login_list_value(parts, n);
}

/* A list of the facts; empty without one. */
static LoginValue *
login_fact_list(const LoginValue *facts, const char *key)
{
	const LoginValue *list = login_get(facts, key);

	return list != NULL ? unconstify(LoginValue *, list) : login_list_value(NULL, 0);
}

static bool
login_has_rules(const LoginConfig *config, LoginEffect effect, const char *kind)
{
	int			n;

	return login_rules(config, effect, kind, &n) != NULL;
}

LoginValue *
login_auth_state(const LoginConfig *config, const LoginValue *info, const LoginValue *facts)
{
	LoginValue *state = palloc0(sizeof(LoginValue));
	LoginValue *empty = login_list_value(NULL, 0);
	const LoginValue *user = info;

	state->kind = LOGIN_DICT;
	/* globus and mediawiki make theirs without it */
	if (config->family != LOGIN_GLOBUS && config->family != LOGIN_MEDIAWIKI)
		state = login_with(state, "scope", login_scope(facts));
	if (config->family == LOGIN_BITBUCKET)
		state = login_with(state, "user_teams",
						   login_has_rules(config, LOGIN_ALLOW, "team") ?
						   login_fact_list(facts, "bitbucket_teams") : empty);
	if (config->family == LOGIN_GLOBUS)
		state = login_with(state, "globus_groups",
						   config->manage_groups ||
						   login_has_rules(config, LOGIN_ALLOW, "globus_group") ||
						   login_has_rules(config, LOGIN_ADMIN, "globus_group") ?
						   login_fact_list(facts, "globus_groups") : empty);
	if (config->family == LOGIN_GOOGLE)
		user = login_with(info, "google_groups",
						  login_has_rules(config, LOGIN_ALLOW, "google_group") ||
						  login_has_rules(config, LOGIN_ADMIN, "google_group") ?
						  login_fact_list(facts, "google_groups") : empty);
	return login_with(state, login_user_key(config->family), unconstify(LoginValue *, user));
}

/* reduce(dict.get, key.split("."), auth_state); NULL for None and for a TypeError */
static const LoginValue *
login_walk(const LoginValue *state, const char *path)
{
	for (;;)
	{
		const char *dot = strchr(path, '.');

		state = login_get(state, dot != NULL ? pnstrdup(path, dot - path) : path);
		if (dot == NULL || state == NULL)
			break;
		path = dot + 1;
	}
	return state != NULL && state->kind != LOGIN_NONE ? state : NULL;
}

/* set(string): its characters */
static LoginValue *
login_characters(const char *string)
{
	int			n = 0;
	char	  **parts = palloc(sizeof(char *) * (strlen(string) + 1));

	while (*string != '\0')
	{
		int			len = pg_utf_mblen((const unsigned char *) string);

		parts[n++] = pnstrdup(string, len);
		string += len;
	}
	return login_list_value(parts, n);
}

static int
login_compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

static int
login_compare_numbers(const void *a, const void *b)
{
	double		x = strtod(*(char *const *) a, NULL);
	double		y = strtod(*(char *const *) b, NULL);

	return (x > y) - (x < y);
}

/* Sort, and take away what stands there twice. */
static void
login_sort_groups(LoginDecision *decision, bool numbers)
{
	int			n = 0;

	qsort(decision->groups, decision->ngroups, sizeof(char *),
		  numbers ? login_compare_numbers : login_compare_names);
	for (int i = 0; i < decision->ngroups; i++)
		if (n == 0 || strcmp(decision->groups[n - 1], decision->groups[i]) != 0)
			decision->groups[n++] = decision->groups[i];
	decision->ngroups = n;
}

/*
 * sorted(set(list)).  An element that is no scalar is not hashable, and makes
 * the set empty; scalars of several kinds can't be sorted.
 */
LoginOutcome
login_sorted_set(const LoginValue *list, LoginDecision *decision)
{
	int			strings = 0;
	int			numbers = 0;
	int			nones = 0;

	for (int i = 0; i < list->n; i++)
	{
		LoginKind	kind = list->values[i]->kind;

		if (kind == LOGIN_LIST || kind == LOGIN_DICT)
			return LOGIN_UNDECIDED;
		strings += kind == LOGIN_STRING;
		numbers += kind == LOGIN_NUMBER || kind == LOGIN_BOOL;
		nones += kind == LOGIN_NONE;
	}
	if ((strings > 0) + (numbers > 0) + (nones > 0) > 1)
		return LOGIN_ERROR;
	decision->named = strings > 0;
	decision->groups = palloc(sizeof(char *) * Max(list->n, 1));
	decision->ngroups = nones > 0 ? 1 : list->n;
	for (int i = 0; i < decision->ngroups; i++)
		decision->groups[i] = nones > 0 ? NULL :
			list->values[i]->kind == LOGIN_BOOL ?
			pstrdup(list->values[i]->truth ? "1" : "0") : list->values[i]->string;
	if (nones == 0)
		login_sort_groups(decision, numbers > 0);
	return LOGIN_UNDECIDED;
}

LoginOutcome
login_groups(const LoginConfig *config, const LoginValue *auth_state, LoginDecision *decision)
{
	const LoginValue *claim = login_walk(auth_state, config->groups_key);

	if (claim == NULL)
		return LOGIN_UNDECIDED;
	switch (claim->kind)
	{
		case LOGIN_LIST:
			return login_sorted_set(claim, decision);
		case LOGIN_STRING:
			/* in strict mode it is refused: nobody means its characters */
			if (config->strict)
				return LOGIN_ERROR;
			return login_sorted_set(login_characters(claim->string), decision);
		case LOGIN_DICT:
			return login_sorted_set(login_list_value(claim->keys, claim->n), decision);
		default:
			return LOGIN_UNDECIDED;
	}
}
