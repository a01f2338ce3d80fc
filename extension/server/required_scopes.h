/*-------------------------------------------------------------------------
 *
 * required_scopes.h
 *	  Which scopes a request to a server needs: by app, resource and action.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_REQUIRED_SCOPES_H
#define JHUB_AUTHZ_REQUIRED_SCOPES_H

#include "../algebra/scopeset.h"

/* The app whose resources are known without being told. */
#define REQUIRED_DEFAULT_APP	"jupyter_server"

/* A resource that stands for those of its app that have nothing of their own. */
#define REQUIRED_ANY_RESOURCE	"*"

/* What a filter's value is made of. */
typedef enum RequiredValue
{
	REQUIRED_NONE,				/* no filter */
	REQUIRED_LITERAL,			/* text without placeholders */
	REQUIRED_OWNER,				/* {owner} */
	REQUIRED_SERVER,			/* {owner}/{server} */
	REQUIRED_MIXED				/* placeholders and text, as they come */
} RequiredValue;

/* One alternative: a scope whose filter may hold placeholders. */
typedef struct RequiredScope
{
	char	   *text;			/* as it was written, UTF-8 */
	ScopeMember member;			/* points into text; the value with placeholders */
	RequiredValue value;
} RequiredScope;

/* A name as SQL gave it, in the server's encoding, without terminator. */
typedef struct RequiredName
{
	const char *text;
	int			len;
} RequiredName;

/* What a resource and an action of an app need: any of the scopes; none: refused. */
typedef struct RequiredEntry
{
	RequiredName key[3];		/* app, resource, action */
	int			nscopes;
	RequiredScope *scopes;
} RequiredEntry;

typedef struct RequiredScopes
{
	uint64		serial;			/* another one: other entries */
	int			nentries;
	RequiredEntry *entries;		/* in order of key */
	MemoryContext context;
} RequiredScopes;

/*
 * Everything that is required, stored rows over defaults, as it is now.  Good
 * until the end of the transaction.
 */
extern const RequiredScopes *required_scopes_get(void);

/*
 * What a resource and an action need: their own, else that of the app's "*";
 * NULL if there is nothing.
 */
extern const RequiredEntry *required_scopes_find(const RequiredScopes *required,
												 const RequiredName key[3]);

/* Is that the entry's key? */
static inline bool
required_is_key(const RequiredEntry *entry, const RequiredName key[3])
{
	for (int i = 2; i >= 0; i--)
		if (entry->key[i].len != key[i].len ||
			memcmp(entry->key[i].text, key[i].text, key[i].len) != 0)
			return false;
	return true;
}

/* A server, as scopes name it. */
typedef struct RequiredTarget
{
	const char *server;			/* "owner/server", UTF-8 */
	int			server_len;
	int			owner_len;		/* the first so many bytes are the owner */
} RequiredTarget;

/*
 * A required scope of this server.  member points into the scope, the target
 * and, for a mixed value, palloc'd memory.
 */
extern void required_scope_of(const RequiredScope *scope, const RequiredTarget *target,
							  ScopeMember *member);

#endif							/* JHUB_AUTHZ_REQUIRED_SCOPES_H */
