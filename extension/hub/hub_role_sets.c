/*-------------------------------------------------------------------------
 *
 * hub_role_sets.c
 *	  Of users with the same roles, one.
 *
 * What users hold by their roles differs in what is about themselves alone.  Who
 * asks for the rest asks for one of each set of roles: on a large hub much fewer
 * than all.  The server finds them, for it keeps to its memory: there may be as many
 * sets as users.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_audit.h"
#include "hub_private.h"

#include "miscadmin.h"
#include "utils/guc.h"

/* Several sorts and joins are under way at the same time: each gets a part. */
static void
hub_share_work_mem(void)
{
	(void) set_config_option("work_mem", psprintf("%d", Max(work_mem / 4, 64)), PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_SAVE, true, 0, false);
}

/* What a set is told by, and who is first of it */
#define ROLE_SET_KEY	"hash_array_extended(s.roles, 0), s.roles, b.user_id IS NULL"
#define ROLE_SET_ORDER	"COALESCE(u.name, '') COLLATE \"C\", u.id"

/* The users with their sets; of each set one is picked. */
static void
hub_append_role_sets(StringInfo sql, const HubSchema *hub, bool some, int nargs)
{
	appendStringInfo(sql, " FROM %s LEFT JOIN (SELECT h.user_id, array_agg(h.role_id) AS roles FROM"
					 " (SELECT m.user_id, m.role_id FROM %s%s UNION SELECT g.user_id, r.role_id FROM %s JOIN %s"
					 " ON r.group_id = g.group_id%s ORDER BY 1, 2) h GROUP BY h.user_id) s ON s.user_id = u.id"
					 " LEFT JOIN (SELECT DISTINCT g.user_id FROM %s WHERE g.group_id = ANY ($1)%s) b ON b.user_id = u.id%s",
					 hub_from(hub, HUB_USERS, "u", nargs),
					 hub_from(hub, HUB_USER_ROLE_MAP, "m", nargs), some ? " WHERE m.user_id = ANY ($2)" : "",
					 hub_from(hub, HUB_USER_GROUP_MAP, "g", nargs), hub_from(hub, HUB_GROUP_ROLE_MAP, "r", nargs),
					 some ? " WHERE g.user_id = ANY ($2)" : "", hub_from(hub, HUB_USER_GROUP_MAP, "g", nargs),
					 some ? " AND g.user_id = ANY ($2)" : "", some ? " WHERE u.id = ANY ($2)" : "");
}

/*
 * Sets are compared by a hash first: that takes less than an array does.  Of some
 * users each table is asked by its key, but for shares, which have none for users.
 */
static char *
hub_role_set_query(const HubSchema *hub, bool second, bool some, int nargs)
{
	StringInfoData sql;

	initStringInfo(&sql);
	appendStringInfo(&sql, "SELECT u.id FROM %s WHERE u.id IN (SELECT c.id FROM (", hub_from(hub, HUB_USERS, "u", nargs));
	if (second)
	{
		appendStringInfoString(&sql, "SELECT u.id, row_number() OVER (PARTITION BY " ROLE_SET_KEY " ORDER BY " ROLE_SET_ORDER ") AS place");
		hub_append_role_sets(&sql, hub, some, nargs);
		appendStringInfoString(&sql, ") c WHERE c.place = 2");
	}
	else
	{
		appendStringInfoString(&sql, "SELECT DISTINCT ON (" ROLE_SET_KEY ") u.id");
		hub_append_role_sets(&sql, hub, some, nargs);
		appendStringInfoString(&sql, " ORDER BY " ROLE_SET_KEY ", " ROLE_SET_ORDER ") c");
		if (OidIsValid(hub->rel[HUB_SHARES]))
			appendStringInfo(&sql, " UNION ALL SELECT s.user_id FROM %s%s", hub_from(hub, HUB_SHARES, "s", nargs),
							 some ? " WHERE s.user_id IN (SELECT unnest($2))" : "");
	}
	appendStringInfoString(&sql, ") ORDER BY " ROLE_SET_ORDER);
	return sql.data;
}

void
hub_add_role_sets(const HubSchema *hub, bool second, const HubIds *of, const HubIds *beside, HubIds *users)
{
	Oid			types[3] = {INT4ARRAYOID, INT4ARRAYOID};
	Datum		values[3];
	int			nargs = of != NULL ? 2 : 1;
	SpiFrame	frame;

	/* here, so that it does not lie in the frame */
	hub_ids_begin(users);
	spi_enter(&frame, hub->owner);
	hub_plan_whole(hub);
	hub_share_work_mem();
	values[0] = spi_int_array(beside->ids, beside->n);
	if (of != NULL)
		values[1] = spi_int_array(of->ids, of->n);
	spi_each(hub_role_set_query(hub, second, of != NULL, nargs), hub_from_args(hub, nargs, types, values),
			 types, values, NULL, false, hub_id_row, users);
	spi_leave(&frame);
}
