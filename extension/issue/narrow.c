/*-------------------------------------------------------------------------
 *
 * narrow.c
 *	  The triggers on api_tokens that fix what a token may do when it is
 *	  written, and the one that resolves a 2.x hub's roles on tokens.
 *
 * A row that brings scopes up is looked at before it is stored: its scopes must
 * parse and exist, and what the owner does not hold is taken off.  A scope that
 * is wholly held stays as written, one partly held is replaced by the part, and
 * a row from which nothing is taken is stored byte for byte as it came.  A token
 * that would live longer than its policy's max_age is given an earlier expiry.
 *
 * The baseline is not this file's: it is taken at the end of the transaction
 * (growth room), from what is stored then.  An owner who holds nothing at all
 * yet is left to that moment too, because a restore and a hub's start bring
 * tokens before roles.
 *
 * An UPDATE that is of no concern, above all the hub's last_activity with every
 * request, is let go before anything is looked up.
 *
 *-------------------------------------------------------------------------
 */
#include "issue.h"

#include "../hub/hub_concern.h"
#include "../hub/hub_requests.h"
#include "../hub/hub_write.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "executor/tuptable.h"
#include "utils/builtins.h"
#include "utils/datum.h"
#include "utils/rel.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(jhub_authz_narrow_token);
PG_FUNCTION_INFO_V1(jhub_authz_resolve_token_roles);

/* What an UPDATE touches, as bits. */
#define NARROW_SCOPES	0x01
#define NARROW_OWNER	0x02
#define NARROW_CLIENT	0x04
#define NARROW_GRANT	(NARROW_SCOPES | NARROW_OWNER | NARROW_CLIENT)
#define NARROW_EXPIRY	0x08
#define NARROW_IDENTITY	0x10

static const struct NarrowColumn
{
	HubColumn	column;
	int			touches;
}			narrow_columns[] =
{
	{HUB_COL_SCOPES, NARROW_SCOPES},
	{HUB_COL_USER_ID, NARROW_OWNER},
	{HUB_COL_SERVICE_ID, NARROW_OWNER},
	{HUB_COL_CLIENT_ID, NARROW_CLIENT},
	{HUB_COL_EXPIRES_AT, NARROW_EXPIRY},
	{HUB_COL_ID, NARROW_IDENTITY},
	{HUB_COL_CREATED, NARROW_IDENTITY},
};

/* One firing of the trigger. */
typedef struct Narrowing
{
	Relation	rel;
	AttrNumber	attnums[HUB_NCOLUMNS];	/* a copy: the cache may move on */
	Settings	settings;		/* likewise */
	const HubSchema *hub;
	bool		update;
	int			touched;
	HubToken	token;			/* the row as it is to be */
	bool		has_policy;		/* the next is known */
	TokenPolicy policy;
	IssueOwner	owner;
} Narrowing;

/* The checks of ri_triggers.c, with its messages. */
static void
narrow_check_call(FunctionCallInfo fcinfo, const char *name, bool before,
				  bool may_update)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager", name)));
	if (!TRIGGER_FIRED_FOR_ROW(trigdata->tg_event) ||
		(before ? !TRIGGER_FIRED_BEFORE(trigdata->tg_event) :
		 !TRIGGER_FIRED_AFTER(trigdata->tg_event)))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be fired %s ROW", name,
						before ? "BEFORE" : "AFTER")));
	if (!TRIGGER_FIRED_BY_INSERT(trigdata->tg_event) &&
		!(may_update && TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event)))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be fired for INSERT%s", name,
						may_update ? " or UPDATE" : "")));
}

/* The attached hub, whose table the trigger must be on. */
static const HubSchema *
narrow_check_hub(const HubSchema *hub, Relation rel, HubTable table, const char *name)
{
	if (hub == NULL || hub->rel[table] != RelationGetRelid(rel))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was called for table \"%s\", which is not the attached hub's %s",
						name, RelationGetRelationName(rel),
						hub_table_name(table)),
				 errhint("If the hub's schema or tables have been renamed or moved, call jhub_authz.detach() and jhub_authz.attach() again.")));
	return hub;
}

/* ---- of concern? ---- */

static bool
narrow_column_changed(TupleTableSlot *old, TupleTableSlot *new, AttrNumber attnum)
{
	Form_pg_attribute att = TupleDescAttr(new->tts_tupleDescriptor, attnum - 1);
	bool		old_null;
	bool		new_null;
	Datum		old_value = slot_getattr(old, attnum, &old_null);
	Datum		new_value = slot_getattr(new, attnum, &new_null);

	if (old_null || new_null)
		return old_null != new_null;
	return !datumIsEqual(old_value, new_value, att->attbyval, att->attlen);
}

/*
 * May a column have changed that the statement does not name?  Only through
 * another BEFORE trigger; then the list of columns proves nothing.
 */
static bool
narrow_is_alone(Relation rel)
{
	int			n = 0;

	for (int i = 0; i < rel->trigdesc->numtriggers; i++)
		if (TRIGGER_TYPE_MATCHES(rel->trigdesc->triggers[i].tgtype,
								 TRIGGER_TYPE_ROW, TRIGGER_TYPE_BEFORE,
								 TRIGGER_TYPE_UPDATE))
			n++;
	return n <= 1;
}

static int
narrow_touched(TriggerData *trigdata, const AttrNumber *attnums)
{
	bool		alone = narrow_is_alone(trigdata->tg_relation);
	int			touched = 0;

	for (int i = 0; i < (int) lengthof(narrow_columns); i++)
	{
		AttrNumber	attnum = attnums[narrow_columns[i].column];

		if (attnum == 0)
			continue;
		if (alone && !bms_is_member(attnum - FirstLowInvalidHeapAttributeNumber,
									trigdata->tg_updatedcols))
			continue;
		if (narrow_column_changed(trigdata->tg_trigslot, trigdata->tg_newslot, attnum))
			touched |= narrow_columns[i].touches;
	}
	return touched;
}

/* ---- reading a row ---- */

/*
 * The value of a column, which must be of the type that the hub gives it: the
 * owner of the table can change that, and must not crash us by it.
 */
static Datum
narrow_value(TupleTableSlot *slot, AttrNumber attnum, Oid type, bool *isnull)
{
	Form_pg_attribute att;

	*isnull = true;
	if (attnum == 0)
		return (Datum) 0;
	att = TupleDescAttr(slot->tts_tupleDescriptor, attnum - 1);
	if (att->atttypid != type && !(type == TEXTOID && att->atttypid == VARCHAROID))
		ereport(ERROR,
				(errcode(ERRCODE_DATATYPE_MISMATCH),
				 errmsg("column \"%s\" is not of the type that JupyterHub gives it",
						NameStr(att->attname))));
	return slot_getattr(slot, attnum, isnull);
}

static int
narrow_int(TupleTableSlot *slot, AttrNumber attnum)
{
	bool		isnull;
	Datum		value = narrow_value(slot, attnum, INT4OID, &isnull);

	return isnull ? 0 : DatumGetInt32(value);
}

/* As stored, in the server's encoding. */
static char *
narrow_stored_text(TupleTableSlot *slot, AttrNumber attnum)
{
	bool		isnull;
	Datum		value = narrow_value(slot, attnum, TEXTOID, &isnull);

	return isnull ? NULL : TextDatumGetCString(value);
}

static char *
narrow_text(TupleTableSlot *slot, AttrNumber attnum)
{
	char	   *stored = narrow_stored_text(slot, attnum);

	return stored ? module_to_utf8(stored) : NULL;
}

static bool
narrow_time(TupleTableSlot *slot, AttrNumber attnum, Timestamp *result)
{
	bool		isnull;
	Datum		value = narrow_value(slot, attnum, TIMESTAMPOID, &isnull);

	*result = isnull ? 0 : DatumGetTimestamp(value);
	return !isnull;
}

static void
narrow_read(HubToken *token, TupleTableSlot *slot, const AttrNumber *attnums)
{
	token->id = narrow_int(slot, attnums[HUB_COL_ID]);
	token->user_id = narrow_int(slot, attnums[HUB_COL_USER_ID]);
	token->service_id = narrow_int(slot, attnums[HUB_COL_SERVICE_ID]);
	token->client_id = narrow_text(slot, attnums[HUB_COL_CLIENT_ID]);
	token->note = narrow_text(slot, attnums[HUB_COL_NOTE]);
	token->prefix = narrow_text(slot, attnums[HUB_COL_PREFIX]);
	token->has_created = narrow_time(slot, attnums[HUB_COL_CREATED], &token->created);
	token->has_expires = narrow_time(slot, attnums[HUB_COL_EXPIRES_AT], &token->expires_at);
	token->scopes = narrow_stored_text(slot, attnums[HUB_COL_SCOPES]);
	token->defect = NULL;
	token->stored = hub_parse_scopes(token->scopes, &token->defect);
}

/*
 * An owner 0 is none to us.  The hub gives no such id; were there one, it would
 * find the owner, and a token of theirs would do what nobody judges.
 */
static void
narrow_check_owner(const Narrowing *n, TupleTableSlot *slot)
{
	static const HubColumn columns[] = {HUB_COL_USER_ID, HUB_COL_SERVICE_ID};

	for (int i = 0; i < (int) lengthof(columns); i++)
	{
		AttrNumber	attnum = n->attnums[columns[i]];
		bool		isnull;

		if (narrow_value(slot, attnum, INT4OID, &isnull) == Int32GetDatum(0) && !isnull)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("a token cannot belong to the id 0"),
					 errdetail("JupyterHub gives ids from 1 on."),
					 errhint("Give its owner another id."),
					 errtablecol(n->rel, attnum)));
	}
}

/* ---- events ---- */

static void
narrow_event(const Narrowing *n, const char *action, const char *reason,
			 const Scopeset *before, const Scopeset *after)
{
	TokenEvent	event;

	memset(&event, 0, sizeof(event));
	event.token_id = n->token.id;
	event.prefix = n->token.prefix;
	event.owner_kind = issue_owner_kind(&n->owner);
	event.owner_name = issue_owner_name(&n->owner);
	event.client_id = n->token.client_id;
	event.action = action;
	event.reason = reason;
	event.before = before;
	event.after = after;
	token_event(&event, NULL);
}

/* ---- a token that comes back ---- */

/*
 * A row that is inserted with the id and created of a token that our records
 * know is no issue: it is restored, perhaps before all that its owner holds is
 * there.  It stays as it is, and is judged at commit by the baseline that
 * stands, above which it cannot get.  Asked only where a row would be refused or
 * cut.
 */
static bool
narrow_is_known(const Narrowing *n)
{
	static const Oid types[2] = {INT4OID, TIMESTAMPOID};
	Datum		values[2] = {Int32GetDatum(n->token.id), TimestampGetDatum(n->token.created)};
	char		nulls[2] = {' ', n->token.has_created ? ' ' : 'n'};
	SpiFrame	frame;
	bool		known;

	if (n->update)
		return false;
	spi_enter(&frame, module_owner());
	known = spi_run("SELECT 1 FROM jhub_authz.token_baselines"
					" WHERE token_id = $1 AND created IS NOT DISTINCT FROM $2",
					2, types, values, nulls, true, true, 1) > 0;
	spi_leave(&frame);
	return known;
}

/*
 * One that has expired before it comes can do nothing; the hub reads consent
 * from such rows.  If its expiry is moved, the decision at commit narrows it.
 */
static bool
narrow_is_expired(const Narrowing *n)
{
	return !n->update && n->token.has_expires && n->token.expires_at <= hub_now();
}

/* ---- do the scopes parse, do they exist? ---- */

/*
 * Stored scopes that do not parse.  The type's own input says best what is
 * wrong, so it is let try; it takes a second form, which the hub does not.
 */
static void
narrow_raise_defect(const Narrowing *n)
{
	const char *stored = n->token.scopes;

	if (stored[0] == '[')
		(void) scopeset_from_text(stored, strlen(stored), NULL);
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_TEXT_REPRESENTATION),
			 errmsg("invalid scopes of a token: \"%s\"", stored),
			 errdetail("%s", issue_message(n->token.defect)),
			 errtablecol(n->rel, n->attnums[HUB_COL_SCOPES])));
}

/*
 * False: the row would be refused, but we only observe.  Otherwise a refusal
 * is an error.
 */
static bool
narrow_check_scopes(Narrowing *n)
{
	bool		enforce = n->settings.mode == HUB_MODE_ENFORCE;
	Scopeset   *kept;
	Scopeset   *refused;

	if (n->token.defect != NULL)
	{
		if (narrow_is_known(n))
			return false;
		if (enforce)
			narrow_raise_defect(n);
		narrow_event(n, "would_narrow",
					 psprintf("invalid: %s", n->token.defect), NULL, NULL);
		return false;
	}

	issue_undefined(n->hub, n->token.stored, n->settings.undefined_scopes, true,
					&kept, &refused);
	if (refused != NULL)
	{
		if (narrow_is_known(n))
			return false;
		if (enforce)
			catalogue_check_defined(n->hub->catalogue, refused);
		narrow_event(n, "would_narrow", "undefined: scopes that do not exist",
					 n->token.stored,
					 scopeset_minus_with(n->token.stored, refused, NULL));
		return false;
	}
	if (kept != NULL)
		narrow_event(n, "undefined", "undefined: kept as written", NULL, kept);
	return true;
}

/* ---- narrowing ---- */

const Scopeset *
issue_narrowed(IssueOwner *owner, const Scopeset *stored)
{
	const Catalogue *catalogue = owner->hub->catalogue;
	const Scopeset *held = issue_owner_held(owner);
	ScopeMembership *membership = hub_membership(owner->data);
	ScopeBuilder *builder;
	ScopeIter	iter;
	ScopeMember member;
	bool		taken = false;

	/* Nearly always everything is held, which is one comparison. */
	if (scopeset_covers_with(held, catalogue_expand(catalogue, stored, &owner->target),
							 membership))
		return stored;

	builder = scope_builder_create();
	scope_iter_init(&iter, stored);
	while (scope_iter_next(&iter, &member))
	{
		Scopeset   *expanded;

		expanded = catalogue_expand(catalogue, scopeset_single(&member), &owner->target);

		/*
		 * What is empty has no target and gives nothing, today; what the
		 * catalogue does not hold was let in above, and is the hub's to judge.
		 */
		if (scopeset_is_empty(expanded) ||
			!catalogue_defines(catalogue, &member) ||
			scopeset_covers_with(held, expanded, membership))
		{
			scope_builder_add(builder, &member);
			continue;
		}
		taken = true;
		scope_builder_add_set(builder,
							  scopeset_intersect_with(expanded, held, membership));
	}
	return taken ? scope_builder_finish(builder, false) : stored;
}

/*
 * The policy of the row.  Where no group has one, nothing is read; the groups
 * are read before the settings, whose answer is good until something is.
 */
static const TokenPolicy *
narrow_policy(Narrowing *n)
{
	IssueGroups *groups = NULL;

	if (n->has_policy)
		return &n->policy;
	if (n->token.user_id != 0)
		groups = issue_policy_groups(n->hub, settings_get(), &n->token.user_id, 1, true);
	issue_token_policy(settings_get(), &n->token, groups, &n->policy, NULL);
	n->has_policy = true;
	return &n->policy;
}

/*
 * The scopes that the row is to have, and why they differ from those that came
 * with it.  The same pointer: nothing is to change.
 */
static const Scopeset *
narrow_decide(Narrowing *n, const char **reason)
{
	const Scopeset *stored = n->token.stored;

	if (scopeset_is_empty(stored) || scopeset_is_empty(issue_owner_held(&n->owner)))
		return stored;

	if (issue_has_inherit(stored))
	{
		const Scopeset *raw;

		if (narrow_policy(n)->inherit != INHERIT_FIX)
			return stored;
		raw = scopeset_minus_with(issue_owner_raw(&n->owner), issue_inherit(), NULL);
		*reason = "inherit: fixed to the scopes held";
		return scopeset_is_empty(raw) ? stored : raw;
	}
	*reason = "owner: what the owner does not hold";
	return issue_narrowed(&n->owner, stored);
}

static HeapTuple
narrow_store(const Narrowing *n, HeapTuple row, HubColumn column, Datum value)
{
	int			attnum = n->attnums[column];
	bool		isnull = false;

	return heap_modify_tuple_by_cols(row, RelationGetDescr(n->rel), 1,
									 &attnum, &value, &isnull);
}

static HeapTuple
narrow_store_scopes(const Narrowing *n, HeapTuple row, const Scopeset *scopes)
{
	char	   *json = scopeset_to_text(scopes);

	return narrow_store(n, row, HUB_COL_SCOPES,
						PointerGetDatum(module_text_from_utf8(json, strlen(json))));
}

/* Of an INSERT many rows may come, see bulk.c. */
static void
narrow_load_owner(Narrowing *n)
{
	if (n->update)
		issue_owner_load(&n->owner, n->hub, n->token.user_id, n->token.service_id,
						 n->token.client_id, true);
	else
		issue_bulk_owner(&n->owner, n->hub, n->token.user_id, n->token.service_id,
						 n->token.client_id);
}

/* A row whose scopes, owner or client are new. */
static HeapTuple
narrow_row(Narrowing *n, TriggerData *trigdata, HeapTuple row)
{
	bool		update = TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event);
	const char *reason = NULL;
	const Scopeset *stored;
	const Scopeset *scopes;
	HubToken	old;

	if (!update && n->token.defect == NULL && scopeset_is_empty(n->token.stored))
		return row;
	/* Narrowed at commit, with an event there. */
	if (update && issue_is_rescoping() && n->touched == NARROW_SCOPES)
		return row;
	/* What had been narrowed once comes back; at a new baseline, see growth. */
	if (update && !(n->touched & (NARROW_OWNER | NARROW_CLIENT)) &&
		issue_is_reviving(n->token.id))
		return row;
	/* What growth revokes is blanked; the event of that is growth's. */
	if (update && issue_is_revoking() && !(n->touched & (NARROW_OWNER | NARROW_CLIENT)) &&
		n->token.defect == NULL && scopeset_is_empty(n->token.stored))
		return row;
	/* Most tokens only inherit, and nothing is to be known of their owner. */
	if (!update && n->token.defect == NULL &&
		scopeset_equal(n->token.stored, issue_inherit()) &&
		narrow_policy(n)->inherit != INHERIT_FIX)
		return row;
	narrow_load_owner(n);
	if (!narrow_check_scopes(n))
		return row;

	stored = n->token.stored;
	scopes = narrow_decide(n, &reason);
	if (scopes != stored && (narrow_is_expired(n) || narrow_is_known(n)))
		scopes = stored;
	if (scopes != stored && n->settings.mode == HUB_MODE_ENFORCE)
	{
		row = narrow_store_scopes(n, row, scopes);
		narrow_event(n, "narrowed", reason, stored, scopes);
	}
	else if (scopes != stored)
	{
		narrow_event(n, "would_narrow", reason, stored, scopes);
		scopes = stored;
	}

	if (update)
	{
		narrow_read(&old, trigdata->tg_trigslot, n->attnums);
		if ((n->touched & (NARROW_OWNER | NARROW_CLIENT)) ||
			!scopeset_equal(old.stored, scopes))
			narrow_event(n, "rescoped",
						 (n->touched & NARROW_OWNER) ? "owner: another owner" :
						 (n->touched & NARROW_CLIENT) ? "client: another client" :
						 "scopes: other scopes",
						 old.stored, scopes);
	}
	if (update)
		hub_free(n->owner.data);
	return row;
}

/* ---- expiry ---- */

/*
 * The policy max_age, for a row that is new, or has another owner, client,
 * expiry, id or created.  A token that comes back in a restore is as old as it
 * was, and was not issued now; one that went in this very transaction is looked
 * at again at its end (decide.c).  The event names the owner, who need not be loaded for this.
 */
static HeapTuple
narrow_expiry(Narrowing *n, HeapTuple row)
{
	bool		enforce = n->settings.mode == HUB_MODE_ENFORCE;
	bool		service = n->token.user_id == 0 && n->token.service_id != 0;
	TokenEvent	event = {0};
	Timestamp	cap;

	if (issue_is_revoking() || !issue_max_expiry(narrow_policy(n), &n->token, &cap) ||
		narrow_is_known(n))
		return row;
	if (enforce)
		row = narrow_store(n, row, HUB_COL_EXPIRES_AT, TimestampGetDatum(cap));
	event.token_id = n->token.id;
	event.prefix = n->token.prefix;
	if (service)
		event.owner_name = hub_name_of(n->hub, HUB_SERVICES, n->token.service_id);
	else if (n->token.user_id != 0)
		event.owner_name = hub_name_of(n->hub, HUB_USERS, n->token.user_id);
	if (event.owner_name != NULL)
		event.owner_kind = service ? "service" : "user";
	event.client_id = n->token.client_id;
	event.action = enforce ? "narrowed" : "would_narrow";
	event.reason = issue_max_age_reason(&n->token, cap);
	token_event(&event, NULL);
	return row;
}

/*
 * A token that our records say is revoked stays so: its expires_at may only
 * move back.  The records go by the old id, which the statement may change.
 */
static void
narrow_check_revived(const Narrowing *n, TriggerData *trigdata)
{
	static const Oid types[1] = {INT4OID};
	AttrNumber	attnum = n->attnums[HUB_COL_EXPIRES_AT];
	Timestamp	old_time;
	Timestamp	new_time;
	bool		old_set = narrow_time(trigdata->tg_trigslot, attnum, &old_time);
	bool		new_set = narrow_time(trigdata->tg_newslot, attnum, &new_time);
	int			id = narrow_int(trigdata->tg_trigslot, n->attnums[HUB_COL_ID]);
	Datum		values[1];
	SpiFrame	frame;
	bool		revoked;

	if (new_set && (!old_set || new_time <= old_time))
		return;
	if (issue_is_reviving(id))
		return;
	values[0] = Int32GetDatum(id);
	spi_enter(&frame, module_owner());
	revoked = spi_run("SELECT 1 FROM jhub_authz.token_baselines"
					  " WHERE token_id = $1 AND revoked_at IS NOT NULL",
					  1, types, values, NULL, true, true, 1) > 0;
	spi_leave(&frame);
	if (revoked)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("token %d was revoked", id),
				 errhint("Issue a new token.")));
}

static HeapTuple
narrow_whole(Narrowing *n, TriggerData *trigdata, HeapTuple row)
{
	TupleTableSlot *slot = n->update ? trigdata->tg_newslot : trigdata->tg_trigslot;

	if ((n->touched & NARROW_OWNER) && n->settings.mode == HUB_MODE_ENFORCE)
		narrow_check_owner(n, slot);
	if (n->update && (n->touched & NARROW_EXPIRY))
		narrow_check_revived(n, trigdata);
	narrow_read(&n->token, slot, n->attnums);
	/* Before 3.0 a token has roles and no scopes. */
	if ((n->touched & NARROW_GRANT) && n->attnums[HUB_COL_SCOPES] != 0)
		row = narrow_row(n, trigdata, row);
	if (n->attnums[HUB_COL_EXPIRES_AT] != 0 &&
		(n->touched & (NARROW_OWNER | NARROW_CLIENT | NARROW_EXPIRY | NARROW_IDENTITY)))
		row = narrow_expiry(n, row);
	return row;
}

/*
 * narrow_token(): BEFORE INSERT OR UPDATE ON api_tokens FOR EACH ROW
 */
Datum
jhub_authz_narrow_token(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	HeapTuple	row;
	Narrowing	n;
	bool		update;
	bool		kept;

	narrow_check_call(fcinfo, "narrow_token", true, true);
	memset(&n, 0, sizeof(n));
	n.rel = trigdata->tg_relation;
	memcpy(n.attnums, hub_columns(n.rel, HUB_API_TOKENS), sizeof(n.attnums));
	update = TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event);
	row = update ? trigdata->tg_newtuple : trigdata->tg_trigtuple;

	n.update = update;
	n.touched = update ? narrow_touched(trigdata, n.attnums) : NARROW_GRANT;
	/* another id or created matters to an age and to nothing else here */
	if ((n.touched & NARROW_IDENTITY) && !issue_has_max_age(settings_get()))
		n.touched &= ~NARROW_IDENTITY;
	if (n.touched == 0)
		return PointerGetDatum(row);
	n.settings = *settings_get();
	if (!n.settings.attached || n.settings.mode == HUB_MODE_OFF)
		return PointerGetDatum(row);
	if (update)
	{
		n.hub = narrow_check_hub(hub_schema(true, true), n.rel, HUB_API_TOKENS, "narrow_token");
		return PointerGetDatum(narrow_whole(&n, trigdata, row));
	}
	kept = issue_bulk_begin(&n.hub);
	if (n.hub == NULL && (n.hub = hub_schema(true, true)) != NULL && kept)
		n.hub = issue_bulk_keep(n.hub);
	(void) narrow_check_hub(n.hub, n.rel, HUB_API_TOKENS, "narrow_token");
	row = narrow_whole(&n, trigdata, row);
	if (kept)
		issue_bulk_end();
	return PointerGetDatum(row);
}

/* ---- roles on tokens ---- */

/* An id that a row of api_token_role_map holds; 0 for NULL. */
static int
narrow_map_id(TriggerData *trigdata, HubColumn column)
{
	return narrow_int(trigdata->tg_trigslot,
					  hub_column(trigdata->tg_relation, HUB_TOKEN_ROLE_MAP, column));
}

/*
 * resolve_token_roles(): AFTER INSERT ON api_token_role_map FOR EACH ROW
 *
 * In a database on its way from 2.x to 3.x tokens have both roles and scopes.
 * A role that is put on one is resolved to its scopes, by an UPDATE that is
 * narrowed like any other.  A 2.x database proper has nowhere to write them.
 */
Datum
jhub_authz_resolve_token_roles(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	Settings	settings;
	const HubSchema *hub;
	const Scopeset *scopes;
	char	   *role;
	int			token_id;
	int			role_id;

	narrow_check_call(fcinfo, "resolve_token_roles", false, false);
	settings = *settings_get();
	if (!settings.attached || settings.mode == HUB_MODE_OFF)
		return PointerGetDatum(NULL);
	hub = narrow_check_hub(hub_schema(true, true), trigdata->tg_relation,
						   HUB_TOKEN_ROLE_MAP, "resolve_token_roles");
	if (!hub->has_token_scopes || settings.mode != HUB_MODE_ENFORCE)
		return PointerGetDatum(NULL);

	token_id = narrow_map_id(trigdata, HUB_COL_TOKEN_ID);
	role_id = narrow_map_id(trigdata, HUB_COL_ROLE_ID);
	if (hub_token_with_role(hub, token_id, role_id, &role, &scopes))
	{
		hub_set_token_scopes(hub, &token_id, &scopes, 1);
		ereport(WARNING,
				(errcode(ERRCODE_WARNING_DEPRECATED_FEATURE),
				 errmsg("roles on tokens are deprecated"),
				 errdetail("Role \"%s\" was resolved to its scopes on token %d.",
						   issue_message(role), token_id)));
	}
	return PointerGetDatum(NULL);
}
