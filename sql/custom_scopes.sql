-- Custom scopes: what a document must look like, and what is said when it does not.
-- That a document is read at all shows that no call of jansson's lands in the
-- server's function json_object.
SELECT jhub_authz.define_scopes('{
    "custom:lab:read": {"description": "Read lab notebooks."},
    "custom:lab:write": {"description": "Schreiben \u00fcber alles", "subscopes": ["custom:lab:read"]},
    "custom:lab:*": {"description": "", "subscopes": ["custom:lab:write", "custom:lab:read"]}
}');
SELECT name, description, subscopes FROM jhub_authz.custom_scopes ORDER BY name;

-- the same again is nothing new, nor is another order; later ones build on earlier ones
SELECT jhub_authz.define_scopes('{"custom:lab:*": {"subscopes": ["custom:lab:read", "custom:lab:write"], "description": ""}}');
SELECT jhub_authz.define_scopes('{"custom:lab:all": {"description": "d", "subscopes": ["custom:lab:*"]}}');
SELECT jhub_authz.define_scopes('{}');
SELECT jhub_authz.define_scopes(NULL) IS NULL AS nothing;

-- unknown keys
SELECT jhub_authz.define_scopes('{"custom:lab:keys": {"description": "d", "doc_description": 1, "x\ny": null}}');

-- broken JSON
SELECT jhub_authz.define_scopes('');
SELECT jhub_authz.define_scopes('{"custom:a:read": }');
SELECT jhub_authz.define_scopes('{
  "custom:a:read": {"description": "é", "subscopes": []},
  "custom:é": {"description": é}
}');
SELECT jhub_authz.define_scopes('{"custom:a:read": {"description": "d"}} more');
SELECT jhub_authz.define_scopes('{"custom:a:read": {"description": "\u0000"}}');
SELECT jhub_authz.define_scopes('{"custom:a:read": {"description": "\ud800"}}');
SELECT jhub_authz.define_scopes(repeat('[', 5000));

-- a key twice
SELECT jhub_authz.define_scopes('{"custom:a:read": {"description": "1"},
 "custom:a:read": {"description": "2"}}');
SELECT jhub_authz.define_scopes('{"custom:a:read": {"description": "1", "description": "1"}}');

-- other forms
SELECT jhub_authz.define_scopes('[]');
SELECT jhub_authz.define_scopes('"custom:a:read"');
SELECT jhub_authz.define_scopes('{"custom:a:read": "d"}');
SELECT jhub_authz.define_scopes('{"custom:a:read": {}}');
SELECT jhub_authz.define_scopes('{"custom:a:read": {"description": null}}');
SELECT jhub_authz.define_scopes('{"custom:a:read": {"description": "d", "subscopes": "custom:lab:read"}}');
SELECT jhub_authz.define_scopes('{"custom:a:read": {"description": "d", "subscopes": ["custom:lab:read", 1]}}');
SELECT jhub_authz.define_scopes('{"custom:a:read": {"description": "d", "subscopes": null}}');

-- names
SELECT jhub_authz.define_scopes('{"users": {"description": "d"}}');
SELECT jhub_authz.define_scopes('{"custom:a:read\n": {"description": "d"}}');
SELECT jhub_authz.define_scopes('{"custom:A:read": {"description": "d"}}');
SELECT jhub_authz.define_scopes('{"custom:ab": {"description": "d"}}');
SELECT jhub_authz.define_scopes('{"custom:a:read:": {"description": "d"}}');
SELECT jhub_authz.define_scopes('{"custom:-ab": {"description": "d"}}');
SELECT jhub_authz.define_scopes('{"custom:a!user": {"description": "d"}}');
SELECT jhub_authz.define_scopes('{"": {"description": "d"}}');
SELECT jhub_authz.define_scopes(format('{"custom:%s": {"description": "d"}}', repeat('x', 1994)));

-- subscopes
SELECT jhub_authz.define_scopes('{"custom:a:read": {"description": "d", "subscopes": ["read:users"]}}');
SELECT jhub_authz.define_scopes('{"custom:a:read": {"description": "d", "subscopes": ["custom:b:read"]}}');
SELECT jhub_authz.define_scopes('{"custom:a:read": {"description": "d", "subscopes": ["custom:a:read"]}}');
SELECT jhub_authz.define_scopes('{
    "custom:a:one": {"description": "d", "subscopes": ["custom:a:two"]},
    "custom:a:two": {"description": "d", "subscopes": ["custom:a:three"]},
    "custom:a:three": {"description": "d", "subscopes": ["custom:lab:read", "custom:a:one"]}
}');

-- all or nothing
SELECT jhub_authz.define_scopes('{"custom:a:good": {"description": "d"}, "custom:a:bad": {}}');
SELECT jhub_authz.define_scopes('{"custom:a:good": {"description": "d"}, "custom:a:bad:": {"description": "d"}}');
SELECT count(*) FROM jhub_authz.custom_scopes WHERE name LIKE 'custom:a:%';

-- redefining
SELECT jhub_authz.define_scopes('{"custom:a:new": {"description": "d"}, "custom:lab:read": {"description": "other"}}');
SELECT jhub_authz.define_scopes('{"custom:lab:write": {"description": "Schreiben \u00fcber alles"}}');
SELECT jhub_authz.replace_scopes('{"custom:a:new": {"description": "d"}, "custom:lab:read": {"description": "other"},
    "custom:lab:all": {"description": "d", "subscopes": ["custom:lab:*"]}}');
SELECT jhub_authz.replace_scopes('{"custom:lab:read": {"description": "other", "subscopes": ["custom:lab:all"]}}');
SELECT name, description, subscopes FROM jhub_authz.custom_scopes ORDER BY name;

-- undefining
SELECT jhub_authz.undefine_scope('custom:lab:read');
SELECT jhub_authz.undefine_scope('custom:lab:all'), jhub_authz.undefine_scope('custom:lab:*'),
       jhub_authz.undefine_scope('custom:lab:all'), jhub_authz.undefine_scope('users');

-- what is written by hand keeps the form of names
INSERT INTO jhub_authz.custom_scopes VALUES ('users', 'd');
INSERT INTO jhub_authz.custom_scopes VALUES (E'custom:a:line\n', 'd');
INSERT INTO jhub_authz.custom_scopes VALUES ('custom:a:hand', 'd', '{"a b"}');
INSERT INTO jhub_authz.custom_scopes VALUES ('custom:a:hand', 'd', '{NULL}');

-- read-only transactions, and those who were not asked to
BEGIN READ ONLY;
SELECT jhub_authz.define_scopes('{"custom:a:ro": {"description": "d"}}');
ROLLBACK;
SELECT p.proname, has_function_privilege('public', p.oid, 'EXECUTE')
  FROM pg_proc p
 WHERE p.pronamespace = 'jhub_authz'::regnamespace
   AND p.proname IN ('define_scopes', 'replace_scopes', 'undefine_scope', '_custom_scopes_changed')
 ORDER BY 1;

SELECT count(*) FROM jhub_authz.custom_scopes;
TRUNCATE jhub_authz.custom_scopes;
SELECT jhub_authz.undefine_scope('custom:lab:write');
