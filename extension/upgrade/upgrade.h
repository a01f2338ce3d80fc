/*-------------------------------------------------------------------------
 *
 * upgrade.h
 *	  Databases of earlier releases: where one stands, and from role tokens
 *	  (2.x) to scopes (3.0).
 *
 * The room hub/ knows the tables that a hub from 3.0 on has.  What 2.x had
 * besides, and what its migration to 3.0 makes of it, is known here alone.
 *
 *-------------------------------------------------------------------------
 */
#ifndef JHUB_AUTHZ_UPGRADE_H
#define JHUB_AUTHZ_UPGRADE_H

#include "../hub/hub.h"

/* The revision that the 2.x releases share, and the one after it. */
#define UPGRADE_REVISION_FROM	"833da8570507"
#define UPGRADE_REVISION_TO		"651f5419b74d"

/* Where a revision of alembic lies, seen from the two above. */
typedef enum UpgradeEra
{
	UPGRADE_UNKNOWN,
	UPGRADE_BEFORE,				/* 0.x and 1.x */
	UPGRADE_ROLES,				/* 2.0 to 2.3.1: tokens have roles */
	UPGRADE_SCOPES				/* 3.0 and later */
} UpgradeEra;

extern UpgradeEra upgrade_era(const char *revision, const char **releases);

/* Tables that 2.x has and 3.0 has not. */
#define UPGRADE_NMAPS	3
extern const char *const upgrade_maps[UPGRADE_NMAPS];

/* Columns that 3.0 adds: table and name. */
#define UPGRADE_NCOLUMNS	3
typedef struct UpgradeColumn
{
	const char *table;
	const char *name;
} UpgradeColumn;
extern const UpgradeColumn upgrade_columns[UPGRADE_NCOLUMNS];

/*
 * The schema that is meant: the name that is given, else that of the attached
 * hub, else the only one that holds a hub's tables.  NULL, and *several is a
 * list of names or NULL, if there is none or more than one.
 */
extern char *upgrade_schema(const char *given, char **several);

extern Oid	upgrade_table_owner(Oid relid);

/*
 * The revision in the one row of a schema's alembic_version, "" if there is no
 * such row: also where other tables of a hub are missing.
 */
extern char *upgrade_revision(Oid schema);

/* One role of the hub, and what its stored scopes say. */
typedef struct UpgradeRole
{
	int			id;
	char	   *name;			/* UTF-8 */
	const Scopeset *scopes;		/* those that are scopes */
	List	   *odd;			/* char *, server encoding: members that are none */
	bool		broken;			/* no JSON array of strings */
	bool		empty;			/* nothing at all */
} UpgradeRole;

typedef struct UpgradeRoles
{
	int			n;
	UpgradeRole *roles;			/* by id */
} UpgradeRoles;

extern UpgradeRoles *upgrade_read_roles(const HubSchema *hub);
extern UpgradeRole *upgrade_role(const UpgradeRoles *roles, int id);

#endif							/* JHUB_AUTHZ_UPGRADE_H */
