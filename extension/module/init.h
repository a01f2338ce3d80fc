/*-------------------------------------------------------------------------
 *
 * init.h
 *	  The rooms' init functions, called once when the library is loaded.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_INIT_H
#define JHUB_AUTHZ_INIT_H

extern void settings_init(void);
extern void catalogue_init(void);
extern void hub_init(void);
extern void hub_concern_init(void);
extern void hub_history_init(void);
extern void hub_kept_init(void);
extern void issue_init(void);
extern void growth_init(void);
extern void history_init(void);
extern void required_scopes_init(void);
extern void identity_init(void);

#endif							/* JHUB_AUTHZ_INIT_H */
