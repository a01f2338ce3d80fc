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
 * Controls, and what turns the direction of the text or takes no room: a name
 * that holds one would not be read as what it is.
 */
static inline bool
safe_text_is_control(pg_wchar c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad ||
		(c >= 0x200b && c <= 0x200f) || (c >= 0x2028 && c <= 0x202e) ||
		(c >= 0x2060 && c <= 0x206f) || c == 0xfeff;
}

#endif							/* JHUB_AUTHZ_SAFE_TEXT_H */
