/*-------------------------------------------------------------------------
 *
 * suggest.c
 *	  What somebody probably meant.
 *
 * The distance is that of Damerau and Levenshtein in its restricted form:
 * letters left out, put in, changed, or two neighbours swapped, one each.
 * PostgreSQL's own varstr_levenshtein counts a swap as two, and swaps are what
 * fingers do.  It is counted on bytes: names of scopes are ASCII but for
 * undefined ones, for which a suggestion a little later does no harm.
 *
 * A suggestion that a person would not call right is worse than none, so the
 * distance allowed is small and grows with the length.
 *
 *-------------------------------------------------------------------------
 */
#include "custom_scopes.h"

/* Longer names get no suggestion. */
#define SUGGEST_MAX_BYTES		127
/* More changes than this are another word. */
#define SUGGEST_MAX_DISTANCE	3

typedef struct SuggestSearch
{
	char		wanted[SUGGEST_MAX_BYTES + 1];	/* in lower case */
	int			len;
	const char *best;
	int			best_distance;
	int			best_prefix;
} SuggestSearch;

/*
 * Distance of two strings, or limit + 1 if it is more than limit.  Both are at
 * most SUGGEST_MAX_BYTES long.
 */
static int
suggest_distance(const char *a, int alen, const char *b, int blen, int limit)
{
	int			rows[3][SUGGEST_MAX_BYTES + 1];
	int		   *before = rows[0];	/* row i - 2 */
	int		   *above = rows[1];	/* row i - 1 */
	int		   *row = rows[2];

	if (abs(alen - blen) > limit)
		return limit + 1;
	for (int j = 0; j <= blen; j++)
		above[j] = j;

	for (int i = 1; i <= alen; i++)
	{
		int		   *spare;
		int			least = i;

		row[0] = i;
		for (int j = 1; j <= blen; j++)
		{
			int			cost = (a[i - 1] != b[j - 1]);

			row[j] = Min(above[j - 1] + cost, Min(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				row[j] = Min(row[j], before[j - 2] + 1);
			least = Min(least, row[j]);
		}
		if (least > limit)
			return limit + 1;
		spare = before;
		before = above;
		above = row;
		row = spare;
	}
	return Min(above[blen], limit + 1);
}

/* How many changes a word of that length may have: one in four letters. */
static int
suggest_limit(int len)
{
	return Max(1, Min(SUGGEST_MAX_DISTANCE, len / 4));
}

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

	if (len > SUGGEST_MAX_BYTES)
		return;

	/* "custom:" is not what makes two names alike */
	allowed = Max(len, search->len);
	if (strncmp(candidate, "custom:", 7) == 0)
		allowed -= 7;
	allowed = suggest_limit(allowed);

	if (suggest_same_parts(search->wanted, search->len, candidate, len))
		distance = Min(1, allowed);
	else
		distance = suggest_distance(search->wanted, search->len, candidate, len,
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

/* Case is a common slip, so it does not count as one. */
static bool
suggest_start(SuggestSearch *search, const char *word, int len)
{
	if (len > SUGGEST_MAX_BYTES)
		return false;
	for (int i = 0; i < len; i++)
		search->wanted[i] = (word[i] >= 'A' && word[i] <= 'Z') ?
			word[i] + ('a' - 'A') : word[i];
	search->wanted[len] = '\0';
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

const char *
catalogue_suggest_kind(const char *kind, int len)
{
	static const char *const kinds[] = {"group", "server", "service", "user"};
	SuggestSearch search;

	if (!suggest_start(&search, kind, len))
		return NULL;
	for (int i = 0; i < lengthof(kinds); i++)
		suggest_consider(&search, kinds[i]);
	return search.best;
}
