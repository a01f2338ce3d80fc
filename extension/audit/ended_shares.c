/*-------------------------------------------------------------------------
 *
 * ended_shares.c
 *	  Shares that there were, from the history: for explain.
 *
 *-------------------------------------------------------------------------
 */
#include "audit.h"

#include "../hub/hub_audit.h"

#include "catalog/pg_type.h"

AuditEndedShare *
audit_ended_shares(int user_id, const HubIds *groups, int *n)
{
	static const Oid types[2] = {INT4OID, INT4ARRAYOID};
	MemoryContext caller = CurrentMemoryContext;
	AuditEndedShare *shares;
	Datum		values[2];
	SpiFrame	frame;
	uint64		rows;

	spi_enter(&frame, module_owner());
	values[0] = Int32GetDatum(user_id);
	values[1] = spi_int_array(groups->ids, groups->n);
	/* the last ones of each share that is no more */
	rows = spi_run("SELECT DISTINCT ON (h.id) h.id, h.scopes, h.expires_at, c.at"
				   " FROM jhub_authz.history_shares h JOIN jhub_authz.history_changes c ON c.change_id = h.ended"
				   " WHERE (h.user_id = $1 OR h.group_id = ANY ($2))"
				   " AND NOT EXISTS (SELECT FROM jhub_authz.history_shares l WHERE l.id = h.id AND l.ended IS NULL)"
				   " ORDER BY h.id, c.at DESC",
				   2, types, values, NULL, true, false, 0);
	MemoryContextSwitchTo(caller);
	shares = palloc(sizeof(AuditEndedShare) * Max(rows, 1));
	for (uint64 i = 0; i < rows; i++)
	{
		HeapTuple	row = SPI_tuptable->vals[i];
		TupleDesc	desc = SPI_tuptable->tupdesc;
		bool		isnull;
		char	   *defect;

		shares[i].id = spi_int(row, desc, 1, 0);
		shares[i].scopes = hub_parse_scopes(SPI_getvalue(row, desc, 2), &defect);
		shares[i].expires_at = spi_time(row, desc, 3, &isnull);
		shares[i].has_expires = !isnull;
		shares[i].ended = DatumGetTimestampTz(SPI_getbinval(row, desc, 4, &isnull));
	}
	spi_leave(&frame);
	*n = (int) rows;
	return shares;
}
