/*-------------------------------------------------------------------------
 *
 * policies.c
 *	  set_policy: what happens to a class of tokens, a token, a client's or a
 *	  group's tokens.
 *
 * Which policies are stored is read with the other settings (settings.c, where
 * the defaults are); which of them counts for a token is the issue room's
 * (token_policy.c), and the decision applies it (judge.c).
 *
 * A policy of a token is kept by the token's id and created, one of a group by
 * the group's id: an id or name that is used again is another's.  The target's
 * text is what people read; it follows where the thing is renamed.  Only
 * set_policy looks whether a thing exists: a restore brings policies first.
 *
 *-------------------------------------------------------------------------
 */
#include "growth_private.h"

#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

#include "../hub/hub_concern.h"

PG_FUNCTION_INFO_V1(jhub_authz_set_policy);

/* Longer than this is no age, and leaves no room to count in. */
#define POLICY_MAX_YEARS	1000

/* The words of set_policy for "as the next wider policy says". */
#define POLICY_DEFAULT_WORD "default"

typedef struct PolicyTarget
{
	PolicyKind	kind;
	const char *text;			/* as stored, in the server's encoding */
	int			id;				/* of the token or group; 0: none */
	bool		has_created;
	Timestamp	created;
} PolicyTarget;

/* ---- arguments ---- */

/* Check one word of a policy; NULL (argument is null) stays. */
static void
policy_check(FunctionCallInfo fcinfo, int arg, const char *what,
			 const char *const *words, const char *hint)
{
	char	   *word;

	if (PG_ARGISNULL(arg))
		return;
	word = text_to_cstring(PG_GETARG_TEXT_PP(arg));
	if (settings_word(word, words) < 0 && strcmp(word, POLICY_DEFAULT_WORD) != 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid value for policy %s: \"%s\"", what, word),
				 errhint("%s", hint)));
}

/* A mixture such as '1 month -30 days' may turn out to be nothing. */
static void
policy_check_age(FunctionCallInfo fcinfo)
{
	const Interval *age;
	const int64 max_days = (int64) POLICY_MAX_YEARS * 366;

	if (PG_ARGISNULL(4))
		return;
	age = PG_GETARG_INTERVAL_P(4);
	if (age->month < 0 || age->day < 0 || age->time < 0 ||
		(age->month == 0 && age->day == 0 && age->time == 0))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("policy max_age must be positive")));
	if (age->month > POLICY_MAX_YEARS * MONTHS_PER_YEAR || age->day > max_days ||
		age->time > max_days * USECS_PER_DAY)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("policy max_age must not be longer than %d years", POLICY_MAX_YEARS)));
}

static void
policy_bad_target(const char *target)
{
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid policy target \"%s\"", target),
			 errhint("It is user, oauth, server or service, or token:<id>, client:<identifier> or group:<name>.")));
}

static void
policy_no_object(const char *what, const char *name)
{
	ereport(ERROR,
			(errcode(ERRCODE_UNDEFINED_OBJECT),
			 errmsg("%s %s does not exist", what, name)));
}

/* A token's id, by its digits and nothing else. */
static int
policy_token_id(const char *digits, const char *target)
{
	int64		id = 0;

	if (digits[0] == '\0' || strspn(digits, "0123456789") != strlen(digits))
		policy_bad_target(target);
	for (const char *d = digits; *d != '\0'; d++)
	{
		id = id * 10 + (*d - '0');
		if (id > PG_INT32_MAX)
			policy_bad_target(target);
	}
	if (id == 0)
		policy_bad_target(target);
	return (int) id;
}

/* What is meant by the text; whether there is such a thing is asked later. */
static void
policy_parse_target(PolicyTarget *target, const char *text)
{
	memset(target, 0, sizeof(*target));
	target->text = text;
	target->kind = POLICY_OF_CLASS;
	if (settings_word(text, token_class_names) >= 0)
		return;
	for (int kind = 0; kind < POLICY_OF_CLASS; kind++)
		if (strncmp(text, policy_prefixes[kind], strlen(policy_prefixes[kind])) == 0)
			target->kind = (PolicyKind) kind;
	if (target->kind == POLICY_OF_CLASS ||
		text[strlen(policy_prefixes[target->kind])] == '\0')
		policy_bad_target(text);
	if (target->kind == POLICY_OF_TOKEN)
	{
		target->id = policy_token_id(text + strlen(policy_prefixes[POLICY_OF_TOKEN]), text);
		target->text = psprintf("%s%d", policy_prefixes[POLICY_OF_TOKEN], target->id);
	}
}

/* hub_each_token callback */
static void
policy_found_token(HubToken *token, void *arg)
{
	PolicyTarget *target = arg;

	target->id = token->id;
	target->has_created = token->has_created;
	target->created = token->created;
}

/* 42704 where there is no such thing. */
static void
policy_find_target(PolicyTarget *target)
{
	const char *name;
	HubSchema  *hub;

	if (target->kind == POLICY_OF_CLASS)
		return;
	hub = hub_schema(false, true);
	name = target->text + strlen(policy_prefixes[target->kind]);
	if (target->kind == POLICY_OF_TOKEN)
	{
		HubTokenWant want = {.nids = 1,.ids = &target->id};
		int			id = target->id;
		PolicyTarget found = {0};

		hub_each_token(hub, &want, true, policy_found_token, &found);
		if (found.id == 0)
			policy_no_object("token", psprintf("%d", id));
		target->has_created = found.has_created;
		target->created = found.created;
	}
	else if (target->kind == POLICY_OF_GROUP)
	{
		target->id = hub_group_id(hub, module_to_utf8(name), true);
		if (target->id == 0)
			policy_no_object("group", psprintf("\"%s\"", name));
	}
	else if (hub_client_id(hub, module_to_utf8(name), true) == 0)
		policy_no_object("OAuth client", psprintf("\"%s\"", name));
}

/* What was set, for the event: "policy: oauth on_growth=log". */
static char *
policy_describe(FunctionCallInfo fcinfo, const PolicyTarget *target)
{
	static const char *const names[] = {NULL, "on_growth", "inherit", "on_share"};
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "policy: %s", target->text);
	for (int i = 1; i < (int) lengthof(names); i++)
		if (!PG_ARGISNULL(i))
			appendStringInfo(&buf, " %s=%s", names[i],
							 text_to_cstring(PG_GETARG_TEXT_PP(i)));
	if (!PG_ARGISNULL(4))
		appendStringInfo(&buf, " max_age=%s",
						 DatumGetCString(DirectFunctionCall1(interval_out, PG_GETARG_DATUM(4))));
	return module_to_utf8(buf.data);
}

static void
policy_event(const PolicyTarget *target, const char *reason)
{
	TokenEvent	event = {0};

	event.token_id = target->kind == POLICY_OF_TOKEN ? target->id : 0;
	event.action = "policy";
	event.reason = reason;
	token_event(&event, NULL);
}

/* ---- names of groups ---- */

/* A stored policy of a group, and the name that the group has now. */
typedef struct PolicyGroup
{
	char	   *target;
	int			id;
	char	   *new_target;
} PolicyGroup;

/*
 * Without wait, those that somebody else is at are left out: a decision does not
 * wait for what is only a name, and the next set_policy sees to it.
 */
static PolicyGroup *
policy_read_groups(bool wait, int *n)
{
	MemoryContext caller = CurrentMemoryContext;
	MemoryContext spi;
	PolicyGroup *groups;
	SpiFrame	frame;
	uint64		rows;

	spi_enter(&frame, module_owner());
	rows = spi_run(wait ?
				   "SELECT target, object_id FROM jhub_authz.policy_values"
				   " WHERE starts_with(target, 'group:') AND object_id IS NOT NULL"
				   " FOR UPDATE" :
				   "SELECT target, object_id FROM jhub_authz.policy_values"
				   " WHERE starts_with(target, 'group:') AND object_id IS NOT NULL"
				   " FOR UPDATE SKIP LOCKED",
				   0, NULL, NULL, NULL, false, true, 0);
	spi = MemoryContextSwitchTo(caller);
	groups = palloc(sizeof(PolicyGroup) * Max(rows, 1));
	for (uint64 i = 0; i < rows; i++)
	{
		groups[i].target = spi_utf8(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1);
		groups[i].id = spi_int(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 2, 0);
	}
	MemoryContextSwitchTo(spi);
	spi_leave(&frame);
	*n = (int) rows;
	return groups;
}

/*
 * All at once, by way of a name that is none, so that swaps come out right.
 * What stands under a new name already is of a group that is no more.
 */
static void
policy_write_groups(char **olds, char **news, const int *ids, int n)
{
	static const Oid types[3] = {TEXTARRAYOID, TEXTARRAYOID, INT4ARRAYOID};
	Datum		values[3];
	SpiFrame	frame;

	values[0] = spi_text_array(olds, n);
	values[1] = spi_text_array(news, n);
	values[2] = spi_int_array(ids, n);
	spi_enter(&frame, module_owner());
	spi_run("UPDATE jhub_authz.policy_values SET target = 'group ' || object_id"
			" WHERE target = ANY ($1)",
			1, types, values, NULL, false, true, 0);
	spi_run("DELETE FROM jhub_authz.policy_values WHERE target = ANY ($1)",
			1, types, &values[1], NULL, false, true, 0);
	spi_run("UPDATE jhub_authz.policy_values p SET target = n.target"
			" FROM unnest($1, $2) AS n (target, id) WHERE p.target = 'group ' || n.id",
			2, &types[1], &values[1], NULL, false, true, 0);
	spi_leave(&frame);
}

void
policies_follow_groups(const HubSchema *hub, bool wait)
{
	int			n;
	PolicyGroup *groups = policy_read_groups(wait, &n);
	char	  **olds = palloc(sizeof(char *) * Max(n, 1));
	char	  **news = palloc(sizeof(char *) * Max(n, 1));
	int		   *ids = palloc(sizeof(int) * Max(n, 1));
	int			nchanged = 0;

	for (int i = 0; i < n; i++)
	{
		char	   *name = hub_name_of(hub, HUB_GROUPS, groups[i].id);
		char	   *target;

		if (name == NULL)
			continue;
		target = psprintf("%s%s", policy_prefixes[POLICY_OF_GROUP], name);
		if (strcmp(target, groups[i].target) == 0)
			continue;
		olds[nchanged] = groups[i].target;
		news[nchanged] = target;
		ids[nchanged++] = groups[i].id;
	}
	if (nchanged > 0)
		policy_write_groups(olds, news, ids, nchanged);
}

/* ---- tokens that go or take another id ---- */

/*
 * What somebody else is at is left: it does no harm, for no token has this id
 * and "created" again.
 */
void
policies_drop_tokens(const int *ids, int n)
{
	static const Oid types[1] = {INT4ARRAYOID};
	Datum		values[1];
	SpiFrame	frame;

	values[0] = spi_int_array(ids, n);
	spi_enter(&frame, module_owner());
	spi_run("DELETE FROM jhub_authz.policy_values WHERE target IN"
			" (SELECT target FROM jhub_authz.policy_values"
			" WHERE starts_with(target, 'token:') AND object_id = ANY ($1)"
			" FOR UPDATE SKIP LOCKED)",
			1, types, values, NULL, false, true, 0);
	spi_leave(&frame);
}

void
policies_move_token(int old_id, int new_id, bool has_created, Timestamp created)
{
	static const Oid types[3] = {INT4OID, INT4OID, TIMESTAMPOID};
	Datum		values[3];
	char		nulls[3] = {' ', ' ', has_created ? ' ' : 'n'};
	SpiFrame	frame;

	if (old_id != new_id)
		policies_drop_tokens(&new_id, 1);
	values[0] = Int32GetDatum(old_id);
	values[1] = Int32GetDatum(new_id);
	values[2] = TimestampGetDatum(created);
	spi_enter(&frame, module_owner());
	spi_run("UPDATE jhub_authz.policy_values"
			" SET target = 'token:' || $2::text, object_id = $2, created = $3"
			" WHERE starts_with(target, 'token:') AND object_id = $1",
			3, types, values, nulls, false, true, 0);
	spi_leave(&frame);
}

/* ---- set_policy ---- */

/* True if there was one. */
static bool
policy_remove(const PolicyTarget *target)
{
	static const Oid types[1] = {TEXTOID};
	Datum		values[1];
	SpiFrame	frame;
	bool		removed;

	values[0] = CStringGetTextDatum(target->text);
	spi_enter(&frame, module_owner());
	removed = spi_run("DELETE FROM jhub_authz.policy_values WHERE target = $1",
					  1, types, values, NULL, false, false, 0) > 0;
	spi_leave(&frame);
	return removed;
}

/*
 * What stands there for another token or group of that id or name is not added
 * to but replaced.  A row that sets nothing any more goes.
 */
static void
policy_store(FunctionCallInfo fcinfo, const PolicyTarget *target)
{
	static const Oid types[7] = {
		TEXTOID, TEXTOID, TEXTOID, TEXTOID, INTERVALOID, INT4OID, TIMESTAMPOID
	};
	static const Oid others[3] = {TEXTOID, INT4OID, TIMESTAMPOID};
	Datum		values[7];
	char		nulls[8] = "       ";
	Datum		other[3];
	char		other_nulls[4];
	SpiFrame	frame;

	values[0] = CStringGetTextDatum(target->text);
	for (int i = 1; i < 5; i++)
	{
		nulls[i] = PG_ARGISNULL(i) ? 'n' : ' ';
		values[i] = PG_ARGISNULL(i) ? (Datum) 0 : PG_GETARG_DATUM(i);
	}
	nulls[5] = target->id != 0 ? ' ' : 'n';
	values[5] = Int32GetDatum(target->id);
	nulls[6] = target->has_created ? ' ' : 'n';
	values[6] = TimestampGetDatum(target->created);
	other[0] = values[0];
	other_nulls[0] = nulls[0];
	memcpy(&other[1], &values[5], sizeof(Datum) * 2);
	memcpy(&other_nulls[1], &nulls[5], 2);

	spi_enter(&frame, module_owner());
	spi_run("DELETE FROM jhub_authz.policy_values WHERE target = $1"
			" AND (object_id IS DISTINCT FROM $2 OR created IS DISTINCT FROM $3)",
			3, others, other, other_nulls, false, false, 0);
	spi_run("INSERT INTO jhub_authz.policy_values AS p"
			" (target, on_growth, inherit, on_share, max_age, object_id, created)"
			" VALUES ($1, nullif($2, 'default'), nullif($3, 'default'),"
			" nullif($4, 'default'), $5, $6, $7) ON CONFLICT (target) DO UPDATE SET"
			" on_growth = CASE WHEN $2 = 'default' THEN NULL ELSE coalesce($2, p.on_growth) END,"
			" inherit = CASE WHEN $3 = 'default' THEN NULL ELSE coalesce($3, p.inherit) END,"
			" on_share = CASE WHEN $4 = 'default' THEN NULL ELSE coalesce($4, p.on_share) END,"
			" max_age = coalesce($5, p.max_age)",
			7, types, values, nulls, false, false, 0);
	spi_run("DELETE FROM jhub_authz.policy_values WHERE target = $1 AND on_growth IS NULL"
			" AND inherit IS NULL AND on_share IS NULL AND max_age IS NULL",
			1, types, values, nulls, false, false, 0);
	spi_leave(&frame);
}

/*
 * set_policy(target, on_growth, inherit, on_share, max_age) - what is NULL stays
 * as it is; where all is NULL the policy is removed.  22023 for what is no target
 * or value, 42704 for a token, client or group that there is not.
 */
Datum
jhub_authz_set_policy(PG_FUNCTION_ARGS)
{
	PolicyTarget target;
	bool		removing = PG_ARGISNULL(1) && PG_ARGISNULL(2) && PG_ARGISNULL(3) &&
		PG_ARGISNULL(4);
	HubSchema  *hub;

	PreventCommandIfReadOnly("set_policy()");
	if (PG_ARGISNULL(0))
		ereport(ERROR,
				(errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED),
				 errmsg("policy target cannot be null")));
	policy_parse_target(&target, text_to_cstring(PG_GETARG_TEXT_PP(0)));
	policy_check(fcinfo, 1, "on_growth", policy_on_growth_words,
				 "It is revoke, log, veto, ignore or default.");
	policy_check(fcinfo, 2, "inherit", policy_inherit_words,
				 "It is fix, guard, follow or default.");
	policy_check(fcinfo, 3, "on_share", policy_on_share_words,
				 "It is follow, revoke or default.");
	policy_check_age(fcinfo);

	hub = target.kind == POLICY_OF_GROUP ? hub_schema(true, true) : NULL;
	if (hub != NULL)
		policies_follow_groups(hub, true);
	if (removing)
	{
		if (policy_remove(&target))
			policy_event(&target, module_to_utf8(psprintf("policy: %s removed", target.text)));
		else
			policy_find_target(&target);
		PG_RETURN_VOID();
	}
	policy_find_target(&target);
	policy_store(fcinfo, &target);
	policy_event(&target, policy_describe(fcinfo, &target));
	PG_RETURN_VOID();
}
