/*-------------------------------------------------------------------------
 *
 * subjects.c
 *	  One subject's scopes: user_scopes, token_scopes, subject_has_scope ...
 *
 * A subject is found by name, as much of the hub as its scopes rest on is
 * loaded, and effective.c says what they are.  Rows that do not parse give
 * nothing and a WARNING: the rest of what a subject holds is still told, and
 * the same as in all_user_scopes() and its kin (everyone.c).
 *
 *-------------------------------------------------------------------------
 */
#include "effective.h"

#include "utils/builtins.h"
#include "utils/memutils.h"

const char *const effective_kind_names[] = {
	[SUBJECT_USER] = "user",
	[SUBJECT_SERVICE] = "service",
	[SUBJECT_GROUP] = "group",
	[SUBJECT_TOKEN] = "token"
};

SubjectKind
effective_subject_kind(const char *kind)
{
	for (int i = 0; i < (int) lengthof(effective_kind_names); i++)
	{
		if (strcmp(kind, effective_kind_names[i]) == 0)
			return (SubjectKind) i;
	}
	ereport(ERROR,
			(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
			 errmsg("invalid kind of subject: \"%s\"",
					module_from_utf8(kind, strlen(kind))),
			 errhint("The kind is \"user\", \"service\", \"group\" or \"token\".")));
	return SUBJECT_USER;		/* keep compiler quiet */
}

int
effective_reading_flags(void)
{
	return settings_get()->token_shares_documented ? EFFECTIVE_TOKEN_SHARES : 0;
}

int
effective_token_id(const char *name)
{
	int64		id = 0;

	if (*name == 'a')
		name++;
	if (*name == '\0')
		return 0;
	for (; *name != '\0'; name++)
	{
		if (*name < '0' || *name > '9')
			return 0;
		id = id * 10 + (*name - '0');
		if (id > PG_INT32_MAX)
			return 0;
	}
	return (int) id;
}

static char *
effective_copy_string(const char *str)
{
	return str != NULL ? pstrdup(str) : NULL;
}

static Scopeset *
effective_copy_set(const Scopeset *set)
{
	Size		size = VARSIZE_ANY(set);
	Scopeset   *copy = palloc(size);

	memcpy(copy, set, size);
	return copy;
}

/* Where a token is put that passes by. */
typedef struct EffectiveCatch
{
	MemoryContext context;
	HubToken   *token;
} EffectiveCatch;

HubToken *
effective_copy_token(const HubToken *token)
{
	HubToken   *copy = palloc(sizeof(HubToken));

	*copy = *token;
	copy->client_id = effective_copy_string(token->client_id);
	copy->note = effective_copy_string(token->note);
	copy->prefix = effective_copy_string(token->prefix);
	copy->scopes = effective_copy_string(token->scopes);
	copy->defect = effective_copy_string(token->defect);
	copy->stored = effective_copy_set(token->stored);
	return copy;
}

static void
effective_catch_token(HubToken *token, void *arg)
{
	EffectiveCatch *into = arg;
	MemoryContext old = MemoryContextSwitchTo(into->context);

	into->token = effective_copy_token(token);
	MemoryContextSwitchTo(old);
}

static HubToken *
effective_find_token(const HubSchema *hub, int id, bool latest)
{
	EffectiveCatch into = {CurrentMemoryContext, NULL};
	HubTokenWant want;

	memset(&want, 0, sizeof(want));
	want.nids = 1;
	want.ids = &id;
	hub_each_token(hub, &want, latest, effective_catch_token, &into);
	return into.token;
}

bool
effective_subject_by_id(EffectiveSubject *subject, HubSchema *hub, SubjectKind kind,
						int id, int flags, bool latest)
{
	HubWant		want;
	int			user = kind == SUBJECT_USER ? id : 0;
	int			service = kind == SUBJECT_SERVICE ? id : 0;

	memset(subject, 0, sizeof(*subject));
	subject->kind = kind;
	subject->hub = hub;
	if (id == 0)
		return false;
	if (kind == SUBJECT_TOKEN)
	{
		subject->token = effective_find_token(hub, id, latest);
		if (subject->token == NULL)
			return false;
		user = subject->token->user_id;
		service = user == 0 ? subject->token->service_id : 0;
	}

	memset(&want, 0, sizeof(want));
	want.users = &user;
	want.nusers = user != 0;
	want.services = &service;
	want.nservices = service != 0;
	want.groups = &id;
	want.ngroups = kind == SUBJECT_GROUP;
	subject->data = hub_load(hub, &want, latest);
	subject->way = effective_way(subject->data, flags);
	if (user != 0)
		subject->user = hub_user(subject->data, user);
	if (service != 0)
		subject->service = hub_service(subject->data, service);
	if (kind == SUBJECT_GROUP)
		subject->group = hub_group(subject->data, id);
	return kind == SUBJECT_TOKEN || subject->user != NULL ||
		subject->service != NULL || subject->group != NULL;
}

bool
effective_subject(EffectiveSubject *subject, SubjectKind kind,
				  const char *name, int flags)
{
	HubSchema  *hub = hub_schema(false, false);
	int			id = 0;

	switch (kind)
	{
		case SUBJECT_USER:
			id = hub_user_id(hub, name, false);
			break;
		case SUBJECT_SERVICE:
			id = hub_service_id(hub, name, false);
			break;
		case SUBJECT_GROUP:
			id = hub_group_id(hub, name, false);
			break;
		case SUBJECT_TOKEN:
			id = effective_token_id(name);
			break;
	}
	return effective_subject_by_id(subject, hub, kind, id, flags, false);
}

const Scopeset *
effective_subject_scopes(EffectiveSubject *subject, char **error)
{
	switch (subject->kind)
	{
		case SUBJECT_USER:
			return effective_user(subject->way, subject->user, error);
		case SUBJECT_SERVICE:
			return effective_service(subject->way, subject->service, error);
		case SUBJECT_GROUP:
			return effective_group(subject->way, subject->group, error);
		case SUBJECT_TOKEN:
			return effective_token(subject->way, subject->token, NULL, error);
	}
	elog(ERROR, "unrecognized kind of subject: %d", (int) subject->kind);
	return NULL;				/* keep compiler quiet */
}

/* The hub finds a token until the moment at which it expires has passed. */
bool
effective_token_expired(const HubToken *token)
{
	return token->has_expires && token->expires_at < hub_now();
}

/* A subject's scopes in the caller's memory; NULL if there is no such subject. */
static Scopeset *
effective_scopes_of(SubjectKind kind, const char *name)
{
	EffectiveSubject subject;
	const Scopeset *scopes;
	Scopeset   *result;
	char	   *error;

	if (!effective_subject(&subject, kind, name, effective_reading_flags()))
		return NULL;
	scopes = effective_subject_scopes(&subject, &error);
	if (error != NULL)
		ereport(WARNING,
				(errmsg("scopes of %s \"%s\" are incomplete",
						effective_kind_names[kind],
						module_from_utf8(name, strlen(name))),
				 errdetail("%s", module_from_utf8(error, strlen(error)))));
	result = effective_copy_set(scopes);
	hub_free(subject.data);
	return result;
}

#define RETURN_SCOPES_OF(kind, name) \
	do { \
		Scopeset   *scopes_ = effective_scopes_of(kind, name); \
		if (scopes_ == NULL) \
			PG_RETURN_NULL(); \
		PG_RETURN_SCOPESET_P(scopes_); \
	} while (0)

PG_FUNCTION_INFO_V1(jhub_authz_user_scopes);
Datum
jhub_authz_user_scopes(PG_FUNCTION_ARGS)
{
	RETURN_SCOPES_OF(SUBJECT_USER, effective_utf8_string(PG_GETARG_TEXT_PP(0)));
}

PG_FUNCTION_INFO_V1(jhub_authz_service_scopes);
Datum
jhub_authz_service_scopes(PG_FUNCTION_ARGS)
{
	RETURN_SCOPES_OF(SUBJECT_SERVICE, effective_utf8_string(PG_GETARG_TEXT_PP(0)));
}

PG_FUNCTION_INFO_V1(jhub_authz_group_scopes);
Datum
jhub_authz_group_scopes(PG_FUNCTION_ARGS)
{
	RETURN_SCOPES_OF(SUBJECT_GROUP, effective_utf8_string(PG_GETARG_TEXT_PP(0)));
}

PG_FUNCTION_INFO_V1(jhub_authz_token_scopes);
Datum
jhub_authz_token_scopes(PG_FUNCTION_ARGS)
{
	RETURN_SCOPES_OF(SUBJECT_TOKEN, psprintf("%d", PG_GETARG_INT32(0)));
}

PG_FUNCTION_INFO_V1(jhub_authz_subject_scopes);
Datum
jhub_authz_subject_scopes(PG_FUNCTION_ARGS)
{
	SubjectKind kind = effective_subject_kind(effective_utf8_string(PG_GETARG_TEXT_PP(0)));

	RETURN_SCOPES_OF(kind, effective_utf8_string(PG_GETARG_TEXT_PP(1)));
}

/* As written: roles for an owner, the stored scopes for a token. */
PG_FUNCTION_INFO_V1(jhub_authz_raw_scopes);
Datum
jhub_authz_raw_scopes(PG_FUNCTION_ARGS)
{
	SubjectKind kind = effective_subject_kind(effective_utf8_string(PG_GETARG_TEXT_PP(0)));
	char	   *name = effective_utf8_string(PG_GETARG_TEXT_PP(1));
	EffectiveSubject subject;
	const Scopeset *raw = NULL;
	Scopeset   *result;

	if (!effective_subject(&subject, kind, name, 0))
		PG_RETURN_NULL();
	switch (kind)
	{
		case SUBJECT_USER:
			raw = effective_raw_user(subject.way, subject.user);
			break;
		case SUBJECT_SERVICE:
			raw = effective_raw_service(subject.way, subject.service);
			break;
		case SUBJECT_GROUP:
			raw = effective_raw_group(subject.way, subject.group);
			break;
		case SUBJECT_TOKEN:
			raw = subject.token->stored;
			break;
	}
	result = effective_copy_set(raw);
	hub_free(subject.data);
	PG_RETURN_SCOPESET_P(result);
}

/* ---- yes or no ---- */

/*
 * Load a subject that may act: an expired token is one no more, since the hub
 * does not find it.
 */
static bool
effective_acting_subject(EffectiveSubject *subject, FunctionCallInfo fcinfo)
{
	SubjectKind kind = effective_subject_kind(effective_utf8_string(PG_GETARG_TEXT_PP(0)));
	char	   *name = effective_utf8_string(PG_GETARG_TEXT_PP(1));

	if (!effective_subject(subject, kind, name, effective_reading_flags()))
		return false;
	if (subject->token != NULL && effective_token_expired(subject->token))
	{
		hub_free(subject->data);
		return false;
	}
	return true;
}

PG_FUNCTION_INFO_V1(jhub_authz_subject_has_scope);
Datum
jhub_authz_subject_has_scope(PG_FUNCTION_ARGS)
{
	EffectiveSubject subject;
	ScopeMember required;
	const char *str;
	int			len;
	bool		result;

	/* a question that cannot be asked is an error whoever the subject is */
	str = effective_utf8(PG_GETARG_TEXT_PP(2), &len);
	effective_parse_scope(str, len, &required);
	effective_refuse_self(&required);
	if (!effective_acting_subject(&subject, fcinfo))
		PG_RETURN_BOOL(false);
	result = effective_has_scope(effective_subject_scopes(&subject, NULL), &required);
	hub_free(subject.data);
	PG_RETURN_BOOL(result);
}

Scopeset *
effective_without_inherit(const Scopeset *wanted)
{
	ScopeBuilder *builder = scope_builder_create();
	ScopeIter	iter;
	ScopeMember member;

	scope_iter_init(&iter, wanted);
	while (scope_iter_next(&iter, &member))
		if (member.kind != SCOPE_OPEN || member.base_len != 7 ||
			memcmp(member.base, "inherit", 7) != 0)
			scope_builder_add(builder, &member);
	return scope_builder_finish(builder, false);
}

/*
 * A token's owner and, unless another is named, its client are what stands
 * for the filters in 'wanted'.
 */
PG_FUNCTION_INFO_V1(jhub_authz_subject_covers);
Datum
jhub_authz_subject_covers(PG_FUNCTION_ARGS)
{
	EffectiveSubject subject;
	const HubClient *client = NULL;
	const Scopeset *have;
	Scopeset   *wanted;
	ExpandTarget target;
	bool		result;

	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2))
		PG_RETURN_NULL();
	if (!effective_acting_subject(&subject, fcinfo))
		PG_RETURN_BOOL(false);
	if (!PG_ARGISNULL(3))
		client = effective_client(subject.data,
								  effective_utf8_string(PG_GETARG_TEXT_PP(3)));
	else if (subject.token != NULL && subject.token->client_id != NULL)
		client = hub_client(subject.data, subject.token->client_id);

	effective_target(&target, subject.user, subject.service, client);
	wanted = catalogue_expand(subject.hub->catalogue,
							  effective_without_inherit(PG_GETARG_SCOPESET_P(2)), &target);
	have = effective_subject_scopes(&subject, NULL);
	result = scopeset_covers_with(have, wanted, NULL) ||
		(scopeset_needs_groups(have, wanted) &&
		 scopeset_covers_with(have, wanted, hub_membership(subject.data)));
	hub_free(subject.data);
	PG_RETURN_BOOL(result);
}
