/*-------------------------------------------------------------------------
 *
 * revoke_limit.c
 *	  The option revoke_limit: how many tokens the decisions of one transaction
 *	  may revoke.
 *
 * SET CONSTRAINTS and deferred triggers make several decisions in a transaction,
 * and savepoints undo some of them.  So what was revoked is counted for each
 * level of subtransactions: it goes to the parent when one is released, and is
 * forgotten when one is rolled back.
 *
 * The kill switch (revoke.c in the issue room) is not counted: who calls it
 * means it.
 *
 *-------------------------------------------------------------------------
 */
#include "growth_private.h"

#include "access/xact.h"
#include "utils/memutils.h"

/* What was revoked at one level, of those that have revoked something. */
typedef struct LimitLevel
{
	int			nest;
	int64		revoked;
} LimitLevel;

/* In order of nest, in TopTransactionContext. */
static LimitLevel *limit_levels = NULL;
static int	limit_n = 0;
static int	limit_size = 0;

static void
limit_add(int nest, int64 revoked)
{
	if (limit_n > 0 && limit_levels[limit_n - 1].nest == nest)
	{
		limit_levels[limit_n - 1].revoked += revoked;
		return;
	}
	if (limit_n >= limit_size)
	{
		int			size = limit_size ? limit_size * 2 : 8;

		limit_levels = limit_levels ?
			repalloc(limit_levels, sizeof(LimitLevel) * size) :
			MemoryContextAlloc(TopTransactionContext, sizeof(LimitLevel) * size);
		limit_size = size;
	}
	limit_levels[limit_n].nest = nest;
	limit_levels[limit_n++].revoked = revoked;
}

/*
 * Released: the level becomes its parent's.  It takes the parent's place where
 * that has nothing of its own, so nothing is allocated here.
 */
static void
limit_subxact(SubXactEvent event, SubTransactionId subid, SubTransactionId parent, void *arg)
{
	int			nest = GetCurrentTransactionNestLevel();
	LimitLevel *last;

	if (event == SUBXACT_EVENT_ABORT_SUB)
	{
		while (limit_n > 0 && limit_levels[limit_n - 1].nest >= nest)
			limit_n--;
		return;
	}
	if (event != SUBXACT_EVENT_COMMIT_SUB || limit_n == 0)
		return;
	last = &limit_levels[limit_n - 1];
	if (last->nest != nest)
		return;
	last->nest = nest - 1;
	if (limit_n > 1 && last[-1].nest == nest - 1)
	{
		last[-1].revoked += last->revoked;
		limit_n--;
	}
}

/* The memory goes with its context. */
static void
limit_xact(XactEvent event, void *arg)
{
	limit_levels = NULL;
	limit_n = 0;
	limit_size = 0;
}

void
revoke_limit_init(void)
{
	RegisterXactCallback(limit_xact, NULL);
	RegisterSubXactCallback(limit_subxact, NULL);
}

/*
 * So many more are to be revoked: 54000 if that is more than the limit (0: none)
 * allows.  Counted without a limit too, for one may be set in the middle of a
 * transaction.  A preview says so and goes on.
 */
void
revoke_limit_count(int limit, int revoked)
{
	int64		sum = 0;

	limit_add(GetCurrentTransactionNestLevel(), revoked);
	if (limit == 0)
		return;
	for (int i = 0; i < limit_n; i++)
		sum += limit_levels[i].revoked;
	if (growth_previewing)
	{
		if (sum > limit && sum - revoked <= limit)	/* once */
			ereport(NOTICE,
					(errmsg("the change would fail: too many tokens would be revoked in one transaction"),
					 errdetail("The option revoke_limit allows %d.", limit)));
	}
	else if (sum > limit)
		ereport(ERROR,
				(errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
				 errmsg("too many tokens would be revoked in one transaction"),
				 errdetail("The option revoke_limit allows %d.", limit),
				 errhint("jhub_authz.preview shows which tokens a change would revoke. "
						 "If they shall be, raise the limit with jhub_authz.set_option.")));
}
