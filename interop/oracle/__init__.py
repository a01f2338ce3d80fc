"""JupyterHub's own Python as the oracle: what it answers, the extension must.

`interop/differential` makes a database through the hub's own ORM, fills it at
random, and asks both sides the same questions: the functions of
`jupyterhub.scopes` and `jupyterhub.roles` of the release that is installed
beside the Python that runs this, and the extension's SQL functions on the same
rows.  The answers must be equal to the byte.  No code of the hub is copied:
where an answer needs more than one of its functions, the theorem that is used
is written down at the spot.

What is not compared, because the oracle has no answer or a defective one:

* scopes that the catalogue does not hold: the hub raises KeyError;
* empty filter values (`users!user=`) and other filters that a scopeset cannot
  hold: they name nobody and are dropped from the hub's answers.  Hub 3.0 makes
  one itself when it expands a `!server` filter of a reading scope without a
  server to put in, and a role of the hub's may have any;
* intersections at which hub 3.0 and 3.1 raise AttributeError (they add to a
  frozenset when both sides filter by user, or by server, and a group or user
  of one side holds a server or user of the other);
* tokens without a client: the hub deletes them when it meets one and raises
  AttributeError if asked;
* has_scope before 5.0 and _resolve_requested_scopes before 3.1 do not exist.
  The former is then taken from the intersection (see kinds.py), the latter is
  left out;
* a share whose stored filters are not those of its server, from 6.1 on: the hub
  puts them right when it reads the share, and until then the row says otherwise;
* the hub's memory: its caches are by-passed, because an intersection that was
  once computed without a database is remembered and then also given, narrower
  than right, to a caller who has one;
* the order in which the hub's set of requested scopes happens to be iterated:
  it is made to be code point order;
* `inherit` in subject_covers, and the points in which define_scopes is stricter
  or laxer than the hub on purpose (see kinds.py);
* writing, tokens at issue, HTTP.

Modules: hub (the oracle), population (a random hub), generator (random
scopes), database (our side), kinds (random questions), subjects (everybody's
scopes, exhaustively), audit (who can, what can and why), requests (OAuth logins, and requests to a server), run
(the command).
"""
