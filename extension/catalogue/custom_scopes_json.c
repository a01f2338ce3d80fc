/*-------------------------------------------------------------------------
 *
 * custom_scopes_json.c
 *	  Reading a document of custom scopes, with jansson.
 *
 * This is the only file that includes jansson.h.  The server exports a function
 * named json_object, as jansson does, and a call from here would land in the
 * server's and crash it; so the name is taken out of the way before jansson's
 * header is read, and nothing here makes objects.  jansson only reads.
 *
 * jansson allocates with malloc and knows no errors of ours: what it returned
 * is given back under PG_FINALLY.  It reads UTF-8, and so do we.
 *
 * Only the document's form is checked here.  What the names mean is for
 * custom_scopes.c.
 *
 *-------------------------------------------------------------------------
 */
#include "custom_scopes.h"

#include "../module/module.h"
#include "mb/pg_wchar.h"

#define json_object jansson_json_object_is_not_usable_here
#include <jansson.h>
#undef json_object

/* A document is written by hand; a bigger one is a mistake. */
#define CUSTOM_DOCUMENT_MAX_BYTES	(16 * 1024 * 1024)

/*
 * jansson's words about a defect, in the server's encoding.  It quotes a piece
 * of the document, which may end within a character; then the quote goes.  Of
 * NUL it speaks in terms of its own settings.
 */
static char *
custom_json_defect(const json_error_t *error)
{
	char	   *text = pstrdup(error->text);

	if (json_error_code(error) == json_error_null_character ||
		json_error_code(error) == json_error_null_byte_in_key)
		return pstrdup("\\u0000 is not allowed");
	if (!pg_verify_mbstr(PG_UTF8, text, strlen(text), true))
	{
		char	   *quote = strstr(text, " near ");

		if (quote == NULL)
			return pstrdup("invalid token");
		*quote = '\0';
	}
	return module_from_utf8(text, strlen(text));
}

/* Raise the error for a document that jansson did not take. */
static void
custom_json_error(const json_error_t *error)
{
	bool		duplicate = json_error_code(error) == json_error_duplicate_key;

	ereport(ERROR,
			(errcode(duplicate ? ERRCODE_INVALID_PARAMETER_VALUE :
					 ERRCODE_INVALID_TEXT_REPRESENTATION),
			 duplicate ? errmsg("duplicate key in document of custom scopes") :
			 errmsg("document of custom scopes is not valid JSON"),
			 errdetail("Line %d, column %d: %s.", error->line, error->column,
					   custom_json_defect(error))));
}

/* UTF-8 for a message. */
static char *
custom_json_quote(const char *str)
{
	return module_from_utf8(str, strlen(str));
}

/* The list under "subscopes"; NULL stands for an absent one. */
static void
custom_json_subscopes(const json_t *list, CustomDefinition *definition)
{
	size_t		i;
	json_t	   *item;

	definition->nsubscopes = 0;
	definition->subscopes = NULL;
	if (list == NULL)
		return;

	if (json_is_array(list))
	{
		definition->subscopes = palloc(sizeof(char *) * Max(json_array_size(list), 1));
		json_array_foreach(list, i, item)
		{
			if (!json_is_string(item))
				break;
			definition->subscopes[definition->nsubscopes++] =
				pstrdup(json_string_value(item));
		}
	}
	if (!json_is_array(list) || definition->nsubscopes < (int) json_array_size(list))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("subscopes of custom scope \"%s\" are not a list of strings",
						custom_json_quote(definition->name))));
}

/* One definition: {"description": "...", "subscopes": [...]} */
static void
custom_json_definition(const char *name, json_t *value, CustomDefinition *definition)
{
	const char *key;
	json_t	   *field;

	definition->name = pstrdup(name);
	if (!json_is_object(value))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("definition of custom scope \"%s\" is not a JSON object",
						custom_json_quote(name))));

	field = json_object_get(value, "description");
	if (field == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("custom scope \"%s\" has no description",
						custom_json_quote(name))));
	if (!json_is_string(field))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("description of custom scope \"%s\" is not a string",
						custom_json_quote(name))));
	definition->description = pstrdup(json_string_value(field));
	custom_json_subscopes(json_object_get(value, "subscopes"), definition);

	json_object_foreach(value, key, field)
	{
		if (strcmp(key, "description") != 0 && strcmp(key, "subscopes") != 0)
			ereport(WARNING,
					(errmsg("ignoring unrecognized key \"%s\" of custom scope \"%s\"",
							custom_json_quote(key), custom_json_quote(name))));
	}
}

/* The whole document, in its own order. */
static CustomDocument *
custom_json_document(json_t *root)
{
	CustomDocument *document = palloc(sizeof(CustomDocument));
	const char *name;
	json_t	   *value;

	if (!json_is_object(root))
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("document of custom scopes is not a JSON object"),
				 errhint("Its form is {\"custom:a:read\": {\"description\": \"...\", \"subscopes\": [\"...\"]}, ...}.")));

	document->n = 0;
	document->definitions = palloc(sizeof(CustomDefinition) *
								   Max(json_object_size(root), 1));
	json_object_foreach(root, name, value)
	{
		custom_json_definition(name, value,
							   &document->definitions[document->n++]);
	}
	return document;
}

/*
 * Any JSON value is let in by the parser, so that one which is no object is
 * told apart from what is no JSON at all.
 */
CustomDocument *
custom_document_read(const char *json, int len)
{
	json_error_t error;
	json_t	   *root;
	CustomDocument *volatile document = NULL;

	if (len > CUSTOM_DOCUMENT_MAX_BYTES)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("document of custom scopes is longer than %d bytes",
						CUSTOM_DOCUMENT_MAX_BYTES)));

	root = json_loadb(json, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
	if (root == NULL)
		custom_json_error(&error);

	PG_TRY();
	{
		document = custom_json_document(root);
	}
	PG_FINALLY();
	{
		json_decref(root);
	}
	PG_END_TRY();
	return document;
}
