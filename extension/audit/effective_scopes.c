/*-------------------------------------------------------------------------
 *
 * effective_scopes.c
 *	  Rows of effective_scopes: the permissions of a subject with their paths.
 *
 * The view effective_scopes, what_can and who_can have the same columns, written
 * by the same lines: they differ in whose rows are asked for.
 *
 *-------------------------------------------------------------------------
 */
#include "audit_tokens.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/memutils.h"

/* ---- columns ---- */

void
audit_put_len(Datum *value, bool *isnull, const char *str, int len)
{
	*isnull = str == NULL;
	*value = str == NULL ? (Datum) 0 : PointerGetDatum(module_text_shown(str, len));
}

void
audit_put(Datum *value, bool *isnull, const char *str)
{
	audit_put_len(value, isnull, str, str != NULL ? strlen(str) : 0);
}

void
audit_put_member(Datum *value, bool *isnull, const ScopeMember *member)
{
	StringInfoData buf;

	*isnull = member == NULL || member->base == NULL;
	*value = (Datum) 0;
	if (*isnull)
		return;
	initStringInfo(&buf);
	scope_append(&buf, member);
	audit_put_len(value, isnull, buf.data, buf.len);
}

const char *
audit_subject_name(const EffectiveSubject *subject)
{
	switch (subject->kind)
	{
		case SUBJECT_USER:
			return subject->user->name;
		case SUBJECT_SERVICE:
			return subject->service->name;
		case SUBJECT_GROUP:
			return subject->group->name;
		case SUBJECT_TOKEN:
			return psprintf("%d", subject->token->id);
	}
	return NULL;				/* keep compiler quiet */
}

const char *
audit_owner_kind(const EffectiveSubject *subject)
{
	if (subject->kind != SUBJECT_TOKEN)
		return NULL;
	return subject->user != NULL ? "user" : subject->service != NULL ? "service" : NULL;
}

const char *
audit_owner_name(const EffectiveSubject *subject)
{
	if (subject->kind != SUBJECT_TOKEN)
		return NULL;
	return subject->user != NULL ? subject->user->name :
		subject->service != NULL ? subject->service->name : NULL;
}

/* ---- rows ---- */

/* Columns of effective_scopes */
enum
{
	SCOPES_SUBJECT_KIND,
	SCOPES_SUBJECT,
	SCOPES_SCOPE,
	SCOPES_FILTER_KIND,
	SCOPES_FILTER_VALUE,
	SCOPES_BASE,
	SCOPES_VIA_ROLE,
	SCOPES_VIA_GROUP,
	SCOPES_VIA_SHARE,
	SCOPES_SHARE_SERVER,
	SCOPES_RAW_SCOPE,
	SCOPES_OWNER_KIND,
	SCOPES_OWNER,
	SCOPES_CLIENT_ID,
	SCOPES_VIA_TOKEN,
	SCOPES_TOKEN_SCOPE,
	SCOPES_ERROR,
	SCOPES_NCOLUMNS
};

/* What a row's permission is: the columns from scope to base. */
static void
scopes_put_scope(Datum *values, bool *nulls, const ScopeMember *scope)
{
	audit_put_member(&values[SCOPES_SCOPE], &nulls[SCOPES_SCOPE], scope);
	if (scope == NULL)
		return;
	if (scope->kind != SCOPE_OPEN)
		audit_put(&values[SCOPES_FILTER_KIND], &nulls[SCOPES_FILTER_KIND],
				  scope_kind_name(scope->kind));
	if (scope->value != NULL)
		audit_put_len(&values[SCOPES_FILTER_VALUE], &nulls[SCOPES_FILTER_VALUE],
					  scope->value, scope->value_len);
	audit_put_len(&values[SCOPES_BASE], &nulls[SCOPES_BASE], scope->base, scope->base_len);
}

/* Which grant gives it. */
static void
scopes_put_grant(Datum *values, bool *nulls, const EffectiveGrant *grant)
{
	if (grant == NULL)
		return;
	if (grant->role != NULL)
		audit_put(&values[SCOPES_VIA_ROLE], &nulls[SCOPES_VIA_ROLE], grant->role->name);
	if (grant->group != NULL)
		audit_put(&values[SCOPES_VIA_GROUP], &nulls[SCOPES_VIA_GROUP], grant->group->name);
	if (grant->share != NULL)
	{
		values[SCOPES_VIA_SHARE] = Int32GetDatum(grant->share->id);
		nulls[SCOPES_VIA_SHARE] = false;
		audit_put(&values[SCOPES_SHARE_SERVER], &nulls[SCOPES_SHARE_SERVER],
				  grant->share->server);
	}
	audit_put_member(&values[SCOPES_RAW_SCOPE], &nulls[SCOPES_RAW_SCOPE], &grant->raw);
}

static void
scopes_put_path(const EffectivePath *path, void *arg)
{
	AuditScopeRows *rows = arg;
	EffectiveSubject *subject = rows->subject;
	Datum		values[SCOPES_NCOLUMNS];
	bool		nulls[SCOPES_NCOLUMNS];

	/* who holds something holds it in spite of what does not parse */
	if (rows->required != NULL &&
		(path->scope == NULL || !scopeset_covers_member(scopeset_single(path->scope), rows->required,
													   rows->membership)))
		return;
	CHECK_FOR_INTERRUPTS();
	memset(nulls, true, sizeof(nulls));
	audit_put(&values[SCOPES_SUBJECT_KIND], &nulls[SCOPES_SUBJECT_KIND],
			  effective_kind_names[subject->kind]);
	audit_put(&values[SCOPES_SUBJECT], &nulls[SCOPES_SUBJECT], audit_subject_name(subject));
	scopes_put_scope(values, nulls, path->scope);
	scopes_put_grant(values, nulls, path->grant);
	audit_put(&values[SCOPES_OWNER_KIND], &nulls[SCOPES_OWNER_KIND], audit_owner_kind(subject));
	audit_put(&values[SCOPES_OWNER], &nulls[SCOPES_OWNER], audit_owner_name(subject));
	if (subject->token != NULL)
		audit_put(&values[SCOPES_CLIENT_ID], &nulls[SCOPES_CLIENT_ID],
				  subject->token->client_id);
	if (path->ask != NULL)
	{
		audit_put(&values[SCOPES_VIA_TOKEN], &nulls[SCOPES_VIA_TOKEN],
				  effective_ask_names[path->ask->kind]);
		audit_put_member(&values[SCOPES_TOKEN_SCOPE], &nulls[SCOPES_TOKEN_SCOPE],
						 &path->ask->raw);
	}
	audit_put(&values[SCOPES_ERROR], &nulls[SCOPES_ERROR], path->defect);
	tuplestore_putvalues(rows->rsinfo->setResult, rows->rsinfo->setDesc, values, nulls);
}

void
audit_scope_rows_begin(AuditScopeRows *rows, FunctionCallInfo fcinfo)
{
	memset(rows, 0, sizeof(*rows));
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	rows->rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	rows->row = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz audit rows",
									  ALLOCSET_DEFAULT_SIZES);
}

void
audit_scope_rows(AuditScopeRows *rows, EffectiveSubject *subject)
{
	MemoryContext caller;

	if (subject->token != NULL && subject->token->has_expires &&
		subject->token->expires_at < hub_moment(hub_data_schema(subject->data)))
		return;
	caller = MemoryContextSwitchTo(rows->row);
	rows->subject = subject;
	effective_each_path(subject, scopes_put_path, rows);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(rows->row);
}

/* ---- functions ---- */

typedef struct AuditKeyRows
{
	ReturnSetInfo *rsinfo;
	MemoryContext row;
} AuditKeyRows;

static void
audit_put_key(int id, const char *name, void *arg)
{
	AuditKeyRows *rows = arg;
	MemoryContext caller = MemoryContextSwitchTo(rows->row);
	Datum		values[2] = {Int32GetDatum(id)};
	bool		nulls[2] = {false, true};

	audit_put(&values[1], &nulls[1], name);
	tuplestore_putvalues(rows->rsinfo->setResult, rows->rsinfo->setDesc, values, nulls);
	MemoryContextSwitchTo(caller);
	MemoryContextReset(rows->row);
}

/* Tokens have no name. */
static void
audit_put_tokens(const HubSchema *hub, AuditKeyRows *rows)
{
	AuditParts *parts = audit_owner_parts(hub, effective_reading_flags());
	HubTokenOrder *order = hub_token_order(hub, &parts->first, work_mem, false);
	int			id;

	while (hub_token_order_next(order, &id))
	{
		CHECK_FOR_INTERRUPTS();
		audit_put_key(id, NULL, rows);
	}
	hub_token_order_end(order);
}

/*
 * A query for one subject: its key by an index.  False: all are asked for, or the
 * name may be spelt in other ways than the database has it.
 */
static bool
audit_put_one_key(FunctionCallInfo fcinfo, const HubSchema *hub, HubTable table, AuditKeyRows *rows)
{
	Datum		value;
	char	   *end;
	long		id;

	if (module_asked(fcinfo, 1, INT4OID, &value))
		hub_one_key(hub, table, DatumGetInt32(value), NULL, audit_put_key, rows);
	else if (module_asked(fcinfo, 1, TEXTOID, &value))
	{
		errno = 0;
		id = strtol(TextDatumGetCString(value), &end, 10);
		if (*end == '\0' && errno == 0 && id >= PG_INT32_MIN && id <= PG_INT32_MAX)
			hub_one_key(hub, table, (int) id, NULL, audit_put_key, rows);
	}
	else if (GetDatabaseEncoding() == PG_UTF8 && module_asked(fcinfo, 2, TEXTOID, &value) &&
			 VARSIZE_ANY_EXHDR(DatumGetTextPP(value)) > 0)
		hub_one_key(hub, table, 0, DatumGetTextPP(value), audit_put_key, rows);
	else
		return false;
	return true;
}

/*
 * _audit_keys(kind) - ids and names of all subjects of a kind, in the order in which
 * they are read in parts: of id, and tokens in order of their owners; or of the one
 * that the query asks for.
 */
PG_FUNCTION_INFO_V1(jhub_authz__audit_keys);
Datum
jhub_authz__audit_keys(PG_FUNCTION_ARGS)
{
	static const HubTable tables[] = {
		[SUBJECT_USER] = HUB_USERS,
		[SUBJECT_SERVICE] = HUB_SERVICES,
		[SUBJECT_GROUP] = HUB_GROUPS,
		[SUBJECT_TOKEN] = HUB_API_TOKENS
	};
	SubjectKind kind = effective_subject_kind(effective_utf8_string(PG_GETARG_TEXT_PP(0)));
	const HubSchema *hub = hub_schema(false, false);
	AuditKeyRows rows;

	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);
	rows.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	rows.row = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz audit key",
									 ALLOCSET_SMALL_SIZES);
	if (audit_put_one_key(fcinfo, hub, tables[kind], &rows))
		return (Datum) 0;
	if (kind == SUBJECT_TOKEN)
		audit_put_tokens(hub, &rows);
	else
		hub_each_key(hub, tables[kind], audit_put_key, &rows);
	return (Datum) 0;
}

/* _scopes_of(kind, id) - rows of effective_scopes of one subject. */
PG_FUNCTION_INFO_V1(jhub_authz__scopes_of);
Datum
jhub_authz__scopes_of(PG_FUNCTION_ARGS)
{
	SubjectKind kind = effective_subject_kind(effective_utf8_string(PG_GETARG_TEXT_PP(0)));
	AuditScopeRows rows;
	EffectiveSubject subject;

	audit_scope_rows_begin(&rows, fcinfo);
	if (audit_subject(audit_hub(fcinfo), kind, PG_GETARG_INT32(1), &subject))
		audit_scope_rows(&rows, &subject);
	MemoryContextDelete(rows.row);
	return (Datum) 0;
}

/* what_can(kind, name) - the same, by name. */
PG_FUNCTION_INFO_V1(jhub_authz_what_can);
Datum
jhub_authz_what_can(PG_FUNCTION_ARGS)
{
	SubjectKind kind = effective_subject_kind(effective_utf8_string(PG_GETARG_TEXT_PP(0)));
	AuditScopeRows rows;
	EffectiveSubject subject;

	audit_scope_rows_begin(&rows, fcinfo);
	if (effective_subject(&subject, kind, effective_utf8_string(PG_GETARG_TEXT_PP(1)),
						  effective_reading_flags()))
	{
		audit_scope_rows(&rows, &subject);
		hub_free(subject.data);
	}
	return (Datum) 0;
}

/* ---- a set ---- */

/*
 * _stored_scopes(stored) - what scopes give that are written as the hub stores
 * them, by the catalogue in force; none if they do not parse, which other rows tell.
 */
PG_FUNCTION_INFO_V1(jhub_authz__stored_scopes);
Datum
jhub_authz__stored_scopes(PG_FUNCTION_ARGS)
{
	char	   *defect;
	const Scopeset *raw = hub_parse_scopes(effective_utf8_string(PG_GETARG_TEXT_PP(0)), &defect);

	PG_RETURN_SCOPESET_P(catalogue_expand(hub_catalogue(), raw, NULL));
}

/* Columns of _shown_scopes */
enum
{
	SHOWN_SCOPE,
	SHOWN_BASE,
	SHOWN_FILTER_KIND,
	SHOWN_FILTER_VALUE,
	SHOWN_NCOLUMNS
};

/*
 * _shown_scopes(scopes) - rows as scope_explode's, for what only tells of them:
 * a name that the server's encoding cannot hold is no error.
 */
PG_FUNCTION_INFO_V1(jhub_authz__shown_scopes);
Datum
jhub_authz__shown_scopes(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	ScopeIter	iter;
	ScopeMember member;

	InitMaterializedSRF(fcinfo, 0);
	scope_iter_init(&iter, PG_GETARG_SCOPESET_P(0));
	while (scope_iter_next(&iter, &member))
	{
		Datum		values[SHOWN_NCOLUMNS];
		bool		nulls[SHOWN_NCOLUMNS];

		audit_put_member(&values[SHOWN_SCOPE], &nulls[SHOWN_SCOPE], &member);
		audit_put_len(&values[SHOWN_BASE], &nulls[SHOWN_BASE], member.base, member.base_len);
		audit_put(&values[SHOWN_FILTER_KIND], &nulls[SHOWN_FILTER_KIND],
				  member.kind != SCOPE_OPEN ? scope_kind_name(member.kind) : NULL);
		audit_put_len(&values[SHOWN_FILTER_VALUE], &nulls[SHOWN_FILTER_VALUE],
					  member.value, member.value_len);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}
