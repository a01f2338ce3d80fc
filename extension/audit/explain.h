/*-------------------------------------------------------------------------
 *
 * explain.h
 *	  What explain.c and explain_refusal.c share.  Private to explain().
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_EXPLAIN_H
#define JHUB_AUTHZ_EXPLAIN_H

#include "audit.h"

#include "nodes/pg_list.h"

/* An explanation that is being written.  All strings are UTF-8. */
typedef struct Explain
{
	ReturnSetInfo *rsinfo;
	EffectiveSubject *subject;
	const ScopeMember *required;
	ScopeMembership *membership;
	bool		held;
	bool		beside_inherit;	/* a token that inherits would have it anyway */
	int			chain;			/* 0: outside of chains */
	int			step;
	List	   *edges;			/* of this chain: ExplainEdge * */
	List	   *common;			/* in all chains so far */
} Explain;

/* Something that a chain rests on and that can be taken away. */
typedef struct ExplainEdge
{
	const char *node;			/* tells it from others */
	const char *cut;			/* how to take it away */
} ExplainEdge;

/* Add a row; says is a part of the chain's sentence. */
extern void explain_step(Explain *x, const char *node_kind, const char *node,
						 const char *says,...) pg_attribute_printf(4, 5);
extern void explain_begin_chain(Explain *x);

extern char *explain_text(const ScopeMember *member);

/*
 * The steps of one grant of the owner down to a member of what it gives; first
 * the owner.
 */
extern void explain_owner(Explain *x);
extern void explain_grant(Explain *x, const EffectiveGrant *grant, const ScopeMember *gives);
extern void explain_expansion(Explain *x, const ScopeMember *raw, const ScopeMember *gives);

/* What a token asks for, down to a member of it, and whose it is. */
extern void explain_ask(Explain *x, const EffectiveAsks *asks, const EffectiveAsk *ask,
						const ScopeMember *gives);

/* The member of a set that meets what is required; false: there is none. */
extern bool explain_meets(const Explain *x, const Scopeset *scopes, ScopeMember *gives);

/* Why it is not held (explain_refusal.c). */
extern void explain_refusal(Explain *x);

#endif							/* JHUB_AUTHZ_EXPLAIN_H */
