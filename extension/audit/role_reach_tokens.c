/*-------------------------------------------------------------------------
 *
 * role_reach_tokens.c
 *	  Which tokens use a role.
 *
 * Tokens come owner by owner, and of the owners, who have the role, as many are read
 * at a time as fit.  A part is forgotten when the tokens of the next one come.
 *
 *-------------------------------------------------------------------------
 */
#include "audit_tokens.h"
#include "role_reach.h"

#include "executor/nodeHash.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* so many tokens wait until what their clients stand for is looked up for all of them */
#define REACH_WAITING	1000

/* what a user takes, until some have been read; and so many are read at least */
#define REACH_USER_SIZE	2048
#define REACH_FEW_USERS	32

typedef struct ReachTokens
{
	const HubSchema *hub;
	const Scopeset *raw;
	const HubIds *users;
	const HubIds *services;
	ReachUse   *use;

	/* the owners that are there: of one kind, up to this id */
	MemoryContext part;
	EffectiveWay *way;			/* NULL: none are */
	bool		of_users;
	int			last;
	int			n;
	int			most;			/* so many are read */
	Size		size;			/* it is read anew when it is larger */

	MemoryContext waiting;
	HubToken   *tokens[REACH_WAITING];
	int			ntokens;
	MemoryContext each;			/* of one token */
} ReachTokens;

/* ---- owners ---- */

/* As many as fit, to judge by those of the last part. */
static void
reach_part_size(ReachTokens *tokens)
{
	Size		each = REACH_USER_SIZE;

	if (tokens->way != NULL && tokens->n > 0)
		each = Max(MemoryContextMemAllocated(tokens->part, true) / tokens->n, 1);
	tokens->most = (int) Min(audit_owners_room() / each, (Size) tokens->most * 8);
	tokens->most = Max(tokens->most, REACH_FEW_USERS);
}

/* Read this owner and those that follow. */
static void
reach_read_part(ReachTokens *tokens, bool of_users, int id)
{
	const HubIds *owners = of_users ? tokens->users : tokens->services;
	int			from = hub_ids_part(owners, id);
	int			n;
	HubWant		want = {0};
	MemoryContext caller;

	reach_part_size(tokens);
	tokens->way = NULL;
	MemoryContextReset(tokens->part);
	n = Min(owners->n - from, tokens->most);
	if (of_users)
	{
		want.users = owners->ids + from;
		want.nusers = n;
		want.users_in_row = (int64) owners->ids[from + n - 1] - owners->ids[from] == n - 1;
	}
	else
	{
		want.services = owners->ids + from;
		want.nservices = n;
	}
	caller = MemoryContextSwitchTo(tokens->part);
	tokens->way = effective_way(hub_load(tokens->hub, &want, false), effective_reading_flags());
	if (of_users)
		audit_owners_clients(tokens->way->data);
	MemoryContextSwitchTo(caller);
	tokens->of_users = of_users;
	tokens->last = owners->ids[from + n - 1];
	tokens->n = n;
	tokens->size = Max(get_hash_memory_limit(), MemoryContextMemAllocated(tokens->part, true) / 4 * 5);
}

/* ---- tokens ---- */

/* Is anything of what it holds given by the role to its owner? */
static void
reach_one_token(ReachTokens *tokens, HubToken *token)
{
	HubData    *data = tokens->way->data;
	HubUser    *user = token->user_id != 0 ? hub_user(data, token->user_id) : NULL;
	HubService *service = user == NULL && token->service_id != 0 ? hub_service(data, token->service_id) : NULL;
	ReachUse   *use = tokens->use;
	ExpandTarget target;
	const Scopeset *held;
	Scopeset   *given;
	int			at;

	if (user == NULL && service == NULL)
		return;
	held = effective_token(tokens->way, token, NULL, NULL);
	effective_target(&target, user, service, NULL);
	given = catalogue_expand(tokens->hub->catalogue, tokens->raw, &target);
	if (!scopeset_overlaps_with(held, given, hub_membership(data)))
		return;
	use->number++;
	if (use->n == ROLE_REACH_NAMES && use->tokens[use->n - 1] < token->id)
		return;
	at = use->n < ROLE_REACH_NAMES ? use->n++ : use->n - 1;
	for (; at > 0 && use->tokens[at - 1] > token->id; at--)
		use->tokens[at] = use->tokens[at - 1];
	use->tokens[at] = token->id;
}

/* Those that wait, after their clients were read in one go. */
static void
reach_waiting(ReachTokens *tokens)
{
	/* also when no owners are there yet */
	if (tokens->ntokens == 0)
		return;
	hub_clients_of_tokens(tokens->way->data, tokens->tokens, tokens->ntokens);
	for (int i = 0; i < tokens->ntokens; i++)
	{
		MemoryContext caller = MemoryContextSwitchTo(tokens->each);

		CHECK_FOR_INTERRUPTS();
		reach_one_token(tokens, tokens->tokens[i]);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(tokens->each);
	}
	tokens->ntokens = 0;
	MemoryContextReset(tokens->waiting);
}

static void
reach_token(HubToken *token, void *arg)
{
	ReachTokens *tokens = arg;
	bool		of_users = token->user_id != 0;
	int			owner = of_users ? token->user_id : token->service_id;
	MemoryContext caller;

	if (!hub_ids_have(of_users ? tokens->users : tokens->services, owner))
		return;
	if (tokens->ntokens == REACH_WAITING)
		reach_waiting(tokens);
	if (tokens->way == NULL || tokens->of_users != of_users || owner > tokens->last ||
		(tokens->ntokens == 0 && MemoryContextMemAllocated(tokens->part, true) > tokens->size))
	{
		reach_waiting(tokens);
		reach_read_part(tokens, of_users, owner);
	}
	caller = MemoryContextSwitchTo(tokens->waiting);
	tokens->tokens[tokens->ntokens++] = effective_copy_token(token);
	MemoryContextSwitchTo(caller);
}

void
reach_use(const HubSchema *hub, const Scopeset *raw, const HubIds *users, const HubIds *services,
		  bool of_most, ReachUse *use)
{
	HubTokenWant want = {.live_only = true,.by_owner = true};
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz role_reach tokens",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	ReachTokens *tokens = palloc0(sizeof(ReachTokens));

	/* a list of most users would be a large hash table, and leave few tokens out */
	want.all = of_most;
	want.users = users->ids;
	want.nusers = users->n;
	want.services = services->ids;
	want.nservices = services->n;
	tokens->hub = hub;
	tokens->raw = raw;
	tokens->users = users;
	tokens->services = services;
	tokens->use = use;
	tokens->most = INT_MAX / 2;
	tokens->part = AllocSetContextCreate(context, "jhub_authz role_reach owners", ALLOCSET_DEFAULT_SIZES);
	tokens->waiting = AllocSetContextCreate(context, "jhub_authz role_reach waiting", ALLOCSET_DEFAULT_SIZES);
	tokens->each = AllocSetContextCreate(context, "jhub_authz role_reach token", ALLOCSET_DEFAULT_SIZES);
	hub_each_token(hub, &want, false, reach_token, tokens);
	reach_waiting(tokens);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}
