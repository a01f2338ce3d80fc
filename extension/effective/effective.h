/*-------------------------------------------------------------------------
 *
 * effective.h
 *	  What a subject may do: the hub's get_scopes_for, on a HubData.
 *
 * One code path for one subject and for the whole hub: only how much of the
 * hub was loaded differs.  Results live in the HubData's memory context and are
 * remembered there.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_EFFECTIVE_H
#define JHUB_AUTHZ_EFFECTIVE_H

#include "../hub/hub.h"
#include "utils/array.h"

/* Leave shares out: what is held without them. */
#define EFFECTIVE_NO_SHARES			0x01
/* Token: group shares and expanded shares too (option token_shares). */
#define EFFECTIVE_TOKEN_SHARES		0x02

/*
 * A way of computing: catalogue to expand with (NULL: the one in force), and
 * roles to take at an earlier definition.  memo is per way: a way is used with
 * one HubData only.
 */
typedef struct EffectiveWay
{
	HubData    *data;
	const Catalogue *catalogue;
	int			flags;
	/* replaces a role's raw scopes, or returns NULL; may be NULL */
	const Scopeset *(*role_raw) (const HubRole *role, void *arg);
	void	   *role_arg;
	struct EffectiveMemo *memo; /* effective.c's; start with NULL */
} EffectiveWay;

extern EffectiveWay *effective_way(HubData *data, int flags);

/* Expanded scopes; *error is NULL or a sentence about rows that do not parse. */
extern const Scopeset *effective_user(EffectiveWay *way, HubUser *user, char **error);
extern const Scopeset *effective_service(EffectiveWay *way, HubService *service, char **error);
extern const Scopeset *effective_group(EffectiveWay *way, HubGroup *group, char **error);

/*
 * A token's.  Its owner must be loaded, else the result is empty.  *discarded
 * (may be a NULL pointer) gets what it holds beyond its owner.
 */
extern const Scopeset *effective_token(EffectiveWay *way, HubToken *token,
									   const Scopeset **discarded, char **error);

/* Union of the roles' scopes as written, a user's groups' included. */
extern const Scopeset *effective_raw_user(EffectiveWay *way, HubUser *user);
extern const Scopeset *effective_raw_service(EffectiveWay *way, HubService *service);
extern const Scopeset *effective_raw_group(EffectiveWay *way, HubGroup *group);

/* Identify scopes of an owner, access scopes of a client (empty if none). */
extern Scopeset *effective_identify_user(const char *name);
extern Scopeset *effective_identify_service(const char *name);
extern Scopeset *effective_access(const HubClient *client);

/* What a token's client stands for; NULL for the hub's own, or if unknown. */
extern const HubClient *effective_token_client(HubData *data, const char *client_id);

/* Expansion target of an owner (either may be NULL) with a client. */
extern void effective_target(ExpandTarget *target, const HubUser *user,
							 const HubService *service, const HubClient *client);

/*
 * The hub's _resolve_requested_scopes, in code point order.  All raw; granted
 * and refused are palloc'd.
 */
extern void effective_resolve(const Catalogue *catalogue, const Scopeset *requested,
							  const Scopeset *have, const ExpandTarget *target,
							  ScopeMembership *membership,
							  Scopeset **granted, Scopeset **refused);

/* ---- subjects by name (subjects.c) ---- */

typedef enum SubjectKind
{
	SUBJECT_USER,
	SUBJECT_SERVICE,
	SUBJECT_GROUP,
	SUBJECT_TOKEN
} SubjectKind;

/* One subject with as much of the hub as its scopes rest on. */
typedef struct EffectiveSubject
{
	SubjectKind kind;
	HubSchema  *hub;
	HubData    *data;
	EffectiveWay *way;
	HubUser    *user;			/* the user, or the token's owner */
	HubService *service;		/* the service, or the token's owner */
	HubGroup   *group;
	HubToken   *token;			/* a copy that lasts */
} EffectiveSubject;

/* Their words, by SubjectKind. */
extern const char *const effective_kind_names[];

/* "user", "service", "group" or "token"; 22023 for anything else. */
extern SubjectKind effective_subject_kind(const char *kind);

/*
 * Find and load a subject, read with the statement's snapshot; flags are for
 * effective_way().  A token's name is its id, "12" or "a12".  Returns false if
 * there is no such subject; otherwise the caller ends with hub_free(data).
 */
extern bool effective_subject(EffectiveSubject *subject, SubjectKind kind,
							  const char *name, int flags);

/* The same by id (of which 0 is nobody's), and with a snapshot as in hub_load. */
extern bool effective_subject_by_id(EffectiveSubject *subject, HubSchema *hub,
									SubjectKind kind, int id, int flags, bool latest);
extern const Scopeset *effective_subject_scopes(EffectiveSubject *subject,
												char **error);

/*
 * Without the very scope inherit, which is whatever the owner holds and so held by
 * definition, as in the hub's check of a new token.
 */
extern Scopeset *effective_without_inherit(const Scopeset *wanted);

/* "12" or "a12", as in the hub's API; 0 if it is neither. */
extern int	effective_token_id(const char *name);

/* A copy of a token that outlives hub_each_token's call. */
extern HubToken *effective_copy_token(const HubToken *token);

/* Has the token expired, as the hub's look-up sees it? */
extern bool effective_token_expired(const HubToken *token);

/* Flags for reading functions: what option token_shares says. */
extern int	effective_reading_flags(void);

/* ---- paths: by which grant a permission is held (paths.c) ---- */

/* One scope of a role or of a share, as it came to an owner. */
typedef struct EffectiveGrant
{
	HubGroup   *group;			/* through this group; NULL: directly */
	HubRole    *role;			/* NULL: it is a share's */
	HubShare   *share;			/* NULL: it is a role's */
	ScopeMember raw;			/* the scope as written */
	const Scopeset *scopes;		/* what it gives: expanded */
	const char *defect;			/* the row does not parse: no raw, no scopes */
} EffectiveGrant;

typedef struct EffectiveGrants
{
	int			n;
	int			size;
	EffectiveGrant *grants;
} EffectiveGrants;

/*
 * All grants of an owner (one of the three), also those that another makes
 * superfluous: roles, then each group's roles, shares, and the groups' shares.
 * for_token: those that its tokens are intersected with, as effective_token
 * does.  In the current memory context.
 */
extern EffectiveGrants *effective_grants(EffectiveWay *way, HubUser *user,
										 HubService *service, HubGroup *group,
										 bool for_token);

/* Why a token asks for something. */
typedef enum EffectiveAskKind
{
	ASK_INHERIT,				/* all that its owner holds */
	ASK_STORED,					/* a stored scope */
	ASK_CLIENT,					/* access to what its client stands for */
	ASK_IDENTIFY				/* who its owner is */
} EffectiveAskKind;

extern const char *const effective_ask_names[];

typedef struct EffectiveAsk
{
	EffectiveAskKind kind;
	ScopeMember raw;			/* ASK_INHERIT, ASK_STORED: as stored */
	const Scopeset *scopes;		/* expanded; NULL for ASK_INHERIT */
} EffectiveAsk;

typedef struct EffectiveAsks
{
	int			n;
	EffectiveAsk *asks;
	const HubClient *client;	/* NULL: jupyterhub, or unknown */
} EffectiveAsks;

/* What a token asks for; inherit alone if it has that. */
extern EffectiveAsks *effective_asks(EffectiveWay *way, HubToken *token,
									 HubUser *user, HubService *service);

/* What it would ask for without the scope inherit. */
extern EffectiveAsks *effective_asks_beside_inherit(EffectiveWay *way, HubToken *token,
													HubUser *user, HubService *service);

/* One way by which a subject holds one permission. */
typedef struct EffectivePath
{
	const ScopeMember *scope;	/* the permission; NULL: there is a defect */
	const EffectiveGrant *grant;	/* NULL: a defect of the token itself */
	const EffectiveAsk *ask;	/* of a token; else NULL */
	const char *defect;
} EffectivePath;

typedef void (*effective_path_fn) (const EffectivePath *path, void *arg);

/*
 * Every path to every member of the subject's effective scopes, at least one
 * to each, and what does not parse.  A token's path is a pair: what asks for
 * the permission and which grant of the owner gives it.
 */
extern void effective_each_path(EffectiveSubject *subject,
								effective_path_fn each, void *arg);

/* ---- text from users (scope_checks.c) ---- */

/* A text's UTF-8 bytes, without terminator if it can be read where it lies. */
extern const char *effective_utf8(const text *value, int *len);

/* The same as a string. */
extern char *effective_utf8_string(const text *value);

/*
 * One scope from a user: 22P02 when it is none, 54000 when it is too long.
 * member points into str.
 */
extern void effective_parse_scope(const char *str, int len, ScopeMember *member);

/* A required scope names what it is about: 22023 for a self filter. */
extern void effective_refuse_self(const ScopeMember *member);

/* The scopes of a text[], likewise; a NULL among them is refused too. */
extern ScopeMember *effective_required_array(ArrayType *array, int *n);

/* Name of an owner that becomes a filter's value: 22023 if it cannot be one. */
extern void effective_check_name(const char *name);

/* An OAuth client by name; 42704 if there is none such. */
extern const HubClient *effective_client(HubData *data, const char *identifier);

/* The owner of a call by kind and name (any may be NULL), as a target. */
extern void effective_named_target(ExpandTarget *target, const char *owner_kind,
								   const char *owner_name, const HubClient *client);

/* has_scope(): is this member met?  Reads groups only where it must. */
extern bool effective_has_scope(const Scopeset *have, const ScopeMember *required);

/* covers(): likewise. */
extern bool effective_covers(const Scopeset *a, const Scopeset *b);

#endif							/* JHUB_AUTHZ_EFFECTIVE_H */
