/*-------------------------------------------------------------------------
 *
 * escalation_each.c
 *	  Passing by everybody for whom something may be told of what they can reach.
 *
 * Users and services are read in parts, and those of whom there is something to tell
 * are remembered by their ids.  Then their tokens are passed by, the owners again in
 * parts: the hub has no index of tokens by owner, and each part is a pass over all
 * tokens, so a part has as many owners as fit.
 *
 *-------------------------------------------------------------------------
 */
#include "audit_tokens.h"
#include "escalation.h"

#include "catalog/pg_type.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* so many tokens are read at a time, and so many owners at least */
#define REACH_BATCH	1000

typedef struct ReachEach
{
	ReachHub   *hub;
	reach_subject_fn each;
	void	   *arg;
	HubIds	   *found;			/* whose tokens are to be looked at */

	/* of those whose tokens are looked at */
	EffectiveWay *way;
	MemoryContext one;			/* what lasts for one token */
	MemoryContext tokens_context;
	HubToken   *tokens[REACH_BATCH];
	int			ntokens;
} ReachEach;

/* ---- users and services ---- */

static bool
reach_one(ReachEach *loop, EffectiveSubject *subject)
{
	return loop->each(loop->hub, subject, effective_subject_scopes(subject, NULL), loop->arg);
}

static void
reach_subject(EffectiveSubject *subject, void *arg)
{
	ReachEach  *loop = arg;

	if (reach_one(loop, subject))
		hub_ids_add(loop->found, subject->user != NULL ? subject->user->id : subject->service->id);
}

static void
reach_each_of(ReachEach *loop, SubjectKind kind, HubIds *found)
{
	/* here, so that it does not lie in the memory of one subject */
	hub_ids_begin(found);
	loop->found = found;
	audit_each(loop->hub->audit, kind, reach_subject, loop);
}

/* ---- tokens ---- */

/* The tokens that wait, after their clients were read in one go. */
static void
reach_tokens(ReachEach *loop)
{
	HubData    *data = loop->way->data;

	hub_clients_of_tokens(data, loop->tokens, loop->ntokens);
	for (int i = 0; i < loop->ntokens; i++)
	{
		HubToken   *token = loop->tokens[i];
		EffectiveSubject subject = {.kind = SUBJECT_TOKEN,.token = token,.data = data,.way = loop->way};
		MemoryContext caller = MemoryContextSwitchTo(loop->one);

		CHECK_FOR_INTERRUPTS();
		if (token->user_id != 0)
			subject.user = hub_user(data, token->user_id);
		else if (token->service_id != 0)
			subject.service = hub_service(data, token->service_id);
		(void) reach_one(loop, &subject);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(loop->one);
	}
	loop->ntokens = 0;
	MemoryContextReset(loop->tokens_context);
}

static void
reach_token(HubToken *token, void *arg)
{
	ReachEach  *loop = arg;
	MemoryContext caller = MemoryContextSwitchTo(loop->tokens_context);

	loop->tokens[loop->ntokens++] = effective_copy_token(token);
	MemoryContextSwitchTo(caller);
	if (loop->ntokens == REACH_BATCH)
		reach_tokens(loop);
}

/* Tokens come in any order of their owners, so all of these are there, and nobody else. */
static void
reach_tokens_of_owners(ReachEach *loop, const HubWant *owners)
{
	const HubSchema *hub = audit_hub_schema(loop->hub->audit);
	HubTokenWant want = {.live_only = true,.users = owners->users,.nusers = owners->nusers,
	.services = owners->services,.nservices = owners->nservices};

	if (owners->nusers + owners->nservices == 0)
		return;
	loop->way = effective_way(hub_load(hub, owners, false), effective_reading_flags());
	hub_each_token(hub, &want, false, reach_token, loop);
	reach_tokens(loop);
	hub_free(loop->way->data);
}

/* Of few owners in order of id, of many part by part; services' with the first part. */
static void
reach_each_token(ReachEach *loop, const HubIds *users, const HubIds *services)
{
	HubWant		owners = {.users = users->ids,.services = services->ids,.nservices = services->n};
	int			most = REACH_BATCH;

	if (users->n > most)
		most = Max(audit_owner_parts(audit_hub_schema(loop->hub->audit), effective_reading_flags())->most, most);
	loop->one = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz reach token",
									  ALLOCSET_DEFAULT_SIZES);
	loop->tokens_context = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz reach tokens",
												 ALLOCSET_DEFAULT_SIZES);
	for (int left = users->n; left > 0 || owners.nservices > 0; left -= owners.nusers)
	{
		owners.nusers = Min(left, most);
		reach_tokens_of_owners(loop, &owners);
		owners.users += owners.nusers;
		owners.nservices = 0;
	}
	MemoryContextDelete(loop->one);
	MemoryContextDelete(loop->tokens_context);
}

/* ---- one ---- */

/* One of them; and of a token's owner it is seen first whether the token counts. */
static void
reach_each_one(ReachEach *loop, SubjectKind kind, int id)
{
	EffectiveSubject subject;

	if (!audit_subject(loop->hub->audit, kind, id, &subject))
		return;
	if (kind == SUBJECT_TOKEN)
	{
		EffectiveSubject owner = subject;

		owner.kind = subject.user != NULL ? SUBJECT_USER : SUBJECT_SERVICE;
		owner.token = NULL;
		if ((subject.user == NULL && subject.service == NULL) ||
			effective_token_expired(subject.token) || !reach_one(loop, &owner))
			return;
	}
	(void) reach_one(loop, &subject);
}

/*
 * Is the query about one subject?  A name that may be shown in another way than the
 * database has it is looked for among all.
 */
static bool
reach_asked(ReachEach *loop, FunctionCallInfo fcinfo)
{
	const HubSchema *hub = audit_hub_schema(loop->hub->audit);
	Datum		kind;
	Datum		name;
	const char *word;
	char	   *str;
	char	   *end;
	long		id;

	if (GetDatabaseEncoding() != PG_UTF8 || !module_asked(fcinfo, 1, TEXTOID, &kind) ||
		!module_asked(fcinfo, 2, TEXTOID, &name) || VARSIZE_ANY_EXHDR(DatumGetTextPP(name)) == 0)
		return false;
	word = TextDatumGetCString(kind);
	str = TextDatumGetCString(name);
	if (strcmp(word, effective_kind_names[SUBJECT_USER]) == 0)
		reach_each_one(loop, SUBJECT_USER, hub_user_id(hub, str, false));
	else if (strcmp(word, effective_kind_names[SUBJECT_SERVICE]) == 0)
		reach_each_one(loop, SUBJECT_SERVICE, hub_service_id(hub, str, false));
	else if (strcmp(word, effective_kind_names[SUBJECT_TOKEN]) == 0)
	{
		errno = 0;
		id = strtol(str, &end, 10);
		if (*end == '\0' && errno == 0 && id >= PG_INT32_MIN && id <= PG_INT32_MAX)
			reach_each_one(loop, SUBJECT_TOKEN, (int) id);
	}
	return true;
}

/* ---- all ---- */

void
reach_each(ReachHub *hub, FunctionCallInfo fcinfo, reach_subject_fn each, void *arg)
{
	ReachEach	loop = {.hub = hub,.each = each,.arg = arg};
	HubIds		users = {0};
	HubIds		services = {0};

	if (reach_asked(&loop, fcinfo))
		return;
	reach_each_of(&loop, SUBJECT_USER, &users);
	reach_each_of(&loop, SUBJECT_SERVICE, &services);
	reach_each_token(&loop, &users, &services);
}
