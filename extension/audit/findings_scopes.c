/*-------------------------------------------------------------------------
 *
 * findings_scopes.c
 *	  _scope_defects(): stored scopes that are not what they seem, wherever the
 *	  hub stores them: in roles, OAuth clients, shares, codes and live tokens.
 *
 * One pass.  Whom filters name is not looked at here: that is orphaned_grants.
 *
 *-------------------------------------------------------------------------
 */
#include "../hub/hub.h"

#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"

typedef struct FindingScopes
{
	ReturnSetInfo *rsinfo;
	const Catalogue *catalogue;
	const char *object;			/* under way: 'role "x"', 'token 12' */
} FindingScopes;

/* 'role "x"' and 'share code 3' as kind and name. */
static void
finding_object(const char *object, text **kind, text **name)
{
	int			len = strlen(object);
	const char *end;

	if (len > 0 && object[len - 1] == '"')
	{
		end = strstr(object, " \"");
		*name = cstring_to_text_with_len(end + 2, len - 1 - (int) (end + 2 - object));
	}
	else
	{
		end = strrchr(object, ' ');
		*name = cstring_to_text(end + 1);
	}
	*kind = cstring_to_text_with_len(object, (int) (end - object));
}

/* scope may be NULL; detail is in the server's encoding. */
static void
finding_scope_row(FindingScopes *find, const char *code, const ScopeMember *scope,
				  const char *detail)
{
	Datum		values[5];
	bool		nulls[5] = {false};
	StringInfoData buf;
	text	   *kind;
	text	   *name;

	finding_object(find->object, &kind, &name);
	values[0] = CStringGetTextDatum(code);
	values[1] = PointerGetDatum(kind);
	values[2] = PointerGetDatum(name);
	nulls[3] = scope == NULL;
	if (scope != NULL)
	{
		initStringInfo(&buf);
		scope_append(&buf, scope);
		values[3] = PointerGetDatum(module_text_from_utf8(buf.data, buf.len));
	}
	values[4] = CStringGetTextDatum(detail);
	tuplestore_putvalues(find->rsinfo->setResult, find->rsinfo->setDesc, values, nulls);
}

static void
finding_undefined(FindingScopes *find, const Scopeset *undefined)
{
	ScopeIter	iter;
	ScopeMember member;

	scope_iter_init(&iter, undefined);
	while (scope_iter_next(&iter, &member))
	{
		char	   *suggestion = catalogue_suggest(find->catalogue, &member);

		finding_scope_row(find, "undefined_scope", &member,
						  suggestion == NULL ? "The scope does not exist and gives nothing that is known here." :
						  psprintf("The scope does not exist.  Perhaps \"%s\" was meant.",
								   text_to_cstring(module_text_from_utf8(suggestion, strlen(suggestion)))));
	}
}

/* The hub takes such a filter for the bare name of a server, whoever owns it. */
static void
finding_slashless(FindingScopes *find, const Scopeset *scopes)
{
	ScopeIter	iter;
	ScopeMember member;

	if (!scopeset_has_kind(scopes, SCOPE_SERVER))
		return;
	scope_iter_init(&iter, scopes);
	while (scope_iter_next(&iter, &member))
		if (member.kind == SCOPE_SERVER &&
			memchr(member.value, '/', member.value_len) == NULL)
			finding_scope_row(find, "server_without_slash", &member,
							  "The filter has no \"/\": the hub takes it for the bare name of a server, whoever owns it.");
}

static void
finding_scopes(const char *object, const Scopeset *scopes, const char *defect, void *arg)
{
	FindingScopes *find = arg;
	Scopeset   *undefined;

	CHECK_FOR_INTERRUPTS();
	find->object = object;
	if (defect != NULL)
	{
		finding_scope_row(find, "unreadable_scopes", NULL,
						  psprintf("The stored scopes do not parse and count as none.  %s", defect));
		return;
	}
	undefined = catalogue_undefined(find->catalogue, scopes);
	if (undefined != NULL)
		finding_undefined(find, undefined);
	finding_slashless(find, scopes);
}

/* _scope_defects() - rows (code, object_kind, object, scope, detail). */
PG_FUNCTION_INFO_V1(jhub_authz__scope_defects);
Datum
jhub_authz__scope_defects(PG_FUNCTION_ARGS)
{
	HubSchema  *hub = hub_schema(false, false);
	FindingScopes find;

	InitMaterializedSRF(fcinfo, 0);
	find.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	find.catalogue = hub->catalogue;
	hub_each_scopes(hub, false, finding_scopes, &find);
	return (Datum) 0;
}
