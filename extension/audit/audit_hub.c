/*-------------------------------------------------------------------------
 *
 * audit_hub.c
 *	  The hub as it is kept for a query that asks for one subject after another.
 *
 * The audit views are lists of keys, each joined to a function of the key.  With
 * a condition on the key the function is called for a few, and each costs what
 * the single question costs.  Without one it is called for everybody: then, after
 * some subjects that were looked up by themselves, the hub is read in one pass
 * and kept to the end of the query.  So a query never pays more than a little
 * over the cheaper of the two, whichever keys it asks for.
 *
 * Tokens are no part of the model.  When everybody is loaded they are read ahead,
 * more at each time as long as they are asked for in order of id, in which the
 * list of keys has them.
 *
 * What is kept hangs on the call site (fn_extra), in the memory of the query
 * that runs: another query reads anew, by its own snapshot.
 *
 *-------------------------------------------------------------------------
 */
#include "audit.h"

#include "utils/memutils.h"

/* so many subjects one by one; the next one is everybody's */
#define AUDIT_SINGLES	32

/* so many tokens are read ahead at most */
#define AUDIT_MOST_AHEAD	1024

struct AuditHub
{
	MemoryContext context;		/* of the query */
	HubSchema  *hub;
	int			flags;
	int			singles;
	MemoryContext single;		/* one subject's, reset at the next */
	HubData    *everyone;		/* NULL until there were too many single ones */
	EffectiveWay *way;

	/* tokens that were read ahead, in order of id */
	MemoryContext ahead;
	HubToken  **tokens;
	int			ntokens;
	int			next;			/* where the next one in order is */
	int			most;			/* how many are read at a time */
	int			from;			/* the last chunk was asked for from this id on */

	void	   *extra;
};

AuditHub *
audit_hub(FunctionCallInfo fcinfo)
{
	AuditHub   *hub = fcinfo->flinfo->fn_extra;
	MemoryContext context;
	MemoryContext caller;

	if (hub != NULL)
		return hub;
	context = AllocSetContextCreate(fcinfo->flinfo->fn_mcxt, "jhub_authz audit",
									ALLOCSET_DEFAULT_SIZES);
	caller = MemoryContextSwitchTo(context);
	hub = palloc0(sizeof(AuditHub));
	hub->context = context;
	hub->hub = hub_schema(false, false);
	hub->flags = effective_reading_flags();
	hub->single = AllocSetContextCreate(context, "jhub_authz audit subject",
										ALLOCSET_DEFAULT_SIZES);
	hub->ahead = AllocSetContextCreate(context, "jhub_authz audit tokens",
									   ALLOCSET_DEFAULT_SIZES);
	hub->most = 1;
	MemoryContextSwitchTo(caller);
	fcinfo->flinfo->fn_extra = hub;
	return hub;
}

MemoryContext
audit_hub_context(const AuditHub *hub)
{
	return hub->context;
}

bool
audit_hub_is_everyone(const AuditHub *hub)
{
	return hub->everyone != NULL;
}

void *
audit_hub_extra(AuditHub *hub, Size size)
{
	if (hub->extra == NULL)
		hub->extra = MemoryContextAllocZero(hub->context, size);
	return hub->extra;
}

static HubData *
audit_load(const HubSchema *hub)
{
	HubWant		want;

	memset(&want, 0, sizeof(want));
	want.everyone = true;
	return hub_load(hub, &want, false);
}

EffectiveWay *
audit_load_everyone(void)
{
	return effective_way(audit_load(hub_schema(false, false)), effective_reading_flags());
}

/* ---- tokens, read ahead ---- */

static void
audit_keep_token(HubToken *token, void *arg)
{
	AuditHub   *hub = arg;
	MemoryContext caller = MemoryContextSwitchTo(hub->ahead);

	hub->tokens[hub->ntokens++] = effective_copy_token(token);
	MemoryContextSwitchTo(caller);
}

/* Read tokens from this id on. */
static void
audit_read_ahead(AuditHub *hub, int id)
{
	HubTokenWant want = {.all = true,.from = id};
	int			last = hub->ntokens > 0 ? hub->tokens[hub->ntokens - 1]->id : 0;

	/* twice as many, if all that was read was gone through */
	if (hub->ntokens > 0 && id > last && hub->next >= hub->ntokens)
		hub->most = Min(2 * hub->most, AUDIT_MOST_AHEAD);
	else
		hub->most = 1;
	MemoryContextReset(hub->ahead);
	hub->tokens = MemoryContextAlloc(hub->ahead, sizeof(HubToken *) * hub->most);
	hub->ntokens = 0;
	hub->next = 0;
	hub->from = id;
	want.most = hub->most;
	hub_each_token(hub->hub, &want, false, audit_keep_token, hub);
}

static HubToken *
audit_token(AuditHub *hub, int id)
{
	for (int attempt = 0; attempt < 2; attempt++)
	{
		while (hub->next < hub->ntokens && hub->tokens[hub->next]->id < id)
			hub->next++;
		if (hub->next < hub->ntokens && hub->tokens[hub->next]->id == id)
			return hub->tokens[hub->next++];
		if (attempt == 0)
			audit_read_ahead(hub, id);
	}
	return NULL;
}

/* ---- subjects ---- */

static bool
audit_subject_of_everyone(AuditHub *hub, SubjectKind kind, int id, EffectiveSubject *subject)
{
	memset(subject, 0, sizeof(*subject));
	subject->kind = kind;
	subject->hub = hub->hub;
	subject->data = hub->everyone;
	subject->way = hub->way;
	switch (kind)
	{
		case SUBJECT_USER:
			subject->user = hub_user(hub->everyone, id);
			return subject->user != NULL;
		case SUBJECT_SERVICE:
			subject->service = hub_service(hub->everyone, id);
			return subject->service != NULL;
		case SUBJECT_GROUP:
			subject->group = hub_group(hub->everyone, id);
			return subject->group != NULL;
		case SUBJECT_TOKEN:
			break;
	}
	subject->token = audit_token(hub, id);
	if (subject->token == NULL)
		return false;
	if (subject->token->user_id != 0)
		subject->user = hub_user(hub->everyone, subject->token->user_id);
	else if (subject->token->service_id != 0)
		subject->service = hub_service(hub->everyone, subject->token->service_id);
	return true;
}

bool
audit_subject(AuditHub *hub, SubjectKind kind, int id, EffectiveSubject *subject)
{
	MemoryContext caller;
	bool		found;

	if (hub->everyone == NULL && hub->singles < AUDIT_SINGLES)
	{
		hub->singles++;
		MemoryContextReset(hub->single);
		caller = MemoryContextSwitchTo(hub->single);
		found = effective_subject_by_id(subject, hub->hub, kind, id, hub->flags,
										false);
		MemoryContextSwitchTo(caller);
		return found;
	}
	if (hub->everyone == NULL)
	{
		HubData    *everyone;

		MemoryContextReset(hub->single);
		caller = MemoryContextSwitchTo(hub->context);
		everyone = audit_load(hub->hub);
		hub->way = effective_way(everyone, hub->flags);
		hub->everyone = everyone;
		MemoryContextSwitchTo(caller);
	}
	return audit_subject_of_everyone(hub, kind, id, subject);
}
