/*-------------------------------------------------------------------------
 *
 * assertions.c
 *	  Statements about permissions that must hold: check_assertions, and the veto
 *	  at the end of a transaction.
 *
 * All assertions that are asked for are judged on one model of the hub, which
 * holds their subjects and no others.  A row that says nothing sensible does not
 * hold, and is no error.
 *
 * The veto is part of the decision (decide.c), under its lock and with the latest
 * snapshot.  A transaction is refused if an assertion does not hold at its end
 * that held before it; what held is read from the history, in which this
 * transaction's own changes are not yet.  So an assertion that is broken already
 * is in nobody's way: it would be if anybody's next login failed for it.
 *
 * Tokens are taken as the hub takes them, whatever the option token_shares says:
 * a check must not differ from the veto.
 *
 *-------------------------------------------------------------------------
 */
#include "assertions.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "../effective/effective.h"
#include "../hub/hub_audit.h"
#include "../hub/hub_past.h"

PG_FUNCTION_INFO_V1(jhub_authz_check_assertions);
PG_FUNCTION_INFO_V1(jhub_authz_require_assertions);

/* so many grants are named that give what is asserted */
#define ASSERTION_GRANTS	3

/* so many assertions are named in an error */
#define ASSERTIONS_NAMED	10

/* A row of assertions.  Strings are UTF-8. */
typedef struct Assertion
{
	int64		id;
	char	   *kind_word;
	char	   *subject;
	char	   *required;
	char	   *note;
	bool		expected;
	bool		veto;

	char	   *defect;			/* it cannot be judged: why; else NULL */
	SubjectKind kind;
	ScopeMember member;

	int			subject_id;		/* 0: there is none such */
	HubToken   *token;
	bool		actual;
	char	   *why;
} Assertion;

typedef struct Assertions
{
	int			n;
	Assertion  *list;
} Assertions;

/* ---- reading ---- */

/* What can be told without the hub. */
static void
assertion_take_apart(Assertion *a)
{
	const char *defect;
	int			where;

	for (a->kind = SUBJECT_USER; a->kind <= SUBJECT_TOKEN; a->kind++)
		if (strcmp(effective_kind_names[a->kind], a->kind_word) == 0)
			break;
	if (a->kind > SUBJECT_TOKEN)
		a->defect = psprintf("\"%s\" is no kind of subject", a->kind_word);
	else if (!scope_parse(a->required, strlen(a->required), &a->member, &defect, &where))
		/* a sentence that goes on in ours */
		a->defect = psprintf("\"%s\" is no scope: %.*s", a->required,
							 (int) strcspn(defect, "."), defect);
	else if (scope_kind_is_self(a->member.kind))
		a->defect = psprintf("\"%s\" does not say whose it is", a->required);
}

/* In order of id. */
static void
assertions_read(Assertions *assertions, bool veto_only, bool latest)
{
	MemoryContext caller = CurrentMemoryContext;
	SpiFrame	frame;

	spi_enter(&frame, module_owner());
	assertions->n = (int)
		spi_run(veto_only ?
				"SELECT assertion_id, subject_kind, subject, required, note, expected, veto"
				" FROM jhub_authz.assertions WHERE veto ORDER BY assertion_id" :
				"SELECT assertion_id, subject_kind, subject, required, note, expected, veto"
				" FROM jhub_authz.assertions ORDER BY assertion_id",
				0, NULL, NULL, NULL, true, latest, 0);
	MemoryContextSwitchTo(caller);
	assertions->list = palloc0(sizeof(Assertion) * Max(assertions->n, 1));
	for (int i = 0; i < assertions->n; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		Assertion  *a = &assertions->list[i];
		bool		isnull;

		a->id = DatumGetInt64(SPI_getbinval(row, desc, 1, &isnull));
		a->kind_word = spi_utf8(row, desc, 2);
		a->subject = spi_utf8(row, desc, 3);
		a->required = spi_utf8(row, desc, 4);
		a->note = spi_utf8(row, desc, 5);
		a->expected = DatumGetBool(SPI_getbinval(row, desc, 6, &isnull));
		a->veto = DatumGetBool(SPI_getbinval(row, desc, 7, &isnull));
		assertion_take_apart(a);
	}
	spi_leave(&frame);
}

/* ---- finding the subjects ---- */

/* hub_each_token callback */
static void
assertions_token(HubToken *token, void *arg)
{
	Assertions *assertions = arg;
	HubToken   *copy = NULL;

	for (int i = 0; i < assertions->n; i++)
	{
		Assertion  *a = &assertions->list[i];

		if (a->defect != NULL || a->kind != SUBJECT_TOKEN || a->subject_id != token->id)
			continue;
		if (copy == NULL)
		{
			/* the row's memory is gone after this call: where the list is */
			MemoryContext save = MemoryContextSwitchTo(GetMemoryChunkContext(assertions->list));

			copy = effective_copy_token(token);
			MemoryContextSwitchTo(save);
		}
		a->token = copy;
	}
}

static HubData *
assertions_load(Assertions *assertions, const HubSchema *hub, bool latest)
{
	HubIds		users = {0};
	HubIds		services = {0};
	HubIds		groups = {0};
	HubIds		tokens = {0};
	HubTokenWant want_tokens = {0};
	HubWant		want = {0};

	for (int i = 0; i < assertions->n; i++)
	{
		Assertion  *a = &assertions->list[i];

		a->subject_id = 0;
		a->token = NULL;
		if (a->defect != NULL)
			continue;
		switch (a->kind)
		{
			case SUBJECT_USER:
				a->subject_id = hub_user_id(hub, a->subject, latest);
				hub_ids_add(&users, a->subject_id);
				break;
			case SUBJECT_SERVICE:
				a->subject_id = hub_service_id(hub, a->subject, latest);
				hub_ids_add(&services, a->subject_id);
				break;
			case SUBJECT_GROUP:
				a->subject_id = hub_group_id(hub, a->subject, latest);
				hub_ids_add(&groups, a->subject_id);
				break;
			case SUBJECT_TOKEN:
				a->subject_id = effective_token_id(a->subject);
				hub_ids_add(&tokens, a->subject_id);
				break;
		}
	}
	if (tokens.n > 0)
	{
		want_tokens.ids = tokens.ids;
		want_tokens.nids = tokens.n;
		want_tokens.live_only = true;
		hub_each_token(hub, &want_tokens, latest, assertions_token, assertions);
	}
	for (int i = 0; i < assertions->n; i++)
	{
		HubToken   *token = assertions->list[i].token;

		if (token != NULL && token->user_id != 0)
			hub_ids_add(&users, token->user_id);
		else if (token != NULL)
			hub_ids_add(&services, token->service_id);
	}
	want.users = users.ids;
	want.nusers = users.n;
	want.services = services.ids;
	want.nservices = services.n;
	want.groups = groups.ids;
	want.ngroups = groups.n;
	return hub_load(hub, &want, latest);
}

/* The subject in the model; false if there is none, or a token has expired. */
static bool
assertion_subject(const Assertion *a, HubData *data, EffectiveWay *way, EffectiveSubject *subject)
{
	memset(subject, 0, sizeof(*subject));
	subject->kind = a->kind;
	subject->data = data;
	subject->way = way;
	switch (a->kind)
	{
		case SUBJECT_USER:
			return (subject->user = hub_user(data, a->subject_id)) != NULL;
		case SUBJECT_SERVICE:
			return (subject->service = hub_service(data, a->subject_id)) != NULL;
		case SUBJECT_GROUP:
			return (subject->group = hub_group(data, a->subject_id)) != NULL;
		case SUBJECT_TOKEN:
			if (a->token == NULL)
				return false;
			subject->token = a->token;
			if (a->token->user_id != 0)
				subject->user = hub_user(data, a->token->user_id);
			else
				subject->service = hub_service(data, a->token->service_id);
			return true;
	}
	return false;				/* keep compiler quiet */
}

/* ---- judging ---- */

/* The grants that give it, as text. */
typedef struct AssertionWhy
{
	const Assertion *assertion;
	ScopeMembership *groups;
	StringInfoData text;
	int			n;
	const EffectiveGrant *last;
} AssertionWhy;

static void
assertion_grant(StringInfo text, const EffectivePath *path)
{
	const EffectiveGrant *grant = path->grant;

	if (grant->role != NULL)
		appendStringInfo(text, "role \"%s\"", grant->role->name);
	else if (grant->share != NULL)
		appendStringInfo(text, "share %d of server \"%s\"", grant->share->id, grant->share->server);
	if (grant->group != NULL)
		appendStringInfo(text, grant->role ? " of group \"%s\"" : " with group \"%s\"",
						 grant->group->name);
	if (path->ask != NULL)
		appendStringInfo(text, " (%s)", effective_ask_names[path->ask->kind]);
}

/* effective_each_path callback */
static void
assertion_path(const EffectivePath *path, void *arg)
{
	AssertionWhy *why = arg;

	if (path->scope == NULL || path->grant == NULL || path->grant == why->last ||
		!scopeset_covers_member(scopeset_single(path->scope), &why->assertion->member, why->groups))
		return;
	why->last = path->grant;
	if (why->n++ >= ASSERTION_GRANTS)
		return;
	appendStringInfoString(&why->text, why->n == 1 ? "by " : ", ");
	assertion_grant(&why->text, path);
}

static char *
assertion_why(const Assertion *a, EffectiveSubject *subject, ScopeMembership *groups)
{
	AssertionWhy why = {.assertion = a,.groups = groups};

	initStringInfo(&why.text);
	effective_each_path(subject, assertion_path, &why);
	if (why.n > ASSERTION_GRANTS)
		appendStringInfo(&why.text, " and %d more", why.n - ASSERTION_GRANTS);
	return why.text.data;
}

/* No such subject holds nothing, which may be what is expected. */
static void
assertion_judge(Assertion *a, HubData *data, EffectiveWay *way)
{
	EffectiveSubject subject;
	ScopeMembership *groups = NULL;
	const Scopeset *scopes;
	char	   *error = NULL;

	if (a->defect != NULL)
	{
		a->why = a->defect;
		return;
	}
	if (!assertion_subject(a, data, way, &subject))
	{
		a->actual = false;
		a->why = psprintf(a->kind == SUBJECT_TOKEN ? "there is no live token \"%s\"" :
						  "there is no %2$s \"%1$s\"", a->subject, a->kind_word);
		return;
	}
	scopes = effective_subject_scopes(&subject, &error);
	if (scopeset_needs_groups(scopes, scopeset_single(&a->member)))
		groups = hub_membership(data);
	a->actual = scopeset_covers_member(scopes, &a->member, groups);
	if (a->actual)
		a->why = assertion_why(a, &subject, groups);
	else
		a->why = error != NULL ? psprintf("it does not hold it; %s", error) :
			pstrdup("it does not hold it");
}

/* Judge all on one model; it goes, and so does nothing that they point to. */
static void
assertions_judge(Assertions *assertions, const HubSchema *hub, bool latest)
{
	HubData    *data = assertions_load(assertions, hub, latest);
	EffectiveWay *way = effective_way(data, 0);

	for (int i = 0; i < assertions->n; i++)
	{
		CHECK_FOR_INTERRUPTS();
		assertion_judge(&assertions->list[i], data, way);
	}
	hub_free(data);
}

static bool
assertion_holds(const Assertion *a)
{
	return a->defect == NULL && a->actual == a->expected;
}

/* A line about one that does not hold, for an error's detail; UTF-8. */
static void
assertion_tell(StringInfo text, const Assertion *a)
{
	if (text->len > 0)
		appendStringInfoChar(text, '\n');
	appendStringInfo(text, "Assertion " INT64_FORMAT ": %s \"%s\" must %s \"%s\": %s", a->id,
					 a->kind_word, a->subject, a->expected ? "hold" : "not hold",
					 a->required, a->why);
	if (a->note[0] != '\0')
		appendStringInfo(text, " (%s)", a->note);
	appendStringInfoChar(text, '.');
}

/* The error or warning about n of them, of which the details are. */
static void
assertions_raise(int elevel, int n, int64 id, const char *how, StringInfo details, const char *hint)
{
	ereport(elevel,
			(errcode(ERRCODE_CHECK_VIOLATION),
			 n == 1 ? errmsg("assertion " INT64_FORMAT " does not hold%s", id, how) :
			 errmsg("%d assertions do not hold%s", n, how),
			 errdetail("%s", module_from_utf8(details->data, details->len)),
			 errhint("%s", hint)));
}

/* ---- the veto ---- */

/* Judge them as of before this transaction; false if no past is kept yet. */
static bool
assertions_judge_before(Assertions *assertions)
{
	TimestampTz now = GetCurrentTimestamp();
	HubSchema  *before = hub_schema_at(Max(now, hub_past_last(true)), true, true);

	if (before == NULL)
		return false;
	assertions_judge(assertions, before, true);
	return true;
}

void
assertions_decide(const HubSchema *hub, bool enforce, bool unnoticed)
{
	Assertions	now;
	Assertions	before;
	StringInfoData broken;
	int64		first = 0;
	int			n = 0;
	bool		known;

	assertions_read(&now, true, true);
	assertions_judge(&now, hub, true);
	for (int i = 0; i < now.n; i++)
		if (!assertion_holds(&now.list[i]))
			n++;
	if (n == 0)
		return;

	/* did not hold before, either: then it is not this one's doing */
	before = now;
	before.list = palloc(sizeof(Assertion) * now.n);
	memcpy(before.list, now.list, sizeof(Assertion) * now.n);
	known = assertions_judge_before(&before);
	initStringInfo(&broken);
	n = 0;
	for (int i = 0; i < now.n; i++)
	{
		if (assertion_holds(&now.list[i]) || (known && !assertion_holds(&before.list[i])))
			continue;
		if (n++ == 0)
			first = now.list[i].id;
		if (n <= ASSERTIONS_NAMED)
			assertion_tell(&broken, &now.list[i]);
	}
	if (n > 0)
		assertions_raise(enforce ? ERROR : WARNING, n, first, " any more", &broken,
						 unnoticed ?
						 "Some of the hub's tables had lost our triggers, as a table does that is swapped.  If what they hold broke it, call jhub_authz.attach(), which takes it as it is.  The veto is set in jhub_authz.assertions." :
						 "The veto is set in jhub_authz.assertions.");
}

/* ---- functions ---- */

/* Columns of check_assertions */
enum
{
	CHECK_SUBJECT_KIND,
	CHECK_SUBJECT,
	CHECK_REQUIRED,
	CHECK_EXPECTED,
	CHECK_VETO,
	CHECK_ACTUAL,
	CHECK_OK,
	CHECK_WHY,
	CHECK_ASSERTION_ID,
	CHECK_NOTE,
	CHECK_NCOLUMNS
};

static Datum
assertion_text(const char *utf8)
{
	return PointerGetDatum(module_text_from_utf8(utf8, strlen(utf8)));
}

static void
assertions_check(Assertions *assertions)
{
	HubSchema  *hub = hub_schema(false, false);

	assertions_read(assertions, false, false);
	assertions_judge(assertions, hub, false);
}

/* check_assertions() - every assertion, whether it holds, and why it does or not. */
Datum
jhub_authz_check_assertions(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Assertions	assertions;

	InitMaterializedSRF(fcinfo, 0);
	assertions_check(&assertions);
	for (int i = 0; i < assertions.n; i++)
	{
		const Assertion *a = &assertions.list[i];
		Datum		values[CHECK_NCOLUMNS];
		bool		nulls[CHECK_NCOLUMNS] = {false};

		values[CHECK_SUBJECT_KIND] = assertion_text(a->kind_word);
		values[CHECK_SUBJECT] = assertion_text(a->subject);
		values[CHECK_REQUIRED] = assertion_text(a->required);
		values[CHECK_EXPECTED] = BoolGetDatum(a->expected);
		values[CHECK_VETO] = BoolGetDatum(a->veto);
		values[CHECK_ACTUAL] = BoolGetDatum(a->actual);
		nulls[CHECK_ACTUAL] = a->defect != NULL;
		values[CHECK_OK] = BoolGetDatum(assertion_holds(a));
		values[CHECK_WHY] = assertion_text(a->why);
		values[CHECK_ASSERTION_ID] = Int64GetDatum(a->id);
		values[CHECK_NOTE] = assertion_text(a->note);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/* require_assertions() - how many there are; 23514 if one of them does not hold. */
Datum
jhub_authz_require_assertions(PG_FUNCTION_ARGS)
{
	Assertions	assertions;
	StringInfoData broken;
	int64		first = 0;
	int			n = 0;

	assertions_check(&assertions);
	initStringInfo(&broken);
	for (int i = 0; i < assertions.n; i++)
	{
		if (assertion_holds(&assertions.list[i]))
			continue;
		if (n++ == 0)
			first = assertions.list[i].id;
		if (n <= ASSERTIONS_NAMED)
			assertion_tell(&broken, &assertions.list[i]);
	}
	if (n > 0)
		assertions_raise(ERROR, n, first, "", &broken,
						 "jhub_authz.check_assertions() has all of them.");
	PG_RETURN_INT32(assertions.n);
}
