/*-------------------------------------------------------------------------
 *
 * audit_tokens.c
 *	  Tokens by their ids, read ahead: of the hub that is kept for a query.
 *
 * The list of keys has the tokens in the order of hub_token_order, those of some
 * owners after those of others.  Here the same order is gone through, up to the
 * token that is asked for, and those that follow are read with it: more at each
 * time as long as they are asked for.
 *
 * Who asks in another order lets the order begin anew, but not again and again:
 * then what follows by id is read ahead, if anything.
 *
 *-------------------------------------------------------------------------
 */
#include "audit_tokens.h"

#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/memutils.h"

/* so many tokens are read ahead at most, and so many however little memory there is */
#define TOKENS_MOST_AHEAD	1024
#define TOKENS_FEW_AHEAD	16

/* so many times the order is begun anew for a token that came before */
#define TOKENS_RETURNS	8

/* parts of work_mem: of the order, of what is read ahead */
#define TOKENS_ORDER_PART	4
#define TOKENS_AHEAD_PART	8

void
audit_tokens_begin(AuditTokens *tokens, const HubSchema *hub, int flags, EState *query)
{
	tokens->hub = hub;
	tokens->flags = flags;
	tokens->query = query;
	tokens->context = CurrentMemoryContext;
	tokens->ahead = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz audit tokens",
										  ALLOCSET_DEFAULT_SIZES);
	tokens->most = 1;
}

/* ---- the order ---- */

static void
tokens_give_up(AuditTokens *tokens)
{
	if (tokens->order != NULL)
		hub_token_order_end(tokens->order);
	tokens->order = NULL;
}

/* At the regular end of the query; after an error the server closes the file. */
static void
tokens_end(Datum arg)
{
	tokens_give_up((AuditTokens *) DatumGetPointer(arg));
}

/* A query that tells nobody of its end would leave a file open. */
static void
tokens_begin_order(AuditTokens *tokens)
{
	MemoryContext caller = MemoryContextSwitchTo(tokens->context);

	tokens->parts = audit_owner_parts(tokens->hub, tokens->flags);
	if (tokens->query != NULL)
	{
		tokens->order = hub_token_order(tokens->hub, &tokens->parts->first, work_mem / TOKENS_ORDER_PART, true);
		RegisterExprContextCallback(CreateExprContext(tokens->query), tokens_end,
									PointerGetDatum(tokens));
	}
	MemoryContextSwitchTo(caller);
}

/* Go on to this token, or to the end. */
static bool
tokens_go_to(AuditTokens *tokens, int id)
{
	int			at;

	while (hub_token_order_next(tokens->order, &at))
	{
		CHECK_FOR_INTERRUPTS();
		if (at == id)
			return true;
	}
	return false;
}

/* The same from where the order is, or from its beginning. */
static bool
tokens_seek(AuditTokens *tokens, int id)
{
	if (tokens_go_to(tokens, id))
		return true;
	if (++tokens->returns > TOKENS_RETURNS)
	{
		tokens_give_up(tokens);
		return false;
	}
	hub_token_order_again(tokens->order);
	return tokens_go_to(tokens, id);
}

/* ---- reading ---- */

static void
tokens_keep(HubToken *token, void *arg)
{
	AuditTokens *tokens = arg;
	MemoryContext caller = MemoryContextSwitchTo(tokens->ahead);

	tokens->tokens[tokens->n++] = effective_copy_token(token);
	MemoryContextSwitchTo(caller);
}

/* Twice as many, if half of what was read was asked for, and as many as fit. */
static void
tokens_size(AuditTokens *tokens)
{
	Size		room = (Size) work_mem * 1024 / TOKENS_AHEAD_PART;
	Size		each = MemoryContextMemAllocated(tokens->ahead, false) / Max(tokens->n, 1);
	int			fit = (int) Min(room / Max(each, 1), TOKENS_MOST_AHEAD);

	tokens->most = tokens->used * 2 >= tokens->n ? tokens->most * 2 : tokens->most / 2;
	tokens->most = Max(Min(tokens->most, Max(fit, TOKENS_FEW_AHEAD)), 1);
}

/* This token and those that follow. */
static void
tokens_read(AuditTokens *tokens, int id)
{
	HubTokenWant want = {.all = true,.from = id};
	MemoryContext caller = CurrentMemoryContext;

	tokens_size(tokens);
	MemoryContextReset(tokens->ahead);
	tokens->tokens = MemoryContextAlloc(tokens->ahead, sizeof(HubToken *) * tokens->most);
	tokens->n = 0;
	tokens->used = 0;
	tokens->reads++;
	if (tokens->order != NULL)
	{
		int		   *ids = MemoryContextAlloc(tokens->ahead, sizeof(int) * tokens->most);

		ids[0] = id;
		want.all = false;
		want.ids = ids;
		want.nids = 1;
		while (want.nids < tokens->most && hub_token_order_next(tokens->order, &ids[want.nids]))
			want.nids++;
	}
	else
		want.most = tokens->most;
	hub_each_token(tokens->hub, &want, false, tokens_keep, tokens);
	MemoryContextSwitchTo(caller);
}

/* Among those that were read. */
static HubToken *
tokens_search(AuditTokens *tokens, int id)
{
	int			low = 0;
	int			high = tokens->n;

	while (low < high)
	{
		int			mid = (low + high) / 2;

		if (tokens->tokens[mid]->id == id)
		{
			tokens->used++;
			return tokens->tokens[mid];
		}
		if (tokens->tokens[mid]->id < id)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

HubToken *
audit_token_find(AuditTokens *tokens, int id)
{
	HubToken   *token = tokens_search(tokens, id);

	if (token != NULL)
		return token;
	if (tokens->parts == NULL)
		tokens_begin_order(tokens);
	if (tokens->order != NULL && !tokens_seek(tokens, id) && tokens->order != NULL)
		return NULL;
	tokens_read(tokens, id);
	return tokens_search(tokens, id);
}
