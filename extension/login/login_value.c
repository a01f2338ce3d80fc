/*-------------------------------------------------------------------------
 *
 * login_value.c
 *	  JSON as Python's json module loads it: a tree of values.
 *
 * Read by the server's own jsonb.  A number keeps its text only: nothing that
 * decides computes with one, but for a level of access.
 *
 *-------------------------------------------------------------------------
 */
#include "../module/module.h"

#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/numeric.h"

#include "login_python.h"

static LoginValue *login_container(JsonbIterator **it, JsonbIteratorToken kind, int n);

static LoginValue *
login_new(LoginKind kind)
{
	LoginValue *value = palloc0(sizeof(LoginValue));

	value->kind = kind;
	return value;
}

static char *
login_json_string(const JsonbValue *v)
{
	return module_to_utf8(pnstrdup(v->val.string.val, v->val.string.len));
}

static LoginValue *
login_scalar(const JsonbValue *v)
{
	LoginValue *value;

	switch (v->type)
	{
		case jbvNull:
			return login_new(LOGIN_NONE);
		case jbvBool:
			value = login_new(LOGIN_BOOL);
			value->truth = v->val.boolean;
			return value;
		case jbvNumeric:
			value = login_new(LOGIN_NUMBER);
			value->string = numeric_normalize(v->val.numeric);
			value->truth = strcmp(value->string, "0") != 0;
			return value;
		case jbvString:
			return login_string_value(login_json_string(v));
		default:
			elog(ERROR, "unrecognized jsonb value type: %d", (int) v->type);
			return NULL;		/* keep compiler quiet */
	}
}

/* What an iterator has come to: a scalar, or a container that begins. */
static LoginValue *
login_item(JsonbIterator **it, JsonbIteratorToken token, JsonbValue *v)
{
	if (token == WJB_BEGIN_ARRAY)
		return login_container(it, token, v->val.array.nElems);
	if (token == WJB_BEGIN_OBJECT)
		return login_container(it, token, v->val.object.nPairs);
	return login_scalar(v);
}

static LoginValue *
login_container(JsonbIterator **it, JsonbIteratorToken kind, int n)
{
	LoginValue *value = login_new(kind == WJB_BEGIN_ARRAY ? LOGIN_LIST : LOGIN_DICT);
	JsonbIteratorToken token;
	JsonbValue	v;

	check_stack_depth();
	value->values = palloc(sizeof(LoginValue *) * Max(n, 1));
	value->keys = kind == WJB_BEGIN_OBJECT ? palloc(sizeof(char *) * Max(n, 1)) : NULL;
	while ((token = JsonbIteratorNext(it, &v, false)) != WJB_END_ARRAY &&
		   token != WJB_END_OBJECT)
	{
		if (kind == WJB_BEGIN_OBJECT)
		{
			value->keys[value->n] = login_json_string(&v);
			token = JsonbIteratorNext(it, &v, false);
		}
		value->values[value->n] = login_item(it, token, &v);
		value->n++;
	}
	return value;
}

LoginValue *
login_value_of(const Jsonb *json)
{
	JsonbIterator *it = JsonbIteratorInit(unconstify(JsonbContainer *, &json->root));
	JsonbIteratorToken token;
	JsonbValue	v;
	LoginValue *value;

	token = JsonbIteratorNext(&it, &v, false);
	value = login_item(&it, token, &v);
	/* a scalar is stored as an array of one */
	return JB_ROOT_IS_SCALAR(json) ? value->values[0] : value;
}

LoginValue *
login_string_value(const char *string)
{
	LoginValue *value = login_new(LOGIN_STRING);

	value->string = unconstify(char *, string);
	return value;
}

LoginValue *
login_list_value(char *const *strings, int n)
{
	LoginValue *value = login_new(LOGIN_LIST);

	value->n = n;
	value->values = palloc(sizeof(LoginValue *) * Max(n, 1));
	for (int i = 0; i < n; i++)
		value->values[i] = login_string_value(strings[i]);
	return value;
}

const LoginValue *
login_get(const LoginValue *dict, const char *key)
{
	if (dict == NULL || dict->kind != LOGIN_DICT)
		return NULL;
	for (int i = 0; i < dict->n; i++)
		if (strcmp(dict->keys[i], key) == 0)
			return dict->values[i];
	return NULL;
}

LoginValue *
login_with(const LoginValue *dict, const char *key, LoginValue *value)
{
	LoginValue *result = login_new(LOGIN_DICT);

	result->keys = palloc(sizeof(char *) * (dict->n + 1));
	result->values = palloc(sizeof(LoginValue *) * (dict->n + 1));
	for (int i = 0; i < dict->n; i++)
	{
		if (strcmp(dict->keys[i], key) == 0)
			continue;
		result->keys[result->n] = dict->keys[i];
		result->values[result->n++] = dict->values[i];
	}
	result->keys[result->n] = pstrdup(key);
	result->values[result->n++] = value;
	return result;
}

bool
login_truth(const LoginValue *value)
{
	if (value == NULL)
		return false;
	switch (value->kind)
	{
		case LOGIN_NONE:
			return false;
		case LOGIN_BOOL:
		case LOGIN_NUMBER:
			return value->truth;
		case LOGIN_STRING:
			return value->string[0] != '\0';
		case LOGIN_LIST:
		case LOGIN_DICT:
			return value->n > 0;
	}
	return false;
}

const char *
login_str(const LoginValue *value)
{
	return value != NULL && value->kind == LOGIN_STRING ? value->string : NULL;
}

bool
login_contains(const LoginValue *list, const char *string)
{
	if (list == NULL || list->kind != LOGIN_LIST)
		return false;
	for (int i = 0; i < list->n; i++)
		if (list->values[i]->kind == LOGIN_STRING &&
			strcmp(list->values[i]->string, string) == 0)
			return true;
	return false;
}

bool
login_is_strings(const LoginValue *value)
{
	if (value->kind != LOGIN_LIST)
		return false;
	for (int i = 0; i < value->n; i++)
		if (value->values[i]->kind != LOGIN_STRING)
			return false;
	return true;
}
