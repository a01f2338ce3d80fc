/*-------------------------------------------------------------------------
 *
 * hub_models.h
 *	  Rows of the hub's tables as its REST API models them, many at a time.
 *
 * Columns are in the order in which the api_* views have them.  What may be
 * shown to whom, URLs, and what a token holds are the server room's matter.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_HUB_MODELS_H
#define JHUB_AUTHZ_HUB_MODELS_H

#include "hub.h"

typedef enum HubModel
{
	HUB_MODEL_USER,
	HUB_MODEL_GROUP,
	HUB_MODEL_SERVICE,
	HUB_MODEL_SERVER,			/* spawners that run */
	HUB_MODEL_TOKEN,			/* of users, that have not expired */
	HUB_NMODELS
} HubModel;

/* The name comes first; that of the user before a server's, and in a token's place. */
enum
{
	HUB_USER_NAME, HUB_USER_KIND, HUB_USER_ADMIN, HUB_USER_ROLES, HUB_USER_GROUPS,
	HUB_USER_SERVER, HUB_USER_PENDING, HUB_USER_CREATED, HUB_USER_LAST_ACTIVITY,
	HUB_USER_INFO, HUB_USER_SERVERS, HUB_USER_AUTH_STATE, HUB_USER_NCOLUMNS
};

enum
{
	HUB_GROUP_NAME, HUB_GROUP_KIND, HUB_GROUP_ROLES, HUB_GROUP_USERS,
	HUB_GROUP_PROPERTIES, HUB_GROUP_NCOLUMNS
};

enum
{
	HUB_SERVICE_NAME, HUB_SERVICE_KIND, HUB_SERVICE_ADMIN, HUB_SERVICE_ROLES,
	HUB_SERVICE_URL, HUB_SERVICE_PREFIX, HUB_SERVICE_COMMAND, HUB_SERVICE_PID,
	HUB_SERVICE_INFO, HUB_SERVICE_DISPLAY, HUB_SERVICE_NCOLUMNS
};

enum
{
	HUB_SERVER_USER, HUB_SERVER_NAME, HUB_SERVER_FULL_NAME, HUB_SERVER_DISPLAY_NAME,
	HUB_SERVER_LAST_ACTIVITY, HUB_SERVER_STARTED, HUB_SERVER_PENDING, HUB_SERVER_READY,
	HUB_SERVER_STOPPED, HUB_SERVER_URL, HUB_SERVER_USER_OPTIONS, HUB_SERVER_PROGRESS_URL,
	HUB_SERVER_FULL_URL, HUB_SERVER_FULL_PROGRESS_URL, HUB_SERVER_STATE,
	HUB_SERVER_NCOLUMNS
};

enum
{
	HUB_TOKEN_USER, HUB_TOKEN_ID, HUB_TOKEN_KIND, HUB_TOKEN_ROLES, HUB_TOKEN_SCOPES,
	HUB_TOKEN_CREATED, HUB_TOKEN_LAST_ACTIVITY, HUB_TOKEN_EXPIRES_AT, HUB_TOKEN_NOTE,
	HUB_TOKEN_SESSION_ID, HUB_TOKEN_OAUTH_CLIENT, HUB_TOKEN_NCOLUMNS
};

#define HUB_MODEL_MAX_COLUMNS	HUB_SERVER_NCOLUMNS

/*
 * One row.  Columns hold what is stored; NULL where the release has no such
 * column, where what is stored does not parse, and where nothing is stored.
 */
typedef struct HubModelRow
{
	int			id;
	char	   *name;			/* UTF-8; of a token: NULL */
	char	   *owner;			/* of servers and tokens: the user's name, UTF-8 */
	int			owner_id;
	Datum		groups;			/* text[]: the groups of the user or owner */
	int			nowned;
	struct HubModelRow **owned; /* a user's servers by name, or tokens by id */
	Datum		values[HUB_MODEL_MAX_COLUMNS];
	bool		nulls[HUB_MODEL_MAX_COLUMNS];
} HubModelRow;

/* Rows in order of id: all of those with an id from first to last. */
typedef struct HubModelRows
{
	int			first;
	int			last;
	int			n;
	HubModelRow **rows;
} HubModelRows;

/*
 * Read at most n users, groups or services from an id on, with what belongs to
 * them, in a handful of queries; of users the servers or tokens too, if owned
 * says so (HUB_NMODELS: neither).  Lives in the current memory context, which
 * should be one of its own.  With the statement's snapshot.
 */
extern HubModelRows *hub_model_rows(const HubSchema *hub, HubModel model, HubModel owned,
									int first, int n);

/* The row of an id, or NULL. */
extern HubModelRow *hub_model_row(const HubModelRows *rows, int id);

/* Columns of a model that the release of the hub does not have, as bits. */
extern uint32 hub_model_missing(const HubSchema *hub, HubModel model);

/*
 * Ids and names of users, groups or services, in order of id: of those with one
 * of these names and the users in one of these groups (text[] each), or all.
 */
extern void hub_each_model_key(const HubSchema *hub, HubModel model, bool all,
							   Datum names, Datum groups, spi_row_fn each, void *arg);

#endif							/* JHUB_AUTHZ_HUB_MODELS_H */
