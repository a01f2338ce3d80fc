/*-------------------------------------------------------------------------
 *
 * catalogue.c
 *	  Looking up releases, and what a release and the custom scopes define.
 *
 * The releases' tables are generated (hub_releases.c); how custom scopes come
 * into memory is custom_scopes.c's matter.  Which release is in force is not
 * known here, callers say it.  Nothing here fails for a scope that is
 * not defined but catalogue_check_defined.
 *
 *-------------------------------------------------------------------------
 */
#include "custom_scopes.h"

#include "../module/module.h"
#include "port/pg_bitutils.h"

static const char *const catalogue_names[SCOPE_DICTIONARY_SIZE] = {
#define CATALOGUE_NAME(index, name, len) [index] = name,
	SCOPE_DICTIONARY(CATALOGUE_NAME)
#undef CATALOGUE_NAME
};

int
catalogue_release_count(void)
{
	return CATALOGUE_NRELEASES;
}

const CatalogueRelease *
catalogue_release(int index)
{
	Assert(index >= 0 && index < CATALOGUE_NRELEASES);
	return &catalogue_releases[index];
}

const CatalogueRelease *
catalogue_newest_release(void)
{
	return &catalogue_releases[CATALOGUE_NRELEASES - 1];
}

/*
 * Can this be what follows MAJOR.MINOR in a version: nothing, a patch number,
 * a pre-release ("b2", ".0rc1")?
 */
static bool
catalogue_is_patch(const char *rest)
{
	if (*rest == '\0')
		return true;
	if (*rest != '.' && *rest != 'a' && *rest != 'b' && *rest != 'r')
		return false;
	for (const char *c = rest; *c; c++)
	{
		bool		alnum = (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z');

		if (!alnum && (*c != '.' || c[1] == '\0' || c[1] == '.'))
			return false;
	}
	return true;
}

const CatalogueRelease *
catalogue_release_named(const char *name)
{
	for (int i = 0; i < CATALOGUE_NRELEASES; i++)
	{
		size_t		len = strlen(catalogue_releases[i].name);

		if (strncmp(name, catalogue_releases[i].name, len) == 0 &&
			catalogue_is_patch(name + len))
			return &catalogue_releases[i];
	}
	return NULL;
}

const CatalogueRelease *
catalogue_release_of_revision(const char *revision)
{
	for (int i = CATALOGUE_NRELEASES - 1; i >= 0; i--)
	{
		if (strcmp(catalogue_releases[i].revision, revision) == 0)
			return &catalogue_releases[i];
	}
	return NULL;
}

const char *
catalogue_default_role(const CatalogueRelease *release, const char *role_name)
{
	if (strcmp(role_name, "user") == 0)
		return release->role_user;
	if (strcmp(role_name, "admin") == 0)
		return release->role_admin;
	if (strcmp(role_name, "server") == 0)
		return release->role_server;
	if (strcmp(role_name, "token") == 0)
		return release->role_token;
	return NULL;
}

const Catalogue *
catalogue_get(const CatalogueRelease *release)
{
	int			index = release - catalogue_releases;

	Assert(index >= 0 && index < CATALOGUE_NRELEASES);
	return &custom_scopes_get()->catalogues[index];
}

bool
catalogue_defines(const Catalogue *catalogue, const ScopeMember *member)
{
	if (member->base_id >= 0)
		return (catalogue->release->defined >> member->base_id) & 1;
	return custom_scopes_find(catalogue->custom, member->base, member->base_len) >= 0;
}

const char *
catalogue_description(const Catalogue *catalogue, const ScopeMember *member)
{
	int			index;

	if (member->base_id >= 0)
		return catalogue->release->description[member->base_id];
	index = custom_scopes_find(catalogue->custom, member->base, member->base_len);
	return index < 0 ? NULL : catalogue->custom->scopes[index].description;
}

void
catalogue_iter_init(CatalogueIter *iter, const Catalogue *catalogue)
{
	iter->catalogue = catalogue;
	iter->base = 0;
	iter->custom = 0;
}

/* Fill in a definition of the hub's own. */
static void
catalogue_hub_definition(const CatalogueRelease *release, int base,
						 CatalogueDefinition *definition)
{
	uint64		rest = release->subscopes[base];

	definition->name = catalogue_names[base];
	definition->description = release->description[base];
	definition->custom = false;
	definition->nsubscopes = 0;
	definition->subscopes = palloc(sizeof(char *) * Max(pg_popcount64(rest), 1));
	for (; rest != 0; rest &= rest - 1)
		definition->subscopes[definition->nsubscopes++] =
			catalogue_names[pg_rightmost_one_pos64(rest)];
}

static void
catalogue_custom_definition(const CustomScope *scope, CatalogueDefinition *definition)
{
	definition->name = scope->name;
	definition->description = scope->description;
	definition->custom = true;
	definition->nsubscopes = scope->nsubscopes;
	definition->subscopes = palloc(sizeof(char *) * Max(scope->nsubscopes, 1));
	for (int i = 0; i < scope->nsubscopes; i++)
		definition->subscopes[i] = scope->subscopes[i];
}

/* Two sorted lists, merged. */
bool
catalogue_iter_next(CatalogueIter *iter, CatalogueDefinition *definition)
{
	const CatalogueRelease *release = iter->catalogue->release;
	const CustomScopes *custom = iter->catalogue->custom;

	while (iter->base < SCOPE_DICTIONARY_SIZE &&
		   !((release->defined >> iter->base) & 1))
		iter->base++;

	if (iter->custom < custom->n &&
		(iter->base == SCOPE_DICTIONARY_SIZE ||
		 strcmp(custom->scopes[iter->custom].name, catalogue_names[iter->base]) < 0))
	{
		catalogue_custom_definition(&custom->scopes[iter->custom++], definition);
		return true;
	}
	if (iter->base == SCOPE_DICTIONARY_SIZE)
		return false;
	catalogue_hub_definition(release, iter->base++, definition);
	return true;
}

/*
 * Does the catalogue hold every base of a set?  This is the usual case, and
 * is answered without allocating.
 */
static bool
catalogue_defines_all(const Catalogue *catalogue, const ScopesetView *view)
{
	uint64		used = view->open;

	for (int i = 0; i < view->nfilters; i++)
		used |= scopeset_mask(view, i);
	if (used & ~catalogue->release->defined)
		return false;
	for (int i = 0; i < view->nlocals; i++)
	{
		int			len;
		const char *base = scopeset_local(view, i, &len);

		if (custom_scopes_find(catalogue->custom, base, len) < 0)
			return false;
	}
	return true;
}

Scopeset *
catalogue_undefined(const Catalogue *catalogue, const Scopeset *set)
{
	ScopesetView view;
	ScopeIter	iter;
	ScopeMember member;
	ScopeBuilder *builder;

	scopeset_view(set, &view);
	if (catalogue_defines_all(catalogue, &view))
		return NULL;

	builder = scope_builder_create();
	scope_iter_init(&iter, set);
	while (scope_iter_next(&iter, &member))
	{
		if (!catalogue_defines(catalogue, &member))
			scope_builder_add(builder, &member);
	}
	return scope_builder_finish(builder, false);
}

/*
 * Raise the error for a member that is not defined.  A scope of another
 * release is no misspelling, so the release that brought it is named.
 */
static void
catalogue_undefined_error(const Catalogue *catalogue, const ScopeMember *member)
{
	const CatalogueRelease *other = NULL;
	char	   *suggestion = catalogue_suggest(catalogue, member);
	StringInfoData text;

	for (int i = 0; i < CATALOGUE_NRELEASES && member->base_id >= 0 && !other; i++)
	{
		if ((catalogue_releases[i].defined >> member->base_id) & 1)
			other = &catalogue_releases[i];
	}

	initStringInfo(&text);
	scope_append(&text, member);
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("scope \"%s\" does not exist",
					module_from_utf8(text.data, text.len)),
			 other ? errdetail("It came with JupyterHub %s; the release in force is %s.",
							   other->name, catalogue->release->name) : 0,
			 suggestion ? errhint("Perhaps you meant \"%s\".",
								  module_from_utf8(suggestion, strlen(suggestion))) : 0));
}

void
catalogue_check_defined(const Catalogue *catalogue, const Scopeset *set)
{
	ScopesetView view;
	ScopeIter	iter;
	ScopeMember member;

	scopeset_view(set, &view);
	if (catalogue_defines_all(catalogue, &view))
		return;
	scope_iter_init(&iter, set);
	while (scope_iter_next(&iter, &member))
	{
		if (!catalogue_defines(catalogue, &member))
			catalogue_undefined_error(catalogue, &member);
	}
}
