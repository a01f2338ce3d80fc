/*-------------------------------------------------------------------------
 *
 * safe_text.h
 *	  Characters of names that are not shown as they are.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_SAFE_TEXT_H
#define JHUB_AUTHZ_SAFE_TEXT_H

#include "postgres.h"
#include "mb/pg_wchar.h"

/*
 * Controls, what ends a line, and what turns the direction of the text or takes no
 * room: a name that holds one would not be read as what it is.  Unicode's categories
 * Cc, Cf, Zl and Zp and what it calls default ignorable, by Unicode 15; but for those
 * of Cf that are seen, the signs that stand before a number.
 */
static inline bool
safe_text_is_control(pg_wchar c)
{
	static const struct
	{
		pg_wchar	first;
		pg_wchar	last;
	}			ranges[] = {
		{0x034f, 0x034f}, {0x061c, 0x061c}, {0x115f, 0x1160}, {0x17b4, 0x17b5},
		{0x180b, 0x180f}, {0x200b, 0x200f}, {0x2028, 0x202e}, {0x2060, 0x206f},
		{0x3164, 0x3164}, {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0},
		{0xfff0, 0xfffb}, {0x13430, 0x1343f}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a},
		{0xe0000, 0xe0fff}
	};

	if (c < 0x300)
		return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad;
	for (int i = 0; i < (int) lengthof(ranges) && c >= ranges[i].first; i++)
		if (c <= ranges[i].last)
			return true;
	return false;
}

#endif							/* JHUB_AUTHZ_SAFE_TEXT_H */
