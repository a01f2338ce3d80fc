/*-------------------------------------------------------------------------
 *
 * hub_stored.c
 *	  All that stores scopes.
 *
 * Everything, or what has one name: then, if that is an id, by its key.  Which roles
 * are held and which clients belong to something is asked so that the server may do
 * it by files: a list in an expression ("IN" beside other conditions) it keeps in
 * memory, or goes through once for each row where it takes it for too long.
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
	const HubIds *loose;		/* ids of what is not attached; NULL: the row says it */
	HubParseCache *cache;
} HubStoredLoop;

static bool
hub_is_shown_as(const char *name, const text *shown)
{
	text	   *mine = module_text_shown(name, strlen(name));

	return VARSIZE_ANY_EXHDR(mine) == VARSIZE_ANY_EXHDR(shown) &&
		memcmp(VARDATA_ANY(mine), VARDATA_ANY(shown), VARSIZE_ANY_EXHDR(shown)) == 0;
}

/* A row of id, name, scopes, and, unless there is a list, whether it is attached. */
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
	stored.attached = loop->loose != NULL ? !hub_ids_have(loop->loose, stored.id) :
		DatumGetBool(SPI_getbinval(row, desc, 4, &isnull));
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

static void
hub_loose_row(HeapTuple row, TupleDesc desc, void *arg)
{
	hub_ids_add(arg, spi_int(row, desc, 1, 0));
}

/* Clients; first those that no server or service has, which are few. */
static void
hub_stored_clients(HubStoredLoop *loop, const HubSchema *hub)
{
	const char *schema = hub->quoted;
	HubIds		loose = {0};

	hub_ids_begin(&loose);
	spi_each(psprintf("SELECT c.id FROM %s.oauth_clients c WHERE (c.identifier = 'jupyterhub') IS NOT TRUE"
					  " AND NOT EXISTS (SELECT FROM %s.spawners p WHERE p.oauth_client_id = c.identifier)"
					  " AND NOT EXISTS (SELECT FROM %s.services s WHERE s.oauth_client_id = c.identifier)",
					  schema, schema, schema),
			 0, NULL, NULL, NULL, false, hub_loose_row, &loose);
	hub_ids_unique(&loose);
	loop->loose = &loose;
	hub_stored_named(loop, HUB_STORED_CLIENT,
					 psprintf("SELECT c.id, c.identifier, %s FROM %s.oauth_clients c",
							  hub->has_allowed_scopes ? "c.allowed_scopes" : "NULL::text", schema));
	loop->loose = NULL;
	pfree(loose.ids);
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
						 psprintf("SELECT r.id, r.name, r.scopes, h.role_id IS NOT NULL FROM %s.roles r"
								  " LEFT JOIN (SELECT DISTINCT role_id FROM %s.user_role_map"
								  " UNION SELECT DISTINCT role_id FROM %s.group_role_map"
								  " UNION SELECT DISTINCT role_id FROM %s.service_role_map) h ON h.role_id = r.id",
								  schema, schema, schema, schema));
	if (HUB_IS_WANTED(HUB_STORED_CLIENT))
		hub_stored_clients(&loop, hub);
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
