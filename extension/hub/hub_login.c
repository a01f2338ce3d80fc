/*-------------------------------------------------------------------------
 *
 * hub_login.c
 *	  What a login writes: the user's row, memberships and roles.
 *
 * What is to be is given whole, and compared in the statement that writes, so
 * that a login that changes nothing writes nothing and locks no row.  What it
 * should be is the login room's to know.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_private.h"
#include "hub_login.h"

#include "utils/lsyscache.h"

static Datum
hub_login_text(const char *utf8)
{
	return PointerGetDatum(module_text_from_utf8(utf8, strlen(utf8)));
}

/* ---- the user ---- */

static bool
hub_login_find(const HubSchema *hub, Datum name, HubLoginUser *user)
{
	static const Oid types[1] = {TEXTOID};

	if (spi_run(psprintf("SELECT id::int, coalesce(admin, false)::int FROM %s.users"
						 " WHERE name = $1", hub->quoted),
				1, types, &name, NULL, false, true, 1) == 0)
		return false;
	user->id = spi_int(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, 0);
	user->admin = spi_int(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 2, 0) != 0;
	return true;
}

/* As the hub makes one; somebody else's that is there first will do. */
static void
hub_login_insert(const HubSchema *hub, Datum name, bool admin)
{
	static const Oid types[3] = {TEXTOID, BOOLOID, TIMESTAMPOID};
	Datum		values[3];

	values[0] = name;
	values[1] = BoolGetDatum(admin);
	values[2] = TimestampGetDatum(hub_now());
	(void) spi_run(psprintf("INSERT INTO %s.users (name, admin, created, cookie_id)"
							" VALUES ($1, $2, $3, replace(gen_random_uuid()::text, '-', ''))"
							" ON CONFLICT (name) DO NOTHING", hub->quoted),
				   3, types, values, NULL, false, true, 0);
}

void
hub_login_user(const HubSchema *hub, const char *name, bool leave, bool admin,
			   HubLoginUser *user)
{
	static const Oid types[2] = {INT4OID, BOOLOID};
	Datum		who = hub_login_text(name);
	Datum		values[2];
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	if (!hub_login_find(hub, who, user))
	{
		hub_login_insert(hub, who, !leave && admin);
		if (!hub_login_find(hub, who, user))
			ereport(ERROR,
					(errcode(ERRCODE_TRIGGERED_ACTION_EXCEPTION),
					 errmsg("user \"%s\" was not made", TextDatumGetCString(who)),
					 errdetail("A trigger or rule on the hub's users took the row away.")));
	}
	if (!leave)
	{
		values[0] = Int32GetDatum(user->id);
		values[1] = BoolGetDatum(admin);
		(void) spi_run(psprintf("UPDATE %s.users SET admin = $2 WHERE id = $1"
								" AND admin IS DISTINCT FROM $2", hub->quoted),
					   2, types, values, NULL, false, true, 0);
		user->admin = admin;
	}
	spi_leave(&frame);
}

void
hub_login_no_auth_state(const HubSchema *hub, int user_id)
{
	static const Oid types[1] = {INT4OID};
	Datum		values[1] = {Int32GetDatum(user_id)};
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	(void) spi_run(psprintf("UPDATE %s.users SET encrypted_auth_state = NULL"
							" WHERE id = $1 AND encrypted_auth_state IS NOT NULL",
							hub->quoted),
				   1, types, values, NULL, false, true, 0);
	spi_leave(&frame);
}

/* ---- groups ---- */

void
hub_login_groups(const HubSchema *hub, int user_id, char *const *groups, int n)
{
	static const Oid types[2] = {TEXTARRAYOID, INT4OID};
	bool		properties = get_attnum(hub->rel[HUB_GROUPS], "properties") != InvalidAttrNumber;
	Datum		values[2];
	SpiFrame	frame;

	values[0] = spi_text_array(groups, n);
	values[1] = Int32GetDatum(user_id);
	spi_enter(&frame, hub->owner);
	/* properties as the hub's default for them is stored */
	(void) spi_run(psprintf("INSERT INTO %s.groups (name%s)"
							" SELECT n.name%s FROM unnest($1) AS n (name)"
							" WHERE NOT EXISTS (SELECT FROM %s.groups g WHERE g.name = n.name)"
							" ORDER BY n.name COLLATE \"C\" ON CONFLICT (name) DO NOTHING",
							hub->quoted, properties ? ", properties" : "",
							properties ? ", '{}'" : "", hub->quoted),
				   1, types, values, NULL, false, true, 0);
	(void) spi_run(psprintf("DELETE FROM %s.user_group_map m USING %s.groups g"
							" WHERE m.user_id = $2 AND g.id = m.group_id"
							" AND g.name <> ALL ($1)", hub->quoted, hub->quoted),
				   2, types, values, NULL, false, true, 0);
	(void) spi_run(psprintf("INSERT INTO %s.user_group_map (user_id, group_id)"
							" SELECT $2, g.id FROM %s.groups g WHERE g.name = ANY ($1)"
							" AND NOT EXISTS (SELECT FROM %s.user_group_map m"
							" WHERE m.user_id = $2 AND m.group_id = g.id)"
							" ORDER BY g.id ON CONFLICT DO NOTHING",
							hub->quoted, hub->quoted, hub->quoted),
				   2, types, values, NULL, false, true, 0);
	spi_leave(&frame);
}

/* ---- roles of a user ---- */

HubLoginRole *
hub_login_roles(const HubSchema *hub, int user_id, int *n)
{
	static const Oid types[1] = {INT4OID};
	Datum		values[1] = {Int32GetDatum(user_id)};
	MemoryContext caller = CurrentMemoryContext;
	HubLoginRole *roles;
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	*n = (int) spi_run(psprintf("SELECT r.name, %s FROM %s.user_role_map m"
								" JOIN %s.roles r ON r.id = m.role_id"
								" WHERE m.user_id = $1 ORDER BY r.name COLLATE \"C\"",
								hub->has_managed_by_auth ? "m.managed_by_auth::int" : "0",
								hub->quoted, hub->quoted),
					   1, types, values, NULL, false, true, 0);
	roles = MemoryContextAlloc(caller, sizeof(HubLoginRole) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
	{
		MemoryContext spi = MemoryContextSwitchTo(caller);

		roles[i].name = hub_utf8(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		roles[i].managed = spi_int(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, 0) != 0;
		MemoryContextSwitchTo(spi);
	}
	spi_leave(&frame);
	return roles;
}

static void
hub_login_check_roles(const HubSchema *hub, const Oid *types, const Datum *values)
{
	if (spi_run(psprintf("SELECT n.name FROM unnest($1) AS n (name)"
						 " WHERE NOT EXISTS (SELECT FROM %s.roles r WHERE r.name = n.name)"
						 " ORDER BY n.name COLLATE \"C\"", hub->quoted),
				1, types, values, NULL, false, true, 1) > 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role \"%s\" does not exist",
						SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1)),
				 errhint("The hub makes its default roles when it starts.")));
}

void
hub_login_set_roles(const HubSchema *hub, int user_id, const HubLoginRole *roles, int n)
{
	static const Oid types[3] = {TEXTARRAYOID, INT4OID, INT4ARRAYOID};
	char	  **names = palloc(sizeof(char *) * Max(n, 1));
	int		   *managed = palloc(sizeof(int) * Max(n, 1));
	Datum		values[3];
	SpiFrame	frame;

	for (int i = 0; i < n; i++)
	{
		names[i] = roles[i].name;
		managed[i] = roles[i].managed ? 1 : 0;
	}
	values[0] = spi_text_array(names, n);
	values[1] = Int32GetDatum(user_id);
	values[2] = spi_int_array(managed, n);
	spi_enter(&frame, hub->owner);
	hub_login_check_roles(hub, types, values);
	(void) spi_run(psprintf("DELETE FROM %s.user_role_map m USING %s.roles r"
							" WHERE m.user_id = $2 AND r.id = m.role_id"
							" AND r.name <> ALL ($1)", hub->quoted, hub->quoted),
				   2, types, values, NULL, false, true, 0);
	if (hub->has_managed_by_auth)
	{
		(void) spi_run(psprintf("UPDATE %s.user_role_map m SET managed_by_auth = n.managed <> 0"
								" FROM unnest($1, $3) AS n (name, managed)"
								" JOIN %s.roles r ON r.name = n.name"
								" WHERE m.user_id = $2 AND m.role_id = r.id"
								" AND m.managed_by_auth <> (n.managed <> 0)",
								hub->quoted, hub->quoted),
					   3, types, values, NULL, false, true, 0);
	}
	(void) spi_run(psprintf("INSERT INTO %s.user_role_map (user_id, role_id%s)"
							" SELECT $2, r.id%s FROM unnest($1, $3) AS n (name, managed)"
							" JOIN %s.roles r ON r.name = n.name"
							" WHERE NOT EXISTS (SELECT FROM %s.user_role_map m"
							" WHERE m.user_id = $2 AND m.role_id = r.id)"
							" ORDER BY r.id ON CONFLICT DO NOTHING",
							hub->quoted, hub->has_managed_by_auth ? ", managed_by_auth" : "",
							hub->has_managed_by_auth ? ", n.managed <> 0" : "",
							hub->quoted, hub->quoted),
				   3, types, values, NULL, false, true, 0);
	spi_leave(&frame);
}

/* ---- roles that an authenticator manages ---- */

/* New scopes: none, those given, or as they are if none or [] is given. */
#define HUB_LOGIN_SCOPES	"CASE WHEN $4 THEN NULL ELSE coalesce(nullif($3, '[]'), scopes) END"

void
hub_login_put_role(const HubSchema *hub, const HubLoginRoleSpec *role)
{
	static const Oid types[4] = {TEXTOID, TEXTOID, TEXTOID, BOOLOID};
	Datum		values[4] = {0};
	char		nulls[4] = {' ', ' ', ' ', ' '};
	SpiFrame	frame;

	values[0] = hub_login_text(role->name);
	if (role->description != NULL)
		values[1] = hub_login_text(role->description);
	else
		nulls[1] = 'n';
	if (role->scopes != NULL)
		values[2] = hub_login_text(role->scopes);
	else
		nulls[2] = 'n';
	values[3] = BoolGetDatum(role->no_scopes);
	spi_enter(&frame, hub->owner);
	if (spi_run(psprintf("SELECT FROM %s.roles WHERE name = $1", hub->quoted),
				1, types, values, NULL, false, true, 1) == 0)
		(void) spi_run(psprintf("INSERT INTO %s.roles (name, description, scopes, managed_by_auth)"
								" VALUES ($1, $2, coalesce($3, '[]'), true)"
								" ON CONFLICT (name) DO NOTHING", hub->quoted),
					   3, types, values, nulls, false, true, 0);
	else
		(void) spi_run(psprintf("UPDATE %s.roles SET description = coalesce($2, description),"
								" scopes = " HUB_LOGIN_SCOPES
								" WHERE name = $1 AND (description IS DISTINCT FROM coalesce($2, description)"
								" OR scopes IS DISTINCT FROM " HUB_LOGIN_SCOPES ")",
								hub->quoted),
					   4, types, values, nulls, false, true, 0);
	spi_leave(&frame);
}

typedef struct HubLoginMap
{
	HubTable	table;
	const char *map;
	const char *column;
} HubLoginMap;

void
hub_login_role_members(const HubSchema *hub, const char *role, HubTable table,
					   char *const *names, int n, int except_user)
{
	static const HubLoginMap maps[] = {
		{HUB_USERS, "user_role_map", "user_id"},
		{HUB_GROUPS, "group_role_map", "group_id"},
		{HUB_SERVICES, "service_role_map", "service_id"}
	};
	static const Oid types[3] = {TEXTOID, TEXTARRAYOID, INT4OID};
	const HubLoginMap *map = &maps[table == HUB_USERS ? 0 : table == HUB_GROUPS ? 1 : 2];
	Datum		values[3];
	SpiFrame	frame;

	values[0] = hub_login_text(role);
	values[1] = spi_text_array(names, n);
	values[2] = Int32GetDatum(except_user);
	spi_enter(&frame, hub->owner);
	(void) spi_run(psprintf("DELETE FROM %s.%s m USING %s.roles r, %s.%s e"
							" WHERE r.name = $1 AND m.role_id = r.id AND e.id = m.%s"
							" AND e.name <> ALL ($2) AND m.%s <> $3",
							hub->quoted, map->map, hub->quoted, hub->quoted,
							hub_table_name(table), map->column, map->column),
				   3, types, values, NULL, false, true, 0);
	(void) spi_run(psprintf("INSERT INTO %s.%s (%s, role_id%s)"
							" SELECT e.id, r.id%s FROM %s.roles r, %s.%s e"
							" WHERE r.name = $1 AND e.name = ANY ($2) AND e.id <> $3"
							" AND NOT EXISTS (SELECT FROM %s.%s m"
							" WHERE m.role_id = r.id AND m.%s = e.id)"
							" ORDER BY e.id ON CONFLICT DO NOTHING",
							hub->quoted, map->map, map->column,
							hub->has_managed_by_auth ? ", managed_by_auth" : "",
							hub->has_managed_by_auth ? ", false" : "",
							hub->quoted, hub->quoted, hub_table_name(table),
							hub->quoted, map->map, map->column),
				   3, types, values, NULL, false, true, 0);
	spi_leave(&frame);
}

void
hub_login_drop_roles(const HubSchema *hub, char *const *names, int n)
{
	static const Oid types[1] = {TEXTARRAYOID};
	Datum		values[1] = {spi_text_array(names, n)};
	SpiFrame	frame;

	spi_enter(&frame, hub->owner);
	(void) spi_run(psprintf("DELETE FROM %s.roles r WHERE r.name = ANY ($1) AND r.managed_by_auth"
							" AND NOT EXISTS (SELECT FROM %s.user_role_map m WHERE m.role_id = r.id)"
							" AND NOT EXISTS (SELECT FROM %s.group_role_map m WHERE m.role_id = r.id)"
							" AND NOT EXISTS (SELECT FROM %s.service_role_map m WHERE m.role_id = r.id)",
							hub->quoted, hub->quoted, hub->quoted, hub->quoted),
				   1, types, values, NULL, false, true, 0);
	spi_leave(&frame);
}
