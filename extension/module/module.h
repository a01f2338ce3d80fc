/*-------------------------------------------------------------------------
 *
 * module.h
 *	  What every room needs of the server: who we are, running SQL as the
 *	  right owner, saved plans, and the settings that are kept in tables.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_MODULE_H
#define JHUB_AUTHZ_MODULE_H

#include "compat.h"
#include "datatype/timestamp.h"
#include "executor/spi.h"
#include "utils/snapshot.h"

/* ---- identity (module.c) ---- */

extern Oid	module_extension_oid(void);
extern Oid	module_owner(void);		/* owner of the extension */
extern Oid	module_schema_oid(void);	/* of schema jhub_authz */

/* Oid of one of our own relations by name; elog if it is missing. */
extern Oid	module_relation(const char *relname);

/* About how many rows a relation has, as ANALYZE found; -1 if nobody looked. */
extern double module_rows(Oid relid);

/* UTF-8 to the server's encoding and back; returns the argument if equal. */
extern char *module_from_utf8(const char *str, int len);
extern char *module_to_utf8(const char *str);
extern text *module_text_from_utf8(const char *str, int len);
extern text *module_text_if_representable(const char *utf8);
extern text *module_text_shown(const char *str, int len);

/*
 * So long ago.  What reaches further back than times do is -infinity, and what
 * is as far in the future is infinity; neither is an error.
 */
extern TimestampTz module_ago(TimestampTz now, const Interval *span);

/* ---- running SQL (spi.c) ---- */

/*
 * A frame in which SQL runs as a given role, with search_path pinned to
 * pg_catalog, pg_temp, and with no more rights than that role's.  Text for it
 * names every relation with its schema.  Frames nest.  An error needs no
 * cleanup: (sub)transaction abort undoes all of it.
 */
typedef struct SpiFrame
{
	Oid			save_userid;
	int			save_sec_context;
	int			save_nestlevel;
} SpiFrame;

extern void spi_enter(SpiFrame *frame, Oid role);
extern void spi_leave(SpiFrame *frame);

/*
 * Run a statement whose plan is kept for the life of the backend, keyed by its
 * text (and rebuilt when it is no longer valid).  latest: with the latest
 * snapshot at every isolation level, not the transaction's.  Rows come in
 * SPI_tuptable, their number is returned.  read_only as in SPI; a statement
 * that writes sees and makes changes under a new command id.  One with
 * parameters is taken to look up by key, and planned so.
 */
extern uint64 spi_run(const char *sql, int nargs, const Oid *argtypes,
					  const Datum *values, const char *nulls,
					  bool read_only, bool latest, long limit);

/*
 * The same, for a query with many rows: calls each(row, desc, arg) in a memory
 * context that is reset after each row, reading some thousand at a time.
 */
typedef void (*spi_row_fn) (HeapTuple row, TupleDesc desc, void *arg);
extern void spi_each(const char *sql, int nargs, const Oid *argtypes,
					 const Datum *values, const char *nulls,
					 bool latest, spi_row_fn each, void *arg);

/* The same, without what this transaction has done so far. */
extern void spi_each_before(const char *sql, int nargs, const Oid *argtypes,
							const Datum *values, const char *nulls,
							bool latest, spi_row_fn each, void *arg);

/*
 * Of which state of the database is something that was read?  Of two equal ones
 * it is the same.
 */
typedef struct SpiMoment
{
	uint64		completions;	/* transactions that had ended */
	TransactionId xmin;
	TransactionId xmax;
	uint32		xcnt;
	int32		subxcnt;
	CommandId	curcid;
	uint32		parallel;		/* as large as the rest: no padding */
} SpiMoment;

/* Now: by the latest snapshot; in parallel mode by the query's own. */
extern void spi_moment(SpiMoment *moment);

/*
 * For a cache that invalidations throw away: may what was read at that moment be
 * used now?  What a parallel query read, with its own and perhaps older snapshot,
 * is for that query alone.
 */
extern bool spi_moment_stands(const SpiMoment *moment);

/*
 * An invalidation says that something may have changed.  Has anything?  False if
 * a transaction has ended since, or this one has written; then one has to look.
 * The moment is to be taken before what was read, by spi_moment_before_reading.
 */
extern bool spi_moment_lasts(const SpiMoment *moment);
extern void spi_moment_before_reading(SpiMoment *moment);

/*
 * Write n rows into a table of ours, in a frame of its owner; with what is not
 * among the columns by its default.  False, and nothing done: the table is not as
 * we made it, and the caller has to run an INSERT (insert.c).
 */
typedef struct InsertColumn
{
	const char *name;
	Oid			type;
	bool		same;			/* one value for all rows */
	const Datum *values;
	const bool *nulls;			/* NULL: none is NULL */
} InsertColumn;

extern bool spi_insert(const char *relname, const InsertColumn *columns, int ncolumns, int n);

/* Column of a row as a palloc'd UTF-8 string in the current context, or NULL. */
extern char *spi_utf8(HeapTuple row, TupleDesc desc, int column);
/* int4 column; 'missing' if NULL. */
extern int	spi_int(HeapTuple row, TupleDesc desc, int column, int missing);
/* timestamp column; 0 and *isnull if NULL. */
extern Timestamp spi_time(HeapTuple row, TupleDesc desc, int column, bool *isnull);

/* An int4[] Datum from C ints. */
extern Datum spi_int_array(const int *values, int n);
/* A text[] Datum from UTF-8 strings; those that can't be had here are left out. */
extern Datum spi_text_array(char *const *values, int n);

/*
 * Call attempt(arg) in a subtransaction.  False, and nothing done, if it fails
 * with an error that tolerates(sqlerrcode) accepts; another error goes on.
 */
extern bool module_try(void (*attempt) (void *arg), void *arg,
					   bool (*tolerates) (int sqlerrcode));

/* ---- what the query wants of a function's rows (asked.c) ---- */

/*
 * Is a function in FROM asked only for rows in which this column (from 1 on) has
 * one value?  It is of this type, text or int4; text for an int4 column: its text.
 * Then the function may leave out the other rows.  False: it has to give them all.
 */
extern bool module_asked(FunctionCallInfo fcinfo, int column, Oid type, Datum *value);

/* ---- JSON from columns (jsonb.c) ---- */

/*
 * Stored JSON text, in the server's encoding, as jsonb.  False, without an
 * error: it does not parse, or holds what jsonb cannot.
 */
extern bool module_jsonb(const char *json, Datum *value);

/* ---- settings kept in tables (settings.c) ---- */

typedef enum HubMode
{
	HUB_MODE_OFF,
	HUB_MODE_OBSERVE,
	HUB_MODE_ENFORCE
} HubMode;

typedef enum UndefinedScopes
{
	UNDEFINED_AUTO,
	UNDEFINED_REFUSE,
	UNDEFINED_LOG
} UndefinedScopes;

/* on_growth, inherit and on_share of a policy: the strictest first */
typedef enum OnGrowth
{
	ON_GROWTH_VETO, ON_GROWTH_REVOKE, ON_GROWTH_LOG, ON_GROWTH_IGNORE
} OnGrowth;

typedef enum InheritPolicy
{
	INHERIT_FIX, INHERIT_GUARD, INHERIT_FOLLOW
} InheritPolicy;

typedef enum OnShare
{
	ON_SHARE_REVOKE, ON_SHARE_FOLLOW
} OnShare;

typedef enum TokenClass
{
	TOKEN_USER, TOKEN_OAUTH, TOKEN_SERVER, TOKEN_SERVICE, TOKEN_NCLASSES
} TokenClass;

typedef struct TokenPolicy
{
	OnGrowth	on_growth;
	InheritPolicy inherit;
	OnShare		on_share;
	bool		has_max_age;
	Interval	max_age;
} TokenPolicy;

/* The fields of a policy, as indexes and as bits. */
typedef enum PolicyField
{
	POLICY_ON_GROWTH, POLICY_INHERIT, POLICY_ON_SHARE, POLICY_MAX_AGE, POLICY_NFIELDS
} PolicyField;

#define POLICY_BIT(field)	(1 << (field))
#define POLICY_ALL_FIELDS	(POLICY_BIT(POLICY_NFIELDS) - 1)

/* What a policy is for, the narrowest first. */
typedef enum PolicyKind
{
	POLICY_OF_TOKEN, POLICY_OF_CLIENT, POLICY_OF_GROUP, POLICY_OF_CLASS
} PolicyKind;

/*
 * A stored policy.  A token is meant by id and created, for an id may be used
 * again; a group by id, whatever its name is; a client by its identifier.
 */
typedef struct PolicyRow
{
	PolicyKind	kind;
	int			id;				/* of the token or group; the class; else 0 */
	char	   *name;			/* of the client, UTF-8; else "" */
	bool		has_created;
	Timestamp	created;
	char	   *target;			/* as stored */
	int			set;			/* bits: these fields are set */
	TokenPolicy fields;
} PolicyRow;

/* The words for the above, in the order of the enums, ended by NULL. */
extern const char *const token_class_names[];
extern const char *const policy_on_growth_words[];
extern const char *const policy_inherit_words[];
extern const char *const policy_on_share_words[];

/* "token:", "client:", "group:": what a narrower target begins with. */
extern const char *const policy_prefixes[POLICY_OF_CLASS];

/* Index of a word in such a list, or -1. */
extern int	settings_word(const char *word, const char *const *list);

/* A snapshot of the settings; cached per backend, invalidated at commit. */
typedef struct Settings
{
	bool		attached;		/* there is a row in attachment */
	char		hub_schema[NAMEDATALEN];
	HubMode		mode;
	char	   *pinned_release; /* use_hub_release(), or NULL */
	UndefinedScopes undefined_scopes;
	bool		token_shares_documented;
	bool		login_strict;	/* login_mode */
	int			lock_timeout_ms;
	int			revoke_limit;	/* 0: none */
	TokenPolicy policy[TOKEN_NCLASSES]; /* stored over default */
	int			policy_set[TOKEN_NCLASSES]; /* bits: what of it is stored */
	int			nnarrower;
	PolicyRow  *narrower;		/* in order of kind, id and name */
	int			nnarrower_of[POLICY_OF_CLASS];	/* how many of each kind */
	bool		vetoes;			/* there is an assertion with a veto */
	bool		notify;
	char	   *base_url;		/* never NULL, as the next */
	char	   *public_url;
} Settings;

/*
 * The settings in force.  Read with the latest snapshot.  The pointer, and what
 * a copy of the struct points to, is good until the next call.
 */
extern const Settings *settings_get(void);

/* Make a copy of the struct last: what it points to is copied as well. */
extern void settings_keep(Settings *copy);

/* A narrower policy of that kind, or NULL; name "" but for a client. */
extern const PolicyRow *settings_narrower(const Settings *settings, PolicyKind kind,
										  int id, const char *name);

/* Read afresh, past the cache: for the decision, under its lock. */
extern const Settings *settings_read_latest(void);

/* A table behind the settings has been written: tell every backend at commit. */
extern void settings_changed(void);

/*
 * A function of ours has written "attachment": call the function that was
 * registered.  Not for a trigger on it, which would run during a restore.
 */
extern void settings_written(void);
extern void settings_on_written(void (*callback) (void));

/* Register a function to be called when a relation (InvalidOid: all) changes. */
extern void module_on_relcache(void (*callback) (Oid relid));

#endif							/* JHUB_AUTHZ_MODULE_H */
