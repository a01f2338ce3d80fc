/*-------------------------------------------------------------------------
 *
 * upgrade_check.c
 *	  upgrade_check(): where a database stands on its way from 2.x, and what
 *	  upgrade_token_roles() would do.
 *
 * Each check is a function that adds rows; nothing is changed, and what is
 * wrong is a row and never an error.  level is "error" where the upgrade
 * refuses, "warning" where somebody should look first, else "info".
 *
 *-------------------------------------------------------------------------
 */
#include "upgrade.h"

#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

PG_FUNCTION_INFO_V1(jhub_authz_upgrade_check);

/* names or ids that a row lists before it says "and n more" */
#define UPGRADE_LISTED	10

typedef struct UpgradeCheck
{
	Tuplestorestate *rows;
	TupleDesc	desc;
	char	   *schema;
	Oid			schema_oid;
	HubSchema  *hub;			/* NULL: not all tables are there */
	UpgradeEra	era;
	bool		refused;		/* there was an error */
} UpgradeCheck;

static void
upgrade_check_row(UpgradeCheck *check, const char *level, const char *object, const char *detail)
{
	Datum		values[3] = {CStringGetTextDatum(level), CStringGetTextDatum(object), CStringGetTextDatum(detail)};
	bool		nulls[3] = {false};

	if (strcmp(level, "error") == 0)
		check->refused = true;
	tuplestore_putvalues(check->rows, check->desc, values, nulls);
}

static Oid
upgrade_check_relation(UpgradeCheck *check, const char *name)
{
	return get_relname_relid(name, check->schema_oid);
}

static bool
upgrade_check_column(UpgradeCheck *check, const char *table, const char *column)
{
	Oid			relid = upgrade_check_relation(check, table);

	return OidIsValid(relid) && get_attnum(relid, column) != InvalidAttrNumber;
}

/* ---- schema, revision, tables ---- */

/*
 * What is read here is read as the owner of the tables, so it must not be just
 * anybody's schema that a caller names.
 */
static bool
upgrade_check_may_look(UpgradeCheck *check)
{
	const Settings *settings = settings_get();

	if (settings->attached && strcmp(settings->hub_schema, check->schema) == 0)
		return true;
	return DatumGetBool(DirectFunctionCall2(has_schema_privilege_id,
											ObjectIdGetDatum(check->schema_oid),
											CStringGetTextDatum("USAGE")));
}

static bool
upgrade_check_schema(UpgradeCheck *check, const char *given)
{
	char	   *several;

	check->schema = upgrade_schema(given, &several);
	if (check->schema == NULL)
	{
		upgrade_check_row(check, "error", "schema", several ?
						  psprintf("Several schemas hold a hub's tables: %s.  Name one: upgrade_check('...').", several) :
						  "No schema holds the tables of a hub.");
		return false;
	}
	check->schema_oid = get_namespace_oid(check->schema, true);
	if (!OidIsValid(check->schema_oid))
	{
		upgrade_check_row(check, "error", "schema", psprintf("There is no schema \"%s\".", check->schema));
		return false;
	}
	if (!upgrade_check_may_look(check))
	{
		upgrade_check_row(check, "error", "schema",
						  psprintf("You may not look into schema \"%s\": it takes USAGE on it.", check->schema));
		return false;
	}
	check->hub = hub_schema_of(check->schema, true, false);
	upgrade_check_row(check, "info", "schema", check->hub ?
					  psprintf("The hub's tables are in schema \"%s\" and are owned by \"%s\".", check->schema,
							   GetUserNameFromId(check->hub->owner, true)) :
					  psprintf("The hub's tables are looked for in schema \"%s\".", check->schema));
	return true;
}

/* There is no revision: what do the columns say? */
static void
upgrade_check_unstamped(UpgradeCheck *check)
{
	if (!OidIsValid(upgrade_check_relation(check, "alembic_version")))
		upgrade_check_row(check, "error", "alembic_version",
						  OidIsValid(upgrade_check_relation(check, upgrade_maps[0])) ?
						  "The table is missing.  The tables are those of JupyterHub 2.x: make it, with the revision "
						  UPGRADE_REVISION_FROM ", before any newer hub starts, which would take the database for its own." :
						  "The table is missing, so the hub that made the database is unknown.");
	else
		upgrade_check_row(check, "error", "alembic_version", "The table does not hold one revision.");
}

/* Tokens without scopes under a stamp that promises them, or the other way round. */
static void
upgrade_check_stamp(UpgradeCheck *check, const char *revision)
{
	bool		scopes = upgrade_check_column(check, "api_tokens", "scopes");

	if (!OidIsValid(upgrade_check_relation(check, "api_tokens")))
		return;
	if (check->era == UPGRADE_SCOPES && !scopes)
		upgrade_check_row(check, "error", "alembic_version",
						  psprintf("The stamp %s is newer than the tables: tokens have no scopes.  If no newer hub has written to them,"
								   " set it back to %s.", revision, UPGRADE_REVISION_FROM));
	for (int i = 0; i < UPGRADE_NCOLUMNS; i++)
		if (check->era == UPGRADE_ROLES &&
			upgrade_check_column(check, upgrade_columns[i].table, upgrade_columns[i].name))
			upgrade_check_row(check, "error", upgrade_columns[i].table,
							  psprintf("The column \"%s\" is there already: an upgrade stopped half way.  Go back to the backup.",
									   upgrade_columns[i].name));
	for (int i = 0; i < UPGRADE_NMAPS; i++)
	{
		Oid			relid = upgrade_check_relation(check, upgrade_maps[i]);
		bool		there = OidIsValid(relid);

		if (check->era == UPGRADE_SCOPES && there)
			upgrade_check_row(check, "warning", upgrade_maps[i],
							  "The table is left over from JupyterHub 2.x: an upgrade stopped half way, or an older hub was started.");
		if (check->era == UPGRADE_ROLES && !there)
			upgrade_check_row(check, "error", upgrade_maps[i], "The table is missing.");
		if (check->era == UPGRADE_ROLES && there && !OidIsValid(upgrade_table_owner(relid)))
			upgrade_check_row(check, "error", upgrade_maps[i], "It is not an ordinary table.");
	}
}

static void
upgrade_check_revision(UpgradeCheck *check)
{
	const char *revision = upgrade_revision(check->schema_oid);
	const char *releases;

	if (revision[0] == '\0')
	{
		upgrade_check_unstamped(check);
		return;
	}
	check->era = upgrade_era(revision, &releases);
	if (check->era == UPGRADE_UNKNOWN && strspn(revision, "0123456789abcdef") < strlen(revision))
		upgrade_check_row(check, "error", "alembic_version", "The table does not hold a revision of alembic's.");
	else if (check->era == UPGRADE_UNKNOWN)
		upgrade_check_row(check, "error", "alembic_version",
						  psprintf("The revision %s is unknown here: perhaps a newer hub's.", revision));
	else
		upgrade_check_row(check, "info", "alembic_version",
						  psprintf("Revision %s: %s.", revision, releases));
	upgrade_check_stamp(check, revision);
}

static void
upgrade_check_tables(UpgradeCheck *check)
{
	Oid			owner = check->hub ? check->hub->owner : InvalidOid;

	for (int t = 0; t < HUB_NTABLES; t++)
	{
		const char *name = hub_table_name((HubTable) t);
		char	   *defect = hub_table_defect(check->schema_oid, owner, (HubTable) t);

		if (defect != NULL)
			upgrade_check_row(check, "error", name, defect);
		else if (hub_table_required((HubTable) t) &&
				 !OidIsValid(upgrade_check_relation(check, name)))
			upgrade_check_row(check, check->era == UPGRADE_SCOPES ? "warning" : "error", name,
							  check->era == UPGRADE_SCOPES ?
							  "The table is missing.  The hub makes it when it starts." :
							  "The table is missing.  If the hub has never started since it left 1.x, its own upgrade-db needs no help.");
	}
}

/* What is in the schema and not the hub's, and what would keep its tables from going. */
static void
upgrade_check_extra(UpgradeCheck *check)
{
	static const Oid types[1] = {OIDOID};
	static const char *const sql[] = {
		"SELECT c.relname FROM pg_catalog.pg_class c WHERE c.relnamespace = $1 AND c.relkind IN ('r', 'p')"
		" AND c.relname <> ALL ('{users,groups,services,roles,user_role_map,group_role_map,service_role_map,user_group_map,"
		"spawners,servers,oauth_clients,oauth_codes,api_tokens,shares,share_codes,alembic_version,"
		"api_token_role_map,oauth_client_role_map,oauth_code_role_map,oauth_access_tokens,"
		"proxies,hubs,server_history}')"
		" ORDER BY 1",
		"SELECT DISTINCT v.oid::regclass::text FROM pg_catalog.pg_class c"
		" JOIN pg_catalog.pg_depend d ON d.refobjid = c.oid AND d.refclassid = 'pg_catalog.pg_class'::regclass"
		" AND d.classid = 'pg_catalog.pg_rewrite'::regclass"
		" JOIN pg_catalog.pg_rewrite r ON r.oid = d.objid JOIN pg_catalog.pg_class v ON v.oid = r.ev_class"
		" WHERE c.relnamespace = $1 AND v.oid <> c.oid"
		" AND c.relname IN ('api_token_role_map', 'oauth_client_role_map', 'oauth_code_role_map')"
		" UNION SELECT k.conrelid::regclass::text FROM pg_catalog.pg_class c"
		" JOIN pg_catalog.pg_constraint k ON k.confrelid = c.oid AND k.contype = 'f'"
		" WHERE c.relnamespace = $1 AND k.conrelid <> c.oid"
		" AND c.relname IN ('api_token_role_map', 'oauth_client_role_map', 'oauth_code_role_map') ORDER BY 1"
	};
	static const char *const level[] = {"info", "error"};
	static const char *const detail[] = {
		"It is no table of JupyterHub, and is left as it is.",
		"It rests on a table that the upgrade drops.  Drop it first."
	};

	for (int i = 0; i < (int) lengthof(sql); i++)
	{
		Datum		values[1] = {ObjectIdGetDatum(check->schema_oid)};
		SpiFrame	frame;
		uint64		n;

		spi_enter(&frame, module_owner());
		n = spi_run(sql[i], 1, types, values, NULL, true, false, 0);
		for (uint64 row = 0; row < n; row++)
			upgrade_check_row(check, level[i],
							  SPI_getvalue(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1), detail[i]);
		spi_leave(&frame);
	}
}

/* ---- who is at work on it ---- */

static void
upgrade_check_sessions(UpgradeCheck *check)
{
	static const Oid types[2] = {OIDOID, OIDOID};
	Datum		values[2];
	SpiFrame	frame;
	uint64		n;

	values[0] = ObjectIdGetDatum(check->hub->owner);
	values[1] = ObjectIdGetDatum(check->schema_oid);
	spi_enter(&frame, module_owner());
	n = spi_run("SELECT a.pid, a.usename, a.application_name, coalesce(a.state, 'unknown')"
				" FROM pg_catalog.pg_stat_activity a"
				" WHERE a.datname = pg_catalog.current_database() AND a.pid <> pg_catalog.pg_backend_pid()"
				" AND a.backend_type = 'client backend' AND (a.usesysid = $1 OR EXISTS"
				" (SELECT FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation"
				" WHERE l.pid = a.pid AND l.granted AND c.relnamespace = $2)) ORDER BY a.pid",
				2, types, values, NULL, true, false, 0);
	for (uint64 i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;

		upgrade_check_row(check, "warning", psprintf("session %d", spi_int(row, desc, 1, 0)),
						  psprintf("Role \"%s\" is connected (application \"%s\", %s).  Stop the hub first.",
								   SPI_getvalue(row, desc, 2), SPI_getvalue(row, desc, 3), SPI_getvalue(row, desc, 4)));
	}
	n = spi_run("SELECT gid FROM pg_catalog.pg_prepared_xacts"
				" WHERE database = pg_catalog.current_database() ORDER BY gid",
				0, NULL, NULL, NULL, true, false, 0);
	for (uint64 i = 0; i < n; i++)
		upgrade_check_row(check, "warning",
						  psprintf("prepared transaction %s", SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1)),
						  "It may hold the hub's tables.  Commit it or roll it back first.");
	spi_leave(&frame);
}

static void
upgrade_check_caller(UpgradeCheck *check)
{
	if (!superuser() && !has_privs_of_role(GetUserId(), check->hub->owner))
		upgrade_check_row(check, "warning", psprintf("role %s", GetUserNameFromId(GetUserId(), false)),
						  psprintf("It can look, but to upgrade it takes role \"%s\" or a superuser.",
								   GetUserNameFromId(check->hub->owner, true)));
}

/* ---- roles, tokens and clients ---- */

/*
 * A query of the hub's tables whose rows are a number of all, and an array of
 * the first few: one row that says so, unless there are none.
 */
static void
upgrade_check_list(UpgradeCheck *check, const char *level, const char *object,
				   const char *sql, const char *detail)
{
	SpiFrame	frame;
	HeapTuple	row;
	TupleDesc	desc;
	int64		count;
	bool		isnull;

	spi_enter(&frame, check->hub->owner);
	(void) spi_run(sql, 0, NULL, NULL, NULL, true, false, 1);
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	count = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
	if (count > 0)
		upgrade_check_row(check, level, object,
						  psprintf(INT64_FORMAT " %s: %s%s", count, detail, SPI_getvalue(row, desc, 2),
								   count > UPGRADE_LISTED ? ", ..." : ""));
	spi_leave(&frame);
}

/* "SELECT count, the first few" over a query with columns ord and name. */
static char *
upgrade_check_first(const char *query)
{
	return psprintf("SELECT count(*), string_agg(q.name, ', ' ORDER BY q.ord) FILTER (WHERE q.ord <= %d)"
					" FROM (SELECT row_number() OVER (ORDER BY s.id) AS ord, s.name::text FROM (%s) AS s) AS q",
					UPGRADE_LISTED, query);
}

static bool
upgrade_check_is_used(UpgradeCheck *check, int role_id)
{
	static const Oid types[1] = {INT4OID};
	Datum		values[1] = {Int32GetDatum(role_id)};
	SpiFrame	frame;
	bool		used;

	spi_enter(&frame, check->hub->owner);
	used = spi_run(psprintf("SELECT FROM %s.api_token_role_map WHERE role_id = $1"
							" UNION ALL SELECT FROM %s.oauth_client_role_map WHERE role_id = $1",
							check->hub->quoted, check->hub->quoted),
				   1, types, values, NULL, true, false, 1) > 0;
	spi_leave(&frame);
	return used;
}

static void
upgrade_check_roles(UpgradeCheck *check)
{
	UpgradeRoles *roles = upgrade_read_roles(check->hub);

	for (int i = 0; i < roles->n; i++)
	{
		UpgradeRole *role = &roles->roles[i];
		char	   *object = psprintf("role %s", module_from_utf8(role->name, strlen(role->name)));
		bool		used;

		if (!role->broken && !role->empty && role->odd == NIL)
			continue;
		used = upgrade_check_is_used(check, role->id);
		if (role->broken)
			upgrade_check_row(check, used ? "error" : "warning", object, used ?
							  "Its scopes are not a JSON array of strings, and tokens or OAuth clients have it.  Mend the column." :
							  "Its scopes are not a JSON array of strings.");
		else if (role->empty)
			upgrade_check_row(check, used ? "warning" : "info", object,
							  "It has no scopes: tokens and OAuth clients get nothing from it.");
		else
			upgrade_check_row(check, "warning", object,
							  psprintf("It holds what is no scope, and is passed on as it is: %s.  A hub from 3.0 on fails when it meets that; mend the role first.",
									   (char *) linitial(role->odd)));
	}
}

static void
upgrade_check_tokens(UpgradeCheck *check)
{
	const char *s = check->hub->quoted;

	upgrade_check_list(check, "warning", "api_tokens",
					   upgrade_check_first(psprintf("SELECT t.id, t.id AS name FROM %s.api_tokens t WHERE NOT EXISTS"
													" (SELECT FROM %s.api_token_role_map m WHERE m.api_token_id = t.id)", s, s)),
					   "without a role, which stay as they are, without scopes");
	upgrade_check_list(check, "info", "oauth_clients",
					   upgrade_check_first(psprintf("SELECT c.id, c.identifier AS name FROM %s.oauth_clients c"
													" WHERE c.identifier <> 'jupyterhub'"
													" AND NOT EXISTS (SELECT FROM %s.spawners p WHERE p.oauth_client_id = c.identifier)"
													" AND NOT EXISTS (SELECT FROM %s.services v WHERE v.oauth_client_id = c.identifier)",
													s, s, s)),
					   "without a server or service, which get no access scope");
}

/* ---- what would be done ---- */

static void
upgrade_check_plan(UpgradeCheck *check)
{
	const char *s = check->hub->quoted;
	SpiFrame	frame;
	HeapTuple	row;
	TupleDesc	desc;

	spi_enter(&frame, check->hub->owner);
	(void) spi_run(psprintf("SELECT (SELECT count(*) FROM %s.api_tokens), (SELECT count(*) FROM %s.oauth_clients),"
							" (SELECT count(DISTINCT api_token_id) FROM %s.api_token_role_map)", s, s, s),
				   0, NULL, NULL, NULL, true, false, 1);
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	upgrade_check_row(check, "info", "upgrade_token_roles()",
					  psprintf("It would resolve the roles of %s of %s tokens and the allowed scopes of %s OAuth clients,"
							   " drop %s, %s and %s, and stamp %s.  Then run the hub's own upgrade-db.",
							   SPI_getvalue(row, desc, 3), SPI_getvalue(row, desc, 1), SPI_getvalue(row, desc, 2),
							   upgrade_maps[0], upgrade_maps[1], upgrade_maps[2], UPGRADE_REVISION_TO));
	spi_leave(&frame);
}

static void
upgrade_check_conclude(UpgradeCheck *check)
{
	switch (check->era)
	{
		case UPGRADE_BEFORE:
			upgrade_check_row(check, "info", "upgrade_token_roles()",
							  "It has nothing to do: tokens of this release have no roles.  The hub's own upgrade-db drops all of them.");
			break;
		case UPGRADE_SCOPES:
			if (!check->refused)
				upgrade_check_row(check, "info", "upgrade_token_roles()",
								  "It has nothing to do: tokens have scopes.  To a newer release the hub's own upgrade-db goes.");
			break;
		case UPGRADE_ROLES:
			/* tables that are not a hub's have been refused above */
			if (check->hub != NULL && !check->refused)
				upgrade_check_plan(check);
			break;
		case UPGRADE_UNKNOWN:
			break;
	}
	if (check->refused)
		upgrade_check_row(check, "error", "upgrade_token_roles()", "It would refuse, for the errors above.");
}

/* upgrade_check(hub_schema) - rows (level, object, detail).  Changes nothing. */
Datum
jhub_authz_upgrade_check(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	UpgradeCheck check = {0};

	InitMaterializedSRF(fcinfo, 0);
	check.rows = rsinfo->setResult;
	check.desc = rsinfo->setDesc;
	if (!upgrade_check_schema(&check, PG_ARGISNULL(0) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(0))))
		return (Datum) 0;
	upgrade_check_revision(&check);
	if (check.era != UPGRADE_BEFORE)
		upgrade_check_tables(&check);
	upgrade_check_extra(&check);
	if (check.hub != NULL)
	{
		upgrade_check_sessions(&check);
		upgrade_check_caller(&check);
		if (check.era == UPGRADE_ROLES && !check.refused)
		{
			upgrade_check_roles(&check);
			upgrade_check_tokens(&check);
		}
	}
	upgrade_check_conclude(&check);
	return (Datum) 0;
}
