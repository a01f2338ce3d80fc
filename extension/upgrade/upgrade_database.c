/*-------------------------------------------------------------------------
 *
 * upgrade_database.c
 *	  What is known about databases of earlier releases: revisions, tables,
 *	  where they are, and their roles.
 *
 * What the two functions do with it is in upgrade_check.c and
 * upgrade_token_roles.c.
 *
 *-------------------------------------------------------------------------
 */
#include "upgrade.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

const char *const upgrade_maps[UPGRADE_NMAPS] = {
	"api_token_role_map", "oauth_client_role_map", "oauth_code_role_map"
};

const UpgradeColumn upgrade_columns[UPGRADE_NCOLUMNS] = {
	{"oauth_codes", "scopes"}, {"api_tokens", "scopes"}, {"oauth_clients", "allowed_scopes"}
};

/* Every revision of the hub's migrations, in their order, and where it stands. */
static const struct
{
	const char *revision;
	UpgradeEra	era;
	const char *releases;
}			upgrade_revisions[] = {
	{"19c0846f6344", UPGRADE_BEFORE, "JupyterHub 0.5"},
	{"eeb276e51423", UPGRADE_BEFORE, "JupyterHub 0.6"},
	{"af4cbdb2d13c", UPGRADE_BEFORE, "JupyterHub 0.7"},
	{"3ec6993fe20c", UPGRADE_BEFORE, "JupyterHub 0.8"},
	{"1cebaf56856c", UPGRADE_BEFORE, "a step between JupyterHub 0.8 and 0.9"},
	{"56cc5a70207e", UPGRADE_BEFORE, "a step between JupyterHub 0.8 and 0.9"},
	{"99a28a4418e1", UPGRADE_BEFORE, "a step between JupyterHub 0.8 and 0.9"},
	{"d68c98b66cd4", UPGRADE_BEFORE, "a step between JupyterHub 0.8 and 0.9"},
	{"896818069c98", UPGRADE_BEFORE, "JupyterHub 0.9"},
	{"4dc2d5a8c53c", UPGRADE_BEFORE, "JupyterHub 1.0 to 1.5"},
	{UPGRADE_REVISION_FROM, UPGRADE_ROLES, "JupyterHub 2.0 to 2.3"},
	{UPGRADE_REVISION_TO, UPGRADE_SCOPES, "JupyterHub 3.0 and 3.1"},
	{"0eee8c825d24", UPGRADE_SCOPES, "JupyterHub 4"},
	{"3c2384c5aae1", UPGRADE_SCOPES, "a step between JupyterHub 4 and 5"},
	{"4621fec11365", UPGRADE_SCOPES, "JupyterHub 5"},
	{"be8ecf03ddac", UPGRADE_SCOPES, "a step between JupyterHub 5 and 6"},
	{"afd65840b69e", UPGRADE_SCOPES, "a step between JupyterHub 5 and 6"},
	{"ff1860e38070", UPGRADE_SCOPES, "a step between JupyterHub 5 and 6"},
	{"f460b0348206", UPGRADE_SCOPES, "JupyterHub 6.0"},
};

/*
 * What a revision stands for; *releases names it.  One that the catalogue knows
 * and this list does not is of a release that came later.
 */
UpgradeEra
upgrade_era(const char *revision, const char **releases)
{
	const CatalogueRelease *release;

	for (int i = 0; i < (int) lengthof(upgrade_revisions); i++)
		if (strcmp(revision, upgrade_revisions[i].revision) == 0)
		{
			*releases = upgrade_revisions[i].releases;
			return upgrade_revisions[i].era;
		}
	release = catalogue_release_of_revision(revision);
	*releases = release ? psprintf("JupyterHub %s", release->name) : NULL;
	return release ? UPGRADE_SCOPES : UPGRADE_UNKNOWN;
}

char *
upgrade_schema(const char *given, char **several)
{
	MemoryContext caller = CurrentMemoryContext;
	const Settings *settings = settings_get();
	StringInfoData names;
	char	   *found = NULL;
	SpiFrame	frame;
	uint64		n;

	*several = NULL;
	if (given != NULL)
		return pstrdup(given);
	if (settings->attached)
		return pstrdup(settings->hub_schema);

	initStringInfo(&names);
	spi_enter(&frame, module_owner());
	n = spi_run("SELECT n.nspname FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON c.relnamespace = n.oid"
				" WHERE c.relname IN ('users', 'spawners', 'oauth_clients') AND c.relkind = 'r'"
				" AND n.nspname !~ '^pg_'"
				" GROUP BY n.nspname HAVING count(*) = 3 ORDER BY n.nspname",
				0, NULL, NULL, NULL, true, false, 0);
	for (uint64 i = 0; i < n; i++)
	{
		char	   *name = SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);

		if (n == 1)
			found = MemoryContextStrdup(caller, name);
		appendStringInfo(&names, "%s%s", i > 0 ? ", " : "", name);
	}
	spi_leave(&frame);
	if (n > 1)
		*several = names.data;
	return found;
}

/* Owner of an ordinary table; InvalidOid if it is none. */
Oid
upgrade_table_owner(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	Oid			owner = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		Form_pg_class form = (Form_pg_class) GETSTRUCT(tuple);

		if (form->relkind == RELKIND_RELATION)
			owner = form->relowner;
		ReleaseSysCache(tuple);
	}
	return owner;
}

char *
upgrade_revision(Oid schema)
{
	MemoryContext caller = CurrentMemoryContext;
	Oid			relid = get_relname_relid("alembic_version", schema);
	Oid			owner = OidIsValid(relid) ? upgrade_table_owner(relid) : InvalidOid;
	char	   *revision = "";
	SpiFrame	frame;

	if (!OidIsValid(owner) || get_attnum(relid, "version_num") == InvalidAttrNumber)
		return revision;
	spi_enter(&frame, owner);
	if (spi_run(psprintf("SELECT version_num FROM %s.alembic_version WHERE version_num IS NOT NULL",
						 quote_identifier(get_namespace_name(schema))),
				0, NULL, NULL, NULL, true, false, 2) == 1)
		revision = MemoryContextStrdup(caller, SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1));
	spi_leave(&frame);
	return revision;
}

/* ---- roles ---- */

/* The members of a JSON array of strings, for module_try. */
typedef struct UpgradeMembers
{
	const char *json;
	MemoryContext context;
	List	   *members;
} UpgradeMembers;

static void
upgrade_split(void *arg)
{
	UpgradeMembers *m = arg;
	static const Oid types[1] = {TEXTOID};
	Datum		values[1];
	uint64		n;

	values[0] = CStringGetTextDatum(m->json);
	n = spi_run("SELECT e #>> '{}', json_typeof(e) = 'string'"
				" FROM json_array_elements($1::json) AS e",
				1, types, values, NULL, true, false, 0);
	for (uint64 i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		bool		isnull;
		MemoryContext save;

		if (!DatumGetBool(SPI_getbinval(row, SPI_tuptable->tupdesc, 2, &isnull)))
			ereport(ERROR, (errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
							errmsg("not a string")));
		save = MemoryContextSwitchTo(m->context);
		m->members = lappend(m->members, SPI_getvalue(row, SPI_tuptable->tupdesc, 1));
		MemoryContextSwitchTo(save);
	}
}

static bool
upgrade_is_data_error(int sqlerrcode)
{
	return ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_DATA_EXCEPTION;
}

/*
 * What a role's scopes say where the type does not take them all: 2.x stored
 * whatever the configuration said, and its migration passes it on.
 */
static void
upgrade_read_odd(UpgradeRole *role, const char *json, MemoryContext context)
{
	UpgradeMembers members = {json, context, NIL};
	ScopeBuilder *builder;
	ListCell   *lc;

	if (!module_try(upgrade_split, &members, upgrade_is_data_error))
	{
		role->broken = true;
		return;
	}
	builder = scope_builder_create();
	foreach(lc, members.members)
	{
		char	   *utf8 = module_to_utf8(lfirst(lc));
		const char *defect;
		int			where;

		if (!scope_builder_add_text(builder, utf8, strlen(utf8), &defect, &where))
			role->odd = lappend(role->odd, lfirst(lc));
	}
	role->scopes = scope_builder_finish(builder, false);
}

/* All roles, with what their scopes say; read as the owner of the hub's tables. */
UpgradeRoles *
upgrade_read_roles(const HubSchema *hub)
{
	MemoryContext caller = CurrentMemoryContext;
	UpgradeRoles *roles = palloc0(sizeof(UpgradeRoles));
	MemoryContext spi;
	SpiFrame	frame;
	SPITupleTable *table;
	int			n;

	spi_enter(&frame, hub->owner);
	n = (int) spi_run(psprintf("SELECT id, name, scopes FROM %s.roles ORDER BY id", hub->quoted),
					  0, NULL, NULL, NULL, true, true, 0);
	table = SPI_tuptable;
	spi = MemoryContextSwitchTo(caller);
	roles->roles = palloc0(sizeof(UpgradeRole) * Max(n, 1));
	for (int i = 0; i < n; i++)
	{
		UpgradeRole *role = &roles->roles[roles->n++];
		char	   *json = SPI_getvalue(table->vals[i], table->tupdesc, 3);
		char	   *defect;

		role->id = spi_int(table->vals[i], table->tupdesc, 1, 0);
		role->name = spi_utf8(table->vals[i], table->tupdesc, 2);
		role->scopes = hub_parse_scopes(json, &defect);
		if (defect != NULL)
			upgrade_read_odd(role, json, caller);
		role->empty = !role->broken && role->odd == NIL && scopeset_is_empty(role->scopes);
	}
	MemoryContextSwitchTo(spi);
	spi_leave(&frame);
	return roles;
}

/* The role of an id, or NULL. */
UpgradeRole *
upgrade_role(const UpgradeRoles *roles, int id)
{
	int			lo = 0,
				hi = roles->n - 1;

	while (lo <= hi)
	{
		int			mid = (lo + hi) / 2;

		if (roles->roles[mid].id == id)
			return &roles->roles[mid];
		if (roles->roles[mid].id < id)
			lo = mid + 1;
		else
			hi = mid - 1;
	}
	return NULL;
}
