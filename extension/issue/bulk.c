/*-------------------------------------------------------------------------
 *
 * bulk.c
 *	  Many tokens in one statement: what was read for one row serves the next.
 *
 * The trigger that narrows asks for each row which hub this is, what its owner
 * holds and what its client stands for.  Within one command of a transaction
 * the answer is kept, as if all rows had been looked at in the moment of the
 * first.  It goes with the command, a subtransaction that is rolled back, and any
 * change to a table's definition; a function that the statement calls and that
 * writes something begins another command.  What other transactions commit
 * meanwhile is not missed: the decision at commit narrows a new token again,
 * with the lock and with what is held then.
 *
 * Owners are read one by one as long as that is cheaper than to read everyone.
 *
 *-------------------------------------------------------------------------
 */
#include "issue.h"

#include "access/xact.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "../module/init.h"

/* One by one are read as many owners, and this part of all users. */
#define BULK_SINGLE		64
#define BULK_PART		32

/* So many users are taken for granted where nobody has counted. */
#define BULK_UNKNOWN_USERS	1000

/* What is kept may take so much memory. */
#define BULK_BYTES		((Size) 256 * 1024 * 1024)
#define BULK_ROWS		1024	/* after so many rows it is looked at */

typedef struct BulkKey
{
	int			user_id;
	int			service_id;		/* if there is no user */
} BulkKey;

typedef struct BulkOwner
{
	BulkKey		key;			/* hash key, must be first */
	HubData    *data;
	EffectiveWay *way;
} BulkOwner;

/* What is known in the command under way. */
typedef struct Bulk
{
	MemoryContext context;		/* NULL: nothing */
	CommandId	command;
	const HubSchema *hub;
	HTAB	   *owners;			/* BulkOwner, those read one by one */
	int			nowners;
	HubData    *clients;		/* nobody is read in it, only clients */
	HubData    *everyone;
	EffectiveWay *way;			/* of everyone */
	int			nrows;			/* looked at */
} Bulk;

static Bulk bulk;
static bool bulk_stale = false; /* not to be used for another row */
static SubTransactionId bulk_busy = InvalidSubTransactionId;	/* in which a row is
																 * being looked at */

static void
bulk_forget(void)
{
	if (bulk.context != NULL)
		MemoryContextDelete(bulk.context);
	memset(&bulk, 0, sizeof(bulk));
	bulk_stale = false;
}

/* At the end of a transaction the context has gone or goes with its parent. */
static void
bulk_xact(XactEvent event, void *arg)
{
	memset(&bulk, 0, sizeof(bulk));
	bulk_stale = false;
	bulk_busy = InvalidSubTransactionId;
}

/* What is in use further out stays until then.  Numbers only grow. */
static void
bulk_subxact(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	if (event != SUBXACT_EVENT_ABORT_SUB)
		return;
	bulk_stale = true;
	if (bulk_busy >= subid)
		bulk_busy = InvalidSubTransactionId;
}

static void
bulk_relcache(Oid relid)
{
	bulk_stale = true;
}

void
issue_init(void)
{
	RegisterXactCallback(bulk_xact, NULL);
	RegisterSubXactCallback(bulk_subxact, NULL);
	module_on_relcache(bulk_relcache);
}

/* What is kept has grown too large: it begins anew. */
static bool
bulk_is_full(void)
{
	return ++bulk.nrows % BULK_ROWS == 0 &&
		MemoryContextMemAllocated(bulk.context, true) > BULK_BYTES;
}

/*
 * Begin to look at a row.  *hub is the hub's schema if an earlier row of this
 * command has read it, else NULL.  False where a row comes while another is being
 * looked at: code of the hub's role is in our reading then, nothing is kept, and
 * there is nothing to end.
 */
bool
issue_bulk_begin(const HubSchema **hub)
{
	*hub = NULL;
	if (bulk_busy != InvalidSubTransactionId)
		return false;
	if (bulk.context != NULL &&
		(bulk_stale || bulk.command != GetCurrentCommandId(false) || bulk_is_full()))
		bulk_forget();
	bulk_busy = GetCurrentSubTransactionId();
	*hub = bulk.hub;
	return true;
}

/* The schema that was read instead; returns the copy that is kept. */
const HubSchema *
issue_bulk_keep(const HubSchema *hub)
{
	HASHCTL		ctl = {.keysize = sizeof(BulkKey),.entrysize = sizeof(BulkOwner)};
	HubSchema  *copy;

	Assert(bulk.context == NULL);
	bulk.context = AllocSetContextCreate(TopTransactionContext, "jhub_authz bulk",
										 ALLOCSET_DEFAULT_SIZES);
	copy = MemoryContextAlloc(bulk.context, sizeof(HubSchema));
	*copy = *hub;
	ctl.hcxt = bulk.context;
	bulk.owners = hash_create("jhub_authz owners", 64, &ctl,
							  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	bulk.hub = copy;
	return copy;
}

/* Reading has begun new commands, which wrote nothing. */
void
issue_bulk_end(void)
{
	bulk.command = GetCurrentCommandId(false);
	bulk_busy = InvalidSubTransactionId;
}

/* ---- owners ---- */

/* Has it come to the point where to read everyone is cheaper? */
static bool
bulk_wants_everyone(void)
{
	return bulk.nowners >= BULK_SINGLE &&
		bulk.nowners >= hub_rows_estimate(bulk.hub, HUB_USERS, BULK_UNKNOWN_USERS) / BULK_PART;
}

static HubData *
bulk_load(const HubWant *want, EffectiveWay **way)
{
	MemoryContext save = MemoryContextSwitchTo(bulk.context);
	HubData    *data = hub_load(bulk.hub, want, true);

	*way = effective_way(data, 0);
	MemoryContextSwitchTo(save);
	return data;
}

/* Those that the command itself adds may be too late for everyone's model. */
static bool
bulk_everyone_has(const BulkKey *key)
{
	if (bulk.everyone == NULL)
		return false;
	return key->user_id != 0 ? hub_user(bulk.everyone, key->user_id) != NULL :
		hub_service(bulk.everyone, key->service_id) != NULL;
}

/* The model that the owner is in, and the way to compute in it. */
static HubData *
bulk_data(const BulkKey *key, EffectiveWay **way)
{
	HubWant		want = {0};
	BulkOwner  *owner;
	HubData    *data;

	owner = hash_search(bulk.owners, key, HASH_FIND, NULL);
	if (owner != NULL)
	{
		*way = owner->way;
		return owner->data;
	}
	if (bulk.everyone == NULL && bulk_wants_everyone())
	{
		want.everyone = true;
		bulk.everyone = bulk_load(&want, &bulk.way);
	}
	if (bulk_everyone_has(key))
	{
		*way = bulk.way;
		return bulk.everyone;
	}
	want.everyone = false;
	want.nusers = key->user_id != 0;
	want.users = &key->user_id;
	want.nservices = key->service_id != 0;
	want.services = &key->service_id;
	data = bulk_load(&want, way);
	/* entered when nothing can fail any more */
	owner = hash_search(bulk.owners, key, HASH_ENTER, NULL);
	owner->data = data;
	owner->way = *way;
	bulk.nowners++;
	return data;
}

static const HubClient *
bulk_client(const char *client_id)
{
	HubWant		want = {0};
	EffectiveWay *way;

	if (bulk.clients == NULL)
		bulk.clients = bulk_load(&want, &way);
	return effective_token_client(bulk.clients, client_id);
}

/*
 * issue_owner_load for a row of the command under way.  What it gives is good
 * until issue_bulk_end.
 */
void
issue_bulk_owner(IssueOwner *owner, const HubSchema *hub, int user_id, int service_id,
				 const char *client_id)
{
	BulkKey		key = {.user_id = user_id,.service_id = user_id != 0 ? 0 : service_id};

	if (hub != bulk.hub)
	{
		issue_owner_load(owner, hub, user_id, service_id, client_id, true);
		return;
	}
	memset(owner, 0, sizeof(*owner));
	owner->hub = hub;
	owner->data = bulk_data(&key, &owner->way);
	if (key.user_id != 0)
		owner->user = hub_user(owner->data, key.user_id);
	else if (key.service_id != 0)
		owner->service = hub_service(owner->data, key.service_id);
	if (client_id != NULL)
		owner->client = bulk_client(client_id);
	effective_target(&owner->target, owner->user, owner->service, owner->client);
}
