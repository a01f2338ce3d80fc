/*-------------------------------------------------------------------------
 *
 * suggest.c
 *	  Which scope somebody probably meant.
 *
 * Bases only: kinds of filters are the grammar's (algebra/scope_suggest.c),
 * and so is the measure of what is near.
 *
 *-------------------------------------------------------------------------
 */
#include "custom_scopes.h"

typedef struct SuggestSearch
{
	char		wanted[SCOPE_SUGGEST_MAX_BYTES + 1];	/* in lower case */
	int			len;
	const char *best;
	int			best_distance;
	int			best_prefix;
} SuggestSearch;

/*
 * Are these the same parts between colons, in another order ("users:read")?
 * Parts are few, so they are simply looked for; a part that stands twice may
 * fool this, and then the suggestion is merely odd.
 */
static bool
suggest_same_parts(const char *a, int alen, const char *b, int blen)
{
	const char *part = a;
	const char *end = a + alen;

	if (alen != blen || memchr(a, ':', alen) == NULL)
		return false;
	while (part < end)
	{
		const char *colon = memchr(part, ':', end - part);
		int			len = (colon ? colon : end) - part;
		bool		found = false;

		for (int at = 0; at + len <= blen && !found; at++)
			found = (at == 0 || b[at - 1] == ':') &&
				(at + len == blen || b[at + len] == ':') &&
				memcmp(b + at, part, len) == 0;
		if (!found)
			return false;
		part += len + 1;
	}
	return true;
}

/* Take a candidate if it is the closest yet; ties: the longer common start. */
static void
suggest_consider(SuggestSearch *search, const char *candidate)
{
	int			len = strlen(candidate);
	int			allowed;
	int			distance;
	int			prefix = 0;

	if (len > SCOPE_SUGGEST_MAX_BYTES)
		return;

	/* "custom:" is not what makes two names alike */
	allowed = Max(len, search->len);
	if (strncmp(candidate, "custom:", 7) == 0)
		allowed -= 7;
	allowed = scope_distance_limit(allowed);

	if (suggest_same_parts(search->wanted, search->len, candidate, len))
		distance = Min(1, allowed);
	else
		distance = scope_distance(search->wanted, search->len, candidate, len,
								  allowed);
	if (distance > allowed)
		return;

	while (prefix < len && candidate[prefix] == search->wanted[prefix])
		prefix++;
	if (search->best == NULL || distance < search->best_distance ||
		(distance == search->best_distance && prefix > search->best_prefix))
	{
		search->best = candidate;
		search->best_distance = distance;
		search->best_prefix = prefix;
	}
}

static bool
suggest_start(SuggestSearch *search, const char *word, int len)
{
	if (!scope_suggest_fold(search->wanted, word, len))
		return false;
	search->len = len;
	search->best = NULL;
	search->best_distance = 0;
	search->best_prefix = 0;
	return true;
}

/* The defined base that is closest, or NULL. */
static const char *
suggest_base(const Catalogue *catalogue, const ScopeMember *member)
{
	SuggestSearch search;
	CatalogueIter iter;
	CatalogueDefinition definition;

	if (!suggest_start(&search, member->base, member->base_len))
		return NULL;
	/* the name that "inherit" had in drafts of JupyterHub 2.0 */
	if (strcmp(search.wanted, "all") == 0)
		return "inherit";
	catalogue_iter_init(&iter, catalogue);
	while (catalogue_iter_next(&iter, &definition))
	{
		suggest_consider(&search, definition.name);
		pfree(definition.subscopes);
	}
	return search.best;
}

/*
 * The closest defined scope with the member's own filter, palloc'd UTF-8; NULL
 * when nothing is near.
 */
char *
catalogue_suggest(const Catalogue *catalogue, const ScopeMember *member)
{
	const char *base = suggest_base(catalogue, member);
	ScopeMember meant = *member;
	StringInfoData text;

	if (base == NULL)
		return NULL;
	meant.base = base;
	meant.base_len = strlen(base);
	meant.base_id = scope_dictionary_find(meant.base, meant.base_len);
	initStringInfo(&text);
	scope_append(&text, &meant);
	return text.data;
}
