/*-------------------------------------------------------------------------
 *
 * required_scopes.c
 *	  Which scopes a request to a server needs: the defaults, the table that
 *	  is laid over them, its cache, and set_required_scopes.
 *
 * A single-user server asks for an action on a resource.  What a user must hold
 * for it is any of the scopes that stand here for the two.  Jupyter Server's own
 * resources have the scopes that JupyterHub's example of a granular authorizer
 * makes up for them; they are in this file alone.  A stored row takes the place
 * of all that a resource and action have by default, and an empty one refuses.
 *
 * Placeholders in a filter's value stand for the server that is asked about.
 * They are put in once, by required_scope_of(): a name that looks like one is a
 * name.  A base takes none, since the end of a base is found by reading it.
 *
 * The cache holds everything, parsed, and is kept as that of custom scopes is
 * (custom_scopes.c): filled with the latest snapshot, marked by an invalidation
 * that triggers on the table send, and good to the end of the transaction for
 * whoever was handed one that is replaced.
 *
 *-------------------------------------------------------------------------
 */
#include "required_scopes.h"

#include "../hub/hub.h"
#include "../module/init.h"
#include "../effective/effective.h"

#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"

PG_FUNCTION_INFO_V1(jhub_authz__required_scope_defaults);
PG_FUNCTION_INFO_V1(jhub_authz__required_scopes_changed);
PG_FUNCTION_INFO_V1(jhub_authz_set_required_scopes);

static const char *const required_resources[] = {
	"api", "config", "contents", "csp", "events", "kernels", "kernelspecs",
	"nbconvert", "server", "sessions", "terminals"
};
static const char *const required_actions[] = {"execute", "read", "write"};

/* What each of them needs; %s are the action and the resource. */
static const char *const required_patterns[] = {
	"custom:jupyter_server:%s:%s!server={owner}/{server}",
	"custom:jupyter_server:%s:%s!user={owner}"
};

#define REQUIRED_NDEFAULTS \
	((int) (lengthof(required_resources) * lengthof(required_actions)))

/* Each pattern for the resource itself and for "*", which is a name like any. */
#define REQUIRED_NDEFAULT_SCOPES	((int) (2 * lengthof(required_patterns)))

static RequiredScopes *required_cache = NULL;
static bool required_valid = false;
static uint64 required_generation = 0;	/* invalidations so far */
static Oid	required_relid = InvalidOid;	/* the table, when it was last read */

/* When it was read: in parallel mode the latest snapshot can't be had. */
static SpiMoment required_moment;

/* Called at any moment: only marks. */
static void
required_relcache(Oid relid)
{
	if (relid == required_relid || relid == InvalidOid)
	{
		required_valid = false;
		required_generation++;
	}
}

void
required_scopes_init(void)
{
	module_on_relcache(required_relcache);
}

/* ---- defaults ---- */

/* Scope number i of a default, palloc'd. */
static char *
required_default(const char *resource, const char *action, int i)
{
	int			n = lengthof(required_patterns);

	return psprintf(required_patterns[i % n], action,
					i < n ? resource : REQUIRED_ANY_RESOURCE);
}

Datum
jhub_authz__required_scope_defaults(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	InitMaterializedSRF(fcinfo, 0);
	for (int i = 0; i < REQUIRED_NDEFAULTS; i++)
	{
		const char *resource = required_resources[i / lengthof(required_actions)];
		const char *action = required_actions[i % lengthof(required_actions)];

		for (int j = 0; j < REQUIRED_NDEFAULT_SCOPES; j++)
		{
			Datum		values[4] = {
				CStringGetTextDatum(REQUIRED_DEFAULT_APP),
				CStringGetTextDatum(resource),
				CStringGetTextDatum(action),
				CStringGetTextDatum(required_default(resource, action, j))
			};
			bool		nulls[4] = {false};

			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
		}
	}
	return (Datum) 0;
}

/* ---- a required scope ---- */

static const char required_owner[] = "{owner}";
static const char required_server[] = "{server}";

#define REQUIRED_OWNER_LEN		((int) sizeof(required_owner) - 1)
#define REQUIRED_SERVER_LEN		((int) sizeof(required_server) - 1)

/* Does the placeholder stand at str? */
static bool
required_at(const char *str, const char *end, const char *placeholder, int len)
{
	return end - str >= len && memcmp(str, placeholder, len) == 0;
}

/* Is there a brace that belongs to no placeholder? */
static bool
required_stray_brace(const char *str, const char *end)
{
	while (str < end)
	{
		if (required_at(str, end, required_owner, REQUIRED_OWNER_LEN))
			str += REQUIRED_OWNER_LEN;
		else if (required_at(str, end, required_server, REQUIRED_SERVER_LEN))
			str += REQUIRED_SERVER_LEN;
		else if (*str == '{' || *str == '}')
			return true;
		else
			str++;
	}
	return false;
}

static RequiredValue
required_value(const ScopeMember *member)
{
	const char *value = member->value;
	int			len = member->value_len;

	if (member->kind == SCOPE_OPEN)
		return REQUIRED_NONE;
	if (memchr(value, '{', len) == NULL)
		return REQUIRED_LITERAL;
	if (len == REQUIRED_OWNER_LEN)
		return REQUIRED_OWNER;
	if (len == REQUIRED_OWNER_LEN + 1 + REQUIRED_SERVER_LEN &&
		memcmp(value, "{owner}/{server}", len) == 0)
		return REQUIRED_SERVER;
	return REQUIRED_MIXED;
}

/*
 * Take a required scope apart.  NULL, or why it is none: a sentence for DETAIL.
 * What is no scope at all is left to the caller, with *defect and *where as
 * scope_parse has them.
 */
static const char *
required_parse(RequiredScope *scope, const char **defect, int *where)
{
	ScopeMember *member = &scope->member;

	*defect = NULL;
	if (!scope_parse(scope->text, strlen(scope->text), member, defect, where))
		return *defect;
	if (scope_kind_is_self(member->kind))
		return "A filter without a value is nobody's here.";
	if (memchr(member->base, '{', member->base_len) != NULL ||
		memchr(member->base, '}', member->base_len) != NULL)
		return "Placeholders stand in the value of a filter.";
	if (member->kind != SCOPE_OPEN &&
		required_stray_brace(member->value, member->value + member->value_len))
		return "The placeholders are {owner} and {server}.";
	scope->value = required_value(member);
	return NULL;
}

/* Append one scope to an entry; one that is none asks for what nobody holds. */
static void
required_add(RequiredEntry *entry, char *text)
{
	RequiredScope *scope = &entry->scopes[entry->nscopes];
	const char *defect;
	int			where;

	memset(scope, 0, sizeof(*scope));
	scope->text = text;
	if (required_parse(scope, &defect, &where) == NULL)
		entry->nscopes++;
}

/* {owner} and {server} of a mixed value, each where it stands; palloc'd. */
static void
required_fill(const RequiredTarget *target, ScopeMember *member)
{
	const char *str = member->value;
	const char *end = str + member->value_len;
	StringInfoData buf;

	initStringInfo(&buf);
	while (str < end)
	{
		if (required_at(str, end, required_owner, REQUIRED_OWNER_LEN))
		{
			appendBinaryStringInfo(&buf, target->server, target->owner_len);
			str += REQUIRED_OWNER_LEN;
		}
		else if (required_at(str, end, required_server, REQUIRED_SERVER_LEN))
		{
			appendBinaryStringInfo(&buf, target->server + target->owner_len + 1,
								   target->server_len - target->owner_len - 1);
			str += REQUIRED_SERVER_LEN;
		}
		else
			appendStringInfoChar(&buf, *str++);
	}
	member->value = buf.data;
	member->value_len = buf.len;
}

void
required_scope_of(const RequiredScope *scope, const RequiredTarget *target,
				  ScopeMember *member)
{
	*member = scope->member;
	switch (scope->value)
	{
		case REQUIRED_NONE:
		case REQUIRED_LITERAL:
			break;
		case REQUIRED_OWNER:
			member->value = target->server;
			member->value_len = target->owner_len;
			break;
		case REQUIRED_SERVER:
			member->value = target->server;
			member->value_len = target->server_len;
			break;
		case REQUIRED_MIXED:
			required_fill(target, member);
			break;
	}
}

/* ---- the cache ---- */

static int
required_cmp_key(const RequiredName a[3], const RequiredName b[3])
{
	for (int i = 0; i < 3; i++)
	{
		int			cmp = memcmp(a[i].text, b[i].text, Min(a[i].len, b[i].len));

		if (cmp == 0)
			cmp = a[i].len - b[i].len;
		if (cmp != 0)
			return cmp;
	}
	return 0;
}

static int
required_cmp(const void *a, const void *b)
{
	return required_cmp_key(((const RequiredEntry *) a)->key,
							((const RequiredEntry *) b)->key);
}

static const RequiredEntry *
required_search(const RequiredEntry *entries, int n, const RequiredName key[3])
{
	int			low = 0;
	int			high = n;

	while (low < high)
	{
		int			mid = low + (high - low) / 2;
		int			cmp = required_cmp_key(key, entries[mid].key);

		if (cmp == 0)
			return &entries[mid];
		if (cmp < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

const RequiredEntry *
required_scopes_find(const RequiredScopes *required, const RequiredName key[3])
{
	const RequiredEntry *entry = required_search(required->entries, required->nentries, key);
	RequiredName any[3] = {key[0], {REQUIRED_ANY_RESOURCE, 1}, key[2]};

	if (entry != NULL)
		return entry;
	return required_search(required->entries, required->nentries, any);
}

/* One row of the table, to the current context. */
static void
required_read_row(RequiredEntry *entry, HeapTuple row, TupleDesc desc)
{
	Datum	   *elements;
	bool	   *nulls;
	bool		isnull;
	Datum		scopes;
	int			n;

	for (int i = 0; i < 3; i++)
	{
		char	   *text = SPI_getvalue(row, desc, i + 1);

		entry->key[i].text = pstrdup(text);
		entry->key[i].len = strlen(text);
	}
	scopes = SPI_getbinval(row, desc, 4, &isnull);
	deconstruct_array(DatumGetArrayTypeP(scopes), TEXTOID, -1, false, TYPALIGN_INT,
					  &elements, &nulls, &n);
	entry->nscopes = 0;
	entry->scopes = palloc(sizeof(RequiredScope) * Max(n, 1));
	for (int i = 0; i < n; i++)
		if (!nulls[i])
			required_add(entry, pstrdup(module_to_utf8(TextDatumGetCString(elements[i]))));
}

static void
required_fill_default(RequiredEntry *entry, int i)
{
	const char *const key[3] = {
		REQUIRED_DEFAULT_APP,
		required_resources[i / lengthof(required_actions)],
		required_actions[i % lengthof(required_actions)]
	};

	for (int k = 0; k < 3; k++)
	{
		entry->key[k].text = key[k];
		entry->key[k].len = strlen(key[k]);
	}
	entry->nscopes = 0;
	entry->scopes = palloc(sizeof(RequiredScope) * REQUIRED_NDEFAULT_SCOPES);
	for (int j = 0; j < REQUIRED_NDEFAULT_SCOPES; j++)
		required_add(entry, required_default(key[1], key[2], j));
}

/* Stored rows, which are n and in SPI_tuptable, over defaults. */
static void
required_fill_all(RequiredScopes *required, uint64 n)
{
	int			stored = (int) n;

	required->entries = palloc(sizeof(RequiredEntry) * (stored + REQUIRED_NDEFAULTS));
	for (int i = 0; i < stored; i++)
		required_read_row(&required->entries[i], SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
	qsort(required->entries, stored, sizeof(RequiredEntry), required_cmp);
	required->nentries = stored;
	for (int i = 0; i < REQUIRED_NDEFAULTS; i++)
	{
		RequiredEntry *entry = &required->entries[required->nentries];

		required_fill_default(entry, i);
		if (required_search(required->entries, stored, entry->key) == NULL)
			required->nentries++;
	}
	qsort(required->entries, required->nentries, sizeof(RequiredEntry), required_cmp);
}

/* Read the table, into a context of its own below the current one. */
static RequiredScopes *
required_load(void)
{
	static uint64 serial = 0;
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "jhub_authz required scopes",
												  ALLOCSET_SMALL_SIZES);
	RequiredScopes *required = MemoryContextAlloc(context, sizeof(RequiredScopes));
	MemoryContext save;
	SpiFrame	frame;
	uint64		n;

	required->context = context;
	required->serial = ++serial;
	spi_enter(&frame, module_owner());
	n = spi_run("SELECT app, resource, action, scopes FROM jhub_authz.required_scope_values",
				0, NULL, NULL, NULL, true, true, 0);
	save = MemoryContextSwitchTo(context);
	required_fill_all(required, n);
	MemoryContextSwitchTo(save);
	spi_leave(&frame);
	return required;
}

/*
 * The cache is replaced only by one that is complete.  An invalidation that
 * came while the table was read leaves it marked, for the next call.
 */
const RequiredScopes *
required_scopes_get(void)
{
	RequiredScopes *old;
	RequiredScopes *fresh;
	SpiMoment	moment;
	uint64		generation;

	AcceptInvalidationMessages();
	if (required_valid && spi_moment_stands(&required_moment))
		return required_cache;
	if (spi_moment_lasts(&required_moment))
	{
		required_valid = true;
		return required_cache;
	}

	required_valid = false;
	required_relid = module_relation("required_scope_values");
	generation = required_generation;
	spi_moment_before_reading(&moment);
	fresh = required_load();

	old = required_cache;
	MemoryContextSetParent(fresh->context, CacheMemoryContext);
	required_cache = fresh;
	required_valid = (generation == required_generation);
	required_moment = moment;
	if (old != NULL)
		MemoryContextSetParent(old->context, TopTransactionContext);
	return required_cache;
}

/*
 * Trigger on required_scope_values.  For each row, because the apply worker of
 * logical replication fires no other triggers.
 */
Datum
jhub_authz__required_scopes_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager",
						"_required_scopes_changed")));
	CacheInvalidateRelcacheByRelid(RelationGetRelid(trigdata->tg_relation));
	return PointerGetDatum(NULL);
}

/* ---- set_required_scopes ---- */

/* Raises what is wrong with one scope, given in the server's encoding. */
static void
required_check(const char *given)
{
	RequiredScope scope = {.text = module_to_utf8(given)};
	const Catalogue *catalogue;
	const char *defect;
	const char *why;
	int			where;

	why = required_parse(&scope, &defect, &where);
	if (defect != NULL)
		scope_syntax_error(NULL, scope.text, strlen(scope.text), defect, where);
	if (why != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("\"%s\" cannot be a required scope", given),
				 errdetail("%s", why),
				 errhint("A filter is written as in \"!server={owner}/{server}\" or \"!user={owner}\".")));

	/* custom scopes are the hub's configuration, which may know more of them */
	catalogue = hub_catalogue();
	if (settings_get()->undefined_scopes != UNDEFINED_LOG &&
		!catalogue_defines(catalogue, &scope.member) &&
		strncmp(scope.text, "custom:", 7) != 0)
		catalogue_check_defined(catalogue, scopeset_single(&scope.member));
}

static void
required_check_scopes(ArrayType *scopes)
{
	Datum	   *elements;
	bool	   *nulls;
	int			n;

	deconstruct_array(scopes, TEXTOID, -1, false, TYPALIGN_INT, &elements, &nulls, &n);
	for (int i = 0; i < n; i++)
	{
		if (nulls[i])
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("required scopes must not be null")));
		required_check(TextDatumGetCString(elements[i]));
	}
}

/*
 * set_required_scopes(app text, resource text, action text, scopes text[])
 *
 * Any of the scopes will do; none: nobody may; NULL: what was stored is taken
 * back, so that the default counts, if there is one.  22004 for another NULL,
 * 22023 for an empty name and for what cannot be a required scope, 22P02 for
 * what is no scope, 42704 for one that does not exist.
 */
Datum
jhub_authz_set_required_scopes(PG_FUNCTION_ARGS)
{
	static const char *const names[3] = {"app", "resource", "action"};
	static const Oid types[4] = {TEXTOID, TEXTOID, TEXTOID, TEXTARRAYOID};
	Datum		values[4];
	SpiFrame	frame;

	PreventCommandIfReadOnly("set_required_scopes()");
	for (int i = 0; i < 3; i++)
	{
		if (PG_ARGISNULL(i))
			ereport(ERROR,
					(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
					 errmsg("%s must not be null", names[i])));
		if (VARSIZE_ANY_EXHDR(PG_GETARG_TEXT_PP(i)) == 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("%s must not be empty", names[i])));
		values[i] = PG_GETARG_DATUM(i);
	}
	if (PG_ARGISNULL(3))
	{
		spi_enter(&frame, module_owner());
		spi_run("DELETE FROM jhub_authz.required_scope_values"
				" WHERE app = $1 AND resource = $2 AND action = $3",
				3, types, values, NULL, false, false, 0);
		spi_leave(&frame);
		PG_RETURN_VOID();
	}
	required_check_scopes(PG_GETARG_ARRAYTYPE_P(3));
	values[3] = PG_GETARG_DATUM(3);
	spi_enter(&frame, module_owner());
	spi_run("INSERT INTO jhub_authz.required_scope_values (app, resource, action, scopes)"
			" VALUES ($1, $2, $3, ARRAY(SELECT DISTINCT s COLLATE \"C\" FROM pg_catalog.unnest($4) s ORDER BY 1))"
			" ON CONFLICT (app, resource, action) DO UPDATE SET scopes = EXCLUDED.scopes",
			4, types, values, NULL, false, false, 0);
	spi_leave(&frame);
	PG_RETURN_VOID();
}
