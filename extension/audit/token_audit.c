/*-------------------------------------------------------------------------
 *
 * token_audit.c
 *	  One row for each token: what it is, what it can do and what it could.
 *
 * The view brings the token's id and what token_baselines has under that id; here
 * it is seen whether that is this token's (an id may be used again).  The hash is
 * not read.
 *
 *-------------------------------------------------------------------------
 */
#include "audit.h"

#include "../issue/issue.h"

#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

/* Policies, kept with the hub. */
typedef struct AuditPolicies
{
	bool		read;
	Settings	settings;
	int			loads;			/* groups has those who were read then */
	IssueGroups *groups;
} AuditPolicies;

/* Columns of _token_audit() */
enum
{
	AUDIT_PREFIX,
	AUDIT_OWNER_KIND,
	AUDIT_OWNER,
	AUDIT_CLIENT,
	AUDIT_NOTE,
	AUDIT_CLASS,
	AUDIT_POLICY,
	AUDIT_ON_GROWTH,
	AUDIT_INHERIT,
	AUDIT_ON_SHARE,
	AUDIT_MAX_AGE,
	AUDIT_CREATED,
	AUDIT_EXPIRES,
	AUDIT_ACTIVITY,
	AUDIT_EXPIRED,
	AUDIT_USES_INHERIT,
	AUDIT_STORED,
	AUDIT_EFFECTIVE,
	AUDIT_DISCARDED,
	AUDIT_BASELINE,
	AUDIT_GROWN,
	AUDIT_TAKEN,
	AUDIT_REVOKED,
	AUDIT_ERROR,
	AUDIT_NCOLUMNS
};

/* Arguments of _token_audit() */
enum
{
	ARG_TOKEN,
	ARG_BASELINE,
	ARG_BASELINE_CREATED,
	ARG_TAKEN,
	ARG_REVOKED
};

/* Who is in groups that have a policy, of those who were read with the token's owner. */
static IssueGroups *
audit_policy_groups(AuditHub *hub, AuditPolicies *policies, EffectiveSubject *subject)
{
	MemoryContext caller;
	HubUser   **users;
	int		   *ids = NULL;
	int			n;

	if (policies->settings.nnarrower_of[POLICY_OF_GROUP] == 0)
		return NULL;
	if (policies->loads == audit_hub_loads(hub))
		return policies->groups;
	policies->groups = NULL;
	users = hub_users(subject->data, &n);
	if (n > 0)
	{
		caller = MemoryContextSwitchTo(hub_data_context(subject->data));
		if (!audit_hub_is_everyone(hub))
		{
			ids = palloc(sizeof(int) * n);
			for (int i = 0; i < n; i++)
				ids[i] = users[i]->id;
		}
		policies->groups = issue_policy_groups(subject->hub, &policies->settings, ids,
											   ids != NULL ? n : 0, false);
		MemoryContextSwitchTo(caller);
	}
	policies->loads = audit_hub_loads(hub);
	return policies->groups;
}

/* The policy of a token, and what set it: the narrowest target of all fields. */
static const char *
audit_policy(AuditHub *hub, EffectiveSubject *subject, TokenPolicy *policy)
{
	AuditPolicies *policies = audit_hub_extra(hub, sizeof(AuditPolicies));
	IssuePolicySource sources[POLICY_NFIELDS] = {{0}};
	const PolicyRow *narrowest = NULL;

	if (!policies->read)
	{
		MemoryContext caller = MemoryContextSwitchTo(audit_hub_context(hub));

		policies->settings = *settings_get();
		settings_keep(&policies->settings);
		policies->read = true;
		MemoryContextSwitchTo(caller);
	}
	issue_token_policy(&policies->settings, subject->token,
					   audit_policy_groups(hub, policies, subject), policy, sources);
	for (int field = 0; field < POLICY_NFIELDS; field++)
		if (sources[field].row != NULL &&
			(narrowest == NULL || sources[field].row->kind < narrowest->kind))
			narrowest = sources[field].row;
	return narrowest != NULL ? narrowest->target :
		token_class_names[hub_token_class(subject->token)];
}

/* The hub's times are UTC; both types count from the same moment in UTC. */
static void
audit_put_time(Datum *value, bool *isnull, bool has, Timestamp time)
{
	*isnull = !has;
	*value = TimestampTzGetDatum((TimestampTz) time);
}

static void
audit_put_token(Datum *values, bool *nulls, const EffectiveSubject *subject)
{
	const HubToken *token = subject->token;

	audit_put(&values[AUDIT_PREFIX], &nulls[AUDIT_PREFIX], token->prefix);
	audit_put(&values[AUDIT_OWNER_KIND], &nulls[AUDIT_OWNER_KIND], audit_owner_kind(subject));
	audit_put(&values[AUDIT_OWNER], &nulls[AUDIT_OWNER], audit_owner_name(subject));
	audit_put(&values[AUDIT_CLIENT], &nulls[AUDIT_CLIENT], token->client_id);
	audit_put(&values[AUDIT_NOTE], &nulls[AUDIT_NOTE], token->note);
	audit_put(&values[AUDIT_CLASS], &nulls[AUDIT_CLASS],
			  token_class_names[hub_token_class(token)]);
	audit_put_time(&values[AUDIT_CREATED], &nulls[AUDIT_CREATED],
				   token->has_created, token->created);
	audit_put_time(&values[AUDIT_EXPIRES], &nulls[AUDIT_EXPIRES],
				   token->has_expires, token->expires_at);
	audit_put_time(&values[AUDIT_ACTIVITY], &nulls[AUDIT_ACTIVITY],
				   token->has_activity, token->last_activity);
	values[AUDIT_EXPIRED] = BoolGetDatum(effective_token_expired(token));
	nulls[AUDIT_EXPIRED] = false;
}

static void
audit_put_policy(Datum *values, bool *nulls, AuditHub *hub, EffectiveSubject *subject)
{
	TokenPolicy policy;

	audit_put(&values[AUDIT_POLICY], &nulls[AUDIT_POLICY], audit_policy(hub, subject, &policy));
	audit_put(&values[AUDIT_ON_GROWTH], &nulls[AUDIT_ON_GROWTH],
			  policy_on_growth_words[policy.on_growth]);
	audit_put(&values[AUDIT_INHERIT], &nulls[AUDIT_INHERIT],
			  policy_inherit_words[policy.inherit]);
	audit_put(&values[AUDIT_ON_SHARE], &nulls[AUDIT_ON_SHARE],
			  policy_on_share_words[policy.on_share]);
	if (policy.has_max_age)
	{
		Interval   *max_age = palloc(sizeof(Interval));

		*max_age = policy.max_age;
		values[AUDIT_MAX_AGE] = IntervalPGetDatum(max_age);
		nulls[AUDIT_MAX_AGE] = false;
	}
}

static void
audit_put_scopes(Datum *values, bool *nulls, EffectiveSubject *subject,
				 FunctionCallInfo fcinfo)
{
	const HubToken *token = subject->token;
	const Scopeset *discarded;
	const Scopeset *effective;
	char	   *error;
	bool		ours = !PG_ARGISNULL(ARG_TAKEN) &&
		PG_ARGISNULL(ARG_BASELINE_CREATED) == !token->has_created &&
		(!token->has_created || PG_GETARG_TIMESTAMP(ARG_BASELINE_CREATED) == token->created);

	effective = effective_token(subject->way, subject->token, &discarded, &error);
	nulls[AUDIT_STORED] = token->scopes == NULL ||
		(token->defect != NULL && scopeset_is_empty(token->stored));
	values[AUDIT_STORED] = ScopesetPGetDatum(token->stored);
	values[AUDIT_USES_INHERIT] = BoolGetDatum(issue_has_inherit(token->stored));
	nulls[AUDIT_USES_INHERIT] = false;
	values[AUDIT_EFFECTIVE] = ScopesetPGetDatum(effective);
	nulls[AUDIT_EFFECTIVE] = false;
	values[AUDIT_DISCARDED] = ScopesetPGetDatum(discarded);
	nulls[AUDIT_DISCARDED] = false;
	audit_put(&values[AUDIT_ERROR], &nulls[AUDIT_ERROR], error);
	if (!ours)
		return;
	values[AUDIT_TAKEN] = PG_GETARG_DATUM(ARG_TAKEN);
	nulls[AUDIT_TAKEN] = false;
	values[AUDIT_REVOKED] = PG_GETARG_DATUM(ARG_REVOKED);
	nulls[AUDIT_REVOKED] = PG_ARGISNULL(ARG_REVOKED);
	if (!PG_ARGISNULL(ARG_BASELINE))
	{
		Scopeset   *baseline = PG_GETARG_SCOPESET_P(ARG_BASELINE);

		values[AUDIT_BASELINE] = ScopesetPGetDatum(baseline);
		nulls[AUDIT_BASELINE] = false;
		values[AUDIT_GROWN] = ScopesetPGetDatum(scopeset_minus_with(effective, baseline,
																	hub_membership(subject->data)));
		nulls[AUDIT_GROWN] = false;
	}
}

/*
 * _token_audit(token_id, baseline, baseline_created, taken_at, revoked_at) - a
 * row of token_audit, or none; taken_at NULL: there is no baseline.
 */
PG_FUNCTION_INFO_V1(jhub_authz__token_audit);
Datum
jhub_authz__token_audit(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	EffectiveSubject subject;
	AuditHub   *hub;
	Datum		values[AUDIT_NCOLUMNS];
	bool		nulls[AUDIT_NCOLUMNS];

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	if (PG_ARGISNULL(ARG_TOKEN))
		return (Datum) 0;
	hub = audit_hub(fcinfo);
	if (!audit_subject(hub, SUBJECT_TOKEN, PG_GETARG_INT32(ARG_TOKEN), &subject))
		return (Datum) 0;
	memset(nulls, true, sizeof(nulls));
	audit_put_token(values, nulls, &subject);
	audit_put_policy(values, nulls, hub, &subject);
	audit_put_scopes(values, nulls, &subject, fcinfo);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	return (Datum) 0;
}
