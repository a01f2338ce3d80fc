# make targets that run things; all work in build/, none disturbs the tree.
# They install Debian packages that are missing (as root or through sudo), so
# they do not depend on PGXS, which may not be there yet.
#
#   make demo                        the main job, played on a real JupyterHub
#   make test [SEED=n] [CASES=n]     everything that this machine can test
#   make interop HUB=5.5.1 [SEED=n] [CASES=n] [SUBSET=1]
#                                    against a JupyterHub from PyPI
#   make matrix                      PostgreSQL 17 and 18 in Debian roots
#   make who-may                     sessions of several roles against each other
#   make fuzz-sql [SECONDS=n] [SEED=n]
#                                    mutated input for every function
#   make replicas                    a streaming standby, and logical replication to an audit server
#   make move                        dumps and restores of every kind, and what comes of them
#   make login-oracle [CASES=n] [SEED=n]
#                                    login decisions against the real OAuthenticator, from PyPI
#   make from-2 [SEED=n]             from JupyterHub 2.x to every later release, from PyPI
#   make from-2-size [TOKENS=n]      100,000 tokens, beside the hub's own migration
#   make pg-upgrade                  PostgreSQL 15 to 17 to 18, in a Debian root
#   make interleavings [SEED=n] [QUICK=1 | ALL=1]
#                                    two transactions in every order: is a token above its baseline?
#   make stress [SECONDS=n] [SEED=n] [PYTHON=path]
#                                    many sessions at once, judged by JupyterHub itself
#   make bench [QUICK=1 | SMALL=1] [SEED=n]
#                                    how fast, beside what a user could pick instead
#   make bench-audit [QUICK=1]       the audit's look-ups and views on 1,000,000 tokens
#   make audit-memory [ONLY=words]   do they keep to work_mem, however many users there are?
#   make escalation [HUB=5.5.1]      what escalation_paths says, done over a real hub's REST API
#   make history-cost                what keeping history costs the hub's writes
#   make past-cost [USERS=n]         what questions about the past, assertions and targets cost on 100,000 users
#   make fuzz [SECONDS=n] [SEED=n]   coverage-guided fuzzing, outside of a server
#   make lint                        static analysis, warnings as errors
#   make hard-assertions             the suite on a server with assertions
#   make hard-discard [FILES="..."]  ... with debug_discard_caches = 1: hours; a quarter of one with
#                [STEPS=1] [EVERY=n] STEPS=1, at each step of ours; at every n-th place only;
#                                    PROCESSES=n files at a time
#   make hard-valgrind [FILES="..."] ... under valgrind
#   make hard-memory [TRANSACTIONS=n]  one session, 100,000 transactions
#   make running-hub [HUB=5.5.1] [SECONDS=75] [SEED=n]
#                                    a real hub under load while grants change
#                                    in SQL, restarted and killed
#   make server-oracle [HUB=5.5.1] [SERVER=2.21.1] [SEED=n] [VISITORS=n]
#                                    requests to a real Jupyter Server, and authorize()
#   make report-check                report_html() in a real Chromium: alone, light, dark, narrow, printed
#   make graph-check [MERMAID=version]  graph_dot() in Graphviz, graph_mermaid() in Mermaid
#   make faults [KILLS=15] [SEED=n]  kills, a full disk, little memory, timeouts
#   make api-oracle [HUB=5.5.1] [TOKENS=n] [SEED=n]
#                                    a running hub's REST API beside whoami and the api_* views
#   make oauth-oracle [HUB=5.5.1] [LOGINS=n] [SEED=n]
#                                    logins through a running hub's OAuth, beside resolve_request
#   make pgbouncer                   identities behind pgbouncer in transaction mode
.PHONY: demo test interop matrix fuzz-sql who-may move from-2 from-2-size pg-upgrade interleavings stress fuzz lint hard-assertions hard-discard hard-valgrind hard-memory replicas history-cost past-cost bench running-hub server-oracle faults login-oracle report-check graph-check api-oracle pgbouncer bench-audit audit-memory escalation oauth-oracle

demo:
	@$(here)demo/run

test:
	@$(here)testbed/test "$(or $(CASES),5000)" $(SEED)

interop:
	@$(here)interop/run --hub "$(HUB)" $(if $(CASES),--cases $(CASES)) $(if $(SEED),--seed $(SEED)) $(if $(SUBSET),--subset)

matrix:
	@$(here)testbed/matrix

fuzz-sql:
	@$(here)testbed/fuzz_sql "$(or $(SECONDS),120)" $(SEED)

move:
	@$(here)testbed/move

login-oracle:
	@$(here)interop/login/all "$(or $(CASES),10000)" $(SEED)

from-2:
	@$(here)interop/from_2/all $(SEED)

from-2-size:
	@$(here)interop/from_2/all size $(or $(TOKENS),100000)

pg-upgrade:
	@$(here)testbed/pg_upgrade

interleavings:
	@$(here)testbed/interleavings "$(SEED)" $(if $(ALL),all,$(if $(QUICK),quick))

stress:
	@$(here)testbed/stress "$(or $(SECONDS),60)" "$(SEED)" $(PYTHON)

who-may:
	@$(here)testbed/who_may
fuzz:
	@SEED="$(SEED)" $(here)testbed/fuzz/run $(or $(SECONDS),120)

lint:
	@$(here)testbed/lint/run

hard-assertions hard-discard hard-valgrind:
	@$(here)testbed/hard/suite $(patsubst hard-%,%,$@) $(FILES)

hard-memory:
	@$(here)testbed/hard/memory $(TRANSACTIONS)

replicas:
	@$(here)testbed/replicas

bench:
	@$(here)bench/run $(if $(QUICK),quick,$(if $(SMALL),small)) $(or $(SEED),1)

history-cost:
	@$(here)testbed/history_cost

running-hub:
	@$(here)interop/running_hub/run $(if $(HUB),--hub $(HUB)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

server-oracle:
	@$(here)interop/server/run $(if $(HUB),--hub $(HUB)) $(if $(SERVER),--server $(SERVER)) $(if $(SEED),--seed $(SEED)) $(if $(VISITORS),--visitors $(VISITORS))

faults:
	@$(here)testbed/faults "$(or $(KILLS),15)" $(SEED)

report-check:
	@$(here)testbed/look/run report

graph-check:
	@MERMAID="$(MERMAID)" $(here)testbed/look/run graphs

api-oracle:
	@$(here)interop/api/run $(if $(HUB),--hub $(HUB)) $(if $(TOKENS),--tokens $(TOKENS)) $(if $(SEED),--seed $(SEED))

pgbouncer:
	@$(here)testbed/pgbouncer

past-cost:
	@$(here)bench/past $(USERS)

bench-audit:
	@$(here)bench/audit $(if $(QUICK),quick)

audit-memory:
	@$(here)bench/audit_memory "$(ONLY)"

escalation:
	@$(here)interop/escalation/run $(if $(HUB),--hub "$(HUB)")

oauth-oracle:
	@$(here)interop/oauth/run $(if $(HUB),--hub $(HUB)) $(if $(LOGINS),--logins $(LOGINS)) $(if $(SEED),--seed $(SEED))
