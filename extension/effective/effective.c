/*-------------------------------------------------------------------------
 *
 * effective.c
 *	  What a subject may do: the hub's get_scopes_for on a HubData.
 *
 * Nothing is read here but OAuth clients and group membership, and those
 * through the HubData.  Nothing is parsed either: roles, shares and tokens
 * come with their scopes as Scopesets.  So the answer for one subject and the
 * row of that subject in a list of all come from the same few lines.
 *
 * What belongs to an owner is computed once per way of computing and kept in
 * the HubData's memory: the owner's memo field heads a short list with an
 * entry for each way.  Subjects that hold the same roles share the union of
 * the roles' scopes, and its expansion too unless that names the owner.  What
 * belongs to a token is computed in the caller's memory context and not kept.
 *
 *-------------------------------------------------------------------------
 */
#include "effective_private.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

/* A set of roles, in order of id, without duplicates. */
typedef struct EffectiveRolesKey
{
	HubRole   **roles;
	int			n;
} EffectiveRolesKey;

typedef struct EffectiveRoles
{
	EffectiveRolesKey key;		/* hash key, must be first */
	const Scopeset *raw;		/* union of the roles' scopes as written */
	bool		names_owner;	/* is the expansion different for each owner? */
	const Scopeset *expanded;	/* if not: the expansion, once it is needed */
	char	   *error;
} EffectiveRoles;

/* What is known of one subject in one way of computing. */
typedef struct EffectiveOwner
{
	struct EffectiveMemo *memo;
	struct EffectiveOwner *next;
	EffectiveRoles *roles;
	const Scopeset *own;		/* the roles' scopes, expanded */
	const Scopeset *full;		/* with shares */
	char	   *full_error;
	const Scopeset *limit;		/* what a token is intersected with */
	char	   *limit_error;
} EffectiveOwner;

/*
 * Well-known bases that are named here, as bits of the dictionary.  Looked up
 * once per backend, since the dictionary's order is not ours to know.
 */
static uint64 effective_bit_self = 0;
static uint64 effective_bit_inherit = 0;
static uint64 effective_bits_identify_user = 0;
static uint64 effective_bits_identify_service = 0;
static uint64 effective_bit_access_server = 0;
static uint64 effective_bit_access_service = 0;

static uint64
effective_bit(const char *base)
{
	int			id = scope_dictionary_find(base, strlen(base));

	if (id < 0)
		elog(ERROR, "base \"%s\" is not in the dictionary", base);
	return UINT64CONST(1) << id;
}

static void
effective_init_bits(void)
{
	if (effective_bit_self != 0)
		return;
	effective_bit_inherit = effective_bit("inherit");
	effective_bits_identify_user =
		effective_bit("read:users:name") | effective_bit("read:users:groups");
	effective_bits_identify_service = effective_bit("read:services:name");
	effective_bit_access_server = effective_bit("access:servers");
	effective_bit_access_service = effective_bit("access:services");
	effective_bit_self = effective_bit("self");
}

/* Add a sentence to an error text; allocates in the current context. */
static void
effective_defect(char **error, const char *what, const char *defect)
{
	if (*error == NULL)
		*error = psprintf("%s: %s", what, defect);
	else
		*error = psprintf("%s  %s: %s", *error, what, defect);
}

/* ---- ways and memos ---- */

EffectiveWay *
effective_way(HubData *data, int flags)
{
	EffectiveWay *way = MemoryContextAllocZero(hub_data_context(data),
											   sizeof(EffectiveWay));

	way->data = data;
	way->flags = flags;
	return way;
}

static uint32
effective_roles_hash(const void *key, Size keysize)
{
	const EffectiveRolesKey *k = key;

	return hash_bytes((const unsigned char *) k->roles,
					  (int) (k->n * sizeof(HubRole *)));
}

static int
effective_roles_match(const void *a, const void *b, Size keysize)
{
	const EffectiveRolesKey *x = a;
	const EffectiveRolesKey *y = b;

	if (x->n != y->n)
		return 1;
	return memcmp(x->roles, y->roles, x->n * sizeof(HubRole *));
}

struct EffectiveMemo *
effective_memo(EffectiveWay *way)
{
	struct EffectiveMemo *memo = way->memo;
	HASHCTL		ctl;

	if (memo != NULL)
		return memo;

	effective_init_bits();
	memo = MemoryContextAllocZero(hub_data_context(way->data), sizeof(*memo));
	memo->data = way->data;
	memo->context = hub_data_context(way->data);
	memo->catalogue = way->catalogue != NULL ? way->catalogue :
		hub_data_schema(way->data)->catalogue;

	memset(&ctl, 0, sizeof(ctl));
	ctl.keysize = sizeof(EffectiveRolesKey);
	ctl.entrysize = sizeof(EffectiveRoles);
	ctl.hash = effective_roles_hash;
	ctl.match = effective_roles_match;
	ctl.hcxt = memo->context;
	memo->role_sets = hash_create("jhub_authz role sets", 64, &ctl,
								  HASH_ELEM | HASH_FUNCTION | HASH_COMPARE |
								  HASH_CONTEXT);
	way->memo = memo;
	return memo;
}

/* The entry of this way in the list that a subject's memo field heads. */
static EffectiveOwner *
effective_owner(struct EffectiveMemo *memo, void **slot)
{
	EffectiveOwner *owner;

	for (owner = *slot; owner != NULL; owner = owner->next)
	{
		if (owner->memo == memo)
			return owner;
	}
	owner = hub_data_keep(memo->data, NULL, sizeof(*owner));
	owner->memo = memo;
	owner->next = *slot;
	*slot = owner;
	return owner;
}

/* Keep a set that was made for a while, and free that. */
static const Scopeset *
effective_keep(struct EffectiveMemo *memo, Scopeset *set)
{
	const Scopeset *kept = hub_data_keep(memo->data, set, VARSIZE(set));

	pfree(set);
	return kept;
}

/* ---- roles ---- */

/* Put roles into a list that is kept in order of id, without duplicates. */
static int
effective_add_roles(HubRole **list, int n, HubRole **roles, int nroles)
{
	for (int i = 0; i < nroles; i++)
	{
		int			at = n;

		while (at > 0 && list[at - 1]->id > roles[i]->id)
			at--;
		if (at > 0 && list[at - 1]->id == roles[i]->id)
			continue;
		memmove(&list[at + 1], &list[at], (n - at) * sizeof(HubRole *));
		list[at] = roles[i];
		n++;
	}
	return n;
}

/* Fill an entry that has its key: union of the scopes, and the defects. */
static void
effective_union_roles(EffectiveWay *way, EffectiveRoles *set)
{
	ScopeBuilder *builder = scope_builder_create();
	ScopesetView view;

	set->error = NULL;
	set->expanded = NULL;
	for (int i = 0; i < set->key.n; i++)
	{
		HubRole    *role = set->key.roles[i];
		const Scopeset *raw = NULL;

		if (way->role_raw != NULL)
			raw = way->role_raw(role, way->role_arg);
		if (raw == NULL)
		{
			raw = role->raw;
			if (role->defect != NULL)
				effective_defect(&set->error,
								 psprintf("role \"%s\"", role->name),
								 role->defect);
		}
		scope_builder_add_set(builder, raw);
	}
	set->raw = effective_keep(way->memo, scope_builder_finish(builder, false));

	/* !server has no target without a client, whoever the owner is */
	scopeset_view(set->raw, &view);
	set->names_owner = (view.open & effective_bit_self) != 0 ||
		scopeset_has_kind(set->raw, SCOPE_USER_SELF) ||
		scopeset_has_kind(set->raw, SCOPE_SERVICE_SELF);
}

/*
 * The set of the given roles and of those of the given groups: found, or made
 * in the memo's context.
 */
static EffectiveRoles *
effective_roles(EffectiveWay *way, HubRole **roles, int nroles,
				HubGroup **groups, int ngroups)
{
	struct EffectiveMemo *memo = way->memo;
	EffectiveRolesKey key;
	EffectiveRoles *set;
	HubRole    *few[16];
	int			most = nroles;
	bool		found;

	for (int i = 0; i < ngroups; i++)
		most += groups[i]->nroles;
	key.roles = most <= (int) lengthof(few) ? few :
		palloc(most * sizeof(HubRole *));
	key.n = effective_add_roles(key.roles, 0, roles, nroles);
	for (int i = 0; i < ngroups; i++)
		key.n = effective_add_roles(key.roles, key.n,
									groups[i]->roles, groups[i]->nroles);

	set = hash_search(memo->role_sets, &key, HASH_FIND, NULL);
	if (set == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(memo->context);
		EffectiveRoles made;

		/* complete before it is entered: an error must not leave half of it */
		memset(&made, 0, sizeof(made));
		made.key.n = key.n;
		made.key.roles = hub_data_keep(memo->data, key.roles, key.n * sizeof(HubRole *));
		effective_union_roles(way, &made);
		set = hash_search(memo->role_sets, &made.key, HASH_ENTER, &found);
		*set = made;
		MemoryContextSwitchTo(old);
	}
	if (key.roles != few)
		pfree(key.roles);
	return set;
}

/* Expand what the roles give to this owner (none: a group). */
static void
effective_expand_roles(EffectiveWay *way, EffectiveOwner *owner,
					   const HubUser *user, const HubService *service)
{
	EffectiveRoles *set = owner->roles;
	struct EffectiveMemo *memo = way->memo;
	MemoryContext old;
	ExpandTarget target;

	if (!set->names_owner && set->expanded != NULL)
	{
		owner->own = set->expanded;
		return;
	}
	old = MemoryContextSwitchTo(memo->context);
	effective_target(&target, user, service, NULL);
	owner->own = effective_keep(memo, catalogue_expand(memo->catalogue, set->raw, &target));
	if (!set->names_owner)
		set->expanded = owner->own;
	MemoryContextSwitchTo(old);
}

/* A subject's entry, with its set of roles. */
static EffectiveOwner *
effective_user_roles(EffectiveWay *way, HubUser *user)
{
	EffectiveOwner *owner = effective_owner(effective_memo(way), &user->memo);

	if (owner->roles == NULL)
		owner->roles = effective_roles(way, user->roles, user->nroles,
									   user->groups, user->ngroups);
	return owner;
}

/* ... and with its roles expanded. */
static EffectiveOwner *
effective_user_entry(EffectiveWay *way, HubUser *user)
{
	EffectiveOwner *owner = effective_user_roles(way, user);

	if (owner->own == NULL)
		effective_expand_roles(way, owner, user, NULL);
	return owner;
}

static EffectiveOwner *
effective_service_entry(EffectiveWay *way, HubService *service)
{
	EffectiveOwner *owner = effective_owner(effective_memo(way), &service->memo);

	if (owner->roles == NULL)
		owner->roles = effective_roles(way, service->roles, service->nroles,
									   NULL, 0);
	if (owner->own == NULL)
		effective_expand_roles(way, owner, NULL, service);
	return owner;
}

static EffectiveOwner *
effective_group_entry(EffectiveWay *way, HubGroup *group)
{
	EffectiveOwner *owner = effective_owner(effective_memo(way), &group->memo);

	if (owner->roles == NULL)
		owner->roles = effective_roles(way, group->roles, group->nroles, NULL, 0);
	if (owner->own == NULL)
		effective_expand_roles(way, owner, NULL, NULL);
	return owner;
}

/* ---- shares ---- */

/*
 * Add what a share gives to its user, or to its group (user is NULL).  The
 * share's server stands for !server.  The hub writes the server's name into
 * shares, so that its client hardly ever has to be looked up.
 */
static void
effective_add_share(EffectiveWay *way, ScopeBuilder *builder,
					const HubUser *user, const HubShare *share)
{
	const HubClient *client = NULL;
	ExpandTarget target;
	Scopeset   *expanded;

	if (share->client_id != NULL &&
		(scopeset_has_kind(share->scopes, SCOPE_SERVER_SELF) ||
		 scopeset_has_kind(share->scopes, SCOPE_SERVICE_SELF)))
		client = hub_client(way->data, share->client_id);
	effective_target(&target, user, NULL, client);
	expanded = catalogue_expand(way->memo->catalogue, share->scopes, &target);
	scope_builder_add_set(builder, expanded);
	pfree(expanded);
}

static void
effective_share_defects(char **error, HubShare **shares, int nshares)
{
	for (int i = 0; i < nshares; i++)
	{
		if (shares[i]->defect != NULL)
			effective_defect(error,
							 psprintf("share %d of server \"%s\"",
									  shares[i]->id, shares[i]->server),
							 shares[i]->defect);
	}
}

/*
 * What a group gives by its roles and shares.  The hub adds the shares'
 * scopes without reducing the whole, and so do we, here and below.
 */
static EffectiveOwner *
effective_group_full(EffectiveWay *way, HubGroup *group)
{
	EffectiveOwner *owner = effective_group_entry(way, group);
	MemoryContext old;
	ScopeBuilder *builder;

	if (owner->full != NULL)
		return owner;
	owner->full_error = owner->roles->error;
	if (group->nshares == 0 || (way->flags & EFFECTIVE_NO_SHARES) != 0)
	{
		owner->full = owner->own;
		return owner;
	}
	old = MemoryContextSwitchTo(owner->memo->context);
	builder = scope_builder_create();
	scope_builder_add_set(builder, owner->own);
	for (int i = 0; i < group->nshares; i++)
		effective_add_share(way, builder, NULL, group->shares[i]);
	effective_share_defects(&owner->full_error, group->shares, group->nshares);
	owner->full = effective_keep(owner->memo, scope_builder_finish(builder, false));
	MemoryContextSwitchTo(old);
	return owner;
}

static EffectiveOwner *
effective_user_full(EffectiveWay *way, HubUser *user)
{
	EffectiveOwner *owner = effective_user_entry(way, user);
	bool		shares = user->nshares > 0;
	MemoryContext old;
	ScopeBuilder *builder;

	if (owner->full != NULL)
		return owner;
	owner->full_error = owner->roles->error;
	for (int i = 0; i < user->ngroups && !shares; i++)
		shares = user->groups[i]->nshares > 0;
	if (!shares || (way->flags & EFFECTIVE_NO_SHARES) != 0)
	{
		owner->full = owner->own;
		return owner;
	}
	old = MemoryContextSwitchTo(owner->memo->context);
	builder = scope_builder_create();
	scope_builder_add_set(builder, owner->own);
	for (int i = 0; i < user->nshares; i++)
		effective_add_share(way, builder, user, user->shares[i]);
	effective_share_defects(&owner->full_error, user->shares, user->nshares);
	for (int i = 0; i < user->ngroups; i++)
	{
		HubGroup   *group = user->groups[i];

		for (int j = 0; j < group->nshares; j++)
			effective_add_share(way, builder, NULL, group->shares[j]);
		effective_share_defects(&owner->full_error, group->shares, group->nshares);
	}
	owner->full = effective_keep(owner->memo, scope_builder_finish(builder, false));
	MemoryContextSwitchTo(old);
	return owner;
}

/* ---- the questions ---- */

const Scopeset *
effective_user(EffectiveWay *way, HubUser *user, char **error)
{
	EffectiveOwner *owner = effective_user_full(way, user);

	if (error != NULL)
		*error = owner->full_error;
	return owner->full;
}

const Scopeset *
effective_group(EffectiveWay *way, HubGroup *group, char **error)
{
	EffectiveOwner *owner = effective_group_full(way, group);

	if (error != NULL)
		*error = owner->full_error;
	return owner->full;
}

/* Nothing is shared with a service. */
const Scopeset *
effective_service(EffectiveWay *way, HubService *service, char **error)
{
	EffectiveOwner *owner = effective_service_entry(way, service);

	if (error != NULL)
		*error = owner->roles->error;
	return owner->own;
}

const Scopeset *
effective_raw_user(EffectiveWay *way, HubUser *user)
{
	return effective_user_roles(way, user)->roles->raw;
}

const Scopeset *
effective_raw_service(EffectiveWay *way, HubService *service)
{
	return effective_service_entry(way, service)->roles->raw;
}

const Scopeset *
effective_raw_group(EffectiveWay *way, HubGroup *group)
{
	return effective_group_entry(way, group)->roles->raw;
}

/*
 * What a user's tokens are intersected with.  This is not what the user may
 * do: the hub counts only what is shared with the user directly, and as it is
 * written.  With EFFECTIVE_TOKEN_SHARES it is what the hub's manual says.
 */
static EffectiveOwner *
effective_user_limit(EffectiveWay *way, HubUser *user)
{
	EffectiveOwner *owner;
	MemoryContext old;
	ScopeBuilder *builder;

	if ((way->flags & EFFECTIVE_TOKEN_SHARES) != 0)
	{
		owner = effective_user_full(way, user);
		owner->limit = owner->full;
		owner->limit_error = owner->full_error;
		return owner;
	}
	owner = effective_user_entry(way, user);
	if (owner->limit != NULL)
		return owner;
	owner->limit_error = owner->roles->error;
	if (user->nshares == 0 || (way->flags & EFFECTIVE_NO_SHARES) != 0)
	{
		owner->limit = owner->own;
		return owner;
	}
	old = MemoryContextSwitchTo(owner->memo->context);
	builder = scope_builder_create();
	scope_builder_add_set(builder, owner->own);
	for (int i = 0; i < user->nshares; i++)
		scope_builder_add_set(builder, user->shares[i]->scopes);
	effective_share_defects(&owner->limit_error, user->shares, user->nshares);
	owner->limit = effective_keep(owner->memo, scope_builder_finish(builder, false));
	MemoryContextSwitchTo(old);
	return owner;
}

void
effective_add_identify(ScopeBuilder *builder, const HubUser *user,
					   const HubService *service)
{
	if (user != NULL)
		scope_builder_add_mask(builder, SCOPE_USER, user->name,
							   strlen(user->name), effective_bits_identify_user);
	else if (service != NULL)
		scope_builder_add_mask(builder, SCOPE_SERVICE, service->name,
							   strlen(service->name),
							   effective_bits_identify_service);
}

/* The hub takes a client's server before its service. */
static void
effective_add_access(ScopeBuilder *builder, const HubClient *client)
{
	if (client == NULL || strcmp(client->identifier, "jupyterhub") == 0)
		return;
	if (client->server != NULL)
		scope_builder_add_mask(builder, SCOPE_SERVER, client->server,
							   strlen(client->server),
							   effective_bit_access_server);
	else if (client->service != NULL)
		scope_builder_add_mask(builder, SCOPE_SERVICE, client->service,
							   strlen(client->service),
							   effective_bit_access_service);
}

/*
 * The hub's own client stands for nothing, and most tokens are of it: it is not
 * looked up, which would go through all servers (hub_client).
 */
const HubClient *
effective_token_client(HubData *data, const char *client_id)
{
	if (client_id == NULL || strcmp(client_id, "jupyterhub") == 0)
		return NULL;
	return hub_client(data, client_id);
}

/*
 * What the token asks for: its stored scopes expanded, access to what its
 * client stands for, and who its owner is; reduced.
 */
static Scopeset *
effective_token_wanted(EffectiveWay *way, HubToken *token,
					   const HubUser *user, const HubService *service)
{
	const HubClient *client = effective_token_client(way->data, token->client_id);
	ExpandTarget target;
	ScopeBuilder *builder;
	Scopeset   *expanded;

	effective_target(&target, user, service, client);
	expanded = catalogue_expand(way->memo->catalogue, token->stored, &target);
	builder = scope_builder_create();
	scope_builder_add_set(builder, expanded);
	effective_add_access(builder, client);
	effective_add_identify(builder, user, service);
	pfree(expanded);
	return scope_builder_finish(builder, true);
}

/*
 * A token with "inherit" holds exactly what limits it: the hub looks at none
 * of its other scopes.  NULL for stored scopes, at which the hub fails, is
 * taken as none.
 */
const Scopeset *
effective_token(EffectiveWay *way, HubToken *token,
				const Scopeset **discarded, char **error)
{
	HubUser    *user = NULL;
	HubService *service = NULL;
	const Scopeset *limit;
	char	   *limit_error;
	const Scopeset *result;
	Scopeset   *wanted;
	ScopesetView view;

	(void) effective_memo(way);
	if (token->user_id != 0)
		user = hub_user(way->data, token->user_id);
	else if (token->service_id != 0)
		service = hub_service(way->data, token->service_id);

	if (user != NULL)
	{
		EffectiveOwner *owner = effective_user_limit(way, user);

		limit = owner->limit;
		limit_error = owner->limit_error;
	}
	else if (service != NULL)
		limit = effective_service(way, service, &limit_error);
	else
	{
		if (error != NULL)
			*error = token->defect;
		if (discarded != NULL)
			*discarded = token->stored;
		return scopeset_empty();
	}

	if (error != NULL)
	{
		*error = limit_error;
		if (token->defect != NULL)
			effective_defect(error, "token", token->defect);
	}

	scopeset_view(token->stored, &view);
	if ((view.open & effective_bit_inherit) != 0)
	{
		if (discarded != NULL)
			*discarded = scopeset_empty();
		return limit;
	}

	wanted = effective_token_wanted(way, token, user, service);
	if (way->memo->membership == NULL && scopeset_needs_groups(wanted, limit))
		way->memo->membership = hub_membership(way->data);
	result = scopeset_intersect_with(wanted, limit, way->memo->membership);

	/*
	 * The hub's set difference.  To take off what the result covers is the
	 * same here: what it covers, the limit covers, so it is a member.
	 */
	if (discarded != NULL)
		*discarded = scopeset_minus_with(wanted, result, NULL);
	pfree(wanted);
	return result;
}

/* ---- scopes that go with an owner or a client ---- */

Scopeset *
effective_identify_user(const char *name)
{
	ScopeBuilder *builder = scope_builder_create();

	effective_init_bits();
	scope_builder_add_mask(builder, SCOPE_USER, name, strlen(name),
						   effective_bits_identify_user);
	return scope_builder_finish(builder, false);
}

Scopeset *
effective_identify_service(const char *name)
{
	ScopeBuilder *builder = scope_builder_create();

	effective_init_bits();
	scope_builder_add_mask(builder, SCOPE_SERVICE, name, strlen(name),
						   effective_bits_identify_service);
	return scope_builder_finish(builder, false);
}

Scopeset *
effective_access(const HubClient *client)
{
	ScopeBuilder *builder = scope_builder_create();

	effective_init_bits();
	effective_add_access(builder, client);
	return scope_builder_finish(builder, false);
}

/*
 * !service is the client's service before the owner.  A client with a service
 * gives no target for !server, even if a server goes by the same client.
 */
void
effective_target(ExpandTarget *target, const HubUser *user,
				 const HubService *service, const HubClient *client)
{
	target->user = user != NULL ? user->name : NULL;
	target->service = service != NULL ? service->name : NULL;
	target->server = NULL;
	if (client == NULL)
		return;
	if (client->service != NULL)
		target->service = client->service;
	else
		target->server = client->server;
}
