/*-------------------------------------------------------------------------
 *
 * whoami.c
 *	  Who a token is, in the words of the hub: GET /hub/api/user.
 *
 * The hub lets every token see who its owner is: it adds the identify scopes for
 * making the model, and leaves them out again of the scopes that it tells.
 *
 *-------------------------------------------------------------------------
 */
#include "api.h"
#include "identity.h"

#include "utils/builtins.h"

#include "../hub/hub_requests.h"
#include "../issue/issue.h"

PG_FUNCTION_INFO_V1(jhub_authz_whoami);

/*
 * The hub takes a service's own row for this, not the object that it makes of
 * its configuration: what is not set is null, but for the command.
 */
static void
whoami_service(const HubModelRow *row, Datum *values, bool *nulls)
{
	static const int stored[] = {
		HUB_SERVICE_URL, HUB_SERVICE_INFO, HUB_SERVICE_DISPLAY
	};

	for (int i = 0; i < (int) lengthof(stored); i++)
	{
		values[stored[i]] = row->values[stored[i]];
		nulls[stored[i]] = row->nulls[stored[i]];
	}
}

/* What a release before 5.0 does not store of a service is the empty string. */
static void
whoami_not_stored(JsonbParseState **state, const ApiReader *reader, uint64 held)
{
	static const struct
	{
		int			column;
		const char *name;
	}			fields[] = {
		{HUB_SERVICE_URL, "url"}, {HUB_SERVICE_COMMAND, "command"},
		{HUB_SERVICE_INFO, "info"}, {HUB_SERVICE_DISPLAY, "display"}
	};

	if ((held & api_bits()->read_services) == 0)
		return;
	for (int i = 0; i < (int) lengthof(fields); i++)
		if ((reader->missing[HUB_MODEL_SERVICE] & UINT32_C(1) << fields[i].column) != 0)
			api_push_text(state, fields[i].name, "");
}

/* The owner's model. */
static void
whoami_owner(JsonbParseState **state, HubSchema *hub, const Identity *identity)
{
	HubModel	model = identity->is_service ? HUB_MODEL_SERVICE : HUB_MODEL_USER;
	Scopeset   *identify = identity->is_service ? effective_identify_service(identity->owner) :
		effective_identify_user(identity->owner);
	Datum		values[HUB_MODEL_MAX_COLUMNS];
	bool		nulls[HUB_MODEL_MAX_COLUMNS];
	ApiReader	reader;
	HubModelRow *row;
	uint32		allowed;
	uint64		held;

	api_reader_init(&reader, hub, scopeset_union_of(identity->scopes, identify));
	row = hub_model_row(hub_model_rows(hub, model,
									   identity->is_service ? HUB_NMODELS : HUB_MODEL_SERVER,
									   identity->owner_id, 1),
						identity->owner_id);
	if (row == NULL)
		return;
	held = api_held(&reader, model, row);
	allowed = api_row(&reader, model, row, held, values, nulls);
	if (identity->is_service)
	{
		whoami_service(row, values, nulls);
		whoami_not_stored(state, &reader, held);
	}
	api_push_row(state, model, allowed, values, nulls);
}

static void
whoami_scopes(JsonbParseState **state, const Scopeset *scopes)
{
	ScopeIter	iter;
	ScopeMember member;

	api_push_key(state, "scopes");
	pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
	scope_iter_init(&iter, scopes);
	while (scope_iter_next(&iter, &member))
	{
		StringInfoData buf;

		initStringInfo(&buf);
		scope_append(&buf, &member);
		api_push_string(state, WJB_ELEM, module_from_utf8(buf.data, buf.len));
	}
	pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

/*
 * whoami(token text) returns jsonb: NULL for what is no live token
 */
Datum
jhub_authz_whoami(PG_FUNCTION_ARGS)
{
	ErrorContextCallback hide = {.callback = identity_hide_token};
	JsonbParseState *state = NULL;
	HubSchema  *hub;
	Identity	identity;
	char	   *session;
	int			id;

	hide.previous = error_context_stack;
	error_context_stack = &hide;
	hub = hub_schema(false, false);
	id = issue_authenticate(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	if (id == 0 || !identity_of_token(hub, id, false, &identity))
	{
		error_context_stack = hide.previous;
		PG_RETURN_NULL();
	}
	session = hub_token_session(hub, id);

	pushJsonbValue(&state, WJB_BEGIN_OBJECT, NULL);
	whoami_owner(&state, hub, &identity);
	/* told since 5.0 */
	if (hub->has_managed_by_auth)
		api_push_text(&state, "token_id", psprintf("a%d", id));
	api_push_text(&state, "session_id", session);
	whoami_scopes(&state, identity.scopes);
	error_context_stack = hide.previous;
	PG_RETURN_JSONB_P(JsonbValueToJsonb(pushJsonbValue(&state, WJB_END_OBJECT, NULL)));
}
