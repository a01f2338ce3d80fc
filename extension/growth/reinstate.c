/*-------------------------------------------------------------------------
 *
 * reinstate.c
 *	  reinstate_token and reinstate: putting back what was revoked.
 *
 * The row is still there, for nothing here deletes one.  When it was to expire
 * is kept in token_baselines (issue/revoke.c); scopes that growth blanked are in
 * the event of the revocation.  The token comes back at a new baseline: what it
 * can do now.  So it can grow, and be revoked, again.
 *
 * Rows are locked before our records are read: whoever revokes or reinstates a
 * token has its row.
 *
 *-------------------------------------------------------------------------
 */
#include "growth_private.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "../hub/hub_concern.h"
#include "../hub/hub_write.h"
#include "../issue/issue.h"

PG_FUNCTION_INFO_V1(jhub_authz_reinstate_token);
PG_FUNCTION_INFO_V1(jhub_authz_reinstate);

/* A revocation on record that holds to this day. */
typedef struct Revocation
{
	int			token_id;
	bool		has_created;
	Timestamp	created;
	bool		has_before;		/* 0.1 kept no expiry */
	Timestamp	expires_before; /* infinity: never */
	const Scopeset *scopes;		/* that were blanked, or NULL */
	const Scopeset *before;		/* what it had then, or NULL */
	const char *owner_kind;		/* as the event names the owner; UTF-8 or NULL */
	const char *owner_name;
	int			user_id;		/* 0: none */
	int			service_id;		/* 0: none */
	const char *client_id;		/* UTF-8, or NULL */
	FullTransactionId txid;
} Revocation;

/* ---- what is on record ---- */

static void
reinstate_fill(Revocation *r, HeapTuple row, TupleDesc desc)
{
	bool		isnull;
	Datum		value;

	r->token_id = spi_int(row, desc, 1, 0);
	value = SPI_getbinval(row, desc, 2, &isnull);
	r->has_created = !isnull;
	r->created = isnull ? 0 : DatumGetTimestamp(value);
	value = SPI_getbinval(row, desc, 3, &isnull);
	r->has_before = !isnull;
	r->expires_before = isnull ? 0 : DatumGetTimestamp(value);
	value = SPI_getbinval(row, desc, 4, &isnull);
	r->scopes = isnull ? NULL : (const Scopeset *) PG_DETOAST_DATUM_COPY(value);
	value = SPI_getbinval(row, desc, 5, &isnull);
	r->txid = DatumGetFullTransactionId(value);
	value = SPI_getbinval(row, desc, 6, &isnull);
	r->before = isnull ? NULL : (const Scopeset *) PG_DETOAST_DATUM_COPY(value);
	r->owner_kind = spi_utf8(row, desc, 7);
	r->owner_name = spi_utf8(row, desc, 8);
	r->user_id = spi_int(row, desc, 9, 0);
	r->service_id = spi_int(row, desc, 10, 0);
	r->client_id = spi_utf8(row, desc, 11);
}

/*
 * The revocations of these tokens, by id.  A token that was revoked, revived
 * while nobody looked and revoked again may have lost its scopes the first time:
 * the first event counts, whichever of them blanked it.
 */
static Revocation *
reinstate_records(const int *ids, int n, int *nfound)
{
	static const Oid types[1] = {INT4ARRAYOID};
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext spi;
	Revocation *records;
	Datum		values[1];
	SpiFrame	frame;
	uint64		rows;

	values[0] = spi_int_array(ids, n);
	spi_enter(&frame, module_owner());
	rows = spi_run("SELECT b.token_id, b.created, b.expires_before,"
				   " CASE WHEN EXISTS (SELECT FROM jhub_authz.token_events l"
				   " WHERE l.token_id = b.token_id AND l.action = 'revoked'"
				   " AND l.event_id >= e.event_id"
				   " AND l.after OPERATOR(jhub_authz.<>) l.before) THEN e.before END, e.txid,"
				   " e.before, e.owner_kind, e.owner_name, b.user_id, b.service_id, b.client_id"
				   " FROM jhub_authz.token_baselines b, LATERAL"
				   " (SELECT e.event_id, e.before, e.txid, e.owner_kind, e.owner_name FROM jhub_authz.token_events e"
				   " WHERE e.token_id = b.token_id AND e.action = 'revoked' AND e.at >= b.revoked_at"
				   " AND NOT EXISTS (SELECT FROM jhub_authz.token_events r"
				   " WHERE r.token_id = b.token_id AND r.action = 'reinstated'"
				   " AND r.event_id > e.event_id)"
				   " ORDER BY e.event_id LIMIT 1) e"
				   " WHERE b.token_id = ANY ($1) AND b.revoked_at IS NOT NULL"
				   " ORDER BY b.token_id",
				   1, types, values, NULL, true, true, 0);
	spi = MemoryContextSwitchTo(caller);
	records = palloc(sizeof(Revocation) * Max(rows, 1));
	for (uint64 i = 0; i < rows; i++)
		reinstate_fill(&records[i], SPI_tuptable->vals[i], SPI_tuptable->tupdesc);
	MemoryContextSwitchTo(spi);
	spi_leave(&frame);
	*nfound = (int) rows;
	return records;
}

/* Tokens that a transaction revoked, by its events. */
static int *
reinstate_revoked_by(FullTransactionId txid, int *n)
{
	static const Oid types[1] = {XID8OID};
	MemoryContext caller = CurrentMemoryContext;
	Datum		values[1];
	SpiFrame	frame;
	int		   *ids;

	values[0] = FullTransactionIdGetDatum(txid);
	spi_enter(&frame, module_owner());
	*n = (int) spi_run("SELECT DISTINCT token_id FROM jhub_authz.token_events"
					   " WHERE txid = $1 AND action = 'revoked' AND token_id IS NOT NULL"
					   " ORDER BY token_id",
					   1, types, values, NULL, true, true, 0);
	ids = MemoryContextAlloc(caller, sizeof(int) * Max(*n, 1));
	for (int i = 0; i < *n; i++)
		ids[i] = spi_int(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1, 0);
	spi_leave(&frame);
	return ids;
}

/* issue_revive callback: they are revoked no longer. */
static void
reinstate_clear(const int *ids, int n)
{
	static const Oid types[1] = {INT4ARRAYOID};
	Datum		values[1];
	SpiFrame	frame;

	values[0] = spi_int_array(ids, n);
	spi_enter(&frame, module_owner());
	spi_run("UPDATE jhub_authz.token_baselines SET revoked_at = NULL, expires_before = NULL"
			" WHERE token_id = ANY ($1)",
			1, types, values, NULL, false, true, 0);
	spi_leave(&frame);
}

/* ---- what can be put back ---- */

/* An id that is used again is another token. */
static bool
reinstate_is_same(const HubTokenRow *row, const Revocation *r)
{
	return row->has_created == r->has_created &&
		(!row->has_created || row->created == r->created);
}

/* Is this the revocation that is meant, and of this very token? */
static bool
reinstate_is_meant(const HubTokenRow *row, const Revocation *r, FullTransactionId txid)
{
	return r->token_id == row->id && reinstate_is_same(row, r) &&
		(!FullTransactionIdIsValid(txid) || FullTransactionIdEquals(txid, r->txid));
}

static void
reinstate_warn(int id, int n)
{
	if (n > 0)
		ereport(WARNING,
				(n == 1 ? errmsg("token %d cannot be reinstated", id) :
				 errmsg("%d tokens cannot be reinstated, one of them token %d", n, id),
				 errdetail("It was revoked by version 0.1, which did not keep when a token was to expire."),
				 errhint("Issue a new token.")));
}

/*
 * While it was dead it could be given another owner, client or scopes, and what
 * it can do by these becomes its baseline.  Who puts it back is to know.  The
 * owner goes by the record, which does not follow a dead token, because the name
 * in the event may be another by now.
 */
static void
reinstate_warn_changed(const HubTokenRow *token, const Revocation *r,
					   const HubRevival *row)
{
	const Scopeset *scopes = row->scopes ? row->scopes : token->scopes;
	StringInfoData was;

	initStringInfo(&was);
	if (token->user_id != r->user_id || token->service_id != r->service_id)
		appendStringInfo(&was, " Its owner was %s \"%s\".",
						 r->owner_kind ? r->owner_kind : "nobody",
						 r->owner_name ? r->owner_name : "");
	if (token->client_id && r->client_id && strcmp(token->client_id, r->client_id) != 0)
		appendStringInfo(&was, " Its client was \"%s\".", r->client_id);
	if (r->before != NULL && !scopeset_equal(r->before, scopes))
		appendStringInfo(&was, " Its scopes were %s.", scopeset_to_text(r->before));
	if (was.len > 0)
		ereport(WARNING,
				(errmsg("token %d has been changed since it was revoked", token->id),
				 errdetail("%s", issue_message(was.data + 1)),
				 errhint("What it can do now is its new baseline.  Revoke it again if that is not meant.")));
}

/*
 * The rows to write, of those that are locked; both lists are in order of id.
 * It is not for us to let a token live longer than it was given: one whose own
 * time is over, or is not known, is left out.
 */
static HubRevival *
reinstate_rows(const HubTokenRow *tokens, int ntokens, const Revocation *records,
			   int nrecords, FullTransactionId txid, int *n)
{
	HubRevival *rows = palloc(sizeof(HubRevival) * Max(ntokens, 1));
	int			j = 0;
	int			unknown = 0;
	int			unknown_id = 0;

	*n = 0;
	for (int i = 0; i < ntokens; i++)
	{
		const HubTokenRow *token = &tokens[i];
		HubRevival *row = &rows[*n];

		while (j < nrecords && records[j].token_id < token->id)
			j++;
		if (j >= nrecords || !reinstate_is_meant(token, &records[j], txid))
			continue;
		if (!records[j].has_before)
		{
			unknown_id = token->id;
			unknown++;
			continue;
		}
		if (records[j].expires_before < hub_now())
			continue;
		row->id = token->id;
		row->has_expires = !TIMESTAMP_IS_NOEND(records[j].expires_before);
		row->expires_at = records[j].expires_before;
		/* what somebody has written there since, stays */
		row->scopes = token->blank ? records[j].scopes : NULL;
		reinstate_warn_changed(token, &records[j], row);
		(*n)++;
	}
	reinstate_warn(unknown_id, unknown);
	return rows;
}

/* ---- putting back ---- */

/*
 * What is taken as the baseline now must be what was put back, whatever an AFTER
 * trigger of the hub's role has made of the row.  All lists are in order of id;
 * rows are of some of the tokens, and alive are ids of rows, unless a trigger
 * has changed one.
 */
static void
reinstate_check(const HubSchema *hub, const int *alive, int nalive,
				const HubTokenRow *before, int nbefore,
				const HubRevival *rows, int nrows)
{
	int			b = 0,
				r = 0;
	int			nafter;
	HubTokenRow *after = hub_lock_tokens(hub, alive, nalive, &nafter);

	for (int i = 0; i < nafter; i++)
	{
		while (b < nbefore && before[b].id < after[i].id)
			b++;
		while (r < nrows && rows[r].id < after[i].id)
			r++;
		if (b < nbefore && before[b].id == after[i].id &&
			r < nrows && rows[r].id == after[i].id &&
			after[i].user_id == before[b].user_id &&
			after[i].service_id == before[b].service_id &&
			scopeset_equal(after[i].scopes,
						   rows[r].scopes ? rows[r].scopes : before[b].scopes))
			continue;
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("token %d could not be reinstated", after[i].id),
				 errdetail("Its owner or scopes are not those that were put back."),
				 errhint("Look for a trigger or rule of your own on table \"%s.api_tokens\".",
						 hub->name)));
	}
}

/* New baselines for these, with an event each; how many are alive. */
static int
reinstate_judge(Decision *d, const int *ids, int n, const char *reason)
{
	d->rebase = reason;
	d->rebase_action = "reinstated";
	for (int i = 0; i < n; i++)
		concern_add(&d->tokens, ids[i], "reinstate");
	judge(d);
	return (int) d->rebased;
}

/*
 * Put back what there is of these tokens, of all or of those that were revoked
 * by one transaction.  The lock is the same as an issue's: of a growth and this
 * one always sees the other.
 */
static int
reinstate(const int *ids, int n, FullTransactionId txid, const char *reason)
{
	Actor		actor;
	Decision   *d;
	MemoryContext save;
	HubTokenRow *tokens;
	Revocation *records;
	HubRevival *rows;
	int		   *alive;
	int			ntokens,
				nrecords,
				nrows,
				nalive;
	int			reinstated = 0;

	actor_current(&actor);
	decision_lock(false, settings_get()->lock_timeout_ms);
	d = decision_create(&actor);
	if (d == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no hub is attached, or the mode is off")));
	save = MemoryContextSwitchTo(d->context);
	tokens = hub_lock_tokens(d->hub, ids, n, &ntokens);
	records = reinstate_records(ids, n, &nrecords);
	rows = reinstate_rows(tokens, ntokens, records, nrecords, txid, &nrows);
	if (nrows > 0)
	{
		alive = issue_revive(d->hub, rows, nrows, reinstate_clear, &nalive);
		if (nalive > 0)
		{
			reinstate_check(d->hub, alive, nalive, tokens, ntokens, rows, nrows);
			reinstated = reinstate_judge(d, alive, nalive, reason);
		}
	}
	MemoryContextSwitchTo(save);
	decision_free(d);
	return reinstated;
}

/* "reinstate", and why if that was said. */
static char *
reinstate_reason(FunctionCallInfo fcinfo, int arg)
{
	if (PG_ARGISNULL(arg))
		return "reinstate";
	return psprintf("reinstate: %s", issue_text_arg(fcinfo, arg, "reason"));
}

/*
 * reinstate_token(token_id integer, reason text) returns boolean
 *
 * False: there is no such token, it is not revoked, its own time is over, or a
 * trigger of the hub's role has kept it dead.
 */
Datum
jhub_authz_reinstate_token(PG_FUNCTION_ARGS)
{
	int			id;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("token_id must not be null")));
	PreventCommandIfReadOnly("reinstate_token()");
	id = PG_GETARG_INT32(0);
	PG_RETURN_BOOL(reinstate(&id, 1, InvalidFullTransactionId,
							 reinstate_reason(fcinfo, 1)) > 0);
}

/*
 * reinstate(txid xid8, reason text) returns integer
 *
 * The tokens whose revocation, the one that holds now, was that transaction's.
 */
Datum
jhub_authz_reinstate(PG_FUNCTION_ARGS)
{
	FullTransactionId txid;
	int		   *ids;
	int			n;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("txid must not be null")));
	PreventCommandIfReadOnly("reinstate()");
	txid = PG_GETARG_FULLTRANSACTIONID(0);
	ids = reinstate_revoked_by(txid, &n);
	if (n == 0)
		PG_RETURN_INT32(0);
	PG_RETURN_INT32(reinstate(ids, n, txid, reinstate_reason(fcinfo, 1)));
}
