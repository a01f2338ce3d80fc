/*-------------------------------------------------------------------------
 *
 * assertions.h
 *	  Statements about permissions that must hold.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_ASSERTIONS_H
#define JHUB_AUTHZ_ASSERTIONS_H

#include "../hub/hub.h"

/*
 * The part of a decision: assertions with a veto are checked, as things stand with
 * the latest snapshot, under the decision's lock.  23514 for one that held before
 * this transaction and does not hold now; a WARNING unless enforce.  The hint differs
 * if there is what nobody had noticed before.
 */
extern void assertions_decide(const HubSchema *hub, bool enforce, bool unnoticed);

#endif							/* JHUB_AUTHZ_ASSERTIONS_H */
