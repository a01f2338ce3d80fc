/*-------------------------------------------------------------------------
 *
 * concern.c
 *	  Lists of ids, each with the reason why it is there.
 *
 * Ids come in any order and more than once; of an id's reasons one is kept.
 *
 *-------------------------------------------------------------------------
 */
#include "growth_private.h"

void
concern_add(ConcernList *list, int id, const char *reason)
{
	if (list->n >= list->size)
	{
		list->size = list->size ? list->size * 2 : 16;
		list->items = list->items ?
			repalloc_huge(list->items, list->size * sizeof(Concern)) :
			palloc(list->size * sizeof(Concern));
	}
	list->items[list->n].id = id;
	list->items[list->n].reason = reason;
	list->n++;
	list->sorted = false;
}

void
concern_add_all(ConcernList *list, const ConcernList *more)
{
	for (int i = 0; i < more->n; i++)
		concern_add(list, more->items[i].id, more->items[i].reason);
}

static int
concern_cmp(const void *a, const void *b)
{
	int			x = ((const Concern *) a)->id;
	int			y = ((const Concern *) b)->id;

	return x < y ? -1 : x > y;
}

static void
concern_sort(ConcernList *list)
{
	int			kept = 0;

	if (list->sorted)
		return;
	/* qsort isn't stable, but any of an id's reasons is a true one */
	qsort(list->items, list->n, sizeof(Concern), concern_cmp);
	for (int i = 0; i < list->n; i++)
		if (kept == 0 || list->items[kept - 1].id != list->items[i].id)
			list->items[kept++] = list->items[i];
	list->n = kept;
	list->sorted = true;
}

int *
concern_ids(ConcernList *list, int *n)
{
	int		   *ids;

	concern_sort(list);
	ids = palloc(sizeof(int) * Max(list->n, 1));
	for (int i = 0; i < list->n; i++)
		ids[i] = list->items[i].id;
	*n = list->n;
	return ids;
}

static Concern *
concern_find(ConcernList *list, int id)
{
	Concern		key = {.id = id};

	if (list->n == 0)
		return NULL;
	concern_sort(list);
	return bsearch(&key, list->items, list->n, sizeof(Concern), concern_cmp);
}

const char *
concern_reason(ConcernList *list, int id)
{
	Concern    *found = concern_find(list, id);

	return found ? found->reason : NULL;
}

bool
concern_is_in(ConcernList *list, int id)
{
	return concern_find(list, id) != NULL;
}
