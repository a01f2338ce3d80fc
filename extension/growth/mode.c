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
#include "utils/guc.h"

#include "../audit/history.h"
#include "../module/init.h"

PG_FUNCTION_INFO_V1(jhub_authz_set_mode);
PG_FUNCTION_INFO_V1(jhub_authz_rebase);

static void
growth_custom_scopes_changed(void)
{
	if (settings_get()->attached)
		history_custom_scopes();
	if (switch_must_note())
		pending_note("scopes", 0, NULL);
}

static void
growth_release_pinned(void)
{
	if (switch_must_note())
		pending_note("release", 0, NULL);
}

void
growth_init(void)
{
	catalogue_set_changed_hook(growth_custom_scopes_changed);
	hub_set_pinned_hook(growth_release_pinned);
	notes_init();
	revoke_limit_init();
	attach_init();
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

/* The row is ours from here on, as changed. */
static void
mode_store(Datum mode, int timeout_ms)
{
	static const Oid types[1] = {TEXTOID};
	Datum		values[1];
	SpiFrame	frame;
	int			nest = decision_timeout(timeout_ms);

	values[0] = mode;
	spi_enter(&frame, module_owner());
	spi_run("INSERT INTO jhub_authz.attachment (mode) VALUES ($1)"
			" ON CONFLICT (singleton) DO UPDATE SET mode = EXCLUDED.mode",
			1, types, values, NULL, false, true, 0);
	spi_leave(&frame);
	AtEOXact_GUC(true, nest);
	settings_written();
	CommandCounterIncrement();
}

/* How the lock stands says whether everyone is judged. */
static bool
mode_lock(const char *mode, bool was_off, int timeout_ms)
{
	if (strcmp(mode, "off") == 0)
		return false;
	if (strcmp(mode, "enforce") == 0 || was_off)
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
 * decision about everyone and needs its lock, and the switch lock before it.
 * Going the other way does not depend on them: that is what an administrator
 * reaches for when something is stuck.
 *
 * Locks in this order: the switch, the row, the decision.  A transaction that
 * has set the mode off and then changes grants is met at the row.
 */
Datum
jhub_authz_set_mode(PG_FUNCTION_ARGS)
{
	char	   *mode = text_to_cstring(PG_GETARG_TEXT_PP(0));
	int			timeout_ms = settings_get()->lock_timeout_ms;
	bool		was_off = false;
	bool		locked;

	growth_check_mode(mode);
	PreventCommandIfReadOnly("set_mode()");
	if (strcmp(mode, "off") != 0)
	{
		was_off = settings_read_latest()->mode == HUB_MODE_OFF;
		if (was_off || strcmp(mode, "enforce") == 0)
			switch_lock(timeout_ms);
	}
	mode_store(PG_GETARG_DATUM(0), timeout_ms);
	locked = mode_lock(mode, was_off, timeout_ms);
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
	/*
	 * Exclusively: who gives the token other scopes at the same time is judged
	 * by the baseline that stands, and must not be left with a smaller one.
	 */
	decision_lock(true, settings_get()->lock_timeout_ms);
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
