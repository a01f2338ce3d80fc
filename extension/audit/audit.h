/*-------------------------------------------------------------------------
 *
 * audit.h
 *	  What the audit views share: the hub that is kept for a query, and rows.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_AUDIT_H
#define JHUB_AUTHZ_AUDIT_H

#include "../effective/effective.h"
#include "../hub/hub_audit.h"

#include "utils/tuplestore.h"

/* ---- the hub that is kept while a query runs (audit_hub.c) ---- */

typedef struct AuditHub AuditHub;

/* Of this place in the query; made at its first call, gone with the query. */
extern AuditHub *audit_hub(FunctionCallInfo fcinfo);

/*
 * A subject by its id: looked up by itself at first; who asks for many gets them
 * from one pass over the hub.  False: there is no such subject.  Good until the
 * next call.
 */
extern bool audit_subject(AuditHub *hub, SubjectKind kind, int id, EffectiveSubject *subject);

/*
 * Call each for every user, service or group, in order of id.  They are read in
 * parts, so the subject lives for one call, and so does what each allocates: it is
 * called in memory that is reset after it.  Each may ask for the subject's scopes;
 * asking audit_subject for others would read parts to and fro.
 */
typedef void (*audit_subject_fn) (EffectiveSubject *subject, void *arg);
extern void audit_each(AuditHub *hub, SubjectKind kind, audit_subject_fn each, void *arg);

/* What else is kept with it: zeroed memory of its life, of one size. */
extern void *audit_hub_extra(AuditHub *hub, Size size);
extern MemoryContext audit_hub_context(const AuditHub *hub);
extern const HubSchema *audit_hub_schema(const AuditHub *hub);
extern bool audit_hub_is_everyone(const AuditHub *hub);

/* So many times something was read: as long as it is the same, a subject's data is. */
extern int	audit_hub_loads(const AuditHub *hub);

/* Read the clients that the shares of a model name, in one go (audit_hub.c). */
extern void audit_share_clients_ahead(HubData *part);

/* The whole hub, read now; for what passes by everybody. */
extern EffectiveWay *audit_load_everyone(void);

/* ---- rows ---- */

/* Put a text column; NULL for NULL.  str is UTF-8. */
extern void audit_put(Datum *value, bool *isnull, const char *str);
extern void audit_put_len(Datum *value, bool *isnull, const char *str, int len);
extern void audit_put_member(Datum *value, bool *isnull, const ScopeMember *member);

/* "12" for a token, else the name; and the owner's kind and name. */
extern const char *audit_subject_name(const EffectiveSubject *subject);
extern const char *audit_owner_kind(const EffectiveSubject *subject);
extern const char *audit_owner_name(const EffectiveSubject *subject);

/* Rows of effective_scopes (effective_scopes.c) */
typedef struct AuditScopeRows
{
	ReturnSetInfo *rsinfo;
	MemoryContext row;			/* reset after each subject */
	EffectiveSubject *subject;
	const ScopeMember *required;	/* only what meets this; NULL: all */
	ScopeMembership *membership;	/* for required */
} AuditScopeRows;

extern void audit_scope_rows_begin(AuditScopeRows *rows, FunctionCallInfo fcinfo);

/* All rows of a subject; none for an expired token. */
extern void audit_scope_rows(AuditScopeRows *rows, EffectiveSubject *subject);

/* ---- shares that were (ended_shares.c) ---- */

typedef struct AuditEndedShare
{
	int			id;
	const Scopeset *scopes;
	bool		has_expires;
	Timestamp	expires_at;		/* UTC */
	TimestampTz ended;			/* when it was taken away */
} AuditEndedShare;

/* With this user or one of these groups, as far as the past was kept; palloc'd. */
extern AuditEndedShare *audit_ended_shares(int user_id, const HubIds *groups, int *n);

#endif							/* JHUB_AUTHZ_AUDIT_H */
