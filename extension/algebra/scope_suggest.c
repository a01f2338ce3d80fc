/*-------------------------------------------------------------------------
 *
 * scope_suggest.c
 *	  How near two words are, and which kind of filter a misspelt one means.
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
 * Pure C, like the grammar: no fmgr, no memory, no errors raised.
 *
 *-------------------------------------------------------------------------
 */
#include "scopeset.h"

/* More changes than this are another word. */
#define SUGGEST_MAX_DISTANCE	3

/*
 * scope_distance -
 *
 * Distance of two words, or limit + 1 if it is more than limit.  Both are at
 * most SCOPE_SUGGEST_MAX_BYTES long.
 */
int
scope_distance(const char *a, int alen, const char *b, int blen, int limit)
{
	int			rows[3][SCOPE_SUGGEST_MAX_BYTES + 1];
	int		   *before = rows[0];	/* row i - 2 */
	int		   *above = rows[1];	/* row i - 1 */
	int		   *row = rows[2];
	int			i,
				j;

	if (abs(alen - blen) > limit)
		return limit + 1;
	for (j = 0; j <= blen; j++)
		above[j] = j;

	for (i = 1; i <= alen; i++)
	{
		int		   *spare;
		int			least = i;

		row[0] = i;
		for (j = 1; j <= blen; j++)
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

/*
 * scope_distance_limit -
 *
 * How many changes a word of that length may have: one in four letters.
 */
int
scope_distance_limit(int len)
{
	return Max(1, Min(SUGGEST_MAX_DISTANCE, len / 4));
}

/*
 * scope_suggest_fold -
 *
 * A word in lower case, terminated, into a buffer of SCOPE_SUGGEST_MAX_BYTES +
 * 1; false if it is too long.  Case is a common slip, so it does not count as
 * one.
 */
bool
scope_suggest_fold(char *folded, const char *word, int len)
{
	int			i;

	if (len > SCOPE_SUGGEST_MAX_BYTES)
		return false;
	for (i = 0; i < len; i++)
		folded[i] = (word[i] >= 'A' && word[i] <= 'Z') ?
			word[i] + ('a' - 'A') : word[i];
	folded[len] = '\0';
	return true;
}

/*
 * scope_suggest_kind -
 *
 * The kind of filter that a misspelt one ("usr") is closest to: "user",
 * "service", "group", "server"; NULL when it is near to none.
 */
const char *
scope_suggest_kind(const char *kind, int len)
{
	static const ScopeKind kinds[] = {
		SCOPE_GROUP, SCOPE_SERVER, SCOPE_SERVICE, SCOPE_USER
	};
	char		wanted[SCOPE_SUGGEST_MAX_BYTES + 1];
	const char *best = NULL;
	int			best_distance = 0;
	int			i;

	if (!scope_suggest_fold(wanted, kind, len))
		return NULL;
	for (i = 0; i < (int) lengthof(kinds); i++)
	{
		const char *name = scope_kind_name(kinds[i]);
		int			name_len = (int) strlen(name);
		int			limit = scope_distance_limit(Max(len, name_len));
		int			distance = scope_distance(wanted, len, name, name_len,
											  limit);

		if (distance <= limit && (best == NULL || distance < best_distance))
		{
			best = name;
			best_distance = distance;
		}
	}
	return best;
}
