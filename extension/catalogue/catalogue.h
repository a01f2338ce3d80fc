/*-------------------------------------------------------------------------
 *
 * catalogue.h
 *	  Which scopes exist in a release of JupyterHub and what they imply.
 *
 * The scopes of all releases are compiled in (hub_releases.h, generated from
 * hub_releases.jsonl); custom scopes are rows of custom_scopes.  Nothing here
 * reads a table of the hub: which release is in force is for the caller to
 * say (hub.h).
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_CATALOGUE_H
#define JHUB_AUTHZ_CATALOGUE_H

#include "../algebra/scopeset.h"
#include "datatype/timestamp.h"

/*
 * What a filter by server (with or without a value) does to a scope and its
 * subscopes.  The releases differ:
 *
 * up to 2.3, it goes with all of them, and the right to read the server's
 * owner's name (read:users:name!user=OWNER) is added;
 * 3.0 adds that only where a name among them begins with "read:";
 * since 3.1, names that begin with "read:user" are left out instead.
 */
typedef enum CatalogueServerRule
{
	CATALOGUE_SERVER_NAMES_OWNER,
	CATALOGUE_SERVER_READ_NAMES_OWNER,
	CATALOGUE_SERVER_NO_USERS
} CatalogueServerRule;

/* One release of JupyterHub, compiled in. */
typedef struct CatalogueRelease
{
	const char *name;			/* "5.5" */
	const char *version;		/* the patch release it was taken from: "5.5.1" */
	const char *revision;		/* its alembic head */
	uint64		defined;		/* dictionary bases that it defines */
	uint64		self_user;		/* what 'self' becomes, each with !user=NAME */
	const uint64 *closure;		/* [SCOPE_DICTIONARY_SIZE]: base and all its subscopes */
	const uint64 *subscopes;	/* [SCOPE_DICTIONARY_SIZE]: its direct subscopes */
	const char *const *description; /* [SCOPE_DICTIONARY_SIZE]: UTF-8, or NULL */
	const char *role_user;		/* default roles' scopes, JSON arrays */
	const char *role_admin;
	const char *role_server;
	const char *role_token;
	CatalogueServerRule server_rule;
	bool		user_is_any_owner;	/* 2.x: !user is a service's name too, and
									 * there are no filters !service, !server */
} CatalogueRelease;

/* Releases in ascending order. */
extern int	catalogue_release_count(void);
extern const CatalogueRelease *catalogue_release(int index);
extern const CatalogueRelease *catalogue_newest_release(void);

/* By name or version: "5.2", "5.2.1", "6.0.0b2"; NULL if unknown. */
extern const CatalogueRelease *catalogue_release_named(const char *name);

/* Newest release whose alembic head this is; NULL if none. */
extern const CatalogueRelease *catalogue_release_of_revision(const char *revision);

/* Default role's definition in a release; NULL for a role that is none. */
extern const char *catalogue_default_role(const CatalogueRelease *release,
										  const char *role_name);

typedef struct CustomScopes CustomScopes;

/* A release and the custom scopes as they stand. */
typedef struct Catalogue
{
	const CatalogueRelease *release;
	const CustomScopes *custom;
} Catalogue;

/*
 * The catalogue of a release with today's custom scopes.  The custom scopes
 * are cached for the backend; what is returned is good until the end of the
 * transaction (kept alive in TopTransactionContext when a newer one comes).
 */
extern const Catalogue *catalogue_get(const CatalogueRelease *release);

/*
 * The same with the custom scopes as they were at a moment, without descriptions.
 * Lives in a context of its own below the current one.
 */
extern const Catalogue *catalogue_at(const CatalogueRelease *release, TimestampTz at, bool latest);

/* A member's base: what the hub's user sees of it, UTF-8; NULL if undefined. */
extern const char *catalogue_description(const Catalogue *catalogue,
										 const ScopeMember *member);

/* All definitions, the hub's and custom ones, in code point order of names. */
typedef struct CatalogueDefinition
{
	const char *name;			/* UTF-8, like all of these */
	const char *description;
	bool		custom;
	int			nsubscopes;
	const char **subscopes;		/* the direct ones, palloc'd */
} CatalogueDefinition;

typedef struct CatalogueIter
{
	const Catalogue *catalogue;
	int			base;			/* next dictionary base to look at */
	int			custom;			/* next custom scope */
} CatalogueIter;

extern void catalogue_iter_init(CatalogueIter *iter, const Catalogue *catalogue);
extern bool catalogue_iter_next(CatalogueIter *iter, CatalogueDefinition *definition);

/* Is the member's base defined? */
extern bool catalogue_defines(const Catalogue *catalogue, const ScopeMember *member);

/* Members whose base the catalogue does not hold; NULL if there are none. */
extern Scopeset *catalogue_undefined(const Catalogue *catalogue, const Scopeset *set);

/* What stands for the self filters and metascopes; NULL: no target. */
typedef struct ExpandTarget
{
	const char *user;			/* owner is this user */
	const char *service;		/* owning service, or the client's */
	const char *server;			/* the client's server, "owner/name" */
} ExpandTarget;

/*
 * The hub's expand_scopes: subscopes, metascopes, self filters, reduced.  An
 * undefined scope stays as it is, without subscopes.
 */
extern Scopeset *catalogue_expand(const Catalogue *catalogue, const Scopeset *raw,
								  const ExpandTarget *target);

/* The closest defined scope to a misspelt one, palloc'd UTF-8, or NULL. */
extern char *catalogue_suggest(const Catalogue *catalogue, const ScopeMember *member);

/* Raise 42704, with a hint, for the first undefined member. */
extern void catalogue_check_defined(const Catalogue *catalogue, const Scopeset *set);

/* Forget the cached custom scopes, in all backends at commit. */
extern void catalogue_invalidate_custom(void);

/*
 * What the catalogue must ask or tell rooms that it does not know.  Each is
 * set once, by an init function (init.h); not set means nobody to ask or tell.
 *
 * users: who uses a custom scope (base only, base_id -1)?  Roles, tokens,
 * clients and shares, as a palloc'd list for a DETAIL line in the server's
 * encoding ("role \"a\", token 12"), or NULL if nobody does.  Called by
 * undefine_scope with our own rights, outside of an SPI frame.
 *
 * changed: definitions of custom scopes have just been written, by a function
 * of ours, in this transaction; what anyone may do may have changed.
 */
typedef char *(*catalogue_users_hook) (const ScopeMember *base);
typedef void (*catalogue_changed_hook) (void);

extern void catalogue_set_users_hook(catalogue_users_hook hook);
extern void catalogue_set_changed_hook(catalogue_changed_hook hook);

#endif							/* JHUB_AUTHZ_CATALOGUE_H */
