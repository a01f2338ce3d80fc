#!/usr/bin/python3
"""Asks Python what its str methods do to every character, and writes it down as
login_unicode.c:

    python3 extension/login/login_unicode.py > extension/login/login_unicode.c

JupyterHub's names go through str.lower(), str.strip() and re; the tables are
those of the Python that runs this.
"""

import re
import sys
import unicodedata

ALL = [chr(c) for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]


def ranges(test):
    found = []
    for c in map(ord, filter(test, ALL)):
        if found and found[-1][1] == c - 1:
            found[-1][1] = c
        else:
            found.append([c, c])
    return found


def lower_ranges():
    """[first, last, step, delta] of what has one other character as its lower case"""
    found = []
    for c in map(ord, ALL):
        lower = chr(c).lower()
        if len(lower) != 1 or ord(lower) == c:
            continue
        delta = ord(lower) - c
        if found and found[-1][3] == delta:
            last = found[-1]
            step = c - last[1]
            if step <= 2 and (last[0] == last[1] or last[2] == step):
                last[1], last[2] = c, step
                continue
        found.append([c, c, 1, delta])
    return found


def ignorable(c):
    """by what the final sigma rule makes of it, which looks past such characters"""
    return ("A" + c + "\u03a3").lower()[-1] == "\u03c2" and (c + "\u03a3").lower()[-1] == "\u03c3"


def cased(c):
    return (c + "\u03a3").lower()[-1] == "\u03c2"


def table(name, comment, rows, form, a_line):
    print(f"\n/* {comment} */")
    print(f"static const {form} login_table_{name}[] = {{")
    for at in range(0, len(rows), a_line):
        line = ", ".join("{" + ", ".join(f"0x{n:X}" if i < 2 else str(n) for i, n in enumerate(row)) + "}"
                         for row in rows[at:at + a_line])
        print(f"\t{line}" + ("," if at + a_line < len(rows) else ""))
    print("};")


multiple = [c for c in ALL if len(c.lower()) != 1]
assert multiple == ["\u0130"], multiple
word = re.compile(r"\w")
digit = re.compile(r"\d")
space = re.compile(r"\s")
assert all((c.strip() == "") == bool(space.match(c)) for c in ALL)

print(f"""/*-------------------------------------------------------------------------
 *
 * login_unicode.c
 *	  What Python's str and re know of characters, as tables.
 *
 * Made by login_unicode.py; not to be edited.  From Python {sys.version_info[0]}.{sys.version_info[1]}, which has
 * Unicode {unicodedata.unidata_version}.  A decision must come out the same on every server: the
 * server's own lower() depends on its locale, has no full mapping before
 * PostgreSQL 18, and ICU may not be built in.
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "login_python.h"

typedef struct LoginLower
{{
	uint32		first;
	uint32		last;
	int			step;
	int			delta;
}} LoginLower;""")
table("lower", "what has a single other character as its lower case", lower_ranges(), "LoginLower", 4)
table("cased", "cased, and not looked past by the rule for final sigma", ranges(cased), "LoginRange", 5)
table("ignorable", "looked past by that rule", ranges(ignorable), "LoginRange", 5)
table("space", "white space, of strip() and \\\\s".replace("\\\\", "\\"), ranges(lambda c: bool(space.match(c))), "LoginRange", 5)
table("word", "\\w", ranges(lambda c: bool(word.match(c))), "LoginRange", 5)
table("digit", "\\d", ranges(lambda c: bool(digit.match(c))), "LoginRange", 5)
print("""
const LoginClass login_class_space = {login_table_space, lengthof(login_table_space)};
const LoginClass login_class_word = {login_table_word, lengthof(login_table_word)};
const LoginClass login_class_digit = {login_table_digit, lengthof(login_table_digit)};
const LoginClass login_class_cased = {login_table_cased, lengthof(login_table_cased)};
const LoginClass login_class_ignorable = {login_table_ignorable, lengthof(login_table_ignorable)};

/* The lower case of a character, itself if there is none. */
uint32
login_lower_char(uint32 c)
{
	int			low = 0;
	int			high = lengthof(login_table_lower);

	while (low < high)
	{
		int			middle = (low + high) / 2;
		const LoginLower *range = &login_table_lower[middle];

		if (c < range->first)
			high = middle;
		else if (c > range->last)
			low = middle + 1;
		else
			return (c - range->first) % range->step == 0 ? c + range->delta : c;
	}
	return c;
}""")
