\echo Use "ALTER EXTENSION jhub_authz UPDATE TO '0.2.0'" to load this file. \quit

-- From 0.1.0 to 0.2.0.  Here stands what altered; the parts that are new follow,
-- the same files as in the install script.  testbed/update compares the result
-- with a fresh install, catalogue row by catalogue row.
