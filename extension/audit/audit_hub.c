/*-------------------------------------------------------------------------
 *
 * audit_hub.c
 *	  The hub as it is kept for a query that asks for one subject after another.
 *
 * The audit views are lists of keys, each joined to a function of the key.  With
 * a condition on the key the function is called for a few, and each costs what
 * the single question costs.  Without one it is called for everybody: then, after
 * some subjects that were looked up by themselves, the hub is read set at a time.
 * So a query never pays more than a little over the cheaper of the two, whichever
 * keys it asks for.
 *
 * Users, groups and services are read in parts, as long as they are asked for in
 * order of id, in which the lists of keys have them: as many at a time as fit
 * into work_mem with all that their scopes rest on, and a part is forgotten when
 * the next one is read.  Who asks for them in another order, as a join can, gets
 * all of the hub from one pass, kept to the end of the query; so does who asks
 * for tokens, whose owners come in any order.
 *
 * Tokens are no part of the model.  When everybody is loaded they are read ahead,
 * more at each time as long as they are asked for in order of id.
 *
 * What is kept hangs on the call site (fn_extra), in the memory of the query
 * that runs: another query reads anew, by its own snapshot.
 *
 *-------------------------------------------------------------------------
 */
#include "audit.h"

#include "miscadmin.h"
#include "utils/memutils.h"

/* so many subjects one by one, and in a part at least */
#define AUDIT_SINGLES	32

/* so many times a part is read for one that came before; then all is read */
#define AUDIT_RETURNS	8

/* so many tokens are read ahead at most */
#define AUDIT_MOST_AHEAD	1024

struct AuditHub
{
	MemoryContext context;		/* of the query */
	HubSchema  *hub;
	int			flags;
	int			singles;
	MemoryContext single;		/* one subject's, reset at the next */

	/* subjects of one kind whose ids are in a range */
	MemoryContext part_context;
	HubData    *part;			/* NULL until there were too many single ones */
	EffectiveWay *part_way;
	SubjectKind part_kind;
	int			part_first;
	int			part_last;
	int			npart;
	int			part_most;		/* how many are read at a time */
	int			nreturns;

	HubData    *everyone;		/* NULL until it is needed */
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
	hub->part_context = AllocSetContextCreate(context, "jhub_authz audit part",
											  ALLOCSET_DEFAULT_SIZES);
	hub->part_most = 2 * AUDIT_SINGLES;
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

/* From what was read of many. */
static bool
audit_subject_of(AuditHub *hub, HubData *data, EffectiveWay *way, SubjectKind kind, int id,
				 EffectiveSubject *subject)
{
	memset(subject, 0, sizeof(*subject));
	subject->kind = kind;
	subject->hub = hub->hub;
	subject->data = data;
	subject->way = way;
	switch (kind)
	{
		case SUBJECT_USER:
			subject->user = hub_user(data, id);
			return subject->user != NULL;
		case SUBJECT_SERVICE:
			subject->service = hub_service(data, id);
			return subject->service != NULL;
		case SUBJECT_GROUP:
			subject->group = hub_group(data, id);
			return subject->group != NULL;
		case SUBJECT_TOKEN:
			break;
	}
	subject->token = audit_token(hub, id);
	if (subject->token == NULL)
		return false;
	if (subject->token->user_id != 0)
		subject->user = hub_user(data, subject->token->user_id);
	else if (subject->token->service_id != 0)
		subject->service = hub_service(data, subject->token->service_id);
	return true;
}

static bool
audit_single(AuditHub *hub, SubjectKind kind, int id, EffectiveSubject *subject)
{
	MemoryContext caller;
	bool		found;

	hub->singles++;
	MemoryContextReset(hub->single);
	caller = MemoryContextSwitchTo(hub->single);
	found = effective_subject_by_id(subject, hub->hub, kind, id, hub->flags, false);
	MemoryContextSwitchTo(caller);
	return found;
}

/* ---- parts ---- */

/*
 * How many the next part has: twice as many, but no more than fit, to judge by
 * those of this one.
 */
static void
audit_part_size(AuditHub *hub)
{
	Size		room = (Size) work_mem * 1024 / 4 * 3;
	Size		each = MemoryContextMemAllocated(hub->part_context, true) / Max(hub->npart, 1);

	hub->part_most = Min(2 * hub->part_most, (int) Min(room / Max(each, 1), INT_MAX / 2));
	hub->part_most = Max(hub->part_most, AUDIT_SINGLES);
}

/* A share that says "!server" means what its client stands for. */
static char **
audit_share_clients(HubShare **shares, int nshares, char **clients, int *n)
{
	for (int i = 0; i < nshares; i++)
	{
		if (shares[i]->client_id == NULL ||
			!(scopeset_has_kind(shares[i]->scopes, SCOPE_SERVER_SELF) ||
			  scopeset_has_kind(shares[i]->scopes, SCOPE_SERVICE_SELF)))
			continue;
		if (clients == NULL)
			clients = palloc(sizeof(char *) * 16);
		else if (*n >= 16 && (*n & (*n - 1)) == 0)
			clients = repalloc_huge(clients, sizeof(char *) * 2 * (Size) *n);
		clients[(*n)++] = shares[i]->client_id;
	}
	return clients;
}

/*
 * Read the clients of a part in one go.  Looked up by themselves, all the hub's
 * would be read after the third.
 */
static void
audit_part_clients(HubData *part)
{
	char	  **clients = NULL;
	int			nclients = 0;
	HubUser   **users;
	HubGroup  **groups;
	int			n;

	users = hub_users(part, &n);
	for (int i = 0; i < n; i++)
		clients = audit_share_clients(users[i]->shares, users[i]->nshares, clients, &nclients);
	groups = hub_groups(part, &n);
	for (int i = 0; i < n; i++)
		clients = audit_share_clients(groups[i]->shares, groups[i]->nshares, clients, &nclients);
	if (nclients == 0)
		return;
	hub_clients_ahead(part, clients, nclients);
	pfree(clients);
}

/* Read subjects from this id on. */
static void
audit_read_part(AuditHub *hub, SubjectKind kind, int id)
{
	static const HubTable tables[] = {
		[SUBJECT_USER] = HUB_USERS,
		[SUBJECT_SERVICE] = HUB_SERVICES,
		[SUBJECT_GROUP] = HUB_GROUPS
	};
	MemoryContext caller;
	HubIds		ids = {0};
	HubWant		want = {0};

	hub->part = NULL;
	MemoryContextReset(hub->part_context);
	caller = MemoryContextSwitchTo(hub->part_context);
	hub_add_ids_from(hub->hub, tables[kind], id, hub->part_most, &ids);
	if (kind == SUBJECT_USER)
	{
		want.nusers = ids.n;
		want.users = ids.ids;
	}
	else if (kind == SUBJECT_SERVICE)
	{
		want.nservices = ids.n;
		want.services = ids.ids;
	}
	else
	{
		want.ngroups = ids.n;
		want.groups = ids.ids;
	}
	hub->part_kind = kind;
	hub->part_first = id;
	hub->part_last = ids.n < hub->part_most ? INT_MAX : ids.ids[ids.n - 1];
	hub->npart = ids.n;
	hub->part = hub_load(hub->hub, &want, false);
	hub->part_way = effective_way(hub->part, hub->flags);
	audit_part_clients(hub->part);
	MemoryContextSwitchTo(caller);
}

/* Have the part that this subject is in; false if parts do not serve. */
static bool
audit_part(AuditHub *hub, SubjectKind kind, int id)
{
	if (kind == SUBJECT_TOKEN || hub->nreturns >= AUDIT_RETURNS)
		return false;
	if (hub->part != NULL && hub->part_kind == kind &&
		id >= hub->part_first && id <= hub->part_last)
		return true;
	if (hub->part == NULL)
		audit_read_part(hub, kind, id);
	else if (hub->part_kind == kind && id > hub->part_last)
	{
		audit_part_size(hub);
		audit_read_part(hub, kind, id);
	}
	else
	{
		hub->nreturns++;
		hub->part_most = AUDIT_SINGLES;
		audit_read_part(hub, kind, id);
	}
	return true;
}

bool
audit_subject(AuditHub *hub, SubjectKind kind, int id, EffectiveSubject *subject)
{
	if (hub->everyone == NULL && hub->singles < AUDIT_SINGLES)
		return audit_single(hub, kind, id, subject);
	if (hub->everyone == NULL && audit_part(hub, kind, id))
		return audit_subject_of(hub, hub->part, hub->part_way, kind, id, subject);
	if (hub->everyone == NULL)
	{
		MemoryContext caller = MemoryContextSwitchTo(hub->context);
		HubData    *everyone;

		MemoryContextReset(hub->single);
		hub->part = NULL;
		MemoryContextReset(hub->part_context);
		everyone = audit_load(hub->hub);
		hub->way = effective_way(everyone, hub->flags);
		hub->everyone = everyone;
		MemoryContextSwitchTo(caller);
	}
	return audit_subject_of(hub, hub->everyone, hub->way, kind, id, subject);
}
