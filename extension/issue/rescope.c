/*-------------------------------------------------------------------------
 *
 * rescope.c
 *	  Narrowing tokens that are stored already.
 *
 * A token whose owner held nothing when it came, as in a restore, which brings
 * tokens before roles, is stored as it came.  The decision at commit, or a later
 * one, narrows it as narrow.c does at an INSERT, and writes it through here.
 *
 *-------------------------------------------------------------------------
 */
#include "issue.h"

#include "../hub/hub_write.h"

static bool rescope_under_way = false;

bool
issue_is_rescoping(void)
{
	return rescope_under_way;
}

void
issue_rescope(const int *ids, const Scopeset *const *scopes, int n)
{
	HubSchema  *hub = hub_schema(false, true);

	if (n == 0)
		return;
	rescope_under_way = true;
	PG_TRY();
	{
		hub_set_token_scopes(hub, ids, scopes, n);
	}
	PG_FINALLY();
	{
		rescope_under_way = false;
	}
	PG_END_TRY();
}
