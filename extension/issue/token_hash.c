/*-------------------------------------------------------------------------
 *
 * token_hash.c
 *	  Tokens at rest: made, hashed and compared as the hub does it.
 *
 * Of a token the hub stores the first four characters and
 *
 *		algorithm:rounds:salt:digest
 *
 * where digest is the hex form of H(salt, token repeated 'rounds' times).  A
 * token that the hub made itself has the entropy of a UUID and gets one round;
 * one that a person chose gets 16384.
 *
 * A clear token is in memory here and in what issue_token returns.  It goes
 * into no statement, no message and no event; even its hash is handed to SQL
 * as a parameter and never as text.
 *
 *-------------------------------------------------------------------------
 */
#include "issue.h"

#include "../hub/hub_requests.h"

#include "common/cryptohash.h"
#include "common/sha2.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#define HASH_ALGORITHM		"sha512"
#define HASH_ROUNDS			1
#define HASH_SALT_BYTES		8
#define HASH_MAX_ROUNDS		1000000
#define HASH_HEX_LENGTH		(2 * PG_SHA512_DIGEST_LENGTH)

PG_FUNCTION_INFO_V1(jhub_authz_authenticate);

/* Lower-case hex digits of some bytes, terminated. */
static void
hash_hex(const uint8 *bytes, int n, char *hex)
{
	static const char digits[] = "0123456789abcdef";

	for (int i = 0; i < n; i++)
	{
		*hex++ = digits[bytes[i] >> 4];
		*hex++ = digits[bytes[i] & 0x0f];
	}
	*hex = '\0';
}

static void
hash_random(uint8 *bytes, int n)
{
	if (!pg_strong_random(bytes, n))
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not generate random values")));
}

void
issue_new_token(char *token)
{
	uint8		bytes[ISSUE_TOKEN_LENGTH / 2];

	/* The hub's uuid4().hex: version 4, variant 1, no dashes. */
	hash_random(bytes, sizeof(bytes));
	bytes[6] = (bytes[6] & 0x0f) | 0x40;
	bytes[8] = (bytes[8] & 0x3f) | 0x80;
	hash_hex(bytes, sizeof(bytes), token);
}

/*
 * The digest in hex, HASH_HEX_LENGTH digits.  The context belongs to the
 * resource owner where it is more than memory, so an error needs no cleanup.
 */
static void
hash_digest(const char *salt, int salt_len, const char *token, int token_len,
			int rounds, char *hex)
{
	pg_cryptohash_ctx *context = pg_cryptohash_create(PG_SHA512);
	uint8		digest[PG_SHA512_DIGEST_LENGTH];
	bool		ok;

	ok = context != NULL && pg_cryptohash_init(context) >= 0 &&
		pg_cryptohash_update(context, (const uint8 *) salt, salt_len) >= 0;
	for (int i = 0; ok && i < rounds; i++)
	{
		if (i % 1024 == 0)
			CHECK_FOR_INTERRUPTS();
		ok = pg_cryptohash_update(context, (const uint8 *) token, token_len) >= 0;
	}
	ok = ok && pg_cryptohash_final(context, digest, sizeof(digest)) >= 0;
	if (!ok)
		ereport(ERROR,
				(errcode(ERRCODE_INTERNAL_ERROR),
				 errmsg("could not compute a SHA-512 digest: %s",
						context ? pg_cryptohash_error(context) : "out of memory")));
	pg_cryptohash_free(context);
	hash_hex(digest, sizeof(digest), hex);
}

char *
issue_hash_token(const char *token)
{
	uint8		bytes[HASH_SALT_BYTES];
	char		salt[2 * HASH_SALT_BYTES + 1];
	char		digest[HASH_HEX_LENGTH + 1];

	hash_random(bytes, sizeof(bytes));
	hash_hex(bytes, sizeof(bytes), salt);
	hash_digest(salt, strlen(salt), token, strlen(token), HASH_ROUNDS, digest);
	return psprintf("%s:%d:%s:%s", HASH_ALGORITHM, HASH_ROUNDS, salt, digest);
}

/*
 * Is 'hashed' the hash of this token?  Whatever is not of the one algorithm
 * that the hub uses, or asks for no round at all (it would fit every token) or
 * for an absurd number of them, fits no token.  The digests are compared in
 * constant time.
 */
static bool
hash_matches(const char *hashed, const char *token)
{
	const char *algorithm_end = strchr(hashed, ':');
	const char *rounds;
	const char *salt;
	const char *digest;
	char	   *rounds_end;
	char		computed[HASH_HEX_LENGTH + 1];
	long		n;

	if (algorithm_end == NULL ||
		algorithm_end - hashed != sizeof(HASH_ALGORITHM) - 1 ||
		memcmp(hashed, HASH_ALGORITHM, sizeof(HASH_ALGORITHM) - 1) != 0)
		return false;
	rounds = algorithm_end + 1;
	/* No sign, no space, no leading zero: as the hub writes it. */
	if (*rounds < '1' || *rounds > '9')
		return false;
	errno = 0;
	n = strtol(rounds, &rounds_end, 10);
	if (errno != 0 || *rounds_end != ':' || n > HASH_MAX_ROUNDS)
		return false;
	salt = rounds_end + 1;
	digest = strchr(salt, ':');
	if (digest == NULL || strlen(digest + 1) != HASH_HEX_LENGTH)
		return false;
	hash_digest(salt, digest - salt, token, strlen(token), (int) n, computed);
	return timingsafe_bcmp(digest + 1, computed, HASH_HEX_LENGTH) == 0;
}

/* The token that is looked for, and the lowest id of those that it fits. */
typedef struct HashSearch
{
	const char *token;
	int			found;
} HashSearch;

static void
hash_compare(int id, const char *hashed, void *arg)
{
	HashSearch *search = arg;

	if (hash_matches(hashed, search->token) &&
		(search->found == 0 || id < search->found))
		search->found = id;
}

/*
 * What goes wrong meanwhile is logged without the statement and its parameters,
 * which hold the token.
 */
static void
hash_hide_token(void *arg)
{
	errhidestmt(true);
	errhidecontext(true);
}

int
issue_authenticate(const char *token)
{
	ErrorContextCallback hide = {.callback = hash_hide_token};
	HashSearch	search = {0};

	hide.previous = error_context_stack;
	error_context_stack = &hide;
	search.token = module_to_utf8(token);
	hub_each_hash(hub_schema(false, false),
				  pnstrdup(token, pg_mbcharcliplen(token, strlen(token), ISSUE_PREFIX_LENGTH)),
				  hash_compare, &search);
	error_context_stack = hide.previous;
	return search.found;
}

/*
 * authenticate(token text) returns integer
 *
 * The id of the live token that this is, or NULL.
 */
Datum
jhub_authz_authenticate(PG_FUNCTION_ARGS)
{
	int			id = issue_authenticate(text_to_cstring(PG_GETARG_TEXT_PP(0)));

	if (id == 0)
		PG_RETURN_NULL();
	PG_RETURN_INT32(id);
}
