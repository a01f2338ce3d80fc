/*-------------------------------------------------------------------------
 *
 * self_check.c
 *	  self_check(): what keeps us from doing what we promise.
 *
 * Each check is a function that adds rows; no check depends on another.  What is
 * wrong in the hub's own data is a row here and never an error.
 *
 * level is "error" where something is not watched or not judged that should
 * be, else "warning".
 *
 *-------------------------------------------------------------------------
 */
#include "hub_concern.h"
#include "hub_history.h"
#include "hub_private.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(jhub_authz_self_check);
PG_FUNCTION_INFO_V1(jhub_authz__self_check);

typedef struct SelfCheck
{
	Tuplestorestate *rows;
	TupleDesc	desc;
	HubSchema  *hub;			/* NULL: none, or it is gone */
} SelfCheck;

/* Add a row.  object may be NULL. */
static void
self_check_row(SelfCheck *check, const char *level, const char *name,
			   const char *object, const char *detail)
{
	Datum		values[4];
	bool		nulls[4] = {false, false, object == NULL, false};

	values[0] = CStringGetTextDatum(level);
	values[1] = CStringGetTextDatum(name);
	values[2] = object ? CStringGetTextDatum(object) : (Datum) 0;
	values[3] = CStringGetTextDatum(detail);
	tuplestore_putvalues(check->rows, check->desc, values, nulls);
}

/* ---- the schema and its tables ---- */

static void
self_check_tables(SelfCheck *check, const char *schema_name)
{
	Oid			schema = get_namespace_oid(schema_name, true);

	if (!OidIsValid(schema))
	{
		self_check_row(check, "error", "hub_schema", schema_name,
					   "The attached schema does not exist.");
		return;
	}
	for (int t = 0; t < HUB_NTABLES; t++)
	{
		const char *name = hub_table_name((HubTable) t);
		char	   *defect = hub_table_defect(schema, InvalidOid, (HubTable) t);

		if (defect != NULL)
			self_check_row(check, "error", "hub_table", name,
						   psprintf("%s  The table is left out of everything.", defect));
		else if (hub_table_required((HubTable) t) &&
				 !OidIsValid(get_relname_relid(name, schema)))
			self_check_row(check, "error", "hub_table", name, "The table is missing.");
		if (hub_table_has_children(schema, (HubTable) t))
			self_check_row(check, "error", "hub_table", name,
						   "It has child tables.  Their rows count as its own, and nothing notes what happens to them.");
	}
}

/* ---- triggers ---- */

static bool (*self_check_as_made) (Oid relid, const char *name) = NULL;

/* How triggers are made is known to the room that makes them, above this one. */
void
hub_set_trigger_check(bool (*check) (Oid relid, const char *name))
{
	self_check_as_made = check;
}

/*
 * One trigger: what is expected and what is there, side by side.  Those on our
 * own tables and those left over from another hub are not expected.
 */
static void
self_check_trigger(SelfCheck *check, HeapTuple row, TupleDesc desc)
{
	bool		isnull;
	bool		unused;
	char		enabled = DatumGetChar(SPI_getbinval(row, desc, 2, &isnull));
	bool		expected = DatumGetBool(SPI_getbinval(row, desc, 3, &unused));
	bool		on_ours = DatumGetBool(SPI_getbinval(row, desc, 4, &unused));
	bool		always = DatumGetBool(SPI_getbinval(row, desc, 5, &unused));
	char	   *object = SPI_getvalue(row, desc, 1);

	if (isnull)
		self_check_row(check, "error", "trigger", object,
					   "It is missing: what happens to the table is not noticed.  The next decision makes it, or call attach() again.");
	else if (!expected && !on_ours)
		self_check_row(check, "warning", "trigger", object,
					   "It is left over from a hub that is not attached.  Call detach() again while that hub is stopped.");
	else if (enabled == TRIGGER_DISABLED || enabled == TRIGGER_FIRES_ON_REPLICA)
		self_check_row(check, "error", "trigger", object,
					   expected ? "It is disabled: what happens to the table is not noticed.  Call attach() again." :
					   "It is disabled: nothing is decided until it is enabled.");
	else if (always && enabled != TRIGGER_FIRES_ALWAYS)
		self_check_row(check, "warning", "trigger", object,
					   on_ours ? "It fires on the origin only, as after a restore with --disable-triggers: sessions on a replica do not hear of changes.  Call attach() again." :
					   "It fires on the origin only, as after a restore with --disable-triggers: what replication brings is not recorded.  Call attach() again.");
	else if (expected && self_check_as_made != NULL &&
			 !self_check_as_made(DatumGetObjectId(SPI_getbinval(row, desc, 6, &unused)),
								 SPI_getvalue(row, desc, 7)))
		self_check_row(check, "error", "trigger", object,
					   "It was changed and does not fire for all that it should: what happens to the table is not always noticed.  The next decision mends it, or call attach() again.");
}

static void
self_check_triggers(SelfCheck *check)
{
	static const Oid types[1] = {OIDOID};
	Datum		values[1];
	SpiFrame	frame;
	uint64		n;

	values[0] = ObjectIdGetDatum(module_schema_oid());
	spi_enter(&frame, module_owner());
	n = spi_run("WITH ours AS (SELECT g.tgname::text, g.tgrelid, g.tgenabled, p.proname::text, c.relnamespace, c.relname"
				" FROM pg_catalog.pg_trigger g JOIN pg_catalog.pg_proc p ON p.oid = g.tgfoid"
				" JOIN pg_catalog.pg_class c ON c.oid = g.tgrelid"
				" WHERE p.pronamespace = $1 AND NOT g.tgisinternal)"
				" SELECT coalesce(e.trigger_name, o.tgname) || ' on ' || coalesce(e.table_name, o.tgrelid::regclass)::text,"
				" o.tgenabled, e.trigger_name IS NOT NULL, coalesce(o.relnamespace = $1, false),"
				" (coalesce(o.relnamespace = $1 AND o.relname <> 'pending', false)"
				" OR coalesce(e.function_name = 'note_history', false)), o.tgrelid, o.tgname"
				" FROM jhub_authz._expected_triggers() e FULL JOIN ours o"
				" ON o.tgrelid = e.table_name AND o.tgname = e.trigger_name AND o.proname = e.function_name"
				" ORDER BY 1",
				1, types, values, NULL, true, false, 0);
	for (uint64 i = 0; i < n; i++)
		self_check_trigger(check, SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
	spi_leave(&frame);
}

/* ---- the release ---- */

/*
 * Releases that share a revision can still differ in a default role, and the
 * hub stores those at each start: does the stored role "admin" tell another
 * release than the one that we go by?
 */
static const CatalogueRelease *
self_check_release_by_role(const HubSchema *hub)
{
	const CatalogueRelease *result = NULL;
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	if (spi_run(psprintf("SELECT scopes FROM %s.roles WHERE name = 'admin'", hub->quoted),
				0, NULL, NULL, NULL, true, false, 1) > 0)
	{
		char	   *defect;
		const Scopeset *stored = hub_parse_scopes(SPI_getvalue(SPI_tuptable->vals[0],
															   SPI_tuptable->tupdesc, 1), &defect);

		for (int i = catalogue_release_count() - 1; i >= 0; i--)
		{
			const CatalogueRelease *release = catalogue_release(i);

			if (strcmp(release->revision, hub->revision) != 0 ||
				!scopeset_equal(stored, hub_parse_scopes(release->role_admin, &defect)))
				continue;
			if (result == NULL || release == hub->release)
				result = release;
		}
	}
	spi_leave(&frame);
	return result;
}

static void
self_check_release(SelfCheck *check)
{
	const HubSchema *hub = check->hub;
	const CatalogueRelease *by_revision = NULL;
	const CatalogueRelease *by_role;

	if (hub->revision[0] == '\0')
		self_check_row(check, "warning", "revision", NULL,
					   OidIsValid(hub->rel[HUB_ALEMBIC_VERSION]) ?
					   "alembic_version does not hold one revision." :
					   "There is no table alembic_version.");
	else
	{
		by_revision = catalogue_release_of_revision(hub->revision);
		if (by_revision == NULL)
			self_check_row(check, "warning", "revision", hub->revision,
						   "No known release of JupyterHub has this revision.");
	}

	if (hub->newer)
		self_check_row(check, "warning", "release", hub->release->name,
					   "With an unknown revision the hub counts as newer than every release that is known here: scopes that are not defined are kept.  The release was inferred from the columns of its tables.  Pin it with use_hub_release().");
	else if (hub_is_newer(hub, false))
		self_check_row(check, "warning", "release", hub->release->name,
					   "The hub is newer than every release that is known here.  Its new scopes are kept as they are, without subscopes.");
	else if (!hub->certain)
		self_check_row(check, "warning", "release", hub->release->name,
					   "The release was inferred from the columns of the hub's tables.  Pin it with use_hub_release().");
	else if (by_revision != NULL && strcmp(by_revision->revision, hub->release->revision) != 0)
		self_check_row(check, "warning", "release", hub->release->name,
					   psprintf("This release is pinned, but the database is one of JupyterHub %s.",
								by_revision->name));
	else
	{
		by_role = self_check_release_by_role(hub);
		if (by_role != NULL && by_role != hub->release)
			self_check_row(check, "warning", "release", hub->release->name,
						   psprintf("The role \"admin\" is that of JupyterHub %s, which has the same tables.  If that is what runs, pin it with use_hub_release().",
									by_role->name));
	}
}

/* ---- stored scopes ---- */

/*
 * A scope in the server's encoding, in quotes; as JSON writes it if that encoding
 * lacks one of its characters.
 */
static char *
self_check_quoted(const char *scope)
{
	text	   *there = module_text_if_representable(scope);
	StringInfoData json;

	if (there != NULL)
		return psprintf("\"%s\"", text_to_cstring(there));
	initStringInfo(&json);
	appendStringInfoChar(&json, '"');
	for (const unsigned char *p = (const unsigned char *) scope; *p; p += pg_utf_mblen(p))
	{
		pg_wchar	c = utf8_to_unicode(p);

		if (c < 0x80)
			appendStringInfoChar(&json, (char) c);
		else if (c < 0x10000)
			appendStringInfo(&json, "\\u%04x", c);
		else
			appendStringInfo(&json, "\\u%04x\\u%04x",
							 0xd800 + ((c - 0x10000) >> 10), 0xdc00 + ((c - 0x10000) & 0x3ff));
	}
	appendStringInfoChar(&json, '"');
	return json.data;
}

/* The first scope that does not exist, with what is alike, and how many there are. */
static char *
self_check_undefined_text(const Catalogue *catalogue, const Scopeset *undefined)
{
	ScopesetView view;
	ScopeIter	iter;
	ScopeMember member;
	StringInfoData scope;
	StringInfoData text;
	char	   *suggestion;

	scopeset_view(undefined, &view);
	scope_iter_init(&iter, undefined);
	if (!scope_iter_next(&iter, &member))
		return "";
	initStringInfo(&scope);
	initStringInfo(&text);
	scope_append(&scope, &member);
	appendStringInfo(&text, "Scope %s does not exist", self_check_quoted(scope.data));
	if (view.nmembers > 1)
		appendStringInfo(&text, ", nor do %d others", view.nmembers - 1);
	appendStringInfoChar(&text, '.');
	suggestion = catalogue_suggest(catalogue, &member);
	if (suggestion != NULL)
		appendStringInfo(&text, "  Perhaps %s was meant.", self_check_quoted(suggestion));
	return text.data;
}

static void
self_check_scopes(const char *object, const Scopeset *scopes, const char *defect, void *arg)
{
	SelfCheck  *check = arg;
	Scopeset   *undefined;

	if (defect != NULL && scopeset_is_empty(scopes))
	{
		self_check_row(check, "error", "stored_scopes", object,
					   psprintf("The stored scopes do not parse and count as none.  %s", defect));
		return;
	}
	if (defect != NULL)
		self_check_row(check, "warning", "stored_scopes", object,
					   psprintf("Not all of the stored scopes are scopes; those that are count.  %s", defect));
	undefined = catalogue_undefined(check->hub->catalogue, scopes);
	if (undefined != NULL)
		self_check_row(check, "warning", "undefined_scope", object,
					   self_check_undefined_text(check->hub->catalogue, undefined));
}

/* ---- tokens without a baseline ---- */

/* so many baselines are there at a time */
#define SELF_BASELINES	1000

typedef struct SelfBaseline
{
	int			token_id;
	bool		has_created;
	Timestamp	created;
} SelfBaseline;

/* Those that are next in order of token, in which tokens come, too. */
typedef struct SelfBaselines
{
	SelfCheck  *check;
	int			n;
	int			next;
	bool		last;			/* there are none after these */
	SelfBaseline rows[SELF_BASELINES];
} SelfBaselines;

/* The next baselines, from a token on. */
static void
self_check_read_baselines(SelfBaselines *baselines, int token_id)
{
	static const Oid types[2] = {INT4OID, INT8OID};
	Datum		values[2] = {Int32GetDatum(token_id), Int64GetDatum(SELF_BASELINES)};
	SpiFrame	frame;

	spi_enter(&frame, module_owner());
	baselines->n = (int) spi_run("SELECT token_id, created FROM jhub_authz.token_baselines"
								 " WHERE token_id >= $1 ORDER BY token_id LIMIT $2",
								 2, types, values, NULL, true, false, 0);
	for (int i = 0; i < baselines->n; i++)
	{
		SelfBaseline *baseline = &baselines->rows[i];
		bool		isnull;
		Datum		created = SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, &isnull);

		baseline->token_id = spi_int(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, 0);
		baseline->has_created = !isnull;
		baseline->created = isnull ? 0 : DatumGetTimestamp(created);
	}
	spi_leave(&frame);
	baselines->next = 0;
	baselines->last = baselines->n < SELF_BASELINES;
}

/* That of a token, or NULL. */
static const SelfBaseline *
self_check_baseline(SelfBaselines *baselines, int token_id)
{
	while (baselines->next < baselines->n && baselines->rows[baselines->next].token_id < token_id)
		baselines->next++;
	if (baselines->next == baselines->n && !baselines->last)
		self_check_read_baselines(baselines, token_id);
	return baselines->next < baselines->n && baselines->rows[baselines->next].token_id == token_id ?
		&baselines->rows[baselines->next] : NULL;
}

static void
self_check_token(HubToken *token, void *arg)
{
	SelfBaselines *baselines = arg;
	const SelfBaseline *baseline = self_check_baseline(baselines, token->id);

	if (baseline == NULL)
		self_check_row(baselines->check, "error", "baseline", psprintf("token %d", token->id),
					   "The token has no baseline: it is not known if it grew.  Call attach() again.");
	else if (baseline->has_created != token->has_created || baseline->created != token->created)
		self_check_row(baselines->check, "error", "baseline", psprintf("token %d", token->id),
					   "The baseline is of an earlier token with the same id.  Call attach() again.");
}

/* With mode off there need be none: nothing is judged. */
static void
self_check_baselines(SelfCheck *check)
{
	SelfBaselines *baselines = palloc0(sizeof(SelfBaselines));
	HubTokenWant want = {.all = true,.live_only = true};

	baselines->check = check;
	hub_each_token(check->hub, &want, false, self_check_token, baselines);
	pfree(baselines);
}

/* ---- policies of what is not there ---- */

static bool
self_check_policy_counts(const HubSchema *hub, const PolicyRow *row)
{
	switch (row->kind)
	{
		case POLICY_OF_GROUP:
			return !OidIsValid(hub->rel[HUB_GROUPS]) ||
				hub_name_of(hub, HUB_GROUPS, row->id) != NULL;
		case POLICY_OF_CLIENT:
			return !OidIsValid(hub->rel[HUB_OAUTH_CLIENTS]) ||
				hub_client_id(hub, row->name, false) != 0;
		default:
			return true;		/* tokens come and go */
	}
}

/* A group that was deleted and made anew is another one, and has no policy. */
static void
self_check_policies(SelfCheck *check)
{
	Settings	settings = *settings_get();

	settings_keep(&settings);
	for (int i = 0; i < settings.nnarrower; i++)
		if (!self_check_policy_counts(check->hub, &settings.narrower[i]))
			self_check_row(check, "warning", "policy", settings.narrower[i].target,
						   "What this policy is for is not there any more: it counts for nobody.  Remove it with set_policy(target).");
}

/* ---- a hub that comes by logical replication ---- */

/* The tables that a subscriber must get, as an oid[]. */
static Datum
self_check_replicated(const HubSchema *hub)
{
	Datum		rels[HUB_NTABLES];
	int			nrels = 0;

	for (int t = 0; t < HUB_NTABLES; t++)
	{
		int			n,
					nkeys;

		if (OidIsValid(hub->rel[t]) && hub_history_columns((HubTable) t, &n, &nkeys) != NULL)
			rels[nrels++] = ObjectIdGetDatum(hub->rel[t]);
	}
	return PointerGetDatum(construct_array(rels, nrels, OIDOID, sizeof(Oid), true, TYPALIGN_INT));
}

static void
self_check_subscription(SelfCheck *check, HubMode mode)
{
	static const Oid types[1] = {OIDARRAYOID};
	const char *subscription = NULL;
	const char *last = "";
	Datum		values[1];
	SpiFrame	frame;
	uint64		n;

	values[0] = self_check_replicated(check->hub);
	spi_enter(&frame, module_owner());
	n = spi_run("SELECT c.relname, s.subname, s.subenabled, r.srsubstate"
				" FROM unnest($1) t JOIN pg_catalog.pg_class c ON c.oid = t"
				" LEFT JOIN pg_catalog.pg_subscription_rel r ON r.srrelid = t"
				" LEFT JOIN pg_catalog.pg_subscription s ON s.oid = r.srsubid"
				" ORDER BY s.subname, c.relname", 1, types, values, NULL, true, false, 0);
	for (uint64 i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		char	   *table = SPI_getvalue(row, desc, 1);
		char	   *name = SPI_getvalue(row, desc, 2);

		/* tables without a subscription come last */
		if (name == NULL)
		{
			if (subscription != NULL)
				self_check_row(check, "warning", "replication", table,
							   psprintf("Subscription \"%s\" does not bring this table, as it does others: what happens to it in the hub is not known here.",
										subscription));
			continue;
		}
		if (strcmp(name, last) != 0)
		{
			if (strcmp(SPI_getvalue(row, desc, 3), "f") == 0)
				self_check_row(check, "error", "replication", name,
							   "The subscription is disabled: what happens in the hub is not known here.");
			if (mode != HUB_MODE_OFF)
				self_check_row(check, "warning", "replication", name,
							   "What this subscription brings is not decided here, whatever the mode.  Say so with set_mode('off').");
		}
		subscription = last = name;
		if (strcmp(SPI_getvalue(row, desc, 4), "r") != 0)
			self_check_row(check, "warning", "replication", table,
						   psprintf("Subscription \"%s\" has not brought the whole table yet.", name));
	}
	spi_leave(&frame);
}

/* ---- prepared transactions ---- */

/*
 * Prepared transactions that hold the lock of decisions, which is one on the
 * extension (see growth), or have written to a table of the hub.  A prepared
 * transaction has no pid in pg_locks; the lock on its own id tells which of the
 * virtual transactions it is.
 */
static void
self_check_prepared(SelfCheck *check)
{
	static const Oid types[3] = {OIDOID, OIDOID, OIDARRAYOID};
	Datum		rels[HUB_NTABLES];
	Datum		values[3];
	SpiFrame	frame;
	uint64		n;
	int			nrels = 0;

	for (int t = 0; t < HUB_NTABLES; t++)
		if (OidIsValid(check->hub->rel[t]))
			rels[nrels++] = ObjectIdGetDatum(check->hub->rel[t]);
	spi_enter(&frame, module_owner());
	values[0] = ObjectIdGetDatum(ExtensionRelationId);
	values[1] = ObjectIdGetDatum(module_extension_oid());
	values[2] = PointerGetDatum(construct_array(rels, nrels, OIDOID, sizeof(Oid), true, TYPALIGN_INT));
	n = spi_run("SELECT DISTINCT p.gid, p.owner, p.prepared FROM pg_catalog.pg_prepared_xacts p"
				" JOIN pg_catalog.pg_locks x ON x.locktype = 'transactionid' AND x.transactionid = p.transaction AND x.pid IS NULL"
				" JOIN pg_catalog.pg_locks l ON l.virtualtransaction = x.virtualtransaction AND l.pid IS NULL"
				" WHERE p.database = pg_catalog.current_database()"
				" AND (l.locktype = 'object' AND l.classid = $1 AND l.objid = $2"
				" OR l.locktype = 'relation' AND l.relation = ANY ($3) AND l.mode <> 'AccessShareLock')"
				" ORDER BY p.prepared, p.gid",
				3, types, values, NULL, true, false, 0);
	for (uint64 i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;

		self_check_row(check, "warning", "prepared_transaction", SPI_getvalue(row, desc, 1),
					   psprintf("Prepared by \"%s\" at %s, it holds up changes of grants.  COMMIT PREPARED or ROLLBACK PREPARED ends it.",
								SPI_getvalue(row, desc, 2), SPI_getvalue(row, desc, 3)));
	}
	spi_leave(&frame);
}

/* ---- what the hub's role was granted ---- */

/*
 * attach grants the owner of the hub's tables what is in this list (attach.c); an
 * update may bring more, and the tables may get another owner.
 */
static void
self_check_grants(SelfCheck *check)
{
	static const Oid types[1] = {OIDOID};
	Datum		values[1];
	SpiFrame	frame;
	bool		isnull;
	int64		n;

	if (check->hub->owner == module_owner() || superuser_arg(check->hub->owner))
		return;
	values[0] = ObjectIdGetDatum(check->hub->owner);
	spi_enter(&frame, module_owner());
	(void) spi_run("SELECT count(*), min(lacking.name COLLATE \"C\") FROM ("
				   "SELECT c.oid::regclass::text FROM pg_extension e, unnest(e.extconfig) AS c (oid)"
				   " WHERE e.extname = 'jhub_authz' AND NOT has_table_privilege($1, c.oid, 'SELECT')"
				   " UNION ALL SELECT p.oid::regprocedure::text FROM pg_proc p"
				   " WHERE p.pronamespace = 'jhub_authz'::regnamespace"
				   " AND p.proname IN ('note_change', 'narrow_token', 'resolve_token_roles', 'note_history')"
				   " AND NOT has_function_privilege($1, p.oid, 'EXECUTE')) AS lacking (name)",
				   1, types, values, NULL, true, false, 0);
	n = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &isnull));
	if (n > 0)
		self_check_row(check, "warning", "grant", GetUserNameFromId(check->hub->owner, false),
					   psprintf("The owner of the hub's tables has no right to %s%s, so that its pg_dump fails.  Call attach() again, as after each update of the extension.",
								SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2),
								n > 1 ? psprintf(" and " INT64_FORMAT " more", n - 1) : ""));
	spi_leave(&frame);
}

/* All checks; those of stored scopes look at every token, and can be left out. */
static void
self_check_all(FunctionCallInfo fcinfo, bool scopes)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const Settings *settings;
	SelfCheck	check;
	HubMode		mode;

	InitMaterializedSRF(fcinfo, 0);
	check.rows = rsinfo->setResult;
	check.desc = rsinfo->setDesc;
	check.hub = hub_schema(true, false);
	settings = settings_get();
	mode = settings->mode;
	if (!settings->attached)
		self_check_row(&check, "warning", "attached", NULL,
					   "No hub is attached: nothing is watched.");
	else
		self_check_tables(&check, pstrdup(settings->hub_schema));
	self_check_triggers(&check);
	if (check.hub != NULL)
	{
		self_check_release(&check);
		if (scopes)
			hub_each_scopes(check.hub, false, self_check_scopes, &check);
		if (mode != HUB_MODE_OFF)
			self_check_baselines(&check);
		self_check_policies(&check);
		self_check_subscription(&check, mode);
		self_check_prepared(&check);
		self_check_grants(&check);
	}
}

/* self_check() - rows (level, check_name, object, detail); none: all is well. */
Datum
jhub_authz_self_check(PG_FUNCTION_ARGS)
{
	self_check_all(fcinfo, true);
	return (Datum) 0;
}

/* _self_check() - likewise, without stored scopes: findings has those from orphaned_grants. */
Datum
jhub_authz__self_check(PG_FUNCTION_ARGS)
{
	self_check_all(fcinfo, false);
	return (Datum) 0;
}
