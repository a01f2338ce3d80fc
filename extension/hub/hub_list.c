/*-------------------------------------------------------------------------
 *
 * hub_list.c
 *	  Rows of the model, found by id, and the links between them.
 *
 * This is what makes reading a whole hub cheap: rows are found by index where
 * their ids are dense, and who has what becomes arrays of pointers in three
 * passes over the pairs, without an allocation for each.
 *
 * Nothing here knows a column or runs SQL.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_list.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

/* ---- memory for small things ---- */

#define HUB_FIRST_CHUNK		1024
#define HUB_LAST_CHUNK		8192	/* what a block of the context is cut up for */

void
hub_pool_init(HubPool *pool, MemoryContext context)
{
	memset(pool, 0, sizeof(*pool));
	pool->context = context;
}

/* Memory that is neither zeroed nor aligned; what is large has its own. */
static char *
hub_pool_take(HubPool *pool, Size size)
{
	char	   *result;

	if (size > pool->left)
	{
		if (size > HUB_LAST_CHUNK / 8)
			return MemoryContextAllocHuge(pool->context, size);
		pool->chunk = pool->chunk == 0 ? HUB_FIRST_CHUNK : Min(2 * pool->chunk, HUB_LAST_CHUNK);
		pool->free = MemoryContextAlloc(pool->context, pool->chunk);
		pool->left = pool->chunk;
	}
	result = pool->free;
	pool->free += size;
	pool->left -= size;
	return result;
}

void *
hub_pool_alloc(HubPool *pool, Size size)
{
	Size		skip = (char *) MAXALIGN(pool->free) - pool->free;
	void	   *result;

	size = Max(size, 1);
	skip = Min(skip, pool->left);
	pool->free += skip;
	pool->left -= skip;
	result = hub_pool_take(pool, MAXALIGN(size));
	memset(result, 0, size);
	return result;
}

char *
hub_pool_string(HubPool *pool, const char *str)
{
	Size		size = strlen(str) + 1;

	return memcpy(hub_pool_take(pool, size), str, size);
}

/* ---- lists of rows, found by id ---- */

typedef struct HubIdEntry
{
	int			id;
	void	   *row;
	char		status;
} HubIdEntry;

#define SH_PREFIX hub_ids
#define SH_ELEMENT_TYPE HubIdEntry
#define SH_KEY_TYPE int
#define SH_KEY id
#define SH_HASH_KEY(tb, key) murmurhash32((uint32) key)
#define SH_EQUAL(tb, a, b) (a == b)
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

void
hub_list_init(HubList *list, HubPool *pool, int size)
{
	memset(list, 0, sizeof(*list));
	list->pool = pool;
	list->context = pool->context;
	list->size = size;
	list->rows = MemoryContextAlloc(pool->context, sizeof(void *) * size);
}

void *
hub_list_find(const HubList *list, int id)
{
	HubIdEntry *entry;

	if (id >= 0 && id < list->nbyid && list->byid[id] != NULL)
		return list->byid[id];
	if (list->sparse == NULL)
		return NULL;
	entry = hub_ids_lookup(list->sparse, id);
	return entry ? entry->row : NULL;
}

/* Make the array reach to an id. */
static void
hub_list_grow(HubList *list, int id)
{
	int			size = Max(list->nbyid, 64);

	while (size <= id)
		size *= 2;
	list->byid = list->byid == NULL ?
		MemoryContextAllocHuge(list->context, sizeof(void *) * (Size) size) :
		repalloc_huge(list->byid, sizeof(void *) * (Size) size);
	memset(list->byid + list->nbyid, 0, sizeof(void *) * (Size) (size - list->nbyid));
	list->nbyid = size;
}

void *
hub_list_add(HubList *list, int id, Size size)
{
	void	   *row;
	bool		found;

	if (hub_list_find(list, id) != NULL)
		return NULL;
	row = hub_pool_alloc(list->pool, size);
	*(int *) row = id;

	if (id >= 0 && id < 8 * ((int64) list->n + 64))
	{
		if (id >= list->nbyid)
			hub_list_grow(list, id);
		list->byid[id] = row;
	}
	else
	{
		if (list->sparse == NULL)
			list->sparse = hub_ids_create(list->context, 16, NULL);
		hub_ids_insert(list->sparse, id, &found)->row = row;
	}

	if (list->n == list->size)
	{
		list->size *= 2;
		list->rows = repalloc_huge(list->rows, sizeof(void *) * (Size) list->size);
	}
	list->rows[list->n++] = row;
	return row;
}

static int
hub_compare_names(const void *a, const void *b)
{
	return strcmp((*(HubNamed *const *) a)->name, (*(HubNamed *const *) b)->name);
}

void **
hub_list_by_name(HubList *list, int *n)
{
	if (!list->sorted)
	{
		qsort(list->rows, list->n, sizeof(void *), hub_compare_names);
		list->sorted = true;
	}
	*n = list->n;
	return list->rows;
}

/* ---- pairs of ids ---- */

void
hub_pairs_init(HubPairs *pairs)
{
	pairs->n = 0;
	pairs->size = 64;
	pairs->ids = palloc(sizeof(int[2]) * pairs->size);
}

void
hub_pairs_add(HubPairs *pairs, int subject, int object)
{
	if (pairs->n == pairs->size)
	{
		pairs->size *= 2;
		pairs->ids = repalloc_huge(pairs->ids, sizeof(int[2]) * (Size) pairs->size);
	}
	pairs->ids[pairs->n][0] = subject;
	pairs->ids[pairs->n][1] = object;
	pairs->n++;
}

int *
hub_pairs_objects(const HubPairs *pairs, const int *others, int nothers, int *n)
{
	int		   *ids = palloc(sizeof(int) * Max(pairs->n + nothers, 1));

	*n = 0;
	for (int i = 0; i < pairs->n; i++)
		ids[(*n)++] = pairs->ids[i][1];
	for (int i = 0; i < nothers; i++)
		ids[(*n)++] = others[i];
	return ids;
}

/*
 * The arrays are parts of one pool, in the order of the subjects: first count,
 * then hand out, then fill.
 */
void
hub_link(const HubPairs *pairs, HubList *subjects, HubList *objects,
		 Size number, Size array, bool by_name)
{
#define HUB_NUMBER(row)		(*(int *) ((char *) (row) + number))
#define HUB_ARRAY(row)		(*(void ***) ((char *) (row) + array))
	void	  **pool;
	Size		used = 0;

	if (pairs->n == 0)
		return;
	for (int i = 0; i < pairs->n; i++)
	{
		void	   *subject = hub_list_find(subjects, pairs->ids[i][0]);

		if (subject != NULL && hub_list_find(objects, pairs->ids[i][1]) != NULL)
		{
			HUB_NUMBER(subject)++;
			used++;
		}
	}

	pool = MemoryContextAllocHuge(subjects->context, sizeof(void *) * Max(used, 1));
	used = 0;
	for (int i = 0; i < subjects->n; i++)
	{
		void	   *subject = subjects->rows[i];

		HUB_ARRAY(subject) = pool + used;
		used += HUB_NUMBER(subject);
		HUB_NUMBER(subject) = 0;
	}
	for (int i = 0; i < pairs->n; i++)
	{
		void	   *subject = hub_list_find(subjects, pairs->ids[i][0]);
		void	   *object = hub_list_find(objects, pairs->ids[i][1]);

		if (subject != NULL && object != NULL)
			HUB_ARRAY(subject)[HUB_NUMBER(subject)++] = object;
	}

	for (int i = 0; by_name && i < subjects->n; i++)
	{
		void	   *subject = subjects->rows[i];

		if (HUB_NUMBER(subject) > 1)
			qsort(HUB_ARRAY(subject), HUB_NUMBER(subject), sizeof(void *), hub_compare_names);
	}
#undef HUB_NUMBER
#undef HUB_ARRAY
}
