/*-------------------------------------------------------------------------
 *
 * growth_private.h
 *	  What the files of the growth room share.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_GROWTH_PRIVATE_H
#define JHUB_AUTHZ_GROWTH_PRIVATE_H

#include "growth.h"

/* ---- lists of ids with the reason why each is there (concern.c) ---- */

typedef struct Concern
{
	int			id;
	const char *reason;
} Concern;

typedef struct ConcernList
{
	int			n;
	int			size;
	Concern    *items;
	bool		sorted;
} ConcernList;

extern void concern_add(ConcernList *list, int id, const char *reason);
extern void concern_add_all(ConcernList *list, const ConcernList *more);
/*
 * The ids, sorted, each once, and how many.  The list is made shorter by it: a
 * list->n in the same argument list could have been read before.
 */
extern int *concern_ids(ConcernList *list, int *n);
extern const char *concern_reason(ConcernList *list, int id);
extern bool concern_is_in(ConcernList *list, int id);

/* ---- one decision ---- */

/* A role that went from one release's default definition to another's. */
typedef struct RoleOverride
{
	int			role_id;
	const Scopeset *raw;		/* the earlier definition */
} RoleOverride;

/* One rename; all those of a transaction are taken at once. */
typedef struct Rename
{
	ScopeKind	kind;
	int			id;
	char	   *old_name;
	char	   *new_name;
} Rename;

/* Those who hold something by a name that a join is about (membership.c). */
typedef struct JoinSide
{
	ConcernList users;
	ConcernList services;
	ConcernList tokens;			/* all of theirs, once judge() has found them */
} JoinSide;

typedef struct Decision
{
	MemoryContext context;		/* lives as long as the decision */
	int			nest;			/* GUC nest level, for lock_timeout */
	const HubSchema *hub;
	Settings	settings;
	Actor		actor;

	/* who is concerned */
	bool		everyone;
	const char *reason;			/* of everyone */
	ConcernList users;
	ConcernList services;
	ConcernList tokens;
	List	   *clients;		/* char *: identifiers */
	ConcernList returned;		/* tokens that were deleted and are there again */
	const char *last_label;		/* see decision_reason */
	HubTable	last_table;
	int			last_id;

	/* of these only tokens that ask by the other: who joined, and which groups */
	JoinSide	by_group;
	JoinSide	by_user;
	char	  **join_users;		/* names, UTF-8 */
	int			njoin_users;
	char	  **join_groups;
	int			njoin_groups;

	/* how to judge */
	const char *rebase;			/* reason: take new baselines instead of judging */
	const char *rebase_action;	/* and the event for it */
	const char *new_action;		/* event for a token without a baseline */
	List	   *overrides;		/* RoleOverride * */
	List	   *renamed;		/* Baseline *: before a rename of this transaction */
	List	   *taken_over;		/* Rename *: whose old name is somebody else's now */
	HubData    *data;
	EffectiveWay *now;
	EffectiveWay *now_no_shares;
	List	   *earlier;		/* EarlierWay *, see judge.c */

	/* what came of it */
	int64		grown;			/* live tokens beyond their baseline */
	int64		rebased;
} Decision;

extern Decision *decision_create(const Actor *actor);
extern void decision_free(Decision *d);

/*
 * The reason as events show it: a code and, where it helps, a name.
 */
extern const char *decision_reason(Decision *d, const char *code, HubTable table, int id);

/* Judge the tokens of everyone who is concerned; writes what comes of it. */
extern void judge(Decision *d);

/* Decide for every live token, under the exclusive lock (taken here). */
extern int64 decide_everyone(const char *reason, const char *new_action);

/* 22023 for what is no mode. */
extern void growth_check_mode(const char *mode);

/*
 * No wait for a lock is longer than timeout_ms (0: any) from here on, until
 * AtEOXact_GUC of the nest level that is returned.
 */
extern int	decision_timeout(int timeout_ms);

/* ---- who joined or left which group (membership.c) ---- */

typedef struct GroupJoin
{
	int			user_id;
	int			group_id;
} GroupJoin;

/* Zeroed at first. */
typedef struct Memberships
{
	int			njoins;
	int			size;
	GroupJoin  *joins;
	ConcernList groups;			/* tokens that filter by them are concerned */
	ConcernList gone;			/* those that went; reason: the name */
	ConcernList joined;			/* who holds something by them is concerned */
	ConcernList renamed;		/* and who asks by them for what a member holds */
} Memberships;

extern void membership_join(Memberships *m, int user_id, int group_id);
extern void membership_leave(Memberships *m, int group_id, const char *name);
/* As if everybody had joined and left. */
extern void membership_renamed(Memberships *m, int group_id);
extern void memberships_concern(Decision *d, Memberships *m, ConcernList *roles);

/* Is a token concerned that is in by_group.tokens or by_user.tokens alone? */
extern bool membership_concerns(Decision *d, const HubToken *token);

/* ---- switching on (switch.c) ---- */

extern bool switch_must_note(void);
extern void switch_lock(int timeout_ms);

/*
 * Under preview() nothing that is decided stays: a limit or a veto does not end
 * the transaction there, it is an event like the others.
 */
extern bool growth_previewing;

/*
 * So many tokens are to be revoked: 54000 if that makes more in this transaction
 * than the option revoke_limit allows (revoke_limit.c).
 */
extern void revoke_limit_count(int limit, int revoked);
extern void revoke_limit_init(void);

/* Stored policies follow what they are for (policies.c). */
extern void policies_follow_groups(const HubSchema *hub, bool wait);
extern void policies_drop_tokens(const int *ids, int n);
extern void policies_move_token(int old_id, int new_id, bool has_created, Timestamp created);

/* The hub's default roles, and their definitions in any release. */
extern bool growth_is_default_role(const char *name);
extern bool growth_is_default_definition(const char *role_name, const Scopeset *raw);

/* ---- reading and writing our records in bulk (baselines.c, events.c) ---- */

typedef struct Baseline
{
	int			token_id;
	const Scopeset *baseline;	/* NULL: waits */
	const Scopeset *requested;
	const Scopeset *observed;	/* may be NULL */
	bool		revoked;
	char	   *release;
	bool		has_created;
	Timestamp	created;
	int			user_id;		/* 0: none */
	int			service_id;		/* 0: none */
	const char *client_id;		/* UTF-8, or NULL */
	bool		fresh;			/* written where no row of that id is */
} Baseline;

/* Baselines of these tokens, sorted by token id. */
extern Baseline *baselines_read(const int *ids, int n, int *nfound);

typedef struct BaselineWriter BaselineWriter;
extern BaselineWriter *baseline_writer(void);
extern void baseline_write(BaselineWriter *writer, const Baseline *row);
extern void baseline_writer_flush(BaselineWriter *writer);

/* Tokens of these owners and clients, added to tokens. */
extern void baselines_of(ConcernList *users, ConcernList *services, List *clients,
						 ConcernList *tokens);

/* Tokens whose baseline, or what was requested, filters by one of the groups (NIL: by any). */
extern void baselines_by_groups(List *groups, ConcernList *tokens, const char *reason);
/* A token has another id or created: its record goes with it. */
extern void baselines_move(int old_id, int new_id, bool has_created, Timestamp created);
/* Tokens that have another owner or client: see baselines.c. */
extern void baselines_follow(HubToken **tokens, int n);
/* Drop the records of tokens that are no more. */
extern void baselines_drop(const int *ids, int n);
extern void baselines_drop_orphans(const HubSchema *hub);

extern void baselines_rename(Decision *d, Rename *renames, int n);

/* Array building for bulk statements. */
extern Oid	scopeset_type(void);
extern Oid	scopeset_array_type(void);

/* ---- notes of this transaction (notes.c) ---- */

extern bool notes_are_open(void);
extern void notes_taken(void);
extern void notes_init(void);

/* ---- triggers on the hub's tables (attach.c) ---- */

extern void attach_init(void);

/* Make the triggers that are missing; true if there were any. */
extern bool attach_triggers(const HubSchema *hub);

#endif							/* JHUB_AUTHZ_GROWTH_PRIVATE_H */
