/*-------------------------------------------------------------------------
 *
 * login_store.c
 *	  Providers as rows: written so that a rule that stays keeps its id.
 *
 *-------------------------------------------------------------------------
 */
#include "login.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

static Datum
login_text(const char *utf8, char *null)
{
	*null = utf8 != NULL ? ' ' : 'n';
	return utf8 != NULL ? PointerGetDatum(module_text_from_utf8(utf8, strlen(utf8))) : (Datum) 0;
}

/* Columns of text[], a row at a time. */
static void
login_accum(ArrayBuildState **column, const char *utf8)
{
	char		null;
	Datum		value = login_text(utf8, &null);

	*column = accumArrayResult(*column, value, null == 'n', TEXTOID, CurrentMemoryContext);
}

static void
login_finish_columns(ArrayBuildState **columns, int n, Datum *values)
{
	for (int i = 0; i < n; i++)
		values[i] = columns[i] != NULL ? makeArrayResult(columns[i], CurrentMemoryContext) :
			PointerGetDatum(construct_empty_array(TEXTOID));
}

static void
login_store_provider(const LoginConfig *config)
{
	static const Oid types[11] = {
		TEXTOID, TEXTOID, TEXTOID, TEXTOID, BOOLOID, BOOLOID, BOOLOID, BOOLOID, BOOLOID,
		TEXTOID, TEXTOID
	};
	Datum		values[11];
	char		nulls[11];

	memset(nulls, ' ', sizeof(nulls));
	values[0] = login_text(config->provider, &nulls[0]);
	values[1] = login_text(login_family_names[config->family], &nulls[1]);
	values[2] = login_text(config->username_claim, &nulls[2]);
	values[3] = login_text(config->groups_key, &nulls[3]);
	values[4] = BoolGetDatum(config->manage_groups);
	values[5] = BoolGetDatum(config->manage_roles);
	values[6] = BoolGetDatum(config->enable_auth_state);
	values[7] = BoolGetDatum(config->strip_domain);
	values[8] = BoolGetDatum(config->keep_case);
	values[9] = login_text(config->username_pattern, &nulls[9]);
	values[10] = login_text(config->config_error, &nulls[10]);
	(void) spi_run("INSERT INTO jhub_authz.login_providers"
				   " (provider, family, username_claim, groups_key, manage_groups, manage_roles,"
				   " enable_auth_state, strip_domain, keep_case, username_pattern, config_error)"
				   " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"
				   " ON CONFLICT (provider) DO UPDATE SET"
				   " family = EXCLUDED.family, username_claim = EXCLUDED.username_claim,"
				   " groups_key = EXCLUDED.groups_key, manage_groups = EXCLUDED.manage_groups,"
				   " manage_roles = EXCLUDED.manage_roles,"
				   " enable_auth_state = EXCLUDED.enable_auth_state,"
				   " strip_domain = EXCLUDED.strip_domain, keep_case = EXCLUDED.keep_case,"
				   " username_pattern = EXCLUDED.username_pattern,"
				   " config_error = EXCLUDED.config_error",
				   11, types, values, nulls, false, false, 0);
}

/* In the order of the document's rules, but what is new only. */
static void
login_store_rules(const LoginConfig *config)
{
	static const Oid types[5] = {TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID};
	ArrayBuildState *columns[4] = {NULL};
	Datum		values[5];
	char		null;

	for (int i = 0; i < config->nrules; i++)
	{
		login_accum(&columns[0], login_effect_names[config->rules[i].effect]);
		login_accum(&columns[1], config->rules[i].kind);
		login_accum(&columns[2], config->rules[i].value);
		login_accum(&columns[3], config->rules[i].qualifier);
	}
	values[0] = login_text(config->provider, &null);
	login_finish_columns(columns, 4, values + 1);
	/* grouped, not joined: NULLs are equal, and it does not take each with each */
	(void) spi_run("DELETE FROM jhub_authz.login_rules r USING ("
				   "SELECT min(u.rule_id) AS rule_id FROM ("
				   "SELECT rule_id, effect, kind, value, qualifier FROM jhub_authz.login_rules"
				   " WHERE provider = $1"
				   " UNION ALL SELECT NULL, n.* FROM unnest($2, $3, $4, $5) AS n) AS u"
				   " GROUP BY u.effect, u.kind, u.value, u.qualifier"
				   " HAVING count(*) = count(u.rule_id)) AS o"
				   " WHERE r.rule_id = o.rule_id",
				   5, types, values, NULL, false, false, 0);
	(void) spi_run("INSERT INTO jhub_authz.login_rules (provider, effect, kind, value, qualifier)"
				   " SELECT $1, n.* FROM ("
				   "SELECT * FROM unnest($2, $3, $4, $5)"
				   " EXCEPT SELECT effect, kind, value, qualifier FROM jhub_authz.login_rules"
				   " WHERE provider = $1) AS n (effect, kind, value, qualifier)"
				   " ORDER BY n.effect COLLATE \"C\", n.kind COLLATE \"C\","
				   " n.qualifier COLLATE \"C\", n.value COLLATE \"C\"",
				   5, types, values, NULL, false, false, 0);
}

static void
login_store_idps(const LoginConfig *config)
{
	static const Oid types[6] = {
		TEXTOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID
	};
	ArrayBuildState *columns[5] = {NULL};
	Datum		values[6];
	char		null;

	for (int i = 0; i < config->nidps; i++)
	{
		login_accum(&columns[0], config->idps[i].idp);
		login_accum(&columns[1], config->idps[i].username_claim);
		login_accum(&columns[2], config->idps[i].action);
		login_accum(&columns[3], config->idps[i].argument);
		login_accum(&columns[4], config->idps[i].allowed_domains_claim);
	}
	values[0] = login_text(config->provider, &null);
	login_finish_columns(columns, 5, values + 1);
	(void) spi_run("DELETE FROM jhub_authz.login_idps WHERE provider = $1",
				   1, types, values, NULL, false, false, 0);
	(void) spi_run("INSERT INTO jhub_authz.login_idps"
				   " (provider, idp, username_claim, action, argument, allowed_domains_claim)"
				   " SELECT $1, n.* FROM unnest($2, $3, $4, $5, $6) AS n",
				   6, types, values, NULL, false, false, 0);
}

static void
login_store_maps(const LoginConfig *config)
{
	static const Oid types[3] = {TEXTOID, TEXTARRAYOID, TEXTARRAYOID};
	ArrayBuildState *columns[2] = {NULL};
	Datum		values[3];
	char		null;

	for (int i = 0; i < config->nmaps; i++)
	{
		login_accum(&columns[0], config->map_from[i]);
		login_accum(&columns[1], config->map_to[i]);
	}
	values[0] = login_text(config->provider, &null);
	login_finish_columns(columns, 2, values + 1);
	(void) spi_run("DELETE FROM jhub_authz.login_username_maps WHERE provider = $1",
				   1, types, values, NULL, false, false, 0);
	(void) spi_run("INSERT INTO jhub_authz.login_username_maps (provider, name, username)"
				   " SELECT $1, n.* FROM unnest($2, $3) AS n",
				   3, types, values, NULL, false, false, 0);
}

void
login_store(const LoginConfig *config)
{
	SpiFrame	frame;

	spi_enter(&frame, module_owner());
	login_store_provider(config);
	login_store_rules(config);
	login_store_idps(config);
	login_store_maps(config);
	spi_leave(&frame);
}

bool
login_drop(const char *provider)
{
	static const Oid types[1] = {TEXTOID};
	Datum		values[1];
	char		null;
	bool		found;
	SpiFrame	frame;

	values[0] = login_text(provider, &null);
	spi_enter(&frame, module_owner());
	found = spi_run("DELETE FROM jhub_authz.login_providers WHERE provider = $1 RETURNING provider",
					1, types, values, NULL, false, false, 0) > 0;
	spi_leave(&frame);
	return found;
}
