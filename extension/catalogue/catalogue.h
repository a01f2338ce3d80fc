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

#endif							/* JHUB_AUTHZ_CATALOGUE_H */
