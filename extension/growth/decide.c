/*-------------------------------------------------------------------------
 *
 * decide.c
 *	  The decision at the end of a transaction: whom does it concern?
 *
 * The deferred constraint trigger on "pending" fires at commit, at PREPARE
 * TRANSACTION or at SET CONSTRAINTS.  Its first firing takes all notes of the
 * transaction, takes the lock, works out who is concerned and has them judged;
 * the later firings find nothing.  Notes that come after that (from other
 * deferred triggers) queue firings of their own, so the last state is always
 * the one that is judged.
 *
 * The lock is an object lock on the extension: shared where tokens were only
 * issued, exclusive where anything may have grown.  It is taken before the
 * snapshot, and everything is read with the latest snapshot whatever the
 * isolation level: so of an issue and a growth one always sees the other.
 *
 * What may have grown and cannot be decided, because the hub's tables are not
 * where they were, does not pass: the transaction fails.
 *
 *-------------------------------------------------------------------------
 */
#include "growth_private.h"

#include "access/xact.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/trigger.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/rel.h"
#include "utils/timestamp.h"
#include "utils/xid8.h"

#include "../audit/assertions.h"
#include "../hub/hub_concern.h"
#include "../issue/issue.h"

PG_FUNCTION_INFO_V1(jhub_authz__decide);

/* A note, as it was taken from pending. Strings are UTF-8. */
typedef struct Note
{
	const char *kind;
	int			id;
	int			other;
	char	   *old_name;
} Note;

bool		growth_previewing = false;

static const char *const growth_default_roles[] = {"user", "admin", "server", "token"};

bool
growth_is_default_role(const char *name)
{
	for (int i = 0; i < (int) lengthof(growth_default_roles); i++)
		if (strcmp(name, growth_default_roles[i]) == 0)
			return true;
	return false;
}

/* Is this what some release of the hub defines for the role? */
bool
growth_is_default_definition(const char *role_name, const Scopeset *raw)
{
	if (!growth_is_default_role(role_name))
		return false;
	for (int i = 0; i < catalogue_release_count(); i++)
	{
		const char *json = catalogue_default_role(catalogue_release(i), role_name);
		char	   *defect;

		if (json != NULL && scopeset_equal(raw, hub_parse_scopes(json, &defect)))
			return true;
	}
	return false;
}

/*
 * The lock is on the extension, under a sub-object that there is not.  The plain
 * object anybody can lock, with ALTER FUNCTION ... DEPENDS ON EXTENSION on a
 * function of their own.
 */
#define DECISION_LOCK_SUBID		1

/* Waits end after timeout_ms (0: never) until this GUC nest level does. */
int
decision_timeout(int timeout_ms)
{
	int			nest = NewGUCNestLevel();
	char		value[32];

	snprintf(value, sizeof(value), "%d", timeout_ms);
	(void) set_config_option("lock_timeout", value, PGC_USERSET, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
	return nest;
}

/*
 * Take the lock, waiting for timeout_ms at most (0: without limit); 55P03 if it
 * does not come.
 */
void
decision_lock(bool exclusive, int timeout_ms)
{
	int			nest = decision_timeout(timeout_ms);

	LockDatabaseObject(ExtensionRelationId, module_extension_oid(), DECISION_LOCK_SUBID,
					   exclusive ? ExclusiveLock : ShareLock);
	AtEOXact_GUC(true, nest);
}

/*
 * A decision with what is needed to judge; NULL if nothing is attached.  Until
 * decision_free no wait for a row is longer than one for the lock may be: others
 * wait for us all the while.
 */
Decision *
decision_create(const Actor *actor)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz decision",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext save = MemoryContextSwitchTo(context);
	Decision   *d = palloc0(sizeof(Decision));

	d->context = context;
	d->actor = *actor;
	d->settings = *settings_read_latest();
	settings_keep(&d->settings);
	d->new_action = "issued";
	d->rebase_action = "adopted";
	d->hub = hub_schema(true, true);
	MemoryContextSwitchTo(save);
	if (d->hub == NULL || d->settings.mode == HUB_MODE_OFF)
	{
		MemoryContextDelete(context);
		return NULL;
	}
	d->nest = decision_timeout(d->settings.lock_timeout_ms);
	return d;
}

void
decision_free(Decision *d)
{
	AtEOXact_GUC(true, d->nest);
	if (d->data != NULL)
		hub_free(d->data);
	MemoryContextDelete(d->context);
}

/* ---- taking the notes ---- */

static void
decide_actor(Actor *actor, HeapTuple row, TupleDesc desc)
{
	namestrcpy(&actor->session_user, SPI_getvalue(row, desc, 5));
	namestrcpy(&actor->role, SPI_getvalue(row, desc, 6));
	strlcpy(actor->application_name, SPI_getvalue(row, desc, 7), NAMEDATALEN);
}

static bool
note_is(const Note *note, const char *kind)
{
	return strcmp(note->kind, kind) == 0;
}

/* Notes as they are taken. */
typedef struct Notes
{
	int			n;
	int			size;
	Note	   *notes;
} Notes;

static void
decide_add_note(Notes *all, const Note *note)
{
	if (all->n >= all->size)
	{
		all->size *= 2;
		all->notes = repalloc_huge(all->notes, sizeof(Note) * all->size);
	}
	all->notes[all->n++] = *note;
}

/* Tokens that one statement issued, which were noted by their first and last id. */
static void
decide_add_tokens(Notes *all, int first, int last)
{
	Note		note = {.kind = "token"};

	for (int64 id = first; id <= last; id++)
	{
		note.id = (int) id;
		decide_add_note(all, &note);
	}
}

/* All notes of this transaction, in order; they are gone afterwards. */
static Note *
decide_take_notes(int *n, Actor *actor)
{
	static const Oid types[1] = {XID8OID};
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext spi;
	Datum		values[1];
	SpiFrame	frame;
	Notes		all = {.size = 16};
	uint64		rows;

	values[0] = FullTransactionIdGetDatum(GetTopFullTransactionId());
	spi_enter(&frame, module_owner());
	rows = spi_run("WITH taken AS (DELETE FROM jhub_authz.pending WHERE txid = $1 RETURNING *)"
				   " SELECT kind, id, other, old_name, actor, role, application_name"
				   " FROM taken ORDER BY cid",
				   1, types, values, NULL, false, true, 0);
	spi = MemoryContextSwitchTo(caller);
	all.notes = palloc(sizeof(Note) * all.size);
	for (uint64 i = 0; i < rows; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		Note		note;

		if (i == 0)
			decide_actor(actor, row, desc);
		note.kind = SPI_getvalue(row, desc, 1);
		note.id = spi_int(row, desc, 2, 0);
		note.other = spi_int(row, desc, 3, 0);
		note.old_name = spi_utf8(row, desc, 4);
		if (note_is(&note, "token") && note.other != 0)
			decide_add_tokens(&all, note.id, note.other);
		else
			decide_add_note(&all, &note);
	}
	MemoryContextSwitchTo(spi);
	spi_leave(&frame);
	notes_taken();
	*n = all.n;
	return all.notes;
}

/* Only tokens were made or went: nothing can have grown but them. */
static bool
decide_only_issue(const Note *notes, int n)
{
	for (int i = 0; i < n; i++)
		if (!note_is(&notes[i], "token") && !note_is(&notes[i], "gone") &&
			!note_is(&notes[i], "veto_tokens"))
			return false;
	return true;
}

/* ---- whom it concerns ---- */

/*
 * Many notes of a transaction are often about one role or group, so the last name
 * is remembered.
 */
const char *
decision_reason(Decision *d, const char *code, HubTable table, int id)
{
	if (d->last_label == NULL || d->last_table != table || d->last_id != id ||
		strncmp(d->last_label, code, strlen(code)) != 0)
	{
		char	   *name = hub_name_of(d->hub, table, id);

		d->last_label = name ? psprintf("%s: %s", code, name) : pstrdup(code);
		d->last_table = table;
		d->last_id = id;
	}
	return d->last_label;
}

static void
decide_everyone_concerned(Decision *d, const char *reason)
{
	if (!d->everyone)
		d->reason = reason;
	d->everyone = true;
}

static void
decide_members(Decision *d, ConcernList *groups)
{
	int		   *ids,
			   *users;
	int			n,
				nusers;

	if (groups->n == 0)
		return;
	ids = concern_ids(groups, &n);
	hub_group_members(d->hub, ids, n, &users, &nusers);
	for (int i = 0; i < nusers; i++)
		concern_add(&d->users, users[i], groups->items[0].reason);
}

static void
decide_holders(Decision *d, ConcernList *roles, ConcernList *groups)
{
	int		   *ids,
			   *users,
			   *holding_groups,
			   *services;
	int			n,
				nusers,
				ngroups,
				nservices;

	if (roles->n == 0)
		return;
	ids = concern_ids(roles, &n);
	hub_role_holders(d->hub, ids, n, &users, &nusers,
					 &holding_groups, &ngroups, &services, &nservices);
	for (int i = 0; i < nusers; i++)
		concern_add(&d->users, users[i], roles->items[0].reason);
	for (int i = 0; i < ngroups; i++)
		concern_add(groups, holding_groups[i], roles->items[0].reason);
	for (int i = 0; i < nservices; i++)
		concern_add(&d->services, services[i], roles->items[0].reason);
}

/*
 * Under another name somebody is as good as new: what is held or asked for by that
 * name meets, be it of one's own, by the servers' clients, or in each group.
 */
static void
decide_renamed_user(Decision *d, const Note *note, Memberships *m)
{
	int		   *groups;
	int			ngroups;
	char	  **clients;
	int			nclients;

	concern_add(&d->users, note->id, "rename");
	hub_clients_of_user(d->hub, note->id, &clients, &nclients);
	for (int i = 0; i < nclients; i++)
		d->clients = lappend(d->clients, clients[i]);
	hub_groups_of_user(d->hub, note->id, &groups, &ngroups);
	for (int i = 0; i < ngroups; i++)
	{
		membership_join(m, note->id, groups[i]);
		membership_leave(m, groups[i], NULL);
	}
}

static void
decide_override(Decision *d, const Note *note)
{
	RoleOverride *o;
	ListCell   *lc;
	char	   *defect;

	foreach(lc, d->overrides)
		if (((RoleOverride *) lfirst(lc))->role_id == note->id)
			return;				/* the first definition is the one that was */
	o = palloc(sizeof(RoleOverride));
	o->role_id = note->id;
	o->raw = note->old_name ? hub_parse_scopes(note->old_name, &defect) : scopeset_empty();
	d->overrides = lappend(d->overrides, o);
}

static void
decide_note(Decision *d, const Note *note, ConcernList *roles, ConcernList *groups,
			Memberships *memberships, ConcernList *gone)
{
	if (note_is(note, "token"))
		concern_add(&d->tokens, note->id, "token");
	else if (note_is(note, "gone"))
		concern_add(gone, note->id, NULL);
	else if (note_is(note, "user_role"))
		concern_add(&d->users, note->id, decision_reason(d, "user_role", HUB_ROLES, note->other));
	else if (note_is(note, "user_share"))
		concern_add(&d->users, note->id, note->kind);
	else if (note_is(note, "service_role"))
		concern_add(&d->services, note->id, decision_reason(d, "service_role", HUB_ROLES, note->other));
	else if (note_is(note, "group_role"))
		concern_add(groups, note->id, decision_reason(d, "group_role", HUB_GROUPS, note->id));
	else if (note_is(note, "group_share"))
		concern_add(groups, note->id, decision_reason(d, "group_share", HUB_GROUPS, note->id));
	else if (note_is(note, "role"))
		concern_add(roles, note->id, decision_reason(d, "role", HUB_ROLES, note->id));
	else if (note_is(note, "default_role"))
	{
		decide_override(d, note);
		concern_add(roles, note->id, decision_reason(d, "role", HUB_ROLES, note->id));
	}
	else if (note_is(note, "join"))
		membership_join(memberships, note->id, note->other);
	else if (note_is(note, "leave"))
		membership_leave(memberships, note->other, note->old_name);
	else if (note_is(note, "client"))
		d->clients = lappend(d->clients, note->old_name);
	else if (note_is(note, "rename_service"))
		concern_add(&d->services, note->id, "rename");
	else if (note_is(note, "rename_group"))
		membership_renamed(memberships, note->id);	/* filters go by names */
	else if (note_is(note, "rename_user"))
		decide_renamed_user(d, note, memberships);
	else if (note_is(note, "release") || note_is(note, "scopes") || note_is(note, "id") ||
			 note_is(note, "switch") || note_is(note, "moved"))
		decide_everyone_concerned(d, note->kind);
	else if (note_is(note, "truncate"))
	{
		decide_everyone_concerned(d, note->kind);
		baselines_drop_orphans(d->hub);
	}
}

/* ---- renames ---- */

static const Note *
decide_first_rename(const Note *notes, int n, const char *kind, int id)
{
	for (int i = 0; i < n; i++)
		if (note_is(&notes[i], kind) && notes[i].id == id)
			return &notes[i];
	return NULL;
}

/* From the first name in this transaction to the name that it has now. */
static bool
decide_rename(Decision *d, const Note *notes, int n, const Note *note, Rename *rename)
{
	static const struct
	{
		const char *kind;
		HubTable	table;
		ScopeKind	filter;
	}			kinds[] = {
		{"rename_user", HUB_USERS, SCOPE_USER},
		{"rename_group", HUB_GROUPS, SCOPE_GROUP},
		{"rename_service", HUB_SERVICES, SCOPE_SERVICE},
	};
	const Note *owner_note;
	char	   *owner;

	rename->id = note->id;
	for (int k = 0; k < (int) lengthof(kinds); k++)
	{
		if (!note_is(note, kinds[k].kind))
			continue;
		rename->kind = kinds[k].filter;
		rename->old_name = note->old_name;
		rename->new_name = hub_name_of(d->hub, kinds[k].table, note->id);
		return rename->new_name != NULL && strcmp(rename->new_name, rename->old_name) != 0;
	}

	/* a server: under its owner's old name, for that is renamed after it */
	rename->kind = SCOPE_SERVER;
	rename->new_name = hub_server_name(d->hub, note->id, &owner);
	if (rename->new_name == NULL)
		return false;
	owner_note = decide_first_rename(notes, n, "rename_user", note->other);
	if (owner_note != NULL)
	{
		rename->new_name = psprintf("%s%s", owner_note->old_name,
									rename->new_name + strlen(owner));
		owner = owner_note->old_name;
	}
	rename->old_name = psprintf("%s/%s", owner, note->old_name);
	return strcmp(rename->old_name, rename->new_name) != 0;
}

/* Is there a row of that name, now that the transaction has done its work? */
static bool
decide_is_taken(Decision *d, const Rename *rename)
{
	switch (rename->kind)
	{
		case SCOPE_USER:
			return hub_user_id(d->hub, rename->old_name, true) != 0;
		case SCOPE_GROUP:
			return hub_group_id(d->hub, rename->old_name, true) != 0;
		case SCOPE_SERVICE:
			return hub_service_id(d->hub, rename->old_name, true) != 0;
		default:
			return hub_server_exists(d->hub, rename->old_name);
	}
}

static void
decide_renames(Decision *d, const Note *notes, int n)
{
	Rename	   *renames = palloc(sizeof(Rename) * Max(n, 1));
	int			nrenames = 0;
	bool		groups = false;

	for (int i = 0; i < n; i++)
	{
		if (strncmp(notes[i].kind, "rename_", 7) != 0 ||
			decide_first_rename(notes, n, notes[i].kind, notes[i].id) != &notes[i])
			continue;
		if (decide_rename(d, notes, n, &notes[i], &renames[nrenames]))
			groups |= renames[nrenames++].kind == SCOPE_GROUP;
	}
	if (nrenames > 0)
		baselines_rename(d, renames, nrenames);
	if (groups && d->settings.nnarrower_of[POLICY_OF_GROUP] > 0)
		policies_follow_groups(d->hub, false);
	for (int i = 0; i < nrenames; i++)
		if (decide_is_taken(d, &renames[i]))
			d->taken_over = lappend(d->taken_over, &renames[i]);
}

/* ---- the decision ---- */

/* hub_each_token callback */
static void
decide_keep(HubToken *token, void *arg)
{
	Decision   *d = arg;
	MemoryContext save = MemoryContextSwitchTo(d->context);

	concern_add(&d->returned, token->id, NULL);
	MemoryContextSwitchTo(save);
}

/*
 * A token that was deleted takes its baseline along; one that is there again at
 * the end of the transaction has never been away for anybody else.  judge.c
 * tells by "created" whether it is the same.
 */
static void
decide_gone(Decision *d, ConcernList *gone)
{
	HubTokenWant want = {0};
	ConcernList away = {0};
	int		   *ids;
	int			n;

	want.ids = concern_ids(gone, &want.nids);
	hub_each_token(d->hub, &want, true, decide_keep, d);
	for (int i = 0; i < gone->n; i++)
		if (!concern_is_in(&d->returned, gone->items[i].id))
			concern_add(&away, gone->items[i].id, NULL);
	if (away.n == 0)
		return;
	ids = concern_ids(&away, &n);
	baselines_drop(ids, n);
	if (d->settings.nnarrower_of[POLICY_OF_TOKEN] > 0)
		policies_drop_tokens(ids, n);
}

/*
 * Tokens that were there, went and are there again.  The trigger takes them for
 * restored ones and leaves their expiry alone (narrow.c): it fires before it can
 * be known how they went.  After TRUNCATE nothing is known of what stood.
 */
static void
decide_returned(Decision *d, const Note *notes, int n)
{
	IssueStood *stood = palloc(sizeof(IssueStood) * Max(n, 1));
	bool		truncated = false;
	int			nstood = 0;

	for (int i = 0; i < n; i++)
		truncated |= note_is(&notes[i], "truncate") && notes[i].old_name != NULL &&
			strcmp(notes[i].old_name, hub_table_name(HUB_API_TOKENS)) == 0;
	for (int i = 0; i < n; i++)
	{
		IssueStood *s = &stood[nstood];

		if (truncated && note_is(&notes[i], "token"))
			s->expires_at = DT_NOBEGIN;
		else if (note_is(&notes[i], "gone") && notes[i].old_name != NULL &&
				 concern_is_in(&d->returned, notes[i].id))
			s->expires_at = (Timestamp) strtoll(notes[i].old_name, NULL, 10);
		else
			continue;
		s->token_id = notes[i].id;
		nstood++;
	}
	if (nstood > 0)
		issue_cap_returned(d->hub, &d->actor, stood, nstood,
						   d->settings.mode == HUB_MODE_ENFORCE);
}

static void
decide_concerned(Decision *d, const Note *notes, int n)
{
	ConcernList roles = {0};
	ConcernList groups = {0};
	ConcernList gone = {0};
	Memberships memberships = {0};

	decide_renames(d, notes, n);
	for (int i = 0; i < n; i++)
		decide_note(d, &notes[i], &roles, &groups, &memberships, &gone);
	memberships_concern(d, &memberships, &roles);
	decide_holders(d, &roles, &groups);
	decide_members(d, &groups);
	if (gone.n > 0)
		decide_gone(d, &gone);
	decide_returned(d, notes, n);
}

/*
 * Nothing can be decided: is that because nothing is attached or the mode is
 * off, or is the hub not to be found?  What only went away made nobody grow.
 */
static void
decide_check_found(const Note *notes, int n)
{
	const Settings *settings = settings_get();

	if (!settings->attached || settings->mode == HUB_MODE_OFF)
		return;
	for (int i = 0; i < n; i++)
		if (!note_is(&notes[i], "gone") && !note_is(&notes[i], "leave") &&
			!note_is(&notes[i], "veto_tokens"))
			ereport(ERROR,
					(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
					 errmsg("a change of grants cannot be decided, because the attached hub's tables are not all in schema \"%s\"",
							settings->hub_schema),
					 errhint("If the schema or tables of the hub have been renamed or moved, call jhub_authz.detach() and jhub_authz.attach() again.")));
}

static void
decide_pending(void)
{
	Actor		actor;
	Decision   *d;
	MemoryContext save;
	Note	   *notes;
	int			n;
	bool		unnoticed;

	if (!notes_are_open())
		return;
	notes = decide_take_notes(&n, &actor);
	if (n == 0)
		return;
	/* also where nothing is attached: an attach may be under way */
	decision_lock(!decide_only_issue(notes, n), settings_get()->lock_timeout_ms);
	d = decision_create(&actor);
	if (d == NULL)
	{
		decide_check_found(notes, n);
		return;
	}
	save = MemoryContextSwitchTo(d->context);
	unnoticed = attach_triggers(d->hub);
	if (unnoticed)
		decide_everyone_concerned(d, "table");
	decide_concerned(d, notes, n);
	judge(d);
	if (d->settings.vetoes)
		assertions_decide(d->hub, d->settings.mode == HUB_MODE_ENFORCE && !growth_previewing,
						  unnoticed);
	MemoryContextSwitchTo(save);
	decision_free(d);
}

/*
 * Everyone, at once: attach and set_mode.  Returns how many live tokens are
 * beyond their baseline.
 */
int64
decide_everyone(const char *reason, const char *new_action)
{
	Actor		actor;
	Decision   *d;
	int64		grown;

	actor_current(&actor);
	d = decision_create(&actor);
	if (d == NULL)
		return 0;
	d->everyone = true;
	d->reason = reason;
	d->new_action = new_action;
	judge(d);
	grown = d->grown;
	decision_free(d);
	return grown;
}

Datum
jhub_authz__decide(PG_FUNCTION_ARGS)
{
	TriggerData *trigdata = (TriggerData *) fcinfo->context;

	if (!CALLED_AS_TRIGGER(fcinfo))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" was not called by trigger manager", "_decide")));
	if (!TRIGGER_FIRED_AFTER(trigdata->tg_event) ||
		!TRIGGER_FIRED_FOR_ROW(trigdata->tg_event) ||
		RelationGetRelid(trigdata->tg_relation) != module_relation("pending"))
		ereport(ERROR,
				(errcode(ERRCODE_E_R_I_E_TRIGGER_PROTOCOL_VIOLATED),
				 errmsg("function \"%s\" must be fired AFTER ROW", "_decide")));
	decide_pending();
	return PointerGetDatum(NULL);
}
