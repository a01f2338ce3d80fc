/*-------------------------------------------------------------------------
 *
 * login.h
 *	  Login decisions: who may log in, and as what.
 *
 * The decision of OAuthenticator and of JupyterHub's own authenticators.  A
 * document with an authenticator's options is taken apart into rows
 * (login_options.c, login_load.c, login_store.c); a decision reads them back
 * (login_config.c), finds the name (login_name.c) and the groups
 * (login_groups.c), and goes through the rules (login_decide.c).  What an
 * allowed login does to the hub's tables is in login_apply.c.
 *
 * All strings are UTF-8.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_LOGIN_H
#define JHUB_AUTHZ_LOGIN_H

#include "../module/module.h"

#include "login_python.h"

/* ---- families and their options (login_options.c) ---- */

typedef enum LoginFamily
{
	LOGIN_AUTH0,
	LOGIN_AZUREAD,
	LOGIN_BITBUCKET,
	LOGIN_CILOGON,
	LOGIN_GENERIC,
	LOGIN_GITHUB,
	LOGIN_GITLAB,
	LOGIN_GLOBUS,
	LOGIN_GOOGLE,
	LOGIN_MEDIAWIKI,
	LOGIN_OAUTH2,
	LOGIN_OPENSHIFT,
	LOGIN_BASE,
	LOGIN_DUMMY,
	LOGIN_PAM,
	LOGIN_NFAMILIES
} LoginFamily;

#define LOGIN_IS_OAUTH(family)	((family) < LOGIN_BASE)

/* In the order of the enum, ended by NULL. */
extern const char *const login_family_names[];

typedef enum LoginType
{
	LOGIN_TYPE_BOOL,
	LOGIN_TYPE_INT,
	LOGIN_TYPE_STR,
	LOGIN_TYPE_TEXT,			/* a string, or a number taken as one */
	LOGIN_TYPE_STRINGS,			/* Set or List; a bare string is one of one */
	LOGIN_TYPE_TEXTS,			/* the same, of strings or numbers */
	LOGIN_TYPE_LIST,
	LOGIN_TYPE_DICT,
	LOGIN_TYPE_STR_DICT,		/* string to string */
	LOGIN_TYPE_SET_DICT,		/* string to list of strings */
	LOGIN_TYPE_CALLABLE,		/* null is all that JSON can say */
	LOGIN_TYPE_ANY
} LoginType;

/* What is done with an option. */
typedef enum LoginUse
{
	LOGIN_USE_DECIDES,
	LOGIN_USE_ALIAS,			/* the old name of another */
	LOGIN_USE_CHECKED,			/* looked at when the document is loaded */
	LOGIN_USE_IGNORED,			/* means nothing to a decision */
	LOGIN_USE_REFUSED			/* the authenticator itself refuses it */
} LoginUse;

typedef struct LoginOption
{
	const char *name;
	uint32		families;		/* bits */
	LoginType	type;
	LoginUse	use;
	const char *other;			/* what an alias stands for; what to use instead */
} LoginOption;

/* The option of that name of a family, or NULL. */
extern const LoginOption *login_option(LoginFamily family, const char *name);

/*
 * A document as a dict of options that are known and of the right type, old
 * names replaced, and single strings made lists.  22023 otherwise.  Under the
 * name below: idps that an old name overrides, which the class looks at before.
 */
#define LOGIN_OVERRIDDEN_IDPS	"(idps)"

extern LoginValue *login_check_options(LoginFamily family, const LoginValue *document);

/* "Perhaps you meant", or NULL; candidates ends with NULL. */
extern const char *login_nearest(const char *word, const char *const *candidates);

/* ---- a provider ---- */

typedef enum LoginEffect
{
	LOGIN_ADMIN,
	LOGIN_ALLOW,
	LOGIN_BLOCK,
	LOGIN_REQUIRE,
	LOGIN_NEFFECTS
} LoginEffect;

/* A rule as it is stored; a NULL value is nobody's. */
typedef struct LoginRule
{
	int64		id;
	LoginEffect effect;
	const char *kind;
	const char *value;
	const char *qualifier;
	const char *name;			/* of kind user: as the hub normalizes it */
} LoginRule;

typedef struct LoginIdp
{
	const char *idp;
	const char *username_claim;
	const char *action;			/* strip_idp_domain, prefix or NULL */
	const char *argument;		/* the domain or the prefix */
	const char *allowed_domains_claim;
} LoginIdp;

typedef struct LoginConfig
{
	char	   *provider;
	LoginFamily family;
	const char *config_error;	/* why the authenticator would not start, or NULL */
	const char *username_claim;
	const char *groups_key;		/* auth_state_groups_key */
	bool		manage_groups;
	bool		manage_roles;
	bool		enable_auth_state;
	bool		strip_domain;
	bool		keep_case;		/* pam_normalize_username */
	const char *username_pattern;	/* as given, or NULL */
	char	   *pattern;		/* translated */
	int			nrules;
	LoginRule  *rules;			/* by effect, kind, value, qualifier */
	int			nidps;
	LoginIdp   *idps;
	int			nmaps;
	char	  **map_from;		/* username_map, in order */
	char	  **map_to;
	bool		strict;			/* option login_mode */
} LoginConfig;

extern const char *const login_effect_names[];

/* Write a provider; what is unchanged stays as it is (login_store.c). */
extern void login_store(const LoginConfig *config);
extern bool login_drop(const char *provider);

/*
 * A provider as it is stored, palloc'd in the current context; 42704 if there is
 * none such (login_config.c).
 */
extern LoginConfig *login_config_read(const char *provider);

/* Order the rules and normalize their names: before rules are looked up. */
extern void login_config_finish(LoginConfig *config);

/*
 * Rules of an effect and kind: *n of them from the first, which is NULL if there
 * are none.
 */
extern const LoginRule *login_rules(const LoginConfig *config, LoginEffect effect,
									const char *kind, int *n);

/* The family's defaults and the key of its user info in auth_state. */
extern const char *login_default_claim(LoginFamily family, bool from_email);
extern const char *login_user_key(LoginFamily family);

/* ---- a decision ---- */

typedef enum LoginOutcome
{
	LOGIN_ALLOWED,
	LOGIN_DENIED,
	LOGIN_BLOCKED,
	LOGIN_INVALID_USERNAME,
	LOGIN_HTTP_403,
	LOGIN_HTTP_500,
	LOGIN_ERROR,
	LOGIN_CONFIG_ERROR,
	LOGIN_UNDECIDED				/* go on; never the outcome of a decision */
} LoginOutcome;

extern const char *const login_outcome_names[];

typedef enum LoginAdmin
{
	LOGIN_ADMIN_LEAVE,			/* Python's None */
	LOGIN_ADMIN_NO,
	LOGIN_ADMIN_YES
} LoginAdmin;

typedef struct LoginDecision
{
	LoginOutcome outcome;
	const char *username;		/* as far as it is known, or NULL */
	LoginAdmin	admin;
	bool		has_groups;		/* false: leave them as they are */
	int			ngroups;
	char	  **groups;			/* in code point order; NULL is Python's None */
	bool		named;			/* they are strings, which rules are compared with */
	int			nmatched;
	int64	   *matched;		/* in order */
	bool		no_groups;		/* an authenticator of one's own says nothing of them */
	bool		unchanged;		/* the hub would not even look at the user */
	const LoginValue *roles;	/* what an authenticator of one's own says; or NULL */
} LoginDecision;

/* What the provider was asked over the network, checked: 22023. */
extern LoginValue *login_check_facts(const LoginValue *facts);

extern void login_decide(const LoginConfig *config, const LoginValue *user_info,
						 const LoginValue *facts, LoginDecision *decision);

/* The hub's normalize_username, as the family has it (login_name.c). */
extern const char *login_normalize(const LoginConfig *config, const char *name);

/* The hub's validate_username. */
extern bool login_valid_name(const LoginConfig *config, const char *name);

/*
 * The name that the provider gives a user.  LOGIN_UNDECIDED if there is one;
 * *info is the user info as the authenticator leaves it.
 */
extern LoginOutcome login_username(const LoginConfig *config, const LoginValue **info,
								   const char **name);

/* The claim of an identity provider of cilogon, before it is worked on. */
extern const LoginIdp *login_idp(const LoginConfig *config, const LoginValue *info);

/* Python's str.partition at the first "@": what is after it, or all. */
extern const char *login_after_at(const char *string);

/*
 * auth_state, and from it the groups.  LOGIN_ERROR if Python would raise an
 * exception (login_groups.c).
 */
extern LoginValue *login_auth_state(const LoginConfig *config, const LoginValue *info,
									const LoginValue *facts);
extern LoginOutcome login_sorted_set(const LoginValue *list, LoginDecision *decision);
extern LoginOutcome login_groups(const LoginConfig *config, const LoginValue *auth_state,
								 LoginDecision *decision);

#endif							/* JHUB_AUTHZ_LOGIN_H */
