"""Random cases: configurations that name few things, and users who are some of them."""

from real import CLASSES, OWN

NAMES = ["ann", "Ann", "ANN", "bob", "Bob", "zed", "cat", "ann@x.org", "Ann@X.org", "bob@y.org", "ann@a@x.org",
         "zo\u00eb", "ZO\u00cb", "\u0130lkay", "i\u0307lkay", "\u03a3\u039f\u03a6\u039f\u03a3", "\u03c3\u03bf\u03c6\u03bf\u03c2",
         "\u01c5\u0345\u03a3", "Stra\u00dfe", "\u1e9e", "a b", "a/b", ".", "..", "%2E", "%2e.", " ann", "ann ",
         "\u3000ann", "x-1", "x_2", "a.b", "o'brien", "1", "@x.org", "ann@", "", "Ann B", "\U00010400nn"]
GROUPS = ["g1", "g2", "G1", "a", "b", "admins", "top/sub", "g\u00e9"]
DOMAINS = ["x.org", "y.org", "X.org", "sub.x.org"]
LETTERS = "aAbBzZ\u03a3\u03c3\u03c2\u0130\u0049\u0131\u0345\u0301\u00df\u01c5\u1fbc\ua64a\U0001e921 .-_@'\u00b7\u2024\u02b0"
GLOBS = ["x.org", "*.x.org", "*", "?.org", "[xy].org", "[!x].org", "[x-z].org", "*.[Oo]rg", "[z-a].org", "[]x].org", "[x",
         "[!]", "[-x].org", "[x-].org", "s?b.*", "*x*o*g", "X.ORG", "[^x].org", "[a-c-z].org", "[!a-m]*", "[xz-a]*"]
PATTERNS = ["a", "[a-z]+$", "^[a-z][a-z0-9_-]*$", "\\w+$", "\\w+\\s\\w+", ".+@x\\.org$", "(?:ann|bob)$", "(?!ann)", "(?=.*@)",
            "[^a]", "a{2}", "a{1,}", "[a-z]{,2}\\Z", "\\d", "[\\w.-]+$", "(?P<n>a)n", "a|b", "", "^", "$", ".*", "[]a]", "[^\\W\\d]",
            "a{,}", "a{x}", "x{", "a??", "[a-", "(a", "a)", "*a", "[z-a]", "\\x61", "\\u03c3", "[\\u03b1-\\u03c9]+$", "a{2}{3}", "\\Aann", "[a\\-z]"]


def pick(rng, values, most=2):
    return rng.sample(values, min(len(values), rng.randint(0, most)))


def name(rng):
    if rng.random() < 0.25:
        return "".join(rng.choice(LETTERS) for _ in range(rng.randint(1, 6)))
    return rng.choice(NAMES)


def names(rng, most=3):
    return sorted({name(rng) for _ in range(rng.randint(0, most))})


def valid_names(rng, most=3):
    """few that keep the hub from starting"""
    return [n for n in names(rng, most) if rng.random() < 0.05 or (n.strip() == n and n and "/" not in n and n.strip(".%2eE"))]


def claim(rng, value):
    """mostly what it should be"""
    if rng.random() < 0.9:
        return value
    return rng.choice([None, "", 0, 7, True, False, [], ["x"], {}, {"a": 1}])


def groups_claim(rng):
    if rng.random() < 0.75:
        return pick(rng, GROUPS, 4)
    return rng.choice([None, "", "abc", "g1", 5, True, False, {}, {"g1": 1, "g2": 2}, [["g1"]], [1, 3, 2], ["g1", 1], [None], [None, "a"],
                       [{"a": 1}], [True, 1, 2], ["b", "a", "b"], ["\U00010400", "\uff41", "z"]])


class Generator:
    def __init__(self, rng, hosted_domains, comma_scope):
        self.rng = rng
        self.hosted_domains = hosted_domains  # the class has allowed_hosted_domains
        self.comma_scope = comma_scope  # "a,b" is split

    def case(self):
        rng = self.rng
        family = rng.choice(list(CLASSES))
        config, info, facts = {}, {}, {}
        self.common(family, config, facts)
        getattr(self, "own" if family in OWN else "oauth")(family, config, info, facts)
        own = getattr(self, family, None)
        if own is not None:
            own(config, info, facts)
        if rng.random() < 0.01:
            self.spoil(config)
        if rng.random() < 0.01:
            info = rng.choice([[], "ann", 5, None]) if family not in ("dummy", "pam") else info
        return {"family": family, "config": config, "user_info": info, "facts": facts}

    def maybe(self, chance, config, option, value):
        if self.rng.random() < chance:
            config[option] = value

    def spoil(self, config):
        option = self.rng.choice(["allow_all", "admin_users", "manage_groups", "username_pattern", "username_map"])
        wrong = {"allow_all": ["x", None, 2, []], "manage_groups": ["x", None], "admin_users": [5, None, {"a": 1}, True],
                 "username_pattern": [5, None, ["a"]], "username_map": [5, None, "x", ["a"]]}
        config[option] = self.rng.choice(wrong[option])

    def common(self, family, config, facts):
        rng = self.rng
        self.maybe(0.25, config, "allow_all", rng.choice([True, True, False, 1, 0]))
        self.maybe(0.4, config, "allowed_users", valid_names(rng))
        self.maybe(0.3, config, "admin_users", valid_names(rng, 2))
        self.maybe(0.3, config, "blocked_users", names(rng, 2))
        self.maybe(0.15, config, "allow_existing_users", rng.random() < 0.8)
        self.maybe(0.2, config, "username_map", {name(rng).lower() if rng.random() < 0.8 else name(rng):
                                                 rng.choice(["bob", "ann", "cat", "Ann", "zed"]) for _ in range(rng.randint(0, 3))})
        self.maybe(0.12, config, "username_pattern", rng.choice(PATTERNS))
        self.maybe(0.05, config, "whitelist", valid_names(rng, 2))
        self.maybe(0.1, config, "enable_auth_state", True)
        self.maybe(0.05, config, "allowed_users", rng.choice(["ann", "bob"]))
        config.update(rng.choice([{}] * 9 + [{"auto_login": True, "auth_refresh_age": 100, "any_allow_config": True}]))
        if config.get("enable_auth_state"):
            # the hub would ask for a key to encrypt it with
            del config["enable_auth_state"]
        facts["existing_users"] = sorted({n for n in names(rng, 4) if n})
        if rng.random() < 0.1:
            facts["refresh"] = True

    def oauth(self, family, config, info, facts):
        rng = self.rng
        self.maybe(0.4, config, "manage_groups", True)
        managed = config.get("manage_groups")
        group_options = 0.4 if managed else 0.01
        self.maybe(group_options, config, "allowed_groups", pick(rng, GROUPS))
        self.maybe(group_options, config, "admin_groups", pick(rng, GROUPS))
        key = {"azuread": "user", "generic": "oauth_user", "oauth2": "oauth_user", "mediawiki": "MEDIAWIKI_USER_IDENTITY"}.get(
            family, f"{family}_user")
        self.maybe(0.7 if managed else 0.01, config, "auth_state_groups_key",
                   rng.choice([f"{key}.groups"] * 6 + [f"{key}.deep.groups", "scope", "", "nothing.there", f"{key}.", key,
                                                        "user_teams", "globus_groups", "google_user.google_groups"]))
        self.maybe(0.2, config, "scope", pick(rng, ["s1", "s2", "openid", "email"], 4))
        self.maybe(0.15, config, "allowed_scopes", pick(rng, config.get("scope") or ["s1", "openid", "email"], 2))
        if rng.random() < 0.5:
            granted = pick(rng, ["s1", "s2", "openid", "user"], 4)
            facts["scope"] = rng.choice([granted, " ".join(granted), ",".join(granted) if self.comma_scope else granted])
        info["groups"] = groups_claim(rng)
        info["deep"] = rng.choice([{"groups": groups_claim(rng)}, "x", None])
        own_claim = {"auth0": "email", "azuread": "name", "github": "login", "globus": "preferred_username", "google": "email"}.get(
            family, "username")
        if family not in ("cilogon", "openshift") and rng.random() < 0.25:
            config["username_claim"] = own_claim = rng.choice(["sub", "username", "email"])
        info[own_claim] = claim(rng, name(rng))
        if rng.random() < 0.03:
            info.pop(own_claim)

    def own(self, family, config, info, facts):
        rng = self.rng
        info["name"] = name(rng)
        if rng.random() < 0.03 and family == "base":
            info = info.pop("name")
        self.maybe(0.1, config, "allow_existing_users", rng.random() < 0.5)

    def base(self, config, info, facts):
        rng = self.rng
        self.maybe(0.3, config, "manage_groups", True)
        if rng.random() < 0.4:
            info["admin"] = rng.choice([True, False, None])
        if rng.random() < 0.6:
            info["groups"] = rng.choice([pick(rng, GROUPS, 4), pick(rng, GROUPS, 4), None])

    def dummy(self, config, info, facts):
        pass

    def pam(self, config, info, facts):
        rng = self.rng
        unix = ["staff", "wheel", "lab"]
        self.maybe(0.4, config, "allowed_groups", pick(rng, unix + ["gone"]))
        self.maybe(0.3, config, "admin_groups", pick(rng, unix + (["gone"] if rng.random() < 0.1 else [])))
        self.maybe(0.1, config, "pam_normalize_username", True)
        facts["unix_groups"] = {g: names(rng, 5) + ([info["name"].lower()] if rng.random() < 0.4 else []) for g in unix}

    def auth0(self, config, info, facts):
        rng = self.rng
        self.maybe(0.2, config, "allow_unverified_email", rng.random() < 0.7)
        info.setdefault("email", claim(rng, name(rng)))
        info["email_verified"] = rng.choice([True, True, True, False, None, 1, "yes", ""])
        if rng.random() < 0.05:
            info.pop(rng.choice(["email", "email_verified"]))

    def azuread(self, config, info, facts):
        self.maybe(0.1, config, "user_groups_claim", self.rng.choice(["grp", "deep.groups", "groups"]))
        info["grp"] = groups_claim(self.rng)

    def generic(self, config, info, facts):
        rng = self.rng
        self.maybe(0.2 if config.get("manage_groups") else 0.01, config, "claim_groups_key",
                   rng.choice(["groups", "deep.groups", "grp", ""]))
        self.maybe(0.05, config, "username_key", "sub")
        info["sub"] = claim(rng, name(rng))

    def bitbucket(self, config, info, facts):
        self.maybe(0.5, config, "allowed_teams", pick(self.rng, GROUPS))
        facts["bitbucket_teams"] = pick(self.rng, GROUPS, 3)

    def github(self, config, info, facts):
        rng = self.rng
        orgs = ["o1", "o2", "o1:t1", "o2:t2", "O1"]
        self.maybe(0.5, config, rng.choice(["allowed_organizations"] * 4 + ["github_organization_whitelist"]), pick(rng, orgs))
        if rng.random() < 0.8:
            facts["github_orgs"] = pick(rng, orgs, 3)
        info["email"] = info.get("email", rng.choice(["e@x.org", "", None]))
        if rng.random() < 0.04:
            info.pop("email")

    def gitlab(self, config, info, facts):
        rng = self.rng
        self.maybe(0.4, config, "allowed_gitlab_groups", pick(rng, ["top", "top/sub", "g\u00e9 x"]))
        self.maybe(0.4, config, "allowed_project_ids", pick(rng, [1, "2", 42]))
        facts["gitlab_groups"] = pick(rng, ["top", "top/sub", "g\u00e9 x"])
        facts["gitlab_projects"] = {p: rng.choice([0, 10, 20, 30, 40, 50]) for p in pick(rng, ["1", "2", "42"], 3)}
        info["id"] = rng.choice([1, 7, 7, 7, 7, 3.5, True, "7", None])
        if rng.random() < 0.03:
            info.pop("id")

    def globus(self, config, info, facts):
        rng = self.rng
        self.maybe(0.4, config, "allowed_globus_groups", pick(rng, GROUPS))
        self.maybe(0.4, config, "admin_globus_groups", pick(rng, GROUPS))
        self.maybe(0.25, config, "identity_provider", rng.choice(["x.org", "X.org", "a@x.org", "ann", ""]))
        self.maybe(0.15, config, "username_from_email", True)
        info.setdefault("email", claim(rng, name(rng)))
        facts["globus_groups"] = pick(rng, GROUPS, 3)

    def google(self, config, info, facts):
        rng = self.rng
        for option in ("allowed_google_groups", "admin_google_groups"):
            self.maybe(0.35, config, option, {d: pick(rng, ["g1", "g2", "a"]) for d in pick(rng, DOMAINS)})
        self.maybe(0.3, config, "hosted_domain", rng.choice([pick(rng, DOMAINS, 3), "x.org", "X.ORG", ""]))
        self.maybe(0.15, config, "strip_domain", rng.random() < 0.5)
        if self.hosted_domains:
            self.maybe(0.3, config, "allowed_hosted_domains", pick(rng, DOMAINS))
        info["email"] = claim(rng, rng.choice(["ann", "Bob", "zed"]) + "@" + rng.choice(DOMAINS + ["z.org", "x.org@y.org"]))
        info["verified_email"] = rng.choice([True] * 6 + [False, None, 1])
        if rng.random() < 0.6:
            info["hd"] = rng.choice(DOMAINS + ["", None])
        for key in ("email", "verified_email"):
            if rng.random() < 0.02:
                info.pop(key)
        if rng.random() < 0.05:
            info["email"] = "nowhere"
        facts["google_groups"] = pick(rng, ["g1", "g2", "a"], 3)

    def openshift(self, config, info, facts):
        rng = self.rng
        info["metadata"] = claim(rng, {"name": claim(rng, name(rng))})
        if rng.random() < 0.03:
            info.pop("metadata")

    def mediawiki(self, config, info, facts):
        pass

    def cilogon(self, config, info, facts):
        rng = self.rng
        idps = {}
        for idp in pick(rng, ["https://i1/x", "http://i2/x", "urn:i3"], 3):
            derivation = {"username_claim": rng.choice(["email", "email", "nick"])}
            action = rng.choice([None, "strip_idp_domain", "prefix"])
            if action:
                derivation["action"] = action
                derivation["domain" if action == "strip_idp_domain" else "prefix"] = rng.choice(DOMAINS + ["\u0130.org"])
            idps[idp] = {"username_derivation": derivation}
            self.maybe(0.3, idps[idp], "allow_all", rng.random() < 0.6)
            self.maybe(0.5, idps[idp], "allowed_domains", pick(rng, GLOBS, 3))
            self.maybe(0.2, idps[idp], "allowed_domains_claim", rng.choice(["alt", "email", ""]))
        if rng.random() < 0.03 and idps:
            broken = rng.choice(list(idps))
            idps[broken].update(rng.choice([{"allowd": 1}, {"allow_all": "x"}, {"allowed_domains": "x.org"}, {"username_derivation": {}},
                                            {"username_derivation": {"username_claim": "e", "action": "prefix"}},
                                            {"username_derivation": {"username_claim": "e", "action": "cut"}}]))
        self.maybe(0.97, config, rng.choice(["idps"] * 9 + ["allowed_idps"]), idps)
        if rng.random() < 0.02:
            config.setdefault("idps", {})["ftp://x"] = {"username_derivation": {"username_claim": "email"}}
        info["idp"] = rng.choice(list(idps) * 4 + ["https://i1/x", "https://other/x", None, 5, ["x"], ""])
        info["email"] = claim(rng, name(rng) + rng.choice(["", "@" + rng.choice(DOMAINS)]))
        info["nick"] = claim(rng, name(rng))
        info["alt"] = claim(rng, rng.choice(["q@x.org", "sub.x.org", "SUB.X.ORG", "ann@b@y.org"]))
        if rng.random() < 0.05:
            info.pop(rng.choice(["idp", "email", "nick", "alt"]))
        # an f-string writes what nests as Python does: no name for anybody
        for key in ("email", "nick"):
            if isinstance(info.get(key), (list, dict)):
                info[key] = 7
