/*-------------------------------------------------------------------------
 *
 * hub_membership.c
 *	  Who is in which group, as the group-aware algebra asks it.
 *
 * Of a model: the groups of one user after the other, as they are asked for,
 * from what is loaded or else by a query.  For two given sets: one query for
 * all that can be asked.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_private.h"

#include "utils/memutils.h"

/* ---- of a model ---- */

/* Groups of a user who is not in the model, as they were read. */
typedef struct HubMember
{
	int			n;
	const char **groups;		/* names, in byte order */
} HubMember;

typedef struct HubMembers
{
	ScopeMembership membership;
	HubData    *data;
	HubNames   *users;			/* of the model: HubUser * */
	HubNames   *others;			/* HubMember * */
} HubMembers;

static int
hub_compare_cstrings(const void *a, const void *b)
{
	return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static HubMember *
hub_read_member(HubMembers *self, const char *user, int len)
{
	MemoryContext context = hub_data_context(self->data);
	const HubSchema *hub = hub_data_schema(self->data);
	HubMember  *member = MemoryContextAllocZero(context, sizeof(HubMember));
	text	   *name_there = module_text_if_representable(pnstrdup(user, len));
	Oid			types[2] = {TEXTOID};
	Datum		values[2];
	SpiFrame	frame;
	uint64		n;

	/* what the server's encoding cannot hold is nobody's name here */
	if (name_there == NULL)
		return member;
	spi_enter(&frame, hub->owner);
	values[0] = PointerGetDatum(name_there);
	n = spi_run(psprintf("SELECT g.name FROM %s JOIN %s ON m.user_id = u.id"
						 " JOIN %s ON g.id = m.group_id WHERE u.name = $1",
						 hub_from(hub, HUB_USERS, "u", 1), hub_from(hub, HUB_USER_GROUP_MAP, "m", 1),
						 hub_from(hub, HUB_GROUPS, "g", 1)),
				hub_from_args(hub, 1, types, values), types, values, NULL, true,
				hub_data_is_latest(self->data), 0);
	member->groups = MemoryContextAlloc(context, sizeof(char *) * Max(n, 1));
	for (uint64 i = 0; i < n; i++)
	{
		char	   *name = hub_utf8(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);

		if (name != NULL)
			member->groups[member->n++] = MemoryContextStrdup(context, name);
	}
	spi_leave(&frame);
	qsort(member->groups, member->n, sizeof(char *), hub_compare_cstrings);
	return member;
}

/* Look up who is not in the model; what is found is remembered. */
static HubMember *
hub_member(HubMembers *self, const char *user, int len)
{
	HubMember  *member = hub_names_get(self->others, user, len);
	char	   *key;

	if (member != NULL)
		return member;
	member = hub_read_member(self, user, len);
	key = MemoryContextAlloc(hub_data_context(self->data), len + 1);
	memcpy(key, user, len);
	key[len] = '\0';
	*hub_names_put(self->others, key, len) = member;
	return member;
}

/* Is the group among n names, which name(i) gives in byte order? */
#define HUB_SEARCH(n, name) \
	int			low = 0; \
	int			high = (n); \
	while (low < high) \
	{ \
		int			i = (low + high) / 2; \
		int			order = strncmp(name, group, group_len); \
		if (order == 0 && (name)[group_len] == '\0') \
			return true; \
		if (order < 0) \
			low = i + 1; \
		else \
			high = i; \
	} \
	return false

static bool
hub_user_is_in(const HubUser *user, const char *group, int group_len)
{
	HUB_SEARCH(user->ngroups, user->groups[i]->name);
}

static bool
hub_member_is_in(const HubMember *member, const char *group, int group_len)
{
	HUB_SEARCH(member->n, member->groups[i]);
}

#undef HUB_SEARCH

static bool
hub_is_member(ScopeMembership *membership, const char *user, int user_len,
			  const char *group, int group_len)
{
	HubMembers *self = membership->state;
	HubUser    *loaded = hub_names_get(self->users, user, user_len);

	if (loaded != NULL)
		return hub_user_is_in(loaded, group, group_len);
	if (hub_data_is_everyone(self->data))
		return false;
	return hub_member_is_in(hub_member(self, user, user_len), group, group_len);
}

ScopeMembership *
hub_membership_create(HubData *data)
{
	MemoryContext context = hub_data_context(data);
	HubMembers *self = MemoryContextAllocZero(context, sizeof(HubMembers));
	HubUser   **users;
	int			n;

	self->data = data;
	self->users = hub_names_new(context);
	self->others = hub_names_new(context);
	users = hub_users(data, &n);
	for (int i = 0; i < n; i++)
		*hub_names_put(self->users, users[i]->name, strlen(users[i]->name)) = users[i];
	self->membership.is_member = hub_is_member;
	self->membership.state = self;
	return &self->membership;
}

/* ---- for two sets ---- */

void
hub_name_array_add(HubNameArray *array, const char *name, int len)
{
	if (array->n == array->size)
	{
		array->size = array->size ? 2 * array->size : 16;
		array->names = array->names ?
			repalloc(array->names, sizeof(char *) * array->size) :
			palloc(sizeof(char *) * array->size);
	}
	array->names[array->n++] = pnstrdup(name, len);
}

/* The users (server owners too) and groups that a set filters by. */
void
hub_collect_names(const Scopeset *set, HubNameArray *users, HubNameArray *groups)
{
	ScopesetView view;

	scopeset_view(set, &view);
	for (int i = 0; i < view.nfilters; i++)
	{
		int			len;
		const char *value = scopeset_value(&view, i, &len);

		switch (scopeset_kind(&view, i))
		{
			case SCOPE_GROUP:
				hub_name_array_add(groups, value, len);
				break;
			case SCOPE_USER:
				hub_name_array_add(users, value, len);
				break;
			case SCOPE_SERVER:
				hub_name_array_add(users, value, scope_server_owner_len(value, len));
				break;
			default:
				break;
		}
	}
}

/* A pair's key: both names with a zero byte between, which no name holds. */
static bool
hub_is_pair(ScopeMembership *membership, const char *user, int user_len,
			const char *group, int group_len)
{
	char		key[2 * SCOPE_MAX_BYTES + 1];

	/* no member of a scopeset has a longer value */
	if (user_len + group_len >= (int) sizeof(key))
		return false;
	memcpy(key, user, user_len);
	key[user_len] = '\0';
	memcpy(key + user_len + 1, group, group_len);
	return hub_names_get((HubNames *) membership->state, key, user_len + 1 + group_len) != NULL;
}

ScopeMembership *
hub_membership_for(const HubSchema *hub, const Scopeset *a, const Scopeset *b, bool latest)
{
	static const Oid types[2] = {TEXTARRAYOID, TEXTARRAYOID};
	MemoryContext caller = CurrentMemoryContext;
	HubNameArray users = {0};
	HubNameArray groups = {0};
	ScopeMembership *membership;
	HubNames   *pairs;
	Datum		values[2];
	SpiFrame	frame;
	uint64		n;

	if (!scopeset_needs_groups(a, b))
		return NULL;

	pairs = hub_names_new(caller);
	membership = palloc0(sizeof(ScopeMembership));
	membership->is_member = hub_is_pair;
	membership->state = pairs;

	spi_enter(&frame, hub->owner);
	hub_collect_names(a, &users, &groups);
	hub_collect_names(b, &users, &groups);
	values[0] = spi_text_array(users.names, users.n);
	values[1] = spi_text_array(groups.names, groups.n);

	/* OFFSET 0: find the groups first, not compare all names for each row */
	n = spi_run(psprintf("SELECT u.name, g.name FROM %s.users u JOIN %s.user_group_map m ON m.user_id = u.id"
						 " JOIN (SELECT id, name FROM %s.groups WHERE name = ANY ($2) OFFSET 0) g"
						 " ON g.id = m.group_id WHERE u.name = ANY ($1)",
						 hub->quoted, hub->quoted, hub->quoted),
				2, types, values, NULL, true, latest, 0);
	for (uint64 i = 0; i < n; i++)
	{
		char	   *user = hub_utf8(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		char	   *group = hub_utf8(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2);
		int			user_len = strlen(user);
		int			len = user_len + 1 + strlen(group);
		char	   *key = MemoryContextAlloc(caller, len + 1);

		strcpy(key, user);
		strcpy(key + user_len + 1, group);
		*hub_names_put(pairs, key, len) = key;
	}
	spi_leave(&frame);
	return membership;
}
