/*-------------------------------------------------------------------------
 *
 * issue_token.c
 *	  A new token, made in SQL, that a running hub accepts.
 *
 * The row is what the hub's own APIToken.new would write.  It is inserted as
 * the owner of the hub's tables and goes through the same triggers as a row of
 * the hub's: what is stored in the end is theirs to say, and is read back.
 *
 *-------------------------------------------------------------------------
 */
#include "issue.h"

#include "../hub/hub_write.h"

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"

#define TOKEN_DEFAULT_ROLE	"token"
#define TOKEN_NOTE_LENGTH	1023	/* characters, as the column has */

PG_FUNCTION_INFO_V1(jhub_authz_issue_token);

/*
 * The raw scopes that are asked for: as given, those of the roles, or those of
 * the hub's default role for tokens.
 */
static const Scopeset *
token_requested(FunctionCallInfo fcinfo, const HubSchema *hub)
{
	char	   *default_role = TOKEN_DEFAULT_ROLE;

	if (!PG_ARGISNULL(2) && !PG_ARGISNULL(3))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("a token gets either scopes or roles")));
	if (!PG_ARGISNULL(2))
		return PG_GETARG_SCOPESET_P(2);
	if (!PG_ARGISNULL(3))
	{
		int			n;
		char	  **names = issue_elements(PG_GETARG_ARRAYTYPE_P(3), "a role", &n);

		return issue_role_scopes(hub, names, n, true);
	}
	if (hub_role_id(hub, TOKEN_DEFAULT_ROLE, true) != 0)
		return issue_role_scopes(hub, &default_role, 1, true);
	return issue_inherit();
}

/* Now and the given interval, as the hub stores it. */
static Timestamp
token_expiry(FunctionCallInfo fcinfo, Timestamp now)
{
	Timestamp	expires = DatumGetTimestamp(DirectFunctionCall2(timestamp_pl_interval,
																TimestampGetDatum(now),
																PG_GETARG_DATUM(4)));

	if (expires <= now || TIMESTAMP_NOT_FINITE(expires))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("expires_in must be positive and finite")));
	return expires;
}

/* Raise 42704 for what the option does not let in, before anything is made. */
static void
token_check_defined(const HubSchema *hub, const Scopeset *scopes)
{
	Scopeset   *kept;
	Scopeset   *refused;

	issue_undefined(hub, scopes, settings_get()->undefined_scopes, true, &kept, &refused);
	if (refused != NULL)
		catalogue_check_defined(hub->catalogue, refused);
}

/*
 * Store the token for its owner, hashed.  Returns its id, and in *stored the
 * scopes that are there when the triggers are done.
 */
static int
token_insert(const IssueOwner *owner, const char *token, HubNewToken *row,
			 const Scopeset **stored)
{
	int			id;

	row->hashed = issue_hash_token(token);
	row->prefix = pnstrdup(token, ISSUE_PREFIX_LENGTH);
	row->user_id = owner->user ? owner->user->id : 0;
	row->service_id = owner->user ? 0 : owner->service->id;
	id = hub_insert_token(owner->hub, row, stored);
	if (id == 0)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the token was not stored"),
				 errhint("A trigger or rule on the hub's api_tokens took the row away.")));
	return id;
}

/* What was granted and is not stored was taken off by the trigger. */
static Scopeset *
token_refused(const Scopeset *refused, const Scopeset *granted, const Scopeset *stored)
{
	/* "inherit" that was fixed to what is held is not refused. */
	if (issue_has_inherit(granted))
		return scopeset_union_of(refused, scopeset_empty());
	return scopeset_union_of(refused, scopeset_minus_with(granted, stored, NULL));
}

/*
 * issue_token(owner_kind text, owner_name text, scopes scopeset, roles text[],
 *			   expires_in interval, note text, client_id text)
 *		-> (token_id, token, granted, refused)
 *
 * For the hub's own client what the owner does not hold is refused and the rest
 * granted; what is held through a share counts, as in the hub.  For any other
 * client the rules of its OAuth flow hold (issue_resolve).
 *
 * Errors: 42704 for what does not exist, 22023 for arguments that go together
 * badly, 42501 as in issue_resolve.
 */
Datum
jhub_authz_issue_token(PG_FUNCTION_ARGS)
{
	char	   *kind = issue_text_arg(fcinfo, 0, "owner_kind");
	char	   *name = issue_text_arg(fcinfo, 1, "owner_name");
	text	   *note = PG_ARGISNULL(5) ? cstring_to_text("") : PG_GETARG_TEXT_PP(5);
	char	   *client_id = PG_ARGISNULL(6) ? ISSUE_HUB_CLIENT :
		issue_text_arg(fcinfo, 6, "client_id");
	HubSchema  *hub = hub_schema(false, true);
	HubNewToken row = {.created = hub_now()};
	const Scopeset *requested;
	Scopeset   *granted;
	Scopeset   *refused;
	const Scopeset *stored;
	IssueOwner	owner;
	char		token[ISSUE_TOKEN_LENGTH + 1];
	TupleDesc	desc;
	Datum		values[4];
	bool		nulls[4] = {false, false, false, false};

	PreventCommandIfReadOnly("issue_token()");
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	if (!hub->has_token_scopes)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("tokens of a JupyterHub 2.x database have roles and no scopes"),
				 errhint("Upgrade the hub's database first.")));
	if (pg_mbstrlen_with_len(VARDATA_ANY(note), VARSIZE_ANY_EXHDR(note)) > TOKEN_NOTE_LENGTH)
		ereport(ERROR,
				(errcode(ERRCODE_STRING_DATA_RIGHT_TRUNCATION),
				 errmsg("note is longer than %d characters", TOKEN_NOTE_LENGTH)));
	row.has_expires = !PG_ARGISNULL(4);
	if (row.has_expires)
		row.expires_at = token_expiry(fcinfo, row.created);

	issue_owner_named(&owner, hub, kind, name, client_id, true);
	requested = token_requested(fcinfo, hub);
	token_check_defined(hub, requested);
	if (strcmp(client_id, ISSUE_HUB_CLIENT) == 0)
	{
		Scopeset   *have = scopeset_union_of(scopeset_union_of(issue_owner_raw(&owner),
															   issue_owner_held(&owner)),
											 issue_inherit());

		effective_resolve(hub->catalogue, requested, have, &owner.target,
						  hub_membership(owner.data), &granted, &refused);
	}
	else
		issue_resolve(&owner, requested, &granted, &refused);

	issue_new_token(token);
	row.client_id = client_id;
	row.note = text_to_cstring(note);
	row.scopes = granted;
	values[0] = Int32GetDatum(token_insert(&owner, token, &row, &stored));
	values[1] = CStringGetTextDatum(token);
	values[2] = ScopesetPGetDatum(stored);
	values[3] = ScopesetPGetDatum(token_refused(refused, granted, stored));
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls)));
}
