/*-------------------------------------------------------------------------
 *
 * expand.c
 *	  From raw scopes to expanded ones: the hub's expand_scopes.
 *
 * In the hub's order: each scope becomes itself and its subscopes, all with its
 * filter; then self filters are replaced by the target, or dropped where there
 * is none; then an unfiltered "self" becomes a user's list; then the set is
 * reduced.  As a set is stored by filter, the first step is for each filter
 * an OR over the closures of the bits in one mask.
 *
 * A scope that the catalogue does not define has no subscopes and stays as it
 * is (its closure is itself); the hub would raise KeyError.  What an undefined
 * scope means is for the caller to decide, before or after.
 *
 * Not done here: groups, identify and access scopes, shares.
 *
 *-------------------------------------------------------------------------
 */
#include "custom_scopes.h"

#include "port/pg_bitutils.h"

/* A filter after self filters were replaced. */
typedef struct ExpandFilter
{
	ScopeKind	kind;
	const char *value;
	int			value_len;
	bool		by_server;		/* the rules for filters by server apply */
	bool		dropped;		/* a self filter without a target */
} ExpandFilter;

typedef struct ExpandState
{
	const Catalogue *catalogue;
	const ExpandTarget *target;
	ScopeBuilder *builder;
} ExpandState;

/* Set the filter to kind=name, or drop it if there is no name. */
static void
expand_replace(ExpandFilter *filter, ScopeKind kind, const char *name)
{
	if (name == NULL || *name == '\0')
	{
		filter->dropped = true;
		return;
	}
	filter->kind = kind;
	filter->value = name;
	filter->value_len = strlen(name);
}

/*
 * What a filter becomes.  by_server is about the filter as it was written:
 * the hub looks at it before it replaces anything.
 */
static void
expand_filter(const ExpandState *state, ScopeKind kind,
			  const char *value, int value_len, ExpandFilter *filter)
{
	const ExpandTarget *target = state->target;
	bool		any_owner = state->catalogue->release->user_is_any_owner;

	filter->kind = kind;
	filter->value = value;
	filter->value_len = value_len;
	filter->by_server = (kind == SCOPE_SERVER || kind == SCOPE_SERVER_SELF);
	filter->dropped = false;

	switch (kind)
	{
		case SCOPE_USER_SELF:
			expand_replace(filter, SCOPE_USER,
						   target->user == NULL && any_owner ?
						   target->service : target->user);
			break;
		case SCOPE_SERVICE_SELF:
			expand_replace(filter, SCOPE_SERVICE, any_owner ? NULL : target->service);
			break;
		case SCOPE_SERVER_SELF:
			expand_replace(filter, SCOPE_SERVER, any_owner ? NULL : target->server);
			break;
		default:
			break;
	}
}

/* All that a mask implies. */
static uint64
expand_closure(const CatalogueRelease *release, uint64 mask)
{
	uint64		result = 0;

	for (; mask != 0; mask &= mask - 1)
		result |= release->closure[pg_rightmost_one_pos64(mask)];
	return result;
}

/*
 * Before 3.1, a filter by server also let the server's owner's name be read.
 * For the self filter the hub's result had no user's name in it, so it gave
 * nothing to anyone; it is left out here.
 */
static void
expand_owner_name(ExpandState *state, ScopeKind kind, const char *value, int value_len)
{
	int			owner_len;

	if (kind != SCOPE_SERVER)
		return;
	owner_len = scope_server_owner_len(value, value_len);
	if (owner_len > 0)
		scope_builder_add_mask(state->builder, SCOPE_USER, value, owner_len,
							   CATALOGUE_MASK_READ_USERS_NAME);
}

/* The well-known bases of one filter. */
static void
expand_mask(ExpandState *state, ScopeKind kind, const char *value, int value_len,
			uint64 mask)
{
	const CatalogueRelease *release = state->catalogue->release;
	uint64		result = expand_closure(release, mask);
	ExpandFilter filter;

	expand_filter(state, kind, value, value_len, &filter);
	if (filter.by_server)
	{
		switch (release->server_rule)
		{
			case CATALOGUE_SERVER_NAMES_OWNER:
				if (mask & release->defined)
					expand_owner_name(state, kind, value, value_len);
				break;
			case CATALOGUE_SERVER_READ_NAMES_OWNER:
				if (result & release->defined & CATALOGUE_MASK_READ)
					expand_owner_name(state, kind, value, value_len);
				break;
			case CATALOGUE_SERVER_NO_USERS:
				result &= ~(release->defined & CATALOGUE_MASK_READ_USER);
				break;
		}
	}
	if (result != 0 && !filter.dropped)
		scope_builder_add_mask(state->builder, filter.kind,
							   filter.value, filter.value_len, result);
}

/* One base outside of the dictionary, with one filter (or none). */
static void
expand_local(ExpandState *state, const char *base, int base_len,
			 ScopeKind kind, const char *value, int value_len)
{
	const CustomScopes *custom = state->catalogue->custom;
	int			index = custom_scopes_find(custom, base, base_len);
	ExpandFilter filter;

	expand_filter(state, kind, value, value_len, &filter);

	/* names of custom scopes don't begin with "read:" */
	if (filter.by_server && index >= 0 &&
		state->catalogue->release->server_rule == CATALOGUE_SERVER_NAMES_OWNER)
		expand_owner_name(state, kind, value, value_len);
	if (filter.dropped)
		return;

	if (index < 0)
	{
		scope_builder_add_local(state->builder, base, base_len,
								filter.kind, filter.value, filter.value_len);
		return;
	}
	for (int i = 0; i < custom->scopes[index].nclosure; i++)
	{
		const CustomScope *below = &custom->scopes[custom->scopes[index].closure[i]];

		scope_builder_add_local(state->builder, below->name, below->name_len,
								filter.kind, filter.value, filter.value_len);
	}
}

Scopeset *
catalogue_expand(const Catalogue *catalogue, const Scopeset *raw,
				 const ExpandTarget *target)
{
	static const ExpandTarget nobody = {NULL, NULL, NULL};
	const CatalogueRelease *release = catalogue->release;
	ExpandState state;
	ScopesetView view;
	uint64		open;

	state.catalogue = catalogue;
	state.target = target ? target : &nobody;
	state.builder = scope_builder_create();
	scopeset_view(raw, &view);

	open = expand_closure(release, view.open & ~CATALOGUE_MASK_SELF);
	if (open != 0)
		scope_builder_add_mask(state.builder, SCOPE_OPEN, NULL, 0, open);

	/* "self" with a filter is an ordinary scope to the hub */
	if ((view.open & CATALOGUE_MASK_SELF) &&
		state.target->user && *state.target->user)
		scope_builder_add_mask(state.builder, SCOPE_USER, state.target->user,
							   strlen(state.target->user), release->self_user);

	for (int i = 0; i < view.nfilters; i++)
	{
		uint64		mask = scopeset_mask(&view, i);
		int			len;
		const char *value = scopeset_value(&view, i, &len);

		if (mask != 0)
			expand_mask(&state, scopeset_kind(&view, i), value, len, mask);
	}

	for (int i = 0; i < view.npairs; i++)
	{
		int			local;
		int			filter;
		int			base_len;
		int			len = 0;
		const char *value = NULL;
		const char *base;

		scopeset_pair(&view, i, &local, &filter);
		base = scopeset_local(&view, local, &base_len);
		if (filter >= 0)
			value = scopeset_value(&view, filter, &len);
		expand_local(&state, base, base_len,
					 filter >= 0 ? scopeset_kind(&view, filter) : SCOPE_OPEN,
					 value, len);
	}
	return scope_builder_finish(state.builder, true);
}
