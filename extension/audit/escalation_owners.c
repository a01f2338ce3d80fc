/*-------------------------------------------------------------------------
 *
 * escalation_owners.c
 *	  Users whose tokens could be made, with what such a token can hold.
 *
 * Who may make tokens of everybody asks what everybody holds, and on some hubs many
 * ask that.  The hub is not kept for it: users are read some at a time, and what a
 * token of theirs can hold goes into a tuplestore, which spills to a file what does
 * not fit.  Each question, about all users or about a group's members, is answered
 * once for a query and stands in the tuplestore one after the other, with a read
 * pointer at its beginning; another one goes through the rows.
 *
 * Users who are named are looked up some at a time, and kept as long as there is
 * room for them.
 *
 *-------------------------------------------------------------------------
 */
#include "escalation_owners.h"

#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "executor/executor.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

/* so many users are read at a time, at first and at most */
#define OWNERS_FEW		64
#define OWNERS_MANY		1000

/* parts of work_mem: of the users that are read at a time, of the rows, of names */
#define OWNERS_READ_PART	4
#define OWNERS_STORE_PART	4
#define OWNERS_NAMED_PART	8

/* Columns of the tuplestore */
enum
{
	OWNERS_WHICH,				/* which question it answers */
	OWNERS_ID,
	OWNERS_NAME,
	OWNERS_FULL,				/* what the user holds */
	OWNERS_GIVES,				/* what its tokens can: an array */
	OWNERS_NCOLUMNS
};

/* Read pointer of the end of the tuplestore, where the next question begins. */
#define OWNERS_END		0

struct ReachOwners
{
	MemoryContext context;
	const HubSchema *hub;
	int			flags;
	HubGroup  **groups;
	int			ngroups;
	const Scopeset *most;		/* NULL: not yet known */

	MemoryContext read;			/* users of whom rows are made */
	int			at_a_time;

	Tuplestorestate *store;		/* NULL: nobody asked for many */
	TupleDesc	desc;
	TupleTableSlot *slot;
	MemoryContext row;			/* the one that was told last */
	int			reader;			/* read pointer that goes through rows */
	int		   *begins;			/* read pointers by question; 0: none */
	int			which;			/* what the reader is in */

	MemoryContext named_context;
	HTAB	   *named;			/* NULL: nobody was asked for by name */
};

ReachOwners *
reach_owners(const HubSchema *hub, HubGroup **groups, int ngroups)
{
	ReachOwners *owners = palloc0(sizeof(ReachOwners));

	owners->context = CurrentMemoryContext;
	owners->hub = hub;
	owners->flags = effective_reading_flags();
	owners->groups = groups;
	owners->ngroups = ngroups;
	owners->read = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz reach users",
										 ALLOCSET_DEFAULT_SIZES);
	owners->at_a_time = OWNERS_FEW;
	return owners;
}

void
reach_owners_end(ReachOwners *owners)
{
	if (owners->store == NULL)
		return;
	ExecDropSingleTupleTableSlot(owners->slot);
	tuplestore_end(owners->store);
}

/* ---- all that anybody could hold ---- */

typedef struct OwnersMost
{
	const Catalogue *catalogue;
	ScopeBuilder *builder;
	HubIds		roles;			/* that users or groups have */
} OwnersMost;

/* What a set gives to whoever has it, for whatever it is about. */
static void
owners_add_most(OwnersMost *most, const Scopeset *raw)
{
	ExpandTarget target = {.user = "x",.service = "x",.server = "x/"};
	Scopeset   *expanded = catalogue_expand(most->catalogue, raw, &target);
	ScopeIter	iter;
	ScopeMember member;

	scope_iter_init(&iter, expanded);
	while (scope_iter_next(&iter, &member))
	{
		member.kind = SCOPE_OPEN;
		member.value = NULL;
		member.value_len = 0;
		scope_builder_add(most->builder, &member);
	}
	pfree(expanded);
}

/* A role that nobody has gives nobody anything. */
static void
owners_most_role(HubRole *role, void *arg)
{
	OwnersMost *most = arg;

	if (hub_ids_have(&most->roles, role->id))
		owners_add_most(most, role->raw);
}

static void
owners_most_share(HubShare *share, int user_id, int group_id, void *arg)
{
	owners_add_most(arg, share->scopes);
}

const Scopeset *
reach_owners_most(ReachOwners *owners)
{
	OwnersMost	most = {.catalogue = owners->hub->catalogue};
	MemoryContext caller;

	if (owners->most != NULL)
		return owners->most;
	caller = MemoryContextSwitchTo(owners->context);
	most.builder = scope_builder_create();
	hub_add_held_roles(owners->hub, &most.roles);
	hub_ids_unique(&most.roles);
	hub_each_role(owners->hub, owners_most_role, &most);
	hub_each_share(owners->hub, owners_most_share, &most);
	pfree(most.roles.ids);
	owners->most = scope_builder_finish(most.builder, false);
	MemoryContextSwitchTo(caller);
	return owners->most;
}

/* ---- reading users ---- */

/* These and nobody else, in the context that is reset at the next call. */
static EffectiveWay *
owners_read(ReachOwners *owners, const int *ids, int n)
{
	HubWant		want = {.users = ids,.nusers = n};
	MemoryContext caller;
	EffectiveWay *way;

	MemoryContextReset(owners->read);
	caller = MemoryContextSwitchTo(owners->read);
	way = effective_way(hub_load(owners->hub, &want, false), owners->flags);
	audit_share_clients_ahead(way->data);
	MemoryContextSwitchTo(caller);
	return way;
}

/* How many fit, to judge by so many that were read. */
static void
owners_size(ReachOwners *owners, int n)
{
	Size		room = (Size) work_mem * 1024 / OWNERS_READ_PART;
	Size		each = MemoryContextMemAllocated(owners->read, true) / n;

	owners->at_a_time = Min(2 * owners->at_a_time, (int) Min(room / Max(each, 1), OWNERS_MANY));
	owners->at_a_time = Max(owners->at_a_time, OWNERS_FEW);
}

/* What is in it is the model's. */
static void
owners_fill(EffectiveWay *way, HubUser *user, ReachOwner *owner)
{
	EffectiveGrants *grants = effective_grants(way, user, NULL, NULL, true);

	owner->id = user->id;
	owner->name = user->name;
	owner->n = 0;
	owner->gives = palloc(sizeof(Scopeset *) * Max(grants->n, 1));
	for (int i = 0; i < grants->n; i++)
		if (grants->grants[i].scopes != NULL)
			owner->gives[owner->n++] = grants->grants[i].scopes;
}

/* ---- many: whom to tell of ---- */

/* Is anything that is shared with a group not filtered?  The hub shares no such thing. */
static bool
owners_shares_open(const HubGroup *group)
{
	ScopesetView view;

	for (int i = 0; i < group->nshares; i++)
	{
		scopeset_view(group->shares[i]->scopes, &view);
		if (view.open != 0)
			return true;
	}
	return false;
}

/* A row; to the tuplestore, or to one for those who come later. */
static void
owners_put(ReachOwners *owners, int which, EffectiveWay *way, HubUser *user, Tuplestorestate *later)
{
	Datum		values[OWNERS_NCOLUMNS];
	bool		nulls[OWNERS_NCOLUMNS] = {false};
	const Scopeset *full = effective_user(way, user, NULL);
	ScopesetView view;
	ReachOwner	owner;

	owners_fill(way, user, &owner);
	values[OWNERS_WHICH] = Int32GetDatum(which);
	values[OWNERS_ID] = Int32GetDatum(owner.id);
	values[OWNERS_NAME] = PointerGetDatum(cstring_to_text(owner.name));
	values[OWNERS_FULL] = PointerGetDatum(full);
	/* pointers are Datums here as anywhere */
	values[OWNERS_GIVES] = PointerGetDatum(construct_array((Datum *) owner.gives, owner.n, BYTEAOID, -1,
														   false, TYPALIGN_INT));
	scopeset_view(full, &view);
	tuplestore_putvalues(view.open != 0 ? owners->store : later, owners->desc, values, nulls);
}

/* These users, in their order; those of whom nothing is not filtered come later. */
static void
owners_put_all(ReachOwners *owners, int which, const HubIds *users, Tuplestorestate *later)
{
	int			read;

	for (int from = 0; from < users->n; from += read)
	{
		EffectiveWay *way;
		MemoryContext caller;

		read = Min(owners->at_a_time, users->n - from);
		way = owners_read(owners, users->ids + from, read);
		caller = MemoryContextSwitchTo(owners->read);
		for (int i = from; i < from + read; i++)
		{
			HubUser    *user = hub_user(way->data, users->ids[i]);

			CHECK_FOR_INTERRUPTS();
			if (user != NULL)
				owners_put(owners, which, way, user, later);
		}
		owners_size(owners, read);
		MemoryContextSwitchTo(caller);
	}
	MemoryContextReset(owners->read);
}

static void
owners_begin_store(ReachOwners *owners)
{
	static const Oid types[] = {INT4OID, INT4OID, BYTEAOID, BYTEAOID, BYTEAARRAYOID};
	MemoryContext caller = MemoryContextSwitchTo(owners->context);

	owners->desc = CreateTemplateTupleDesc(OWNERS_NCOLUMNS);
	for (int i = 0; i < OWNERS_NCOLUMNS; i++)
		TupleDescInitEntry(owners->desc, i + 1, NULL, types[i], -1, 0);
	owners->slot = MakeSingleTupleTableSlot(owners->desc, &TTSOpsMinimalTuple);
	owners->row = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz reach owner",
										ALLOCSET_DEFAULT_SIZES);
	owners->begins = palloc0(sizeof(int) * 2 * (owners->ngroups + 1));
	owners->store = tuplestore_begin_heap(false, false, Max(work_mem / OWNERS_STORE_PART, 64));
	tuplestore_set_eflags(owners->store, EXEC_FLAG_REWIND);
	owners->reader = tuplestore_alloc_read_pointer(owners->store, EXEC_FLAG_REWIND);
	/* it is at the end, and stays there as long as rows are put while it is selected */
	(void) tuplestore_advance(owners->store, true);
	MemoryContextSwitchTo(caller);
}

/* They come now. */
static void
owners_put_later(ReachOwners *owners, Tuplestorestate *later)
{
	while (tuplestore_gettupleslot(later, true, false, owners->slot))
		tuplestore_puttupleslot(owners->store, owners->slot);
	ExecClearTuple(owners->slot);
}

/*
 * Answer a question: which is a group's index, or the number of groups for all users;
 * and so much more again for the second ones.  Of users with the same roles one is
 * enough: what differs is what is about themselves, which is had for all of them.
 * Shares differ.
 */
static void
owners_collect(ReachOwners *owners, int which)
{
	bool		second = which > owners->ngroups;
	int			index = which % (owners->ngroups + 1);
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz reach many",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	Tuplestorestate *later = tuplestore_begin_heap(false, false, Max(work_mem / OWNERS_STORE_PART, 64));
	HubIds		users = {0};
	HubIds		open = {0};

	for (int i = 0; i < owners->ngroups; i++)
		if (owners_shares_open(owners->groups[i]))
			hub_ids_add(&open, owners->groups[i]->id);
	if (index < owners->ngroups)
	{
		HubIds		group = {.n = 1,.ids = &owners->groups[index]->id};
		HubIds		members = {0};

		hub_add_members(owners->hub, &group, &members);
		hub_add_role_sets(owners->hub, second, &members, &open, &users);
	}
	else
		hub_add_role_sets(owners->hub, second, NULL, &open, &users);

	/* a pointer that is at the end gets to the first row that is put then */
	tuplestore_select_read_pointer(owners->store, OWNERS_END);
	owners->begins[which] = tuplestore_alloc_read_pointer(owners->store, EXEC_FLAG_REWIND);
	/* those who can do the most first: what they have covers the others' */
	owners_put_all(owners, which, &users, later);
	owners_put_later(owners, later);
	tuplestore_end(later);
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
}

/* ---- many: telling ---- */

void
reach_owners_many(ReachOwners *owners, int group, bool second)
{
	if (owners->store == NULL)
		owners_begin_store(owners);
	owners->which = group == REACH_ALL_USERS ? owners->ngroups : group;
	if (second)
		owners->which += owners->ngroups + 1;
	if (owners->begins[owners->which] == 0)
		owners_collect(owners, owners->which);
	tuplestore_copy_read_pointer(owners->store, owners->begins[owners->which], owners->reader);
	tuplestore_select_read_pointer(owners->store, owners->reader);
}

/* Of the row in the slot, in the current memory context. */
static void
owners_get(ReachOwners *owners, ReachOwner *owner)
{
	Datum	   *values = owners->slot->tts_values;

	slot_getallattrs(owners->slot);
	owner->id = DatumGetInt32(values[OWNERS_ID]);
	owner->name = text_to_cstring((text *) DatumGetPointer(values[OWNERS_NAME]));
	deconstruct_array(DatumGetArrayTypeP(values[OWNERS_GIVES]), BYTEAOID, -1, false, TYPALIGN_INT,
					  (Datum **) &owner->gives, NULL, &owner->n);
}

bool
reach_owners_next(ReachOwners *owners, const Scopeset *held, const HubUser *but, bool *met,
				  ReachOwner *owner)
{
	MemoryContext caller;
	bool		isnull;

	ExecClearTuple(owners->slot);
	MemoryContextReset(owners->row);
	caller = MemoryContextSwitchTo(owners->row);
	for (;;)
	{
		CHECK_FOR_INTERRUPTS();
		/* the next one may be of another question */
		if (!tuplestore_gettupleslot(owners->store, true, false, owners->slot) ||
			DatumGetInt32(slot_getattr(owners->slot, OWNERS_WHICH + 1, &isnull)) != owners->which)
			break;
		if (but != NULL && DatumGetInt32(slot_getattr(owners->slot, OWNERS_ID + 1, &isnull)) == but->id)
		{
			*met = true;
			continue;
		}
		if (scopeset_covers_with(held, (Scopeset *) DatumGetPointer(slot_getattr(owners->slot, OWNERS_FULL + 1, &isnull)), NULL))
			continue;
		owners_get(owners, owner);
		MemoryContextSwitchTo(caller);
		return true;
	}
	MemoryContextSwitchTo(caller);
	return false;
}

/* ---- by name ---- */

typedef struct OwnersNamed
{
	const char *name;			/* hash key, must be first */
	ReachOwner *owner;			/* NULL: there is none such */
} OwnersNamed;

static uint32
owners_name_hash(const void *key, Size keysize)
{
	const char *name = *(const char *const *) key;

	return hash_bytes((const unsigned char *) name, (int) strlen(name));
}

static int
owners_name_match(const void *a, const void *b, Size keysize)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

/* Forget those that are there when they take too much. */
static void
owners_named_room(ReachOwners *owners)
{
	HASHCTL		ctl = {.keysize = sizeof(char *),.entrysize = sizeof(OwnersNamed),.hash = owners_name_hash,.match = owners_name_match};

	if (owners->named_context == NULL)
		owners->named_context = AllocSetContextCreate(owners->context, "jhub_authz reach named",
													  ALLOCSET_DEFAULT_SIZES);
	if (owners->named != NULL &&
		MemoryContextMemAllocated(owners->named_context, true) < (Size) work_mem * 1024 / OWNERS_NAMED_PART)
		return;
	owners->named = NULL;
	MemoryContextReset(owners->named_context);
	ctl.hcxt = owners->named_context;
	owners->named = hash_create("jhub_authz owners by name", 64, &ctl,
								HASH_ELEM | HASH_FUNCTION | HASH_COMPARE | HASH_CONTEXT);
}

/* A copy in the current memory context. */
static ReachOwner *
owners_copy(const ReachOwner *owner)
{
	ReachOwner *copy = palloc(sizeof(ReachOwner));

	*copy = *owner;
	copy->name = pstrdup(owner->name);
	copy->gives = palloc(sizeof(Scopeset *) * Max(owner->n, 1));
	for (int i = 0; i < owner->n; i++)
		copy->gives[i] = memcpy(palloc(VARSIZE_ANY(owner->gives[i])), owner->gives[i], VARSIZE_ANY(owner->gives[i]));
	return copy;
}

/* Enter a name; owner NULL unless something else is known already. */
static void
owners_enter(ReachOwners *owners, const char *name, ReachOwner *owner)
{
	bool		found;
	OwnersNamed *named = hash_search(owners->named, &name, HASH_ENTER, &found);

	if (!found)
	{
		named->name = owner != NULL ? owner->name : MemoryContextStrdup(owners->named_context, name);
		named->owner = owner;
	}
}

bool
reach_owner_known(const ReachOwners *owners, const char *name)
{
	return owners->named != NULL && hash_search(owners->named, &name, HASH_FIND, NULL) != NULL;
}

void
reach_owners_ahead(ReachOwners *owners, char *const *names, int n)
{
	HubIds		ids = {0};

	owners_named_room(owners);
	hub_add_users_named(owners->hub, names, n, &ids);
	if (ids.n > 0)
	{
		EffectiveWay *way = owners_read(owners, ids.ids, ids.n);
		MemoryContext caller = CurrentMemoryContext;

		for (int i = 0; i < ids.n; i++)
		{
			HubUser    *user = hub_user(way->data, ids.ids[i]);
			ReachOwner	owner;
			ReachOwner *copy;

			if (user == NULL)
				continue;
			MemoryContextSwitchTo(owners->read);
			owners_fill(way, user, &owner);
			MemoryContextSwitchTo(owners->named_context);
			copy = owners_copy(&owner);
			MemoryContextSwitchTo(caller);
			owners_enter(owners, copy->name, copy);
		}
		MemoryContextReset(owners->read);
	}
	/* that there is none such is known now, too */
	for (int i = 0; i < n; i++)
		owners_enter(owners, names[i], NULL);
	pfree(ids.ids);
}

const ReachOwner *
reach_owner_named(ReachOwners *owners, const char *name)
{
	char	   *one = unconstify(char *, name);

	if (!reach_owner_known(owners, name))
		reach_owners_ahead(owners, &one, 1);
	return ((OwnersNamed *) hash_search(owners->named, &name, HASH_FIND, NULL))->owner;
}
