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
 * They are read in parts, as long as they are asked for in order of id, in which
 * the lists of keys have them: as many at a time as fit into work_mem with all that
 * their scopes rest on, and a part is forgotten when the next one is read.  Who asks
 * for them in another order, as a join can, gets all of the hub from one pass, kept
 * to the end of the query.
 *
 * Tokens are no part of the model: they are read ahead (audit_tokens.c), and what
 * is read in parts is their owners.  The parts are made beforehand (audit_parts.c),
 * and the list of keys has the tokens of one after those of another.
 *
 * What is kept hangs on the call site (fn_extra), in the memory of the query
 * that runs: another query reads anew, by its own snapshot.
 *
 *-------------------------------------------------------------------------
 */
#include "audit_tokens.h"

#include "executor/nodeHash.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* so many subjects one by one, and in a part at least */
#define AUDIT_SINGLES	32

/* so many times a part is read for one that came before; then all is read */
#define AUDIT_RETURNS	8

/* so many ids are read at a time for audit_each */
#define AUDIT_EACH_IDS	1000

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
	int			part_at;		/* the last one that was asked for */
	Size		part_size;		/* it is read anew when it grows beyond this */
	int			nreturns;

	HubData    *everyone;		/* NULL until it is needed */
	EffectiveWay *way;

	int			loads;			/* so many times any of these was read */

	AuditTokens tokens;
	int			clients_reads;	/* clients are there of these tokens ... */
	int			clients_loads;	/* ... whose owners are in this part */

	void	   *extra;
};

AuditHub *
audit_hub(FunctionCallInfo fcinfo)
{
	AuditHub   *hub = fcinfo->flinfo->fn_extra;
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
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
	audit_tokens_begin(&hub->tokens, hub->hub, hub->flags, rsinfo->econtext->ecxt_estate);
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

const HubSchema *
audit_hub_schema(const AuditHub *hub)
{
	return hub->hub;
}

bool
audit_hub_is_everyone(const AuditHub *hub)
{
	return hub->everyone != NULL;
}

int
audit_hub_loads(const AuditHub *hub)
{
	return hub->loads;
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

/* ---- subjects ---- */

/* From what was read of many; a token is there already. */
static bool
audit_subject_of(AuditHub *hub, HubData *data, EffectiveWay *way, SubjectKind kind, int id,
				 EffectiveSubject *subject, HubToken *token)
{
	memset(subject, 0, sizeof(*subject));
	subject->kind = kind;
	subject->token = token;
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
	hub->loads++;
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
void
audit_share_clients_ahead(HubData *part)
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
	if (nclients > 0)
	{
		hub_clients_ahead(part, clients, nclients);
		pfree(clients);
	}
}

static const HubTable audit_tables[] = {
	[SUBJECT_USER] = HUB_USERS,
	[SUBJECT_SERVICE] = HUB_SERVICES,
	[SUBJECT_GROUP] = HUB_GROUPS
};

/* Read subjects from this id on, so many. */
static void
audit_read_part(AuditHub *hub, SubjectKind kind, int id, int most)
{
	MemoryContext caller;
	HubIds		ids = {0};
	HubWant		want = {0};

	hub->part = NULL;
	MemoryContextReset(hub->part_context);
	caller = MemoryContextSwitchTo(hub->part_context);
	hub_add_ids_from(hub->hub, audit_tables[kind], id, most, &ids);
	if (kind == SUBJECT_USER)
	{
		want.nusers = ids.n;
		want.users = ids.ids;
		want.users_in_row = true;
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
	hub->part_last = ids.n < most ? PG_INT32_MAX : ids.ids[ids.n - 1];
	hub->npart = ids.n;
	hub->part = hub_load(hub->hub, &want, false);
	hub->part_way = effective_way(hub->part, hub->flags);
	hub->loads++;
	audit_share_clients_ahead(hub->part);
	MemoryContextSwitchTo(caller);
}

/* Have the part that this subject is in; false if parts do not serve. */
static bool
audit_part(AuditHub *hub, SubjectKind kind, int id)
{
	if (hub->nreturns >= AUDIT_RETURNS)
		return false;
	if (hub->part != NULL && hub->part_kind == kind &&
		id >= hub->part_first && id <= hub->part_last)
		return true;
	if (hub->part != NULL && hub->part_kind == kind && id > hub->part_last)
		audit_part_size(hub);
	else if (hub->part != NULL)
	{
		hub->nreturns++;
		hub->part_most = AUDIT_SINGLES;
	}
	audit_read_part(hub, kind, id, hub->part_most);
	return true;
}

/* ---- parts of the owners of tokens ---- */

Size
audit_owners_room(void)
{
	return get_hash_memory_limit() - (Size) work_mem * 1024 / 2;
}

void
audit_owners_clients(HubData *part)
{
	hub_clients_of_users(part);
	audit_share_clients_ahead(part);
}

/* Read the part of the users that one is in, or all services. */
static void
audit_read_owners(AuditHub *hub, SubjectKind kind, int id)
{
	const AuditParts *parts = hub->tokens.parts;
	int			part = kind == SUBJECT_USER ? audit_owner_part(parts, id) : 0;
	MemoryContext caller;
	Size		size;

	audit_read_part(hub, kind, kind == SUBJECT_USER ? parts->first.ids[part] : PG_INT32_MIN,
					kind == SUBJECT_USER ? parts->most : PG_INT32_MAX);
	/* it reaches to the next one, whoever is between */
	hub->part_last = kind == SUBJECT_USER && part + 1 < parts->first.n ?
		parts->first.ids[part + 1] - 1 : PG_INT32_MAX;
	caller = MemoryContextSwitchTo(hub->part_context);
	audit_owners_clients(hub->part);
	MemoryContextSwitchTo(caller);
	size = MemoryContextMemAllocated(hub->part_context, true);
	if (size > get_hash_memory_limit())
		audit_parts_too_large();
	/* but not again and again, where it is more from the start */
	hub->part_size = Max(audit_owners_room(), size + audit_owners_room() / 3);
}

/*
 * What is found out of owners stays in the part, and who is in which group, of
 * others too.  When that is more than was thought, it is forgotten.
 */
static bool
audit_owners(AuditHub *hub, SubjectKind kind, int id)
{
	bool		ahead;

	if (hub->nreturns >= AUDIT_RETURNS)
		return false;
	if (hub->part != NULL && hub->part_kind == kind &&
		id >= hub->part_first && id <= hub->part_last)
	{
		if (id != hub->part_at && MemoryContextMemAllocated(hub->part_context, true) > hub->part_size)
			audit_read_owners(hub, kind, id);
		hub->part_at = id;
		return true;
	}
	/* users come before services */
	ahead = hub->part == NULL || (hub->part_kind == kind ? id > hub->part_last : kind == SUBJECT_SERVICE);
	if (!ahead)
		hub->nreturns++;
	audit_read_owners(hub, kind, id);
	hub->part_at = id;
	return true;
}

static void
audit_read_everyone(AuditHub *hub)
{
	MemoryContext caller = MemoryContextSwitchTo(hub->context);
	HubData    *everyone;

	MemoryContextReset(hub->single);
	hub->part = NULL;
	MemoryContextReset(hub->part_context);
	everyone = audit_load(hub->hub);
	hub->way = effective_way(everyone, hub->flags);
	hub->everyone = everyone;
	hub->loads++;
	MemoryContextSwitchTo(caller);
}

/* ---- tokens of a part ---- */

/*
 * Read the clients of those tokens that were read ahead, as far as their owners are
 * in the part.  Most are there already, with the owners' servers.
 */
static void
audit_token_clients(AuditHub *hub)
{
	AuditTokens *tokens = &hub->tokens;
	char	  **clients;
	int			n = 0;

	if (hub->clients_reads == tokens->reads && hub->clients_loads == hub->loads)
		return;
	hub->clients_reads = tokens->reads;
	hub->clients_loads = hub->loads;
	clients = palloc(sizeof(char *) * tokens->n);
	for (int i = 0; i < tokens->n; i++)
	{
		const HubToken *token = tokens->tokens[i];

		if (token->client_id != NULL && strcmp(token->client_id, "jupyterhub") != 0 &&
			(hub_user(hub->part, token->user_id) != NULL || hub_service(hub->part, token->service_id) != NULL))
			clients[n++] = token->client_id;
	}
	if (n > 0)
		hub_clients_ahead(hub->part, clients, n);
	pfree(clients);
}

static bool
audit_token(AuditHub *hub, int id, EffectiveSubject *subject)
{
	HubToken   *token;

	token = audit_token_find(&hub->tokens, id);
	if (token == NULL)
		return false;
	if (hub->everyone == NULL)
	{
		bool		read;

		if (token->user_id != 0)
			read = audit_owners(hub, SUBJECT_USER, token->user_id);
		else if (token->service_id != 0 || hub->part == NULL)
			read = audit_owners(hub, SUBJECT_SERVICE, token->service_id);
		else
			read = true;
		if (read)
			audit_token_clients(hub);
		else
			audit_read_everyone(hub);
	}
	return hub->everyone != NULL ?
		audit_subject_of(hub, hub->everyone, hub->way, SUBJECT_TOKEN, id, subject, token) :
		audit_subject_of(hub, hub->part, hub->part_way, SUBJECT_TOKEN, id, subject, token);
}

bool
audit_subject(AuditHub *hub, SubjectKind kind, int id, EffectiveSubject *subject)
{
	if (hub->everyone == NULL && hub->singles < AUDIT_SINGLES)
		return audit_single(hub, kind, id, subject);
	if (kind == SUBJECT_TOKEN)
		return audit_token(hub, id, subject);
	if (hub->everyone == NULL && !audit_part(hub, kind, id))
		audit_read_everyone(hub);
	return hub->everyone != NULL ?
		audit_subject_of(hub, hub->everyone, hub->way, kind, id, subject, NULL) :
		audit_subject_of(hub, hub->part, hub->part_way, kind, id, subject, NULL);
}

/* ---- everybody, one after the other ---- */

/* What was read of one kind would be a bad guess for the next one, and in its way. */
static void
audit_forget_part(AuditHub *hub)
{
	hub->part = NULL;
	MemoryContextReset(hub->part_context);
	hub->part_most = 2 * AUDIT_SINGLES;
}

void
audit_each(AuditHub *hub, SubjectKind kind, audit_subject_fn each, void *arg)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz audit each",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = CurrentMemoryContext;
	HubIds		ids = {0};
	int			from = PG_INT32_MIN;

	/* who asks for all asks for many */
	hub->singles = AUDIT_SINGLES;
	audit_forget_part(hub);
	do
	{
		ids.n = 0;
		hub_add_ids_from(hub->hub, audit_tables[kind], from, AUDIT_EACH_IDS, &ids);
		for (int i = 0; i < ids.n; i++)
		{
			EffectiveSubject subject;

			CHECK_FOR_INTERRUPTS();
			if (!audit_subject(hub, kind, ids.ids[i], &subject))
				continue;
			MemoryContextSwitchTo(context);
			each(&subject, arg);
			MemoryContextSwitchTo(caller);
			MemoryContextReset(context);
		}
		from = ids.n > 0 ? ids.ids[ids.n - 1] : PG_INT32_MAX;
	} while (ids.n == AUDIT_EACH_IDS && from++ < PG_INT32_MAX);
	pfree(ids.ids);
	MemoryContextDelete(context);
	audit_forget_part(hub);
}
