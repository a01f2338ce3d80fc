/*-------------------------------------------------------------------------
 *
 * settings.c
 *	  Mode, options and policies: kept in tables, cached in the backend.
 *
 * Everything that influences what is stored or decided is a row of ours, is
 * dumped with the database, and is no setting of a session.  The defaults are
 * in this file alone; the views options and token_policies lay the stored rows
 * over them.
 *
 * Whether a transaction has to look at assertions with a veto is kept here too.
 *
 * The cache is filled with the latest snapshot.  When one of these tables changes
 * (a statement trigger on each sends a relcache invalidation for "attachment") it
 * is filled anew, unless no transaction has ended since and ours has written
 * nothing.  A decision reads past the cache, under its lock.
 *
 *-------------------------------------------------------------------------
 */
#include "module.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "init.h"

PG_FUNCTION_INFO_V1(jhub_authz__settings_changed);
PG_FUNCTION_INFO_V1(jhub_authz__option_defaults);
PG_FUNCTION_INFO_V1(jhub_authz__policy_defaults);
PG_FUNCTION_INFO_V1(jhub_authz_set_option);

typedef struct SettingsOption
{
	const char *name;
	const char *default_value;
	const char *description;
} SettingsOption;

static const SettingsOption settings_options[] = {
	{"undefined_scopes", "auto", "a scope that the catalogue does not hold, where a write brings it up: auto, refuse or log"},
	{"token_shares", "hub", "shares in a token's scopes as reading functions show them: hub (as the hub does) or documented (as its manual says)"},
	{"login_mode", "upstream", "login decisions: upstream (as OAuthenticator) or strict"},
	{"lock_timeout", "5s", "how long a decision waits for its lock"},
	{"revoke_limit", "0", "most tokens that one transaction may have revoked for growth; 0: no limit"},
	{"notify", "off", "send NOTIFY jhub_authz with each event: on or off"},
	{"dormant_after", "90 days", "how long a token or a user may be idle before it is a finding"},
	{"base_url", "/", "the hub's c.JupyterHub.base_url, for answers that hold URLs"},
	{"public_url", "", "the hub's c.JupyterHub.public_url, for answers that hold full URLs; empty: they are NULL"},
};

const char *const token_class_names[TOKEN_NCLASSES + 1] = {
	"user", "oauth", "server", "service", NULL
};

static const TokenPolicy settings_default_policy[TOKEN_NCLASSES] = {
	[TOKEN_USER] = {ON_GROWTH_REVOKE, INHERIT_GUARD, ON_SHARE_FOLLOW, false, {0}},
	[TOKEN_OAUTH] = {ON_GROWTH_REVOKE, INHERIT_GUARD, ON_SHARE_FOLLOW, false, {0}},
	[TOKEN_SERVER] = {ON_GROWTH_REVOKE, INHERIT_GUARD, ON_SHARE_FOLLOW, false, {0}},
	[TOKEN_SERVICE] = {ON_GROWTH_REVOKE, INHERIT_FOLLOW, ON_SHARE_FOLLOW, false, {0}},
};

/* Words of a policy, in the order of their enums. */
const char *const policy_on_growth_words[] = {"veto", "revoke", "log", "ignore", NULL};
const char *const policy_inherit_words[] = {"fix", "guard", "follow", NULL};
const char *const policy_on_share_words[] = {"revoke", "follow", NULL};

const char *const policy_prefixes[POLICY_OF_CLASS] = {
	[POLICY_OF_TOKEN] = "token:",
	[POLICY_OF_CLIENT] = "client:",
	[POLICY_OF_GROUP] = "group:",
};

static Settings settings_cache;
static MemoryContext settings_context = NULL;
static bool settings_valid = false;
static SpiMoment settings_moment;	/* when they were read */
static Oid	settings_relid = InvalidOid;	/* attachment, when valid */

static void
settings_relcache(Oid relid)
{
	if (relid == settings_relid || relid == InvalidOid)
		settings_valid = false;
}

void
settings_init(void)
{
	module_on_relcache(settings_relcache);
}

/* Index of a word in a NULL-terminated list, or -1. */
int
settings_word(const char *word, const char *const *list)
{
	for (int i = 0; list[i] != NULL; i++)
		if (strcmp(word, list[i]) == 0)
			return i;
	return -1;
}

/* A time with unit, as lock_timeout is written; -1 if it is none. */
static int
settings_parse_ms(const char *value)
{
	int			ms;
	const char *hint;

	if (!parse_int(value, &ms, GUC_UNIT_MS, &hint) || ms < 0)
		return -1;
	return ms;
}

static void
settings_read_option(Settings *settings, const char *name, const char *value)
{
	if (strcmp(name, "undefined_scopes") == 0)
		settings->undefined_scopes =
			strcmp(value, "refuse") == 0 ? UNDEFINED_REFUSE :
			strcmp(value, "log") == 0 ? UNDEFINED_LOG : UNDEFINED_AUTO;
	else if (strcmp(name, "token_shares") == 0)
		settings->token_shares_documented = strcmp(value, "documented") == 0;
	else if (strcmp(name, "login_mode") == 0)
		settings->login_strict = strcmp(value, "strict") == 0;
	else if (strcmp(name, "notify") == 0)
		settings->notify = strcmp(value, "on") == 0;
	else if (strcmp(name, "base_url") == 0)
		settings->base_url = MemoryContextStrdup(settings_context, value);
	else if (strcmp(name, "public_url") == 0)
		settings->public_url = MemoryContextStrdup(settings_context, value);
	else if (strcmp(name, "lock_timeout") == 0)
	{
		int			ms = settings_parse_ms(value);

		if (ms >= 0)
			settings->lock_timeout_ms = ms;
	}
	else if (strcmp(name, "revoke_limit") == 0)
	{
		int			limit;

		if (parse_int(value, &limit, 0, NULL) && limit >= 0)
			settings->revoke_limit = limit;
	}
}

/* ---- policies ---- */

/* The fields of a row of policy_values; which are set. */
static int
settings_policy_fields(HeapTuple row, TupleDesc desc, TokenPolicy *fields)
{
	char	   *word;
	Datum		value;
	bool		isnull;
	int			set = 0;
	int			i;

	memset(fields, 0, sizeof(*fields));
	if ((word = SPI_getvalue(row, desc, 2)) != NULL &&
		(i = settings_word(word, policy_on_growth_words)) >= 0)
	{
		fields->on_growth = (OnGrowth) i;
		set |= POLICY_BIT(POLICY_ON_GROWTH);
	}
	if ((word = SPI_getvalue(row, desc, 3)) != NULL &&
		(i = settings_word(word, policy_inherit_words)) >= 0)
	{
		fields->inherit = (InheritPolicy) i;
		set |= POLICY_BIT(POLICY_INHERIT);
	}
	if ((word = SPI_getvalue(row, desc, 4)) != NULL &&
		(i = settings_word(word, policy_on_share_words)) >= 0)
	{
		fields->on_share = (OnShare) i;
		set |= POLICY_BIT(POLICY_ON_SHARE);
	}
	value = SPI_getbinval(row, desc, 5, &isnull);
	if (!isnull)
	{
		fields->has_max_age = true;
		fields->max_age = *DatumGetIntervalP(value);
		set |= POLICY_BIT(POLICY_MAX_AGE);
	}
	return set;
}

/* A class's own: over its defaults. */
static void
settings_class_policy(Settings *settings, int class, const TokenPolicy *fields, int set)
{
	TokenPolicy *policy = &settings->policy[class];

	if (set & POLICY_BIT(POLICY_ON_GROWTH))
		policy->on_growth = fields->on_growth;
	if (set & POLICY_BIT(POLICY_INHERIT))
		policy->inherit = fields->inherit;
	if (set & POLICY_BIT(POLICY_ON_SHARE))
		policy->on_share = fields->on_share;
	if (set & POLICY_BIT(POLICY_MAX_AGE))
	{
		policy->has_max_age = true;
		policy->max_age = fields->max_age;
	}
	settings->policy_set[class] = set;
}

/*
 * A narrower one, to the end of the list, which is sorted later.  One without
 * the id that it should have is nobody's.
 */
static void
settings_narrower_policy(Settings *settings, HeapTuple row, TupleDesc desc,
						 const char *target)
{
	PolicyRow  *policy = &settings->narrower[settings->nnarrower];
	Datum		created;
	bool		isnull;

	for (int kind = 0; kind < POLICY_OF_CLASS; kind++)
	{
		int			len = strlen(policy_prefixes[kind]);

		if (strncmp(target, policy_prefixes[kind], len) != 0)
			continue;
		memset(policy, 0, sizeof(*policy));
		policy->kind = (PolicyKind) kind;
		policy->set = settings_policy_fields(row, desc, &policy->fields);
		policy->id = spi_int(row, desc, 6, 0);
		created = SPI_getbinval(row, desc, 7, &isnull);
		policy->has_created = !isnull;
		policy->created = isnull ? 0 : DatumGetTimestamp(created);
		policy->target = MemoryContextStrdup(settings_context, target);
		policy->name = MemoryContextStrdup(settings_context,
										   kind == POLICY_OF_CLIENT ?
										   module_to_utf8(target + len) : "");
		if (policy->id == 0 && kind != POLICY_OF_CLIENT)
			return;
		settings->nnarrower++;
		settings->nnarrower_of[kind]++;
		return;
	}
}

static int
settings_policy_cmp(const void *a, const void *b)
{
	const PolicyRow *p = a;
	const PolicyRow *q = b;

	if (p->kind != q->kind)
		return p->kind < q->kind ? -1 : 1;
	if (p->id != q->id)
		return p->id < q->id ? -1 : 1;
	return strcmp(p->name, q->name);
}

static void
settings_read_policies(Settings *settings)
{
	uint64		n = spi_run("SELECT target, on_growth, inherit, on_share, max_age, object_id,"
							" created FROM jhub_authz.policy_values",
							0, NULL, NULL, NULL, true, true, 0);
	TupleDesc	desc = SPI_tuptable->tupdesc;

	if (n == 0)
		return;
	settings->narrower = MemoryContextAlloc(settings_context, sizeof(PolicyRow) * n);
	for (uint64 i = 0; i < n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		char	   *target = SPI_getvalue(row, desc, 1);
		int			class = settings_word(target, token_class_names);
		TokenPolicy fields;

		if (class >= 0)
		{
			int			set = settings_policy_fields(row, desc, &fields);

			settings_class_policy(settings, class, &fields, set);
		}
		else
			settings_narrower_policy(settings, row, desc, target);
	}
	qsort(settings->narrower, settings->nnarrower, sizeof(PolicyRow), settings_policy_cmp);
}

const PolicyRow *
settings_narrower(const Settings *settings, PolicyKind kind, int id, const char *name)
{
	PolicyRow	key = {.kind = kind,.id = id,.name = unconstify(char *, name)};

	if (settings->nnarrower_of[kind] == 0)
		return NULL;
	return bsearch(&key, settings->narrower, settings->nnarrower, sizeof(PolicyRow),
				   settings_policy_cmp);
}

void
settings_keep(Settings *copy)
{
	const PolicyRow *from = copy->narrower;

	if (copy->pinned_release != NULL)
		copy->pinned_release = pstrdup(copy->pinned_release);
	copy->base_url = pstrdup(copy->base_url);
	copy->public_url = pstrdup(copy->public_url);
	if (copy->nnarrower == 0)
		return;
	copy->narrower = palloc(sizeof(PolicyRow) * copy->nnarrower);
	for (int i = 0; i < copy->nnarrower; i++)
	{
		copy->narrower[i] = from[i];
		copy->narrower[i].name = pstrdup(from[i].name);
		copy->narrower[i].target = pstrdup(from[i].target);
	}
}

/* ---- reading it all ---- */

static void
settings_read_attachment(Settings *settings)
{
	HeapTuple	row;
	TupleDesc	desc;
	char	   *value;

	if (spi_run("SELECT hub_schema, mode, pinned_release FROM jhub_authz.attachment",
				0, NULL, NULL, NULL, true, true, 1) == 0)
		return;
	row = SPI_tuptable->vals[0];
	desc = SPI_tuptable->tupdesc;
	if ((value = SPI_getvalue(row, desc, 1)) != NULL)
	{
		settings->attached = true;
		strlcpy(settings->hub_schema, value, NAMEDATALEN);
	}
	value = SPI_getvalue(row, desc, 2);
	settings->mode = strcmp(value, "off") == 0 ? HUB_MODE_OFF :
		strcmp(value, "observe") == 0 ? HUB_MODE_OBSERVE : HUB_MODE_ENFORCE;
	if ((value = SPI_getvalue(row, desc, 3)) != NULL)
		settings->pinned_release = MemoryContextStrdup(settings_context, value);
}

/*
 * A new library over the tables of an earlier version, between the installation
 * of one and ALTER EXTENSION: say what is missing rather than which column.  The
 * other way round, a session that has the earlier library goes on with it.
 */
static void
settings_check_version(void)
{
	int			have[3] = {0, 0, 0};
	int			want[3] = {0, 0, 0};
	char	   *version;

	if (spi_run("SELECT extversion FROM pg_catalog.pg_extension WHERE extname = 'jhub_authz'",
				0, NULL, NULL, NULL, true, true, 1) == 0)
		return;
	version = SPI_getvalue(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1);
	(void) sscanf(version, "%d.%d.%d", &have[0], &have[1], &have[2]);
	(void) sscanf(JHUB_AUTHZ_VERSION, "%d.%d.%d", &want[0], &want[1], &want[2]);
	for (int i = 0; i < 3; i++)
	{
		if (have[i] > want[i])
			return;
		if (have[i] < want[i])
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("extension jhub_authz is of version %s in this database, its library of version %s",
							version, JHUB_AUTHZ_VERSION),
					 errhint("ALTER EXTENSION jhub_authz UPDATE;")));
	}
}

/* Read everything; the frame is the caller's. */
static void
settings_fill(Settings *settings)
{
	SpiFrame	frame;
	uint64		n;

	memset(settings, 0, sizeof(*settings));
	settings->mode = HUB_MODE_ENFORCE;
	settings->base_url = "/";
	settings->public_url = "";
	settings->lock_timeout_ms = 5000;
	memcpy(settings->policy, settings_default_policy, sizeof(settings->policy));

	spi_enter(&frame, module_owner());
	settings_check_version();
	settings_read_attachment(settings);
	n = spi_run("SELECT name, value FROM jhub_authz.option_values",
				0, NULL, NULL, NULL, true, true, 0);
	for (uint64 i = 0; i < n; i++)
		settings_read_option(settings,
							 SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1),
							 SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2));
	settings_read_policies(settings);
	settings->vetoes = spi_run("SELECT FROM jhub_authz.assertions WHERE veto",
							   0, NULL, NULL, NULL, true, true, 1) > 0;
	spi_leave(&frame);
}

const Settings *
settings_read_latest(void)
{
	Settings	fresh;
	SpiMoment	moment;

	if (settings_context == NULL)
		settings_context = AllocSetContextCreate(TopMemoryContext, "jhub_authz settings",
												 ALLOCSET_SMALL_SIZES);
	else
		MemoryContextReset(settings_context);
	settings_cache.pinned_release = NULL;
	settings_cache.nnarrower = 0;
	settings_cache.narrower = NULL;
	memset(&settings_moment, 0, sizeof(settings_moment));
	settings_relid = module_relation("attachment");

	/*
	 * Valid before reading: an invalidation that comes in while we read makes
	 * it invalid again, and the next call reads once more.
	 */
	settings_valid = true;
	spi_moment_before_reading(&moment);
	PG_TRY();
	{
		settings_fill(&fresh);
	}
	PG_CATCH();
	{
		settings_valid = false;
		PG_RE_THROW();
	}
	PG_END_TRY();
	settings_cache = fresh;
	settings_moment = moment;
	return &settings_cache;
}

const Settings *
settings_get(void)
{
	if (settings_valid && spi_moment_stands(&settings_moment))
		return &settings_cache;
	if (spi_moment_lasts(&settings_moment))
	{
		settings_valid = true;
		return &settings_cache;
	}
	return settings_read_latest();
}

void
settings_changed(void)
{
	settings_valid = false;
	CacheInvalidateRelcacheByRelid(module_relation("attachment"));
}

static void (*settings_written_callback) (void) = NULL;

void
settings_on_written(void (*callback) (void))
{
	settings_written_callback = callback;
}

void
settings_written(void)
{
	settings_changed();
	if (settings_written_callback != NULL)
		settings_written_callback();
}

/* Trigger on these tables. */
Datum
jhub_authz__settings_changed(PG_FUNCTION_ARGS)
{
	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager", "_settings_changed")));
	settings_changed();
	return PointerGetDatum(NULL);
}

Datum
jhub_authz__option_defaults(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < (int) lengthof(settings_options); i++)
	{
		Datum		values[3] = {
			CStringGetTextDatum(settings_options[i].name),
			CStringGetTextDatum(settings_options[i].default_value),
			CStringGetTextDatum(settings_options[i].description)
		};
		bool		nulls[3] = {false};

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

Datum
jhub_authz__policy_defaults(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int class = 0; class < TOKEN_NCLASSES; class++)
	{
		const TokenPolicy *policy = &settings_default_policy[class];
		Datum		values[4] = {
			CStringGetTextDatum(token_class_names[class]),
			CStringGetTextDatum(policy_on_growth_words[policy->on_growth]),
			CStringGetTextDatum(policy_inherit_words[policy->inherit]),
			CStringGetTextDatum(policy_on_share_words[policy->on_share])
		};
		bool		nulls[4] = {false};

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/*
 * The part of a URL from here on that has no space, no quote and nothing of a
 * query: up to the first such character, or to "end" if that comes before.
 */
static const char *
settings_skip_url(const char *url, char end)
{
	while (*url > ' ' && *url < 0x7f && strchr("?#\"<>\\^`{|}", *url) == NULL && *url != end)
		url++;
	return url;
}

/* "/" or "/hubs/one/": a path, of URL characters. */
static bool
settings_is_base_url(const char *value)
{
	return value[0] == '/' && strstr(value, "//") == NULL && *settings_skip_url(value, '\0') == '\0';
}

/* "", or scheme, host and perhaps a path. */
static bool
settings_is_public_url(const char *value)
{
	const char *host;
	const char *path;

	if (value[0] == '\0')
		return true;
	if (strncmp(value, "https://", 8) == 0)
		host = value + 8;
	else if (strncmp(value, "http://", 7) == 0)
		host = value + 7;
	else
		return false;
	path = settings_skip_url(host, '/');
	return path > host && memchr(host, '@', path - host) == NULL &&
		*settings_skip_url(path, '\0') == '\0';
}

/* A text, read as an interval. */
typedef struct SettingsSpan
{
	char	   *text;
	Interval   *span;
} SettingsSpan;

static void
settings_try_span(void *arg)
{
	SettingsSpan *span = arg;

	span->span = DatumGetIntervalP(DirectFunctionCall3(interval_in, CStringGetDatum(span->text),
													   ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
}

static bool
settings_is_data_exception(int sqlerrcode)
{
	return ERRCODE_TO_CATEGORY(sqlerrcode) == ERRCODE_DATA_EXCEPTION;
}

/* "90 days": more than nothing, and so little that a time can be that long ago. */
static bool
settings_is_span(const char *value)
{
	SettingsSpan span = {pstrdup(value), NULL};
	Interval	none = {0};
	Interval	most = {.month = 1000 * 12};

	return module_try(settings_try_span, &span, settings_is_data_exception) &&
		DatumGetBool(DirectFunctionCall2(interval_gt, IntervalPGetDatum(span.span), IntervalPGetDatum(&none))) &&
		DatumGetBool(DirectFunctionCall2(interval_le, IntervalPGetDatum(span.span), IntervalPGetDatum(&most)));
}

/* Is the value one that the option takes?  Returns a hint if not. */
static const char *
settings_check_option(const char *name, const char *value)
{
	static const char *const undefined[] = {"auto", "refuse", "log", NULL};
	static const char *const shares[] = {"hub", "documented", NULL};
	static const char *const login[] = {"upstream", "strict", NULL};
	static const char *const onoff[] = {"on", "off", NULL};
	int			number;

	if (strcmp(name, "undefined_scopes") == 0)
		return settings_word(value, undefined) >= 0 ? NULL : "It is auto, refuse or log.";
	if (strcmp(name, "token_shares") == 0)
		return settings_word(value, shares) >= 0 ? NULL : "It is hub or documented.";
	if (strcmp(name, "login_mode") == 0)
		return settings_word(value, login) >= 0 ? NULL : "It is upstream or strict.";
	if (strcmp(name, "notify") == 0)
		return settings_word(value, onoff) >= 0 ? NULL : "It is on or off.";
	if (strcmp(name, "lock_timeout") == 0)
		return settings_parse_ms(value) >= 0 ? NULL : "It is a time, such as 5s or 500ms; 0 waits without limit.";
	if (strcmp(name, "revoke_limit") == 0)
		return parse_int(value, &number, 0, NULL) && number >= 0 ? NULL : "It is a number; 0 is no limit.";
	if (strcmp(name, "base_url") == 0)
		return settings_is_base_url(value) ? NULL : "It is a path, such as / or /hubs/one/.";
	if (strcmp(name, "public_url") == 0)
		return settings_is_public_url(value) ? NULL : "It is a URL, such as https://hub.example.org/, or empty.";
	if (strcmp(name, "dormant_after") == 0)
		return settings_is_span(value) ? NULL : "It is an interval, such as 90 days, of no more than 1000 years.";
	return NULL;
}

/*
 * set_option(name, value) - NULL goes back to the default.  22023 for an
 * option or a value that is none.
 */
Datum
jhub_authz_set_option(PG_FUNCTION_ARGS)
{
	static const Oid types[2] = {TEXTOID, TEXTOID};
	const char *hint;
	char	   *name;
	Datum		values[2];
	SpiFrame	frame;
	bool		known = false;

	PreventCommandIfReadOnly("set_option()");
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("option name cannot be null")));
	name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	for (int i = 0; i < (int) lengthof(settings_options); i++)
		known |= strcmp(name, settings_options[i].name) == 0;
	if (!known)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("option \"%s\" does not exist", name),
				 errhint("The view jhub_authz.options lists them.")));

	values[0] = PG_GETARG_DATUM(0);
	if (PG_ARGISNULL(1))
	{
		spi_enter(&frame, module_owner());
		spi_run("DELETE FROM jhub_authz.option_values WHERE name = $1",
				1, types, values, NULL, false, false, 0);
		spi_leave(&frame);
		PG_RETURN_VOID();
	}
	hint = settings_check_option(name, text_to_cstring(PG_GETARG_TEXT_PP(1)));
	if (hint != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for option \"%s\": \"%s\"", name,
						text_to_cstring(PG_GETARG_TEXT_PP(1))),
				 errhint("%s", hint)));
	values[1] = PG_GETARG_DATUM(1);
	spi_enter(&frame, module_owner());
	spi_run("INSERT INTO jhub_authz.option_values (name, value) VALUES ($1, $2)"
			" ON CONFLICT (name) DO UPDATE SET value = EXCLUDED.value",
			2, types, values, NULL, false, false, 0);
	spi_leave(&frame);
	PG_RETURN_VOID();
}
