/*-------------------------------------------------------------------------
 *
 * mode.c
 *	  set_mode and rebase: what an administrator says about the decisions.
 *
 *-------------------------------------------------------------------------
 */
#include "growth_private.h"

#include "access/xact.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "utils/builtins.h"

#include "../module/init.h"

PG_FUNCTION_INFO_V1(jhub_authz_set_mode);
PG_FUNCTION_INFO_V1(jhub_authz_rebase);

static void
growth_custom_scopes_changed(void)
{
	if (settings_get()->attached && settings_get()->mode != HUB_MODE_OFF)
		pending_note("scopes", 0, NULL);
}

void
growth_init(void)
{
	catalogue_set_changed_hook(growth_custom_scopes_changed);
	notes_init();
}

/* 22023 if it is none. */
void
growth_check_mode(const char *mode)
{
	static const char *const modes[] = {"enforce", "observe", "off", NULL};

	if (settings_word(mode, modes) < 0)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("invalid mode \"%s\"", mode),
				 errhint("It is enforce, observe or off.")));
}

static void
mode_attempt_lock(void *arg)
{
	decision_lock(true, *(int *) arg);
}

static bool
mode_tolerates(int sqlerrcode)
{
	return sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
}

/* The mode is changed; how the lock stands says whether everyone is judged. */
static bool
mode_lock(const char *mode)
{
	int			timeout_ms = settings_get()->lock_timeout_ms;

	if (strcmp(mode, "off") == 0)
		return false;
	if (strcmp(mode, "enforce") == 0 || settings_read_latest()->mode == HUB_MODE_OFF)
	{
		decision_lock(true, timeout_ms);
		return true;
	}
	if (module_try(mode_attempt_lock, &timeout_ms, mode_tolerates))
		return true;
	ereport(WARNING,
			(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
			 errmsg("tokens were not judged, because another transaction holds the lock for it"),
			 errdetail("The mode is changed all the same.")));
	return false;
}

/*
 * set_mode(mode) - the number of live tokens beyond their baseline; 0 for off,
 * NULL where the lock for judging them did not come.
 *
 * Takes no lock on a hub table.  Going to enforce, or coming back from off, is a
 * decision about everyone and needs its lock.  Going the other way does not
 * depend on it: that is what an administrator reaches for when something is
 * stuck.
 */
Datum
jhub_authz_set_mode(PG_FUNCTION_ARGS)
{
	static const Oid types[1] = {TEXTOID};
	char	   *mode = text_to_cstring(PG_GETARG_TEXT_PP(0));
	Datum		values[1];
	SpiFrame	frame;
	bool		locked;

	growth_check_mode(mode);
	PreventCommandIfReadOnly("set_mode()");
	locked = mode_lock(mode);
	values[0] = PG_GETARG_DATUM(0);
	spi_enter(&frame, module_owner());
	spi_run("INSERT INTO jhub_authz.attachment (mode) VALUES ($1)"
			" ON CONFLICT (singleton) DO UPDATE SET mode = EXCLUDED.mode",
			1, types, values, NULL, false, true, 0);
	spi_leave(&frame);
	settings_changed();
	CommandCounterIncrement();
	if (strcmp(mode, "off") == 0)
		PG_RETURN_INT64(0);
	if (!locked)
		PG_RETURN_NULL();
	PG_RETURN_INT64(decide_everyone(psprintf("mode: %s", mode), "adopted"));
}

/*
 * rebase(token_id, reason) - what the token can do now becomes its baseline.
 * False if there is no such live token.
 */
Datum
jhub_authz_rebase(PG_FUNCTION_ARGS)
{
	Actor		actor;
	Decision   *d;
	bool		rebased;

	PreventCommandIfReadOnly("rebase()");
	actor_current(&actor);
	decision_lock(false, settings_get()->lock_timeout_ms);
	d = decision_create(&actor);
	if (d == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no hub is attached, or the mode is off")));
	d->rebase = psprintf("rebase: %s", module_to_utf8(text_to_cstring(PG_GETARG_TEXT_PP(1))));
	concern_add(&d->tokens, PG_GETARG_INT32(0), "rebase");
	judge(d);
	rebased = d->rebased > 0;
	decision_free(d);
	PG_RETURN_BOOL(rebased);
}
