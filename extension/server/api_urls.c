/*-------------------------------------------------------------------------
 *
 * api_urls.c
 *	  URLs of users and servers, as the hub builds them.
 *
 * The hub's process knows where it is served; here options base_url and
 * public_url say it.  A hub that gives each user a domain is not covered.
 *
 *-------------------------------------------------------------------------
 */
#include "api.h"

#include "lib/stringinfo.h"

/* Python's urllib.parse.quote(value, safe='@~'), of UTF-8 text. */
static void
urls_quote(StringInfo url, const char *value)
{
	for (const unsigned char *c = (const unsigned char *) value; *c != '\0'; c++)
	{
		if ((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') ||
			(*c >= '0' && *c <= '9') || strchr("_.-~@", *c) != NULL)
			appendStringInfoChar(url, *c);
		else
			appendStringInfo(url, "%%%02X", *c);
	}
}

static void
urls_user(StringInfo url, const ApiReader *reader, const char *user)
{
	appendStringInfo(url, "%suser/", reader->base_url);
	urls_quote(url, user);
	appendStringInfoChar(url, '/');
}

/* user: UTF-8, as below */
char *
api_user_url(const ApiReader *reader, const char *user)
{
	StringInfoData url;

	initStringInfo(&url);
	urls_user(&url, reader, user);
	return url.data;
}

char *
api_server_url(const ApiReader *reader, const char *user, const char *server)
{
	StringInfoData url;

	initStringInfo(&url);
	urls_user(&url, reader, user);
	if (*server != '\0')
	{
		urls_quote(&url, server);
		appendStringInfoChar(&url, '/');
	}
	return url.data;
}

char *
api_progress_url(const ApiReader *reader, const char *user, const char *server)
{
	StringInfoData url;

	initStringInfo(&url);
	appendStringInfo(&url, "%shub/api/users/", reader->base_url);
	urls_quote(&url, user);
	if (*server == '\0')
		appendStringInfoString(&url, "/server/progress");
	else
	{
		appendStringInfoString(&url, "/servers/");
		urls_quote(&url, server);
		appendStringInfoString(&url, "/progress");
	}
	return url.data;
}

char *
api_full_url(const ApiReader *reader, const char *path)
{
	return reader->public_host ? psprintf("%s%s", reader->public_host, path) : NULL;
}
