/*-------------------------------------------------------------------------
 *
 * hub_private.h
 *	  What the files of the hub room share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_HUB_PRIVATE_H
#define JHUB_AUTHZ_HUB_PRIVATE_H

#include "hub.h"

#include "catalog/pg_type.h"
#include "utils/array.h"
#include "utils/builtins.h"

/*
 * A column as a palloc'd string in the server's encoding, or NULL.  Many are
 * read: text is not worth an output function.
 */
static inline char *
hub_text(HeapTuple row, TupleDesc desc, int column)
{
	Oid			type = TupleDescAttr(desc, column - 1)->atttypid;
	bool		isnull;
	Datum		value;

	if (type != TEXTOID && type != VARCHAROID)
		return SPI_getvalue(row, desc, column);
	value = SPI_getbinval(row, desc, column, &isnull);
	return isnull ? NULL : TextDatumGetCString(value);
}

/* The same in UTF-8. */
static inline char *
hub_utf8(HeapTuple row, TupleDesc desc, int column)
{
	char	   *value = hub_text(row, desc, column);

	return value == NULL ? NULL : module_to_utf8(value);
}

/* An array column, copied to a memory context. */
static inline Datum
hub_array(HeapTuple row, TupleDesc desc, int column, MemoryContext context)
{
	MemoryContext caller = MemoryContextSwitchTo(context);
	bool		isnull;
	Datum		value = SPI_getbinval(row, desc, column, &isnull);

	value = PointerGetDatum(DatumGetArrayTypePCopy(value));
	MemoryContextSwitchTo(caller);
	return value;
}

/* hub_audit.c: adds the first column to HubIds */
extern void hub_id_row(HeapTuple row, TupleDesc desc, void *arg);

/* hub_schema.c */
extern HubSchema *hub_schema_pinned(const char *schema_name, const char *pinned,
									bool missing_ok, bool latest);

/*
 * A table in a FROM clause, under an alias: the hub's or, as of a moment, ours.
 * Then the statement has one parameter more than nargs, which hub_from_args adds
 * to the arguments; it returns how many there are (hub_past.c).
 */
extern const char *hub_from(const HubSchema *hub, HubTable table, const char *alias, int nargs);
extern int	hub_from_args(const HubSchema *hub, int nargs, Oid *types, Datum *values);

/* After spi_enter: what is planned until spi_leave goes through whole tables. */
extern void hub_plan_whole(const HubSchema *hub);

/* A value as it is, for a column of an answer; an error if it is of another type. */
extern Datum hub_passed_on(HeapTuple row, TupleDesc desc, int column, TupleDesc answer, int answer_column, bool *isnull);

/* Tokens that are today as they were at the moment of a past schema. */
extern void hub_past_each_unchanged(const HubSchema *past, const HubTokenWant *want, bool latest,
									hub_token_fn each, void *arg);

/* hub_scope_users.c: have the catalogue ask us who uses a custom scope */
extern void hub_scope_users_init(void);

/*
 * A hash from strings of bytes to pointers (hub_names.c): names, pairs of names
 * and stored texts.  Keys are not copied.  Lives in the memory context that is
 * given; there is nothing to free but that.
 */
typedef struct HubNames HubNames;

extern HubNames *hub_names_new(MemoryContext context);
extern void *hub_names_get(const HubNames *names, const char *key, int len);
/* The place of a key's pointer, made with NULL if it is new. */
extern void **hub_names_put(HubNames *names, const char *key, int len);
extern int	hub_names_count(const HubNames *names);

/*
 * Stored scopes, parsed, remembered by their text: many rows hold the same.
 * Results live as long as the cache, or until it is full: until the next call.
 */
typedef struct HubParsed
{
	const Scopeset *scopes;
	char	   *defect;
} HubParsed;

typedef struct HubParseCache HubParseCache;

extern HubParseCache *hub_parse_cache(MemoryContext parent);
extern const HubParsed *hub_parse_cached(HubParseCache *cache, const char *json);

/* Is everybody in the model, so that who is not in it does not exist? */
extern bool hub_data_is_everyone(const HubData *data);
extern bool hub_data_is_latest(const HubData *data);

/* hub_membership.c: the users (server owners too) and groups that a set filters by */
typedef struct HubNameArray
{
	int			n;
	int			size;
	char	  **names;
} HubNameArray;

extern void hub_name_array_add(HubNameArray *array, const char *name, int len);
extern void hub_collect_names(const Scopeset *set, HubNameArray *users, HubNameArray *groups);

/* hub_membership.c: made at the first hub_membership of a model */
extern ScopeMembership *hub_membership_create(HubData *data);

#endif							/* JHUB_AUTHZ_HUB_PRIVATE_H */
