/*-------------------------------------------------------------------------
 *
 * login_facts.c
 *	  What an authenticator was told over the network, as it is handed in.
 *
 * A key that is misspelt would shut people out without a word, so it is an
 * error.
 *
 *-------------------------------------------------------------------------
 */
#include "login.h"

pg_noreturn static void
login_bad_fact(const char *key, const char *expected)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid value for fact \"%s\"", key),
			 errdetail("It must be: %s.", expected)));
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
