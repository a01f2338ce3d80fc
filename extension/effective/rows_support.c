/*-------------------------------------------------------------------------
 *
 * rows_support.c
 *	  What the planner is told of how many rows a function gives.
 *
 * A function that goes through a table of the hub gives about as many rows as
 * ANALYZE found in it, a list of what a set lets one see as many as the set's
 * filters name.  Where nobody has looked at the table yet, or no hub is attached,
 * nothing is said, and the ROWS of the function count; so they do for functions
 * that are not listed here, whose number does not follow the hub's size.
 *
 * The functions are listed by name, also those of rooms above this one: what
 * they have in common is that the answer comes from the hub's tables.
 *
 *-------------------------------------------------------------------------
 */
#include "effective.h"

#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "nodes/pathnodes.h"
#include "nodes/supportnodes.h"
#include "optimizer/optimizer.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

/* so many holders of a permission are taken for likely, and this part of all */
#define ROWS_HOLDERS		100
#define ROWS_HOLDERS_PART	0.1

#define ROWS_MAX_TABLES		5

typedef struct RowsRule RowsRule;

struct RowsRule
{
	const char *function;
	int			ntables;
	HubTable	tables[ROWS_MAX_TABLES];
	/* NULL: the rows of the tables; negative: not known */
	double		(*count) (const RowsRule *rule, const HubSchema *hub,
						  SupportRequestRows *req);
};

/* ---- counting ---- */

/* Rows of one table; negative: nobody has looked. */
static double
rows_of_table(const HubSchema *hub, HubTable table)
{
	if (!OidIsValid(hub->rel[table]))
		return 0;
	return hub_rows_estimate(hub, table, -1);
}

static double
rows_of_tables(const RowsRule *rule, const HubSchema *hub)
{
	double		sum = 0;

	for (int i = 0; i < rule->ntables; i++)
	{
		double		rows = rows_of_table(hub, rule->tables[i]);

		if (rows < 0)
			return -1;
		sum += rows;
	}
	return sum;
}

/* The n-th argument, if it can be told when the query is planned; else NULL. */
static Const *
rows_argument(SupportRequestRows *req, int n, Oid type)
{
	List	   *args = ((FuncExpr *) req->node)->args;
	Node	   *arg;

	if (n >= list_length(args))
		return NULL;
	arg = estimate_expression_value(req->root, list_nth(args, n));
	if (!IsA(arg, Const) || ((Const *) arg)->constisnull ||
		(OidIsValid(type) && ((Const *) arg)->consttype != type))
		return NULL;
	return (Const *) arg;
}

/* Of all subjects a few hold what is asked for: admins, and who is meant by it. */
static double
rows_of_holders(const RowsRule *rule, const HubSchema *hub, SupportRequestRows *req)
{
	double		subjects = rows_of_tables(rule, hub);

	return subjects < 0 ? -1 : Min(ROWS_HOLDERS_PART * subjects, ROWS_HOLDERS);
}

/* scope_changes(since, until): one for each change there was, whenever that was */
static double
rows_of_changes(const RowsRule *rule, const HubSchema *hub, SupportRequestRows *req)
{
	return module_rows(module_relation("history_changes"));
}

/* _scopes_had(kinds, subjects, scopes): one for each subject that is named */
static double
rows_of_subjects(const RowsRule *rule, const HubSchema *hub, SupportRequestRows *req)
{
	Const	   *subjects = rows_argument(req, 1, TEXTARRAYOID);
	ArrayType  *array;

	if (subjects == NULL)
		return -1;
	array = DatumGetArrayTypeP(subjects->constvalue);
	return ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
}

/* _users_made(asked): few of one name */
static double
rows_of_asked(const RowsRule *rule, const HubSchema *hub, SupportRequestRows *req)
{
	return rows_argument(req, 0, TEXTOID) != NULL ? 1 : rows_of_tables(rule, hub);
}

/* _audit_keys(kind) */
static double
rows_of_kind(const RowsRule *rule, const HubSchema *hub, SupportRequestRows *req)
{
	Const	   *kind = rows_argument(req, 0, TEXTOID);
	char	   *word;

	if (kind == NULL)
		return -1;
	word = TextDatumGetCString(kind->constvalue);
	for (int i = 0; i < rule->ntables; i++)
		if (strcmp(word, effective_kind_names[i]) == 0)
			return rows_of_table(hub, rule->tables[i]);
	return -1;
}

/* How many of the second table's rows there are for one of the first. */
static double
rows_ratio(const HubSchema *hub, HubTable one, HubTable many)
{
	double		ones = rows_of_table(hub, one);
	double		manies = rows_of_table(hub, many);

	return ones <= 0 || manies < 0 ? 1 : manies / ones;
}

/*
 * What one filter lets one see of a table: itself, or the members of a group, or
 * the servers of a user.  Overlapping filters are not told apart.
 */
static double
rows_of_filter(const HubSchema *hub, HubTable table, ScopeKind kind)
{
	double		members = 1;

	if (kind == SCOPE_GROUP && table != HUB_GROUPS)
		members = rows_ratio(hub, HUB_GROUPS, HUB_USER_GROUP_MAP);
	if (table == HUB_SPAWNERS && (kind == SCOPE_GROUP || kind == SCOPE_USER))
		members *= rows_ratio(hub, HUB_USERS, HUB_SPAWNERS);
	return members;
}

/* visible_users(have, base) and its like: tables[0], as far as have reaches. */
static double
rows_of_visible(const RowsRule *rule, const HubSchema *hub, SupportRequestRows *req)
{
	double		all = rows_of_table(hub, rule->tables[0]);
	Const	   *have = rows_argument(req, 0, InvalidOid);
	Const	   *base = rows_argument(req, 1, TEXTOID);
	double		sum = 0;
	const char *word;
	int			len;
	ScopeIter	iter;
	ScopeMember member;

	if (all < 0 || have == NULL || base == NULL)
		return all;
	word = effective_utf8(DatumGetTextPP(base->constvalue), &len);
	/* attached to functions only whose first argument is a scopeset */
	scope_iter_init(&iter, DatumGetScopesetP(have->constvalue));
	while (scope_iter_next(&iter, &member))
	{
		if (member.base_len != len || memcmp(member.base, word, len) != 0 ||
			scope_kind_is_self(member.kind))
			continue;
		if (member.kind == SCOPE_OPEN)
			return all;
		sum += rows_of_filter(hub, rule->tables[0], member.kind);
	}
	return Min(sum, all);
}

/* ---- which function ---- */

#define ROWS_OF(function, table)	{function, 1, {table}, NULL}

static const RowsRule rows_rules[] = {
	ROWS_OF("all_user_scopes", HUB_USERS),
	ROWS_OF("all_service_scopes", HUB_SERVICES),
	ROWS_OF("all_group_scopes", HUB_GROUPS),
	ROWS_OF("all_token_scopes", HUB_API_TOKENS),
	ROWS_OF("dormant_tokens", HUB_API_TOKENS),
	ROWS_OF("_users_seen", HUB_USERS),
	{"_users_made", 1, {HUB_USERS}, rows_of_asked},
	ROWS_OF("_leavers", HUB_USERS),
	ROWS_OF("_group_members", HUB_GROUPS),
	ROWS_OF("_oauth_codes", HUB_OAUTH_CODES),
	{"_shares", 2, {HUB_SHARES, HUB_SHARE_CODES}, NULL},
	/* what there is; how much of it an identity may see, it is not asked */
	ROWS_OF("_api_users", HUB_USERS),
	ROWS_OF("_api_token_users", HUB_USERS),
	ROWS_OF("_api_groups", HUB_GROUPS),
	ROWS_OF("_api_services", HUB_SERVICES),
	{"actual_grants", 5, {HUB_USER_ROLE_MAP, HUB_GROUP_ROLE_MAP, HUB_SERVICE_ROLE_MAP,
		HUB_USER_GROUP_MAP, HUB_ROLES}, NULL},
	/* of whichever roles */
	{"_roles_had", 2, {HUB_USER_ROLE_MAP, HUB_SERVICE_ROLE_MAP}, NULL},
	{"upgrade_token_roles", 2, {HUB_API_TOKENS, HUB_OAUTH_CLIENTS}, NULL},
	{"who_can", 4, {HUB_USERS, HUB_SERVICES, HUB_GROUPS, HUB_API_TOKENS}, rows_of_holders},
	{"who_could", 4, {HUB_USERS, HUB_SERVICES, HUB_GROUPS, HUB_API_TOKENS}, rows_of_holders},
	{"scope_changes", 0, {0}, rows_of_changes},
	{"_scopes_had", 0, {0}, rows_of_subjects},
	{"_audit_keys", SUBJECT_TOKEN + 1, {[SUBJECT_USER] = HUB_USERS, [SUBJECT_SERVICE] = HUB_SERVICES,
		[SUBJECT_GROUP] = HUB_GROUPS, [SUBJECT_TOKEN] = HUB_API_TOKENS}, rows_of_kind},
	{"visible_users", 1, {HUB_USERS}, rows_of_visible},
	{"visible_groups", 1, {HUB_GROUPS}, rows_of_visible},
	{"visible_services", 1, {HUB_SERVICES}, rows_of_visible},
	{"visible_servers", 1, {HUB_SPAWNERS}, rows_of_visible},
};

static const RowsRule *
rows_rule(Oid function)
{
	char	   *name = get_func_name(function);

	for (int i = 0; name != NULL && i < (int) lengthof(rows_rules); i++)
		if (strcmp(name, rows_rules[i].function) == 0)
			return &rows_rules[i];
	return NULL;
}

/* _rows_support(): planner support; NULL for what is not known here. */
PG_FUNCTION_INFO_V1(jhub_authz__rows_support);
Datum
jhub_authz__rows_support(PG_FUNCTION_ARGS)
{
	Node	   *request = (Node *) PG_GETARG_POINTER(0);
	SupportRequestRows *req;
	const RowsRule *rule;
	HubSchema  *hub;
	double		rows;

	if (!IsA(request, SupportRequestRows))
		PG_RETURN_POINTER(NULL);
	req = (SupportRequestRows *) request;
	if (req->node == NULL || !IsA(req->node, FuncExpr) ||
		(rule = rows_rule(req->funcid)) == NULL ||
		(hub = hub_schema(true, false)) == NULL)
		PG_RETURN_POINTER(NULL);
	rows = rule->count != NULL ? rule->count(rule, hub, req) : rows_of_tables(rule, hub);
	if (rows < 0)
		PG_RETURN_POINTER(NULL);
	req->rows = Max(rows, 1);
	PG_RETURN_POINTER(req);
}
