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
#include "catalog/pg_trigger.h"
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

#include "../audit/history.h"

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
	bool		always;			/* also in session_replication_role = replica */
} AttachTrigger;

#define NOTE(table) \
	{table, "jhub_authz_note", "AFTER INSERT OR UPDATE OR DELETE", "ROW", "note_change", false}
#define NOTE_TRUNCATE(table) \
	{table, "jhub_authz_truncate", "AFTER TRUNCATE", "STATEMENT", "note_change", false}
#define HISTORY_OF(table, events) \
	{table, "jhub_authz_history", "AFTER " events, "ROW", "note_history", true}, \
	{table, "jhub_authz_history_truncate", "BEFORE TRUNCATE", "STATEMENT", "note_history", true}
#define HISTORY(table) \
	HISTORY_OF(table, "INSERT OR UPDATE OR DELETE")

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
	{HUB_API_TOKENS, "jhub_authz_narrow", "BEFORE INSERT OR UPDATE", "ROW", "narrow_token", false},
	{HUB_TOKEN_ROLE_MAP, "jhub_authz_resolve", "AFTER INSERT", "ROW", "resolve_token_roles", false},
	HISTORY(HUB_USERS),
	HISTORY(HUB_GROUPS),
	HISTORY(HUB_SERVICES),
	HISTORY(HUB_ROLES),
	HISTORY(HUB_USER_ROLE_MAP),
	HISTORY(HUB_GROUP_ROLE_MAP),
	HISTORY(HUB_SERVICE_ROLE_MAP),
	HISTORY(HUB_USER_GROUP_MAP),
	HISTORY(HUB_SPAWNERS),
	HISTORY(HUB_OAUTH_CLIENTS),
	HISTORY(HUB_SHARES),
	HISTORY(HUB_ALEMBIC_VERSION),
	HISTORY_OF(HUB_API_TOKENS, "UPDATE OR DELETE"),
};

/* OID of one of our trigger functions. */
static Oid
attach_function(const char *name)
{
	List	   *qualified = list_make2(makeString(pstrdup("jhub_authz")),
									   makeString(pstrdup(name)));

	return LookupFuncName(qualified, 0, NULL, false);
}

/* pg_trigger.tgtype of a trigger of the list */
static int16
attach_trigger_type(const AttachTrigger *t)
{
	int16		type = 0;

	TRIGGER_CLEAR_TYPE(type);
	if (strcmp(t->level, "ROW") == 0)
		TRIGGER_SETT_ROW(type);
	if (strncmp(t->when, "BEFORE", 6) == 0)
		TRIGGER_SETT_BEFORE(type);
	if (strstr(t->when, "INSERT") != NULL)
		TRIGGER_SETT_INSERT(type);
	if (strstr(t->when, "UPDATE") != NULL)
		TRIGGER_SETT_UPDATE(type);
	if (strstr(t->when, "DELETE") != NULL)
		TRIGGER_SETT_DELETE(type);
	if (strstr(t->when, "TRUNCATE") != NULL)
		TRIGGER_SETT_TRUNCATE(type);
	return type;
}

/* Does it fire when attach lets it?  The table's owner could make it otherwise. */
static bool
attach_is_as_made(const Trigger *trigger, const AttachTrigger *t)
{
	return trigger->tgtype == attach_trigger_type(t) &&
		trigger->tgqual == NULL && trigger->tgnattr == 0 &&
		!OidIsValid(trigger->tgconstraint);
}

/*
 * For self_check: false if a trigger of that name is on the table and another
 * than attach made it so.
 */
static bool
attach_trigger_as_made(Oid relid, const char *name)
{
	Relation	rel = try_relation_open(relid, AccessShareLock);
	bool		result = true;

	if (rel == NULL)
		return true;
	for (int i = 0; i < (int) lengthof(attach_list); i++)
	{
		const AttachTrigger *t = &attach_list[i];

		if (strcmp(t->name, name) != 0 ||
			strcmp(hub_table_name(t->table), RelationGetRelationName(rel)) != 0)
			continue;
		for (int g = 0; rel->trigdesc != NULL && g < rel->trigdesc->numtriggers; g++)
			if (strcmp(rel->trigdesc->triggers[g].tgname, name) == 0)
				result = attach_is_as_made(&rel->trigdesc->triggers[g], t);
	}
	relation_close(rel, AccessShareLock);
	return result;
}

void
attach_init(void)
{
	hub_set_trigger_check(attach_trigger_as_made);
}

/* The trigger as it is, or NULL. */
static const Trigger *
attach_find_trigger(Relation rel, const char *name, Oid function)
{
	TriggerDesc *desc = rel->trigdesc;

	for (int i = 0; desc != NULL && i < desc->numtriggers; i++)
		if (desc->triggers[i].tgfoid == function &&
			strcmp(desc->triggers[i].tgname, name) == 0)
			return &desc->triggers[i];
	return NULL;
}

/*
 * Go through attach_list: missing are the triggers that are not there, asleep
 * those that do not fire when they should; a bit for each.
 */
static void
attach_look(const HubSchema *hub, uint64 *missing, uint64 *asleep)
{
	const char *last_name = "";
	Oid			function = InvalidOid;

	StaticAssertStmt(lengthof(attach_list) <= 64, "one bit for each trigger");
	*missing = *asleep = 0;
	for (int i = 0; i < (int) lengthof(attach_list); i++)
	{
		const AttachTrigger *t = &attach_list[i];
		const Trigger *found;
		Relation	rel;

		if (!OidIsValid(hub->rel[t->table]))
			continue;
		/* before the relation is opened: it may make its cache entry anew */
		if (strcmp(t->function, last_name) != 0)
		{
			function = attach_function(t->function);
			last_name = t->function;
		}
		rel = try_relation_open(hub->rel[t->table], AccessShareLock);
		if (rel == NULL)
			continue;
		found = attach_find_trigger(rel, t->name, function);
		if (found == NULL || !attach_is_as_made(found, t))
			*missing |= UINT64CONST(1) << i;
		else if (found->tgenabled == TRIGGER_DISABLED ||
				 (!t->always && found->tgenabled == TRIGGER_FIRES_ON_REPLICA) ||
				 (t->always && found->tgenabled != TRIGGER_FIRES_ALWAYS))
			*asleep |= UINT64CONST(1) << i;
		relation_close(rel, NoLock);
	}
}

static void
attach_execute(const char *sql)
{
	int			rc = SPI_execute(sql, false, 0);

	if (rc < 0)
		elog(ERROR, "SPI returned %s for %s", SPI_result_code_string(rc), sql);
}

/* The tables, as bits, whose past has not been recorded by these triggers. */
static uint32
attach_unrecorded(uint64 triggers)
{
	uint32		tables = 0;

	for (int i = 0; i < (int) lengthof(attach_list); i++)
		if ((triggers & (UINT64CONST(1) << i)) && attach_list[i].always)
			tables |= (uint32) 1 << attach_list[i].table;
	return tables;
}

/*
 * Make those that are missing and wake those that are asleep: one that a detach
 * could not drop, or that a restore left to fire on the origin only.  As the
 * owner of the tables, who is granted the functions by attach_grant.  One of the
 * same name that is not ours, or not as it should be, is replaced.
 */
static void
attach_make(const HubSchema *hub, uint64 missing, uint64 asleep)
{
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	for (int i = 0; i < (int) lengthof(attach_list); i++)
	{
		const AttachTrigger *t = &attach_list[i];
		const char *table = quote_identifier(hub_table_name(t->table));
		uint64		bit = UINT64CONST(1) << i;

		if (missing & bit)
			attach_execute(psprintf("CREATE OR REPLACE TRIGGER %s %s ON %s.%s FOR EACH %s"
									" EXECUTE FUNCTION jhub_authz.%s()",
									t->name, t->when, hub->quoted, table,
									t->level, t->function));
		if ((asleep & bit) || ((missing & bit) && t->always))
			attach_execute(psprintf("ALTER TABLE %s.%s ENABLE %s TRIGGER %s",
									hub->quoted, table, t->always ? "ALWAYS" : "", t->name));
	}
	spi_leave(&frame);
}

/* What was not recorded meanwhile begins now; the tables are locked until then. */
static void
attach_record(const HubSchema *hub, uint32 unrecorded)
{
	history_settings();
	history_custom_scopes();
	history_begin(hub, unrecorded);
}

/* What attach_attempt takes, for module_try. */
typedef struct AttachMissing
{
	const HubSchema *hub;
	uint64		missing;
	bool		made;
} AttachMissing;

static void attach_grant(const HubSchema *hub);

/*
 * Those of the missing triggers whose tables nobody is writing to.  To wait for
 * a table would hold up everyone who waits for our decision.
 */
static uint64
attach_lockable(const HubSchema *hub, uint64 missing)
{
	for (int i = 0; i < (int) lengthof(attach_list); i++)
		if ((missing & (UINT64CONST(1) << i)) &&
			!ConditionalLockRelationOid(hub->rel[attach_list[i].table], ShareRowExclusiveLock))
			missing &= ~(UINT64CONST(1) << i);
	return missing;
}

static void
attach_attempt(void *arg)
{
	AttachMissing *m = arg;
	uint64		lockable = attach_lockable(m->hub, m->missing);
	int			nest;

	if (lockable == 0)
		return;
	nest = decision_timeout(ATTACH_QUIET_MS);
	attach_grant(m->hub);		/* an update may have brought functions */
	attach_make(m->hub, lockable, 0);
	attach_record(m->hub, attach_unrecorded(lockable));
	AtEOXact_GUC(true, nest);
	m->made = true;
}

/* A cancelled statement is the user's word, not the table's. */
static bool
attach_tolerates(int sqlerrcode)
{
	return sqlerrcode != ERRCODE_QUERY_CANCELED;
}

/*
 * In the middle of somebody's commit: what can't be made now must not make that
 * commit fail.  self_check tells, and the next decision tries again.
 */
bool
attach_triggers(const HubSchema *hub)
{
	AttachMissing m = {.hub = hub};
	uint64		asleep;

	attach_look(hub, &m.missing, &asleep);
	return m.missing != 0 && module_try(attach_attempt, &m, attach_tolerates) && m.made;
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

		if (hub_table_has_children(nspoid, (HubTable) t))
			ereport(ERROR,
					(errcode(ERRCODE_WRONG_OBJECT_TYPE),
					 errmsg("table \"%s.%s\" has child tables", schema, name),
					 errdetail("Their rows count as its own, and no trigger of ours sees what happens to them.")));
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
				 errhint("Upgrade it first: SELECT * FROM jhub_authz.upgrade_check();")));
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
	const char *dumped;
	SpiFrame	frame;

	if (hub->owner == module_owner() || superuser_arg(hub->owner))
		return;
	spi_enter(&frame, module_owner());
	attach_execute(psprintf("GRANT EXECUTE ON FUNCTION jhub_authz.note_change(), jhub_authz.narrow_token(),"
							" jhub_authz.resolve_token_roles(), jhub_authz.note_history() TO %s", owner));
	attach_execute("SELECT string_agg(c.oid::regclass::text, ', ' ORDER BY c.oid)"
				   " FROM pg_extension e, unnest(e.extconfig) AS c (oid)"
				   " WHERE e.extname = 'jhub_authz'");
	dumped = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	attach_execute(psprintf("GRANT SELECT ON %s TO %s", dumped, owner));
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
	settings_changed();			/* attach_record writes the history of it */
	CommandCounterIncrement();
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
	uint64		missing;
	uint64		asleep;
	uint32		unrecorded;

	PreventCommandIfReadOnly("attach()");
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
	attach_enable_always();
	attach_look(hub, &missing, &asleep);
	attach_make(hub, missing, asleep);
	CommandCounterIncrement();
	unrecorded = history_is_closed() ? ~(uint32) 0 : attach_unrecorded(missing | asleep);
	attach_store(hub, mode);
	attach_record(hub, unrecorded);
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
