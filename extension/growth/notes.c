/*-------------------------------------------------------------------------
 *
 * notes.c
 *	  The trigger on the hub's tables: it notes what changed and nothing else.
 *
 * A note is a row of "pending".  What follows from it is decided at the end of
 * the transaction (decide.c), because a statement in the middle sees states
 * that never become true.  The trigger has no column list and no WHEN, which
 * would be in the way of the hub's migrations; an UPDATE of no concern, such as
 * last_activity, returns after comparing a few columns.
 *
 * Tokens are issued by many at a time: those with consecutive ids make one note,
 * see note_stretch.
 *
 * Taking something away is not noted, for it makes nobody grow - except that
 * somebody who leaves a group may end a cover: then a token that filters by
 * that group no longer covers that user.
 *
 * Where there is an assertion with a veto, one more note in each transaction has
 * the decision look at it, whatever the change was (audit/assertions.c).
 *
 *-------------------------------------------------------------------------
 */
#include "growth_private.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "access/xact.h"
#include "catalog/pg_am.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "../hub/hub_concern.h"
#include "../issue/issue.h"

PG_FUNCTION_INFO_V1(jhub_authz_note_change);

#define NOTE_COLUMNS	9
#define NOTE_INSERT \
	"INSERT INTO jhub_authz.pending (txid, cid, kind, id, other, old_name," \
	" actor, role, application_name) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"

/*
 * False: all notes of this transaction have been taken by a decision.  Each note
 * queues a firing of it, and all but the first have nothing to do: this spares
 * them a look at the table.  True is always safe.
 */
static bool notes_open = true;

/*
 * The last note, if it is of a token that the next one may stretch: its row, made in
 * this subtransaction and not taken since.
 */
typedef struct NoteRun
{
	SubTransactionId subid;		/* InvalidSubTransactionId: there is none */
	Oid			relid;
	ItemPointerData tid;
	int			first;
	int			last;
	Oid			session_user;
	Oid			role;
	char		application_name[NAMEDATALEN];
} NoteRun;

static NoteRun note_run;

bool
notes_are_open(void)
{
	return notes_open;
}

/* A note for vetoes stands: of tokens alone, or of anything. */
static bool vetoes_noted_tokens = false;
static bool vetoes_noted = false;

void
notes_taken(void)
{
	notes_open = false;
	note_run.subid = InvalidSubTransactionId;
	vetoes_noted = vetoes_noted_tokens = false;
}

/* What a decision took comes back if its subtransaction is rolled back. */
static void
notes_subxact(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		notes_open = true;
		note_run.subid = InvalidSubTransactionId;
		vetoes_noted = vetoes_noted_tokens = false;
	}
}

static void
notes_xact(XactEvent event, void *arg)
{
	notes_open = true;
	note_run.subid = InvalidSubTransactionId;
	vetoes_noted = vetoes_noted_tokens = false;
}

void
notes_init(void)
{
	RegisterXactCallback(notes_xact, NULL);
	RegisterSubXactCallback(notes_subxact, NULL);
}

/* One row of pending.  old_name is UTF-8 or NULL.  *tid, if not NULL: where it is. */
static void
note_at(const char *kind, int id, int other, const char *old_name, ItemPointer tid)
{
	static const Oid types[NOTE_COLUMNS] = {
		XID8OID, INT4OID, TEXTOID, INT4OID, INT4OID, TEXTOID, NAMEOID, NAMEOID, TEXTOID
	};
	Datum		values[NOTE_COLUMNS];
	char		nulls[NOTE_COLUMNS];
	Actor		actor;
	SpiFrame	frame;

	actor_current(&actor);
	memset(nulls, ' ', sizeof(nulls));
	values[0] = FullTransactionIdGetDatum(GetTopFullTransactionId());
	values[1] = Int32GetDatum((int32) GetCurrentCommandId(false));
	values[2] = CStringGetTextDatum(kind);
	values[3] = Int32GetDatum(id);
	values[4] = Int32GetDatum(other);
	values[5] = (Datum) 0;
	if (old_name != NULL)
		values[5] = PointerGetDatum(module_text_from_utf8(old_name, strlen(old_name)));
	else
		nulls[5] = 'n';
	values[6] = NameGetDatum(&actor.session_user);
	values[7] = NameGetDatum(&actor.role);
	values[8] = CStringGetTextDatum(actor.application_name);

	notes_open = true;
	note_run.subid = InvalidSubTransactionId;
	spi_enter(&frame, module_owner());
	if (tid == NULL)
		spi_run(NOTE_INSERT, NOTE_COLUMNS, types, values, nulls, false, false, 0);
	else if (spi_run(NOTE_INSERT " RETURNING ctid", NOTE_COLUMNS, types, values, nulls,
					 false, false, 0) == 1)
	{
		bool		isnull;

		*tid = *(ItemPointer) DatumGetPointer(SPI_getbinval(SPI_tuptable->vals[0],
															SPI_tuptable->tupdesc, 1, &isnull));
	}
	spi_leave(&frame);
}

static void
note(const char *kind, int id, int other, const char *old_name)
{
	note_at(kind, id, other, old_name, NULL);
}

/* ---- tokens with consecutive ids ---- */

/*
 * Where the second id of a note is, on a page that is locked; NULL if the row is
 * not what we made.  The columns before it are txid, cid, kind and id, none of
 * them NULL.
 */
static int32 *
note_last_id(Page page, const NoteRun *run)
{
	OffsetNumber offset = ItemPointerGetOffsetNumber(&run->tid);
	ItemId		item;
	HeapTupleHeader tuple;
	char	   *kind;
	int32	   *ids;

	if (offset > PageGetMaxOffsetNumber(page))
		return NULL;
	item = PageGetItemId(page, offset);
	if (!ItemIdIsNormal(item))
		return NULL;
	tuple = (HeapTupleHeader) PageGetItem(page, item);
	if (!TransactionIdIsCurrentTransactionId(HeapTupleHeaderGetRawXmin(tuple)) ||
		!(tuple->t_infomask & HEAP_XMAX_INVALID))
		return NULL;
	kind = (char *) tuple + tuple->t_hoff + sizeof(FullTransactionId) + sizeof(int32);
	ids = (int32 *) ((char *) tuple + tuple->t_hoff +
					 INTALIGN(kind + VARSIZE_ANY(kind) - (char *) tuple - tuple->t_hoff));
	return ids[0] == run->first ? &ids[1] : NULL;
}

/*
 * One more token, next to the one that was noted last: its note is stretched where
 * it lies, instead of making another.  Nobody else sees the row;
 * it and the token go together if the subtransaction is rolled back; and the
 * table is unlogged, so that a crash takes all of it.  If it is logged, or no heap,
 * nothing is stretched.
 */
static bool
note_stretch(int id)
{
	NoteRun    *run = &note_run;
	Relation	rel;
	Buffer		buffer;
	int32	   *last = NULL;

	if (run->subid != GetCurrentSubTransactionId() || id <= 0 || id - 1 != run->last ||
		run->session_user != GetSessionUserId() || run->role != GetUserId() ||
		strncmp(run->application_name, application_name ? application_name : "", NAMEDATALEN - 1) != 0)
		return false;
	rel = table_open(run->relid, RowExclusiveLock);
	if (!RelationNeedsWAL(rel) && rel->rd_rel->relam == HEAP_TABLE_AM_OID)
	{
		buffer = ReadBuffer(rel, ItemPointerGetBlockNumber(&run->tid));
		LockBuffer(buffer, BUFFER_LOCK_EXCLUSIVE);
		last = note_last_id(BufferGetPage(buffer), run);
		if (last != NULL)
		{
			START_CRIT_SECTION();
			*last = id;
			MarkBufferDirty(buffer);
			END_CRIT_SECTION();
			run->last = id;
		}
		UnlockReleaseBuffer(buffer);
	}
	table_close(rel, NoLock);
	return last != NULL;
}

static void
note_token(int id)
{
	if (note_stretch(id))
		return;
	note_at("token", id, 0, NULL, &note_run.tid);
	if (!notes_open)
		return;					/* decided at once: SET CONSTRAINTS */
	if (SessionReplicationRole == SESSION_REPLICATION_ROLE_REPLICA)
		return;					/* it queued no decision, the next one has to */
	note_run.subid = GetCurrentSubTransactionId();
	note_run.relid = module_relation("pending");
	note_run.first = note_run.last = id;
	note_run.session_user = GetSessionUserId();
	note_run.role = GetUserId();
	strlcpy(note_run.application_name, application_name ? application_name : "", NAMEDATALEN);
}

void
pending_note(const char *kind, int id, const char *old_name)
{
	note(kind, id, 0, old_name);
}

/* A row before or after the change, with the columns of concern. */
typedef struct NoteRow
{
	HeapTuple	tuple;
	TupleDesc	desc;
	const AttrNumber *attnums;
} NoteRow;

static int
note_int(const NoteRow *row, HubColumn column)
{
	if (row->tuple == NULL || row->attnums[column] == 0)
		return 0;
	return spi_int(row->tuple, row->desc, row->attnums[column], 0);
}

/* A text column as UTF-8; NULL if null or not there. */
static char *
note_text(const NoteRow *row, HubColumn column)
{
	char	   *value;

	if (row->tuple == NULL || row->attnums[column] == 0)
		return NULL;
	value = SPI_getvalue(row->tuple, row->desc, row->attnums[column]);
	return value == NULL ? NULL : module_to_utf8(value);
}

static bool
note_differs(const char *a, const char *b)
{
	if (a == NULL || b == NULL)
		return a != b;
	return strcmp(a, b) != 0;
}

/*
 * A row took another id: whatever pointed at the one or the other id now means
 * something else, and there is no telling what from here.
 */
static void
note_id(const NoteRow *old, const NoteRow *new)
{
	if (old->tuple != NULL && new->tuple != NULL &&
		note_int(old, HUB_COL_ID) != note_int(new, HUB_COL_ID))
		note("id", note_int(new, HUB_COL_ID), note_int(old, HUB_COL_ID), NULL);
}

/* Users, groups, services: a new name. */
static void
note_rename(const char *kind, const NoteRow *old, const NoteRow *new)
{
	char	   *old_name;

	if (old->tuple == NULL || new->tuple == NULL)
		return;
	old_name = note_text(old, HUB_COL_NAME);
	if (old_name != NULL && note_differs(old_name, note_text(new, HUB_COL_NAME)))
		note(kind, note_int(new, HUB_COL_ID), 0, old_name);
}

/*
 * An OAuth client may stand for another service or server than before: the one
 * that the row names now, and, where several rows name one, also the one that it
 * named.
 */
static void
note_client(const NoteRow *old, const NoteRow *new)
{
	char	   *before = note_text(old, HUB_COL_CLIENT_ID);
	char	   *now = note_text(new, HUB_COL_CLIENT_ID);

	if (now != NULL)
		note("client", 0, 0, now);
	if (before != NULL && note_differs(before, now))
		note("client", 0, 0, before);
}

static void
note_group(const NoteRow *old, const NoteRow *new)
{
	note_rename("rename_group", old, new);
	/* its members' rows go by cascade, after it: its name is known only here */
	if (new->tuple == NULL)
		note("leave", 0, note_int(old, HUB_COL_ID), note_text(old, HUB_COL_NAME));
}

static void
note_role(const NoteRow *old, const NoteRow *new)
{
	char	   *old_scopes;
	char	   *name;

	if (old->tuple == NULL || new->tuple == NULL)
		return;
	old_scopes = note_text(old, HUB_COL_SCOPES);
	if (!note_differs(old_scopes, note_text(new, HUB_COL_SCOPES)))
		return;
	name = note_text(new, HUB_COL_NAME);
	if (name != NULL && growth_is_default_role(name))
		note("default_role", note_int(new, HUB_COL_ID), 0, old_scopes);
	else
		note("role", note_int(new, HUB_COL_ID), 0, NULL);
}

static void
note_membership(const NoteRow *old, const NoteRow *new)
{
	if (new->tuple != NULL)
		note("join", note_int(new, HUB_COL_USER_ID), note_int(new, HUB_COL_GROUP_ID), NULL);
	if (old->tuple != NULL)
		note("leave", note_int(old, HUB_COL_USER_ID), note_int(old, HUB_COL_GROUP_ID), NULL);
}

static void
note_spawner(const NoteRow *old, const NoteRow *new)
{
	if (old->tuple != NULL && new->tuple != NULL &&
		note_int(old, HUB_COL_USER_ID) == note_int(new, HUB_COL_USER_ID) &&
		note_differs(note_text(old, HUB_COL_NAME), note_text(new, HUB_COL_NAME)))
	{
		char	   *old_name = note_text(old, HUB_COL_NAME);

		note("rename_server", note_int(new, HUB_COL_ID), note_int(new, HUB_COL_USER_ID),
			 old_name ? old_name : "");
	}
	note_client(old, new);
}

static void
note_share(const NoteRow *new)
{
	if (new->tuple == NULL)
		return;
	if (note_int(new, HUB_COL_USER_ID) != 0)
		note("user_share", note_int(new, HUB_COL_USER_ID), 0, NULL);
	if (note_int(new, HUB_COL_GROUP_ID) != 0)
		note("group_share", note_int(new, HUB_COL_GROUP_ID), 0, NULL);
}

/*
 * A token's record belongs to it by id and created, and so does a policy of its
 * own.  Where an UPDATE changes these it is the same token still, dead or alive,
 * and keeps them.
 */
static void
note_token_moved(const NoteRow *old, const NoteRow *new)
{
	AttrNumber	attnum = new->attnums[HUB_COL_CREATED];
	int			old_id;
	int			new_id;
	Timestamp	created = 0;
	Timestamp	before = 0;
	bool		had = false,
				has = false;
	bool		isnull;

	if (old->tuple == NULL || new->tuple == NULL)
		return;
	if (attnum != 0)
	{
		before = spi_time(old->tuple, old->desc, attnum, &isnull);
		had = !isnull;
		created = spi_time(new->tuple, new->desc, attnum, &isnull);
		has = !isnull;
	}
	old_id = note_int(old, HUB_COL_ID);
	new_id = note_int(new, HUB_COL_ID);
	if (old_id == new_id && had == has && before == created)
		return;
	baselines_move(old_id, new_id, has, created);
	if (settings_get()->nnarrower_of[POLICY_OF_TOKEN] > 0)
		policies_move_token(old_id, new_id, has, created);
}

/* A token that has expired can't grow; our own revocations come by here. */
static bool
note_is_dead(const NoteRow *new)
{
	bool		isnull;
	Timestamp	expires;

	if (new->tuple == NULL || new->attnums[HUB_COL_EXPIRES_AT] == 0)
		return false;
	expires = spi_time(new->tuple, new->desc, new->attnums[HUB_COL_EXPIRES_AT], &isnull);
	return !isnull && expires <= hub_now();
}

/*
 * When a token that goes was to expire, as the number that a timestamp is: if
 * the same one is there again at the end, it is to live no longer (decide.c).
 */
static char *
note_expiry(const NoteRow *old)
{
	bool		isnull = true;
	Timestamp	expires = 0;

	if (old->attnums[HUB_COL_EXPIRES_AT] != 0)
		expires = spi_time(old->tuple, old->desc, old->attnums[HUB_COL_EXPIRES_AT], &isnull);
	return psprintf(INT64_FORMAT, isnull ? DT_NOEND : expires);
}

static void
note_row(HubTable table, const NoteRow *old, const NoteRow *new)
{
	if (table != HUB_API_TOKENS)
		note_id(old, new);
	switch (table)
	{
		case HUB_USERS:
			note_rename("rename_user", old, new);
			break;
		case HUB_GROUPS:
			note_group(old, new);
			break;
		case HUB_SERVICES:
			note_rename("rename_service", old, new);
			note_client(old, new);
			break;
		case HUB_ROLES:
			note_role(old, new);
			break;
		case HUB_USER_ROLE_MAP:
			if (new->tuple != NULL)
				note("user_role", note_int(new, HUB_COL_USER_ID), note_int(new, HUB_COL_ROLE_ID), NULL);
			break;
		case HUB_GROUP_ROLE_MAP:
			if (new->tuple != NULL)
				note("group_role", note_int(new, HUB_COL_GROUP_ID), note_int(new, HUB_COL_ROLE_ID), NULL);
			break;
		case HUB_SERVICE_ROLE_MAP:
			if (new->tuple != NULL)
				note("service_role", note_int(new, HUB_COL_SERVICE_ID), note_int(new, HUB_COL_ROLE_ID), NULL);
			break;
		case HUB_USER_GROUP_MAP:
			note_membership(old, new);
			break;
		case HUB_SPAWNERS:
			note_spawner(old, new);
			break;
		case HUB_SHARES:
			note_share(new);
			break;
		case HUB_API_TOKENS:
			note_token_moved(old, new);
			if (note_is_dead(new) || issue_is_reviving(note_int(new, HUB_COL_ID)))
				break;
			if (new->tuple != NULL)
				note_token(note_int(new, HUB_COL_ID));
			else
				note("gone", note_int(old, HUB_COL_ID), 0, note_expiry(old));
			break;
		case HUB_ALEMBIC_VERSION:
			note("release", 0, 0, NULL);
			break;
		default:
			break;				/* no other table has the trigger */
	}
}

/*
 * Two transactions that change tokens alone cannot break together what neither
 * breaks alone, since they wait for each other's row: the shared lock does.
 */
static void
note_vetoes(HubTable table)
{
	bool		tokens = table == HUB_API_TOKENS;

	if (vetoes_noted || (tokens && vetoes_noted_tokens) || !settings_get()->vetoes)
		return;
	note(tokens ? "veto_tokens" : "veto", 0, 0, NULL);
	if (tokens)
		vetoes_noted_tokens = true;
	else
		vetoes_noted = true;
}

/* TRUNCATE makes nobody grow, and is noted by the trigger that keeps the past. */
void
pending_truncated(HubTable table)
{
	if (SessionReplicationRole != SESSION_REPLICATION_ROLE_REPLICA &&
		settings_get()->vetoes && switch_must_note())
		note_vetoes(table);
}

static void
note_check_called(FunctionCallInfo fcinfo)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager", "note_change")));
	if (!TRIGGER_FIRED_AFTER(trigdata->tg_event))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be fired AFTER ROW", "note_change")));
}

/* The rows of this firing; false for an UPDATE of no concern. */
static bool
note_rows(TriggerData *trigdata, HubTable table, NoteRow *old, NoteRow *new)
{
	old->desc = new->desc = RelationGetDescr(trigdata->tg_relation);
	old->attnums = new->attnums = hub_columns(trigdata->tg_relation, table);
	if (TRIGGER_FIRED_BY_INSERT(trigdata->tg_event))
		new->tuple = trigdata->tg_trigtuple;
	else
	{
		old->tuple = trigdata->tg_trigtuple;
		if (TRIGGER_FIRED_BY_UPDATE(trigdata->tg_event))
			new->tuple = trigdata->tg_newtuple;
	}
	return old->tuple == NULL || new->tuple == NULL ||
		hub_row_changed(trigdata->tg_relation, table, old->tuple, new->tuple);
}

/*
 * note_change - AFTER trigger on the hub's tables, for each row, and for each
 * statement on TRUNCATE.  For a table that is not the attached hub's it does
 * nothing: it may be one that was left behind by a detach, or a copy.  But if the
 * hub's tables are not where they were, it may be one of them under another
 * name: that the decision has to tell, when all is in its place again.
 */
Datum
jhub_authz_note_change(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;
	const Settings *settings;
	HubTable	table;
	bool		by_row;
	NoteRow		old = {0},
				new = {0};

	note_check_called(fcinfo);
	settings = settings_get();
	table = hub_table_of_relation(trigdata->tg_relation,
								  settings->attached ? settings->hub_schema : NULL);
	by_row = TRIGGER_FIRED_FOR_ROW(trigdata->tg_event);
	if (table != HUB_NTABLES && by_row && !note_rows(trigdata, table, &old, &new))
		return PointerGetDatum(NULL);
	if (!switch_must_note())
		return PointerGetDatum(NULL);

	if (!settings_get()->attached)
		note("switch", 0, 0, NULL); /* what is being attached will be known then */
	else if (table == HUB_NTABLES)
	{
		if (hub_schema(true, true) == NULL)
			note("moved", 0, 0, NULL);
	}
	else
	{
		if (by_row)
			note_row(table, &old, &new);
		else
			note("truncate", 0, 0, hub_table_name(table));
		note_vetoes(table);
	}
	return PointerGetDatum(NULL);
}
