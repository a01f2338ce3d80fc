/*-------------------------------------------------------------------------
 *
 * custom_scopes.c
 *	  Custom scopes: the table custom_scopes, its cache, and who writes it.
 *
 * A hub's custom scopes are its configuration and are not in its database, so
 * they are kept in a table of ours.  The cache holds the whole table.  It is
 * filled with the latest snapshot, never an older one, so that it can't hold
 * less than the invalidations that this backend has already seen; a change
 * of the table, by whatever statement, sends an invalidation through triggers
 * that do nothing else.
 *
 * What is handed out stays good until the end of the transaction: a cache that
 * has been replaced moves to TopTransactionContext and dies with it.
 *
 * define_scopes and replace_scopes check the whole document against what is
 * there before they write anything.  What a definition makes grow, and who
 * uses a scope, is not known here: two hooks tell and ask (catalogue.h).
 *
 *-------------------------------------------------------------------------
 */
#include "custom_scopes.h"

#include "../module/init.h"
#include "../module/module.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(jhub_authz__custom_scopes_changed);
PG_FUNCTION_INFO_V1(jhub_authz_define_scopes);
PG_FUNCTION_INFO_V1(jhub_authz_replace_scopes);
PG_FUNCTION_INFO_V1(jhub_authz_undefine_scope);

#define CUSTOM_PREFIX		"custom:"
#define CUSTOM_PREFIX_LEN	7

static CustomScopes *custom_cache = NULL;
static bool custom_valid = false;
static uint64 custom_generation = 0;	/* invalidations so far */
static Oid	custom_relid = InvalidOid;	/* the table, when it was last read */

/* When it was read: in parallel mode the latest snapshot can't be had. */
static SpiMoment custom_moment;

static catalogue_users_hook custom_users = NULL;
static catalogue_changed_hook custom_changed = NULL;

void
catalogue_set_users_hook(catalogue_users_hook hook)
{
	custom_users = hook;
}

void
catalogue_set_changed_hook(catalogue_changed_hook hook)
{
	custom_changed = hook;
}

/* ---- the cache ---- */

/* Called at any moment: only marks. */
static void
custom_relcache(Oid relid)
{
	if (relid == custom_relid || relid == InvalidOid)
	{
		custom_valid = false;
		custom_generation++;
	}
}

void
catalogue_init(void)
{
	module_on_relcache(custom_relcache);
}

void
catalogue_invalidate_custom(void)
{
	CacheInvalidateRelcacheByRelid(module_relation("custom_scopes"));
}

static int
custom_compare(const char *a, int alen, const char *b, int blen)
{
	int			cmp = memcmp(a, b, Min(alen, blen));

	return cmp != 0 ? cmp : alen - blen;
}

int
custom_scopes_find(const CustomScopes *custom, const char *name, int len)
{
	int			low = 0;
	int			high = custom->n;

	while (low < high)
	{
		int			mid = low + (high - low) / 2;
		int			cmp = custom_compare(name, len, custom->scopes[mid].name,
										 custom->scopes[mid].name_len);

		if (cmp == 0)
			return mid;
		if (cmp < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return -1;
}

/* Split what array_to_string put together: names hold no spaces. */
static void
custom_split(char *list, CustomScope *scope)
{
	int			n = 0;

	for (char *c = list; *c; c++)
		n += (*c == ' ');
	scope->subscopes = palloc(sizeof(char *) * (n + 1));
	scope->nsubscopes = 0;
	while (*list)
	{
		char	   *end = strchr(list, ' ');

		scope->subscopes[scope->nsubscopes++] = list;
		if (end == NULL)
			break;
		*end = '\0';
		list = end + 1;
	}
}

/*
 * Work out what a custom scope implies.  A table that somebody wrote by hand
 * may hold a cycle or name a subscope that is not there: neither does harm.
 */
static void
custom_close(CustomScopes *custom, int index)
{
	bool	   *seen = palloc0(sizeof(bool) * custom->n);
	int		   *found = palloc(sizeof(int) * custom->n);
	int			n = 0;

	found[n++] = index;
	seen[index] = true;
	for (int done = 0; done < n; done++)
	{
		const CustomScope *scope = &custom->scopes[found[done]];

		for (int i = 0; i < scope->nsubscopes; i++)
		{
			int			below = custom_scopes_find(custom, scope->subscopes[i],
												   strlen(scope->subscopes[i]));

			if (below >= 0 && !seen[below])
			{
				seen[below] = true;
				found[n++] = below;
			}
		}
	}
	custom->scopes[index].nclosure = n;
	custom->scopes[index].closure = repalloc(found, sizeof(int) * n);
	pfree(seen);
}

/* Copy the rows at hand into custom, whose context is current. */
static void
custom_fill(CustomScopes *custom, uint64 nrows)
{
	TupleDesc	desc = nrows > 0 ? SPI_tuptable->tupdesc : NULL;

	custom->n = 0;
	custom->scopes = palloc(sizeof(CustomScope) * Max(nrows, 1));
	for (uint64 i = 0; i < nrows; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		CustomScope *scope = &custom->scopes[custom->n++];

		scope->name = spi_utf8(row, desc, 1);
		scope->name_len = strlen(scope->name);
		scope->description = spi_utf8(row, desc, 2);
		custom_split(spi_utf8(row, desc, 3), scope);
	}
	for (int i = 0; i < custom->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		custom_close(custom, i);
	}
	for (int i = 0; i < CATALOGUE_NRELEASES; i++)
	{
		custom->catalogues[i].release = &catalogue_releases[i];
		custom->catalogues[i].custom = custom;
	}
}

/*
 * Read the table, or its past as of *at (NULL: not), into a context of its own
 * below the current one.  Of the past, descriptions are not kept.
 */
static CustomScopes *
custom_load(const TimestampTz *at, bool latest)
{
	static const Oid types[1] = {TIMESTAMPTZOID};
	Datum		values[1];
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "jhub_authz custom scopes",
												  ALLOCSET_SMALL_SIZES);
	CustomScopes *custom = MemoryContextAlloc(context, sizeof(CustomScopes));
	MemoryContext save;
	SpiFrame	frame;
	uint64		n;

	custom->context = context;
	spi_enter(&frame, module_owner());
	if (at == NULL)
		n = spi_run("SELECT name, description, pg_catalog.array_to_string(subscopes, ' ')"
					" FROM jhub_authz.custom_scopes ORDER BY name COLLATE \"C\"",
					0, NULL, NULL, NULL, true, latest, 0);
	else
	{
		values[0] = TimestampTzGetDatum(*at);
		n = spi_run("SELECT h.name, ''::text, pg_catalog.array_to_string(h.subscopes, ' ')"
					" FROM jhub_authz.history_custom_scopes h"
					" JOIN jhub_authz.history_changes b ON b.change_id = h.began AND b.at <= $1"
					" LEFT JOIN jhub_authz.history_changes e ON e.change_id = h.ended AND e.at <= $1"
					" WHERE e.change_id IS NULL ORDER BY h.name COLLATE \"C\"",
					1, types, values, NULL, true, latest, 0);
	}
	save = MemoryContextSwitchTo(context);
	custom_fill(custom, n);
	MemoryContextSwitchTo(save);
	spi_leave(&frame);
	return custom;
}

/*
 * The cache is replaced only by one that is complete.  An invalidation that
 * came while the table was read leaves it marked, for the next call.
 */
const CustomScopes *
custom_scopes_get(void)
{
	CustomScopes *old = custom_cache;
	CustomScopes *fresh;
	SpiMoment	moment;
	uint64		generation;

	AcceptInvalidationMessages();
	if (custom_valid && spi_moment_stands(&custom_moment))
		return custom_cache;
	if (spi_moment_lasts(&custom_moment))
	{
		custom_valid = true;
		return custom_cache;
	}

	custom_valid = false;
	custom_relid = module_relation("custom_scopes");
	generation = custom_generation;
	spi_moment_before_reading(&moment);
	fresh = custom_load(NULL, true);

	MemoryContextSetParent(fresh->context, CacheMemoryContext);
	custom_cache = fresh;
	custom_valid = (generation == custom_generation);
	custom_moment = moment;
	if (old != NULL)
		MemoryContextSetParent(old->context, TopTransactionContext);
	return custom_cache;
}

const Catalogue *
catalogue_at(const CatalogueRelease *release, TimestampTz at, bool latest)
{
	int			index = release - catalogue_releases;

	Assert(index >= 0 && index < CATALOGUE_NRELEASES);
	return &custom_load(&at, latest)->catalogues[index];
}

/*
 * Trigger on custom_scopes.  For each row, because the apply worker of logical
 * replication fires no other triggers; the message is sent once a statement
 * all the same.
 */
Datum
jhub_authz__custom_scopes_changed(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager",
						"_custom_scopes_changed")));
	CacheInvalidateRelcacheByRelid(RelationGetRelid(trigdata->tg_relation));
	return PointerGetDatum(NULL);
}

/* ---- checking a document ---- */

/* A scope as it would be after the document: an earlier one or a new one. */
typedef struct CustomNode
{
	const char *name;
	int			nsubscopes;
	const char *const *subscopes;
	int			state;			/* 0: not visited, 1: under way, 2: done */
	bool		from_document;
} CustomNode;

static bool
custom_is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/*
 * The hub's pattern, ^custom:[a-z0-9][a-z0-9_\-\*:]+[a-z0-9_\*]$, but for the
 * newline at the end that Python's $ lets pass.
 */
static bool
custom_is_name(const char *name)
{
	const char *rest = name + CUSTOM_PREFIX_LEN;
	int			len;

	if (strncmp(name, CUSTOM_PREFIX, CUSTOM_PREFIX_LEN) != 0)
		return false;
	len = strlen(rest);
	if (len < 3 || !custom_is_word(rest[0]))
		return false;
	for (int i = 1; i < len; i++)
	{
		bool		last = (i == len - 1);

		if (!custom_is_word(rest[i]) && rest[i] != '_' && rest[i] != '*' &&
			(last || (rest[i] != '-' && rest[i] != ':')))
			return false;
	}
	return true;
}

static char *
custom_quote(const char *str)
{
	return module_from_utf8(str, strlen(str));
}

static void
custom_check_name(const char *name)
{
	int			len = strlen(name);

	if (!custom_is_name(name))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid name of custom scope: \"%s\"", custom_quote(name)),
				 len > 0 && name[len - 1] == '\n' ?
				 errdetail("The name ends in a newline.") :
				 errdetail("After \"custom:\" come three or more lower-case letters, digits and \"_-:*\"; the first is a letter or digit, the last is not \"-\" or \":\".")));
	if (len > SCOPE_MAX_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("name of custom scope is longer than %d bytes",
						SCOPE_MAX_BYTES)));
}

/* Does the list hold the name? */
static bool
custom_in_list(const char *const *list, int n, const char *name)
{
	for (int i = 0; i < n; i++)
	{
		if (strcmp(list[i], name) == 0)
			return true;
	}
	return false;
}

/* Do both say the same?  Order and repetition of subscopes mean nothing. */
static bool
custom_same(const CustomScope *old, const CustomDefinition *new)
{
	if (strcmp(old->description, new->description) != 0)
		return false;
	for (int i = 0; i < old->nsubscopes; i++)
	{
		if (!custom_in_list((const char *const *) new->subscopes, new->nsubscopes,
							old->subscopes[i]))
			return false;
	}
	for (int i = 0; i < new->nsubscopes; i++)
	{
		if (!custom_in_list(old->subscopes, old->nsubscopes, new->subscopes[i]))
			return false;
	}
	return true;
}

/* In byte order of names; of two of a name, the document's is first. */
static int
custom_node_cmp(const void *a, const void *b)
{
	const CustomNode *left = a;
	const CustomNode *right = b;
	int			cmp = strcmp(left->name, right->name);

	return cmp != 0 ? cmp : (int) right->from_document - (int) left->from_document;
}

static CustomNode *
custom_node(CustomNode *nodes, int n, const char *name)
{
	int			low = 0;
	int			high = n;

	while (low < high)
	{
		int			mid = low + (high - low) / 2;
		int			cmp = strcmp(name, nodes[mid].name);

		if (cmp == 0)
			return &nodes[mid];
		if (cmp < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

/* All scopes as they would be; *n gets their number. */
static CustomNode *
custom_nodes(const CustomScopes *custom, const CustomDocument *document, int *n)
{
	CustomNode *nodes = palloc0(sizeof(CustomNode) *
								Max(custom->n + document->n, 1));
	int			all = 0;
	int			kept = 0;

	for (int i = 0; i < document->n; i++)
	{
		nodes[all].name = document->definitions[i].name;
		nodes[all].nsubscopes = document->definitions[i].nsubscopes;
		nodes[all].subscopes = (const char *const *) document->definitions[i].subscopes;
		nodes[all++].from_document = true;
	}
	for (int i = 0; i < custom->n; i++)
	{
		nodes[all].name = custom->scopes[i].name;
		nodes[all].nsubscopes = custom->scopes[i].nsubscopes;
		nodes[all++].subscopes = custom->scopes[i].subscopes;
	}
	qsort(nodes, all, sizeof(CustomNode), custom_node_cmp);
	for (int i = 0; i < all; i++)
	{
		if (kept == 0 || strcmp(nodes[kept - 1].name, nodes[i].name) != 0)
			nodes[kept++] = nodes[i];
	}
	*n = kept;
	return nodes;
}

static void
custom_check_subscopes(const CustomDefinition *definition, CustomNode *nodes, int n)
{
	for (int i = 0; i < definition->nsubscopes; i++)
	{
		const char *subscope = definition->subscopes[i];

		if (custom_node(nodes, n, subscope) != NULL)
			continue;
		if (strncmp(subscope, CUSTOM_PREFIX, CUSTOM_PREFIX_LEN) != 0)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("subscope \"%s\" of custom scope \"%s\" is not a custom scope",
							custom_quote(subscope), custom_quote(definition->name)),
					 errhint("To give several scopes together, use a role.")));
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("subscope \"%s\" of custom scope \"%s\" is not defined",
						custom_quote(subscope), custom_quote(definition->name)),
				 errdetail("Neither this document nor an earlier definition holds it.")));
	}
}

/*
 * Go down from a scope; an error if the way leads back to one under way.  An
 * earlier definition whose subscope is missing is not this document's fault.
 */
static void
custom_check_cycle(CustomNode *node, CustomNode *nodes, int n)
{
	check_stack_depth();
	node->state = 1;
	for (int i = 0; i < node->nsubscopes; i++)
	{
		CustomNode *below = custom_node(nodes, n, node->subscopes[i]);

		if (below == NULL || below->state == 2)
			continue;
		if (below->state == 1)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("custom scope \"%s\" would include itself",
							custom_quote(below->name)),
					 errdetail("It is a subscope of \"%s\", which it includes.",
							   custom_quote(node->name))));
		custom_check_cycle(below, nodes, n);
	}
	node->state = 2;
}

/* Check a whole document against what is there. */
static void
custom_check_document(const CustomScopes *custom, const CustomDocument *document,
					  bool replace)
{
	CustomNode *nodes;
	int			n;

	for (int i = 0; i < document->n; i++)
	{
		const CustomDefinition *definition = &document->definitions[i];
		int			old;

		custom_check_name(definition->name);
		old = custom_scopes_find(custom, definition->name, strlen(definition->name));
		if (old >= 0 && !replace && !custom_same(&custom->scopes[old], definition))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("custom scope \"%s\" is already defined differently",
							custom_quote(definition->name)),
					 errhint("Use jhub_authz.replace_scopes() to redefine it.")));
	}

	nodes = custom_nodes(custom, document, &n);
	for (int i = 0; i < document->n; i++)
		custom_check_subscopes(&document->definitions[i], nodes, n);
	for (int i = 0; i < n; i++)
	{
		if (nodes[i].from_document && nodes[i].state == 0)
			custom_check_cycle(&nodes[i], nodes, n);
	}
}

/* ---- writing ---- */

/* An array literal; names hold nothing that would need quotes in it. */
static char *
custom_array_literal(const CustomDefinition *definition)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoChar(&buf, '{');
	for (int i = 0; i < definition->nsubscopes; i++)
		appendStringInfo(&buf, "%s%s", i > 0 ? "," : "", definition->subscopes[i]);
	appendStringInfoChar(&buf, '}');
	return buf.data;
}

/* Write the definitions that are new or differ; how many. */
static int
custom_write(const CustomScopes *custom, const CustomDocument *document)
{
	static const Oid types[3] = {TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID};
	char	  **columns[3];
	Datum		values[3];
	SpiFrame	frame;
	int			n = 0;

	for (int c = 0; c < 3; c++)
		columns[c] = palloc(sizeof(char *) * Max(document->n, 1));
	for (int i = 0; i < document->n; i++)
	{
		CustomDefinition *definition = &document->definitions[i];
		int			old = custom_scopes_find(custom, definition->name,
											 strlen(definition->name));

		if (old >= 0 && custom_same(&custom->scopes[old], definition))
			continue;
		columns[0][n] = definition->name;
		columns[1][n] = definition->description;
		columns[2][n++] = custom_array_literal(definition);
	}
	if (n == 0)
		return 0;

	for (int c = 0; c < 3; c++)
		values[c] = spi_text_array(columns[c], n);
	spi_enter(&frame, module_owner());
	spi_run("INSERT INTO jhub_authz.custom_scopes AS c (name, description, subscopes)"
			" SELECT u.n, u.d, u.s::pg_catalog.text[]"
			" FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2),"
			" pg_catalog.unnest($3)) AS u (n, d, s)"
			" ON CONFLICT (name) DO UPDATE"
			" SET description = EXCLUDED.description, subscopes = EXCLUDED.subscopes",
			3, types, values, NULL, false, true, 0);
	spi_leave(&frame);
	return n;
}

/*
 * Lock the table against everybody who would write it and look at it as it is
 * then: what is checked must still be so when it is written.  The wait is no
 * longer than one for a decision (option lock_timeout).
 */
static const CustomScopes *
custom_lock(const char *function)
{
	int			nest;

	PreventCommandIfReadOnly(function);
	PreventCommandIfParallelMode(function);
	nest = NewGUCNestLevel();
	(void) set_config_option("lock_timeout",
							 psprintf("%d", settings_get()->lock_timeout_ms),
							 PGC_USERSET, PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
	LockRelationOid(module_relation("custom_scopes"), ShareRowExclusiveLock);
	AtEOXact_GUC(true, nest);
	return custom_scopes_get();
}

/* After a write: let this transaction see it, tell who wants to know. */
static void
custom_written(void)
{
	CommandCounterIncrement();
	if (custom_changed != NULL)
		custom_changed();
}

static int
custom_define(text *json, bool replace)
{
	const CustomScopes *custom;
	CustomDocument *document;
	char	   *utf8;
	int			n;

	utf8 = pg_server_to_any(VARDATA_ANY(json), VARSIZE_ANY_EXHDR(json), PG_UTF8);
	document = custom_document_read(utf8, utf8 == VARDATA_ANY(json) ?
									VARSIZE_ANY_EXHDR(json) : strlen(utf8));

	custom = custom_lock(replace ? "replace_scopes()" : "define_scopes()");
	custom_check_document(custom, document, replace);
	n = custom_write(custom, document);
	if (n > 0)
		custom_written();
	return n;
}

/* define_scopes(document text): number of scopes that were not there before. */
Datum
jhub_authz_define_scopes(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(custom_define(PG_GETARG_TEXT_PP(0), false));
}

/* replace_scopes(document text): number of scopes that are new or changed. */
Datum
jhub_authz_replace_scopes(PG_FUNCTION_ARGS)
{
	PG_RETURN_INT32(custom_define(PG_GETARG_TEXT_PP(0), true));
}

/* Who uses a custom scope, for a DETAIL line in the server's encoding; or NULL. */
static char *
custom_find_users(const CustomScopes *custom, const CustomScope *scope)
{
	ScopeMember base = {
		.base = scope->name,.base_len = scope->name_len,
		.base_id = -1,.kind = SCOPE_OPEN
	};
	char	   *others = custom_users != NULL ? custom_users(&base) : NULL;
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < custom->n; i++)
	{
		const CustomScope *above = &custom->scopes[i];

		if (above != scope &&
			custom_in_list(above->subscopes, above->nsubscopes, scope->name))
			appendStringInfo(&buf, "%scustom scope \"%s\"", buf.len > 0 ? ", " : "",
							 custom_quote(above->name));
	}
	if (others != NULL)
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "", others);
	return buf.len > 0 ? buf.data : NULL;
}

/* undefine_scope(name text): was there such a custom scope? */
Datum
jhub_authz_undefine_scope(PG_FUNCTION_ARGS)
{
	static const Oid types[1] = {TEXTOID};
	char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));
	const CustomScopes *custom = custom_lock("undefine_scope()");
	char	   *utf8 = module_to_utf8(name);
	int			index = custom_scopes_find(custom, utf8, strlen(utf8));
	Datum		values[1];
	char	   *users;
	SpiFrame	frame;

	if (index < 0)
		PG_RETURN_BOOL(false);

	users = custom_find_users(custom, &custom->scopes[index]);
	if (users != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_DEPENDENT_OBJECTS_STILL_EXIST),
				 errmsg("cannot undefine scope \"%s\" because it is in use", name),
				 errdetail("It is used by %s.", users)));

	values[0] = PG_GETARG_DATUM(0);
	spi_enter(&frame, module_owner());
	spi_run("DELETE FROM jhub_authz.custom_scopes WHERE name = $1",
			1, types, values, NULL, false, true, 0);
	spi_leave(&frame);
	custom_written();
	PG_RETURN_BOOL(true);
}
