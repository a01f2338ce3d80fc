/*-------------------------------------------------------------------------
 *
 * hub.h
 *	  The hub's tables: the only room that names a column of theirs.
 *
 * Two things are read here.  HubSchema says which tables and columns the
 * attached database has and which release of the hub that makes it.  HubData
 * is a small model in memory of who is who (roles, users, groups, services,
 * shares, clients), for some subjects or for everyone; effective.h computes
 * on it.  Tokens are not part of it, they are passed by one at a time.
 *
 * Questions of a single request are in hub_requests.h, and what is written to
 * the hub's tables is in hub_write.h.
 *
 * Everything is read as the owner of the hub's tables.  Strings are UTF-8, but
 * for stored scopes, which are as they are stored.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_HUB_H
#define JHUB_AUTHZ_HUB_H

#include "../catalogue/catalogue.h"
#include "../module/module.h"
#include "datatype/timestamp.h"

typedef enum HubTable
{
	HUB_USERS,
	HUB_GROUPS,
	HUB_SERVICES,
	HUB_ROLES,
	HUB_USER_ROLE_MAP,
	HUB_GROUP_ROLE_MAP,
	HUB_SERVICE_ROLE_MAP,
	HUB_USER_GROUP_MAP,
	HUB_SPAWNERS,
	HUB_OAUTH_CLIENTS,
	HUB_OAUTH_CODES,
	HUB_API_TOKENS,
	HUB_SHARES,					/* from 5.0, and perhaps not there yet */
	HUB_SHARE_CODES,
	HUB_ALEMBIC_VERSION,		/* not in a database that was never stamped */
	HUB_TOKEN_ROLE_MAP,			/* api_token_role_map: 2.x only */
	HUB_NTABLES
} HubTable;

/* The hub's name of a table. */
extern const char *hub_table_name(HubTable table);

/* Without these a schema is no hub's. */
extern bool hub_table_required(HubTable table);

typedef struct HubSchema
{
	Oid			oid;
	char		name[NAMEDATALEN];	/* as in pg_namespace */
	char		quoted[2 * NAMEDATALEN + 3];	/* quote_identifier'd */
	Oid			rel[HUB_NTABLES];	/* InvalidOid: not there */
	Oid			owner;			/* of the tables */
	bool		has_token_scopes;	/* api_tokens.scopes: 3.0 on */
	bool		has_allowed_scopes; /* oauth_clients.allowed_scopes */
	bool		has_managed_by_auth;	/* 5.0 on */
	char		revision[64];	/* alembic's, "" if unknown */
	const CatalogueRelease *release;	/* in force; never NULL */
	bool		certain;		/* false: revision unknown, or inferred */
	bool		newer;			/* the hub is known to be newer than we are */
	const Catalogue *catalogue; /* release and custom scopes */
	bool		past;			/* as of a moment: see hub_past.h */
	TimestampTz at;				/* then: that moment */
} HubSchema;

/*
 * The attached hub as it is now.  Built anew at each call from the system
 * caches (some microseconds), so it can't be stale; palloc'd in the current
 * context.  Not attached, or schema gone: 55000, or NULL if missing_ok.
 * latest: read the alembic revision with the latest snapshot.
 */
extern HubSchema *hub_schema(bool missing_ok, bool latest);

/* The same for a schema that is not (yet) the attached one. */
extern HubSchema *hub_schema_of(const char *schema_name, bool missing_ok, bool latest);

/* Which of the hub's tables is this relation?  HUB_NTABLES: none. */
extern HubTable hub_table_of(const HubSchema *hub, Oid relid);

/*
 * Why a relation of a hub table's name can't be worked with, as a palloc'd
 * sentence: no ordinary table, owned by another role than "owner" (InvalidOid:
 * that of "users"), a column missing.  NULL: it can, or is not there.
 */
extern char *hub_table_defect(Oid schema, Oid owner, HubTable table);

/* About how many rows a table has, as ANALYZE found; 'unknown' if nobody looked. */
extern double hub_rows_estimate(const HubSchema *hub, HubTable table, double unknown);

/* Has it child tables?  Their rows count as its own, and fire no trigger of ours. */
extern bool hub_table_has_children(Oid schema, HubTable table);

/*
 * Is the hub known to be newer than every release that we know?  hub->newer,
 * or one of its default roles holds a scope that none of them has.  Reads the
 * roles.
 */
extern bool hub_is_newer(const HubSchema *hub, bool latest);

/* The catalogue in force: the attached hub's, else the pinned or newest one. */
extern const Catalogue *hub_catalogue(void);

/* Called when use_hub_release() has pinned or unpinned a release. */
extern void hub_set_pinned_hook(void (*hook) (void));

/* ---- the model ---- */

typedef struct HubRole
{
	int			id;
	char	   *name;
	const Scopeset *raw;		/* never NULL; empty if none or broken */
	char	   *defect;			/* why the stored scopes do not parse, or NULL */
} HubRole;

typedef struct HubShare
{
	int			id;
	const Scopeset *scopes;		/* as stored */
	char	   *defect;
	char	   *server;			/* "owner/name" */
	char	   *client_id;		/* the server's OAuth client, or NULL */
	bool		has_expires;
	Timestamp	expires_at;		/* UTC; it counts until the hub's purge */
} HubShare;

typedef struct HubGroup
{
	int			id;
	char	   *name;
	int			nroles;
	HubRole   **roles;
	int			nshares;
	HubShare  **shares;			/* shares with the group */
	void	   *memo;			/* effective.c's */
} HubGroup;

typedef struct HubUser
{
	int			id;
	char	   *name;
	bool		admin;
	/* numbers and arrays apart: there are many users, and no padding then */
	int			nroles;
	int			ngroups;
	int			nshares;
	HubRole   **roles;
	HubGroup  **groups;
	HubShare  **shares;			/* shares with the user */
	void	   *memo;
} HubUser;

typedef struct HubService
{
	int			id;
	char	   *name;
	bool		admin;
	int			nroles;
	HubRole   **roles;
	void	   *memo;
} HubService;

/* An OAuth client and what it stands for. */
typedef struct HubClient
{
	char	   *identifier;
	char	   *service;		/* name of its service, or NULL */
	char	   *server;			/* "owner/name" of its spawner, or NULL */
	char	   *allowed_scopes; /* for hub_parse_scopes; NULL if none, and in a
								 * model of everyone */
} HubClient;

typedef struct HubData HubData;

/* Which subjects to read.  everyone: all of all kinds. */
typedef struct HubWant
{
	bool		everyone;
	int			nusers;
	const int  *users;
	bool		users_in_row;	/* in order, and all from the first to the last */
	int			nservices;
	const int  *services;
	int			ngroups;
	const int  *groups;
	int			nroles;			/* besides those that the subjects have */
	const int  *roles;
} HubWant;

/*
 * Read the model.  Set-at-a-time: a handful of queries whatever is wanted.
 * Lives in a memory context of its own below the current one.
 */
extern HubData *hub_load(const HubSchema *hub, const HubWant *want, bool latest);
extern void hub_free(HubData *data);
extern const HubSchema *hub_data_schema(const HubData *data);
extern MemoryContext hub_data_context(const HubData *data);

/*
 * A copy (bytes NULL: zeroed memory) that lives as long as the model.  For what
 * there is of each subject: it has no header of its own, and can't be freed.
 */
extern void *hub_data_keep(HubData *data, const void *bytes, Size size);

/* Look-ups: NULL if not there (or not loaded). */
extern HubUser *hub_user(const HubData *data, int id);
extern HubService *hub_service(const HubData *data, int id);
extern HubGroup *hub_group(const HubData *data, int id);
extern HubRole *hub_role(const HubData *data, int id);

/* In order of name: *n and an array. */
extern HubUser **hub_users(const HubData *data, int *n);
extern HubService **hub_services(const HubData *data, int *n);
extern HubGroup **hub_groups(const HubData *data, int *n);
extern HubRole **hub_roles(const HubData *data, int *n);	/* those loaded */

/* A client, read on demand and remembered; NULL if unknown. */
extern const HubClient *hub_client(HubData *data, const char *identifier);

/* Read these clients in one go, for hub_client. */
extern void hub_clients_ahead(HubData *data, char *const *identifiers, int n);

/* Likewise those of the servers of the model's users, and of all services. */
extern void hub_clients_of_users(HubData *data);

/* Who is in which group, for anybody, read on demand and remembered. */
extern ScopeMembership *hub_membership(HubData *data);

/*
 * The same without a model, for two sets that are given: reads what
 * scopeset_needs_groups says must be known, NULL if nothing.
 */
extern ScopeMembership *hub_membership_for(const HubSchema *hub,
										   const Scopeset *a, const Scopeset *b,
										   bool latest);

/*
 * The same with the snapshot of a query that calls a function again and again: who
 * is in which group is kept with its call site, fcinfo->flinfo, as long as it holds.
 */
typedef struct HubKept HubKept;
extern ScopeMembership *hub_membership_kept(const HubSchema *hub, const Scopeset *a,
											const Scopeset *b, FmgrInfo *site);

/* Ids by name: 0 if there is none such. */
extern int	hub_user_id(const HubSchema *hub, const char *name, bool latest);
extern int	hub_service_id(const HubSchema *hub, const char *name, bool latest);
extern int	hub_group_id(const HubSchema *hub, const char *name, bool latest);
extern int	hub_role_id(const HubSchema *hub, const char *name, bool latest);

/* The same of an OAuth client, by its identifier. */
extern int	hub_client_id(const HubSchema *hub, const char *identifier, bool latest);

/* ---- rows by what filters name (hub_visible.c) ---- */

#define HUB_VISIBLE_KINDS	4	/* names of users, groups, services, servers */

/*
 * Ids of the rows of users, groups, services or spawners that such filters, as
 * text[] each, let one see; all: of every row.  each gets rows of one column.
 */
extern void hub_each_visible(const HubSchema *hub, HubTable table, bool all,
							 const Datum names[HUB_VISIBLE_KINDS],
							 spi_row_fn each, void *arg);

/* ---- tokens ---- */

typedef struct HubToken
{
	int			id;
	int			user_id;		/* 0: none */
	int			service_id;		/* 0: none */
	char	   *client_id;		/* may be NULL */
	char	   *note;			/* may be NULL */
	char	   *prefix;
	bool		has_created;
	Timestamp	created;
	bool		has_expires;
	Timestamp	expires_at;		/* UTC */
	bool		has_activity;	/* false: it was never used */
	Timestamp	last_activity;	/* UTC */
	char	   *scopes;			/* for hub_parse_scopes; NULL if none */
	const Scopeset *stored;		/* parsed; empty if NULL or broken */
	char	   *defect;
} HubToken;

/* Which tokens to pass by: the union of the lists, or all. */
typedef struct HubTokenWant
{
	bool		all;
	bool		live_only;		/* not expired */
	bool		before_this;	/* as they were before this transaction */
	int			nids;
	const int  *ids;
	int			nusers;
	const int  *users;
	int			nservices;
	const int  *services;
	int			nclients;
	char	  **clients;		/* client identifiers */
	bool		by_owner;		/* in another order: see hub_each_token */
	int			most;			/* all: no more than so many (0: no limit), */
	int			from;			/* from this id on */
} HubTokenWant;

typedef void (*hub_token_fn) (HubToken *token, void *arg);

/*
 * In order of id; as of a moment, those that have changed since come first.  by_owner:
 * those of users in order of the user's id, then those of services likewise, of each
 * in order of id.  What token points to lives for one call.
 */
extern void hub_each_token(const HubSchema *hub, const HubTokenWant *want,
						   bool latest, hub_token_fn each, void *arg);

/* Read the clients that these were made through in one go, for hub_client. */
extern void hub_clients_of_tokens(HubData *data, HubToken *const *tokens, int n);

/* Ids of all tokens: an int4[]. */
extern Datum hub_token_ids(const HubSchema *hub);

/* user / oauth / server / service */
extern TokenClass hub_token_class(const HubToken *token);

/*
 * The one reader of the hub's scope columns: never throws.  json is the text as
 * stored, in the server's encoding; NULL, and JSON's null, is the empty set.  What
 * is no scope is left out, as it gives nothing in the hub either, and all of a
 * text that does not parse, of which the hub makes nothing; *defect says why
 * (palloc'd), or is NULL.
 */
extern const Scopeset *hub_parse_scopes(const char *json, char **defect);

/* Now, as the hub stores time: UTC without time zone. */
extern Timestamp hub_now(void);

/* The moment of a schema likewise: now, unless it is of the past. */
extern Timestamp hub_moment(const HubSchema *hub);

/* ---- who uses a scope ---- */

/* Called for each thing that names a scope in its stored scopes. */
typedef void (*hub_scopes_fn) (const char *object, const Scopeset *scopes,
							   const char *defect, void *arg);

/*
 * Pass by everything that stores scopes: roles, OAuth clients, shares, share
 * codes, live tokens.  object is 'role "x"', 'token 12', ..., in the server's
 * encoding; it lives for one call, as the rest.
 */
extern void hub_each_scopes(const HubSchema *hub, bool latest,
							hub_scopes_fn each, void *arg);

/*
 * self_check asks this of each trigger of ours on a hub table: does it fire as
 * it was made to?
 */
extern void hub_set_trigger_check(bool (*check) (Oid relid, const char *name));

#endif							/* JHUB_AUTHZ_HUB_H */
