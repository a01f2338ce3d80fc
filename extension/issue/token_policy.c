/*-------------------------------------------------------------------------
 *
 * token_policy.c
 *	  The policy of one token: which of the policies that are set counts.
 *
 * Field by field, the narrowest policy that sets it: the token's own, its
 * client's, those of its owner's groups, its class's, the default.  Of several
 * groups the strictest counts.  Everything that acts by policy asks here (issue,
 * the decision, expire_old_tokens), and so does show_policy, so that what is
 * shown is what is done.
 *
 * Where no narrower policy is set, nothing is looked up.  Where a group has one,
 * who is in such groups is read beforehand, for many tokens at once.
 *
 *-------------------------------------------------------------------------
 */
#include "issue.h"

#include "../hub/hub_concern.h"

#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/timestamp.h"

PG_FUNCTION_INFO_V1(jhub_authz_show_policy);

/* Memberships in the groups that have a policy, in order of user. */
struct IssueGroups
{
	int			n;
	int		   *users;
	int		   *groups;
};

IssueGroups *
issue_policy_groups(const HubSchema *hub, const Settings *settings,
					const int *users, int nusers, bool latest)
{
	IssueGroups *result;
	int		   *ids;
	int			n = 0;

	if (settings->nnarrower_of[POLICY_OF_GROUP] == 0)
		return NULL;
	ids = palloc(sizeof(int) * settings->nnarrower_of[POLICY_OF_GROUP]);
	for (int i = 0; i < settings->nnarrower; i++)
		if (settings->narrower[i].kind == POLICY_OF_GROUP)
			ids[n++] = settings->narrower[i].id;
	result = palloc(sizeof(IssueGroups));
	hub_memberships(hub, ids, n, users, nusers, latest,
					&result->users, &result->groups, &result->n);
	return result;
}

/* Where a user's memberships begin. */
static int
policy_first_group(const IssueGroups *groups, int user_id)
{
	int			lo = 0,
				hi = groups->n;

	while (lo < hi)
	{
		int			mid = (lo + hi) / 2;

		if (groups->users[mid] < user_id)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

static bool
policy_is_stricter(PolicyField field, const TokenPolicy *a, const TokenPolicy *b)
{
	switch (field)
	{
		case POLICY_ON_GROWTH:
			return a->on_growth < b->on_growth;
		case POLICY_INHERIT:
			return a->inherit < b->inherit;
		case POLICY_ON_SHARE:
			return a->on_share < b->on_share;
		default:
			return DatumGetInt32(DirectFunctionCall2(interval_cmp,
													 IntervalPGetDatum(&a->max_age),
													 IntervalPGetDatum(&b->max_age))) < 0;
	}
}

static void
policy_take(PolicyField field, TokenPolicy *policy, const TokenPolicy *from)
{
	switch (field)
	{
		case POLICY_ON_GROWTH:
			policy->on_growth = from->on_growth;
			break;
		case POLICY_INHERIT:
			policy->inherit = from->inherit;
			break;
		case POLICY_ON_SHARE:
			policy->on_share = from->on_share;
			break;
		default:
			policy->has_max_age = true;
			policy->max_age = from->max_age;
			break;
	}
}

/* The fields that a row sets and nothing narrower did. */
static void
policy_lay(const PolicyRow *row, int *open, TokenPolicy *policy, IssuePolicySource *sources)
{
	if (row == NULL)
		return;
	for (int field = 0; field < POLICY_NFIELDS; field++)
	{
		if ((row->set & *open & POLICY_BIT(field)) == 0)
			continue;
		policy_take((PolicyField) field, policy, &row->fields);
		if (sources != NULL)
			sources[field].row = row;
	}
	*open &= ~row->set;
}

/* Those of all groups of the owner: of each field the strictest. */
static void
policy_lay_groups(const Settings *settings, const IssueGroups *groups, int user_id,
				  int *open, TokenPolicy *policy, IssuePolicySource *sources)
{
	int			found = 0;

	for (int i = policy_first_group(groups, user_id);
		 i < groups->n && groups->users[i] == user_id; i++)
	{
		const PolicyRow *row = settings_narrower(settings, POLICY_OF_GROUP,
												 groups->groups[i], "");

		if (row == NULL)
			continue;
		for (int field = 0; field < POLICY_NFIELDS; field++)
		{
			int			bit = POLICY_BIT(field);

			if ((row->set & *open & bit) == 0)
				continue;
			if ((found & bit) == 0 ||
				policy_is_stricter((PolicyField) field, &row->fields, policy))
			{
				policy_take((PolicyField) field, policy, &row->fields);
				if (sources != NULL)
					sources[field].row = row;
			}
			if (sources != NULL)
				sources[field].ngroups++;
			found |= bit;
		}
	}
	*open &= ~found;
}

/*
 * groups is what issue_policy_groups gave for these settings, with the token's
 * owner among the users.
 */
void
issue_token_policy(const Settings *settings, const HubToken *token,
				   const IssueGroups *groups, TokenPolicy *policy,
				   IssuePolicySource *sources)
{
	const PolicyRow *row;
	int			open = POLICY_ALL_FIELDS;

	*policy = settings->policy[hub_token_class(token)];
	if (settings->nnarrower == 0)
		return;
	row = settings_narrower(settings, POLICY_OF_TOKEN, token->id, "");
	if (row != NULL && row->has_created == token->has_created &&
		(!row->has_created || row->created == token->created))
		policy_lay(row, &open, policy, sources);
	if (token->client_id != NULL)
		policy_lay(settings_narrower(settings, POLICY_OF_CLIENT, 0, token->client_id),
				   &open, policy, sources);
	if (groups != NULL && token->user_id != 0)
		policy_lay_groups(settings, groups, token->user_id, &open, policy, sources);
}

/* ---- show_policy ---- */

typedef struct ShownToken
{
	MemoryContext context;
	bool		found;
	HubToken	token;
} ShownToken;

/* hub_each_token callback */
static void
policy_keep_token(HubToken *token, void *arg)
{
	ShownToken *shown = arg;
	MemoryContext save = MemoryContextSwitchTo(shown->context);

	shown->found = true;
	shown->token = *token;
	shown->token.client_id = token->client_id ? pstrdup(token->client_id) : NULL;
	shown->token.note = token->note ? pstrdup(token->note) : NULL;
	MemoryContextSwitchTo(save);
}

/* The value of a field as a word; NULL where there is none. */
static char *
policy_value(PolicyField field, const TokenPolicy *policy)
{
	switch (field)
	{
		case POLICY_ON_GROWTH:
			return pstrdup(policy_on_growth_words[policy->on_growth]);
		case POLICY_INHERIT:
			return pstrdup(policy_inherit_words[policy->inherit]);
		case POLICY_ON_SHARE:
			return pstrdup(policy_on_share_words[policy->on_share]);
		default:
			if (!policy->has_max_age)
				return NULL;
			return DatumGetCString(DirectFunctionCall1(interval_out,
													   IntervalPGetDatum(&policy->max_age)));
	}
}

static char *
policy_why(const IssuePolicySource *source, bool stored)
{
	if (source->row == NULL)
		return stored ? "set for the class of the token" : "default of the class of the token";
	switch (source->row->kind)
	{
		case POLICY_OF_TOKEN:
			return "set for the token";
		case POLICY_OF_CLIENT:
			return "set for the client of the token";
		default:
			if (source->ngroups < 2)
				return "set for a group of the owner";
			return psprintf("strictest of %d groups of the owner", source->ngroups);
	}
}

/*
 * show_policy(token_id) - a row for each field: what counts, from which target,
 * and why that one.  No row for a token that there is not.
 */
Datum
jhub_authz_show_policy(PG_FUNCTION_ARGS)
{
	static const char *const fields[POLICY_NFIELDS] = {
		"on_growth", "inherit", "on_share", "max_age"
	};
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	HubSchema  *hub = hub_schema(false, false);
	int			id = PG_GETARG_INT32(0);
	HubTokenWant want = {.nids = 1,.ids = &id};
	IssuePolicySource sources[POLICY_NFIELDS] = {{0}};
	ShownToken	shown = {.context = CurrentMemoryContext};
	IssueGroups *groups;
	const Settings *settings;
	TokenPolicy policy;
	TokenClass	class;

	InitMaterializedSRF(fcinfo, 0);
	hub_each_token(hub, &want, false, policy_keep_token, &shown);
	if (!shown.found)
		return (Datum) 0;
	groups = issue_policy_groups(hub, settings_get(), &shown.token.user_id, 1, false);
	settings = settings_get();
	issue_token_policy(settings, &shown.token, groups, &policy, sources);
	class = hub_token_class(&shown.token);
	for (int field = 0; field < POLICY_NFIELDS; field++)
	{
		const PolicyRow *row = sources[field].row;
		bool		stored = (settings->policy_set[class] & POLICY_BIT(field)) != 0;
		char	   *value = policy_value((PolicyField) field, &policy);
		Datum		values[4] = {
			CStringGetTextDatum(fields[field]),
			value ? CStringGetTextDatum(value) : (Datum) 0,
			CStringGetTextDatum(row ? row->target : token_class_names[class]),
			CStringGetTextDatum(policy_why(&sources[field], stored))
		};
		bool		nulls[4] = {false, value == NULL, false, false};

		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
