/*-------------------------------------------------------------------------
 *
 * policies.c
 *	  set_policy: what happens to a class of tokens.
 *
 * Which policy is in force is read with the other settings (settings.c, where
 * the defaults are); the decision applies it (judge.c).
 *
 *-------------------------------------------------------------------------
 */
#include "growth_private.h"

#include "catalog/pg_type.h"
#include "utils/builtins.h"

PG_FUNCTION_INFO_V1(jhub_authz_set_policy);

/* Check one word of a policy; NULL (argument is null) stays. */
static void
policy_check(FunctionCallInfo fcinfo, int arg, const char *what,
					  const char *const *words, const char *hint)
{
	char	   *word;

	if (PG_ARGISNULL(arg))
		return;
	word = text_to_cstring(PG_GETARG_TEXT_PP(arg));
	if (settings_word(word, words) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for policy %s: \"%s\"", what, word),
				 errhint("%s", hint)));
}

/*
 * What is not there yet is refused, with the word for it, rather than stored
 * and ignored: a policy that says "veto" and does not veto would be worse than
 * none.
 */
static void
policy_refuse(FunctionCallInfo fcinfo)
{
	if (!PG_ARGISNULL(1) && strcmp(text_to_cstring(PG_GETARG_TEXT_PP(1)), "veto") == 0)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("policy on_growth \"veto\" is not supported in this version"),
				 errhint("Use revoke or log.")));
	if (!PG_ARGISNULL(4))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("policy max_age is not supported in this version")));
}

/* What was set, for the event: "policy: oauth on_growth=log". */
static char *
policy_describe(FunctionCallInfo fcinfo, const char *target)
{
	static const char *const names[] = {NULL, "on_growth", "inherit", "on_share"};
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "policy: %s", target);
	for (int i = 1; i < (int) lengthof(names); i++)
		if (!PG_ARGISNULL(i))
			appendStringInfo(&buf, " %s=%s", names[i],
							 text_to_cstring(PG_GETARG_TEXT_PP(i)));
	return module_to_utf8(buf.data);
}

/* set_policy(target, on_growth, inherit, on_share, max_age) */
Datum
jhub_authz_set_policy(PG_FUNCTION_ARGS)
{
	static const Oid types[4] = {TEXTOID, TEXTOID, TEXTOID, TEXTOID};
	char	   *target;
	Datum		values[4];
	char		nulls[4];
	SpiFrame	frame;
	TokenEvent	event = {0};
	Actor		actor;

	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("policy target cannot be null")));
	target = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (settings_word(target, token_class_names) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid policy target \"%s\"", target),
				 errhint("It is user, oauth, server or service.")));
	policy_check(fcinfo, 1, "on_growth", policy_on_growth_words,
						  "It is revoke, log or ignore.");
	policy_check(fcinfo, 2, "inherit", policy_inherit_words,
						  "It is fix, guard or follow.");
	policy_check(fcinfo, 3, "on_share", policy_on_share_words,
						  "It is follow or revoke.");
	policy_refuse(fcinfo);

	for (int i = 0; i < 4; i++)
	{
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
		values[i] = PG_ARGISNULL(i) ? (Datum) 0 : PG_GETARG_DATUM(i);
	}
	spi_enter(&frame, module_owner());
	spi_run("INSERT INTO jhub_authz.policy_values AS p (target, on_growth, inherit, on_share)"
			" VALUES ($1, $2, $3, $4) ON CONFLICT (target) DO UPDATE SET"
			" on_growth = coalesce(EXCLUDED.on_growth, p.on_growth),"
			" inherit = coalesce(EXCLUDED.inherit, p.inherit),"
			" on_share = coalesce(EXCLUDED.on_share, p.on_share)",
			4, types, values, nulls, false, false, 0);
	spi_leave(&frame);

	actor_current(&actor);
	event.action = "policy";
	event.reason = policy_describe(fcinfo, target);
	token_event(&event, &actor);
	PG_RETURN_VOID();
}
