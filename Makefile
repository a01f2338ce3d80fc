# jhub_authz: build, install, test.  The lists below are the order of things:
# OBJS by room, SQL parts in the order in which they make the install script.
EXTENSION = jhub_authz
MODULE_big = jhub_authz
here := $(dir $(firstword $(MAKEFILE_LIST)))
EXTVERSION := $(shell sed -n "s/^default_version *= *'\(.*\)'/\1/p" $(here)jhub_authz.control)
PGFILEDESC = "jhub_authz - JupyterHub authorization in the database"

# ROOMS can be narrowed while a room is being built
ROOMS ?= module algebra catalogue hub effective issue growth upgrade login server audit

OBJS_module = module spi insert asked jsonb settings
OBJS_algebra = scope_json scope_parse scope_suggest scopeset_build scopeset_write scopeset_view scopeset_upgrade scopeset_read scopeset_io scopeset_op scopeset_intersect scopeset_cover scopeset_order scopeset_filters scopeset_functions scopeset_agg scopeset_explode scopeset_gin scopeset_gin_hash scopeset_typanalyze scopeset_selfuncs
OBJS_catalogue = hub_releases catalogue custom_scopes custom_scopes_json expand suggest
OBJS_hub = hub_visible hub_models hub_schema hub_names hub_list hub_data hub_membership hub_kept hub_tokens hub_token_order hub_token_write hub_login hub_owned hub_requests hub_scope_users hub_concern hub_history hub_past hub_audit hub_role_sets hub_stored hub_name_sets scope_functions status self_check hub_census hub_seen
OBJS_effective = effective paths resolve scope_checks scope_support rows_support subjects everyone visible
OBJS_issue = owner bulk token_policy max_age narrow rescope token_hash issue_token resolve_request grace revoke revive
OBJS_growth = events concern baselines notes revoke_limit judge membership decide attach mode policies switch preview reinstate prune
OBJS_audit = changes history graph graph_build graph_hub graph_goal graph_write past audit_parts audit_tokens audit_hub effective_scopes who_can token_audit scope_changes scope_concern scope_order assertions targets explain explain_refusal ended_shares escalation escalation_owners escalation_each effective_admins orphaned_grants role_reach role_reach_scopes role_reach_tokens html first_findings findings_acknowledge group_fillers findings_of
OBJS_upgrade = upgrade_database upgrade_token_roles upgrade_check
OBJS_login = login_unicode login_str login_value login_options login_pattern login_name login_groups login_facts login_match login_allow login_decide login_config login_load login_store login_apply login_functions
OBJS_server = required_scopes authorize identity whoami api api_models api_urls

SQL_module = guard settings
SQL_algebra = type operators index aggregates reach index_hash estimates
SQL_catalogue = catalogue
SQL_hub = hub census
SQL_effective = algebra effective planner
SQL_issue = issue token_policy
SQL_growth = growth by_group preview reinstate attach
SQL_upgrade = upgrade
SQL_login = login
SQL_server = required_scopes authorize identity whoami api
SQL_audit = history graph past effective_scopes token_audit assertions targets explain effective_admins orphaned_grants role_reach leaver_gaps since findings report_style report

OBJS = $(foreach r,$(ROOMS),$(patsubst %,extension/$(r)/%.o,$(OBJS_$(r))))
SQL_PARTS = $(foreach r,$(ROOMS),$(patsubst %,extension/$(r)/%.sql,$(SQL_$(r))))

# The update from 0.1.0: what altered, by hand, then every part that 0.1.0 did not
# have, so that a new part needs no line of its own.  The install script of 0.1.0
# is kept to test the update and is not installed: with this library it would
# make an extension that lacks what the library looks for.
SQL_of_0.1.0 = module/guard module/settings algebra/type algebra/operators algebra/index algebra/aggregates \
	catalogue/catalogue hub/hub effective/algebra effective/effective issue/issue growth/growth growth/attach
SQL_since_0.1.0 = $(filter-out $(SQL_of_0.1.0:%=extension/%.sql),$(SQL_PARTS))
UPDATES = extension/$(EXTENSION)--0.1.0--0.2.0.sql

DATA_built = extension/$(EXTENSION)--$(EXTVERSION).sql $(UPDATES)
REGRESS ?= $(filter-out $(if $(filter 15,$(MAJORVERSION)),ge16_%),$(patsubst $(here)sql/%.sql,%,$(sort $(wildcard $(here)sql/*.sql))))
REGRESS_OPTS = --load-extension=jhub_authz --dbname=jhub_authz_regress
SHLIB_LINK = $(shell pkg-config --libs jansson 2>/dev/null || echo -ljansson) -Wl,-Bsymbolic
# the server's own headers have unused parameters
PG_CFLAGS = -Wextra -Wno-unused-parameter $(shell pkg-config --cflags jansson 2>/dev/null)
PG_CPPFLAGS = -DJHUB_AUTHZ_VERSION='"$(EXTVERSION)"'

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)
ifneq ($(PGXS),)
include $(PGXS)
else
# demo and test install what is missing; nothing else works without it
all install installcheck clean:
	@echo "$(PG_CONFIG) not found: install postgresql-server-dev-15, or set PG_CONFIG" >&2; exit 1
endif

extension/$(EXTENSION)--$(EXTVERSION).sql: $(SQL_PARTS) $(here)jhub_authz.control $(here)Makefile
	$(MKDIR_P) $(@D)
	cat $(filter %.sql,$^) > $@

extension/$(EXTENSION)--0.1.0--0.2.0.sql: extension/update/0.1.0--0.2.0.sql $(SQL_since_0.1.0) $(here)Makefile
	$(MKDIR_P) $(@D)
	cat $(filter %.sql,$^) > $@

HEADERS_all = $(wildcard $(here)extension/*/*.h)
$(OBJS): $(HEADERS_all)

include $(here)testbed/targets.mk

# make release HUB=6.1.0      take up a release of JupyterHub from PyPI: the data,
#                             the C tables, and the dictionary if it has new names
# make dictionary-test        values stored before a dictionary are read after it
.PHONY: release dictionary-test
release:
	@test -n "$(HUB)" || { echo "usage: make release HUB=VERSION" >&2; exit 2; }
	@python3 $(here)extension/catalogue/hub_releases.py --add "$(HUB)"

dictionary-test:
	@$(here)testbed/dictionary
