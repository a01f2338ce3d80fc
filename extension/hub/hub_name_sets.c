/*-------------------------------------------------------------------------
 *
 * hub_name_sets.c
 *	  Who there is that filters of scopes may name.
 *
 * There may be too many to keep them all.  Then as many are kept as fit, and who is
 * not among them is looked up by name, with others.  Users come last, for they have
 * an index by their names; servers are looked for under their owners.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_audit.h"
#include "hub_list.h"
#include "hub_private.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

/* ---- a set of names ---- */

/* Names are many: an entry is the least that serves, and the name in a pool. */
typedef struct HubNameSetEntry
{
	const char *name;
	uint32		hash;
	char		status;
} HubNameSetEntry;

#define SH_PREFIX hub_set
#define SH_ELEMENT_TYPE HubNameSetEntry
#define SH_KEY_TYPE const char *
#define SH_KEY name
#define SH_HASH_KEY(tb, key) hash_bytes((const unsigned char *) (key), strlen(key))
#define SH_EQUAL(tb, a, b) (strcmp(a, b) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct HubNameSets
{
	MemoryContext context;		/* of all that follows */
	Size		room;			/* so much may be in it; 0: whatever there is */
	bool		full;
	hub_set_hash *users;
	hub_set_hash *groups;
	hub_set_hash *services;
	hub_set_hash *servers;
	hub_set_hash *filling;
	HubPool		pool;			/* of the names */
	StringInfoData search;		/* the name that is looked for */
};

static HubNameSets *
hub_new_name_sets(Size room)
{
	HubNameSets *sets = palloc0(sizeof(HubNameSets));
	MemoryContext caller;

	sets->context = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz names",
										  ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(sets->context);
	sets->room = room;
	sets->users = hub_set_create(sets->context, 64, NULL);
	sets->groups = hub_set_create(sets->context, 64, NULL);
	sets->services = hub_set_create(sets->context, 64, NULL);
	sets->servers = hub_set_create(sets->context, 64, NULL);
	hub_pool_init(&sets->pool, sets->context);
	initStringInfo(&sets->search);
	MemoryContextSwitchTo(caller);
	return sets;
}

/* Would one more go beyond the room?  A hash that grows is there twice for a while. */
static bool
hub_set_is_full(HubNameSets *sets)
{
	const hub_set_hash *set = sets->filling;
	Size		growth = set->members >= set->grow_threshold ?
		2 * set->size * sizeof(HubNameSetEntry) : 0;

	if (!sets->full && sets->room > 0)
		sets->full = MemoryContextMemAllocated(sets->context, false) + growth > sets->room;
	return sets->full;
}

static void
hub_put_name(HubNameSets *sets, const char *name)
{
	bool		found;

	if (hub_set_lookup(sets->filling, name) == NULL && !hub_set_is_full(sets))
		hub_set_insert(sets->filling, hub_pool_string(&sets->pool, name), &found);
}

/* A name with a zero byte is nobody's. */
static bool
hub_set_has(HubNameSets *sets, hub_set_hash *set, const char *name, int len)
{
	if (memchr(name, '\0', len) != NULL)
		return false;
	resetStringInfo(&sets->search);
	appendBinaryStringInfo(&sets->search, name, len);
	return hub_set_lookup(set, sets->search.data) != NULL;
}

bool
hub_filter_names(HubNameSets *sets, const ScopeMember *member)
{
	int			owner_len;

	switch (member->kind)
	{
		case SCOPE_USER:
			return hub_set_has(sets, sets->users, member->value, member->value_len);
		case SCOPE_GROUP:
			return hub_set_has(sets, sets->groups, member->value, member->value_len);
		case SCOPE_SERVICE:
			return hub_set_has(sets, sets->services, member->value, member->value_len);
		case SCOPE_SERVER:
			owner_len = scope_server_owner_len(member->value, member->value_len);
			if (owner_len + 1 == member->value_len)
				return hub_set_has(sets, sets->users, member->value, owner_len);
			return hub_set_has(sets, sets->servers, member->value, member->value_len);
		default:
			return true;
	}
}

/* ---- whom filters name ---- */

typedef struct HubFilterNames
{
	HubNameArray users;
	HubNameArray groups;
	HubNameArray services;
	HubNameArray owners;		/* of servers */
} HubFilterNames;

/* Whoever may own a server: a name of the owner's, too, may have a slash in it. */
static void
hub_add_owners(HubFilterNames *names, const char *server, int len)
{
	int			owner_len = scope_server_owner_len(server, len);

	if (owner_len + 1 == len)
	{
		hub_name_array_add(&names->users, server, owner_len);
		return;
	}
	for (int i = 0; i < len; i++)
		if (server[i] == '/')
			hub_name_array_add(&names->owners, server, i);
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
				hub_name_array_add(&names->users, member.value, member.value_len);
				break;
			case SCOPE_SERVER:
				hub_add_owners(names, member.value, member.value_len);
				break;
			case SCOPE_GROUP:
				hub_name_array_add(&names->groups, member.value, member.value_len);
				break;
			case SCOPE_SERVICE:
				hub_name_array_add(&names->services, member.value, member.value_len);
				break;
			default:
				break;
		}
}

/* ---- reading ---- */

static void
hub_name_row(HeapTuple row, TupleDesc desc, void *arg)
{
	const char *name = hub_utf8(row, desc, 1);

	if (name != NULL)
		hub_put_name(arg, name);
}

/*
 * The server of a user who has no name is not named by a filter; nor is a default
 * server by its own name, but where the filter could be read as that of another user.
 */
static void
hub_server_name_row(HeapTuple row, TupleDesc desc, void *arg)
{
	const char *owner = hub_utf8(row, desc, 1);
	const char *server = hub_utf8(row, desc, 2);

	if (owner == NULL)
		return;
	if (server == NULL)
		server = "";
	if (*server != '\0' || strchr(owner, '/') != NULL)
		hub_put_name(arg, psprintf("%s/%s", owner, server));
}

/* Run a query on names; only, if "of" is not NULL, those whose column is among them. */
static void
hub_each_name(HubNameSets *sets, hub_set_hash *set, const char *sql, const char *column,
			  const HubNameArray *of, spi_row_fn row)
{
	static const Oid types[1] = {TEXTARRAYOID};
	Datum		values[1];

	sets->filling = set;
	if (of == NULL)
	{
		spi_each(sql, 0, NULL, NULL, NULL, false, row, sets);
		return;
	}
	if (of->n == 0)
		return;
	values[0] = spi_text_array(of->names, of->n);
	spi_each(psprintf("%s WHERE %s = ANY ($1)", sql, column), 1, types, values, NULL, false, row, sets);
}

/* names: whom to look for; NULL: all. */
static void
hub_read_names(HubNameSets *sets, const HubSchema *hub, const HubFilterNames *names)
{
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	hub_each_name(sets, sets->groups, psprintf("SELECT name FROM %s.groups", hub->quoted), "name",
				  names ? &names->groups : NULL, hub_name_row);
	hub_each_name(sets, sets->services, psprintf("SELECT name FROM %s.services", hub->quoted), "name",
				  names ? &names->services : NULL, hub_name_row);
	hub_each_name(sets, sets->servers,
				  psprintf("SELECT u.name, p.name FROM %s.spawners p JOIN %s.users u ON u.id = p.user_id",
						   hub->quoted, hub->quoted), "u.name",
				  names ? &names->owners : NULL, hub_server_name_row);
	hub_each_name(sets, sets->users, psprintf("SELECT name FROM %s.users", hub->quoted), "name",
				  names ? &names->users : NULL, hub_name_row);
	spi_leave(&frame);
}

HubNameSets *
hub_name_sets(const HubSchema *hub, Size room)
{
	HubNameSets *sets = hub_new_name_sets(room);

	hub_read_names(sets, hub, NULL);
	return sets;
}

HubNameSets *
hub_name_sets_of(const HubSchema *hub, const Scopeset *const *scopes, int n)
{
	HubNameSets *sets = hub_new_name_sets(0);
	HubFilterNames names = {0};

	for (int i = 0; i < n; i++)
		hub_add_filter_names(&names, scopes[i]);
	hub_read_names(sets, hub, &names);
	return sets;
}
