/*-------------------------------------------------------------------------
 *
 * identity.c
 *	  act_as: a token's identity, until the end of the (sub)transaction.
 *
 * What is kept is the token's id and the hash that the hub has stored of it,
 * never the token.  Identities form a stack, an entry for each (sub)transaction
 * that called act_as; the entry goes with its (sub)transaction, however that
 * ends, and what the one around it had taken counts again.  Nothing outlives
 * the transaction, so nothing is handed on by a connection pool, and a prepared
 * transaction takes nothing with it.  A parallel worker has a memory of its own
 * and no identity: all that asks for it is PARALLEL RESTRICTED.
 *
 * At each use the token must be alive, and its scopes are those of that moment:
 * read with the latest snapshot, at every isolation level.  What was read is
 * taken for as good as new while nothing has been committed by anybody, which
 * the snapshot itself tells, and nothing was done in this transaction.
 *
 *-------------------------------------------------------------------------
 */
#include "identity.h"

#include "access/xact.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/memutils.h"

#include "../hub/hub_requests.h"
#include "../issue/issue.h"
#include "../module/init.h"

PG_FUNCTION_INFO_V1(jhub_authz_act_as);
PG_FUNCTION_INFO_V1(jhub_authz_current_subject);
PG_FUNCTION_INFO_V1(jhub_authz_current_scopes);

/* What was taken, and by which (sub)transaction; token_id 0: nobody's identity. */
typedef struct IdentityTaken
{
	SubTransactionId subid;
	int			token_id;
	char	   *hashed;			/* as the hub has stored it */
	struct IdentityTaken *outer;
} IdentityTaken;

/* All of it is in TopTransactionContext. */
static IdentityTaken *identity_taken = NULL;
static MemoryContext identity_context = NULL;	/* of what follows */
static const IdentityTaken *identity_read_for = NULL;	/* NULL: nothing read */
static SpiMoment identity_moment;	/* by which a use of it is judged */
static Identity identity_read;

static void
identity_forget(void)
{
	identity_read_for = NULL;
}

static void
identity_xact(XactEvent event, void *arg)
{
	switch (event)
	{
		case XACT_EVENT_COMMIT:
		case XACT_EVENT_ABORT:
		case XACT_EVENT_PREPARE:
		case XACT_EVENT_PARALLEL_COMMIT:
		case XACT_EVENT_PARALLEL_ABORT:
			identity_taken = NULL;
			identity_context = NULL;
			identity_forget();
			break;
		default:
			break;
	}
}

/* A subtransaction that is rolled back also takes back what was read in it. */
static void
identity_subxact(SubXactEvent event, SubTransactionId subid,
				 SubTransactionId parent, void *arg)
{
	if (event != SUBXACT_EVENT_COMMIT_SUB && event != SUBXACT_EVENT_ABORT_SUB)
		return;
	identity_forget();
	while (identity_taken != NULL && identity_taken->subid == subid)
		identity_taken = identity_taken->outer;
}

void
identity_init(void)
{
	RegisterXactCallback(identity_xact, NULL);
	RegisterSubXactCallback(identity_subxact, NULL);
}

/* ---- taking one ---- */

void
identity_hide_token(void *arg)
{
	errhidestmt(true);
	errhidecontext(true);
}

/* Of this (sub)transaction, in place of what it had taken before. */
static void
identity_take(int token_id, const char *hashed)
{
	MemoryContext caller = MemoryContextSwitchTo(TopTransactionContext);
	SubTransactionId subid = GetCurrentSubTransactionId();
	IdentityTaken *taken = palloc0(sizeof(IdentityTaken));

	taken->subid = subid;
	taken->token_id = token_id;
	taken->hashed = hashed ? pstrdup(hashed) : NULL;
	taken->outer = identity_taken;
	while (taken->outer != NULL && taken->outer->subid == subid)
		taken->outer = taken->outer->outer;
	MemoryContextSwitchTo(caller);

	identity_forget();
	identity_taken = taken;
}

pg_noreturn static void
identity_refuse(void)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_AUTHORIZATION_SPECIFICATION),
			 errmsg("the token is not valid"),
			 errdetail("There is no live token like this.")));
}

/* "user:alice", in the server's encoding. */
static text *
identity_subject(const Identity *identity)
{
	char	   *subject = psprintf("%s:%s", identity->is_service ? "service" : "user",
								   identity->owner);

	return module_text_from_utf8(subject, strlen(subject));
}

/*
 * act_as(token text) returns text
 *
 * Take on a token's identity until the end of the (sub)transaction that this is
 * called in; NULL: be nobody until then.  Returns what current_subject() will.
 *
 * 28000 for what is no live token: an error, so that what follows cannot run
 * as whoever the transaction was before.  It does not tell why, and the
 * statement is kept out of the log.
 */
Datum
jhub_authz_act_as(PG_FUNCTION_ARGS)
{
	ErrorContextCallback hide = {.callback = identity_hide_token};
	const Identity *identity;
	char	   *hashed;
	int			id;

	if (PG_ARGISNULL(0))
	{
		identity_take(0, NULL);
		PG_RETURN_NULL();
	}
	hide.previous = error_context_stack;
	error_context_stack = &hide;
	id = issue_authenticate(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	if (id == 0)
		identity_refuse();
	hashed = hub_live_hash(hub_schema(false, true), id, true);
	if (hashed == NULL)
		identity_refuse();
	identity_take(id, hashed);
	identity = identity_get();
	if (identity == NULL)
		identity_refuse();
	error_context_stack = hide.previous;
	PG_RETURN_TEXT_P(identity_subject(identity));
}

/* ---- using it ---- */

bool
identity_of_token(HubSchema *hub, int token_id, bool latest, Identity *identity)
{
	EffectiveSubject subject;
	const Scopeset *scopes;

	if (!effective_subject_by_id(&subject, hub, SUBJECT_TOKEN, token_id, 0, latest))
		return false;
	if (effective_token_expired(subject.token) ||
		(subject.user == NULL && subject.service == NULL))
	{
		hub_free(subject.data);
		return false;
	}
	memset(identity, 0, sizeof(*identity));
	identity->token_id = token_id;
	identity->is_service = subject.user == NULL;
	identity->owner_id = subject.user ? subject.user->id : subject.service->id;
	identity->owner = pstrdup(subject.user ? subject.user->name : subject.service->name);
	identity->has_expires = subject.token->has_expires;
	identity->expires_at = subject.token->expires_at;
	/* the hub's own answer, whatever option token_shares says */
	scopes = effective_subject_scopes(&subject, NULL);
	identity->scopes = palloc(VARSIZE_ANY(scopes));
	memcpy(unconstify(Scopeset *, identity->scopes), scopes, VARSIZE_ANY(scopes));
	hub_free(subject.data);
	return true;
}

/* Read the token that was taken.  False: it is not alive, or is another one. */
static bool
identity_reread(const IdentityTaken *taken, Identity *identity)
{
	HubSchema  *hub = hub_schema(true, true);
	char	   *hashed;

	if (hub == NULL)
		return false;
	hashed = hub_live_hash(hub, taken->token_id, true);
	return hashed != NULL && strcmp(hashed, taken->hashed) == 0 &&
		identity_of_token(hub, taken->token_id, true, identity);
}

/*
 * What is read is kept only if all of it could be, and told only if it is of
 * this moment; whatever fails on the way leaves nobody.
 */
const Identity *
identity_get(void)
{
	const IdentityTaken *taken = identity_taken;
	MemoryContext context;
	MemoryContext caller;
	SpiMoment	now;
	Identity	identity;
	static uint64 serial = 0;
	bool		alive;

	if (taken == NULL || taken->token_id == 0)
		return NULL;
	spi_moment(&now);
	if (identity_read_for == taken && memcmp(&now, &identity_moment, sizeof(now)) == 0)
	{
		if (!identity_read.has_expires || identity_read.expires_at >= hub_now())
			return &identity_read;
		return NULL;
	}

	identity_forget();
	/* what the hub's role has made of its tables may come here while they are read */
	context = AllocSetContextCreate(CurrentMemoryContext,
									"jhub_authz identity", ALLOCSET_SMALL_SIZES);
	caller = MemoryContextSwitchTo(context);
	alive = identity_reread(taken, &identity);
	MemoryContextSwitchTo(caller);
	if (!alive)
	{
		MemoryContextDelete(context);
		return NULL;
	}
	if (identity_context != NULL)
		MemoryContextDelete(identity_context);
	MemoryContextSetParent(context, TopTransactionContext);
	identity_context = context;
	identity_read = identity;
	identity_read.serial = ++serial;
	identity_moment = now;
	identity_read_for = taken;
	return &identity_read;
}

/*
 * current_subject() returns text: 'user:NAME' or 'service:NAME'
 * current_scopes() returns scopeset: what its token holds, expanded
 *
 * NULL without an identity.
 */
Datum
jhub_authz_current_subject(PG_FUNCTION_ARGS)
{
	const Identity *identity = identity_get();

	if (identity == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(identity_subject(identity));
}

Datum
jhub_authz_current_scopes(PG_FUNCTION_ARGS)
{
	const Identity *identity = identity_get();

	if (identity == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(datumCopy(ScopesetPGetDatum(identity->scopes), false, -1));
}
