/*-------------------------------------------------------------------------
 *
 * upgrade_token_roles.c
 *	  upgrade_token_roles(): what the hub's revision 651f5419b74d is for, in SQL.
 *
 * JupyterHub 2.x gave tokens and OAuth clients roles; from 3.0 on they have
 * scopes.  The hub's own migration uses the classes of the release that runs
 * it, and so selects columns which that release's later migrations have yet to
 * add.  Here is the same mapping without the hub's code:
 *
 * - a token gets the union of its roles' scopes as they are written; one
 *   without roles, or whose roles say nothing, keeps NULL;
 * - an OAuth client is allowed the same of its roles, and access to its server
 *   or service; the client "jupyterhub" only the former;
 * - codes live five minutes and lose their roles.
 *
 * All tables are locked before anything is looked at, in one order, so the
 * whole either happens or does not.  It is done as the owner of the tables.
 *
 *-------------------------------------------------------------------------
 */
#include "upgrade.h"

#include "../growth/growth.h"

#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(jhub_authz_upgrade_token_roles);

/* What a set of roles gives. */
typedef struct UpgradeGrant
{
	const Scopeset *scopes;
	Datum		json;			/* text as the hub stores it; 0: nothing to store */
	Datum		roles;			/* text[]: their names */
	char	   *reason;			/* of the event, UTF-8 */
} UpgradeGrant;

typedef struct Upgrade
{
	HubSchema  *hub;
	UpgradeRoles *roles;
	bool		dry_run;
	Tuplestorestate *rows;
	TupleDesc	desc;
	EventWriter *events;
	MemoryContext context;

	/* grants of tokens, by set of roles */
	Datum		keys;			/* text[]: ids of the roles, as an array's text */
	int			ngrants;
	UpgradeGrant *grants;

	/* clients: what is to be stored */
	ArrayBuildState *client_ids;
	ArrayBuildState *client_scopes;
	Datum		client_values[2];	/* both as arrays */
} Upgrade;

/* ---- may it be done? ---- */

static void
upgrade_refuse(const char *detail)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("this database cannot be upgraded here"),
			 errdetail("%s", detail),
			 errhint("SELECT * FROM jhub_authz.upgrade_check(); says where it stands.")));
}

static char *
upgrade_find(const char *given)
{
	char	   *several;
	char	   *schema = upgrade_schema(given, &several);

	if (schema == NULL)
		upgrade_refuse(several ?
					   psprintf("Several schemas hold a hub's tables: %s.  Name one.", several) :
					   "No schema holds the tables of a hub.");
	return schema;
}

/* What the schema holds, once nobody else can change it. */
static HubSchema *
upgrade_look(const char *schema)
{
	HubSchema  *hub = hub_schema_of(schema, true, true);

	if (hub == NULL)
		upgrade_refuse(psprintf("Schema \"%s\" does not hold all tables of JupyterHub 2.x.", schema));
	return hub;
}

static void
upgrade_check_caller(const char *schema, Oid owner)
{
	if (!OidIsValid(owner) || superuser() || has_privs_of_role(GetUserId(), owner))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("must be owner of the hub's tables in schema \"%s\"", schema),
			 errhint("GRANT %s TO %s;", quote_identifier(GetUserNameFromId(owner, false)),
					 quote_identifier(GetUserNameFromId(GetUserId(), false)))));
}

/*
 * All tables that are read or written, before anything is looked at, and in one
 * order.  A hub that is still running holds them as a rule, and then this ends
 * after the option lock_timeout.  The maps too: who takes a role off a token
 * holds a lock on nothing else.
 */
static void
upgrade_lock(const char *schema, LOCKMODE mode)
{
	static const char *const tables[] = {
		"alembic_version", "roles", "users", "services", "spawners",
		"oauth_clients", "api_tokens", "oauth_codes",
		"api_token_role_map", "oauth_client_role_map", "oauth_code_role_map"
	};
	Oid			namespace = get_namespace_oid(schema, true);
	int			nest = NewGUCNestLevel();
	char		timeout[32];

	snprintf(timeout, sizeof(timeout), "%d", settings_get()->lock_timeout_ms);
	(void) set_config_option("lock_timeout", timeout, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	for (int i = 0; OidIsValid(namespace) && i < (int) lengthof(tables); i++)
	{
		Oid			relid = get_relname_relid(tables[i], namespace);

		if (!OidIsValid(relid))
			continue;			/* refused soon */
		upgrade_check_caller(schema, upgrade_table_owner(relid));
		LockRelationOid(relid, mode);
	}
	AtEOXact_GUC(true, nest);
}

/* True: go on.  False: it has been done already. */
static bool
upgrade_check_revision(const HubSchema *hub)
{
	const char *releases;

	switch (upgrade_era(hub->revision, &releases))
	{
		case UPGRADE_ROLES:
			return true;
		case UPGRADE_SCOPES:
			if (!hub->has_token_scopes)
				upgrade_refuse(psprintf("It is stamped with revision %s of %s, and its tokens have no scopes.",
										hub->revision, releases));
			ereport(NOTICE,
					(errmsg("nothing to upgrade: the database is of %s (revision %s)",
							releases, hub->revision)));
			return false;
		case UPGRADE_BEFORE:
			upgrade_refuse(psprintf("It is of %s (revision %s).", releases, hub->revision));
			break;
		case UPGRADE_UNKNOWN:
			upgrade_refuse(hub->revision[0] == '\0' ?
						   "It has no table alembic_version with one revision." :
						   psprintf("Its revision %s is unknown.", hub->revision));
	}
	return false;
}

/* Everything of 2.x is there and nothing of 3.0. */
static void
upgrade_check_tables(const HubSchema *hub)
{
	for (int t = 0; t < HUB_NTABLES; t++)
	{
		char	   *defect = hub_table_defect(hub->oid, hub->owner, (HubTable) t);

		if (defect != NULL)
			upgrade_refuse(psprintf("Table \"%s\": %s", hub_table_name((HubTable) t), defect));
	}
	for (int i = 0; i < UPGRADE_NMAPS; i++)
		if (!OidIsValid(upgrade_table_owner(get_relname_relid(upgrade_maps[i], hub->oid))))
			upgrade_refuse(psprintf("Table \"%s\" is missing, or not an ordinary table.", upgrade_maps[i]));
	for (int i = 0; i < UPGRADE_NCOLUMNS; i++)
	{
		const UpgradeColumn *column = &upgrade_columns[i];

		if (get_attnum(get_relname_relid(column->table, hub->oid), column->name) != InvalidAttrNumber)
			upgrade_refuse(psprintf("Table \"%s\" has the column \"%s\" already: an upgrade stopped half way.",
									column->table, column->name));
	}
}

/* ---- what a set of roles gives ---- */

static void
upgrade_broken_role(const UpgradeRole *role)
{
	ereport(ERROR,
			(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
			 errmsg("the scopes of role \"%s\" are not a JSON array of strings",
					module_from_utf8(role->name, strlen(role->name))),
			 errdetail("Tokens or OAuth clients have the role."),
			 errhint("Mend the column scopes of that row of roles first; '[]' is a role without scopes.")));
}

/* A JSON array of strings of which not all are scopes, as the server writes it. */
static Datum
upgrade_odd_json(const Scopeset *scopes, List *odd)
{
	static const Oid types[1] = {TEXTARRAYOID};
	MemoryContext caller = CurrentMemoryContext;
	ArrayBuildState *members = NULL;
	ScopeIter	iter;
	ScopeMember member;
	ListCell   *lc;
	Datum		values[1];
	SpiFrame	frame;
	char	   *json;

	scope_iter_init(&iter, scopes);
	while (scope_iter_next(&iter, &member))
	{
		StringInfoData buf;

		initStringInfo(&buf);
		scope_append(&buf, &member);
		members = accumArrayResult(members, PointerGetDatum(module_text_from_utf8(buf.data, buf.len)),
								   false, TEXTOID, caller);
	}
	foreach(lc, odd)
		members = accumArrayResult(members, CStringGetTextDatum(lfirst(lc)), false, TEXTOID, caller);
	values[0] = makeArrayResult(members, caller);

	spi_enter(&frame, module_owner());
	(void) spi_run("SELECT json_agg(s ORDER BY s COLLATE \"C\")::text FROM (SELECT DISTINCT unnest($1) AS s) AS d",
				   1, types, values, NULL, true, false, 1);
	json = MemoryContextStrdup(caller, SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
	spi_leave(&frame);
	return CStringGetTextDatum(json);
}

/*
 * A name in a list, in double quotes where it would not read as one name.  Not
 * quote_identifier: "user" is a word of SQL, and a name of every hub's role.
 */
static void
upgrade_append_name(StringInfo buf, const char *name)
{
	bool		plain = name[0] != '\0';

	for (const char *c = name; *c != '\0'; c++)
		if ((unsigned char) *c <= ' ' || *c == ',' || *c == '"')
			plain = false;
	if (plain)
	{
		appendStringInfoString(buf, name);
		return;
	}
	appendStringInfoChar(buf, '"');
	for (const char *c = name; *c != '\0'; c++)
	{
		if (*c == '"')
			appendStringInfoChar(buf, '"');
		appendStringInfoChar(buf, *c);
	}
	appendStringInfoChar(buf, '"');
}

/* The roles' scopes together with one scope more, or NULL. */
static void
upgrade_grant(Upgrade *u, const int *ids, int n, const char *access, UpgradeGrant *grant)
{
	ScopeBuilder *builder = scope_builder_create();
	ArrayBuildState *names = NULL;
	StringInfoData reason;
	List	   *odd = NIL;
	const char *defect;
	int			where;

	initStringInfo(&reason);
	appendStringInfoString(&reason, "upgrade: roles");
	for (int i = 0; i < n; i++)
	{
		UpgradeRole *role = upgrade_role(u->roles, ids[i]);

		if (role == NULL)
			continue;			/* a map without its foreign key */
		if (role->broken)
			upgrade_broken_role(role);
		scope_builder_add_set(builder, role->scopes);
		odd = list_concat(odd, role->odd);
		names = accumArrayResult(names,
								 PointerGetDatum(module_text_from_utf8(role->name, strlen(role->name))),
								 false, TEXTOID, CurrentMemoryContext);
		appendStringInfoString(&reason, i > 0 ? ", " : " ");
		upgrade_append_name(&reason, role->name);
	}
	if (access != NULL && !scope_builder_add_text(builder, access, strlen(access), &defect, &where))
		odd = lappend(odd, module_from_utf8(access, strlen(access)));

	grant->scopes = scope_builder_finish(builder, false);
	grant->reason = reason.data;
	grant->roles = names ? makeArrayResult(names, CurrentMemoryContext) :
		PointerGetDatum(construct_empty_array(TEXTOID));
	if (odd != NIL)
		grant->json = upgrade_odd_json(grant->scopes, odd);
	else if (!scopeset_is_empty(grant->scopes))
		grant->json = CStringGetTextDatum(scopeset_to_text(grant->scopes));
	else
		grant->json = (Datum) 0;
}

static void
upgrade_row(Upgrade *u, const char *kind, int id, const UpgradeGrant *grant)
{
	Datum		values[4] = {CStringGetTextDatum(kind), Int32GetDatum(id), grant->roles, 0};
	bool		nulls[4] = {false, false, false, grant->json == (Datum) 0};

	values[3] = PointerGetDatum(grant->scopes);
	tuplestore_putvalues(u->rows, u->desc, values, nulls);
}

/* An int4[] column as C ints; none if NULL. */
static int *
upgrade_ids(HeapTuple row, TupleDesc desc, int column, int *n)
{
	bool		isnull;
	Datum		value = SPI_getbinval(row, desc, column, &isnull);
	Datum	   *elements;
	int		   *ids;

	*n = 0;
	if (isnull)
		return NULL;
	deconstruct_array(DatumGetArrayTypeP(value), INT4OID, sizeof(int32), true, TYPALIGN_INT,
					  &elements, NULL, n);
	ids = palloc(sizeof(int) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		ids[i] = DatumGetInt32(elements[i]);
	return ids;
}

/* ---- tokens ---- */

/* Each set of roles that tokens have, once, and what it gives. */
static void
upgrade_token_grants(Upgrade *u)
{
	MemoryContext caller = CurrentMemoryContext;
	ArrayBuildState *keys = NULL;
	SPITupleTable *table;
	MemoryContext spi;
	SpiFrame	frame;
	int			n;

	spi_enter(&frame, u->hub->owner);
	n = (int) spi_run(psprintf("SELECT DISTINCT ids, ids::text FROM"
							   " (SELECT array_agg(role_id::int ORDER BY role_id::int) AS ids"
							   " FROM %s.api_token_role_map GROUP BY api_token_id) AS sets",
							   u->hub->quoted),
					  0, NULL, NULL, NULL, true, true, 0);
	table = SPI_tuptable;
	spi = MemoryContextSwitchTo(caller);
	u->grants = palloc0(sizeof(UpgradeGrant) * (n + 1));
	u->ngrants = n;
	for (int i = 0; i < n; i++)
	{
		int			nids;
		int		   *ids = upgrade_ids(table->vals[i], table->tupdesc, 1, &nids);

		CHECK_FOR_INTERRUPTS();
		keys = accumArrayResult(keys, CStringGetTextDatum(SPI_getvalue(table->vals[i], table->tupdesc, 2)),
								false, TEXTOID, caller);
		upgrade_grant(u, ids, nids, NULL, &u->grants[i]);
	}
	/* the last one is of tokens without roles */
	upgrade_grant(u, NULL, 0, NULL, &u->grants[n]);
	u->keys = keys ? makeArrayResult(keys, caller) : PointerGetDatum(construct_empty_array(TEXTOID));
	MemoryContextSwitchTo(spi);
	spi_leave(&frame);
}

static void
upgrade_token_row(HeapTuple row, TupleDesc desc, void *arg)
{
	Upgrade    *u = arg;
	int			id = spi_int(row, desc, 1, 0);
	UpgradeGrant *grant = &u->grants[spi_int(row, desc, 2, u->ngrants + 1) - 1];
	TokenEvent	event = {0};

	upgrade_row(u, "token", id, grant);
	if (u->dry_run || grant->json == (Datum) 0)
		return;
	event.token_id = id;
	event.prefix = spi_utf8(row, desc, 3);
	event.client_id = spi_utf8(row, desc, 4);
	event.owner_kind = spi_utf8(row, desc, 5);
	event.owner_name = spi_utf8(row, desc, 6);
	event.action = "migrated";
	event.reason = grant->reason;
	event.after = grant->scopes;
	event_write(u->events, &event);
}

/* Rows for all tokens, and their events. */
static void
upgrade_list_tokens(Upgrade *u)
{
	static const Oid types[1] = {TEXTARRAYOID};
	const char *s = u->hub->quoted;
	Datum		values[1];
	SpiFrame	frame;

	values[0] = u->keys;
	spi_enter(&frame, u->hub->owner);
	spi_each(psprintf("SELECT t.id, k.n::int4, t.prefix, t.client_id,"
					  " CASE WHEN u.id IS NOT NULL THEN 'user' WHEN v.id IS NOT NULL THEN 'service' END,"
					  " coalesce(u.name, v.name)"
					  " FROM %s.api_tokens t LEFT JOIN %s.users u ON u.id = t.user_id"
					  " LEFT JOIN %s.services v ON v.id = t.service_id"
					  " LEFT JOIN (SELECT api_token_id, array_agg(role_id::int ORDER BY role_id::int)::text AS key"
					  " FROM %s.api_token_role_map GROUP BY api_token_id) AS m ON m.api_token_id = t.id"
					  " LEFT JOIN unnest($1) WITH ORDINALITY AS k (key, n) ON k.key = m.key"
					  " ORDER BY t.id", s, s, s, s),
			 1, types, values, NULL, true, upgrade_token_row, u);
	spi_leave(&frame);
}

/* What tokens get, in the order of keys: text[]. */
static Datum
upgrade_token_scopes(const Upgrade *u)
{
	ArrayBuildState *scopes = NULL;

	for (int i = 0; i < u->ngrants; i++)
		scopes = accumArrayResult(scopes, u->grants[i].json, u->grants[i].json == (Datum) 0,
								  TEXTOID, CurrentMemoryContext);
	return scopes ? makeArrayResult(scopes, CurrentMemoryContext) :
		PointerGetDatum(construct_empty_array(TEXTOID));
}

static void
upgrade_write_tokens(Upgrade *u)
{
	static const Oid types[2] = {TEXTARRAYOID, TEXTARRAYOID};
	const char *s = u->hub->quoted;
	Datum		values[2];
	SpiFrame	frame;

	if (u->ngrants == 0)
		return;
	values[0] = u->keys;
	values[1] = upgrade_token_scopes(u);
	spi_enter(&frame, u->hub->owner);
	(void) spi_run(psprintf("UPDATE %s.api_tokens AS t SET scopes = k.scopes"
							" FROM (SELECT api_token_id, array_agg(role_id::int ORDER BY role_id::int)::text AS key"
							" FROM %s.api_token_role_map GROUP BY api_token_id) AS m"
							" JOIN unnest($1, $2) AS k (key, scopes) ON k.key = m.key AND k.scopes IS NOT NULL"
							" WHERE t.id = m.api_token_id", s, s),
				   2, types, values, NULL, false, true, 0);
	spi_leave(&frame);
}

/* ---- OAuth clients ---- */

static void
upgrade_client_row(HeapTuple row, TupleDesc desc, void *arg)
{
	Upgrade    *u = arg;
	MemoryContext save;
	int			id = spi_int(row, desc, 1, 0);
	char	   *server = spi_utf8(row, desc, 3);
	char	   *service = spi_utf8(row, desc, 4);
	char	   *access = NULL;
	UpgradeGrant grant;
	int			nids;
	int		   *ids = upgrade_ids(row, desc, 2, &nids);

	if (server != NULL)
		access = psprintf("access:servers!server=%s", server);
	else if (service != NULL)
		access = psprintf("access:services!service=%s", service);
	upgrade_grant(u, ids, nids, access, &grant);
	upgrade_row(u, "client", id, &grant);
	if (grant.json == (Datum) 0)
		return;
	save = MemoryContextSwitchTo(u->context);
	u->client_ids = accumArrayResult(u->client_ids, Int32GetDatum(id), false, INT4OID, u->context);
	u->client_scopes = accumArrayResult(u->client_scopes, grant.json, false, TEXTOID, u->context);
	MemoryContextSwitchTo(save);
}

/* What access the client "jupyterhub" stands for is nobody's. */
static void
upgrade_list_clients(Upgrade *u)
{
	const char *s = u->hub->quoted;
	SpiFrame	frame;

	spi_enter(&frame, u->hub->owner);
	spi_each(psprintf("SELECT c.id, m.ids,"
					  " CASE WHEN c.identifier <> 'jupyterhub' THEN sp.target END,"
					  " CASE WHEN c.identifier <> 'jupyterhub' THEN sv.target END"
					  " FROM %s.oauth_clients c"
					  " LEFT JOIN (SELECT DISTINCT ON (p.oauth_client_id) p.oauth_client_id,"
					  " concat(u.name, '/', p.name) AS target"
					  " FROM %s.spawners p JOIN %s.users u ON u.id = p.user_id"
					  " ORDER BY p.oauth_client_id, p.id) AS sp ON sp.oauth_client_id = c.identifier"
					  " LEFT JOIN (SELECT DISTINCT ON (oauth_client_id) oauth_client_id, name AS target"
					  " FROM %s.services ORDER BY oauth_client_id, id) AS sv ON sv.oauth_client_id = c.identifier"
					  " LEFT JOIN (SELECT oauth_client_id, array_agg(role_id::int ORDER BY role_id::int) AS ids"
					  " FROM %s.oauth_client_role_map GROUP BY oauth_client_id) AS m ON m.oauth_client_id = c.id"
					  " ORDER BY c.id", s, s, s, s, s),
			 0, NULL, NULL, NULL, true, upgrade_client_row, u);
	spi_leave(&frame);
}

static void
upgrade_write_clients(Upgrade *u)
{
	static const Oid types[2] = {INT4ARRAYOID, TEXTARRAYOID};
	SpiFrame	frame;

	if (u->client_ids == NULL)
	{
		u->client_values[0] = PointerGetDatum(construct_empty_array(INT4OID));
		u->client_values[1] = PointerGetDatum(construct_empty_array(TEXTOID));
		return;
	}
	u->client_values[0] = makeArrayResult(u->client_ids, CurrentMemoryContext);
	u->client_values[1] = makeArrayResult(u->client_scopes, CurrentMemoryContext);
	spi_enter(&frame, u->hub->owner);
	(void) spi_run(psprintf("UPDATE %s.oauth_clients AS c SET allowed_scopes = k.scopes"
							" FROM unnest($1, $2) AS k (id, scopes) WHERE c.id = k.id", u->hub->quoted),
				   2, types, u->client_values, NULL, false, true, 0);
	spi_leave(&frame);
}

/* ---- the tables ---- */

static void
upgrade_execute(const char *sql)
{
	int			rc = SPI_execute(sql, false, 0);

	if (rc < 0)
		elog(ERROR, "SPI returned %s for %s", SPI_result_code_string(rc), sql);
}

static void
upgrade_add_columns(const HubSchema *hub)
{
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	for (int i = 0; i < UPGRADE_NCOLUMNS; i++)
		upgrade_execute(psprintf("ALTER TABLE %s.%s ADD COLUMN %s text", hub->quoted,
								 upgrade_columns[i].table, upgrade_columns[i].name));
	spi_leave(&frame);
}

static void
upgrade_stamp(const HubSchema *hub)
{
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	upgrade_execute(psprintf("UPDATE %s.alembic_version SET version_num = '%s'",
							 hub->quoted, UPGRADE_REVISION_TO));
	spi_leave(&frame);
	CommandCounterIncrement();
}

/* What 3.0 has no more. */
static void
upgrade_drop_maps(const HubSchema *hub)
{
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	for (int i = 0; i < UPGRADE_NMAPS; i++)
		upgrade_execute(psprintf("DROP TABLE %s.%s", hub->quoted, upgrade_maps[i]));
	spi_leave(&frame);
}

/* ---- is it what was meant? ---- */

static void
upgrade_not_stored(const HubSchema *hub, const char *table, const char *what)
{
	ereport(ERROR,
			(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
			 errmsg("%s could not be upgraded", what),
			 errdetail("What is stored is not what was written."),
			 errhint("Look for a trigger or rule of your own on table \"%s.%s\".",
					 hub->name, table)));
}

/* The id in a query's one row: what is named so is not as it is to be. */
static void
upgrade_check_stored(const Upgrade *u, const char *table, const char *kind, const char *sql,
					 Oid ids, Datum keys, Datum scopes)
{
	Oid			types[2] = {ids, TEXTARRAYOID};
	Datum		values[2] = {keys, scopes};
	SpiFrame	frame;

	spi_enter(&frame, u->hub->owner);
	if (spi_run(sql, 2, types, values, NULL, true, true, 1) > 0)
		upgrade_not_stored(u->hub, table,
						   psprintf("%s %s", kind, SPI_getvalue(SPI_tuptable->vals[0],
																SPI_tuptable->tupdesc, 1)));
	spi_leave(&frame);
}

/*
 * Before the maps are gone, which alone say what there was: nothing that the
 * hub's role put on its tables, such as a trigger or rule, has made of it
 * something that is only written down.
 */
static void
upgrade_verify(const Upgrade *u)
{
	const char *s = u->hub->quoted;
	SpiFrame	frame;

	upgrade_check_stored(u, "api_tokens", "token",
						 psprintf("SELECT t.id FROM %s.api_tokens t LEFT JOIN"
								  " (SELECT api_token_id, array_agg(role_id::int ORDER BY role_id::int)::text AS key"
								  " FROM %s.api_token_role_map GROUP BY api_token_id) AS m ON m.api_token_id = t.id"
								  " LEFT JOIN unnest($1, $2) AS k (key, scopes) ON k.key = m.key"
								  " WHERE t.scopes IS DISTINCT FROM k.scopes ORDER BY t.id LIMIT 1", s, s),
						 TEXTARRAYOID, u->keys, upgrade_token_scopes(u));
	upgrade_check_stored(u, "oauth_clients", "OAuth client",
						 psprintf("SELECT c.id FROM %s.oauth_clients c"
								  " LEFT JOIN unnest($1, $2) AS k (id, scopes) ON k.id = c.id"
								  " WHERE c.allowed_scopes IS DISTINCT FROM k.scopes ORDER BY c.id LIMIT 1", s),
						 INT4ARRAYOID, u->client_values[0], u->client_values[1]);
	spi_enter(&frame, u->hub->owner);
	if (spi_run(psprintf("SELECT FROM %s.alembic_version HAVING count(*) <> 1 OR min(version_num) <> '%s'",
						 s, UPGRADE_REVISION_TO),
				0, NULL, NULL, NULL, true, true, 1) > 0)
		upgrade_not_stored(u->hub, "alembic_version", "the revision");
	spi_leave(&frame);
}

/*
 * upgrade_token_roles(dry_run, hub_schema) - rows (object_kind, object_id,
 * roles, scopes), one for each token and OAuth client; scopes is NULL where
 * nothing is stored.  55000 for a database that is not of 2.x, or not wholly;
 * 25001 beyond READ COMMITTED, 42501 for another than the owner of the tables,
 * 55P03 while somebody holds them, 27000 where a trigger or rule of the hub's
 * role changes what is written.
 */
Datum
jhub_authz_upgrade_token_roles(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	char	   *given = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	char	   *schema;
	Upgrade		u = {0};
	Actor		actor;

	InitMaterializedSRF(fcinfo, 0);
	u.rows = rsinfo->setResult;
	u.desc = rsinfo->setDesc;
	u.context = CurrentMemoryContext;
	u.dry_run = !PG_ARGISNULL(0) && PG_GETARG_BOOL(0);
	if (!u.dry_run)
		PreventCommandIfReadOnly("upgrade_token_roles()");
	if (!u.dry_run && IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("upgrade_token_roles must run at isolation level READ COMMITTED")));

	schema = upgrade_find(given);
	upgrade_lock(schema, u.dry_run ? AccessShareLock : AccessExclusiveLock);
	u.hub = upgrade_look(schema);
	if (!upgrade_check_revision(u.hub))
		return (Datum) 0;
	upgrade_check_tables(u.hub);

	u.roles = upgrade_read_roles(u.hub);
	actor_current(&actor);
	u.events = event_writer(&actor);
	upgrade_token_grants(&u);
	upgrade_list_tokens(&u);
	upgrade_list_clients(&u);
	if (!u.dry_run)
	{
		upgrade_add_columns(u.hub);
		upgrade_write_tokens(&u);
		upgrade_write_clients(&u);
		upgrade_stamp(u.hub);
		upgrade_verify(&u);
		upgrade_drop_maps(u.hub);
		event_writer_flush(u.events);
	}
	return (Datum) 0;
}
