/*-------------------------------------------------------------------------
 *
 * fuzz.c
 *	  The fuzzer's target: one input, and the laws that hold whatever it is.
 *
 * The first byte says what the rest is, the second is options (bits 0 and 1:
 * the database's encoding, others as each function says).  Then:
 *
 *	  t		text of either form, as SQL's input function takes it
 *	  j		text of a hub's column: JSON, of which members that are none are left out
 *	  w		bytes on the wire
 *	  o		up to three sets, each text, with NUL between: the operators
 *	  r		a set, then pairs of an old and a new name: renaming
 *	  s		a set that an earlier dictionary has stored: the upgrade
 *	  b		stored bytes as they are: a canonical form is its own image
 *	  e		a set and an owner: expansion in every release of JupyterHub
 *	  c		a document of custom scopes
 *
 * What is right is said a second time here, member by member and slowly, from
 * the contract and from the layout in scopeset.h, without the code under test.
 * A law that does not hold stops the program.
 *
 *-------------------------------------------------------------------------
 */
#include "shim.h"

#include "access/gin.h"
#include "access/stratnum.h"
#include "mb/pg_wchar.h"

#include "../../extension/algebra/scopeset_private.h"
#include "../../extension/catalogue/custom_scopes.h"

#undef printf
#undef fprintf

#define MAX_SLOW	48			/* members that the slow laws take */

#define LAW(condition) \
	do { \
		if (!(condition)) \
		{ \
			fprintf(stderr, "law broken at line %d: %s\n", __LINE__, #condition); \
			abort(); \
		} \
	} while (0)

extern Datum scopeset_in(PG_FUNCTION_ARGS);
extern Datum scopeset_out(PG_FUNCTION_ARGS);
extern Datum scopeset_recv(PG_FUNCTION_ARGS);
extern Datum scopeset_send(PG_FUNCTION_ARGS);
extern Datum scopeset_as_text(PG_FUNCTION_ARGS);
extern Datum text_to_scopeset(PG_FUNCTION_ARGS);
extern Datum jhub_authz_oauth_scope(PG_FUNCTION_ARGS);
extern Datum scopeset_agg_add(PG_FUNCTION_ARGS);
extern Datum scopeset_agg_combine(PG_FUNCTION_ARGS);
extern Datum scopeset_agg_serialize(PG_FUNCTION_ARGS);
extern Datum scopeset_agg_deserialize(PG_FUNCTION_ARGS);
extern Datum scopeset_agg_final(PG_FUNCTION_ARGS);
extern Datum scopeset_contains(PG_FUNCTION_ARGS);
extern Datum scopeset_may_contain(PG_FUNCTION_ARGS);
extern Datum scopeset_hash_extended(PG_FUNCTION_ARGS);
extern Datum scopeset_gin_extract_value(PG_FUNCTION_ARGS);
extern Datum scopeset_gin_extract_query(PG_FUNCTION_ARGS);
extern Datum scopeset_gin_consistent(PG_FUNCTION_ARGS);
extern Datum scopeset_gin_triconsistent(PG_FUNCTION_ARGS);
extern Datum scopeset_gin_compare_partial(PG_FUNCTION_ARGS);

int			LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* ---- calls ---- */

#define CALL(function, ...) \
	call(function, (Datum[]) {__VA_ARGS__}, lengthof(((Datum[]) {__VA_ARGS__})))

static Datum
call(PGFunction function, const Datum *arguments, int n)
{
	LOCAL_FCINFO(fcinfo, 8);
	int			i;

	InitFunctionCallInfoData(*fcinfo, NULL, n, InvalidOid, NULL, NULL);
	for (i = 0; i < n; i++)
	{
		fcinfo->args[i].value = arguments[i];
		fcinfo->args[i].isnull = false;
	}
	return function(fcinfo);
}

/* An aggregate's state that is still null. */
static Datum
call_first(PGFunction function, Datum argument)
{
	LOCAL_FCINFO(fcinfo, 2);

	InitFunctionCallInfoData(*fcinfo, NULL, 2, InvalidOid, NULL, NULL);
	fcinfo->args[0].value = (Datum) 0;
	fcinfo->args[0].isnull = true;
	fcinfo->args[1].value = argument;
	fcinfo->args[1].isnull = false;
	return function(fcinfo);
}

/* Text is what the server would have let in: of the encoding, without NUL. */
static bool
acceptable(const char *str, int len)
{
	return memchr(str, 0, len) == NULL &&
		pg_verify_mbstr(shim_encoding, str, len, true);
}

/* What an error says: valid in the database's encoding, in our form. */
static void
check_error(void)
{
	const char *texts[] = {shim_error.message, shim_error.detail, shim_error.hint};
	int			i;

	LAW(shim_error.message[0] != '\0');
	for (i = 0; i < 3; i++)
	{
		size_t		len = strlen(texts[i]);

		if (len < sizeof(shim_error.message) - 1)	/* else it was cut here */
			LAW(pg_verify_mbstr(shim_encoding, texts[i], len, true));
		if (i > 0 && len > 0 && len < sizeof(shim_error.message) - 1)
			LAW(texts[i][len - 1] == '.' || texts[i][len - 1] == '?');
	}
}

/* ---- the canonical form, from its description in scopeset.h ---- */

typedef struct Word
{
	const char *text;
	int			len;
	int			kind;
	uint64		mask;
} Word;

typedef struct Scope
{
	Word		base;			/* kind not used */
	Word		filter;			/* kind SCOPE_OPEN: none */
} Scope;

typedef struct Scopes
{
	int			n;
	Scope	   *members;
} Scopes;

static int
bytes_cmp(const Word *a, const Word *b)
{
	int			cmp = 0;
	int			i;

	for (i = 0; i < a->len && i < b->len && cmp == 0; i++)
		cmp = (int) (uint8) a->text[i] - (int) (uint8) b->text[i];
	return cmp ? cmp : a->len - b->len;
}

static int
filter_cmp(const Word *a, const Word *b)
{
	return a->kind != b->kind ? a->kind - b->kind : bytes_cmp(a, b);
}

static int
member_cmp(const Scope *a, const Scope *b)
{
	int			cmp = bytes_cmp(&a->base, &b->base);

	return cmp ? cmp : filter_cmp(&a->filter, &b->filter);
}

static int
member_sort(const void *a, const void *b)
{
	return member_cmp(a, b);
}

static Word
dictionary(int id)
{
	Word		name = {0};

	name.text = scope_dictionary_name(id, &name.len);
	return name;
}

#define READ(target) \
	do { \
		if ((Size) (end - p) < sizeof(target)) \
			return false; \
		memcpy(&(target), p, sizeof(target)); \
		p += sizeof(target); \
	} while (0)
#define READ_ARRAY(target, count) \
	do { \
		if ((Size) (end - p) < sizeof(*(target)) * (Size) (count)) \
			return false; \
		target = palloc(sizeof(*(target)) * (Size) (count) + 1); \
		memcpy(target, p, sizeof(*(target)) * (Size) (count)); \
		p += sizeof(*(target)) * (Size) (count); \
	} while (0)

/* Could this name's text have come through the grammar? */
static bool
name_good(const Word *name, bool base)
{
	char	   *scope;
	ScopeMember m;
	const char *defect;
	int			where;

	if (name->len > SCOPE_MAX_BYTES)
		return false;
	scope = psprintf("%s%.*s", base ? "" : "a!user=", name->len, name->text);
	if ((int) strlen(scope) != name->len + (base ? 0 : 7))
		return false;
	if (!scope_parse(scope, Min((int) strlen(scope), SCOPE_MAX_BYTES), &m, &defect, &where))
		return false;
	return !base || m.kind == SCOPE_OPEN;
}

/*
 * Are these bytes (without a header) a set in canonical form?  If so, its
 * members, sorted here.
 */
static bool
canonical(const char *body, Size size, Scopes *result)
{
	const char *p = body;
	const char *end = body + size;
	uint8		version,
				flags;
	uint16		nmembers,
				nfilters,
				nlocals;
	uint32		npairs;
	uint64		open;
	uint64	   *masks;
	uint32	   *filter_ends;
	uint32	   *local_ends;
	uint16	   *pair_locals;
	uint16	   *pair_filters;
	uint8	   *kinds;
	Word	   *filters;
	Word	   *locals;
	uint64		known;
	uint32		i,
				j;
	uint32		from;
	int			n = 0;

	READ(version);
	READ(flags);
	READ(nmembers);
	READ(nfilters);
	READ(nlocals);
	READ(npairs);
	READ(open);
	READ_ARRAY(masks, nfilters);
	READ_ARRAY(filter_ends, nfilters);
	READ_ARRAY(local_ends, nlocals);
	READ_ARRAY(pair_locals, npairs);
	READ_ARRAY(pair_filters, npairs);
	READ_ARRAY(kinds, nfilters);
	if (version != SCOPESET_VERSION || flags != 0)
		return false;

	known = SCOPE_DICTIONARY_SIZE < 64 ?
		(UINT64CONST(1) << SCOPE_DICTIONARY_SIZE) - 1 : ~UINT64CONST(0);
	filters = palloc0(sizeof(Word) * (nfilters + 1));
	locals = palloc0(sizeof(Word) * (nlocals + 1));
	for (i = 0, from = 0; i < nfilters; from = filter_ends[i++])
	{
		bool		self = kinds[i] == SCOPE_SERVER_SELF ||
			kinds[i] == SCOPE_SERVICE_SELF || kinds[i] == SCOPE_USER_SELF;

		if (filter_ends[i] < from || filter_ends[i] > (uint32) (end - p))
			return false;
		filters[i].text = p + from;
		filters[i].len = filter_ends[i] - from;
		filters[i].kind = kinds[i];
		filters[i].mask = masks[i];
		if (kinds[i] < SCOPE_GROUP || kinds[i] > SCOPE_USER ||
			(masks[i] & ~known) != 0 || (open & ~known) != 0)
			return false;
		if (self != (filters[i].len == 0) || (!self && !name_good(&filters[i], false)))
			return false;
		if (i > 0 && filter_cmp(&filters[i - 1], &filters[i]) >= 0)
			return false;
	}
	if ((open & ~known) != 0)
		return false;
	p += from;
	for (i = 0, from = 0; i < nlocals; from = local_ends[i++])
	{
		if (local_ends[i] < from || local_ends[i] > (uint32) (end - p))
			return false;
		locals[i].text = p + from;
		locals[i].len = local_ends[i] - from;
		if (!name_good(&locals[i], true))
			return false;
		if (i > 0 && bytes_cmp(&locals[i - 1], &locals[i]) >= 0)
			return false;
		for (j = 0; j < SCOPE_DICTIONARY_SIZE; j++)
		{
			Word		name = dictionary(j);

			if (bytes_cmp(&name, &locals[i]) == 0)
				return false;
		}
	}
	if (p + from != end)
		return false;

	/* the members; each name must have one */
	result->members = palloc(sizeof(Scope) * ((Size) nmembers + 1));
	for (i = 0; i <= nfilters; i++)
	{
		uint64		mask = i == 0 ? open : masks[i - 1];

		for (j = 0; j < 64; j++)
			if (mask & (UINT64CONST(1) << j))
			{
				if (n >= nmembers)
					return false;
				result->members[n].base = dictionary(j);
				memset(&result->members[n].filter, 0, sizeof(Word));
				if (i > 0)
					result->members[n].filter = filters[i - 1];
				n++;
			}
		if (i > 0 && mask == 0)
		{
			for (j = 0; j < npairs && pair_filters[j] != i; j++)
				;
			if (j == npairs)
				return false;
		}
	}
	for (i = 0; i < npairs; i++)
	{
		if (pair_locals[i] >= nlocals || pair_filters[i] > nfilters ||
			n >= nmembers)
			return false;
		if (i > 0 && (pair_locals[i - 1] > pair_locals[i] ||
					  (pair_locals[i - 1] == pair_locals[i] &&
					   pair_filters[i - 1] >= pair_filters[i])))
			return false;
		/* locals come in order, so none is left out */
		if (pair_locals[i] > (i > 0 ? pair_locals[i - 1] + 1 : 0))
			return false;
		result->members[n].base = locals[pair_locals[i]];
		memset(&result->members[n].filter, 0, sizeof(Word));
		if (pair_filters[i] > 0)
			result->members[n].filter = filters[pair_filters[i] - 1];
		n++;
	}
	if (nlocals != (npairs > 0 ? pair_locals[npairs - 1] + 1 : 0))
		return false;
	if (n != nmembers)
		return false;
	result->n = n;
	qsort(result->members, n, sizeof(Scope), member_sort);
	return true;
}

/* Whatever comes out of the code is canonical. */
static Scopes
members_of(const Scopeset *set)
{
	Scopes		result = {0};

	LAW(canonical(VARDATA_ANY(set), VARSIZE_ANY_EXHDR(set), &result));
	return result;
}

/* ---- what is right, member by member ---- */

/* Membership that depends on the names only: an arbitrary one. */
static bool
any_member(ScopeMembership *self, const char *user, int user_len,
		   const char *group, int group_len)
{
	return ((user[0] ^ group[group_len - 1] ^ user_len) & 1) != 0;
}

static ScopeMembership some_groups = {any_member, NULL};

static bool
slow_covers_one(const Scope *have, const Scope *want, ScopeMembership *m)
{
	const Word *h = &have->filter;
	Word		owner = want->filter;
	const char *slash;

	if (bytes_cmp(&have->base, &want->base) != 0)
		return false;
	if (h->kind == SCOPE_OPEN || filter_cmp(h, &want->filter) == 0)
		return true;
	if (owner.kind == SCOPE_SERVER)
	{
		slash = memchr(owner.text, '/', owner.len);
		if (slash)
			owner.len = (int) (slash - owner.text);
		owner.kind = SCOPE_USER;
		if (filter_cmp(h, &owner) == 0)
			return true;
	}
	return m && owner.kind == SCOPE_USER && h->kind == SCOPE_GROUP &&
		m->is_member(m, owner.text, owner.len, h->text, h->len);
}

static bool
slow_covers(const Scopes *have, const Scope *want, ScopeMembership *m)
{
	int			i;

	for (i = 0; i < have->n; i++)
		if (slow_covers_one(&have->members[i], want, m))
			return true;
	return false;
}

static bool
same_members(const Scopes *a, const Scopes *b)
{
	int			i;

	if (a->n != b->n)
		return false;
	for (i = 0; i < a->n; i++)
		if (member_cmp(&a->members[i], &b->members[i]) != 0)
			return false;
	return true;
}

/* Sort, throw out repetitions and, to reduce, what is there unfiltered. */
static void
slow_tidy(Scopes *a, bool reduce)
{
	Scopes		result = {0};
	int			i,
				j;

	qsort(a->members, a->n, sizeof(Scope), member_sort);
	result.members = palloc(sizeof(Scope) * (a->n + 1));
	for (i = 0; i < a->n; i++)
	{
		bool		open = false;

		if (i > 0 && member_cmp(&a->members[i - 1], &a->members[i]) == 0)
			continue;
		for (j = 0; reduce && j < a->n; j++)
			open |= a->members[i].filter.kind != SCOPE_OPEN &&
				a->members[j].filter.kind == SCOPE_OPEN &&
				bytes_cmp(&a->members[i].base, &a->members[j].base) == 0;
		if (!open)
			result.members[result.n++] = a->members[i];
	}
	*a = result;
}

/* The members of a for which (not) something of b covers them, added to r. */
static void
slow_take(Scopes *r, const Scopes *a, const Scopes *b, bool covered,
		  ScopeMembership *m)
{
	int			i;

	for (i = 0; i < a->n; i++)
		if (slow_covers(b, &a->members[i], m) == covered)
			r->members[r->n++] = a->members[i];
}

/* ---- one set ---- */

/*
 * The same value with a short header, at an odd address, in a piece of memory
 * of just its size; or itself, when it is too long for that.
 */
static Scopeset *
shortened(const Scopeset *set)
{
	Size		size = VARSIZE_ANY_EXHDR(set);
	char	   *odd;

	if (VARATT_IS_SHORT(set) || size + VARHDRSZ_SHORT > VARATT_SHORT_MAX)
		return (Scopeset *) set;
	odd = (char *) palloc(size + VARHDRSZ_SHORT + 1) + 1;
	SET_VARSIZE_SHORT(odd, size + VARHDRSZ_SHORT);
	memcpy(odd + VARHDRSZ_SHORT, VARDATA_ANY(set), size);
	return (Scopeset *) odd;
}

static bool
ascii(const char *s)
{
	for (; *s; s++)
		if (IS_HIGHBIT_SET(*s) || *s < 0x20)
			return false;
	return true;
}

/* The set that an aggregate makes of each of its members. */
static Scopeset *
aggregated(const Scopeset *set)
{
	ScopeIter	iter;
	ScopeMember member;
	Datum		state = (Datum) 0;
	Datum		other = (Datum) 0;
	int			n = 0;

	scope_iter_init(&iter, set);
	while (scope_iter_next(&iter, &member))
	{
		Datum		one = PointerGetDatum(shortened(scopeset_single(&member)));
		Datum	   *into = (++n & 1) ? &state : &other;

		*into = *into ? CALL(scopeset_agg_add, *into, one) :
			call_first(scopeset_agg_add, one);
	}
	if (state == (Datum) 0)
		return scopeset_empty();
	if (other != (Datum) 0)
		state = CALL(scopeset_agg_combine, state,
					 CALL(scopeset_agg_deserialize,
						  CALL(scopeset_agg_serialize, other)));
	return (Scopeset *) DatumGetPointer(CALL(scopeset_agg_final, state));
}

static void
check_one(const Scopeset *set)
{
	Scopes		members = members_of(set);
	Scopeset   *odd = shortened(set);
	Datum		value = PointerGetDatum(odd);
	ScopeIter	iter;
	ScopeMember m;
	ScopeBuilder *b;
	char	   *text = scopeset_to_text(set);
	bytea	   *wire;
	StringInfoData buf;
	char	   *defect = NULL;
	Scopeset   *again;
	const char *bad;
	int			where;
	Scopes		slow;
	int			i;

	/* the text is ASCII, and reads back; so do the other forms */
	LAW(ascii(text));
	again = scopeset_from_text(text, strlen(text), NULL);
	LAW(scopeset_equal(set, again));
	again = scopeset_from_json(text, strlen(text), &defect);
	LAW(again && scopeset_equal(set, again));
	LAW(scopeset_equal(set, (Scopeset *) CALL(text_to_scopeset,
											  CALL(scopeset_as_text, value))));
	LAW(strcmp(DatumGetCString(CALL(scopeset_out, value)), text) == 0);
	wire = DatumGetByteaPP(CALL(scopeset_send, value));
	buf.data = pnstrdup(VARDATA_ANY(wire), VARSIZE_ANY_EXHDR(wire));
	buf.len = VARSIZE_ANY_EXHDR(wire);
	buf.maxlen = buf.len + 1;
	buf.cursor = 0;
	LAW(scopeset_equal(set, (Scopeset *) CALL(scopeset_recv, PointerGetDatum(&buf))));
	LAW(buf.cursor == buf.len);

	/* walking gives the members in order; a builder takes them in any order */
	b = scope_builder_create();
	scope_iter_init(&iter, odd);
	for (i = 0; scope_iter_next(&iter, &m); i++)
	{
		Scope		walked = {{m.base, m.base_len, 0, 0}, {m.value, m.value_len, m.kind, 0}};

		LAW(i < members.n && member_cmp(&walked, &members.members[i]) == 0);
		LAW((m.value == NULL) == (m.kind == SCOPE_OPEN || scope_kind_is_self(m.kind)));
		LAW(m.base_id == scope_dictionary_find(m.base, m.base_len));
		if (i < 300)
			LAW(scopeset_covers_member(odd, &m, NULL) &&
				scopeset_covers_member(odd, &m, &some_groups));
	}
	LAW(i == members.n);
	for (i = members.n - 1; i >= 0; i--)
	{
		Scope	   *from = &members.members[(Size) i * 7 % members.n];

		if (members.n % 7 == 0)
			from = &members.members[i];
		resetStringInfo(&buf);
		memset(&m, 0, sizeof(m));
		m.base = from->base.text;
		m.base_len = from->base.len;
		m.kind = from->filter.kind;
		m.value = from->filter.text;
		m.value_len = from->filter.len;
		scope_append(&buf, &m);
		if (shim_encoding != PG_LATIN1)
			scope_builder_add_element(b, pnstrdup(buf.data, buf.len), buf.len, i);
		else
			LAW(scope_builder_add_text(b, buf.data, buf.len, &bad, &where));
	}
	LAW(scopeset_equal(set, scope_builder_finish(b, false)));
	LAW(scopeset_is_empty(odd) == (members.n == 0));

	/* reducing */
	again = scopeset_reduced(odd);
	LAW(scopeset_covers_with(again, odd, NULL) && scopeset_covers_with(odd, again, NULL));
	LAW(scopeset_equal(again, scopeset_reduced(again)));
	if (members.n <= MAX_SLOW)
	{
		slow = members;
		slow_tidy(&slow, true);
		members = members_of(again);
		LAW(same_members(&slow, &members));
		LAW(scopeset_equal(aggregated(set), set));
	}
	LAW(scopeset_compare(odd, set) == 0 && scopeset_hash64(odd) == scopeset_hash64(set));
	LAW((uint32) CALL(scopeset_hash_extended, value, Int64GetDatum(0)) ==
		scopeset_hash_value(set));
}

/* The OAuth form, which must read back where there is one. */
static void
oauth(const Scopeset *set)
{
	text	   *t = DatumGetTextPP(CALL(jhub_authz_oauth_scope, PointerGetDatum(set)));

	/* a text that begins with '[' would be taken for the other form */
	if (VARSIZE_ANY_EXHDR(t) == 0 || VARDATA_ANY(t)[0] != '[')
		LAW(scopeset_equal(set, scopeset_from_text(VARDATA_ANY(t), VARSIZE_ANY_EXHDR(t), NULL)));
}

/* ---- operators ---- */

static void
check_gin(const Scopeset *row, const Scopeset *query, StrategyNumber strategy,
		  bool right)
{
	int32		nrow = 0;
	int32		nquery = 0;
	int32		mode = 0;
	bool	   *partial = NULL;
	bool	   *nulls = NULL;
	Pointer    *extra = NULL;
	bool		recheck = false;
	Datum	   *row_keys;
	Datum	   *keys;
	GinTernaryValue *check;
	GinTernaryValue *maybe;
	GinTernaryValue three;
	bool		found = false;
	bool		answer;
	int			i,
				j;

	row_keys = (Datum *) CALL(scopeset_gin_extract_value, PointerGetDatum(row),
							  PointerGetDatum(&nrow), PointerGetDatum(&nulls));
	keys = (Datum *) CALL(scopeset_gin_extract_query, PointerGetDatum(query),
						  PointerGetDatum(&nquery), UInt16GetDatum(strategy),
						  PointerGetDatum(&partial), PointerGetDatum(&extra),
						  PointerGetDatum(&nulls), PointerGetDatum(&mode));
	check = palloc0(nquery + 1);
	maybe = palloc0(nquery + 1);
	for (i = 0; i < nquery; i++)
	{
		for (j = 0; j < nrow && !check[i]; j++)
			check[i] = partial != NULL && partial[i] ?
				DatumGetInt32(CALL(scopeset_gin_compare_partial, keys[i], row_keys[j],
								   UInt16GetDatum(strategy), PointerGetDatum(NULL))) == 0 :
				VARSIZE_ANY(row_keys[j]) == VARSIZE_ANY(keys[i]) &&
				memcmp(DatumGetPointer(row_keys[j]), DatumGetPointer(keys[i]),
					   VARSIZE_ANY(keys[i])) == 0;
		found |= check[i] != 0;
		maybe[i] = (i & 1) ? GIN_MAYBE : check[i];
	}
	/* what the index does not look at at all */
	if (!found && mode == GIN_SEARCH_MODE_DEFAULT)
	{
		LAW(!right);
		return;
	}
	if (!found && nrow > 0 && mode == GIN_SEARCH_MODE_INCLUDE_EMPTY)
	{
		LAW(!right);
		return;
	}
	if (nquery == 0)
		return;
	answer = DatumGetBool(CALL(scopeset_gin_consistent, PointerGetDatum(check),
							   UInt16GetDatum(strategy), PointerGetDatum(query),
							   Int32GetDatum(nquery), PointerGetDatum(extra),
							   PointerGetDatum(&recheck)));
	LAW(right ? answer : !answer || recheck);
	three = DatumGetGinTernaryValue(CALL(scopeset_gin_triconsistent,
										 PointerGetDatum(maybe), UInt16GetDatum(strategy),
										 PointerGetDatum(query), Int32GetDatum(nquery),
										 PointerGetDatum(extra)));
	LAW(right ? three != GIN_FALSE : three != GIN_TRUE);
}

static void
check_two(const Scopeset *a, const Scopeset *b, ScopeMembership *m)
{
	Scopes		ma = members_of(a);
	Scopes		mb = members_of(b);
	Scopeset   *both = scopeset_intersect_with(a, b, m);
	Scopeset   *minus = scopeset_minus_with(a, b, m);
	Scopes		mboth = members_of(both);
	Scopes		mminus = members_of(minus);
	Scopes		slow = {0};
	bool		covers = scopeset_covers_with(a, b, m);
	bool		overlaps = scopeset_overlaps_with(a, b, m);
	int			i;
	bool		all = true;

	LAW(overlaps == scopeset_overlaps_with(b, a, m));
	LAW(overlaps == !scopeset_is_empty(both));
	LAW(scopeset_equal(both, scopeset_intersect_with(b, a, m)));
	LAW(scopeset_covers_with(a, both, m) && scopeset_covers_with(b, both, m));
	LAW(scopeset_covers_with(b, a, m) == scopeset_is_empty(minus));
	LAW(scopeset_covers_with(a, minus, NULL));
	/* the difference may ask more: what is there without a filter goes unasked */
	if (m && !scopeset_needs_groups(a, b))
	{
		LAW(covers == scopeset_covers_with(a, b, NULL));
		LAW(overlaps == scopeset_overlaps_with(a, b, NULL));
		LAW(scopeset_equal(both, scopeset_intersect_with(a, b, NULL)));
	}
	if (ma.n > MAX_SLOW || mb.n > MAX_SLOW)
		return;

	for (i = 0; i < mb.n; i++)
		all &= slow_covers(&ma, &mb.members[i], m);
	LAW(covers == all);

	slow.members = palloc(sizeof(Scope) * (ma.n + mb.n + 1));
	slow_take(&slow, &ma, &mb, false, m);
	LAW(same_members(&slow, &mminus));

	/* both sides as reduced; so the order of many does not matter */
	slow_tidy(&ma, true);
	slow_tidy(&mb, true);
	slow.n = 0;
	slow_take(&slow, &ma, &mb, true, m);
	slow_take(&slow, &mb, &ma, true, m);
	slow_tidy(&slow, true);
	LAW(same_members(&slow, &mboth));

	if (m == NULL)
	{
		check_gin(a, b, RTContainsStrategyNumber, covers);
		check_gin(a, b, SCOPESET_MAY_CONTAIN_STRATEGY,
				  DatumGetBool(CALL(scopeset_may_contain, PointerGetDatum(a), PointerGetDatum(b))));
		check_gin(a, b, RTContainedByStrategyNumber, scopeset_covers_with(b, a, NULL));
		check_gin(a, b, RTOverlapStrategyNumber, overlaps);
		check_gin(a, b, RTEqualStrategyNumber, scopeset_equal(a, b));
	}
}

static int
sign(int n)
{
	return (n > 0) - (n < 0);
}

/* Union and order, which know no membership. */
static void
check_union(const Scopeset *a, const Scopeset *b)
{
	Scopeset   *both = scopeset_union_of(a, b);
	Scopes		ma = members_of(a);
	Scopes		mb = members_of(b);
	Scopes		mu = members_of(both);
	Scopes		slow = {0};
	int			cmp = 0;
	int			i;

	slow.members = palloc(sizeof(Scope) * (ma.n + mb.n + 1));
	memcpy(slow.members, ma.members, sizeof(Scope) * ma.n);
	memcpy(slow.members + ma.n, mb.members, sizeof(Scope) * mb.n);
	slow.n = ma.n + mb.n;
	slow_tidy(&slow, false);
	LAW(same_members(&slow, &mu));
	LAW(scopeset_equal(both, scopeset_union_of(b, a)));
	LAW(scopeset_covers_with(both, a, NULL) && scopeset_covers_with(both, b, NULL));

	for (i = 0; i < ma.n && i < mb.n && cmp == 0; i++)
		cmp = member_cmp(&ma.members[i], &mb.members[i]);
	cmp = cmp ? cmp : ma.n - mb.n;
	LAW(sign(cmp) == scopeset_compare(a, b) && sign(cmp) == -scopeset_compare(b, a));
	LAW((cmp == 0) == scopeset_equal(a, b));
	LAW(cmp != 0 || scopeset_hash64(a) == scopeset_hash64(b));
}

static void
check_three(const Scopeset *a, const Scopeset *b, const Scopeset *c)
{
	LAW(scopeset_equal(scopeset_union_of(a, scopeset_union_of(b, c)),
					   scopeset_union_of(scopeset_union_of(a, b), c)));
	LAW(scopeset_equal(scopeset_intersect_with(a, scopeset_intersect_with(b, c, NULL), NULL),
					   scopeset_intersect_with(scopeset_intersect_with(a, b, NULL), c, NULL)));
	if (scopeset_covers_with(a, b, NULL) && scopeset_covers_with(b, c, NULL))
		LAW(scopeset_covers_with(a, c, NULL));
	if (scopeset_compare(a, b) <= 0 && scopeset_compare(b, c) <= 0)
		LAW(scopeset_compare(a, c) <= 0);
}

/* ---- inputs ---- */

/* The pieces of the input between NULs, each in memory of just its size. */
static int
pieces(const char *data, int size, int max, char **piece, int *len)
{
	int			n = 0;

	while (n < max)
	{
		const char *nul = memchr(data, 0, size);
		int			l = nul ? (int) (nul - data) : size;

		piece[n] = palloc(l);
		memcpy(piece[n], data, l);
		len[n++] = l;
		if (nul == NULL)
			break;
		data += l + 1;
		size -= l + 1;
	}
	return n;
}

static void
input_text(char *str, int len)
{
	Scopeset   *set;

	if (!acceptable(str, len))
		return;
	set = scopeset_from_text(str, len, NULL);
	/* the input function takes a string that ends in NUL */
	LAW(scopeset_equal(set, (Scopeset *) CALL(scopeset_in,
											  CStringGetDatum(pnstrdup(str, len)))));
	check_one(set);
	oauth(set);
}

static void
input_json(char *str, int len)
{
	char	   *defect = NULL;
	Scopeset   *set;
	int			at = 0;

	if (!acceptable(str, len))
		return;
	/* Never an error, but for what the encoding itself refuses. */
	set = scopeset_from_json(str, len, &defect);
	LAW(set != NULL || defect != NULL);
	if (defect != NULL)
	{
		LAW(pg_verify_mbstr(shim_encoding, defect, strlen(defect), true));
		LAW(defect[0] != '\0' && defect[strlen(defect) - 1] == '.');
	}
	if (set == NULL)
		return;
	while (at < len && strchr(" \t\n\r\v\f", str[at]))
		at++;
	LAW(at < len && (str[at] == '[' || (str[at] == '{' && defect != NULL)));
	check_one(set);
	/* what is JSON for one is for the other, unless something was left out */
	if (str[at] == '[')
		LAW(scopeset_equal(set, scopeset_from_text(str, len, NULL)) && defect == NULL);
}

static void
input_wire(char *str, int len)
{
	StringInfoData buf;

	buf.data = str;
	buf.len = buf.maxlen = len;
	buf.cursor = 0;
	check_one((Scopeset *) CALL(scopeset_recv, PointerGetDatum(&buf)));
	LAW(buf.cursor == buf.len);
}

static void
input_operators(char *data, int size)
{
	char	   *piece[3];
	int			len[3];
	int			n = pieces(data, size, 3, piece, len);
	Scopeset   *set[3];
	int			i,
				j;

	for (i = 0; i < n; i++)
	{
		if (!acceptable(piece[i], len[i]))
			return;
		set[i] = shortened(scopeset_from_text(piece[i], len[i], NULL));
	}
	for (i = 0; i < n; i++)
		for (j = 0; j < n; j++)
		{
			check_two(set[i], set[j], NULL);
			check_two(set[i], set[j], &some_groups);
			check_union(set[i], set[j]);
		}
	if (n == 3)
		check_three(set[0], set[1], set[2]);
}

/* Renaming: to what was asked for, and back when nothing came together. */
static void
input_rename(char *data, int size)
{
	static const ScopeKind all[] = {SCOPE_USER, SCOPE_GROUP, SCOPE_SERVICE, SCOPE_SERVER};
	char	   *piece[9];
	int			len[9];
	int			n = pieces(data, size, 9, piece, len);
	ScopeKind	kinds[4];
	char	   *olds[4];
	char	   *news[4];
	Scopeset   *set;
	Scopeset   *renamed;
	Scopes		before,
				after;
	int			pairs = 0;
	int			i;

	if (!acceptable(piece[0], len[0]))
		return;
	set = shortened(scopeset_from_text(piece[0], len[0], NULL));
	LAW(scopeset_equal(set, scopeset_renamed(set, 0, NULL, NULL, NULL)));
	for (i = 1; i + 1 < n; i += 2, pairs++)
	{
		kinds[pairs] = all[len[i] > 0 ? (uint8) piece[i][0] & 3 : 0];
		olds[pairs] = pnstrdup(piece[i] + Min(1, len[i]), Max(len[i] - 1, 0));
		news[pairs] = pnstrdup(piece[i + 1], len[i + 1]);
	}
	renamed = scopeset_renamed(set, pairs, kinds, olds, news);
	before = members_of(set);
	after = members_of(renamed);
	LAW(after.n <= before.n);
	for (i = 0; i < pairs; i++)
		if (!scopeset_names_filter(set, kinds[i], olds[i], strlen(olds[i])) &&
			pairs == 1)
			LAW(scopeset_equal(set, renamed));
	check_one(renamed);
	/* swapping two of a kind twice is doing nothing */
	if (pairs == 1 && kinds[0] != SCOPE_SERVER && olds[0][0] && news[0][0] &&
		scope_value_ok(olds[0], strlen(olds[0])) && scope_value_ok(news[0], strlen(news[0])) &&
		memchr(olds[0], '/', strlen(olds[0])) == NULL &&
		memchr(news[0], '/', strlen(news[0])) == NULL)
	{
		kinds[1] = kinds[0];
		olds[1] = news[0];
		news[1] = olds[0];
		renamed = scopeset_renamed(set, 2, kinds, olds, news);
		members_of(renamed);
		renamed = scopeset_renamed(renamed, 2, kinds, olds, news);
		LAW(scopeset_equal(set, renamed));
	}
}

/* What the version before today's wrote, from its description. */
static Scopeset *
stored_before(const Scopes *members, uint64 names)
{
	int			n = members->n;
	Word	   *filters = palloc0(sizeof(Word) * (n + 1));
	Word	   *locals = palloc0(sizeof(Word) * (n + 1));
	uint64		open = 0;
	uint16		nmembers = n;
	uint16		nfilters = 0;
	uint16		nlocals = 0;
	uint32		npairs = 0;
	uint16	   *pair_locals = palloc(sizeof(uint16) * (n + 1));
	uint16	   *pair_filters = palloc(sizeof(uint16) * (n + 1));
	uint16		head[1] = {SCOPESET_VERSION - 1};	/* flags are 0 */
	StringInfoData buf;
	uint32		end;
	int			i,
				j;

	/* distinct filters in order */
	for (i = 0; i < n; i++)
	{
		const Word *f = &members->members[i].filter;

		if (f->kind == SCOPE_OPEN)
			continue;
		for (j = 0; j < nfilters && filter_cmp(&filters[j], f) < 0; j++)
			;
		if (j < nfilters && filter_cmp(&filters[j], f) == 0)
			continue;
		memmove(&filters[j + 1], &filters[j], sizeof(Word) * (nfilters - j));
		filters[j] = *f;
		filters[j].mask = 0;
		nfilters++;
	}
	for (i = 0; i < n; i++)
	{
		const Scope *m = &members->members[i];
		int			filter = 0;
		int			bit = 0;
		uint64		one = 0;

		for (j = 0; j < nfilters && m->filter.kind != SCOPE_OPEN; j++)
			if (filter_cmp(&filters[j], &m->filter) == 0)
				filter = j + 1;
		for (j = 0; j < SCOPE_DICTIONARY_SIZE; j++)
		{
			Word		name = dictionary(j);

			if ((names & (UINT64CONST(1) << j)) == 0)
				continue;
			if (bytes_cmp(&name, &m->base) == 0)
				one = UINT64CONST(1) << bit;
			bit++;
		}
		if (one && filter == 0)
			open |= one;
		else if (one)
			filters[filter - 1].mask |= one;
		else
		{
			/* members are in order, so locals and their filters are */
			if (nlocals == 0 || bytes_cmp(&locals[nlocals - 1], &m->base) != 0)
				locals[nlocals++] = m->base;
			pair_locals[npairs] = nlocals - 1;
			pair_filters[npairs++] = filter;
		}
	}

	initStringInfo(&buf);
	appendStringInfoSpaces(&buf, VARHDRSZ);
#define WRITE(value) appendBinaryStringInfo(&buf, (const char *) &(value), sizeof(value))
	WRITE(head);
	WRITE(nmembers);
	WRITE(nfilters);
	WRITE(nlocals);
	WRITE(npairs);
	WRITE(open);
	for (i = 0; i < nfilters; i++)
		WRITE(filters[i].mask);
	for (i = 0, end = 0; i < nfilters; i++)
	{
		end += filters[i].len;
		WRITE(end);
	}
	for (i = 0, end = 0; i < nlocals; i++)
	{
		end += locals[i].len;
		WRITE(end);
	}
	appendBinaryStringInfo(&buf, (const char *) pair_locals, sizeof(uint16) * npairs);
	appendBinaryStringInfo(&buf, (const char *) pair_filters, sizeof(uint16) * npairs);
	for (i = 0; i < nfilters; i++)
		appendStringInfoChar(&buf, (char) filters[i].kind);
	for (i = 0; i < nfilters; i++)
		appendBinaryStringInfo(&buf, SCOPE_TEXT(filters[i].text), filters[i].len);
	for (i = 0; i < nlocals; i++)
		appendBinaryStringInfo(&buf, locals[i].text, locals[i].len);
	SET_VARSIZE(buf.data, buf.len);
	return (Scopeset *) buf.data;
}

static void
input_stored(char *str, int len, int options)
{
	static const uint64 names[] = SCOPE_DICTIONARY_VERSIONS;
	Scopes		members;
	Scopeset   *set;
	Scopeset   *before;

	if (!acceptable(str, len))
		return;
	set = scopeset_from_text(str, len, NULL);
	members = members_of(set);
	if (members.n > 1000)
		return;
	before = stored_before(&members, names[SCOPESET_VERSION - 2]);
	if (options & 4)
		before = shortened(before);
	LAW(scopeset_equal(set, DatumGetScopesetP(PointerGetDatum(before))));
	LAW(DatumGetBool(CALL(scopeset_contains, PointerGetDatum(before), PointerGetDatum(set))));
	LAW(DatumGetBool(CALL(scopeset_contains, PointerGetDatum(set), PointerGetDatum(before))));
	/* a version that is not known */
	VARDATA_ANY(before)[0] = (options & 8) ? 0 : SCOPESET_VERSION + 1 + (options >> 4);
	(void) DatumGetScopesetP(PointerGetDatum(before));
	LAW(false);
}

static void
input_bytes(char *body, int len)
{
	Scopeset   *set = palloc(len + VARHDRSZ);
	Scopes		members;

	SET_VARSIZE(set, len + VARHDRSZ);
	memcpy(VARDATA(set), body, len);
	if (len > 2)
	{
		VARDATA(set)[0] = SCOPESET_VERSION;
		VARDATA(set)[1] = 0;
	}
	/* what nobody has written is nobody's input */
	if (!canonical(VARDATA(set), len, &members))
		return;
	check_one(set);
	check_two(set, set, NULL);
}

/* ---- the catalogue ---- */

static CustomScopes no_custom_scopes;

const CustomScopes *
custom_scopes_get(void)
{
	int			i;

	for (i = 0; i < CATALOGUE_NRELEASES; i++)
	{
		no_custom_scopes.catalogues[i].release = &catalogue_releases[i];
		no_custom_scopes.catalogues[i].custom = &no_custom_scopes;
	}
	return &no_custom_scopes;
}

int
custom_scopes_find(const CustomScopes *custom, const char *name, int len)
{
	return -1;
}

static void
input_expand(char *data, int size)
{
	char	   *piece[4];
	int			len[4];
	int			n = pieces(data, size, 4, piece, len);
	ExpandTarget target = {0};
	Scopeset   *set;
	int			i;

	for (i = 0; i < n; i++)
		if (!acceptable(piece[i], len[i]))
			return;
	set = shortened(scopeset_from_text(piece[0], len[0], NULL));
	if (n > 1)
		target.user = pnstrdup(piece[1], len[1]);
	if (n > 2)
		target.service = pnstrdup(piece[2], len[2]);
	if (n > 3)
		target.server = pnstrdup(piece[3], len[3]);
	for (i = 0; i < CATALOGUE_NRELEASES; i++)
	{
		const Catalogue *catalogue = catalogue_get(&catalogue_releases[i]);
		Scopeset   *expanded = catalogue_expand(catalogue, set, &target);
		Scopeset   *undefined = catalogue_undefined(catalogue, set);

		members_of(expanded);
		LAW(scopeset_equal(expanded, scopeset_reduced(expanded)));
		LAW(!scopeset_has_kind(expanded, SCOPE_USER_SELF) &&
			!scopeset_has_kind(expanded, SCOPE_SERVICE_SELF) &&
			!scopeset_has_kind(expanded, SCOPE_SERVER_SELF));
		/* more raw scopes never give less */
		LAW(scopeset_covers_with(expanded,
								 catalogue_expand(catalogue, scopeset_reduced(set), &target),
								 NULL));
		if (undefined)
			LAW(scopeset_covers_with(set, undefined, NULL) &&
				!scopeset_is_empty(undefined));
	}
	/* the hint for what is undefined */
	catalogue_check_defined(catalogue_get(catalogue_newest_release()), set);
	LAW(catalogue_undefined(catalogue_get(catalogue_newest_release()), set) == NULL);
}

static void
input_custom(char *str, int len)
{
	CustomDocument *document;
	int			i,
				j;

	/* the server's text, converted: valid UTF-8 without NUL */
	if (!pg_verify_mbstr(PG_UTF8, str, len, true))
		return;
	document = custom_document_read(str, len);
	for (i = 0; i < document->n; i++)
	{
		CustomDefinition *d = &document->definitions[i];

		LAW(pg_verify_mbstr(PG_UTF8, d->name, strlen(d->name), true));
		LAW(pg_verify_mbstr(PG_UTF8, d->description, strlen(d->description), true));
		for (j = 0; j < d->nsubscopes; j++)
			LAW(pg_verify_mbstr(PG_UTF8, d->subscopes[j], strlen(d->subscopes[j]), true));
	}
}

/* ---- one input ---- */

static void
one_input(int what, int options, char *rest, int len)
{
	switch (what)
	{
		case 't':
			input_text(rest, len);
			break;
		case 'j':
			input_json(rest, len);
			break;
		case 'w':
			input_wire(rest, len);
			break;
		case 'o':
			input_operators(rest, len);
			break;
		case 'r':
			input_rename(rest, len);
			break;
		case 's':
			input_stored(rest, len, options);
			break;
		case 'b':
			input_bytes(rest, len);
			break;
		case 'e':
			input_expand(rest, len);
			break;
		case 'c':
			input_custom(rest, len);
			break;
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const int encodings[] = {PG_UTF8, PG_UTF8, PG_SQL_ASCII, PG_LATIN1};
	sigjmp_buf	env;
	char	   *rest;

	if (size < 2 || size > 1024 * 1024)
		return 0;
	shim_encoding = encodings[data[1] & 3];
	/* of just its size, so that nothing is read beyond */
	rest = palloc(size - 2);
	memcpy(rest, data + 2, size - 2);
	if (sigsetjmp(env, 0) == 0)
	{
		PG_exception_stack = &env;
		one_input(data[0], data[1], rest, (int) size - 2);
	}
	else
		check_error();
	shim_reset();
	return 0;
}
