/*-------------------------------------------------------------------------
 *
 * scopeset_upgrade.c
 *	  Reading values that were stored with an earlier dictionary.
 *
 * A release of JupyterHub with new names makes a new version of the dictionary,
 * and with it of the stored form; its layout stays.  Two things change: the
 * masks' bits have other places, and what was a local base may now be in the
 * dictionary.  Values are not rewritten in their tables.  Each is brought up
 * to date where it comes in from SQL (DatumGetScopesetP), so that nothing
 * else has to know of this: in memory there is one version, and equal sets are
 * equal bytes.
 *
 * Indexes stay good as well: order and hash are those of the members' text,
 * and GIN's keys are text.
 *
 *-------------------------------------------------------------------------
 */
#include "scopeset_private.h"

/* By version, from 1: the names that it has, as bits of today's dictionary. */
static const uint64 upgrade_names[] = SCOPE_DICTIONARY_VERSIONS;

StaticAssertDecl(lengthof(upgrade_names) == SCOPESET_VERSION,
				 "each version of the dictionary must have its names");
StaticAssertDecl(SCOPESET_VERSION <= PG_UINT8_MAX,
				 "the version must fit into a byte");

/*
 * A mask of an earlier version as one of today's.  Both dictionaries are in
 * code point order, so the old one's names come in the same order in today's,
 * with new ones in between: the n-th bit goes to the place of its n-th name.
 */
static uint64
upgrade_mask(uint64 mask, uint64 names)
{
	uint64		result = 0;

	for (; mask != 0; mask >>= 1)
	{
		if (mask & 1)
			result |= names & (~names + 1); /* the lowest one */
		names &= names - 1;
	}
	return result;
}

/* A well-known base with a filter, or (-1) without. */
static void
upgrade_add(ScopeDraft *draft, ScopeName *filters, int filter, uint64 bit)
{
	if (filter < 0)
		draft->open |= bit;
	else
		filters[filter].mask |= bit;
}

/* The same set, written with today's dictionary. */
static Scopeset *
upgrade_rewrite(const ScopesetView *view, uint64 names)
{
	ScopeDraft	draft = {0};
	ScopeName  *filters = palloc0(sizeof(ScopeName) * (view->nfilters + 1));
	ScopeName  *locals = palloc0(sizeof(ScopeName) * (view->nlocals + 1));
	int		   *known = palloc(sizeof(int) * (view->nlocals + 1));
	uint64	   *pairs = palloc(sizeof(uint64) * (view->npairs + 1));
	Scopeset   *set;
	int			i;

	draft.open = upgrade_mask(view->open, names);
	for (i = 0; i < view->nfilters; i++)
	{
		filters[i].mask = upgrade_mask(scopeset_mask(view, i), names);
		filters[i].kind = scopeset_kind(view, i);
		filters[i].text = scopeset_value(view, i, &filters[i].len);
	}
	for (i = 0; i < view->nlocals; i++)
	{
		locals[i].text = scopeset_local(view, i, &locals[i].len);
		known[i] = scope_dictionary_find(locals[i].text, locals[i].len);
	}
	for (i = 0; i < view->npairs; i++)
	{
		int			local,
					filter;

		scopeset_pair(view, i, &local, &filter);
		if (known[local] >= 0)
			upgrade_add(&draft, filters, filter,
						UINT64CONST(1) << known[local]);
		else
			pairs[draft.npairs++] = SCOPE_PAIR(local, filter);
	}

	/* order is as it was; names that lost all their pairs are left out */
	draft.nfilters = view->nfilters;
	draft.filters = filters;
	draft.nlocals = view->nlocals;
	draft.locals = locals;
	draft.pairs = pairs;
	set = scopeset_write_or_fail(&draft);
	pfree(filters);
	pfree(locals);
	pfree(known);
	pfree(pairs);
	return set;
}

/*
 * scopeset_upgrade -
 *
 * What a value means whose version is not today's, in the current memory
 * context.  'set' is the detoasted form of 'datum'; it is freed if it is a
 * copy, so that PG_FREE_IF_COPY on the result leaves nothing behind.  Raises
 * 0A000 for a version that is not known.
 */
Scopeset *
scopeset_upgrade(Scopeset *set, Datum datum)
{
	int			version = (uint8) VARDATA_ANY(set)[0];
	ScopesetView view;
	Scopeset   *result;

	if (version < 1 || version > SCOPESET_VERSION)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("scopeset of stored version %d is not supported",
						version),
				 errhint("It was written by a newer version of jhub_authz.")));
	scopeset_take_apart(set, &view);
	result = upgrade_rewrite(&view, upgrade_names[version - 1]);
	if ((Pointer) set != DatumGetPointer(datum))
		pfree(set);
	return result;
}
