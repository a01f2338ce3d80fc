/*-------------------------------------------------------------------------
 *
 * hub_scope_users.c
 *	  Everything of the hub that stores scopes, and who uses a given one.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_private.h"

#include "utils/lsyscache.h"
#include "utils/timestamp.h"

/* so many users of a scope are named */
#define HUB_USERS_NAMED		5

/* Where scopes are stored, and how a row of it is called. */
typedef struct HubScopeColumn
{
	HubTable	table;
	const char *column;
	const char *label;			/* column that names a row */
	const char *format;
	bool		live_only;
} HubScopeColumn;

static const HubScopeColumn hub_scope_columns[] = {
	{HUB_ROLES, "scopes", "name", "role \"%s\"", false},
	{HUB_OAUTH_CLIENTS, "allowed_scopes", "identifier", "client \"%s\"", false},
	{HUB_SHARES, "scopes", "id", "share %s", false},
	{HUB_SHARE_CODES, "scopes", "id", "share code %s", false},
	{HUB_API_TOKENS, "scopes", "id", "token %s", true},
};

typedef struct HubScopesLoop
{
	const HubScopeColumn *column;
	HubParseCache *cache;
	hub_scopes_fn each;
	void	   *arg;
} HubScopesLoop;

static void
hub_scopes_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubScopesLoop *loop = arg;
	const HubParsed *parsed = hub_parse_cached(loop->cache, hub_text(row, desc, 2));
	char	   *label = hub_text(row, desc, 1);

	loop->each(psprintf(loop->column->format, label ? label : ""),
			   parsed->scopes, parsed->defect, loop->arg);
}

void
hub_each_scopes(const HubSchema *hub, bool latest, hub_scopes_fn each, void *arg)
{
	static const Oid types[1] = {TIMESTAMPOID};
	HubScopesLoop loop = {NULL, NULL, each, arg};
	Datum		values[1] = {TimestampGetDatum(hub_now())};
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	loop.cache = hub_parse_cache(CurrentMemoryContext);
	for (int i = 0; i < (int) lengthof(hub_scope_columns); i++)
	{
		const HubScopeColumn *column = &hub_scope_columns[i];
		Oid			relid = hub->rel[column->table];

		if (!OidIsValid(relid) || get_attnum(relid, column->column) == InvalidAttrNumber)
			continue;
		loop.column = column;
		spi_each(psprintf("SELECT %s, %s FROM %s.%s WHERE %s IS NOT NULL%s ORDER BY id",
						  column->label, column->column, hub->quoted,
						  hub_table_name(column->table), column->column,
						  column->live_only ? " AND (expires_at IS NULL OR expires_at >= $1)" : ""),
				 column->live_only ? 1 : 0, types, values, NULL, latest,
				 hub_scopes_row, &loop);
	}
	spi_leave(&frame);
}

/* ---- for undefine_scope ---- */

typedef struct HubScopeUsers
{
	const ScopeMember *base;
	MemoryContext context;
	StringInfoData list;
	int			n;
} HubScopeUsers;

static bool
hub_uses_base(const Scopeset *set, const ScopeMember *base)
{
	ScopeIter	iter;
	ScopeMember member;

	scope_iter_init(&iter, set);
	while (scope_iter_next(&iter, &member))
		if (member.base_len == base->base_len &&
			memcmp(member.base, base->base, base->base_len) == 0)
			return true;
	return false;
}

static void
hub_scope_user(const char *object, const Scopeset *scopes, const char *defect, void *arg)
{
	HubScopeUsers *users = arg;

	if (!hub_uses_base(scopes, users->base))
		return;
	if (users->n++ < HUB_USERS_NAMED)
		appendStringInfo(&users->list, "%s%s", users->n > 1 ? ", " : "", object);
}

/* catalogue_users_hook: what uses a custom scope, as text; NULL: nothing. */
static char *
hub_scope_users(const ScopeMember *base)
{
	HubSchema  *hub = hub_schema(true, true);
	HubScopeUsers users = {.base = base};

	if (hub == NULL)
		return NULL;
	initStringInfo(&users.list);
	hub_each_scopes(hub, true, hub_scope_user, &users);
	if (users.n > HUB_USERS_NAMED)
		appendStringInfo(&users.list, " and %d more", users.n - HUB_USERS_NAMED);
	return users.n > 0 ? users.list.data : NULL;
}

void
hub_scope_users_init(void)
{
	catalogue_set_users_hook(hub_scope_users);
}
