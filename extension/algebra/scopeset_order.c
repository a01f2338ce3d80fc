/*-------------------------------------------------------------------------
 *
 * scopeset_order.c
 *	  Equality, order and hash of scopesets.
 *
 * Order and hash are defined on the members' text, not on the stored bytes, so
 * that they are the same on every platform (the hash: of one byte order) and
 * outlive a change of the dictionary.
 *
 *-------------------------------------------------------------------------
 */
#include "scopeset_private.h"

#include "common/hashfn.h"

/*
 * scopeset_equal -
 *
 * The form is canonical, and of one version in memory, so equal sets are
 * equal bytes.
 */
bool
scopeset_equal(const Scopeset *a, const Scopeset *b)
{
	Size		size = VARSIZE_ANY_EXHDR(a);

	return size == VARSIZE_ANY_EXHDR(b) &&
		memcmp(VARDATA_ANY(a), VARDATA_ANY(b), size) == 0;
}

/*
 * scopeset_compare -
 *
 * Order of the lists of members in code point order, as lists of text: the
 * first member that differs decides, and a list that ends comes first.
 */
int
scopeset_compare(const Scopeset *a, const Scopeset *b)
{
	ScopeIter	ia;
	ScopeIter	ib;
	ScopeMember ma;
	ScopeMember mb;

	if (scopeset_equal(a, b))
		return 0;
	scope_iter_init(&ia, a);
	scope_iter_init(&ib, b);
	for (;;)
	{
		bool		more_a = scope_iter_next(&ia, &ma);
		bool		more_b = scope_iter_next(&ib, &mb);
		int			cmp;

		if (!more_a || !more_b)
			return (int) more_a - (int) more_b;
		if (ma.base_id < 0 || ma.base_id != mb.base_id)
		{
			cmp = scope_bytes_cmp(ma.base, ma.base_len, mb.base, mb.base_len);
			if (cmp != 0)
				return cmp < 0 ? -1 : 1;
		}
		cmp = scope_filter_cmp(ma.kind, SCOPE_TEXT(ma.value), ma.value_len,
							   mb.kind, SCOPE_TEXT(mb.value), mb.value_len);
		if (cmp != 0)
			return cmp < 0 ? -1 : 1;
	}
}

static inline uint64
order_hash_text(const char *str, int len, uint64 seed)
{
	return hash_bytes_extended((const unsigned char *) SCOPE_TEXT(str), len,
							   seed);
}

/* Hashes of the dictionary's names, made at first use. */
static const uint64 *
order_dictionary_hashes(void)
{
	static uint64 hashes[SCOPE_DICTIONARY_SIZE];
	static bool ready = false;
	int			i;

	if (!ready)
	{
		for (i = 0; i < SCOPE_DICTIONARY_SIZE; i++)
		{
			int			len;
			const char *name = scope_dictionary_name(i, &len);

			hashes[i] = order_hash_text(name, len, 0);
		}
		ready = true;
	}
	return hashes;
}

/* The members of one mask that go with one filter. */
static uint64
order_hash_mask(const uint64 *bases, uint64 mask, uint64 filter)
{
	uint64		sum = 0;
	int			i;

	for (i = 0; mask != 0; i++, mask >>= 1)
		if (mask & 1)
			sum += scope_hash_mix(bases[i] + filter);
	return sum;
}

/*
 * scopeset_hash64 -
 *
 * The sum of a hash of each member's base and filter, so that it depends on
 * the members' text only, not on how they are stored.
 */
uint64
scopeset_hash64(const Scopeset *a)
{
	const uint64 *bases = order_dictionary_hashes();
	ScopesetView view;
	uint64		sum;
	int			i;

	scopeset_view(a, &view);
	sum = order_hash_mask(bases, view.open, 0) + (uint64) view.nmembers;
	for (i = 0; i < view.nfilters; i++)
	{
		int			len;
		const char *value = scopeset_value(&view, i, &len);
		uint64		filter = scope_hash_mix(order_hash_text(value, len, view.kinds[i]));

		sum += order_hash_mask(bases, scopeset_mask(&view, i), filter);
	}
	for (i = 0; i < view.npairs; i++)
	{
		int			len;
		const char *text;
		uint64		base;
		uint64		filter = 0;
		int			l,
					f;

		scopeset_pair(&view, i, &l, &f);
		text = scopeset_local(&view, l, &len);
		base = order_hash_text(text, len, 0);
		if (f >= 0)
		{
			text = scopeset_value(&view, f, &len);
			filter = scope_hash_mix(order_hash_text(text, len, view.kinds[f]));
		}
		sum += scope_hash_mix(base + filter);
	}
	return scope_hash_mix(sum);
}

uint32
scopeset_hash_value(const Scopeset *a)
{
	return (uint32) scopeset_hash64(a);
}
