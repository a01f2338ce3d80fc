/*-------------------------------------------------------------------------
 *
 * past.c
 *	  What somebody could do at a moment: user_scopes_as_of.  (who_could is with
 *	  who_can.)
 *
 * The hub is read as of that moment (hub_past.h), and the same functions as for
 * today say what follows: effective.h, with the release and the custom scopes that
 * were in force.  Only what has not been committed by that moment is left out,
 * this very transaction's changes among it.
 *
 *-------------------------------------------------------------------------
 */
#include "../effective/effective.h"

#include "utils/builtins.h"
#include "utils/timestamp.h"

#include "../hub/hub_past.h"

PG_FUNCTION_INFO_V1(jhub_authz_user_scopes_as_of);

/*
 * user_scopes_as_of(name, at) - NULL if there was no such user then; 22023 for a
 * moment that has not come, 55000 for one of which no past is kept.
 */
Datum
jhub_authz_user_scopes_as_of(PG_FUNCTION_ARGS)
{
	char	   *name = effective_utf8_string(PG_GETARG_TEXT_PP(0));
	HubSchema  *past = hub_schema_at(PG_GETARG_TIMESTAMPTZ(1), false, false);
	int			id = hub_user_id(past, name, false);
	HubWant		want = {.nusers = 1,.users = &id};
	HubData    *data;
	HubUser    *user;
	char	   *error = NULL;
	Datum		result;

	if (id == 0)
		PG_RETURN_NULL();
	data = hub_load(past, &want, false);
	user = hub_user(data, id);
	if (user == NULL)
		PG_RETURN_NULL();
	result = PointerGetDatum(PG_DETOAST_DATUM_COPY(
		PointerGetDatum(effective_user(effective_way(data, effective_reading_flags()), user, &error))));
	if (error != NULL)
		ereport(WARNING,
				(errmsg("scopes of user \"%s\" were incomplete", module_from_utf8(name, strlen(name))),
				 errdetail("%s", module_from_utf8(error, strlen(error)))));
	hub_free(data);
	PG_RETURN_DATUM(result);
}
