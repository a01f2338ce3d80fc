/*-------------------------------------------------------------------------
 *
 * scope_parse.c
 *	  The grammar of one scope: base, base!kind, base!kind=value.
 *
 * Pure C over UTF-8 bytes: no fmgr, no memory, no errors raised.  Whether a
 * base exists is not asked here.  The first '!' ends the base, the first '='
 * ends the kind, the value is the rest, so that values may hold both.
 *
 *-------------------------------------------------------------------------
 */
#include "scopeset.h"

const char *const scope_too_long = "A scope may have 2000 bytes at most.";
const char *const scope_unknown_kind =
"The kind of a filter must be user, service, group or server.";

/* ---- well-known bases ---- */

typedef struct DictionaryName
{
	const char *name;
	int			len;
} DictionaryName;

#define DICTIONARY_ENTRY(id, name, len) {name, len},
static const DictionaryName dictionary[SCOPE_DICTIONARY_SIZE] = {
	SCOPE_DICTIONARY(DICTIONARY_ENTRY)
};

StaticAssertDecl(SCOPE_DICTIONARY_SIZE <= 64,
				 "a base of the dictionary must have a bit in a mask");

/*
 * An open-addressing hash table over the dictionary, filled at first use.
 * With 48 names, 64 at most, in 256 slots most look-ups end at the first one.
 */
#define DICTIONARY_SLOTS	256
static int8 dictionary_slots[DICTIONARY_SLOTS];
static bool dictionary_ready = false;

static inline unsigned int
dictionary_hash(const char *base, int len)
{
	const unsigned char *s = (const unsigned char *) base;

	return (s[0] * 37 + s[len - 1] * 26 + s[len >> 1] * 13 + len * 7) &
		(DICTIONARY_SLOTS - 1);
}

static void
dictionary_prepare(void)
{
	int			id;

	memset(dictionary_slots, -1, sizeof(dictionary_slots));
	for (id = 0; id < SCOPE_DICTIONARY_SIZE; id++)
	{
		unsigned int slot = dictionary_hash(dictionary[id].name,
											dictionary[id].len);

		while (dictionary_slots[slot] >= 0)
			slot = (slot + 1) & (DICTIONARY_SLOTS - 1);
		dictionary_slots[slot] = (int8) id;
	}
	dictionary_ready = true;
}

/*
 * scope_dictionary_find -
 *
 * Index of a base name in the dictionary, or -1.
 */
int
scope_dictionary_find(const char *base, int len)
{
	unsigned int slot;

	if (len <= 0)
		return -1;
	if (!dictionary_ready)
		dictionary_prepare();
	for (slot = dictionary_hash(base, len);
		 dictionary_slots[slot] >= 0;
		 slot = (slot + 1) & (DICTIONARY_SLOTS - 1))
	{
		const DictionaryName *entry = &dictionary[dictionary_slots[slot]];

		if (entry->len == len && memcmp(entry->name, base, len) == 0)
			return dictionary_slots[slot];
	}
	return -1;
}

const char *
scope_dictionary_name(int base_id, int *len)
{
	Assert(base_id >= 0 && base_id < SCOPE_DICTIONARY_SIZE);
	*len = dictionary[base_id].len;
	return dictionary[base_id].name;
}

/* ---- kinds ---- */

const char *
scope_kind_name(ScopeKind kind)
{
	switch (kind)
	{
		case SCOPE_OPEN:
			break;
		case SCOPE_GROUP:
			return "group";
		case SCOPE_SERVER_SELF:
		case SCOPE_SERVER:
			return "server";
		case SCOPE_SERVICE_SELF:
		case SCOPE_SERVICE:
			return "service";
		case SCOPE_USER_SELF:
		case SCOPE_USER:
			return "user";
	}
	return "";
}

bool
scope_kind_is_self(ScopeKind kind)
{
	return kind == SCOPE_SERVER_SELF || kind == SCOPE_SERVICE_SELF ||
		kind == SCOPE_USER_SELF;
}

/*
 * scope_kind_find -
 *
 * The kind that a name means, with a value or (self) without.  A bare group is
 * none: false, as for an unknown name.
 */
bool
scope_kind_find(const char *name, int len, bool self, ScopeKind *kind)
{
	if (len == 4 && memcmp(name, "user", 4) == 0)
		*kind = self ? SCOPE_USER_SELF : SCOPE_USER;
	else if (len == 6 && memcmp(name, "server", 6) == 0)
		*kind = self ? SCOPE_SERVER_SELF : SCOPE_SERVER;
	else if (len == 5 && !self && memcmp(name, "group", 5) == 0)
		*kind = SCOPE_GROUP;
	else if (len == 7 && memcmp(name, "service", 7) == 0)
		*kind = self ? SCOPE_SERVICE_SELF : SCOPE_SERVICE;
	else
		return false;
	return true;
}

/* ---- characters ---- */

/*
 * Decode one character of more than a byte.  Returns its length, or 0 when the
 * bytes are not UTF-8 (overlong forms, surrogates and what is beyond U+10FFFF
 * are not).
 */
static int
scope_decode(const unsigned char *s, const unsigned char *end, uint32 *c)
{
	int			len;
	int			i;
	uint32		least;

	if (s[0] >= 0xC2 && s[0] <= 0xDF)
	{
		len = 2;
		least = 0x80;
		*c = s[0] & 0x1F;
	}
	else if (s[0] >= 0xE0 && s[0] <= 0xEF)
	{
		len = 3;
		least = 0x800;
		*c = s[0] & 0x0F;
	}
	else if (s[0] >= 0xF0 && s[0] <= 0xF4)
	{
		len = 4;
		least = 0x10000;
		*c = s[0] & 0x07;
	}
	else
		return 0;
	if (end - s < len)
		return 0;
	for (i = 1; i < len; i++)
	{
		if ((s[i] & 0xC0) != 0x80)
			return 0;
		*c = (*c << 6) | (s[i] & 0x3F);
	}
	if (*c < least || *c > 0x10FFFF || (*c >= 0xD800 && *c <= 0xDFFF))
		return 0;
	return len;
}

/* Unicode's property White_Space. */
static bool
scope_is_space(uint32 c)
{
	return (c >= 0x09 && c <= 0x0D) || c == 0x20 || c == 0x85 || c == 0xA0 ||
		c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
		c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

/* C0, DEL and C1. */
static bool
scope_is_control(uint32 c)
{
	return c < 0x20 || (c >= 0x7F && c <= 0x9F);
}

/*
 * Check the characters from s on.  In a base, '!' ends the scan and white
 * space is a defect; a value goes up to end.  Returns where the scan ended, or
 * NULL with *defect and *bad set.
 */
static const unsigned char *
scope_scan(const unsigned char *s, const unsigned char *end, bool base,
		   const char **defect, const unsigned char **bad)
{
	while (s < end)
	{
		uint32		c = *s;
		int			len = 1;

		/* the usual case first */
		if (c > 0x20 && c < 0x7F)
		{
			if (base && c == '!')
				break;
			s++;
			continue;
		}
		*bad = s;
		if (c >= 0x80 && (len = scope_decode(s, end, &c)) == 0)
		{
			*defect = "The text is not valid UTF-8.";
			return NULL;
		}
		if (base && scope_is_space(c))
		{
			*defect = "A base name cannot hold white space.";
			return NULL;
		}
		if (scope_is_control(c))
		{
			*defect = base ? "A base name cannot hold a control character." :
				"The value of a filter cannot hold a control character.";
			return NULL;
		}
		s += len;
	}
	return s;
}

bool
scope_value_ok(const char *value, int len)
{
	const unsigned char *s = (const unsigned char *) value;
	const unsigned char *bad;
	const char *defect;

	return len > 0 && scope_scan(s, s + len, false, &defect, &bad) != NULL;
}

/* Does a value hold white space?  (A base cannot.) */
bool
scope_value_has_space(const char *value, int len)
{
	const unsigned char *s = (const unsigned char *) value;
	const unsigned char *end = s + len;

	while (s < end)
	{
		uint32		c = *s;
		int			clen = 1;

		if (c >= 0x80)
			clen = scope_decode(s, end, &c);
		if (scope_is_space(c))
			return true;
		s += Max(clen, 1);
	}
	return false;
}

/* ---- the whole ---- */

static bool
scope_refuse(const char *what, int at, const char **defect, int *where)
{
	*defect = what;
	*where = at;
	return false;
}

/*
 * scope_parse -
 *
 * Take the text of one scope apart.  On a defect returns false, with the
 * sentence in *defect and its byte offset in *where.  The member points into
 * str.
 */
bool
scope_parse(const char *str, int len, ScopeMember *member,
			const char **defect, int *where)
{
	const unsigned char *start = (const unsigned char *) str;
	const unsigned char *end = start + len;
	const unsigned char *bang;
	const unsigned char *bad = start;
	const char *kind;
	const char *equals;
	int			kind_len;

	if (len == 0)
		return scope_refuse("The scope is empty.", 0, defect, where);
	if (len > SCOPE_MAX_BYTES)
		return scope_refuse(scope_too_long, 0, defect, where);

	bang = scope_scan(start, end, true, defect, &bad);
	if (bang == NULL)
		return scope_refuse(*defect, (int) (bad - start), defect, where);
	if (bang == start)
		return scope_refuse("The scope has no base name before \"!\".", 0,
							defect, where);
	member->base = str;
	member->base_len = (int) (bang - start);
	member->base_id = scope_dictionary_find(str, member->base_len);
	member->kind = SCOPE_OPEN;
	member->value = NULL;
	member->value_len = 0;
	if (bang == end)
		return true;

	/* the filter */
	kind = (const char *) bang + 1;
	if (kind == (const char *) end)
		return scope_refuse("There is no filter after \"!\".",
							(int) (bang - start), defect, where);
	equals = memchr(kind, '=', (const char *) end - kind);
	kind_len = (int) ((equals ? equals : (const char *) end) - kind);
	if (!scope_kind_find(kind, kind_len, equals == NULL, &member->kind))
	{
		if (kind_len == 5 && memcmp(kind, "group", 5) == 0)
			return scope_refuse("A group filter needs a value.",
								(int) (kind - str), defect, where);
		if (kind_len == 0)
			return scope_refuse("The kind of the filter is missing.",
								(int) (kind - str), defect, where);
		return scope_refuse(scope_unknown_kind, (int) (kind - str), defect,
							where);
	}
	if (equals == NULL)
		return true;

	/* the value */
	member->value = equals + 1;
	member->value_len = (int) ((const char *) end - member->value);
	if (member->value_len == 0)
		return scope_refuse("The value of the filter is empty.",
							(int) (equals - str), defect, where);
	if (scope_scan((const unsigned char *) member->value, end, false,
				   defect, &bad) == NULL)
		return scope_refuse(*defect, (int) (bad - start), defect, where);
	return true;
}
