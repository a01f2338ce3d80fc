/*-------------------------------------------------------------------------
 *
 * hub_token_order.c
 *	  The ids of all tokens, those of some owners after those of others.
 *
 * The hub has no index by owner.  What is to be known of owners, and does not fit
 * into memory for all of them, is read in parts; then the tokens have to come in
 * the order of the parts.  The server's sort does that, and spills what does not
 * fit.  What is sorted is narrow: a number for each token, of which the upper half
 * is the part and the lower one the token's id.
 *
 *-------------------------------------------------------------------------
 */
#include "hub_audit.h"
#include "hub_private.h"

#include "catalog/pg_operator.h"
#include "utils/tuplesort.h"

struct HubTokenOrder
{
	const HubIds *first;
	Tuplesortstate *sort;
};

/* Users by their parts, then all services, then what has no owner. */
static uint32
hub_owner_place(const HubIds *first, int user_id, int service_id)
{
	if (user_id != 0)
		return (uint32) hub_ids_part(first, user_id);
	return service_id != 0 ? 0x80000000 : 0xFFFFFFFF;
}

static void
hub_order_row(HeapTuple row, TupleDesc desc, void *arg)
{
	HubTokenOrder *order = arg;
	uint32		place = hub_owner_place(order->first, spi_int(row, desc, 2, 0), spi_int(row, desc, 3, 0));
	/* ids in their order, too */
	uint64		key = (uint64) place << 32 | ((uint32) spi_int(row, desc, 1, 0) ^ 0x80000000);

	/* the server compares them with their sign */
	tuplesort_putdatum(order->sort, Int64GetDatum((int64) (key ^ UINT64CONST(0x8000000000000000))),
					   false);
}

HubTokenOrder *
hub_token_order(const HubSchema *hub, const HubIds *first, int memory, bool again)
{
	HubTokenOrder *order = palloc(sizeof(HubTokenOrder));
	SpiFrame	frame;

	order->first = first;
	order->sort = tuplesort_begin_datum(INT8OID, Int8LessOperator, InvalidOid, false,
										Max(memory, 64), NULL,
										again ? TUPLESORT_RANDOMACCESS : TUPLESORT_NONE);
	spi_enter(&frame, hub->owner);
	spi_each(psprintf("SELECT id, user_id, service_id FROM %s.api_tokens", hub->quoted),
			 0, NULL, NULL, NULL, false, hub_order_row, order);
	spi_leave(&frame);
	tuplesort_performsort(order->sort);
	return order;
}

bool
hub_token_order_next(HubTokenOrder *order, int *id)
{
	Datum		key;
	bool		isnull;

	if (!module_getdatum(order->sort, &key, &isnull))
		return false;
	*id = (int) ((uint32) DatumGetInt64(key) ^ 0x80000000);
	return true;
}

void
hub_token_order_again(HubTokenOrder *order)
{
	tuplesort_rescan(order->sort);
}

void
hub_token_order_end(HubTokenOrder *order)
{
	tuplesort_end(order->sort);
	pfree(order);
}
