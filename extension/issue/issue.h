/*-------------------------------------------------------------------------
 *
 * issue.h
 *	  Tokens: narrowing at issue, hashing, resolving requests, revoking.
 *
 * What a subject may do is computed in the effective room; whether a token
 * grew, and the events, are the growth room's.  Strings are UTF-8.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_ISSUE_H
#define JHUB_AUTHZ_ISSUE_H

#include "../effective/effective.h"
#include "../growth/growth.h"
#include "utils/array.h"

/* The client of tokens that are made by hand; it stands for no OAuth flow. */
#define ISSUE_HUB_CLIENT	"jupyterhub"

/* ---- for whom (owner.c) ---- */

/* The owner of a token and the client that it is issued through. */
typedef struct IssueOwner
{
	const HubSchema *hub;
	HubData    *data;
	EffectiveWay *way;
	HubUser    *user;			/* or NULL */
	HubService *service;		/* or NULL */
	const HubClient *client;	/* or NULL: none such */
	ExpandTarget target;
} IssueOwner;

/* By the ids of a row; 0 and NULL where the row has none. */
extern void issue_owner_load(IssueOwner *owner, const HubSchema *hub,
							 int user_id, int service_id,
							 const char *client_id, bool latest);

/* By name: 22023 for a kind that owns no tokens, 42704 for an unknown name. */
extern void issue_owner_named(IssueOwner *owner, const HubSchema *hub,
							  const char *kind, const char *name,
							  const char *client_id, bool latest);

/* Everything held, expanded; and the roles' scopes as written. */
extern const Scopeset *issue_owner_held(IssueOwner *owner);
extern const Scopeset *issue_owner_raw(IssueOwner *owner);

extern const char *issue_owner_kind(const IssueOwner *owner);	/* or NULL */
extern const char *issue_owner_name(const IssueOwner *owner);	/* or NULL */

/* {"inherit"}, and is it (without a filter) a member? */
extern Scopeset *issue_inherit(void);
extern bool issue_has_inherit(const Scopeset *set);

/*
 * Members that the catalogue does not hold: those that the option keeps and
 * those that it refuses.  NULL: none.
 */
extern void issue_undefined(const HubSchema *hub, const Scopeset *set,
							UndefinedScopes option, bool latest,
							Scopeset **kept, Scopeset **refused);

/* An argument as UTF-8; NULL is 22004. */
extern char *issue_text_arg(FunctionCallInfo fcinfo, int arg, const char *name);

/* UTF-8 to the server's encoding, for messages. */
extern char *issue_message(const char *utf8);

/* ---- many tokens in one statement (bulk.c) ---- */

/*
 * For the trigger that narrows an INSERT: begin gives the hub's schema if an
 * earlier row of the command has read it; if not, keep takes what was read
 * instead and returns what to go on with.  owner: as issue_owner_load, good until end; nothing is to be freed.
 */
extern bool issue_bulk_begin(const HubSchema **hub);
extern const HubSchema *issue_bulk_keep(const HubSchema *hub);
extern void issue_bulk_owner(IssueOwner *owner, const HubSchema *hub, int user_id,
							 int service_id, const char *client_id);
extern void issue_bulk_end(void);

/* ---- which policy counts (token_policy.c) ---- */

/* Who is in the groups that have a policy. */
typedef struct IssueGroups IssueGroups;

/* From where a field of a policy comes. */
typedef struct IssuePolicySource
{
	const PolicyRow *row;		/* NULL: the class */
	int			ngroups;		/* so many groups set it */
} IssuePolicySource;

/*
 * Memberships of these users (nusers 0: of everybody), for the function below;
 * NULL, and nothing read, where no group has a policy.
 */
extern IssueGroups *issue_policy_groups(const HubSchema *hub, const Settings *settings,
										const int *users, int nusers, bool latest);

/*
 * The policy of a token.  sources, if not NULL: zeroed, by PolicyField.  Runs no
 * SQL, so that settings_get()'s answer may be passed.
 */
extern void issue_token_policy(const Settings *settings, const HubToken *token,
							   const IssueGroups *groups, TokenPolicy *policy,
							   IssuePolicySource *sources);

/* ---- max_age (max_age.c) ---- */

/* Is there such a policy for anything? */
extern bool issue_has_max_age(const Settings *settings);

/* Does the token expire too late by its policy?  *cap: when it should. */
extern bool issue_max_expiry(const TokenPolicy *policy, const HubToken *token,
							 Timestamp *cap);

/* When a token was to expire that went and is there again. */
typedef struct IssueStood
{
	int			token_id;
	Timestamp	expires_at;		/* infinity: never */
} IssueStood;

/*
 * Those that live longer than that, and longer than max_age, are cut to the
 * latter, with an event each; without enforce there is only the event.  Sorts
 * the list; where a token is in it more than once the earliest counts.
 */
extern void issue_cap_returned(const HubSchema *hub, const Actor *actor,
							   IssueStood *stood, int n, bool enforce);

/* What an event says of it. */
extern char *issue_max_age_reason(const HubToken *token, Timestamp cap);

/* ---- narrowing (narrow.c, rescope.c) ---- */

/*
 * What the owner holds of stored scopes, which are all defined or kept: each as
 * written if it is wholly held, else the part.  The argument itself if that is
 * all of it.
 */
extern const Scopeset *issue_narrowed(IssueOwner *owner, const Scopeset *stored);

/* Write narrowed scopes to tokens that are stored already, in one statement. */
extern void issue_rescope(const int *ids, const Scopeset *const *scopes, int n);

/* Is the statement under way issue_rescope's?  For the trigger. */
extern bool issue_is_rescoping(void);

/* ---- tokens at rest (token_hash.c) ---- */

#define ISSUE_TOKEN_LENGTH	32	/* hex digits of a new token */
#define ISSUE_PREFIX_LENGTH	4	/* characters */

/* A new random token: 32 hex digits and a terminator. */
extern void issue_new_token(char *token);

/* What is stored of it: "sha512:1:salt:digest", palloc'd. */
extern char *issue_hash_token(const char *token);

/*
 * The id of the live token that a clear one is, in the server's encoding; 0 if
 * it is none.  As in the hub, candidates are looked up by prefix and a token
 * without a client is none.  All of them are compared, found or not.
 */
extern int	issue_authenticate(const char *token);

/* ---- requests (resolve_request.c) ---- */

/*
 * The scopes that a list of scopes or of role names stands for: all of one kind
 * or of the other, else 42704.  Role names: with a WARNING.
 */
extern Scopeset *issue_requested(const HubSchema *hub, ArrayType *requested,
								 bool latest);

/* The elements of a text[] as UTF-8; 22004 for a NULL, which is then a 'what'. */
extern char **issue_elements(ArrayType *array, const char *what, int *n);

/* The scopes of roles, by name; 42704 for a name that there is not. */
extern Scopeset *issue_role_scopes(const HubSchema *hub, char **names, int n,
								   bool latest);

/*
 * The hub's OAuth flow for an owner and a client.  requested NULL: the client's
 * own scopes.  42501 where the client may not ask, or the owner not enter.
 */
extern void issue_resolve(IssueOwner *owner, const Scopeset *requested,
						  Scopeset **granted, Scopeset **refused);

/* ---- revoking (revoke.c) ---- */

/*
 * Revoke tokens by id: expires_at to a moment safely past and, with
 * blank_scopes, the stored scopes to [].  One statement, as the owner of the
 * hub's tables, rows locked in order of id.  What is dead already stays as it
 * is.  Returns how many were revoked; writes no event, that is the caller's.
 */
extern int	issue_revoke(const int *ids, int n, bool blank_scopes);

/* Wait until tokens that were made at these moments are old enough to be gone (grace.c). */
extern void issue_grace(Datum created);

/* Is the statement under way issue_revoke's?  For the triggers. */
extern bool issue_is_revoking(void);

/* ---- and back (revive.c) ---- */

struct HubRevival;

/*
 * Write expiry and scopes of revoked tokens, rows in order of id, which the
 * caller has locked, and hand the ids of those that are alive then, in order,
 * to revived, which takes them off the record.  27000 if a trigger of the hub's
 * role put other scopes there, or a later expiry.
 */
extern int *issue_revive(const HubSchema *hub, const struct HubRevival *rows, int n,
						 void (*revived) (const int *ids, int n), int *nalive);

/* Is issue_revive at work, and for this token?  Then it is not to be judged. */
extern bool issue_is_reviving(int id);

#endif							/* JHUB_AUTHZ_ISSUE_H */
