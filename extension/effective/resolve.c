/*-------------------------------------------------------------------------
 *
 * resolve.c
 *	  What of a request is granted: the hub's _resolve_requested_scopes.
 *
 * Sets are compared literally here, member by member, as Python's sets are:
 * the operators of the type, which see members as permissions, would be wrong.
 * The two places where permissions count are the expansion and the
 * intersection.
 *
 *-------------------------------------------------------------------------
 */
#include "effective.h"

#include "miscadmin.h"

/* Is this very member in the set? */
static bool
effective_holds(const ScopesetView *view, const ScopeMember *member)
{
	int			filter = -1;

	if (member->kind != SCOPE_OPEN)
	{
		filter = scopeset_find_filter(view, member->kind, member->value,
									  member->value_len);
		if (filter < 0)
			return false;
	}
	if (member->base_id >= 0)
	{
		uint64		mask = filter < 0 ? view->open : scopeset_mask(view, filter);

		return (mask >> member->base_id) & 1;
	}
	for (int i = 0; i < view->npairs; i++)
	{
		int			local;
		int			with;
		int			len;
		const char *base;

		scopeset_pair(view, i, &local, &with);
		if (with != filter)
			continue;
		base = scopeset_local(view, local, &len);
		if (len == member->base_len && memcmp(base, member->base, len) == 0)
			return true;
	}
	return false;
}

/* The members of a that are (held) or are not in b. */
static Scopeset *
effective_select(const Scopeset *a, const Scopeset *b, bool held)
{
	ScopeBuilder *builder = scope_builder_create();
	ScopesetView view;
	ScopeIter	iter;
	ScopeMember member;

	scopeset_view(b, &view);
	scope_iter_init(&iter, a);
	while (scope_iter_next(&iter, &member))
	{
		if (effective_holds(&view, &member) == held)
			scope_builder_add(builder, &member);
	}
	return scope_builder_finish(builder, false);
}

/* a and b together, reduced; a is replaced. */
static void
effective_join(Scopeset **a, const Scopeset *b)
{
	ScopeBuilder *builder = scope_builder_create();
	Scopeset   *old = *a;

	scope_builder_add_set(builder, old);
	scope_builder_add_set(builder, b);
	*a = scope_builder_finish(builder, true);
	pfree(old);
}

/*
 * First literally; then each scope left over is expanded and intersected:
 * wholly covered it keeps its short form, partly covered the part is granted
 * and the scope still reported as refused.  A scope that expands to nothing
 * (no target for its filter) is granted as it is, as in the hub: it gives
 * nothing.
 *
 * The expansion of what is granted so far grows by each grant.  That is the
 * same as expanding it anew: expansion goes member by member, and reducing
 * twice is reducing once.
 */
void
effective_resolve(const Catalogue *catalogue, const Scopeset *requested,
				  const Scopeset *have, const ExpandTarget *target,
				  ScopeMembership *membership,
				  Scopeset **granted, Scopeset **refused)
{
	Scopeset   *literal = effective_select(requested, have, true);
	Scopeset   *left = effective_select(requested, have, false);
	Scopeset   *expanded_granted;
	Scopeset   *expanded_have;
	ScopeBuilder *grant;
	ScopeBuilder *refuse;
	ScopeIter	iter;
	ScopeMember member;

	if (scopeset_is_empty(left))
	{
		*granted = literal;
		*refused = left;
		return;
	}

	expanded_granted = catalogue_expand(catalogue, literal, target);
	expanded_have = catalogue_expand(catalogue, have, target);
	grant = scope_builder_create();
	refuse = scope_builder_create();
	scope_builder_add_set(grant, literal);

	scope_iter_init(&iter, left);
	while (scope_iter_next(&iter, &member))
	{
		Scopeset   *single = scopeset_single(&member);
		Scopeset   *expanded = catalogue_expand(catalogue, single, target);
		Scopeset   *open = effective_select(expanded, expanded_granted, false);
		Scopeset   *part = scopeset_intersect_with(open, expanded_have, membership);

		CHECK_FOR_INTERRUPTS();
		if (scopeset_equal(part, open))
		{
			scope_builder_add(grant, &member);
			effective_join(&expanded_granted, expanded);
		}
		else
		{
			scope_builder_add(refuse, &member);
			if (!scopeset_is_empty(part))
			{
				Scopeset   *more = catalogue_expand(catalogue, part, target);

				scope_builder_add_set(grant, part);
				effective_join(&expanded_granted, more);
				pfree(more);
			}
		}
		pfree(single);
		pfree(expanded);
		pfree(open);
		pfree(part);
	}
	pfree(expanded_granted);
	pfree(expanded_have);
	*granted = scope_builder_finish(grant, false);
	*refused = scope_builder_finish(refuse, false);
}
