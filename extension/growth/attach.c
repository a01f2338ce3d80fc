/*-------------------------------------------------------------------------
 *
 * attach.c
 *	  attach: our triggers on the hub's tables.
 *
 * Nothing of ours rests on a hub table but triggers, and those have no column
 * list and no WHEN clause: the hub's migrations may alter, drop and rebuild.
 * A table that appears later gets its triggers at the next decision.
 *
 * detach is in attach.sql: it has to work without this library.
 *
 *-------------------------------------------------------------------------
 */
#include "growth_private.h"

#include "access/relation.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "parser/parse_func.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

/* what CREATE TRIGGER may wait for besides the table, in a decision */
#define ATTACH_QUIET_MS		100

PG_FUNCTION_INFO_V1(jhub_authz_attach);
PG_FUNCTION_INFO_V1(jhub_authz__expected_triggers);

/* One trigger that belongs on a table. */
typedef struct AttachTrigger
{
	HubTable	table;
	const char *name;
	const char *when;			/* timing and events */
	const char *level;
	const char *function;
} AttachTrigger;

#define NOTE(table) \
	{table, "jhub_authz_note", "AFTER INSERT OR UPDATE OR DELETE", "ROW", "note_change"}
#define NOTE_TRUNCATE(table) \
	{table, "jhub_authz_truncate", "AFTER TRUNCATE", "STATEMENT", "note_change"}

static const AttachTrigger attach_list[] = {
	NOTE(HUB_USERS),
	NOTE(HUB_GROUPS),
	NOTE(HUB_SERVICES),
	NOTE(HUB_ROLES),
	NOTE(HUB_USER_ROLE_MAP),
	NOTE(HUB_GROUP_ROLE_MAP),
	NOTE(HUB_SERVICE_ROLE_MAP),
	NOTE(HUB_USER_GROUP_MAP),
	NOTE_TRUNCATE(HUB_USER_GROUP_MAP),
	NOTE(HUB_SPAWNERS),
	NOTE(HUB_SHARES),
	NOTE(HUB_ALEMBIC_VERSION),
	NOTE(HUB_API_TOKENS),
	NOTE_TRUNCATE(HUB_API_TOKENS),
	{HUB_API_TOKENS, "jhub_authz_narrow", "BEFORE INSERT OR UPDATE", "ROW", "narrow_token"},
	{HUB_TOKEN_ROLE_MAP, "jhub_authz_resolve", "AFTER INSERT", "ROW", "resolve_token_roles"},
};

/* OID of one of our trigger functions. */
static Oid
attach_function(const char *name)
{
	List	   *qualified = list_make2(makeString(pstrdup("jhub_authz")),
									   makeString(pstrdup(name)));

	return LookupFuncName(qualified, 0, NULL, false);
}

static bool
attach_has_trigger(Relation rel, const AttachTrigger *t)
{
	Oid			function = attach_function(t->function);
	/* after the look-up, which may make the relation's cache entry anew */
	TriggerDesc *desc = rel->trigdesc;

	for (int i = 0; desc != NULL && i < desc->numtriggers; i++)
		if (desc->triggers[i].tgfoid == function &&
			strcmp(desc->triggers[i].tgname, t->name) == 0)
			return true;
	return false;
}

/* The triggers of attach_list that are missing, as a bit each. */
static uint32
attach_missing(const HubSchema *hub)
{
	uint32		missing = 0;

	StaticAssertStmt(lengthof(attach_list) <= 32, "one bit for each trigger");
	for (int i = 0; i < (int) lengthof(attach_list); i++)
	{
		Oid			relid = hub->rel[attach_list[i].table];
		Relation	rel;

		if (!OidIsValid(relid))
			continue;
		rel = try_relation_open(relid, AccessShareLock);
		if (rel == NULL)
			continue;
		if (!attach_has_trigger(rel, &attach_list[i]))
			missing |= (uint32) 1 << i;
		relation_close(rel, NoLock);
	}
	return missing;
}

static void
attach_execute(const char *sql)
{
	int			rc = SPI_execute(sql, false, 0);

	if (rc < 0)
		elog(ERROR, "SPI returned %s for %s", SPI_result_code_string(rc), sql);
}

/* Made as the owner of the table, who was granted the functions by attach. */
static void
attach_create(const HubSchema *hub, uint32 missing)
{
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	for (int i = 0; i < (int) lengthof(attach_list); i++)
	{
		const AttachTrigger *t = &attach_list[i];

		if (missing & ((uint32) 1 << i))
			attach_execute(psprintf("CREATE TRIGGER %s %s ON %s.%s FOR EACH %s"
									" EXECUTE FUNCTION jhub_authz.%s()",
									t->name, t->when, hub->quoted,
									quote_identifier(hub_table_name(t->table)),
									t->level, t->function));
	}
	spi_leave(&frame);
}

/* What attach_create takes, for module_try. */
typedef struct AttachMissing
{
	const HubSchema *hub;
	uint32		missing;
	bool		made;
} AttachMissing;

/*
 * Those of the missing triggers whose tables nobody is writing to.  To wait for
 * a table would hold up everyone who waits for our decision.
 */
static uint32
attach_lockable(const HubSchema *hub, uint32 missing)
{
	for (int i = 0; i < (int) lengthof(attach_list); i++)
		if ((missing & ((uint32) 1 << i)) &&
			!ConditionalLockRelationOid(hub->rel[attach_list[i].table], ShareRowExclusiveLock))
			missing &= ~((uint32) 1 << i);
	return missing;
}

static void
attach_attempt(void *arg)
{
	AttachMissing *m = arg;
	uint32		lockable = attach_lockable(m->hub, m->missing);
	int			nest;

	if (lockable == 0)
		return;
	nest = decision_timeout(ATTACH_QUIET_MS);
	attach_create(m->hub, lockable);
	AtEOXact_GUC(true, nest);
	m->made = true;
}

/* A cancelled statement is the user's word, not the table's. */
static bool
attach_tolerates(int sqlerrcode)
{
	return sqlerrcode != ERRCODE_QUERY_CANCELED;
}

bool
attach_triggers(const HubSchema *hub, bool quiet)
{
	uint32		missing = attach_missing(hub);

	if (missing == 0)
		return false;

	/*
	 * In the middle of somebody's commit: what can't be made now must not make
	 * that commit fail.  self_check tells, and the next decision tries again.
	 */
	if (quiet)
	{
		AttachMissing m = {hub, missing, false};

		return module_try(attach_attempt, &m, attach_tolerates) && m.made;
	}
	attach_create(hub, missing);
	return true;
}

/* ---- attach ---- */

/* One table: ordinary, and of the same owner as the others. */
static void
attach_check_table(const char *schema, const char *name, Oid relid, Oid *owner)
{
	Relation	rel = relation_open(relid, AccessShareLock);
	Oid			relowner = rel->rd_rel->relowner;

	if (rel->rd_rel->relkind != RELKIND_RELATION)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s.%s\" is not an ordinary table", schema, name),
				 errdetail("Only ordinary tables of one owner can be attached.")));
	if (OidIsValid(*owner) && relowner != *owner)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("table \"%s.%s\" belongs to another role than the hub's other tables",
						schema, name),
				 errdetail("It belongs to \"%s\", the others to \"%s\".",
						   GetUserNameFromId(relowner, false),
						   GetUserNameFromId(*owner, false)),
				 errhint("Only ordinary tables of one owner can be attached.")));
	*owner = relowner;
	relation_close(rel, NoLock);
}

/* What is there must be fit, and what a hub cannot be without must be there. */
static void
attach_check_tables(const char *schema)
{
	Oid			nspoid = get_namespace_oid(schema, false);
	Oid			owner = InvalidOid;

	for (int t = 0; t < HUB_NTABLES; t++)
	{
		const char *name = hub_table_name((HubTable) t);
		Oid			relid = get_relname_relid(name, nspoid);

		if (OidIsValid(relid))
			attach_check_table(schema, name, relid, &owner);
		else if (hub_table_required((HubTable) t))
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_TABLE),
					 errmsg("schema \"%s\" does not hold a JupyterHub database", schema),
					 errdetail("There is no table \"%s\".", name),
					 errhint("Name the schema of the hub's tables: attach('schema').")));
	}
}

/* Tokens that have roles and no scopes can't be judged. */
static void
attach_check_release(const HubSchema *hub)
{
	if (!hub->has_token_scopes)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the database in schema \"%s\" is of JupyterHub 2.x", hub->name),
				 errdetail("Its tokens have roles, not scopes."),
				 errhint("Upgrade it to JupyterHub 3.0 or later first.")));
}

static void
attach_check_caller(const HubSchema *hub)
{
	if (superuser() || has_privs_of_role(GetUserId(), hub->owner))
		return;
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg("must be owner of the hub's tables in schema \"%s\"", hub->name),
			 errhint("GRANT %s TO %s;", quote_identifier(GetUserNameFromId(hub->owner, false)),
					 quote_identifier(GetUserNameFromId(GetUserId(), false)))));
}

static void
attach_check_other(const HubSchema *hub)
{
	const Settings *settings = settings_get();

	if (settings->attached && strcmp(settings->hub_schema, hub->name) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the hub in schema \"%s\" is attached already", settings->hub_schema),
				 errhint("Call jhub_authz.detach() first.")));
}

/*
 * What the owner of the hub's tables needs: our trigger functions, to make and
 * to restore the triggers, and reading what its pg_dump dumps.
 */
static void
attach_grant(const HubSchema *hub)
{
	const char *owner = quote_identifier(GetUserNameFromId(hub->owner, false));
	SpiFrame	frame;

	if (hub->owner == module_owner() || superuser_arg(hub->owner))
		return;
	spi_enter(&frame, module_owner());
	attach_execute(psprintf("GRANT EXECUTE ON FUNCTION jhub_authz.note_change(), jhub_authz.narrow_token(),"
							" jhub_authz.resolve_token_roles() TO %s", owner));
	attach_execute(psprintf("GRANT SELECT ON jhub_authz.attachment, jhub_authz.option_values,"
							" jhub_authz.policy_values, jhub_authz.custom_scopes,"
							" jhub_authz.token_baselines, jhub_authz.token_events,"
							" jhub_authz.token_events_event_id_seq TO %s", owner));
	spi_leave(&frame);
}

static void
attach_store(const HubSchema *hub, const char *mode)
{
	static const Oid types[2] = {NAMEOID, TEXTOID};
	NameData	schema;
	Datum		values[2];
	char		nulls[2] = {' ', mode ? ' ' : 'n'};
	SpiFrame	frame;

	namestrcpy(&schema, hub->name);
	values[0] = NameGetDatum(&schema);
	values[1] = mode ? CStringGetTextDatum(mode) : (Datum) 0;
	spi_enter(&frame, module_owner());
	spi_run("INSERT INTO jhub_authz.attachment AS a (hub_schema, mode, attached_at)"
			" VALUES ($1, coalesce($2, 'enforce'), now())"
			" ON CONFLICT (singleton) DO UPDATE SET hub_schema = EXCLUDED.hub_schema,"
			" mode = coalesce($2, a.mode),"
			" attached_at = coalesce(a.attached_at, EXCLUDED.attached_at)",
			2, types, values, nulls, false, false, 0);
	spi_leave(&frame);
	settings_changed();
	CommandCounterIncrement();
}

/* A disabled trigger of ours is one that a detach could not drop. */
static void
attach_enable(const HubSchema *hub)
{
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	for (int i = 0; i < (int) lengthof(attach_list); i++)
	{
		Oid			relid = hub->rel[attach_list[i].table];
		Relation	rel;
		bool		disabled = false;

		if (!OidIsValid(relid))
			continue;
		rel = relation_open(relid, AccessShareLock);
		for (int t = 0; rel->trigdesc != NULL && t < rel->trigdesc->numtriggers; t++)
			if (strcmp(rel->trigdesc->triggers[t].tgname, attach_list[i].name) == 0)
				disabled = rel->trigdesc->triggers[t].tgenabled == TRIGGER_DISABLED;
		relation_close(rel, NoLock);
		if (disabled)
			attach_execute(psprintf("ALTER TABLE %s.%s ENABLE TRIGGER %s", hub->quoted,
									quote_identifier(hub_table_name(attach_list[i].table)),
									attach_list[i].name));
	}
	spi_leave(&frame);
}

/*
 * The triggers on our own dumped tables fire on a replica too.  A restore with
 * --disable-triggers ends in ENABLE TRIGGER ALL, which forgets that.
 */
static void
attach_enable_always(void)
{
	SpiFrame	frame;
	uint64		n;

	spi_enter(&frame, module_owner());
	n = spi_run("SELECT pg_catalog.format('ALTER TABLE %s ENABLE ALWAYS TRIGGER %I',"
				" g.tgrelid::pg_catalog.regclass, g.tgname)"
				" FROM pg_catalog.pg_trigger g JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid"
				" WHERE c.relnamespace = 'jhub_authz'::pg_catalog.regnamespace"
				" AND c.relname <> 'pending' AND NOT g.tgisinternal AND g.tgenabled <> 'A'",
				0, NULL, NULL, NULL, true, true, 0);
	if (n > 0)
	{
		SPITupleTable *rows = SPI_tuptable;

		for (uint64 i = 0; i < n; i++)
			attach_execute(SPI_getvalue(rows->vals[i], rows->tupdesc, 1));
	}
	spi_leave(&frame);
}

/*
 * attach(hub_schema, mode) - the release in force, as text.  Idempotent.
 * 25001 beyond READ COMMITTED, 3F000 and 42P01 where there is no hub, 42809 for
 * what is no ordinary table, 42501 for another than the owner of the tables,
 * 55000 while another hub is attached, 55P03 if a lock does not come.
 *
 * Locks in this order: the switch, the tables that need triggers, the row, the
 * decision.  Who writes to the tables holds them when it comes to its own
 * decision, so they come before that.
 */
Datum
jhub_authz_attach(PG_FUNCTION_ARGS)
{
	char	   *schema = PG_ARGISNULL(0) ? "public" : text_to_cstring(PG_GETARG_TEXT_PP(0));
	char	   *mode = PG_ARGISNULL(1) ? NULL : text_to_cstring(PG_GETARG_TEXT_PP(1));
	HubSchema  *hub;
	int			timeout_ms;
	int			nest;

	if (IsolationUsesXactSnapshot())
		ereport(ERROR,
				(errcode(ERRCODE_ACTIVE_SQL_TRANSACTION),
				 errmsg("attach must run at isolation level READ COMMITTED")));
	if (mode != NULL)
		growth_check_mode(mode);
	attach_check_tables(schema);
	hub = hub_schema_of(schema, false, true);
	attach_check_caller(hub);
	attach_check_release(hub);
	attach_check_other(hub);

	timeout_ms = settings_get()->lock_timeout_ms;
	switch_lock(timeout_ms);
	nest = decision_timeout(timeout_ms);
	attach_grant(hub);
	attach_enable(hub);
	attach_enable_always();
	attach_triggers(hub, false);
	CommandCounterIncrement();
	attach_store(hub, mode);
	AtEOXact_GUC(true, nest);
	decision_lock(true, timeout_ms);
	decide_everyone("attach", "adopted");

	hub = hub_schema(false, true);
	PG_RETURN_TEXT_P(cstring_to_text(hub->release->name));
}

/*
 * _expected_triggers(): rows (table_name, trigger_name, function_name), what
 * attach puts on the tables that are there; for self_check.
 */
Datum
jhub_authz__expected_triggers(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	HubSchema  *hub = hub_schema(true, false);

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; hub != NULL && i < (int) lengthof(attach_list); i++)
	{
		const AttachTrigger *t = &attach_list[i];
		Datum		values[3] = {
			ObjectIdGetDatum(hub->rel[t->table]),
			CStringGetTextDatum(t->name),
			CStringGetTextDatum(t->function)
		};
		bool		nulls[3] = {false};

		if (OidIsValid(hub->rel[t->table]))
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
