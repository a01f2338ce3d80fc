/*-------------------------------------------------------------------------
 *
 * scope_functions.c
 *	  The catalogue as SQL sees it: validate, describe, the list of
 *	  definitions, and the release that is in force.
 *
 * They stand here and not in the catalogue room, because that one does not
 * know which release is in force.  None of them reads a row of the hub's but
 * alembic's revision.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_private.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(jhub_authz_validate);
PG_FUNCTION_INFO_V1(jhub_authz_describe);
PG_FUNCTION_INFO_V1(jhub_authz__scope_definitions);
PG_FUNCTION_INFO_V1(jhub_authz_use_hub_release);

static Datum
hub_text_datum(const char *str)
{
	return PointerGetDatum(module_text_from_utf8(str, strlen(str)));
}

/*
 * Text that is only shown.  JupyterHub's descriptions hold U+2019, which LATIN1,
 * for one, has not: what the server's encoding lacks becomes an apostrophe, or a
 * question mark, rather than an error.
 */
static Datum
hub_shown_datum(const char *str)
{
	text	   *shown = module_text_if_representable(str);
	StringInfoData plain;

	if (shown != NULL)
		return PointerGetDatum(shown);
	initStringInfo(&plain);
	while (*str != '\0')
	{
		int			len = pg_utf_mblen((const unsigned char *) str);
		char	   *character = pnstrdup(str, len);

		if (len == 1 || module_text_if_representable(character) != NULL)
			appendStringInfoString(&plain, character);
		else
			appendStringInfoChar(&plain, strcmp(character, "\342\200\231") == 0 ? '\'' : '?');
		str += strlen(character);
		pfree(character);
	}
	return hub_text_datum(plain.data);
}

/* validate(scopes) - the argument, or 42704 for a scope that does not exist. */
Datum
jhub_authz_validate(PG_FUNCTION_ARGS)
{
	Scopeset   *set = PG_GETARG_SCOPESET_P(0);

	catalogue_check_defined(hub_catalogue(), set);
	PG_RETURN_SCOPESET_P(set);
}

/*
 * The text that the hub's pages show for a filter, as its describe_raw_scopes
 * makes it: a self filter but "!user" ends in a space there too.
 */
static char *
hub_filter_text(const ScopeMember *member, const char *username)
{
	const char *kind;

	if (member->kind == SCOPE_OPEN)
		return "";
	if (member->kind == SCOPE_USER_SELF)
		return "only you";
	if (member->kind == SCOPE_USER && username != NULL &&
		member->value_len == (int) strlen(username) &&
		memcmp(member->value, username, member->value_len) == 0)
		return "only you";
	kind = member->kind == SCOPE_GROUP ? "users in group" : scope_kind_name(member->kind);
	return psprintf("%s %.*s", kind, member->value_len, member->value ? member->value : "");
}

/*
 * describe(scopes, username) - a row a scope, in code point order.  A scope that
 * the catalogue does not hold has no description.
 */
Datum
jhub_authz_describe(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	const Catalogue *catalogue;
	const char *username;
	ScopeIter	iter;
	ScopeMember member;

	InitMaterializedSRF(fcinfo, 0);
	if (PG_ARGISNULL(0))
		return (Datum) 0;
	username = PG_ARGISNULL(1) ? NULL : module_to_utf8(text_to_cstring(PG_GETARG_TEXT_PP(1)));
	catalogue = hub_catalogue();
	scope_iter_init(&iter, PG_GETARG_SCOPESET_P(0));
	while (scope_iter_next(&iter, &member))
	{
		const char *description = catalogue_description(catalogue, &member);
		Datum		values[3] = {0};
		bool		nulls[3] = {false, description == NULL, false};

		values[0] = PointerGetDatum(module_text_from_utf8(member.base, member.base_len));
		if (description != NULL)
			values[1] = hub_shown_datum(description);
		values[2] = hub_shown_datum(hub_filter_text(&member, username));
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* _scope_definitions() - the view scope_definitions. */
Datum
jhub_authz__scope_definitions(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	CatalogueIter iter;
	CatalogueDefinition definition;

	InitMaterializedSRF(fcinfo, 0);
	catalogue_iter_init(&iter, hub_catalogue());
	while (catalogue_iter_next(&iter, &definition))
	{
		Datum		values[4] = {0};
		bool		nulls[4] = {false, definition.description == NULL, false, false};

		values[0] = hub_text_datum(definition.name);
		if (definition.description != NULL)
			values[1] = hub_shown_datum(definition.description);
		values[2] = spi_text_array(unconstify(char **, definition.subscopes),
								   definition.nsubscopes);
		values[3] = CStringGetTextDatum(definition.custom ? "custom" : "hub");
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* The releases, for a hint. */
static char *
hub_release_names(void)
{
	StringInfoData list;

	initStringInfo(&list);
	for (int i = 0; i < catalogue_release_count(); i++)
		appendStringInfo(&list, "%s%s", i > 0 ? ", " : "", catalogue_release(i)->name);
	return list.data;
}

static void (*hub_pinned_hook) (void) = NULL;

void
hub_set_pinned_hook(void (*hook) (void))
{
	hub_pinned_hook = hook;
}

/*
 * use_hub_release(release) - pin a release, NULL: follow the database again;
 * the name of the one in force.  22023 for a release that is not known.
 *
 * The answer rests on what has just been written, not on the cached settings.
 */
Datum
jhub_authz_use_hub_release(PG_FUNCTION_ARGS)
{
	static const Oid types[1] = {TEXTOID};
	const CatalogueRelease *release = NULL;
	const Settings *settings;
	HubSchema  *hub = NULL;
	Datum		values[1] = {0};
	char		nulls[2] = "n";
	SpiFrame	frame;

	PreventCommandIfReadOnly("use_hub_release()");
	if (!PG_ARGISNULL(0))
	{
		char	   *name = text_to_cstring(PG_GETARG_TEXT_PP(0));

		release = catalogue_release_named(name);
		if (release == NULL)
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("JupyterHub release \"%s\" is not known", name),
					 errhint("These are known: %s.", hub_release_names())));
		values[0] = CStringGetTextDatum(release->name);
		nulls[0] = ' ';
	}

	spi_enter(&frame, module_owner());
	spi_run("INSERT INTO jhub_authz.attachment (pinned_release) VALUES ($1)"
			" ON CONFLICT (singleton) DO UPDATE SET pinned_release = EXCLUDED.pinned_release",
			1, types, values, nulls, false, false, 0);
	spi_leave(&frame);
	settings_written();
	if (hub_pinned_hook != NULL)
		hub_pinned_hook();

	settings = settings_read_latest();
	if (settings->attached)
		hub = hub_schema_pinned(pstrdup(settings->hub_schema), release ? release->name : NULL,
								true, true);
	if (hub != NULL)
		release = hub->release;
	else if (release == NULL)
		release = catalogue_newest_release();
	PG_RETURN_TEXT_P(cstring_to_text(release->name));
}
