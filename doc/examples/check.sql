-- Do the hub's permissions agree with what its repository says?  For psql alone:
--
--   psql -d DATABASE -v assertions=FILE -v targets=FILE -f check.sql
--
-- Each FILE is a JSON document, as doc/assertions.md has it.  The exit status is 0
-- if all is as it should be, and 3 if it is not, or if a document is no good; what
-- differs is printed.  Nothing stays: it is all rolled back.  To keep the documents
-- in the database, for a veto to be in force, take COMMIT for ROLLBACK.
\set ON_ERROR_STOP on
\set assertions_document `cat :'assertions'`
\set targets_document `cat :'targets'`
BEGIN;
SELECT jhub_authz.load_assertions(:'assertions_document') AS assertions,
       jhub_authz.load_grant_targets(:'targets_document') AS targets;
SELECT subject_kind, subject, required, expected, why, note FROM jhub_authz.check_assertions() WHERE NOT ok;
SELECT diff, subject_kind, subject, grant_kind, granted, detail FROM jhub_authz.grant_diffs();
SELECT jhub_authz.require_assertions(), jhub_authz.require_targets();
ROLLBACK;
