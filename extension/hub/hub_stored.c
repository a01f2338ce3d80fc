/*-------------------------------------------------------------------------
 *
 * hub_stored.c
 *	  All that stores scopes, and who there is that their filters name.
 *
 * Of everything, or of one: then by its key, and with the names that it has.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_audit.h"
#include "hub_list.h"
#include "hub_private.h"

/* ---- everything that stores scopes ---- */

typedef struct HubStoredLoop
{
	hub_stored_fn each;
	void	   *arg;
	HubStoredKind kind;
	const text *name;			/* only this; NULL: any */
	HubParseCache *cache;
} HubStoredLoop;

static bool
hub_is_shown_as(const char *name, const text *shown)
{
	text	   *mine = module_text_shown(name, strlen(name));

	return VARSIZE_ANY_EXHDR(mine) == VARSIZE_ANY_EXHDR(shown) &&
		memcmp(VARDATA_ANY(mine), VARDATA_ANY(shown), VARSIZE_ANY_EXHDR(shown)) == 0;
}

/* A row of id, name, scopes, and whether it is attached. */
static void
hub_stored_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubStoredLoop *loop = arg;
	HubStored	stored = {.kind = loop->kind};
	const HubParsed *parsed;
	bool		isnull;

	stored.name = hub_utf8(row, desc, 2);
	if (stored.name == NULL)
		stored.name = "";
	if (loop->name != NULL && !hub_is_shown_as(stored.name, loop->name))
		return;
	parsed = hub_parse_cached(loop->cache, hub_text(row, desc, 3));
	stored.id = spi_int(row, desc, 1, 0);
	stored.scopes = parsed->scopes;
	stored.defect = parsed->defect;
	stored.attached = DatumGetBool(SPI_getbinval(row, desc, 4, &isnull));
	loop->each(&stored, loop->arg);
}

/* What has a name; whoever of them is wanted is picked out of all. */
static void
hub_stored_named(HubStoredLoop *loop, HubStoredKind kind, const char *sql)
{
	loop->kind = kind;
	spi_each(sql, 0, NULL, NULL, NULL, false, hub_stored_row, loop);
}

/* What is named by its id, and found by it. */
static void
hub_stored_by_id(HubStoredLoop *loop, HubStoredKind kind, const char *sql)
{
	static const Oid types[1] = {INT4OID};
	Datum		values[1];
	char	   *name;
	char	   *end;
	long		id;

	loop->kind = kind;
	if (loop->name == NULL)
	{
		spi_each(sql, 0, NULL, NULL, NULL, false, hub_stored_row, loop);
		return;
	}
	name = text_to_cstring(loop->name);
	errno = 0;
	id = strtol(name, &end, 10);
	/* what an id is not written as, though it reads as one, hub_stored_row refuses */
	if (end == name || *end != '\0' || errno != 0 || id < PG_INT32_MIN || id > PG_INT32_MAX)
		return;
	values[0] = Int32GetDatum((int32) id);
	spi_each(psprintf("%s AND id = $1", sql), 1, types, values, NULL, false, hub_stored_row, loop);
}

void
hub_each_stored(const HubSchema *hub, const HubStoredWant *want, hub_stored_fn each, void *arg)
{
	HubStoredLoop loop = {.each = each,.arg = arg,.name = want->name};
	const char *schema = hub->quoted;
	SpiFrame	frame;

#define HUB_IS_WANTED(k)	(!want->one_kind || want->kind == (k))
	spi_enter(&frame, hub->owner);
	loop.cache = hub_parse_cache(CurrentMemoryContext);
	if (HUB_IS_WANTED(HUB_STORED_ROLE))
		hub_stored_named(&loop, HUB_STORED_ROLE,
						 psprintf("SELECT r.id, r.name, r.scopes, r.id IN (SELECT role_id FROM %s.user_role_map"
								  " UNION ALL SELECT role_id FROM %s.group_role_map"
								  " UNION ALL SELECT role_id FROM %s.service_role_map) FROM %s.roles r",
								  schema, schema, schema, schema));
	if (HUB_IS_WANTED(HUB_STORED_CLIENT))
		hub_stored_named(&loop, HUB_STORED_CLIENT,
						 psprintf("SELECT c.id, c.identifier, %s, c.identifier = 'jupyterhub' OR c.identifier IN"
								  " (SELECT oauth_client_id FROM %s.spawners WHERE oauth_client_id IS NOT NULL"
								  " UNION ALL SELECT oauth_client_id FROM %s.services WHERE oauth_client_id IS NOT NULL)"
								  " FROM %s.oauth_clients c",
								  hub->has_allowed_scopes ? "c.allowed_scopes" : "NULL::text",
								  schema, schema, schema));
	if (HUB_IS_WANTED(HUB_STORED_SHARE) && OidIsValid(hub->rel[HUB_SHARES]))
		hub_stored_by_id(&loop, HUB_STORED_SHARE,
						 psprintf("SELECT id, id::text, scopes, spawner_id IS NOT NULL FROM %s.shares WHERE true", schema));
	if (HUB_IS_WANTED(HUB_STORED_SHARE_CODE) && OidIsValid(hub->rel[HUB_SHARE_CODES]))
		hub_stored_by_id(&loop, HUB_STORED_SHARE_CODE,
						 psprintf("SELECT id, id::text, scopes, spawner_id IS NOT NULL FROM %s.share_codes WHERE true", schema));
	if (HUB_IS_WANTED(HUB_STORED_TOKEN) && hub->has_token_scopes)
		hub_stored_by_id(&loop, HUB_STORED_TOKEN,
						 psprintf("SELECT id, id::text, scopes, user_id IS NOT NULL OR service_id IS NOT NULL"
								  " FROM %s.api_tokens WHERE (expires_at IS NULL"
								  " OR expires_at >= (current_timestamp AT TIME ZONE 'UTC'))", schema));
	spi_leave(&frame);
#undef HUB_IS_WANTED
}

/* ---- who there is by name ---- */

struct HubNameSets
{
	HubNames   *users;
	HubNames   *groups;
	HubNames   *services;
	HubNames   *servers;
	HubNames   *filling;
	HubPool		pool;			/* of the names */
};

static void
hub_put_name(HubNameSets *sets, const char *name)
{
	char	   *key = hub_pool_string(&sets->pool, name);

	*hub_names_put(sets->filling, key, strlen(key)) = key;
}

static void
hub_name_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubNameSets *sets = arg;
	const char *name = hub_utf8(row, desc, 1);

	if (name != NULL)
		hub_put_name(sets, name);
}

/* The server of a user who has no name is not named by a filter. */
static void
hub_server_name_row(HeapTuple row, TupleDesc desc, void *arg)
{
	const char *owner = hub_utf8(row, desc, 1);
	const char *server = hub_utf8(row, desc, 2);

	if (owner != NULL)
		hub_put_name(arg, psprintf("%s/%s", owner, server ? server : ""));
}

/* Whom filters name. */
typedef struct HubFilterNames
{
	HubNameArray users;			/* owners of servers, too */
	HubNameArray groups;
	HubNameArray services;
} HubFilterNames;

static void
hub_add_name(HubNameArray *names, const char *name, int len)
{
	if (names->n == names->size)
	{
		names->size = Max(2 * names->size, 16);
		names->names = names->names == NULL ? palloc(sizeof(char *) * names->size) :
			repalloc_huge(names->names, sizeof(char *) * names->size);
	}
	names->names[names->n++] = pnstrdup(name, len);
}

/* Whoever may own a server: a name of the owner's, too, may have a slash in it. */
static void
hub_add_owners(HubNameArray *names, const char *server, int len)
{
	for (int i = 0; i < len; i++)
		if (server[i] == '/')
			hub_add_name(names, server, i);
}

static void
hub_add_filter_names(HubFilterNames *names, const Scopeset *set)
{
	ScopeIter	iter;
	ScopeMember member;

	scope_iter_init(&iter, set);
	while (scope_iter_next(&iter, &member))
		switch (member.kind)
		{
			case SCOPE_USER:
				hub_add_name(&names->users, member.value, member.value_len);
				break;
			case SCOPE_SERVER:
				hub_add_owners(&names->users, member.value, member.value_len);
				break;
			case SCOPE_GROUP:
				hub_add_name(&names->groups, member.value, member.value_len);
				break;
			case SCOPE_SERVICE:
				hub_add_name(&names->services, member.value, member.value_len);
				break;
			default:
				break;
		}
}

/* Run a query on names; only: if "of" is not NULL, those whose column is among them. */
static void
hub_each_name(const char *sql, const char *column, const HubNameArray *of,
			  spi_row_fn row, void *arg)
{
	static const Oid types[1] = {TEXTARRAYOID};
	Datum		values[1];

	if (of == NULL)
	{
		spi_each(sql, 0, NULL, NULL, NULL, false, row, arg);
		return;
	}
	if (of->n == 0)
		return;
	values[0] = spi_text_array(of->names, of->n);
	spi_each(psprintf("%s WHERE %s = ANY ($1)", sql, column), 1, types, values, NULL, false, row, arg);
}

/* names: whom to look for; NULL: all. */
static HubNameSets *
hub_read_names(const HubSchema *hub, const HubFilterNames *names)
{
	HubNameSets *sets = palloc0(sizeof(HubNameSets));
	SpiFrame	frame;

	hub_pool_init(&sets->pool, CurrentMemoryContext);
	sets->users = hub_names_new(CurrentMemoryContext);
	sets->groups = hub_names_new(CurrentMemoryContext);
	sets->services = hub_names_new(CurrentMemoryContext);
	sets->servers = hub_names_new(CurrentMemoryContext);
	spi_enter(&frame, hub->owner);
	sets->filling = sets->users;
	hub_each_name(psprintf("SELECT name FROM %s.users", hub->quoted), "name",
				  names ? &names->users : NULL, hub_name_row, sets);
	sets->filling = sets->groups;
	hub_each_name(psprintf("SELECT name FROM %s.groups", hub->quoted), "name",
				  names ? &names->groups : NULL, hub_name_row, sets);
	sets->filling = sets->services;
	hub_each_name(psprintf("SELECT name FROM %s.services", hub->quoted), "name",
				  names ? &names->services : NULL, hub_name_row, sets);
	sets->filling = sets->servers;
	hub_each_name(psprintf("SELECT u.name, p.name FROM %s.spawners p JOIN %s.users u ON u.id = p.user_id",
						   hub->quoted, hub->quoted), "u.name",
				  names ? &names->users : NULL, hub_server_name_row, sets);
	spi_leave(&frame);
	return sets;
}

HubNameSets *
hub_name_sets(const HubSchema *hub)
{
	return hub_read_names(hub, NULL);
}

HubNameSets *
hub_name_sets_of(const HubSchema *hub, const Scopeset *const *sets, int n)
{
	HubFilterNames names = {0};

	for (int i = 0; i < n; i++)
		hub_add_filter_names(&names, sets[i]);
	return hub_read_names(hub, &names);
}

bool
hub_filter_names(const HubNameSets *sets, const ScopeMember *member)
{
	int			owner_len;

	switch (member->kind)
	{
		case SCOPE_USER:
			return hub_names_get(sets->users, member->value, member->value_len) != NULL;
		case SCOPE_GROUP:
			return hub_names_get(sets->groups, member->value, member->value_len) != NULL;
		case SCOPE_SERVICE:
			return hub_names_get(sets->services, member->value, member->value_len) != NULL;
		case SCOPE_SERVER:
			owner_len = scope_server_owner_len(member->value, member->value_len);
			if (owner_len + 1 == member->value_len)
				return hub_names_get(sets->users, member->value, owner_len) != NULL;
			return hub_names_get(sets->servers, member->value, member->value_len) != NULL;
		default:
			return true;
	}
}
