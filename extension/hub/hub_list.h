/*-------------------------------------------------------------------------
 *
 * hub_list.h
 *	  Rows of the model, found by id, and the links between them.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_HUB_LIST_H
#define JHUB_AUTHZ_HUB_LIST_H

#include "postgres.h"

/* Every row of the model begins like this; a share has no name. */
typedef struct HubNamed
{
	int			id;
	char	   *name;
} HubNamed;

/*
 * Memory for many small things that live as long as their context: without a
 * header for each of them, nor rounded up to a power of two.
 */
typedef struct HubPool
{
	MemoryContext context;
	char	   *free;
	Size		left;
	Size		chunk;			/* size of the last one; they grow */
} HubPool;

extern void hub_pool_init(HubPool *pool, MemoryContext context);

/* Zeroed and aligned for anything; and a string, NUL-terminated. */
extern void *hub_pool_alloc(HubPool *pool, Size size);
extern char *hub_pool_string(HubPool *pool, const char *str);

/*
 * Ids come from a sequence and are dense as a rule: then they are indexes of an
 * array.  An id that is far beyond the number of rows goes to the hash.
 */
typedef struct HubList
{
	HubPool    *pool;			/* of the rows */
	MemoryContext context;		/* of the rest */
	int			n;
	int			size;
	void	  **rows;			/* as read; in order of name once sorted */
	bool		sorted;
	int			nbyid;
	void	  **byid;			/* by id, NULL: perhaps in the hash */
	struct hub_ids_hash *sparse;	/* NULL while there are none */
} HubList;

/* For so many rows to begin with; all of it lives in the pool's context. */
extern void hub_list_init(HubList *list, HubPool *pool, int size);

/* The row of an id, or NULL. */
extern void *hub_list_find(const HubList *list, int id);

/* Add a zeroed row; NULL if the id is there already. */
extern void *hub_list_add(HubList *list, int id, Size size);

/* All rows in byte order of their names. */
extern void **hub_list_by_name(HubList *list, int *n);

/* Pairs of ids: who has what.  In the context that was current at init. */
typedef struct HubPairs
{
	int			n;
	int			size;
	int			(*ids)[2];		/* subject, object */
} HubPairs;

extern void hub_pairs_init(HubPairs *pairs);
extern void hub_pairs_add(HubPairs *pairs, int subject, int object);

/*
 * The pairs' objects as an array, together with others; twice the same does no
 * harm to "= ANY".
 */
extern int *hub_pairs_objects(const HubPairs *pairs, const int *others, int nothers, int *n);

/*
 * Give each subject of the pairs the array of its objects.  The offsets say
 * where in a subject their number and the array are.  by_name: sort them.
 */
extern void hub_link(const HubPairs *pairs, HubList *subjects, HubList *objects,
					 Size number, Size array, bool by_name);

#endif							/* JHUB_AUTHZ_HUB_LIST_H */
