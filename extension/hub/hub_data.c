/*-------------------------------------------------------------------------
 *
 * hub_data.c
 *	  The model: roles, users, groups, services, shares and OAuth clients.
 *
 * One code path reads some subjects or all of them; only the WHERE clauses
 * differ.  Links (who has which role, who is in which group) are read as pairs
 * of ids and become arrays of pointers when both sides are there.  A pair whose
 * other side was not found is left out: foreign keys let that happen only for a
 * row that another transaction is about to add.
 *
 * Role and share scopes are parsed here, once for each row.  What they mean is
 * effective.c's business.
 *
 * As of a moment the same queries read the history (hub_past.c): a table's name
 * and the last parameter are all that differs.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_audit.h"
#include "hub_list.h"
#include "hub_private.h"

#include "miscadmin.h"
#include "utils/memutils.h"

/*
 * of the model's memory: what may be wasted at the end of the last one; of some
 * subjects, which may have to fit into so much
 */
#define HUB_MAX_BLOCK		(512 * 1024)
#define HUB_MAX_BLOCK_OF_SOME	(64 * 1024)

/* so many ids are asked for at a time */
#define HUB_MANY			1000

/* so many users and groups are compared with each share, more by a hash */
#define HUB_MANY_HOLDERS	64

/* after so many clients, one by one, all of them are read */
#define HUB_SINGLE_CLIENTS	3

/* of so many clients at most the servers' owners are looked up one by one */
#define HUB_FEW_CLIENTS		64

/* ---- the model ---- */

/* A client and the rows that it stands for, the lowest ids if there are many. */
typedef struct HubClientRow
{
	HubClient	client;
	int			service_id;
	int			spawner_id;
} HubClientRow;

struct HubData
{
	MemoryContext context;
	HubPool		pool;			/* in that */
	HubSchema	schema;
	bool		everyone;
	bool		latest;
	HubList		users;
	HubList		groups;
	HubList		services;
	HubList		roles;
	HubList		shares;

	HubNames   *clients;		/* HubClientRow *, or hub_no_client */
	int			nclient_reads;	/* -1: all are there */

	ScopeMembership *membership;
};

static HubClientRow hub_no_client;

/* What the row functions get. */
typedef struct HubLoad
{
	HubData    *data;
	HubPairs	user_groups;
	HubPairs	user_roles;
	HubPairs	group_roles;
	HubPairs	service_roles;
	HubPairs	user_shares;
	HubPairs	group_shares;
	HubPairs   *pairs;			/* being read */
	const int  *in_row;			/* a list of ids of which there are no others between */
} HubLoad;

/*
 * Run a query for the model.  Many rows are read through a cursor, few at once,
 * which has less to set up.  The arrays have room for one argument more.
 */
static void
hub_query(const HubData *data, const char *sql, int nargs, Oid *types,
		  Datum *values, bool many, spi_row_fn each, void *arg)
{
	SPITupleTable *table;
	uint64		n;

	nargs = hub_from_args(&data->schema, nargs, types, values);
	if (many)
	{
		spi_each(sql, nargs, types, values, NULL, data->latest, each, arg);
		return;
	}
	n = spi_run(sql, nargs, types, values, NULL, true, data->latest, 0);
	table = SPI_tuptable;
	for (uint64 i = 0; i < n; i++)
		each(table->vals[i], table->tupdesc, arg);
	SPI_freetuptable(table);
}

/*
 * Run "SELECT columns FROM table", of everyone or with column = ANY (ids).  Many
 * ids are asked for some at a time, so that not all rows are there at once.
 */
static void
hub_read(HubLoad *load, const char *columns, HubTable table, const char *column,
		 const int *ids, int nids, spi_row_fn each)
{
	HubData    *data = load->data;
	Oid			types[2] = {INT4ARRAYOID};
	Datum		values[2];
	HubIds		unique = {.n = nids};
	const char *sql;

	if (data->everyone)
	{
		hub_query(data, psprintf("SELECT %s FROM %s", columns,
								 hub_from(&data->schema, table, "t", 0)),
				  0, types, values, true, each, load);
		return;
	}
	if (nids == 0)
		return;
	if (ids == load->in_row)
	{
		Oid			bound_types[3] = {INT4OID, INT4OID};
		Datum		bounds[3] = {Int32GetDatum(ids[0]), Int32GetDatum(ids[nids - 1])};

		hub_query(data, psprintf("SELECT %s FROM %s WHERE %s BETWEEN $1 AND $2", columns,
								 hub_from(&data->schema, table, "t", 2), column),
				  2, bound_types, bounds, true, each, load);
		return;
	}
	if (nids > HUB_MANY)
	{
		/* one that is there twice may not be asked for twice */
		unique.ids = palloc(sizeof(int) * nids);
		memcpy(unique.ids, ids, sizeof(int) * nids);
		hub_ids_unique(&unique);
		ids = unique.ids;
	}
	sql = psprintf("SELECT %s FROM %s WHERE %s = ANY ($1)", columns,
				   hub_from(&data->schema, table, "t", 1), column);
	for (int i = 0; i < unique.n; i += HUB_MANY)
	{
		values[0] = spi_int_array(ids + i, Min(unique.n - i, HUB_MANY));
		hub_query(data, sql, 1, types, values, false, each, load);
		pfree(DatumGetPointer(values[0]));
	}
}

/* A name, kept in the model; a row without one gets the empty name. */
static char *
hub_row_name(HubData *data, HeapTuple row, TupleDesc desc, int column)
{
	char	   *name = hub_utf8(row, desc, column);

	return hub_pool_string(&data->pool, name ? name : "");
}

/* "owner/name", likewise. */
static char *
hub_row_server(HubData *data, const char *owner, const char *name)
{
	char	   *server = psprintf("%s/%s", owner ? owner : "", name ? name : "");
	char	   *kept = hub_pool_string(&data->pool, server);

	pfree(server);
	return kept;
}

static bool
hub_row_bool(HeapTuple row, TupleDesc desc, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, desc, column, &isnull);

	return !isnull && DatumGetBool(value);
}

static void
hub_user_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubData    *data = ((HubLoad *) arg)->data;
	HubUser    *user = hub_list_add(&data->users, spi_int(row, desc, 1, 0), sizeof(HubUser));

	if (user == NULL)
		return;
	user->name = hub_row_name(data, row, desc, 2);
	user->admin = hub_row_bool(row, desc, 3);
}

static void
hub_service_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubData    *data = ((HubLoad *) arg)->data;
	HubService *service = hub_list_add(&data->services, spi_int(row, desc, 1, 0),
									   sizeof(HubService));

	if (service == NULL)
		return;
	service->name = hub_row_name(data, row, desc, 2);
	service->admin = hub_row_bool(row, desc, 3);
}

static void
hub_group_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubData    *data = ((HubLoad *) arg)->data;
	HubGroup   *group = hub_list_add(&data->groups, spi_int(row, desc, 1, 0), sizeof(HubGroup));

	if (group != NULL)
		group->name = hub_row_name(data, row, desc, 2);
}

static void
hub_role_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubData    *data = ((HubLoad *) arg)->data;
	HubRole    *role = hub_list_add(&data->roles, spi_int(row, desc, 1, 0), sizeof(HubRole));
	MemoryContext caller;

	if (role == NULL)
		return;
	role->name = hub_row_name(data, row, desc, 2);
	caller = MemoryContextSwitchTo(data->context);
	role->raw = hub_parse_scopes(hub_text(row, desc, 3), &role->defect);
	MemoryContextSwitchTo(caller);
}

/* A share: id, user_id, group_id, scopes, owner, server's name, its client, expiry. */
static void
hub_share_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubLoad    *load = arg;
	HubData    *data = load->data;
	HubShare   *share = hub_list_add(&data->shares, spi_int(row, desc, 1, 0), sizeof(HubShare));
	int			user = spi_int(row, desc, 2, 0);
	int			group = spi_int(row, desc, 3, 0);
	char	   *owner = hub_utf8(row, desc, 5);
	char	   *server = hub_utf8(row, desc, 6);
	char	   *client = hub_utf8(row, desc, 7);
	MemoryContext caller;
	bool		isnull;

	if (share == NULL)
		return;
	caller = MemoryContextSwitchTo(data->context);
	share->scopes = hub_parse_scopes(hub_text(row, desc, 4), &share->defect);
	MemoryContextSwitchTo(caller);
	share->server = hub_row_server(data, owner, server);
	share->client_id = client ? hub_pool_string(&data->pool, client) : NULL;
	share->expires_at = spi_time(row, desc, 8, &isnull);
	share->has_expires = !isnull;
	if (user != 0)
		hub_pairs_add(&load->user_shares, user, share->id);
	if (group != 0)
		hub_pairs_add(&load->group_shares, group, share->id);
}

static void
hub_pair_row(HeapTuple row, TupleDesc desc, void *arg)
{
	hub_pairs_add(((HubLoad *) arg)->pairs, spi_int(row, desc, 1, 0), spi_int(row, desc, 2, 0));
}

static void
hub_read_pairs(HubLoad *load, HubPairs *pairs, HubTable table, const char *subject,
			   const char *object, const int *ids, int nids)
{
	load->pairs = pairs;
	hub_read(load, psprintf("%s, %s", subject, object), table, subject, ids, nids,
			 hub_pair_row);
}

/* Shares with the users and groups; the order of ids makes results stable. */
static void
hub_read_shares(HubLoad *load, const int *users, int nusers, const int *groups, int ngroups)
{
	HubData    *data = load->data;
	const HubSchema *hub = &data->schema;
	bool		many = data->everyone || nusers + ngroups > HUB_MANY_HOLDERS;
	int			nargs = data->everyone ? 0 : 2;
	Oid			types[3] = {INT4ARRAYOID, INT4ARRAYOID};
	Datum		values[3];
	char	   *sql;

	if (!OidIsValid(data->schema.rel[HUB_SHARES]) ||
		(!data->everyone && nusers + ngroups == 0))
		return;
	if (data->everyone)
		sql = psprintf("SELECT s.id, s.user_id, s.group_id, s.scopes, u.name, p.name, p.oauth_client_id, s.expires_at"
					   " FROM %s LEFT JOIN %s ON p.id = s.spawner_id"
					   " LEFT JOIN %s ON u.id = p.user_id ORDER BY s.id",
					   hub_from(hub, HUB_SHARES, "s", nargs), hub_from(hub, HUB_SPAWNERS, "p", nargs),
					   hub_from(hub, HUB_USERS, "u", nargs));
	else
		/*
		 * OFFSET 0: look up what a few shares need, read no table for it.  Each
		 * share is compared with the lists: long ones have to be hash tables.
		 */
		sql = psprintf("SELECT s.id, s.user_id, s.group_id, s.scopes, u.name, p.name, p.oauth_client_id, s.expires_at"
					   " FROM %s LEFT JOIN LATERAL"
					   " (SELECT p.name, p.oauth_client_id, p.user_id FROM %s WHERE p.id = s.spawner_id OFFSET 0) p ON true"
					   " LEFT JOIN LATERAL (SELECT u.name FROM %s WHERE u.id = p.user_id OFFSET 0) u ON true"
					   " WHERE %s ORDER BY s.id",
					   hub_from(hub, HUB_SHARES, "s", nargs), hub_from(hub, HUB_SPAWNERS, "p", nargs),
					   hub_from(hub, HUB_USERS, "u", nargs),
					   many ? "s.user_id IN (SELECT unnest($1)) OR s.group_id IN (SELECT unnest($2))" :
					   "s.user_id = ANY ($1) OR s.group_id = ANY ($2)");
	if (!data->everyone)
	{
		values[0] = spi_int_array(users, nusers);
		values[1] = spi_int_array(groups, ngroups);
	}
	hub_query(data, sql, nargs, types, values, data->everyone, hub_share_row, load);
}

/* Roles of the subjects that have been read, and of nobody else. */
static void
hub_read_roles(HubLoad *load, const HubWant *want, const int *groups, int ngroups)
{
	HubPairs	all;
	int		   *ids;
	int			n;

	hub_read_pairs(load, &load->user_roles, HUB_USER_ROLE_MAP, "user_id", "role_id",
				   want->users, want->nusers);
	hub_read_pairs(load, &load->group_roles, HUB_GROUP_ROLE_MAP, "group_id", "role_id",
				   groups, ngroups);
	hub_read_pairs(load, &load->service_roles, HUB_SERVICE_ROLE_MAP, "service_id", "role_id",
				   want->services, want->nservices);

	/* everyone: all roles are read anyway */
	hub_pairs_init(&all);
	if (!load->data->everyone)
	{
		const HubPairs *maps[3] = {&load->user_roles, &load->group_roles, &load->service_roles};

		for (int m = 0; m < 3; m++)
			for (int i = 0; i < maps[m]->n; i++)
				hub_pairs_add(&all, 0, maps[m]->ids[i][1]);
	}
	ids = hub_pairs_objects(&all, want->roles, load->data->everyone ? 0 : want->nroles, &n);
	hub_read(load, "id, name, scopes", HUB_ROLES, "id", ids, n, hub_role_row);
}

static void
hub_read_all(HubLoad *load, const HubWant *want)
{
	int		   *groups;
	int			ngroups;

	hub_read(load, "id, name, admin", HUB_USERS, "id", want->users, want->nusers, hub_user_row);
	hub_read(load, "id, name, admin", HUB_SERVICES, "id", want->services, want->nservices,
			 hub_service_row);
	hub_read_pairs(load, &load->user_groups, HUB_USER_GROUP_MAP, "user_id", "group_id",
				   want->users, want->nusers);
	groups = hub_pairs_objects(&load->user_groups, want->groups,
							   load->data->everyone ? 0 : want->ngroups, &ngroups);
	hub_read(load, "id, name", HUB_GROUPS, "id", groups, ngroups, hub_group_row);
	hub_read_roles(load, want, groups, ngroups);
	hub_read_shares(load, want->users, want->nusers, groups, ngroups);
}

static void
hub_link_all(HubLoad *load)
{
	HubData    *data = load->data;

	hub_link(&load->user_groups, &data->users, &data->groups,
			 offsetof(HubUser, ngroups), offsetof(HubUser, groups), true);
	hub_link(&load->user_roles, &data->users, &data->roles,
			 offsetof(HubUser, nroles), offsetof(HubUser, roles), true);
	hub_link(&load->group_roles, &data->groups, &data->roles,
			 offsetof(HubGroup, nroles), offsetof(HubGroup, roles), true);
	hub_link(&load->service_roles, &data->services, &data->roles,
			 offsetof(HubService, nroles), offsetof(HubService, roles), true);
	hub_link(&load->user_shares, &data->users, &data->shares,
			 offsetof(HubUser, nshares), offsetof(HubUser, shares), false);
	hub_link(&load->group_shares, &data->groups, &data->shares,
			 offsetof(HubGroup, nshares), offsetof(HubGroup, shares), false);
}

HubData *
hub_load(const HubSchema *hub, const HubWant *want, bool latest)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz hub",
												  ALLOCSET_DEFAULT_MINSIZE,
												  ALLOCSET_DEFAULT_INITSIZE,
												  want->everyone ? HUB_MAX_BLOCK : HUB_MAX_BLOCK_OF_SOME);
	HubData    *data = MemoryContextAllocZero(context, sizeof(HubData));
	HubLoad		load = {0};
	SpiFrame	frame;
	int			size = want->everyone ? 1024 : 16;

	data->context = context;
	data->schema = *hub;
	data->everyone = want->everyone;
	data->latest = latest;
	hub_pool_init(&data->pool, context);
	hub_list_init(&data->users, &data->pool, size);
	hub_list_init(&data->groups, &data->pool, size);
	hub_list_init(&data->services, &data->pool, 16);
	hub_list_init(&data->roles, &data->pool, 16);
	hub_list_init(&data->shares, &data->pool, 16);

	/* pairs and query texts are of the frame, and go with it */
	spi_enter(&frame, hub->owner);
	if (data->everyone)
		hub_plan_whole(hub);
	load.data = data;
	load.in_row = want->users_in_row ? want->users : NULL;
	hub_pairs_init(&load.user_groups);
	hub_pairs_init(&load.user_roles);
	hub_pairs_init(&load.group_roles);
	hub_pairs_init(&load.service_roles);
	hub_pairs_init(&load.user_shares);
	hub_pairs_init(&load.group_shares);
	hub_read_all(&load, want);
	hub_link_all(&load);
	spi_leave(&frame);
	return data;
}

void
hub_free(HubData *data)
{
	MemoryContextDelete(data->context);
}

const HubSchema *
hub_data_schema(const HubData *data)
{
	return &data->schema;
}

MemoryContext
hub_data_context(const HubData *data)
{
	return data->context;
}

void *
hub_data_keep(HubData *data, const void *bytes, Size size)
{
	void	   *kept = hub_pool_alloc(&data->pool, size);

	return bytes != NULL ? memcpy(kept, bytes, size) : kept;
}

bool
hub_data_is_everyone(const HubData *data)
{
	return data->everyone;
}

bool
hub_data_is_latest(const HubData *data)
{
	return data->latest;
}

HubUser *
hub_user(const HubData *data, int id)
{
	return hub_list_find(&data->users, id);
}

HubService *
hub_service(const HubData *data, int id)
{
	return hub_list_find(&data->services, id);
}

HubGroup *
hub_group(const HubData *data, int id)
{
	return hub_list_find(&data->groups, id);
}

HubRole *
hub_role(const HubData *data, int id)
{
	return hub_list_find(&data->roles, id);
}

/* The order is made when it is first asked for; it is no change of the model. */
HubUser **
hub_users(const HubData *data, int *n)
{
	return (HubUser **) hub_list_by_name(unconstify(HubList *, &data->users), n);
}

HubService **
hub_services(const HubData *data, int *n)
{
	return (HubService **) hub_list_by_name(unconstify(HubList *, &data->services), n);
}

HubGroup **
hub_groups(const HubData *data, int *n)
{
	return (HubGroup **) hub_list_by_name(unconstify(HubList *, &data->groups), n);
}

HubRole **
hub_roles(const HubData *data, int *n)
{
	return (HubRole **) hub_list_by_name(unconstify(HubList *, &data->roles), n);
}

ScopeMembership *
hub_membership(HubData *data)
{
	if (data->membership == NULL)
		data->membership = hub_membership_create(data);
	return data->membership;
}

/* ---- OAuth clients ---- */

/*
 * A row of identifier, service's id and name, spawner's id, owner and name,
 * allowed scopes.  A client of several spawners or services has several rows.
 */
static void
hub_client_row(HeapTuple tuple, TupleDesc desc, void *arg)
{
	HubData    *data = arg;
	char	   *identifier = hub_utf8(tuple, desc, 1);
	int			service_id = spi_int(tuple, desc, 2, 0);
	int			spawner_id = spi_int(tuple, desc, 4, 0);
	char	   *allowed = hub_text(tuple, desc, 7);
	HubClientRow *row;

	if (identifier == NULL)
		return;
	row = hub_names_get(data->clients, identifier, strlen(identifier));
	if (row == NULL || row == &hub_no_client)
	{
		row = hub_pool_alloc(&data->pool, sizeof(HubClientRow));
		row->client.identifier = hub_pool_string(&data->pool, identifier);
		row->client.allowed_scopes = allowed ? hub_pool_string(&data->pool, allowed) : NULL;
		*hub_names_put(data->clients, row->client.identifier, strlen(identifier)) = row;
	}
	if (service_id != 0 && (row->service_id == 0 || service_id < row->service_id))
	{
		row->service_id = service_id;
		row->client.service = hub_row_name(data, tuple, desc, 3);
	}
	if (spawner_id != 0 && (row->spawner_id == 0 || spawner_id < row->spawner_id))
	{
		row->spawner_id = spawner_id;
		row->client.server = hub_row_server(data, hub_utf8(tuple, desc, 5),
											hub_utf8(tuple, desc, 6));
	}
}

/* Read these clients, or all (n 0).  A long list is joined, not compared with each. */
static void
hub_read_clients(HubData *data, char *const *identifiers, int n)
{
	const HubSchema *hub = &data->schema;
	int			nargs = n > 0 ? 1 : 0;
	Oid			types[2] = {n == 1 ? TEXTOID : TEXTARRAYOID};
	Datum		values[2];
	const char *users;
	char	   *owners;
	SpiFrame	frame;
	char	   *sql;

	if (n > 0)
		values[0] = n == 1 ? PointerGetDatum(module_text_if_representable(identifiers[0])) :
			spi_text_array(identifiers, n);
	if (n == 1 && values[0] == (Datum) 0)
		return;
	spi_enter(&frame, hub->owner);
	if (n != 1)
		hub_plan_whole(hub);
	users = hub_from(hub, HUB_USERS, "u", nargs);
	/* the planner, which takes the servers of a few clients for many, would read all users */
	owners = n > 1 && n <= HUB_FEW_CLIENTS && !hub->past ?
		psprintf("LATERAL (SELECT u.name FROM %s WHERE u.id = p.user_id OFFSET 0) u ON true", users) :
		psprintf("%s ON u.id = p.user_id", users);
	sql = psprintf("SELECT c.identifier, v.id, v.name, p.id, u.name, p.name, %s FROM %s"
				   " LEFT JOIN %s ON v.oauth_client_id = c.identifier"
				   " LEFT JOIN %s ON p.oauth_client_id = c.identifier"
				   " LEFT JOIN %s%s",
				   hub->has_allowed_scopes && !data->everyone ? "c.allowed_scopes" : "NULL::text",
				   hub_from(hub, HUB_OAUTH_CLIENTS, "c", nargs), hub_from(hub, HUB_SERVICES, "v", nargs),
				   hub_from(hub, HUB_SPAWNERS, "p", nargs), owners,
				   n == 1 ? " WHERE c.identifier = $1" :
				   n > HUB_FEW_CLIENTS ? " WHERE c.identifier IN (SELECT unnest($1))" :
				   n > 0 ? " WHERE c.identifier = ANY ($1)" : "");
	hub_query(data, sql, nargs, types, values, n != 1, hub_client_row, data);
	spi_leave(&frame);
}

/* What was looked for and is not there is remembered, too. */
static HubClientRow *
hub_found_client(HubData *data, const char *identifier)
{
	int			len = strlen(identifier);
	HubClientRow *row = hub_names_get(data->clients, identifier, len);

	if (row == NULL)
	{
		row = &hub_no_client;
		*hub_names_put(data->clients, hub_pool_string(&data->pool, identifier), len) = row;
	}
	return row;
}

/*
 * spawners has no index on oauth_client_id: each single look-up goes through all
 * servers.  A few are better than reading all the clients, many are worse.
 */
const HubClient *
hub_client(HubData *data, const char *identifier)
{
	HubClientRow *row;

	if (data->clients == NULL)
		data->clients = hub_names_new(data->context);
	row = hub_names_get(data->clients, identifier, strlen(identifier));
	if (row == NULL && data->nclient_reads >= 0)
	{
		if (data->everyone || data->nclient_reads >= HUB_SINGLE_CLIENTS)
		{
			hub_read_clients(data, NULL, 0);
			data->nclient_reads = -1;
		}
		else
		{
			char	   *one = unconstify(char *, identifier);

			hub_read_clients(data, &one, 1);
			data->nclient_reads++;
		}
		row = hub_found_client(data, identifier);
	}
	return row == NULL || row == &hub_no_client ? NULL : &row->client;
}

void
hub_clients_ahead(HubData *data, char *const *identifiers, int n)
{
	char	  **unknown;
	int			nunknown = 0;

	if (data->clients == NULL)
		data->clients = hub_names_new(data->context);
	if (data->nclient_reads < 0)
		return;
	unknown = palloc(sizeof(char *) * Max(n, 1));
	for (int i = 0; i < n; i++)
		if (hub_names_get(data->clients, identifiers[i], strlen(identifiers[i])) == NULL)
			unknown[nunknown++] = identifiers[i];
	if (nunknown > 0)
		hub_read_clients(data, unknown, nunknown);
	for (int i = 0; i < nunknown; i++)
		(void) hub_found_client(data, unknown[i]);
	pfree(unknown);
}

typedef struct HubClientLoop
{
	MemoryContext context;
	HubNameArray clients;
} HubClientLoop;

static void
hub_client_name_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubClientLoop *loop = arg;
	char	   *identifier = hub_utf8(row, desc, 1);
	MemoryContext caller;

	if (identifier == NULL)
		return;
	caller = MemoryContextSwitchTo(loop->context);
	hub_name_array_add(&loop->clients, identifier, strlen(identifier));
	MemoryContextSwitchTo(caller);
}

void
hub_clients_of_users(HubData *data)
{
	const HubSchema *hub = &data->schema;
	HubClientLoop loop = {0};
	Oid			types[3] = {INT4ARRAYOID};
	Datum		values[3];
	HubIds		ids = {0};
	SpiFrame	frame;

	/* their names are of the frame, and go with it */
	spi_enter(&frame, hub->owner);
	hub_plan_whole(hub);
	loop.context = CurrentMemoryContext;
	for (int i = 0; i < data->users.n; i++)
		hub_ids_add(&ids, ((HubUser *) data->users.rows[i])->id);
	values[0] = spi_int_array(ids.ids, ids.n);
	hub_query(data, psprintf("SELECT p.oauth_client_id FROM %s WHERE p.user_id IN (SELECT unnest($1))"
							 " UNION ALL SELECT v.oauth_client_id FROM %s",
							 hub_from(hub, HUB_SPAWNERS, "p", 1), hub_from(hub, HUB_SERVICES, "v", 1)),
			  1, types, values, true, hub_client_name_row, &loop);
	hub_clients_ahead(data, loop.clients.names, loop.clients.n);
	spi_leave(&frame);
}

/* ---- ids by name ---- */

static int
hub_id_by(const HubSchema *hub, HubTable table, const char *column, const char *name,
		  bool latest)
{
	Oid			types[2] = {TEXTOID};
	Datum		values[2];
	SpiFrame	frame;
	int			id = 0;

	spi_enter(&frame, hub->owner);
	values[0] = PointerGetDatum(module_text_from_utf8(name, strlen(name)));
	if (spi_run(psprintf("SELECT id FROM %s WHERE %s = $1",
						 hub_from(hub, table, "t", 1), column),
				hub_from_args(hub, 1, types, values), types, values, NULL, true, latest, 1) > 0)
		id = spi_int(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, 0);
	spi_leave(&frame);
	return id;
}

int
hub_user_id(const HubSchema *hub, const char *name, bool latest)
{
	return hub_id_by(hub, HUB_USERS, "name", name, latest);
}

int
hub_service_id(const HubSchema *hub, const char *name, bool latest)
{
	return hub_id_by(hub, HUB_SERVICES, "name", name, latest);
}

int
hub_group_id(const HubSchema *hub, const char *name, bool latest)
{
	return hub_id_by(hub, HUB_GROUPS, "name", name, latest);
}

int
hub_role_id(const HubSchema *hub, const char *name, bool latest)
{
	return hub_id_by(hub, HUB_ROLES, "name", name, latest);
}

int
hub_client_id(const HubSchema *hub, const char *identifier, bool latest)
{
	return hub_id_by(hub, HUB_OAUTH_CLIENTS, "identifier", identifier, latest);
}
