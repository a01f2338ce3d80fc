/*-------------------------------------------------------------------------
 *
 * hub_names.c
 *	  A hash from strings to pointers: names and stored texts of the hub.
 *
 * Keys have a length, may hold zero bytes, and are not copied: whoever enters
 * one keeps it alive.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_private.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

typedef struct HubNameKey
{
	const char *str;
	int			len;
} HubNameKey;

typedef struct HubNameEntry
{
	HubNameKey	key;
	void	   *value;
	uint32		hash;
	char		status;
} HubNameEntry;

#define SH_PREFIX hub_names
#define SH_ELEMENT_TYPE HubNameEntry
#define SH_KEY_TYPE HubNameKey
#define SH_KEY key
#define SH_HASH_KEY(tb, key) hash_bytes((const unsigned char *) key.str, key.len)
#define SH_EQUAL(tb, a, b) (a.len == b.len && memcmp(a.str, b.str, a.len) == 0)
#define SH_STORE_HASH
#define SH_GET_HASH(tb, entry) (entry)->hash
#define SH_SCOPE static inline
#define SH_DECLARE
#define SH_DEFINE
#include "lib/simplehash.h"

struct HubNames
{
	hub_names_hash *hash;
};

HubNames *
hub_names_new(MemoryContext context)
{
	HubNames   *names = MemoryContextAlloc(context, sizeof(HubNames));

	names->hash = hub_names_create(context, 64, NULL);
	return names;
}

void *
hub_names_get(const HubNames *names, const char *key, int len)
{
	HubNameKey	search = {key, len};
	HubNameEntry *entry = hub_names_lookup(names->hash, search);

	return entry ? entry->value : NULL;
}

void **
hub_names_put(HubNames *names, const char *key, int len)
{
	HubNameKey	search = {key, len};
	bool		found;
	HubNameEntry *entry = hub_names_insert(names->hash, search, &found);

	if (!found)
		entry->value = NULL;
	return &entry->value;
}

int
hub_names_count(const HubNames *names)
{
	return (int) names->hash->members;
}
