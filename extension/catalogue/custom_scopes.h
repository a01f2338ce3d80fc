/*-------------------------------------------------------------------------
 *
 * custom_scopes.h
 *	  Custom scopes in memory and in a document.  Private to this room.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_CUSTOM_SCOPES_H
#define JHUB_AUTHZ_CUSTOM_SCOPES_H

#include "catalogue.h"
#include "hub_releases.h"

/* One custom scope.  Strings are UTF-8. */
typedef struct CustomScope
{
	const char *name;
	int			name_len;
	const char *description;
	int			nsubscopes;
	const char **subscopes;		/* direct ones, as they were given */
	int			nclosure;
	const int  *closure;		/* indexes of itself and all below it */
} CustomScope;

/*
 * The custom scopes as they stood when the table was read, in byte order of
 * names.  A catalogue for each release lies beside them, so that handing one
 * out allocates nothing and both have the same life.
 */
struct CustomScopes
{
	MemoryContext context;
	int			n;
	CustomScope *scopes;
	Catalogue	catalogues[CATALOGUE_NRELEASES];
};

/* Index of a custom scope, or -1. */
extern int	custom_scopes_find(const CustomScopes *custom, const char *name, int len);

/* The custom scopes as they stand; see catalogue_get. */
extern const CustomScopes *custom_scopes_get(void);

/* ---- documents (custom_scopes_json.c) ---- */

/* One definition of a document, checked for its form only. */
typedef struct CustomDefinition
{
	char	   *name;			/* UTF-8, any text */
	char	   *description;
	int			nsubscopes;
	char	  **subscopes;
} CustomDefinition;

typedef struct CustomDocument
{
	int			n;
	CustomDefinition *definitions;	/* in the document's order */
} CustomDocument;

/*
 * Read a document of the form of JupyterHub's custom_scopes, given in UTF-8.
 * The result is palloc'd.  22P02 with line and column if it is no JSON; 22023
 * if it has another form or a key twice; a WARNING for a key that is unknown.
 */
extern CustomDocument *custom_document_read(const char *json, int len);

#endif							/* JHUB_AUTHZ_CUSTOM_SCOPES_H */
