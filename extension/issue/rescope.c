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

#include "catalog/pg_type.h"

static bool rescope_under_way = false;

bool
issue_is_rescoping(void)
{
	return rescope_under_way;
}

void
issue_rescope(const int *ids, const Scopeset *const *scopes, int n)
{
	static const Oid types[2] = {INT4ARRAYOID, TEXTARRAYOID};
	HubSchema  *hub = hub_schema(false, true);
	char	  **texts = palloc(sizeof(char *) * Max(n, 1));
	Datum		values[2];
	SpiFrame	frame;

	if (n == 0)
		return;
	for (int i = 0; i < n; i++)
		texts[i] = scopeset_to_text(scopes[i]);
	values[0] = spi_int_array(ids, n);
	values[1] = spi_text_array(texts, n);

	spi_enter(&frame, hub->owner);
	rescope_under_way = true;
	PG_TRY();
	{
		(void) spi_run(psprintf("WITH new AS MATERIALIZED ("
								"SELECT t.id, n.scopes FROM %s.api_tokens t"
								" JOIN unnest($1, $2) AS n (id, scopes) ON n.id = t.id"
								" ORDER BY t.id FOR NO KEY UPDATE OF t)"
								" UPDATE %s.api_tokens t SET scopes = new.scopes"
								" FROM new WHERE t.id = new.id",
								hub->quoted, hub->quoted),
					   2, types, values, NULL, false, true, 0);
	}
	PG_FINALLY();
	{
		rescope_under_way = false;
	}
	PG_END_TRY();
	spi_leave(&frame);
}
