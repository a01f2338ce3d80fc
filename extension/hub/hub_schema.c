/*-------------------------------------------------------------------------
 *
 * hub_schema.c
 *	  Which tables and columns the attached hub has, and its release.
 *
 * All of it is read at each call: the tables and columns from the system
 * caches, alembic's revision by a look at its one row.  So nothing here has to
 * be invalidated when the hub is upgraded, also on a standby.
 *
 * A hub's database is told by its revision.  Where that is missing or is not
 * one that we know (a newer hub, a migration half way), the columns say which
 * release is nearest, and the answer is marked as not certain.
 *
 *-------------------------------------------------------------------------
 */
#include "hub.h"

#include "access/htup_details.h"
#include "access/parallel.h"
#include "access/table.h"
#include "access/tableam.h"
#include "catalog/namespace.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"

#include "../module/init.h"
#include "hub_private.h"

typedef struct HubTableInfo
{
	const char *name;
	bool		required;
	const char *columns[7];		/* those that every release has; NULL ends */
} HubTableInfo;

static const HubTableInfo hub_tables[HUB_NTABLES] = {
	[HUB_USERS] = {"users", true, {"id", "name", "admin"}},
	[HUB_GROUPS] = {"groups", true, {"id", "name"}},
	[HUB_SERVICES] = {"services", true, {"id", "name", "admin", "oauth_client_id"}},
	[HUB_ROLES] = {"roles", true, {"id", "name", "scopes"}},
	[HUB_USER_ROLE_MAP] = {"user_role_map", true, {"user_id", "role_id"}},
	[HUB_GROUP_ROLE_MAP] = {"group_role_map", true, {"group_id", "role_id"}},
	[HUB_SERVICE_ROLE_MAP] = {"service_role_map", true, {"service_id", "role_id"}},
	[HUB_USER_GROUP_MAP] = {"user_group_map", true, {"user_id", "group_id"}},
	[HUB_SPAWNERS] = {"spawners", true, {"id", "user_id", "name", "oauth_client_id"}},
	[HUB_OAUTH_CLIENTS] = {"oauth_clients", true, {"id", "identifier"}},
	[HUB_OAUTH_CODES] = {"oauth_codes", true, {"id", "client_id", "user_id"}},
	[HUB_API_TOKENS] = {"api_tokens", true, {"id", "user_id", "service_id",
	"client_id", "created", "expires_at"}},
	[HUB_SHARES] = {"shares", false, {"id", "user_id", "group_id", "spawner_id",
	"scopes", "expires_at"}},
	[HUB_SHARE_CODES] = {"share_codes", false, {"id", "spawner_id", "scopes"}},
	[HUB_ALEMBIC_VERSION] = {"alembic_version", false, {"version_num"}},
	[HUB_TOKEN_ROLE_MAP] = {"api_token_role_map", false, {"api_token_id", "role_id"}},
};

/* Alembic heads of the releases whose columns are told apart below. */
#define HUB_REVISION_2		"833da8570507"
#define HUB_REVISION_3		"651f5419b74d"
#define HUB_REVISION_4		"0eee8c825d24"
#define HUB_REVISION_5		"4621fec11365"

void
hub_init(void)
{
	hub_scope_users_init();
}

const char *
hub_table_name(HubTable table)
{
	Assert(table < HUB_NTABLES);
	return hub_tables[table].name;
}

bool
hub_table_required(HubTable table)
{
	Assert(table < HUB_NTABLES);
	return hub_tables[table].required;
}

/*
 * Oid of the relation of a hub table's name, with its kind and owner; InvalidOid
 * if there is none.
 */
static Oid
hub_lookup_table(Oid schema, HubTable table, char *relkind, Oid *owner)
{
	Oid			relid = get_relname_relid(hub_tables[table].name, schema);
	HeapTuple	tuple;
	Form_pg_class form;

	if (!OidIsValid(relid))
		return InvalidOid;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	if (!HeapTupleIsValid(tuple))
		return InvalidOid;		/* dropped meanwhile */
	form = (Form_pg_class) GETSTRUCT(tuple);
	*relkind = form->relkind;
	*owner = form->relowner;
	ReleaseSysCache(tuple);
	return relid;
}

char *
hub_table_defect(Oid schema, Oid owner, HubTable table)
{
	char		relkind;
	Oid			table_owner;
	Oid			relid = hub_lookup_table(schema, table, &relkind, &table_owner);

	if (!OidIsValid(relid))
		return NULL;
	if (relkind != RELKIND_RELATION)
		return pstrdup("It is not an ordinary table.");
	if (!OidIsValid(owner))
	{
		char		users_kind;

		if (!OidIsValid(hub_lookup_table(schema, HUB_USERS, &users_kind, &owner)))
			owner = table_owner;
	}
	if (table_owner != owner)
		return psprintf("Its owner is \"%s\", that of the hub's other tables is \"%s\".",
						GetUserNameFromId(table_owner, true), GetUserNameFromId(owner, true));
	for (int i = 0; i < (int) lengthof(hub_tables[table].columns) && hub_tables[table].columns[i]; i++)
		if (get_attnum(relid, hub_tables[table].columns[i]) == InvalidAttrNumber)
			return psprintf("It has no column \"%s\".", hub_tables[table].columns[i]);
	return NULL;
}

double
hub_rows_estimate(const HubSchema *hub, HubTable table, double unknown)
{
	double		rows = module_rows(hub->rel[table]);

	return rows < 0 ? unknown : rows;
}

bool
hub_table_has_children(Oid schema, HubTable table)
{
	Oid			relid = get_relname_relid(hub_tables[table].name, schema);

	return OidIsValid(relid) && find_inheritance_children(relid, NoLock) != NIL;
}

/* Find the tables; false if this is no hub's schema. */
static bool
hub_find_tables(HubSchema *hub)
{
	bool		complete = true;

	for (int t = 0; t < HUB_NTABLES; t++)
	{
		char		relkind;
		Oid			owner;
		Oid			relid = hub_lookup_table(hub->oid, (HubTable) t, &relkind, &owner);

		if (OidIsValid(relid) && relkind == RELKIND_RELATION)
		{
			/* users comes first and says whose the others have to be */
			if (t == HUB_USERS)
				hub->owner = owner;
			if (owner == hub->owner)
				hub->rel[t] = relid;
		}
		if (hub_tables[t].required && !OidIsValid(hub->rel[t]))
			complete = false;
	}
	return complete;
}

static bool
hub_has_column(const HubSchema *hub, HubTable table, const char *column)
{
	return OidIsValid(hub->rel[table]) &&
		get_attnum(hub->rel[table], column) != InvalidAttrNumber;
}

/* Does the hub have every column that the newest release brought? */
static bool
hub_has_newest_columns(const HubSchema *hub)
{
	return hub_has_column(hub, HUB_OAUTH_CODES, "code_challenge") &&
		hub_has_column(hub, HUB_SERVICES, "timeout") &&
		hub_has_column(hub, HUB_SPAWNERS, "display_name") &&
		hub_has_column(hub, HUB_USERS, "user_info");
}

/* The nearest release by the columns alone. */
static const CatalogueRelease *
hub_release_by_columns(const HubSchema *hub)
{
	if (!hub->has_token_scopes)
		return catalogue_release_of_revision(HUB_REVISION_2);
	if (!hub_has_column(hub, HUB_GROUPS, "properties"))
		return catalogue_release_of_revision(HUB_REVISION_3);
	if (!hub->has_managed_by_auth)
		return catalogue_release_of_revision(HUB_REVISION_4);
	if (!hub_has_newest_columns(hub))
		return catalogue_release_of_revision(HUB_REVISION_5);
	return catalogue_newest_release();
}

/*
 * The one row of alembic_version; "" if there are none, or several (as while
 * branches are merged).
 *
 * The table is scanned here, without a query: it is one page, this runs at each
 * call of nearly every function, and a version is nobody's secret, so that no
 * right is needed for it.  The lock is given back at once, to be in the way of
 * no migration.
 */
static void
hub_read_revision(HubSchema *hub, bool latest)
{
	Relation	rel = NULL;
	AttrNumber	attnum = InvalidAttrNumber;
	Snapshot	snapshot;
	TableScanDesc scan;
	TupleTableSlot *slot;
	int			rows = 0;

	if (OidIsValid(hub->rel[HUB_ALEMBIC_VERSION]))
		rel = try_table_open(hub->rel[HUB_ALEMBIC_VERSION], AccessShareLock);
	if (rel == NULL)
		return;

	for (int i = 0; i < RelationGetNumberOfAttributes(rel); i++)
	{
		Form_pg_attribute att = TupleDescAttr(RelationGetDescr(rel), i);

		if (!att->attisdropped && strcmp(NameStr(att->attname), "version_num") == 0 &&
			(att->atttypid == VARCHAROID || att->atttypid == TEXTOID))
			attnum = att->attnum;
	}

	if (attnum != InvalidAttrNumber)
	{
		/* the latest snapshot can't be taken in parallel mode, see spi.c */
		if (!ActiveSnapshotSet() || (latest && !IsInParallelMode()))
			snapshot = RegisterSnapshot(GetLatestSnapshot());
		else
			snapshot = RegisterSnapshot(GetActiveSnapshot());
		slot = table_slot_create(rel, NULL);
		scan = table_beginscan(rel, snapshot, 0, NULL);
		while (table_scan_getnextslot(scan, ForwardScanDirection, slot))
		{
			bool		isnull;
			Datum		value = slot_getattr(slot, attnum, &isnull);

			if (!isnull && ++rows == 1)
			{
				char	   *revision = TextDatumGetCString(value);

				strlcpy(hub->revision, revision, sizeof(hub->revision));
				pfree(revision);
			}
		}
		table_endscan(scan);
		ExecDropSingleTupleTableSlot(slot);
		UnregisterSnapshot(snapshot);
		if (rows != 1)
			hub->revision[0] = '\0';
	}
	table_close(rel, AccessShareLock);
}

/* Which release is in force?  pinned may be NULL. */
static void
hub_decide_release(HubSchema *hub, const char *pinned)
{
	const CatalogueRelease *by_revision = NULL;

	if (hub->revision[0] != '\0')
		by_revision = catalogue_release_of_revision(hub->revision);
	hub->newer = hub->revision[0] != '\0' && by_revision == NULL;

	if (pinned != NULL && (hub->release = catalogue_release_named(pinned)) != NULL)
		hub->certain = true;
	else if (by_revision != NULL)
	{
		hub->release = by_revision;
		hub->certain = true;
	}
	else
		hub->release = hub_release_by_columns(hub);
	if (hub->release == NULL)
		hub->release = catalogue_newest_release();
}

/*
 * Everything of a HubSchema; *missing says why not (a HubTable), or is
 * HUB_NTABLES when the schema itself is not there.
 */
static HubSchema *
hub_schema_build(const char *schema_name, const char *pinned, bool latest,
				 HubTable *missing)
{
	HubSchema  *hub = palloc0(sizeof(HubSchema));

	*missing = HUB_NTABLES;
	hub->oid = get_namespace_oid(schema_name, true);
	if (!OidIsValid(hub->oid))
		return NULL;
	strlcpy(hub->name, schema_name, NAMEDATALEN);
	strlcpy(hub->quoted, quote_identifier(schema_name), sizeof(hub->quoted));
	if (!hub_find_tables(hub))
	{
		for (*missing = 0; *missing < HUB_NTABLES; (*missing)++)
			if (hub_tables[*missing].required && !OidIsValid(hub->rel[*missing]))
				break;
		return NULL;
	}
	hub->has_token_scopes = hub_has_column(hub, HUB_API_TOKENS, "scopes");
	hub->has_allowed_scopes = hub_has_column(hub, HUB_OAUTH_CLIENTS, "allowed_scopes");
	hub->has_managed_by_auth = hub_has_column(hub, HUB_ROLES, "managed_by_auth");
	hub_read_revision(hub, latest);
	hub_decide_release(hub, pinned);
	hub->catalogue = catalogue_get(hub->release);
	return hub;
}

/* As hub_schema_of, with a release that is pinned, or NULL. */
HubSchema *
hub_schema_pinned(const char *schema_name, const char *pinned,
				  bool missing_ok, bool latest)
{
	HubTable	missing;
	HubSchema  *hub = hub_schema_build(schema_name, pinned, latest, &missing);

	if (hub == NULL && !missing_ok)
	{
		if (missing == HUB_NTABLES)
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("schema \"%s\" does not exist", schema_name)));
		else
		{
			char	   *defect = hub_table_defect(get_namespace_oid(schema_name, false),
												  InvalidOid, missing);

			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("schema \"%s\" does not hold a JupyterHub database", schema_name),
					 defect ? errdetail("Table \"%s\" cannot be used.  %s", hub_tables[missing].name, defect)
					 : errdetail("There is no table \"%s\".", hub_tables[missing].name)));
		}
	}
	return hub;
}

HubSchema *
hub_schema_of(const char *schema_name, bool missing_ok, bool latest)
{
	const Settings *settings = settings_get();
	char	   *pinned = settings->pinned_release ? pstrdup(settings->pinned_release) : NULL;

	return hub_schema_pinned(schema_name, pinned, missing_ok, latest);
}

HubSchema *
hub_schema(bool missing_ok, bool latest)
{
	const Settings *settings = settings_get();
	char		name[NAMEDATALEN];

	if (!settings->attached)
	{
		if (missing_ok)
			return NULL;
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no hub is attached"),
				 errhint("Use jhub_authz.attach().")));
	}
	strlcpy(name, settings->hub_schema, NAMEDATALEN);
	return hub_schema_of(name, missing_ok, latest);
}

HubTable
hub_table_of(const HubSchema *hub, Oid relid)
{
	for (int t = 0; t < HUB_NTABLES; t++)
		if (OidIsValid(relid) && hub->rel[t] == relid)
			return (HubTable) t;
	return HUB_NTABLES;
}

const Catalogue *
hub_catalogue(void)
{
	HubSchema  *hub = hub_schema(true, false);
	const char *pinned;
	const CatalogueRelease *release = NULL;

	if (hub != NULL)
		return hub->catalogue;
	pinned = settings_get()->pinned_release;
	if (pinned != NULL)
		release = catalogue_release_named(pinned);
	return catalogue_get(release ? release : catalogue_newest_release());
}

/* Is a scope's base in no release and no custom scope's name? */
static bool
hub_is_base_unknown(const ScopeMember *member)
{
	static const char custom[] = "custom:";

	/* the dictionary has every base of every release */
	return member->base_id < 0 &&
		!(member->base_len >= (int) strlen(custom) &&
		  memcmp(member->base, custom, strlen(custom)) == 0);
}

bool
hub_is_newer(const HubSchema *hub, bool latest)
{
	MemoryContext caller = CurrentMemoryContext;
	SpiFrame	frame;
	uint64		n;
	bool		result = hub->newer;

	if (result)
		return true;
	spi_enter(&frame, hub->owner);
	n = spi_run(psprintf("SELECT scopes FROM %s.roles WHERE name IN ('user', 'admin', 'server', 'token')",
						 hub->quoted),
				0, NULL, NULL, NULL, true, latest, 0);
	for (uint64 i = 0; i < n && !result; i++)
	{
		char	   *defect;
		ScopeIter	iter;
		ScopeMember member;

		scope_iter_init(&iter, hub_parse_scopes(SPI_getvalue(SPI_tuptable->vals[i],
															 SPI_tuptable->tupdesc, 1),
												&defect));
		while (!result && scope_iter_next(&iter, &member))
			result = hub_is_base_unknown(&member);
	}
	spi_leave(&frame);
	MemoryContextSwitchTo(caller);
	return result;
}
