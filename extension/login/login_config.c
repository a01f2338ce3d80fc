/*-------------------------------------------------------------------------
 *
 * login_config.c
 *	  A provider, read back from its rows.
 *
 *-------------------------------------------------------------------------
 */
#include "login.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

typedef struct LoginReader
{
	MemoryContext context;		/* where the configuration is to live */
	Datum		provider[1];
} LoginReader;

static const Oid login_reader_types[1] = {TEXTOID};

/* A column in the configuration's context, or NULL. */
static char *
login_column(const LoginReader *reader, uint64 row, int column)
{
	MemoryContext spi = MemoryContextSwitchTo(reader->context);
	char	   *value = spi_utf8(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column);

	MemoryContextSwitchTo(spi);
	return value;
}

static bool
login_flag(uint64 row, int column)
{
	bool		isnull;
	Datum		value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc,
									  column, &isnull);

	return !isnull && DatumGetBool(value);
}

static uint64
login_query(const LoginReader *reader, const char *sql)
{
	return spi_run(sql, 1, login_reader_types, reader->provider, NULL, true, false, 0);
}

static void
login_read_provider(const LoginReader *reader, LoginConfig *config)
{
	int			family;
	const char *name;

	if (login_query(reader, "SELECT family, username_claim, groups_key, username_pattern,"
					" config_error, manage_groups, manage_roles, enable_auth_state,"
					" strip_domain, keep_case"
					" FROM jhub_authz.login_providers WHERE provider = $1") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("login provider \"%s\" does not exist",
						TextDatumGetCString(reader->provider[0])),
				 errhint("load_login_config makes one; the table jhub_authz.login_providers lists them.")));
	name = login_column(reader, 0, 1);
	family = settings_word(name, login_family_names);
	if (family < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("login family \"%s\" does not exist", name)));
	config->family = (LoginFamily) family;
	config->username_claim = login_column(reader, 0, 2);
	config->groups_key = login_column(reader, 0, 3);
	config->username_pattern = login_column(reader, 0, 4);
	config->config_error = login_column(reader, 0, 5);
	config->manage_groups = login_flag(0, 6);
	config->manage_roles = login_flag(0, 7);
	config->enable_auth_state = login_flag(0, 8);
	config->strip_domain = login_flag(0, 9);
	config->keep_case = login_flag(0, 10);
}

static void
login_read_rules(const LoginReader *reader, LoginConfig *config)
{
	uint64		n = login_query(reader, "SELECT rule_id, effect, kind, value, qualifier"
								" FROM jhub_authz.login_rules WHERE provider = $1");

	config->nrules = (int) n;
	config->rules = MemoryContextAllocHuge(reader->context, sizeof(LoginRule) * Max(n, 1));
	for (uint64 i = 0; i < n; i++)
	{
		LoginRule  *rule = &config->rules[i];
		bool		isnull;

		rule->id = DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[i], SPI_tuptable->tupdesc,
											   1, &isnull));
		rule->effect = (LoginEffect) settings_word(login_column(reader, i, 2),
												   login_effect_names);
		rule->kind = login_column(reader, i, 3);
		rule->value = login_column(reader, i, 4);
		rule->qualifier = login_column(reader, i, 5);
		rule->name = NULL;
	}
}

static void
login_read_idps(const LoginReader *reader, LoginConfig *config)
{
	uint64		n = login_query(reader, "SELECT idp, username_claim, action, argument,"
								" allowed_domains_claim"
								" FROM jhub_authz.login_idps WHERE provider = $1");

	config->nidps = (int) n;
	config->idps = MemoryContextAllocHuge(reader->context, sizeof(LoginIdp) * Max(n, 1));
	for (uint64 i = 0; i < n; i++)
	{
		config->idps[i].idp = login_column(reader, i, 1);
		config->idps[i].username_claim = login_column(reader, i, 2);
		config->idps[i].action = login_column(reader, i, 3);
		config->idps[i].argument = login_column(reader, i, 4);
		config->idps[i].allowed_domains_claim = login_column(reader, i, 5);
	}
}

static void
login_read_maps(const LoginReader *reader, LoginConfig *config)
{
	uint64		n = login_query(reader, "SELECT name, username"
								" FROM jhub_authz.login_username_maps WHERE provider = $1");

	config->nmaps = (int) n;
	config->map_from = MemoryContextAllocHuge(reader->context, sizeof(char *) * Max(n, 1));
	config->map_to = MemoryContextAllocHuge(reader->context, sizeof(char *) * Max(n, 1));
	for (uint64 i = 0; i < n; i++)
	{
		config->map_from[i] = login_column(reader, i, 1);
		config->map_to[i] = login_column(reader, i, 2);
	}
}

static void
login_read_pattern(LoginConfig *config)
{
	char	   *why;

	if (config->username_pattern == NULL)
		return;
	config->pattern = login_pattern_translate(config->username_pattern, config->strict, &why);
	if (config->pattern == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid username_pattern of login provider \"%s\"",
						module_from_utf8(config->provider, strlen(config->provider))),
				 errdetail("%s", why)));
}

LoginConfig *
login_config_read(const char *provider)
{
	LoginConfig *config = palloc0(sizeof(LoginConfig));
	LoginReader reader;
	SpiFrame	frame;

	config->provider = pstrdup(provider);
	config->strict = settings_get()->login_strict;
	reader.context = CurrentMemoryContext;
	reader.provider[0] = PointerGetDatum(module_text_from_utf8(provider, strlen(provider)));
	spi_enter(&frame, module_owner());
	login_read_provider(&reader, config);
	login_read_rules(&reader, config);
	login_read_idps(&reader, config);
	login_read_maps(&reader, config);
	spi_leave(&frame);
	login_read_pattern(config);
	login_config_finish(config);
	return config;
}

/* NULL first: it is nobody's. */
static int
login_compare_strings(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return (a != NULL) - (b != NULL);
	return strcmp(a, b);
}

static int
login_compare_rules(const void *a, const void *b)
{
	const LoginRule *x = a;
	const LoginRule *y = b;
	int			order = (int) x->effect - (int) y->effect;

	if (order == 0)
		order = strcmp(x->kind, y->kind);
	if (order == 0)
		order = login_compare_strings(x->value, y->value);
	if (order == 0)
		order = login_compare_strings(x->qualifier, y->qualifier);
	return order;
}

/*
 * The hub normalizes the names of admin_users and allowed_users when it starts,
 * but not those of blocked_users, which then may match nobody.
 */
void
login_config_finish(LoginConfig *config)
{
	qsort(config->rules, config->nrules, sizeof(LoginRule), login_compare_rules);
	for (int i = 0; i < config->nrules; i++)
	{
		LoginRule  *rule = &config->rules[i];

		if (strcmp(rule->kind, "user") == 0 && rule->value != NULL)
			rule->name = rule->effect == LOGIN_BLOCK && !config->strict ?
				rule->value : login_normalize(config, rule->value);
	}
}

const LoginRule *
login_rules(const LoginConfig *config, LoginEffect effect, const char *kind, int *n)
{
	int			first = 0;
	int			high = config->nrules;

	while (first < high)
	{
		int			middle = first + (high - first) / 2;
		const LoginRule *rule = &config->rules[middle];

		if (rule->effect < effect ||
			(rule->effect == effect && strcmp(rule->kind, kind) < 0))
			first = middle + 1;
		else
			high = middle;
	}
	for (*n = 0; first + *n < config->nrules; (*n)++)
		if (config->rules[first + *n].effect != effect ||
			strcmp(config->rules[first + *n].kind, kind) != 0)
			break;
	return *n > 0 ? &config->rules[first] : NULL;
}
