/*-------------------------------------------------------------------------
 *
 * api.h
 *	  The models of the hub's REST API: which of their fields a token may see.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_API_H
#define JHUB_AUTHZ_API_H

#include "../hub/hub_models.h"
#include "utils/jsonb.h"

/* The scopes that this room asks for, as bits of the dictionary. */
typedef struct ApiBits
{
	uint64		list_users;
	uint64		list_groups;
	uint64		list_services;
	uint64		read_servers;
	uint64		read_services;
	uint64		read_tokens;
} ApiBits;

extern const ApiBits *api_bits(void);

/* Whoever reads: what they hold, of which hub, and what URLs begin with. */
typedef struct ApiReader
{
	const HubSchema *hub;
	ScopesetView view;			/* of the scopes held */
	bool		by_group;		/* some of them filter by group */
	char	   *base_url;		/* ends in "/" */
	char	   *public_host;	/* "https://host", or NULL */
	uint64		listable;		/* list scopes whose filters the hub takes, as bits */
	uint32		missing[HUB_NMODELS];	/* columns that the release lacks, as bits */
} ApiReader;

/* scopes must last; the rest is in the current memory context. */
extern void api_reader_init(ApiReader *reader, const HubSchema *hub, const Scopeset *scopes);

/*
 * The scopes, as bits, that a reader holds on a row: the hub's
 * check_scope_filter for each of them.
 */
extern uint64 api_held(const ApiReader *reader, HubModel model, const HubModelRow *row);

/*
 * Which users, groups or services does a scope, as its bit, let one list?  *all:
 * every one; else those of these names and, of users, those in these groups, as
 * text[].  False: none.
 */
extern bool api_may_list(const ApiReader *reader, HubModel model, uint64 bit,
						 bool *all, Datum *names, Datum *groups);

/* Does what is held on a user, group or service let one ask for it by name? */
extern bool api_may_read(HubModel model, uint64 held);

/*
 * Fill in the columns of a row that the reader may see; the others are NULL.
 * Returns which, as bits: none if there is nothing to be seen of it.  Arrays of
 * HUB_MODEL_MAX_COLUMNS.  (Of a token: HUB_TOKEN_SCOPES is not filled in.)
 */
extern uint32 api_row(const ApiReader *reader, HubModel model, const HubModelRow *row,
					  uint64 held, Datum *values, bool *nulls);

/* The number of a model's columns, and names of those that are bits of a set. */
extern int	api_ncolumns(HubModel model);
extern Datum api_field_names(HubModel model, uint32 allowed);

/* Push such a row as keys and values into a JSON object that is being made. */
extern void api_push_row(JsonbParseState **state, HubModel model, uint32 allowed,
						 const Datum *values, const bool *nulls);

/* The same of a key, a string (in the server's encoding), and both; NULL: null. */
extern void api_push_key(JsonbParseState **state, const char *key);
extern void api_push_string(JsonbParseState **state, JsonbIteratorToken token, const char *str);
extern void api_push_text(JsonbParseState **state, const char *key, const char *str);

/* ---- URLs (api_urls.c): palloc'd text, or NULL ---- */

extern char *api_user_url(const ApiReader *reader, const char *user);
extern char *api_server_url(const ApiReader *reader, const char *user, const char *server);
extern char *api_progress_url(const ApiReader *reader, const char *user, const char *server);
extern char *api_full_url(const ApiReader *reader, const char *path);

#endif							/* JHUB_AUTHZ_API_H */
