/*-------------------------------------------------------------------------
 *
 * login_functions.c
 *	  login_decide() and login_apply() as SQL calls them.
 *
 *-------------------------------------------------------------------------
 */
#include "login_apply.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/snapmgr.h"

PG_FUNCTION_INFO_V1(jhub_authz_login_decide);
PG_FUNCTION_INFO_V1(jhub_authz_login_apply);

#define LOGIN_MAX_COLUMNS	6

/*
 * A provider that was read, kept between the calls of a statement: as long as the
 * snapshot is the same, so are its rows.
 */
typedef struct LoginCache
{
	MemoryContext context;
	LoginConfig *config;
	CommandId	curcid;
	TransactionId xmin;
	TransactionId xmax;
	uint32		xcnt;
	int32		subxcnt;
	uint64		completed;
} LoginCache;

static bool
login_cache_is_good(const LoginCache *cache, const char *provider, Snapshot snapshot)
{
	return cache->config != NULL && strcmp(cache->config->provider, provider) == 0 &&
		cache->config->strict == settings_get()->login_strict &&
		snapshot->snapXactCompletionCount != 0 &&
		cache->completed == snapshot->snapXactCompletionCount &&
		cache->curcid == snapshot->curcid && cache->xmin == snapshot->xmin &&
		cache->xmax == snapshot->xmax && cache->xcnt == snapshot->xcnt &&
		cache->subxcnt == snapshot->subxcnt;
}

static const LoginConfig *
login_cached_config(FmgrInfo *flinfo, const char *provider)
{
	Snapshot	snapshot = GetActiveSnapshot();
	LoginCache *cache = flinfo->fn_extra;
	MemoryContext caller;

	if (cache == NULL)
	{
		cache = MemoryContextAllocZero(flinfo->fn_mcxt, sizeof(LoginCache));
		cache->context = AllocSetContextCreate(flinfo->fn_mcxt, "jhub_authz login provider",
											   ALLOCSET_SMALL_SIZES);
		flinfo->fn_extra = cache;
	}
	if (login_cache_is_good(cache, provider, snapshot))
		return cache->config;
	cache->config = NULL;
	MemoryContextReset(cache->context);
	caller = MemoryContextSwitchTo(cache->context);
	cache->curcid = snapshot->curcid;
	cache->xmin = snapshot->xmin;
	cache->xmax = snapshot->xmax;
	cache->xcnt = snapshot->xcnt;
	cache->subxcnt = snapshot->subxcnt;
	cache->completed = snapshot->snapXactCompletionCount;
	cache->config = login_config_read(provider);
	MemoryContextSwitchTo(caller);
	return cache->config;
}

static Datum
login_groups_datum(const LoginDecision *decision)
{
	ArrayBuildState *state = NULL;

	for (int i = 0; i < decision->ngroups; i++)
	{
		const char *group = decision->groups[i];

		state = accumArrayResult(state, group == NULL ? (Datum) 0 :
								 PointerGetDatum(module_text_from_utf8(group, strlen(group))),
								 group == NULL, TEXTOID, CurrentMemoryContext);
	}
	return state != NULL ? makeArrayResult(state, CurrentMemoryContext) :
		PointerGetDatum(construct_empty_array(TEXTOID));
}

static Datum
login_matched_datum(const LoginDecision *decision)
{
	Datum	   *ids = palloc(sizeof(Datum) * Max(decision->nmatched, 1));

	for (int i = 0; i < decision->nmatched; i++)
		ids[i] = Int64GetDatum(decision->matched[i]);
	return PointerGetDatum(construct_array(ids, decision->nmatched, INT8OID, sizeof(int64),
										   FLOAT8PASSBYVAL, TYPALIGN_DOUBLE));
}

/* The row of a decision; user_id is login_apply's, 0 is none. */
static Datum
login_row(FunctionCallInfo fcinfo, const LoginDecision *decision, int user_id)
{
	TupleDesc	desc;
	Datum		values[LOGIN_MAX_COLUMNS] = {0};
	bool		nulls[LOGIN_MAX_COLUMNS] = {false};

	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE)
		elog(ERROR, "return type must be a row type");
	values[0] = CStringGetTextDatum(login_outcome_names[decision->outcome]);
	nulls[1] = decision->username == NULL;
	if (!nulls[1])
		values[1] = PointerGetDatum(module_text_from_utf8(decision->username,
														  strlen(decision->username)));
	nulls[2] = decision->admin == LOGIN_ADMIN_LEAVE;
	values[2] = BoolGetDatum(decision->admin == LOGIN_ADMIN_YES);
	nulls[3] = !decision->has_groups;
	if (!nulls[3])
		values[3] = login_groups_datum(decision);
	values[4] = login_matched_datum(decision);
	nulls[5] = user_id == 0;
	values[5] = Int32GetDatum(user_id);
	return HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc), values, nulls));
}

/*
 * login_decide(provider, user_info, facts) - 42704 for a provider that does not
 * exist, 22023 for facts that are none.  Whatever is wrong with user_info is an
 * outcome.
 */
Datum
jhub_authz_login_decide(PG_FUNCTION_ARGS)
{
	const char *provider = module_to_utf8(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	const LoginConfig *config = login_cached_config(fcinfo->flinfo, provider);
	LoginDecision decision;

	login_decide(config, login_value_of(PG_GETARG_JSONB_P(1)),
				 login_check_facts(login_value_of(PG_GETARG_JSONB_P(2))), &decision);
	return login_row(fcinfo, &decision, 0);
}

/* login_apply(provider, user_info, facts) - the same, and what follows from it. */
Datum
jhub_authz_login_apply(PG_FUNCTION_ARGS)
{
	const char *provider = module_to_utf8(text_to_cstring(PG_GETARG_TEXT_PP(0)));
	LoginValue *facts = login_check_facts(login_value_of(PG_GETARG_JSONB_P(2)));
	const LoginConfig *config = login_config_read(provider);
	LoginDecision decision;
	int			user_id = 0;

	PreventCommandIfReadOnly("login_apply()");
	login_decide(config, login_value_of(PG_GETARG_JSONB_P(1)), facts, &decision);
	if (decision.outcome == LOGIN_ALLOWED)
		user_id = login_apply(config, &decision, facts);
	return login_row(fcinfo, &decision, user_id);
}
