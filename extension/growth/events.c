/*-------------------------------------------------------------------------
 *
 * events.c
 *	  token_events: who did what to which token and why.
 *
 * Events are only ever added.  They hold no token and no hash.  A decision
 * writes many at a time, with one statement.  With option notify each is also
 * sent as a notification, which the server delivers at commit.
 *
 *-------------------------------------------------------------------------
 */
#include "growth_private.h"

#include "catalog/pg_type.h"
#include "commands/async.h"
#include "miscadmin.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"

/* events that are kept back before they are written */
#define EVENT_BATCH		1000

#define EVENT_COLUMNS	10

/* of so many at least it is worth the while to set up spi_insert */
#define EVENT_MANY		16

struct EventWriter
{
	Actor		actor;
	MemoryContext context;
	Oid			set;			/* the type scopeset */
	int			n;
	ArrayBuildState *columns[EVENT_COLUMNS];
};

Oid
scopeset_type(void)
{
	Oid			type = GetSysCacheOid2(TYPENAMENSP, Anum_pg_type_oid,
									   CStringGetDatum("scopeset"),
									   ObjectIdGetDatum(module_schema_oid()));

	if (!OidIsValid(type))
		elog(ERROR, "type jhub_authz.scopeset is missing");
	return type;
}

Oid
scopeset_array_type(void)
{
	return get_array_type(scopeset_type());
}

/* A role's name, or its number if it has been dropped under us. */
static void
actor_name(Name name, Oid role)
{
	char	   *found = GetUserNameFromId(role, true);

	namestrcpy(name, found ? found : psprintf("%u", role));
}

/* Who is at work in this session, now. */
void
actor_current(Actor *actor)
{
	actor_name(&actor->session_user, GetSessionUserId());
	actor_name(&actor->role, GetUserId());
	strlcpy(actor->application_name, application_name ? application_name : "",
			NAMEDATALEN);
}

EventWriter *
event_writer(const Actor *actor)
{
	EventWriter *writer = palloc0(sizeof(EventWriter));

	writer->actor = *actor;
	writer->context = AllocSetContextCreate(CurrentMemoryContext, "jhub_authz events",
											ALLOCSET_DEFAULT_SIZES);
	writer->set = scopeset_type();
	return writer;
}

static void
event_add(EventWriter *writer, int column, Datum value, bool isnull, Oid type)
{
	writer->columns[column] = accumArrayResult(writer->columns[column], value, isnull,
											   type, writer->context);
}

static void
event_add_text(EventWriter *writer, int column, const char *utf8)
{
	event_add(writer, column,
			  utf8 ? PointerGetDatum(module_text_from_utf8(utf8, strlen(utf8))) : (Datum) 0,
			  utf8 == NULL, TEXTOID);
}

static void
event_add_set(EventWriter *writer, int column, const Scopeset *set)
{
	event_add(writer, column, PointerGetDatum(set), set == NULL, writer->set);
}

void
event_write(EventWriter *writer, const TokenEvent *event)
{
	event_add(writer, 0, Int32GetDatum(event->token_id), event->token_id == 0, INT4OID);
	event_add_text(writer, 1, event->prefix);
	event_add_text(writer, 2, event->owner_kind);
	event_add_text(writer, 3, event->owner_name);
	event_add_text(writer, 4, event->client_id);
	event_add_text(writer, 5, event->action);
	event_add_text(writer, 6, event->reason);
	event_add_set(writer, 7, event->before);
	event_add_set(writer, 8, event->after);
	event_add_set(writer, 9, event->gained);
	if (++writer->n >= EVENT_BATCH)
		event_writer_flush(writer);
}

#define EVENT_INSERT \
	"INSERT INTO jhub_authz.token_events (token_id, prefix, owner_kind, owner_name," \
	" client_id, action, reason, before, after, gained, actor, role, application_name)" \
	" SELECT t.*, $11, $12, $13" \
	" FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) AS t"

/* The rows that were written, to whoever listens. */
static void
event_notify(uint64 rows)
{
	for (uint64 i = 0; i < rows; i++)
		Async_Notify("jhub_authz",
					 SPI_getvalue(SPI_tuptable->vals[i], SPI_tuptable->tupdesc, 1));
}

/* Without a notification, which has to know the numbers of the events. */
static bool
event_insert(EventWriter *writer)
{
	static const char *const names[EVENT_COLUMNS] = {
		"token_id", "prefix", "owner_kind", "owner_name", "client_id",
		"action", "reason", "before", "after", "gained"
	};
	InsertColumn columns[EVENT_COLUMNS + 3];
	Datum		actor[3];

	actor[0] = NameGetDatum(&writer->actor.session_user);
	actor[1] = NameGetDatum(&writer->actor.role);
	actor[2] = CStringGetTextDatum(writer->actor.application_name);
	for (int i = 0; i < EVENT_COLUMNS; i++)
		columns[i] = (InsertColumn)
	{
		names[i], writer->columns[i]->element_type, false,
			writer->columns[i]->dvalues, writer->columns[i]->dnulls
	};
	columns[EVENT_COLUMNS] = (InsertColumn) {"actor", NAMEOID, true, &actor[0], NULL};
	columns[EVENT_COLUMNS + 1] = (InsertColumn) {"role", NAMEOID, true, &actor[1], NULL};
	columns[EVENT_COLUMNS + 2] = (InsertColumn) {"application_name", TEXTOID, true, &actor[2], NULL};
	return spi_insert("token_events", columns, EVENT_COLUMNS + 3, writer->n);
}

/* An array for each column. */
static void
event_insert_arrays(EventWriter *writer, bool notify)
{
	Oid			sets = scopeset_array_type();
	Oid			types[EVENT_COLUMNS + 3] = {
		INT4ARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID, TEXTARRAYOID,
		TEXTARRAYOID, TEXTARRAYOID, sets, sets, sets, NAMEOID, NAMEOID, TEXTOID
	};
	Datum		values[EVENT_COLUMNS + 3];

	for (int i = 0; i < EVENT_COLUMNS; i++)
		values[i] = makeArrayResult(writer->columns[i], writer->context);
	values[EVENT_COLUMNS] = NameGetDatum(&writer->actor.session_user);
	values[EVENT_COLUMNS + 1] = NameGetDatum(&writer->actor.role);
	values[EVENT_COLUMNS + 2] = CStringGetTextDatum(writer->actor.application_name);

	if (notify)
		event_notify(spi_run(EVENT_INSERT " RETURNING event_id",
							 EVENT_COLUMNS + 3, types, values, NULL, false, false, 0));
	else
		spi_run(EVENT_INSERT,
				EVENT_COLUMNS + 3, types, values, NULL, false, false, 0);
}

void
event_writer_flush(EventWriter *writer)
{
	bool		notify = settings_get()->notify;
	SpiFrame	frame;

	if (writer->n == 0)
		return;
	spi_enter(&frame, module_owner());
	if (notify || writer->n < EVENT_MANY || !event_insert(writer))
		event_insert_arrays(writer, notify);
	spi_leave(&frame);

	writer->n = 0;
	memset(writer->columns, 0, sizeof(writer->columns));
	MemoryContextReset(writer->context);
}

/* One event, at once.  actor NULL: whoever is at work now. */
void
token_event(const TokenEvent *event, const Actor *actor)
{
	Actor		here;
	EventWriter *writer;

	if (actor == NULL)
	{
		actor_current(&here);
		actor = &here;
	}
	writer = event_writer(actor);
	event_write(writer, event);
	event_writer_flush(writer);
	MemoryContextDelete(writer->context);
	pfree(writer);
}

bool
event_is_there(int token_id, const char *action)
{
	static const Oid types[2] = {INT4OID, TEXTOID};
	Datum		values[2];
	SpiFrame	frame;
	bool		found;

	values[0] = Int32GetDatum(token_id);
	values[1] = CStringGetTextDatum(action);
	spi_enter(&frame, module_owner());
	found = spi_run("SELECT FROM jhub_authz.token_events WHERE token_id = $1"
					" AND action = $2 AND txid = pg_current_xact_id()",
					2, types, values, NULL, true, true, 1) > 0;
	spi_leave(&frame);
	return found;
}
