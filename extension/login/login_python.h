/*-------------------------------------------------------------------------
 *
 * login_python.h
 *	  JSON as Python has it in its hands, and the str methods that a login
 *	  decision rests on.  Strings are UTF-8, whatever the server's encoding.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_LOGIN_PYTHON_H
#define JHUB_AUTHZ_LOGIN_PYTHON_H

#include "utils/jsonb.h"

/* ---- values (login_value.c) ---- */

typedef enum LoginKind
{
	LOGIN_NONE,
	LOGIN_BOOL,
	LOGIN_NUMBER,
	LOGIN_STRING,
	LOGIN_LIST,
	LOGIN_DICT
} LoginKind;

typedef struct LoginValue LoginValue;

struct LoginValue
{
	LoginKind	kind;
	bool		truth;			/* of a bool; of a number: it is not 0 */
	char	   *string;			/* of a string; of a number: its text */
	int			n;				/* of a list or dict */
	char	  **keys;			/* of a dict */
	LoginValue **values;		/* of a list or dict */
};

/* A whole document, palloc'd in the current context. */
extern LoginValue *login_value_of(const Jsonb *json);

extern LoginValue *login_string_value(const char *string);
extern LoginValue *login_list_value(char *const *strings, int n);

/* dict.get(key): NULL if it is no dict or has no such key. */
extern const LoginValue *login_get(const LoginValue *dict, const char *key);

/* A copy of a dict with one more key, or another value for it. */
extern LoginValue *login_with(const LoginValue *dict, const char *key, LoginValue *value);

/* bool(value); false for NULL. */
extern bool login_truth(const LoginValue *value);

/* The string that it is, or NULL. */
extern const char *login_str(const LoginValue *value);

/* Is it a list of strings? */
extern bool login_is_strings(const LoginValue *value);

/* Is this string an element of a list? */
extern bool login_contains(const LoginValue *list, const char *string);

/* ---- characters (login_unicode.c) ---- */

typedef struct LoginRange
{
	uint32		first;
	uint32		last;
} LoginRange;

typedef struct LoginClass
{
	const LoginRange *ranges;
	int			n;
} LoginClass;

extern const LoginClass login_class_space;
extern const LoginClass login_class_word;
extern const LoginClass login_class_digit;
extern const LoginClass login_class_cased;
extern const LoginClass login_class_ignorable;

extern uint32 login_lower_char(uint32 c);

/* ---- str (login_str.c) ---- */

/* The characters of a string, palloc'd; *n: how many. */
extern uint32 *login_chars(const char *string, int *n);

/* str.lower(), palloc'd. */
extern char *login_lower(const char *string);

/* str != str.strip() */
extern bool login_has_outer_space(const char *string);

/* fnmatch.fnmatchcase() */
extern bool login_fnmatch(const char *string, const char *pattern);

/* ---- re (login_pattern.c) ---- */

/*
 * A pattern of Python's re as a regular expression of the server's, palloc'd in
 * the server's encoding: one that holds for a name if re.match() gives a match,
 * or, with full, re.fullmatch().  NULL if that can't be done; *why then says
 * why, as a palloc'd sentence.
 */
extern char *login_pattern_translate(const char *pattern, bool full, char **why);

/* Does a name match what was translated? */
extern bool login_pattern_matches(const char *translated, const char *name);

#endif							/* JHUB_AUTHZ_LOGIN_PYTHON_H */
