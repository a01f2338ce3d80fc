/*-------------------------------------------------------------------------
 *
 * hub_visible.c
 *	  Rows of the hub's tables by the names that filters hold.
 *
 * Which filters somebody holds is the effective room's matter (visible.c).
 *
 *-------------------------------------------------------------------------
 */
#include "hub.h"

#include "catalog/pg_type.h"

/*
 * The hub's check_scope_filter as a condition on row t, with the names of users,
 * groups, services and servers as parameters 1 to 4.  The hub also takes a server
 * filter for the bare name of a server, whoever owns it; that shows only with a
 * filter value without "/", which is reported as a finding.
 */
static char *
hub_visible_condition(const HubSchema *hub, HubTable table)
{
	switch (table)
	{
		case HUB_USERS:
			return psprintf("t.name = ANY ($1) OR t.id IN"
							" (SELECT m.user_id FROM %s.user_group_map m"
							" JOIN %s.groups g ON g.id = m.group_id WHERE g.name = ANY ($2))",
							hub->quoted, hub->quoted);
		case HUB_GROUPS:
			return pstrdup("t.name = ANY ($2)");
		case HUB_SERVICES:
			return pstrdup("t.name = ANY ($3)");
		case HUB_SPAWNERS:
			return psprintf("t.name = ANY ($4)"
							" OR EXISTS (SELECT FROM %s.users u WHERE u.id = t.user_id"
							" AND (u.name = ANY ($1) OR u.name || '/' || t.name = ANY ($4)))"
							" OR t.user_id IN"
							" (SELECT m.user_id FROM %s.user_group_map m"
							" JOIN %s.groups g ON g.id = m.group_id WHERE g.name = ANY ($2))",
							hub->quoted, hub->quoted, hub->quoted);
		default:
			elog(ERROR, "unexpected table %d", (int) table);
			return NULL;		/* keep compiler quiet */
	}
}

void
hub_each_visible(const HubSchema *hub, HubTable table, bool all,
				 const Datum names[HUB_VISIBLE_KINDS], spi_row_fn each, void *arg)
{
	static const Oid types[HUB_VISIBLE_KINDS] = {
		TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID
	};
	char	   *sql;
	SpiFrame	frame;

	sql = psprintf("SELECT t.id FROM %s.%s t", hub->quoted, hub_table_name(table));
	if (!all)
		sql = psprintf("%s WHERE %s", sql, hub_visible_condition(hub, table));
	spi_enter(&frame, hub->owner);
	spi_each(sql, all ? 0 : HUB_VISIBLE_KINDS, types, names, NULL, false, each, arg);
	spi_leave(&frame);
}
