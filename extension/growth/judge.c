/*-------------------------------------------------------------------------
 *
 * judge.c
 *	  Is a token beyond its baseline, and what becomes of it?
 *
 *		grown  <=>  not covers(baseline, effective scopes now)
 *
 * Compared with the baseline and never with the state before, so that a role
 * which is taken off and put back makes nobody grow.  A token without a
 * baseline gets one.  Some kinds of gain are no growth and are added to the
 * baseline: what a new release's catalogue or default roles bring, what a
 * rename left under the old name, and, by policy, what a share alone gives.
 *
 * Who is concerned has been worked out by decide.c, which also holds the lock.
 * Tokens are taken in batches; what comes of a batch is written with one
 * statement for each table.
 *
 *-------------------------------------------------------------------------
 */
#include "growth_private.h"

#include "miscadmin.h"
#include "utils/memutils.h"

#include "../issue/issue.h"

#define JUDGE_BATCH		1000

/* So many tokens are named when a policy vetoes a change. */
#define JUDGE_VETOED	10

/* Beyond this many owners it is cheaper to read everyone. */
#define JUDGE_MANY		5000

/* Effective scopes as an earlier release had them. */
typedef struct EarlierWay
{
	const char *release;
	EffectiveWay *way;
} EarlierWay;

typedef struct Judge
{
	Decision   *d;
	MemoryContext batch_context;
	int			ntokens;
	int			size;
	HubToken  **tokens;
	Baseline   *baselines;		/* of the batch */
	int			nbaselines;
	int			nrevoke;
	int		   *revoke;
	int			nrescope;
	int		   *rescope;
	const Scopeset **rescope_to;
	BaselineWriter *writer;
	EventWriter *events;
	bool		has_groups;		/* the next has been read */
	IssueGroups *groups;
	int			nvetoed;
	StringInfoData vetoed;		/* the first of them, for the message */
} Judge;

/* ---- ways of computing ---- */

static const Scopeset *
judge_role_raw(const HubRole *role, void *arg)
{
	Decision   *d = arg;
	ListCell   *lc;

	foreach(lc, d->overrides)
	{
		RoleOverride *o = lfirst(lc);

		if (o->role_id == role->id)
			return o->raw;
	}
	return NULL;
}

static EffectiveWay *
judge_earlier_way(Decision *d, const char *release)
{
	ListCell   *lc;
	EarlierWay *earlier;
	const CatalogueRelease *r;
	MemoryContext save;

	foreach(lc, d->earlier)
	{
		earlier = lfirst(lc);
		if (strcmp(earlier->release, release) == 0)
			return earlier->way;
	}
	save = MemoryContextSwitchTo(d->context);
	earlier = palloc(sizeof(EarlierWay));
	earlier->release = pstrdup(release);
	earlier->way = effective_way(d->data, 0);
	r = catalogue_release_named(release);
	if (r != NULL)
		earlier->way->catalogue = catalogue_get(r);
	if (d->overrides != NIL)
	{
		earlier->way->role_raw = judge_role_raw;
		earlier->way->role_arg = d;
	}
	d->earlier = lappend(d->earlier, earlier);
	MemoryContextSwitchTo(save);
	return earlier->way;
}

/* An override counts only if the role is at a release's default now. */
static void
judge_check_overrides(Decision *d)
{
	List	   *kept = NIL;
	ListCell   *lc;

	foreach(lc, d->overrides)
	{
		RoleOverride *o = lfirst(lc);
		HubRole    *role = hub_role(d->data, o->role_id);

		if (role != NULL && growth_is_default_definition(role->name, role->raw) &&
			growth_is_default_definition(role->name, o->raw))
			kept = lappend(kept, o);
	}
	d->overrides = kept;
}

/* ---- what comes of one token ---- */

static HubUser *
judge_user(Judge *j, const HubToken *token)
{
	return token->user_id ? hub_user(j->d->data, token->user_id) : NULL;
}

static HubService *
judge_service(Judge *j, const HubToken *token)
{
	return token->service_id ? hub_service(j->d->data, token->service_id) : NULL;
}

static bool
judge_owner_is_empty(Judge *j, const HubToken *token)
{
	HubUser    *user = judge_user(j, token);
	HubService *service = judge_service(j, token);

	if (user != NULL)
		return scopeset_is_empty(effective_user(j->d->now, user, NULL));
	if (service != NULL)
		return scopeset_is_empty(effective_service(j->d->now, service, NULL));
	return true;
}

static const char *
judge_reason(Judge *j, const HubToken *token)
{
	Decision   *d = j->d;
	const char *reason = NULL;

	if (d->everyone)
		return d->reason;
	if (token->user_id)
		reason = concern_reason(&d->users, token->user_id);
	if (reason == NULL && token->service_id)
		reason = concern_reason(&d->services, token->service_id);
	if (reason == NULL)
		reason = concern_reason(&d->tokens, token->id);
	if (reason == NULL)
		reason = "membership";	/* see judge_collect */
	return reason;
}

static void
judge_event(Judge *j, const HubToken *token, const char *action, const char *reason,
			const Scopeset *before, const Scopeset *after, const Scopeset *gained)
{
	HubUser    *user = judge_user(j, token);
	HubService *service = judge_service(j, token);
	TokenEvent	event = {0};

	event.token_id = token->id;
	event.prefix = token->prefix;
	event.owner_kind = token->user_id ? "user" : token->service_id ? "service" : NULL;
	event.owner_name = user ? user->name : service ? service->name : NULL;
	event.client_id = token->client_id;
	event.action = action;
	event.reason = reason;
	event.before = before;
	event.after = after;
	event.gained = gained;
	event_write(j->events, &event);
}

static const Baseline *judge_find_baseline(Judge *j, int token_id);

static void
judge_write(Judge *j, const HubToken *token, const Baseline *old,
			const Scopeset *baseline, const Scopeset *observed)
{
	Baseline	row = {0};
	ExpandTarget target;

	row.token_id = token->id;
	row.baseline = baseline;
	row.observed = observed;
	row.release = pstrdup(j->d->hub->release->name);
	row.has_created = token->has_created;
	row.created = token->created;
	row.user_id = token->user_id;
	row.service_id = token->service_id;
	row.client_id = token->client_id;
	if (old != NULL)
		row.requested = old->requested;
	else
	{
		effective_target(&target, judge_user(j, token), judge_service(j, token),
						 effective_token_client(j->d->data, token->client_id));
		row.requested = catalogue_expand(j->d->hub->catalogue, token->stored, &target);
		/* baselines were read under the lock: nobody else writes this one */
		row.fresh = judge_find_baseline(j, token->id) == NULL;
	}
	baseline_write(j->writer, &row);
}

/*
 * A token that came while its owner held nothing was not narrowed then.  One
 * that came with an attach stays as it is.
 */
static void
judge_narrow(Judge *j, HubToken *token)
{
	IssueOwner	owner = {0};
	const Scopeset *narrowed;
	bool		enforce = j->d->settings.mode == HUB_MODE_ENFORCE;

	if (scopeset_is_empty(token->stored) || issue_has_inherit(token->stored))
		return;
	owner.hub = j->d->hub;
	owner.data = j->d->data;
	owner.way = j->d->now;
	owner.user = judge_user(j, token);
	owner.service = judge_service(j, token);
	owner.client = effective_token_client(j->d->data, token->client_id);
	effective_target(&owner.target, owner.user, owner.service, owner.client);
	narrowed = issue_narrowed(&owner, token->stored);
	if (narrowed == token->stored)
		return;
	if (enforce)
	{
		j->rescope[j->nrescope] = token->id;
		j->rescope_to[j->nrescope++] = narrowed;
	}
	else if (event_is_there(token->id, "would_narrow"))
		return;					/* said at the INSERT */
	judge_event(j, token, enforce ? "narrowed" : "would_narrow",
				"owner: what the owner does not hold", token->stored, narrowed, NULL);
}

/*
 * The first baseline.  While the owner holds nothing at all it waits for the
 * owner's first scopes: a restore brings tokens before roles, and a hub makes
 * services' tokens before it gives them roles.
 */
static void
judge_new(Judge *j, HubToken *token, const Scopeset *now)
{
	bool		waits = judge_owner_is_empty(j, token) && !scopeset_is_empty(token->stored);

	if (!waits && concern_reason(&j->d->tokens, token->id) != NULL)
		judge_narrow(j, token);
	judge_write(j, token, NULL, waits ? NULL : now, NULL);
	judge_event(j, token, j->d->new_action,
				strcmp(j->d->new_action, "issued") == 0 ? "issued" : judge_reason(j, token),
				NULL, waits ? NULL : now, NULL);
}

static void
judge_waiting(Judge *j, HubToken *token, const Baseline *b, const Scopeset *now)
{
	if (judge_owner_is_empty(j, token))
		return;
	judge_narrow(j, token);
	judge_write(j, token, b, now, NULL);
	judge_event(j, token, "adopted",
				psprintf("first_scopes: %s", judge_reason(j, token)), NULL, now, NULL);
}

static bool
judge_covers(Judge *j, const Scopeset *have, const Scopeset *wanted)
{
	return scopeset_covers_with(have, wanted, hub_membership(j->d->data));
}

/* Gain that is not held against a token: add it to the baseline, and say so. */
static void
judge_extend(Judge *j, HubToken *token, const Baseline *b, const Scopeset *gained,
			 const char *action, const char *reason)
{
	const Scopeset *extended = scopeset_union_of(b->baseline, gained);

	judge_write(j, token, b, extended, NULL);
	judge_event(j, token, action, reason, b->baseline, extended, gained);
}

/* What the token had before this transaction's renames, or NULL. */
static const Scopeset *
judge_before_rename(Judge *j, int token_id)
{
	ListCell   *lc;

	foreach(lc, j->d->renamed)
	{
		Baseline   *before = lfirst(lc);

		if (before->token_id == token_id)
			return before->baseline;
	}
	return NULL;
}

/*
 * What still goes by the old name reaches nobody, and is no growth - unless
 * somebody else has that name now.
 */
static bool
judge_names_another(Judge *j, const Scopeset *gained)
{
	ListCell   *lc;

	foreach(lc, j->d->taken_over)
	{
		Rename	   *rename = lfirst(lc);

		if (scopeset_names_filter(gained, rename->kind, rename->old_name,
								  strlen(rename->old_name)))
			return true;
	}
	return false;
}

/* Owners whose groups may have policies: of the tokens that there are to judge. */
static void
judge_groups(Judge *j)
{
	Decision   *d = j->d;
	MemoryContext save = MemoryContextSwitchTo(d->context);
	int		   *users = palloc(sizeof(int) * Max(j->ntokens, 1));
	int			n = 0;

	for (int i = 0; !d->everyone && i < j->ntokens; i++)
		if (j->tokens[i]->user_id)
			users[n++] = j->tokens[i]->user_id;
	if (d->everyone || n > 0)
		j->groups = issue_policy_groups(d->hub, &d->settings, users, n, true);
	j->has_groups = true;
	MemoryContextSwitchTo(save);
}

static void
judge_policy(Judge *j, const HubToken *token, TokenPolicy *policy)
{
	if (!j->has_groups)
		judge_groups(j);
	issue_token_policy(&j->d->settings, token, j->groups, policy, NULL);
}

/* Kept for the message, when all have been looked at. */
static void
judge_veto(Judge *j, const HubToken *token, const char *reason)
{
	HubUser    *user = judge_user(j, token);
	HubService *service = judge_service(j, token);

	if (++j->nvetoed > JUDGE_VETOED)
		return;
	if (j->vetoed.len > 0)
		appendStringInfoString(&j->vetoed, ", ");
	appendStringInfo(&j->vetoed, "token %d", token->id);
	if (user != NULL)
		appendStringInfo(&j->vetoed, " of user \"%s\"", user->name);
	else if (service != NULL)
		appendStringInfo(&j->vetoed, " of service \"%s\"", service->name);
	appendStringInfo(&j->vetoed, " (%s)", reason);
}

/* The transaction ends here: all vetoed tokens in one error. */
static void
judge_raise_veto(Judge *j)
{
	if (j->nvetoed > JUDGE_VETOED)
		appendStringInfo(&j->vetoed, " and %d more", j->nvetoed - JUDGE_VETOED);
	ereport(ERROR,
			(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
			 errmsg_plural("%d token would come to do more than when it was issued",
						   "%d tokens would come to do more than when they were issued",
						   j->nvetoed, j->nvetoed),
			 errdetail("Their policy is veto: %s.", issue_message(j->vetoed.data)),
			 errhint("jhub_authz.preview shows what they would gain. "
					 "To let the change pass, revoke these tokens first, or give them another policy.")));
}

static void
judge_grown(Judge *j, HubToken *token, const Baseline *b, const Scopeset *gained,
			const TokenPolicy *policy)
{
	const char *reason = judge_reason(j, token);
	bool		enforce = j->d->settings.mode == HUB_MODE_ENFORCE;
	bool		veto = policy->on_growth == ON_GROWTH_VETO;

	j->d->grown++;
	if (policy->on_growth == ON_GROWTH_IGNORE)
		return;
	if (veto && enforce && !growth_previewing)
	{
		judge_veto(j, token, reason);
		return;
	}
	if (policy->on_growth == ON_GROWTH_REVOKE && enforce)
	{
		j->revoke[j->nrevoke++] = token->id;
		judge_event(j, token, "revoked", psprintf("growth: %s", reason),
					token->stored, scopeset_empty(), gained);
		return;
	}
	/* only logged: once for each gain, but to whoever asks what would come of it */
	if (!growth_previewing && b->observed != NULL && scopeset_equal(b->observed, gained))
		return;
	judge_write(j, token, b, b->baseline, gained);
	judge_event(j, token, "would_revoke",
				psprintf("%s: %s", veto ? "veto" : "growth", reason),
				token->stored, NULL, gained);
}

/* Is what was gained there only because of shares? */
static bool
judge_only_shares(Judge *j, HubToken *token, const Baseline *b)
{
	Decision   *d = j->d;

	if (d->now_no_shares == NULL)
		d->now_no_shares = effective_way(d->data, EFFECTIVE_NO_SHARES);
	return judge_covers(j, b->baseline,
						effective_token(d->now_no_shares, token, NULL, NULL));
}

/*
 * A token with a baseline.  'now' is what it can do; 'judged' is the same under
 * the catalogue and the default roles that its baseline was taken under, so
 * that what a new release brings is not held against it.
 */
static void
judge_standing(Judge *j, HubToken *token, const Baseline *b, const Scopeset *now)
{
	Decision   *d = j->d;
	TokenPolicy policy;
	bool		other_release = strcmp(b->release, d->hub->release->name) != 0;
	const Scopeset *judged = now;
	const Scopeset *gained;
	const Scopeset *before;

	if (other_release || d->overrides != NIL)
		judged = effective_token(judge_earlier_way(d, b->release), token, NULL, NULL);

	if (judge_covers(j, b->baseline, judged))
	{
		if (!judge_covers(j, b->baseline, now))
			judge_extend(j, token, b,
						 scopeset_minus_with(now, b->baseline, hub_membership(d->data)),
						 "adopted", psprintf("release: %s to %s", b->release, d->hub->release->name));
		else if (other_release)
			judge_write(j, token, b, b->baseline, b->observed);
		return;
	}

	gained = scopeset_minus_with(judged, b->baseline, hub_membership(d->data));
	judge_policy(j, token, &policy);
	if (policy.inherit == INHERIT_FOLLOW && issue_has_inherit(token->stored))
		return;
	before = judge_before_rename(j, token->id);
	if (before != NULL && judge_covers(j, before, gained) &&
		!judge_names_another(j, gained))
	{
		judge_extend(j, token, b, gained, "renamed", "rename: still named as before");
		return;
	}
	if (policy.on_share == ON_SHARE_FOLLOW && judge_only_shares(j, token, b))
	{
		judge_extend(j, token, b, gained, "shared", judge_reason(j, token));
		return;
	}
	judge_grown(j, token, b, gained, &policy);
}

/* An id that is used again is another token. */
static bool
judge_is_same(const HubToken *token, const Baseline *b)
{
	return b->has_created == token->has_created &&
		(!b->has_created || b->created == token->created);
}

/*
 * A token that was revoked and is alive all the same: it was deleted and put
 * back in one transaction, or revived while nobody looked.
 */
static void
judge_revived(Judge *j, HubToken *token)
{
	j->revoke[j->nrevoke++] = token->id;
	judge_event(j, token, "revoked", "revived: it had been revoked before",
				token->stored, scopeset_empty(), NULL);
}

static void
judge_token(Judge *j, HubToken *token, const Baseline *b)
{
	const Scopeset *now = effective_token(j->d->now, token, NULL, NULL);

	if (issue_is_reviving(token->id))
		return;					/* reinstate judges it in a moment */
	if (b != NULL && !judge_is_same(token, b))
		b = NULL;
	if (b != NULL && b->revoked && j->d->settings.mode == HUB_MODE_ENFORCE)
		judge_revived(j, token);
	else if (j->d->rebase != NULL)
	{
		judge_write(j, token, b, now, NULL);
		judge_event(j, token, j->d->rebase_action, j->d->rebase,
					b ? b->baseline : NULL, now, NULL);
		j->d->rebased++;
	}
	else if (b == NULL)
		judge_new(j, token, now);
	else if (b->baseline == NULL)
		judge_waiting(j, token, b, now);
	else
		judge_standing(j, token, b, now);
}

/* ---- batches ---- */

static const Baseline *
judge_find_baseline(Judge *j, int token_id)
{
	int			lo = 0,
				hi = j->nbaselines - 1;

	while (lo <= hi)
	{
		int			mid = (lo + hi) / 2;

		if (j->baselines[mid].token_id == token_id)
			return &j->baselines[mid];
		if (j->baselines[mid].token_id < token_id)
			lo = mid + 1;
		else
			hi = mid - 1;
	}
	return NULL;
}

static bool
judge_moved(const HubToken *token, const Baseline *b)
{
	return b->user_id != token->user_id || b->service_id != token->service_id ||
		(b->client_id == NULL) != (token->client_id == NULL) ||
		(b->client_id != NULL && strcmp(b->client_id, token->client_id) != 0);
}

/* Tokens of the batch that have another owner or client than their records say. */
static void
judge_follow(Judge *j, HubToken **tokens, int n)
{
	HubToken  **moved = palloc(sizeof(HubToken *) * n);
	int			nmoved = 0;

	for (int i = 0; i < n; i++)
	{
		const Baseline *b = judge_find_baseline(j, tokens[i]->id);

		if (b != NULL && judge_is_same(tokens[i], b) && judge_moved(tokens[i], b))
			moved[nmoved++] = tokens[i];
	}
	baselines_follow(moved, nmoved);
}

static void
judge_batch(Judge *j, HubToken **tokens, int n)
{
	MemoryContext save;
	int		   *ids;

	if (n == 0)
		return;
	CHECK_FOR_INTERRUPTS();
	save = MemoryContextSwitchTo(j->batch_context);
	ids = palloc(sizeof(int) * n);
	for (int i = 0; i < n; i++)
		ids[i] = tokens[i]->id;
	j->baselines = baselines_read(ids, n, &j->nbaselines);
	judge_follow(j, tokens, n);
	j->revoke = palloc(sizeof(int) * n);
	j->nrevoke = 0;
	j->rescope = palloc(sizeof(int) * n);
	j->rescope_to = palloc(sizeof(Scopeset *) * n);
	j->nrescope = 0;
	for (int i = 0; i < n; i++)
		judge_token(j, tokens[i], judge_find_baseline(j, tokens[i]->id));

	baseline_writer_flush(j->writer);
	issue_rescope(j->rescope, j->rescope_to, j->nrescope);
	if (j->nrevoke > 0)
	{
		revoke_limit_count(j->d->settings.revoke_limit, j->nrevoke);
		issue_revoke(j->revoke, j->nrevoke, true);
	}
	event_writer_flush(j->events);
	MemoryContextSwitchTo(save);
}

/* A token that hub_each_token passes by lives for one call: keep a copy. */
static HubToken *
judge_copy(const HubToken *token)
{
	HubToken   *copy = palloc(sizeof(HubToken));

	*copy = *token;
	copy->client_id = token->client_id ? pstrdup(token->client_id) : NULL;
	copy->note = token->note ? pstrdup(token->note) : NULL;
	copy->prefix = token->prefix ? pstrdup(token->prefix) : NULL;
	copy->scopes = NULL;
	copy->defect = NULL;
	copy->stored = (const Scopeset *) PG_DETOAST_DATUM_COPY(PointerGetDatum(token->stored));
	return copy;
}

static void
judge_keep(Judge *j, HubToken *token)
{
	if (j->ntokens >= j->size)
	{
		j->size = j->size ? j->size * 2 : JUDGE_BATCH;
		j->tokens = j->tokens ?
			repalloc_huge(j->tokens, sizeof(HubToken *) * j->size) :
			MemoryContextAlloc(j->d->context, sizeof(HubToken *) * j->size);
	}
	j->tokens[j->ntokens++] = token;
}

/* Everyone: judge as they come. */
static void
judge_stream(HubToken *token, void *arg)
{
	Judge	   *j = arg;
	MemoryContext save = MemoryContextSwitchTo(j->batch_context);

	judge_keep(j, judge_copy(token));
	MemoryContextSwitchTo(save);
	if (j->ntokens >= JUDGE_BATCH)
	{
		judge_batch(j, j->tokens, j->ntokens);
		j->ntokens = 0;
		MemoryContextReset(j->batch_context);
	}
}

/*
 * Some: keep them all, for their owners have to be read first.  Which of the tokens
 * are concerned of those who hold something by a joined group is known only now.
 */
static void
judge_collect(HubToken *token, void *arg)
{
	Judge	   *j = arg;
	MemoryContext save;

	if (!concern_is_in(&j->d->tokens, token->id) && !membership_concerns(j->d, token))
		return;
	save = MemoryContextSwitchTo(j->d->context);
	judge_keep(j, judge_copy(token));
	MemoryContextSwitchTo(save);
}

static void
judge_load(Judge *j, const HubWant *want)
{
	Decision   *d = j->d;

	d->data = hub_load(d->hub, want, true);
	d->now = effective_way(d->data, 0);
	judge_check_overrides(d);
}

static void
judge_everyone(Judge *j)
{
	HubWant		want = {.everyone = true};
	HubTokenWant tokens = {.all = true,.live_only = true};

	judge_load(j, &want);
	hub_each_token(j->d->hub, &tokens, true, judge_stream, j);
	judge_batch(j, j->tokens, j->ntokens);
}

static void
judge_owners(Judge *j, HubWant *want)
{
	ConcernList users = {0};
	ConcernList services = {0};

	for (int i = 0; i < j->ntokens; i++)
	{
		if (j->tokens[i]->user_id)
			concern_add(&users, j->tokens[i]->user_id, NULL);
		if (j->tokens[i]->service_id)
			concern_add(&services, j->tokens[i]->service_id, NULL);
	}
	want->users = concern_ids(&users, &want->nusers);
	want->services = concern_ids(&services, &want->nservices);
}

static int
judge_name_cmp(const void *a, const void *b)
{
	return strcmp(*(char *const *) a, *(char *const *) b);
}

/* The clients of the tokens, in one query; the hub's own is never looked up. */
static void
judge_clients(Judge *j)
{
	char	  **names = palloc(sizeof(char *) * Max(j->ntokens, 1));
	int			found = 0;
	int			n = 0;

	for (int i = 0; i < j->ntokens; i++)
		if (j->tokens[i]->client_id != NULL &&
			strcmp(j->tokens[i]->client_id, ISSUE_HUB_CLIENT) != 0)
			names[found++] = j->tokens[i]->client_id;
	qsort(names, found, sizeof(char *), judge_name_cmp);
	for (int i = 0; i < found; i++)
		if (n == 0 || strcmp(names[n - 1], names[i]) != 0)
			names[n++] = names[i];
	if (n > 1)
		hub_clients_ahead(j->d->data, names, n);
	pfree(names);
}

static void
judge_some(Judge *j)
{
	Decision   *d = j->d;
	HubWant		want = {0};
	HubTokenWant tokens = {.live_only = true};
	ConcernList all = {0};

	baselines_of(&d->users, &d->services, d->clients, &d->tokens);
	baselines_of(&d->by_group.users, &d->by_group.services, NIL, &d->by_group.tokens);
	baselines_of(&d->by_user.users, &d->by_user.services, NIL, &d->by_user.tokens);
	concern_add_all(&all, &d->tokens);
	concern_add_all(&all, &d->by_group.tokens);
	concern_add_all(&all, &d->by_user.tokens);
	if (all.n == 0)
		return;
	tokens.ids = concern_ids(&all, &tokens.nids);

	hub_each_token(d->hub, &tokens, true, judge_collect, j);
	if (j->ntokens == 0)
		return;
	judge_owners(j, &want);
	judge_load(j, &want);
	judge_clients(j);
	for (int from = 0; from < j->ntokens; from += JUDGE_BATCH)
	{
		judge_batch(j, j->tokens + from, Min(JUDGE_BATCH, j->ntokens - from));
		MemoryContextReset(j->batch_context);
	}
}

void
judge(Decision *d)
{
	MemoryContext save = MemoryContextSwitchTo(d->context);
	Judge		j = {.d = d};

	j.batch_context = AllocSetContextCreate(d->context, "jhub_authz batch",
											ALLOCSET_DEFAULT_SIZES);
	j.writer = baseline_writer();
	j.events = event_writer(&d->actor);
	initStringInfo(&j.vetoed);
	if (!d->everyone && d->users.n + d->services.n > JUDGE_MANY)
	{
		d->everyone = true;
		d->reason = d->users.n > 0 ? d->users.items[0].reason : d->services.items[0].reason;
	}
	if (d->everyone)
		judge_everyone(&j);
	else
		judge_some(&j);
	if (j.nvetoed > 0)
		judge_raise_veto(&j);
	MemoryContextSwitchTo(save);
}
