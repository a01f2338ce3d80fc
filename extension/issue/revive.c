/*-------------------------------------------------------------------------
 *
 * revive.c
 *	  Letting revoked tokens live again.
 *
 * The trigger on api_tokens refuses to move the expiry of a revoked token
 * forward, whoever tries (narrow.c).  This is the one way past it, for the
 * tokens that are named here and no others: a trigger that the hub's role has on
 * its table runs meanwhile, and must not bring back one of its own.  Which may
 * be put back is decided in the growth room.
 *
 *-------------------------------------------------------------------------
 */
#include "issue.h"

#include "../hub/hub_write.h"

static const HubRevival *revive_rows = NULL;
static int	revive_nrows = 0;

bool
issue_is_reviving(int id)
{
	int			lo = 0,
				hi = revive_nrows - 1;

	while (lo <= hi)
	{
		int			mid = lo + (hi - lo) / 2;

		if (revive_rows[mid].id == id)
			return true;
		if (revive_rows[mid].id < id)
			lo = mid + 1;
		else
			hi = mid - 1;
	}
	return false;
}

/*
 * Nobody may let a token live longer than it was given, on this occasion.
 * Looked at after the statement, when its AFTER triggers have run.
 */
static void
revive_check_expiry(const HubSchema *hub)
{
	int		   *ids = palloc(sizeof(int) * revive_nrows);
	Timestamp  *caps = palloc(sizeof(Timestamp) * revive_nrows);
	int			n = 0;
	int			id;

	for (int i = 0; i < revive_nrows; i++)
	{
		if (!revive_rows[i].has_expires)
			continue;
		ids[n] = revive_rows[i].id;
		caps[n++] = revive_rows[i].expires_at;
	}
	id = n > 0 ? hub_token_beyond(hub, ids, caps, n) : 0;
	if (id != 0)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("token %d could not be reinstated", id),
				 errdetail("It would expire later than it was to expire."),
				 errhint("Look for a trigger or rule of your own on table \"%s.api_tokens\".",
						 hub->name)));
}

static int *
revive_write(const HubSchema *hub, void (*revived) (const int *ids, int n), int *nalive)
{
	int			changed;
	int		   *alive = hub_revive_tokens(hub, revive_rows, revive_nrows, nalive, &changed);

	/* its baseline is to be of the scopes that were revoked, not of any others */
	if (changed != 0)
		ereport(ERROR,
				(errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
				 errmsg("token %d could not be reinstated", changed),
				 errdetail("Its scopes are not those that were put back."),
				 errhint("Look for a trigger or rule of your own on table \"%s.api_tokens\".",
						 hub->name)));
	revive_check_expiry(hub);
	if (*nalive > 0)
		revived(alive, *nalive);
	return alive;
}

static void
revive_end(void)
{
	revive_rows = NULL;
	revive_nrows = 0;
}

/*
 * From the first write until the records agree, so that a decision which comes
 * in between (constraints may be immediate) does not take the token for one that
 * was revived behind our back.
 */
int *
issue_revive(const HubSchema *hub, const HubRevival *rows, int n,
			 void (*revived) (const int *ids, int n), int *nalive)
{
	int		   *volatile alive = NULL;

	revive_rows = rows;
	revive_nrows = n;
	PG_TRY();
	{
		alive = revive_write(hub, revived, nalive);
	}
	PG_CATCH();
	{
		revive_end();
		PG_RE_THROW();
	}
	PG_END_TRY();
	revive_end();
	return alive;
}
