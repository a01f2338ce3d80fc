/*-------------------------------------------------------------------------
 *
 * scopeset_filters.c
 *	  Asking for filters by name, and renaming them.
 *
 * What the growth decision needs when a user, group, service or server of the
 * hub is renamed.  Which renames happened is not this file's matter.
 *
 *-------------------------------------------------------------------------
 */
#include "scopeset_private.h"

#include "common/hashfn.h"

bool
scopeset_has_kind(const Scopeset *a, ScopeKind kind)
{
	ScopesetView view;

	scopeset_view(a, &view);
	return view.nfilters > 0 && memchr(view.kinds, kind, view.nfilters) != NULL;
}

int32
scopeset_group_hash(const char *name, int len)
{
	return (int32) hash_bytes((const unsigned char *) name, len);
}

bool
scopeset_names_filter(const Scopeset *set, ScopeKind kind,
					  const char *value, int len)
{
	ScopesetView view;
	int			i;

	scopeset_view(set, &view);
	if (scopeset_find_filter(&view, kind, value, len) >= 0)
		return true;
	if (kind != SCOPE_USER)
		return false;
	for (i = 0; i < view.nfilters; i++)
	{
		int			vlen;
		const char *v;

		if (view.kinds[i] != SCOPE_SERVER)
			continue;
		v = scopeset_value(&view, i, &vlen);
		if (scope_server_owner_len(v, vlen) == len && memcmp(v, value, len) == 0)
			return true;
	}
	return false;
}

/* The new name for an old one; the old one itself if there is none. */
static const char *
filters_new_name(int n, const ScopeKind *kinds, char **olds, char **news,
				 ScopeKind kind, const char *value, int *len)
{
	int			i;

	for (i = 0; i < n; i++)
	{
		if (kinds[i] == kind && (int) strlen(olds[i]) == *len &&
			memcmp(olds[i], value, *len) == 0)
		{
			*len = (int) strlen(news[i]);
			return news[i];
		}
	}
	return value;
}

/* A server's value: the server's own rename first, then its owner's. */
static const char *
filters_new_server(int n, const ScopeKind *kinds, char **olds, char **news,
				   const char *value, int *len)
{
	const char *owner;
	int			old_len;
	int			owner_len;
	char	   *joined;

	value = filters_new_name(n, kinds, olds, news, SCOPE_SERVER, value, len);
	old_len = owner_len = scope_server_owner_len(value, *len);
	owner = filters_new_name(n, kinds, olds, news, SCOPE_USER, value,
							 &owner_len);
	if (owner == value)
		return value;
	/* a new name that is empty would leave "/name": not a server of anyone */
	if (owner_len == 0)
	{
		*len = 0;
		return value;
	}
	joined = palloc(owner_len + *len - old_len + 1);
	memcpy(joined, owner, owner_len);
	memcpy(joined + owner_len, value + old_len, *len - old_len);
	*len = owner_len + *len - old_len;
	return joined;
}

Scopeset *
scopeset_renamed(const Scopeset *set, int n, const ScopeKind *kinds,
				 char **olds, char **news)
{
	ScopesetView view;
	ScopeBuilder *b = scope_builder_create();
	const char **values;
	int		   *lens;
	int			i;

	scopeset_view(set, &view);
	values = palloc(sizeof(char *) * (view.nfilters + 1));
	lens = palloc(sizeof(int) * (view.nfilters + 1));
	(void) scope_builder_add_mask(b, SCOPE_OPEN, NULL, 0, view.open);
	for (i = 0; i < view.nfilters; i++)
	{
		ScopeKind	kind = scopeset_kind(&view, i);

		values[i] = scopeset_value(&view, i, &lens[i]);
		if (kind == SCOPE_SERVER)
			values[i] = filters_new_server(n, kinds, olds, news,
										   values[i], &lens[i]);
		else if (!scope_kind_is_self(kind))
			values[i] = filters_new_name(n, kinds, olds, news, kind,
										 values[i], &lens[i]);
		(void) scope_builder_add_mask(b, kind, values[i], lens[i],
									  scopeset_mask(&view, i));
	}
	for (i = 0; i < view.npairs; i++)
	{
		int			l,
					f;
		int			len;
		const char *base;

		scopeset_pair(&view, i, &l, &f);
		base = scopeset_local(&view, l, &len);
		if (f < 0)
			(void) scope_builder_add_local(b, base, len, SCOPE_OPEN, NULL, 0);
		else
			(void) scope_builder_add_local(b, base, len,
										   scopeset_kind(&view, f),
										   values[f], lens[f]);
	}
	return scope_builder_finish(b, false);
}
