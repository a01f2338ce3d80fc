-- A hub that version 0.1.0 was attached to, as pg_dump wrote it then: tokens of
-- every class, issued, narrowed, grown, renamed and revoked, with options,
-- policies and custom scopes.  For testbed/update; not to be changed.
--
-- PostgreSQL database dump
--


-- Dumped from database version 15.20 (Debian 15.20-0+deb12u1)
-- Dumped by pg_dump version 15.20 (Debian 15.20-0+deb12u1)

SET statement_timeout = 0;
SET lock_timeout = 0;
SET idle_in_transaction_session_timeout = 0;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = false;
SET xmloption = content;
SET client_min_messages = warning;
SET row_security = off;

--
-- Name: jhub_authz; Type: SCHEMA; Schema: -; Owner: postgres
--

CREATE SCHEMA jhub_authz;


ALTER SCHEMA jhub_authz OWNER TO postgres;

--
-- Name: SCHEMA jhub_authz; Type: COMMENT; Schema: -; Owner: postgres
--

COMMENT ON SCHEMA jhub_authz IS 'JupyterHub authorization: scope sets, effective scopes, token baselines and audit';


--
-- Name: jhub_authz; Type: EXTENSION; Schema: -; Owner: -
--

CREATE EXTENSION IF NOT EXISTS jhub_authz WITH SCHEMA jhub_authz;


--
-- Name: EXTENSION jhub_authz; Type: COMMENT; Schema: -; Owner: 
--

COMMENT ON EXTENSION jhub_authz IS 'JupyterHub authorization in the hub''s own database';


SET default_tablespace = '';

SET default_table_access_method = heap;

--
-- Name: alembic_version; Type: TABLE; Schema: public; Owner: jupyterhub
--

CREATE TABLE public.alembic_version (
    version_num character varying(32) NOT NULL
);


ALTER TABLE public.alembic_version OWNER TO jupyterhub;

--
-- Name: api_tokens; Type: TABLE; Schema: public; Owner: jupyterhub
--

CREATE TABLE public.api_tokens (
    user_id integer,
    service_id integer,
    id integer NOT NULL,
    hashed character varying(255),
    prefix character varying(16),
    client_id character varying(255),
    session_id character varying(255),
    created timestamp without time zone,
    expires_at timestamp without time zone,
    last_activity timestamp without time zone,
    note character varying(1023),
    scopes text
);


ALTER TABLE public.api_tokens OWNER TO jupyterhub;

--
-- Name: api_tokens_id_seq; Type: SEQUENCE; Schema: public; Owner: jupyterhub
--

CREATE SEQUENCE public.api_tokens_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.api_tokens_id_seq OWNER TO jupyterhub;

--
-- Name: api_tokens_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: jupyterhub
--

ALTER SEQUENCE public.api_tokens_id_seq OWNED BY public.api_tokens.id;


--
-- Name: group_role_map; Type: TABLE; Schema: public; Owner: jupyterhub
--

CREATE TABLE public.group_role_map (
    group_id integer NOT NULL,
    role_id integer NOT NULL,
    managed_by_auth boolean NOT NULL
);


ALTER TABLE public.group_role_map OWNER TO jupyterhub;

--
-- Name: groups; Type: TABLE; Schema: public; Owner: jupyterhub
--

CREATE TABLE public.groups (
    id integer NOT NULL,
    name character varying(255),
    properties text
);


ALTER TABLE public.groups OWNER TO jupyterhub;

--
-- Name: groups_id_seq; Type: SEQUENCE; Schema: public; Owner: jupyterhub
--

CREATE SEQUENCE public.groups_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.groups_id_seq OWNER TO jupyterhub;

--
-- Name: groups_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: jupyterhub
--

ALTER SEQUENCE public.groups_id_seq OWNED BY public.groups.id;


--
-- Name: oauth_clients; Type: TABLE; Schema: public; Owner: jupyterhub
--

CREATE TABLE public.oauth_clients (
    id integer NOT NULL,
    identifier character varying(255),
    description character varying(1023),
    secret character varying(255),
    redirect_uri character varying(1023),
    allowed_scopes text
);


ALTER TABLE public.oauth_clients OWNER TO jupyterhub;

--
-- Name: oauth_clients_id_seq; Type: SEQUENCE; Schema: public; Owner: jupyterhub
--

CREATE SEQUENCE public.oauth_clients_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.oauth_clients_id_seq OWNER TO jupyterhub;

--
-- Name: oauth_clients_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: jupyterhub
--

ALTER SEQUENCE public.oauth_clients_id_seq OWNED BY public.oauth_clients.id;


--
-- Name: oauth_codes; Type: TABLE; Schema: public; Owner: jupyterhub
--

CREATE TABLE public.oauth_codes (
    id integer NOT NULL,
    client_id character varying(255),
    code character varying(36),
    expires_at integer,
    redirect_uri character varying(1023),
    session_id character varying(255),
    user_id integer,
    scopes text
);


ALTER TABLE public.oauth_codes OWNER TO jupyterhub;

--
-- Name: oauth_codes_id_seq; Type: SEQUENCE; Schema: public; Owner: jupyterhub
--

CREATE SEQUENCE public.oauth_codes_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.oauth_codes_id_seq OWNER TO jupyterhub;

--
-- Name: oauth_codes_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: jupyterhub
--

ALTER SEQUENCE public.oauth_codes_id_seq OWNED BY public.oauth_codes.id;


--
-- Name: roles; Type: TABLE; Schema: public; Owner: jupyterhub
--

CREATE TABLE public.roles (
    id integer NOT NULL,
    name character varying(255),
    description character varying(1023),
    scopes text,
    managed_by_auth boolean NOT NULL
);


ALTER TABLE public.roles OWNER TO jupyterhub;

--
-- Name: roles_id_seq; Type: SEQUENCE; Schema: public; Owner: jupyterhub
--

CREATE SEQUENCE public.roles_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.roles_id_seq OWNER TO jupyterhub;

--
-- Name: roles_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: jupyterhub
--

ALTER SEQUENCE public.roles_id_seq OWNED BY public.roles.id;


--
-- Name: servers; Type: TABLE; Schema: public; Owner: jupyterhub
--

CREATE TABLE public.servers (
    id integer NOT NULL,
    proto character varying(15),
    ip character varying(255),
    port integer,
    base_url character varying(255),
    cookie_name character varying(255)
);


ALTER TABLE public.servers OWNER TO jupyterhub;

--
-- Name: servers_id_seq; Type: SEQUENCE; Schema: public; Owner: jupyterhub
--

CREATE SEQUENCE public.servers_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.servers_id_seq OWNER TO jupyterhub;

--
-- Name: servers_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: jupyterhub
--

ALTER SEQUENCE public.servers_id_seq OWNED BY public.servers.id;


--
-- Name: service_role_map; Type: TABLE; Schema: public; Owner: jupyterhub
--

CREATE TABLE public.service_role_map (
    service_id integer NOT NULL,
    role_id integer NOT NULL,
    managed_by_auth boolean NOT NULL
);


ALTER TABLE public.service_role_map OWNER TO jupyterhub;

--
-- Name: services; Type: TABLE; Schema: public; Owner: jupyterhub
--

CREATE TABLE public.services (
    id integer NOT NULL,
    name character varying(255),
    admin boolean,
    url character varying(2047),
    oauth_client_allowed_scopes text,
    info text,
    display boolean,
    oauth_no_confirm boolean,
    command text,
    cwd character varying(4095),
    environment text,
    "user" character varying(255),
    from_config boolean,
    _server_id integer,
    pid integer,
    oauth_client_id character varying(255)
);


ALTER TABLE public.services OWNER TO jupyterhub;

--
-- Name: services_id_seq; Type: SEQUENCE; Schema: public; Owner: jupyterhub
--

CREATE SEQUENCE public.services_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.services_id_seq OWNER TO jupyterhub;

--
-- Name: services_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: jupyterhub
--

ALTER SEQUENCE public.services_id_seq OWNED BY public.services.id;


--
-- Name: share_codes; Type: TABLE; Schema: public; Owner: jupyterhub
--

CREATE TABLE public.share_codes (
    hashed character varying(255),
    prefix character varying(16),
    exchange_count integer,
    last_exchanged_at timestamp without time zone,
    id integer NOT NULL,
    created_at timestamp without time zone NOT NULL,
    scopes text,
    expires_at timestamp without time zone,
    owner_id integer,
    spawner_id integer
);


ALTER TABLE public.share_codes OWNER TO jupyterhub;

--
-- Name: share_codes_id_seq; Type: SEQUENCE; Schema: public; Owner: jupyterhub
--

CREATE SEQUENCE public.share_codes_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.share_codes_id_seq OWNER TO jupyterhub;

--
-- Name: share_codes_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: jupyterhub
--

ALTER SEQUENCE public.share_codes_id_seq OWNED BY public.share_codes.id;


--
-- Name: shares; Type: TABLE; Schema: public; Owner: jupyterhub
--

CREATE TABLE public.shares (
    user_id integer,
    group_id integer,
    id integer NOT NULL,
    created_at timestamp without time zone NOT NULL,
    scopes text,
    expires_at timestamp without time zone,
    owner_id integer,
    spawner_id integer
);


ALTER TABLE public.shares OWNER TO jupyterhub;

--
-- Name: shares_id_seq; Type: SEQUENCE; Schema: public; Owner: jupyterhub
--

CREATE SEQUENCE public.shares_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.shares_id_seq OWNER TO jupyterhub;

--
-- Name: shares_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: jupyterhub
--

ALTER SEQUENCE public.shares_id_seq OWNED BY public.shares.id;


--
-- Name: spawners; Type: TABLE; Schema: public; Owner: jupyterhub
--

CREATE TABLE public.spawners (
    id integer NOT NULL,
    user_id integer,
    server_id integer,
    state text,
    name character varying(255),
    started timestamp without time zone,
    last_activity timestamp without time zone,
    user_options text,
    oauth_client_id character varying(255)
);


ALTER TABLE public.spawners OWNER TO jupyterhub;

--
-- Name: spawners_id_seq; Type: SEQUENCE; Schema: public; Owner: jupyterhub
--

CREATE SEQUENCE public.spawners_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.spawners_id_seq OWNER TO jupyterhub;

--
-- Name: spawners_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: jupyterhub
--

ALTER SEQUENCE public.spawners_id_seq OWNED BY public.spawners.id;


--
-- Name: user_group_map; Type: TABLE; Schema: public; Owner: jupyterhub
--

CREATE TABLE public.user_group_map (
    user_id integer NOT NULL,
    group_id integer NOT NULL
);


ALTER TABLE public.user_group_map OWNER TO jupyterhub;

--
-- Name: user_role_map; Type: TABLE; Schema: public; Owner: jupyterhub
--

CREATE TABLE public.user_role_map (
    user_id integer NOT NULL,
    role_id integer NOT NULL,
    managed_by_auth boolean NOT NULL
);


ALTER TABLE public.user_role_map OWNER TO jupyterhub;

--
-- Name: users; Type: TABLE; Schema: public; Owner: jupyterhub
--

CREATE TABLE public.users (
    id integer NOT NULL,
    name character varying(255),
    admin boolean,
    created timestamp without time zone,
    last_activity timestamp without time zone,
    cookie_id character varying(255) NOT NULL,
    state text,
    encrypted_auth_state bytea
);


ALTER TABLE public.users OWNER TO jupyterhub;

--
-- Name: users_id_seq; Type: SEQUENCE; Schema: public; Owner: jupyterhub
--

CREATE SEQUENCE public.users_id_seq
    AS integer
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1;


ALTER TABLE public.users_id_seq OWNER TO jupyterhub;

--
-- Name: users_id_seq; Type: SEQUENCE OWNED BY; Schema: public; Owner: jupyterhub
--

ALTER SEQUENCE public.users_id_seq OWNED BY public.users.id;


--
-- Name: api_tokens id; Type: DEFAULT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.api_tokens ALTER COLUMN id SET DEFAULT nextval('public.api_tokens_id_seq'::regclass);


--
-- Name: groups id; Type: DEFAULT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.groups ALTER COLUMN id SET DEFAULT nextval('public.groups_id_seq'::regclass);


--
-- Name: oauth_clients id; Type: DEFAULT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.oauth_clients ALTER COLUMN id SET DEFAULT nextval('public.oauth_clients_id_seq'::regclass);


--
-- Name: oauth_codes id; Type: DEFAULT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.oauth_codes ALTER COLUMN id SET DEFAULT nextval('public.oauth_codes_id_seq'::regclass);


--
-- Name: roles id; Type: DEFAULT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.roles ALTER COLUMN id SET DEFAULT nextval('public.roles_id_seq'::regclass);


--
-- Name: servers id; Type: DEFAULT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.servers ALTER COLUMN id SET DEFAULT nextval('public.servers_id_seq'::regclass);


--
-- Name: services id; Type: DEFAULT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.services ALTER COLUMN id SET DEFAULT nextval('public.services_id_seq'::regclass);


--
-- Name: share_codes id; Type: DEFAULT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.share_codes ALTER COLUMN id SET DEFAULT nextval('public.share_codes_id_seq'::regclass);


--
-- Name: shares id; Type: DEFAULT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.shares ALTER COLUMN id SET DEFAULT nextval('public.shares_id_seq'::regclass);


--
-- Name: spawners id; Type: DEFAULT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.spawners ALTER COLUMN id SET DEFAULT nextval('public.spawners_id_seq'::regclass);


--
-- Name: users id; Type: DEFAULT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.users ALTER COLUMN id SET DEFAULT nextval('public.users_id_seq'::regclass);


--
-- Data for Name: attachment; Type: TABLE DATA; Schema: jhub_authz; Owner: postgres
--

COPY jhub_authz.attachment (singleton, hub_schema, mode, pinned_release, attached_at) FROM stdin;
t	public	enforce	\N	2026-11-22 21:18:20.246559+00
\.


--
-- Data for Name: custom_scopes; Type: TABLE DATA; Schema: jhub_authz; Owner: postgres
--

COPY jhub_authz.custom_scopes (name, description, subscopes) FROM stdin;
custom:lab:read	read a lab	{custom:lab:list}
custom:lab:list	list labs	{}
\.


--
-- Data for Name: option_values; Type: TABLE DATA; Schema: jhub_authz; Owner: postgres
--

COPY jhub_authz.option_values (name, value) FROM stdin;
lock_timeout	7s
undefined_scopes	log
\.


--
-- Data for Name: policy_values; Type: TABLE DATA; Schema: jhub_authz; Owner: postgres
--

COPY jhub_authz.policy_values (target, on_growth, inherit, on_share, max_age) FROM stdin;
oauth	log	\N	\N	\N
service	\N	guard	\N	\N
\.


--
-- Data for Name: token_baselines; Type: TABLE DATA; Schema: jhub_authz; Owner: postgres
--

COPY jhub_authz.token_baselines (token_id, baseline, requested, release, created, user_id, service_id, client_id, taken_at, revoked_at, observed) FROM stdin;
2	["access:servers!server=alice/", "access:servers!user=alice", "read:users!user=alice", "read:users:activity!user=alice", "read:users:groups!user=alice", "read:users:name!user=alice"]	["access:servers!user=alice", "read:users!user=alice", "read:users:activity!user=alice", "read:users:groups!user=alice", "read:users:name!user=alice"]	5.5	2024-03-01 02:00:00	9	\N	jupyterhub	2026-11-22 21:18:20.246559+00	\N	\N
4	["admin:auth_state", "admin:users", "delete:users", "list:users", "read:roles:users", "read:users", "read:users:activity", "read:users:groups", "read:users:name", "users", "users:activity"]	["admin:auth_state", "admin:users", "delete:users", "list:users", "read:roles:users", "read:users", "read:users:activity", "read:users:groups", "read:users:name", "users", "users:activity"]	5.5	2024-03-01 04:00:00	1	\N	jupyterhub	2026-11-22 21:18:20.246559+00	\N	\N
5	["access:servers!server=alice/", "read:users:activity!user=alice", "read:users:groups!user=alice", "read:users:name!user=alice", "users:activity!user=alice"]	["access:servers!server=alice/", "read:users:activity!user=alice", "users:activity!user=alice"]	5.5	2024-03-01 05:00:00	9	\N	jupyterhub	2026-11-22 21:18:20.246559+00	\N	\N
6	["access:servers!server=alice/lab", "read:users:groups!user=alice", "read:users:name!user=alice"]	["access:servers!server=alice/lab"]	5.5	2024-03-01 06:00:00	9	\N	jupyterhub-user-alice-lab	2026-11-22 21:18:20.246559+00	\N	\N
8	["delete:servers", "list:users", "read:servers", "read:users:activity", "read:users:name"]	["inherit"]	5.5	2024-03-01 08:00:00	\N	2	jupyterhub	2026-11-22 21:18:20.246559+00	\N	\N
9	["read:services!service=announce", "read:services:name!service=announce"]	["read:services!service=announce", "read:services:name!service=announce"]	5.5	2024-03-01 09:00:00	\N	1	jupyterhub	2026-11-22 21:18:20.246559+00	\N	\N
11	["read:users:groups!user=o'brien", "read:users:name!user=o'brien"]	[]	5.5	2024-03-01 11:00:00	2	\N	jupyterhub	2026-11-22 21:18:20.246559+00	\N	\N
15	["access:servers!server=alice/", "read:users:groups!user=alice", "read:users:name!user=alice"]	["access:servers!server=alice/", "read:users:groups!user=alice"]	5.5	2024-03-01 15:00:00	9	\N	jupyterhub-user-alice	2026-11-22 21:18:20.246559+00	\N	\N
16	["list:users", "read:users!user=alice", "read:users:activity!user=alice", "read:users:groups!user=alice", "read:users:name", "users:activity!user=alice"]	["list:users", "read:users!user=alice", "read:users:activity!user=alice", "read:users:groups!user=alice", "read:users:name", "users:activity!user=alice"]	5.5	2024-04-01 00:00:00	9	\N	jupyterhub	2026-11-22 21:18:20.253744+00	\N	\N
18	["access:servers!group=physics", "access:servers!user=bang!user", "admin:groups!group=lab one", "delete:groups!group=lab one", "delete:servers!user=bang!user", "groups!group=lab one", "list:groups!group=group!x=y", "list:groups!group=lab one", "read:groups!group=lab one", "read:groups:name!group=group!x=y", "read:groups:name!group=lab one", "read:roles:groups!group=lab one", "read:servers!user=bang!user", "read:shares!user=bang!user", "read:tokens!user=bang!user", "read:users!user=bang!user", "read:users:activity!user=bang!user", "read:users:groups!user=bang!user", "read:users:name!user=bang!user", "read:users:shares!user=bang!user", "servers!user=bang!user", "tokens!user=bang!user", "users:activity!user=bang!user", "users:shares!user=bang!user"]	["inherit"]	5.5	2024-04-01 00:00:00	3	\N	jupyterhub	2026-11-22 21:18:20.253744+00	\N	\N
3	["access:servers!server=alice/", "access:servers!user=robert", "read:users:groups!user=robert", "read:users:name!user=robert"]	["access:servers!group=physics", "read:users:name!user=robert"]	5.5	2024-03-01 03:00:00	10	\N	jupyterhub	2026-11-22 21:18:20.256733+00	\N	\N
7	["read:users:groups!user=robert", "read:users:name!user=robert"]	["access:services!service=announce"]	5.5	2024-03-01 07:00:00	10	\N	service-announce	2026-11-22 21:18:20.256733+00	\N	\N
14	["read:users:groups!user=robert", "read:users:name!user=robert"]	[]	5.5	2024-03-01 14:00:00	10	\N	jupyterhub	2026-11-22 21:18:20.256733+00	\N	\N
17	["read:users:groups!user=robert", "read:users:name!user=robert"]	[]	5.5	2024-04-01 00:00:00	10	\N	jupyterhub	2026-11-22 21:18:20.256733+00	\N	\N
1	["access:servers!group=physics", "access:servers!server=alice/", "access:servers!user=alice", "access:servers!user=robert", "admin:groups!group=lab one", "delete:groups!group=lab one", "delete:servers!server=robert/", "delete:servers!user=alice", "groups!group=lab one", "groups:shares!user=alice", "list:groups", "list:users", "read:groups!group=lab one", "read:groups:name", "read:groups:shares!user=alice", "read:roles:groups!group=lab one", "read:servers!server=robert/", "read:servers!user=alice", "read:shares!user=alice", "read:tokens!user=alice", "read:tokens!user=o'brien", "read:users!user=alice", "read:users:activity!user=alice", "read:users:groups!user=alice", "read:users:name", "read:users:shares!user=alice", "servers!server=robert/", "servers!user=alice", "shares!user=alice", "tokens!user=alice", "tokens!user=o'brien", "users:activity!user=alice", "users:shares!user=alice"]	["inherit"]	5.5	2024-03-01 01:00:00	9	\N	jupyterhub	2026-11-22 21:18:20.256733+00	2026-11-22 21:18:20.255439+00	\N
12	["access:servers!server=bob/", "access:servers!server=robert/"]	["access:servers!server=robert/"]	5.5	2024-03-01 12:00:00	14	\N	jupyterhub	2026-11-22 21:18:20.256733+00	\N	\N
13	["access:servers!user=zo\\u00eb", "delete:servers!user=zo\\u00eb", "read:servers!user=zo\\u00eb", "read:shares!user=zo\\u00eb", "read:tokens!user=zo\\u00eb", "read:users!user=zo\\u00eb", "read:users:activity!user=zo\\u00eb", "read:users:groups!user=zo\\u00eb", "read:users:name!user=zo\\u00eb", "read:users:shares!user=zo\\u00eb", "servers!user=zo\\u00eb", "tokens!user=zo\\u00eb", "users:activity!user=zo\\u00eb", "users:shares!user=zo\\u00eb"]	["access:servers!user=zo\\u00eb", "delete:servers!user=zo\\u00eb", "read:servers!user=zo\\u00eb", "read:shares!user=zo\\u00eb", "read:tokens!user=zo\\u00eb", "read:users!user=zo\\u00eb", "read:users:activity!user=zo\\u00eb", "read:users:groups!user=zo\\u00eb", "read:users:name!user=zo\\u00eb", "read:users:shares!user=zo\\u00eb", "servers!user=zo\\u00eb", "tokens!user=zo\\u00eb", "users:activity!user=zo\\u00eb", "users:shares!user=zo\\u00eb"]	5.5	2024-03-01 13:00:00	6	\N	jupyterhub	2026-11-22 21:18:20.246559+00	2026-11-22 21:18:20.258141+00	\N
\.


--
-- Data for Name: token_events; Type: TABLE DATA; Schema: jhub_authz; Owner: postgres
--

COPY jhub_authz.token_events (event_id, at, txid, actor, role, application_name, token_id, prefix, owner_kind, owner_name, client_id, action, reason, before, after, gained) FROM stdin;
1	2026-11-22 21:18:20.250523+00	764	postgres	postgres	psql	1	78b1	user	alice	jupyterhub	adopted	attach	\N	["access:servers!group=physics", "access:servers!server=alice/", "access:servers!user=alice", "access:servers!user=bob", "admin:groups!group=lab one", "delete:groups!group=lab one", "delete:servers!server=bob/", "delete:servers!user=alice", "groups!group=lab one", "groups:shares!user=alice", "list:groups", "list:users", "read:groups!group=lab one", "read:groups:name", "read:groups:shares!user=alice", "read:roles:groups!group=lab one", "read:servers!server=bob/", "read:servers!user=alice", "read:shares!user=alice", "read:tokens!user=alice", "read:tokens!user=o'brien", "read:users!user=alice", "read:users:activity!user=alice", "read:users:groups!user=alice", "read:users:name", "read:users:shares!user=alice", "servers!server=bob/", "servers!user=alice", "shares!user=alice", "tokens!user=alice", "tokens!user=o'brien", "users:activity!user=alice", "users:shares!user=alice"]	\N
2	2026-11-22 21:18:20.25068+00	764	postgres	postgres	psql	2	0e05	user	alice	jupyterhub	adopted	attach	\N	["access:servers!server=alice/", "access:servers!user=alice", "read:users!user=alice", "read:users:activity!user=alice", "read:users:groups!user=alice", "read:users:name!user=alice"]	\N
3	2026-11-22 21:18:20.250685+00	764	postgres	postgres	psql	3	b959	user	bob	jupyterhub	adopted	attach	\N	["access:servers!server=alice/", "access:servers!user=bob", "read:users:groups!user=bob", "read:users:name!user=bob"]	\N
4	2026-11-22 21:18:20.250688+00	764	postgres	postgres	psql	4	bc50	user	admin	jupyterhub	adopted	attach	\N	["admin:auth_state", "admin:users", "delete:users", "list:users", "read:roles:users", "read:users", "read:users:activity", "read:users:groups", "read:users:name", "users", "users:activity"]	\N
5	2026-11-22 21:18:20.25069+00	764	postgres	postgres	psql	5	0ac8	user	alice	jupyterhub	adopted	attach	\N	["access:servers!server=alice/", "read:users:activity!user=alice", "read:users:groups!user=alice", "read:users:name!user=alice", "users:activity!user=alice"]	\N
6	2026-11-22 21:18:20.250692+00	764	postgres	postgres	psql	6	5c84	user	alice	jupyterhub-user-alice-lab	adopted	attach	\N	["access:servers!server=alice/lab", "read:users:groups!user=alice", "read:users:name!user=alice"]	\N
7	2026-11-22 21:18:20.250694+00	764	postgres	postgres	psql	7	57d4	user	bob	service-announce	adopted	attach	\N	["read:users:groups!user=bob", "read:users:name!user=bob"]	\N
8	2026-11-22 21:18:20.250696+00	764	postgres	postgres	psql	8	70d8	service	idle-culler	jupyterhub	adopted	attach	\N	["delete:servers", "list:users", "read:servers", "read:users:activity", "read:users:name"]	\N
9	2026-11-22 21:18:20.250698+00	764	postgres	postgres	psql	9	8b76	service	announce	jupyterhub	adopted	attach	\N	["read:services!service=announce", "read:services:name!service=announce"]	\N
10	2026-11-22 21:18:20.2507+00	764	postgres	postgres	psql	11	33db	user	o'brien	jupyterhub	adopted	attach	\N	["read:users:groups!user=o'brien", "read:users:name!user=o'brien"]	\N
11	2026-11-22 21:18:20.250704+00	764	postgres	postgres	psql	12	9e5c	user	lonely	jupyterhub	adopted	attach	\N	["access:servers!server=bob/"]	\N
12	2026-11-22 21:18:20.250706+00	764	postgres	postgres	psql	13	adf9	user	zoë	jupyterhub	adopted	attach	\N	["access:servers!user=zo\\u00eb", "delete:servers!user=zo\\u00eb", "read:servers!user=zo\\u00eb", "read:shares!user=zo\\u00eb", "read:tokens!user=zo\\u00eb", "read:users!user=zo\\u00eb", "read:users:activity!user=zo\\u00eb", "read:users:groups!user=zo\\u00eb", "read:users:name!user=zo\\u00eb", "read:users:shares!user=zo\\u00eb", "servers!user=zo\\u00eb", "tokens!user=zo\\u00eb", "users:activity!user=zo\\u00eb", "users:shares!user=zo\\u00eb"]	\N
13	2026-11-22 21:18:20.250708+00	764	postgres	postgres	psql	14	658b	user	bob	jupyterhub	adopted	attach	\N	["read:users:groups!user=bob", "read:users:name!user=bob"]	\N
14	2026-11-22 21:18:20.25071+00	764	postgres	postgres	psql	15	9b7d	user	alice	jupyterhub-user-alice	adopted	attach	\N	["access:servers!server=alice/", "read:users:groups!user=alice", "read:users:name!user=alice"]	\N
15	2026-11-22 21:18:20.251633+00	767	postgres	postgres	psql	\N	\N	\N	\N	\N	policy	policy: oauth on_growth=log	\N	\N	\N
16	2026-11-22 21:18:20.251794+00	768	postgres	postgres	psql	\N	\N	\N	\N	\N	policy	policy: service inherit=guard	\N	\N	\N
17	2026-11-22 21:18:20.25447+00	770	postgres	jupyterhub	psql	16	aaaa	user	alice	jupyterhub	narrowed	owner: what the owner does not hold	["admin:users", "read:users!user=alice"]	["list:users", "read:users!user=alice", "read:users:activity!user=alice", "read:users:groups!user=alice", "read:users:name", "users:activity!user=alice"]	\N
18	2026-11-22 21:18:20.254637+00	770	postgres	jupyterhub	psql	17	bbbb	user	bob	jupyterhub	narrowed	owner: what the owner does not hold	["custom:lab:read"]	[]	\N
19	2026-11-22 21:18:20.255347+00	770	postgres	jupyterhub	psql	16	aaaa	user	alice	jupyterhub	issued	issued	\N	["list:users", "read:users!user=alice", "read:users:activity!user=alice", "read:users:groups!user=alice", "read:users:name", "users:activity!user=alice"]	\N
20	2026-11-22 21:18:20.255354+00	770	postgres	jupyterhub	psql	17	bbbb	user	bob	jupyterhub	issued	issued	\N	["read:users:groups!user=bob", "read:users:name!user=bob"]	\N
21	2026-11-22 21:18:20.255358+00	770	postgres	jupyterhub	psql	18	cccc	user	bang!user	jupyterhub	issued	issued	\N	["access:servers!group=physics", "access:servers!user=bang!user", "admin:groups!group=lab one", "delete:groups!group=lab one", "delete:servers!user=bang!user", "groups!group=lab one", "list:groups!group=group!x=y", "list:groups!group=lab one", "read:groups!group=lab one", "read:groups:name!group=group!x=y", "read:groups:name!group=lab one", "read:roles:groups!group=lab one", "read:servers!user=bang!user", "read:shares!user=bang!user", "read:tokens!user=bang!user", "read:users!user=bang!user", "read:users:activity!user=bang!user", "read:users:groups!user=bang!user", "read:users:name!user=bang!user", "read:users:shares!user=bang!user", "servers!user=bang!user", "tokens!user=bang!user", "users:activity!user=bang!user", "users:shares!user=bang!user"]	\N
22	2026-11-22 21:18:20.256649+00	771	postgres	jupyterhub	psql	1	78b1	user	alice	jupyterhub	revoked	growth: user_role: culler	["inherit"]	[]	["delete:servers", "read:servers", "read:users:activity"]
23	2026-11-22 21:18:20.2571+00	772	postgres	jupyterhub	psql	3	\N	\N	\N	\N	renamed	rename: bob to robert	["access:servers!server=alice/", "access:servers!user=bob", "read:users:groups!user=bob", "read:users:name!user=bob"]	["access:servers!server=alice/", "access:servers!user=robert", "read:users:groups!user=robert", "read:users:name!user=robert"]	\N
24	2026-11-22 21:18:20.257106+00	772	postgres	jupyterhub	psql	7	\N	\N	\N	\N	renamed	rename: bob to robert	["read:users:groups!user=bob", "read:users:name!user=bob"]	["read:users:groups!user=robert", "read:users:name!user=robert"]	\N
25	2026-11-22 21:18:20.257109+00	772	postgres	jupyterhub	psql	12	\N	\N	\N	\N	renamed	rename: bob to robert	["access:servers!server=bob/"]	["access:servers!server=robert/"]	\N
26	2026-11-22 21:18:20.257111+00	772	postgres	jupyterhub	psql	14	\N	\N	\N	\N	renamed	rename: bob to robert	["read:users:groups!user=bob", "read:users:name!user=bob"]	["read:users:groups!user=robert", "read:users:name!user=robert"]	\N
27	2026-11-22 21:18:20.257113+00	772	postgres	jupyterhub	psql	17	\N	\N	\N	\N	renamed	rename: bob to robert	["read:users:groups!user=bob", "read:users:name!user=bob"]	["read:users:groups!user=robert", "read:users:name!user=robert"]	\N
28	2026-11-22 21:18:20.257507+00	772	postgres	jupyterhub	psql	1	\N	\N	\N	\N	renamed	rename: bob to robert	["access:servers!group=physics", "access:servers!server=alice/", "access:servers!user=alice", "access:servers!user=bob", "admin:groups!group=lab one", "delete:groups!group=lab one", "delete:servers!server=bob/", "delete:servers!user=alice", "groups!group=lab one", "groups:shares!user=alice", "list:groups", "list:users", "read:groups!group=lab one", "read:groups:name", "read:groups:shares!user=alice", "read:roles:groups!group=lab one", "read:servers!server=bob/", "read:servers!user=alice", "read:shares!user=alice", "read:tokens!user=alice", "read:tokens!user=o'brien", "read:users!user=alice", "read:users:activity!user=alice", "read:users:groups!user=alice", "read:users:name", "read:users:shares!user=alice", "servers!server=bob/", "servers!user=alice", "shares!user=alice", "tokens!user=alice", "tokens!user=o'brien", "users:activity!user=alice", "users:shares!user=alice"]	["access:servers!group=physics", "access:servers!server=alice/", "access:servers!user=alice", "access:servers!user=robert", "admin:groups!group=lab one", "delete:groups!group=lab one", "delete:servers!server=robert/", "delete:servers!user=alice", "groups!group=lab one", "groups:shares!user=alice", "list:groups", "list:users", "read:groups!group=lab one", "read:groups:name", "read:groups:shares!user=alice", "read:roles:groups!group=lab one", "read:servers!server=robert/", "read:servers!user=alice", "read:shares!user=alice", "read:tokens!user=alice", "read:tokens!user=o'brien", "read:users!user=alice", "read:users:activity!user=alice", "read:users:groups!user=alice", "read:users:name", "read:users:shares!user=alice", "servers!server=robert/", "servers!user=alice", "shares!user=alice", "tokens!user=alice", "tokens!user=o'brien", "users:activity!user=alice", "users:shares!user=alice"]	\N
29	2026-11-22 21:18:20.258034+00	772	postgres	jupyterhub	psql	12	9e5c	user	lonely	jupyterhub	renamed	rename: still named as before	["access:servers!server=robert/"]	["access:servers!server=bob/", "access:servers!server=robert/"]	["access:servers!server=bob/"]
30	2026-11-22 21:18:20.258635+00	773	postgres	postgres	psql	13	adf9	user	zoë	jupyterhub	revoked	manual: incident: leaked	["read:users:name!user=zo\\u00eb", "self"]	["read:users:name!user=zo\\u00eb", "self"]	\N
\.


--
-- Data for Name: alembic_version; Type: TABLE DATA; Schema: public; Owner: jupyterhub
--

COPY public.alembic_version (version_num) FROM stdin;
4621fec11365
\.


--
-- Data for Name: api_tokens; Type: TABLE DATA; Schema: public; Owner: jupyterhub
--

COPY public.api_tokens (user_id, service_id, id, hashed, prefix, client_id, session_id, created, expires_at, last_activity, note, scopes) FROM stdin;
9	\N	2	sha512:1:0000000000000002:67695dd5524e05cd8a8e1d1bfa7d748cba8ec97536c05de15b2020f340bd5e0bc00551cef65eae628608f6e10f2be8d12fe2c1895cab81adb5144aa1f7a022d1	0e05	jupyterhub	\N	2024-03-01 02:00:00	\N	\N	own servers	["read:users!user=alice", "access:servers!user=alice"]
10	\N	3	sha512:1:0000000000000003:255d00aac781923c5f146dff46577a3e413ed3fcfbc8d0dd24ae110298a669d5fdec0419e286fa3450ce4519e0ef314223c1249a52334e84c2ef581bed23b7e5	b959	jupyterhub	\N	2024-03-01 03:00:00	\N	\N		["access:servers!group=physics", "read:users:name!user=bob"]
1	\N	4	sha512:1:0000000000000004:daa350492a4bca7b829523839f8264dba822f107e4f407dcce82f642753730ee7db01f1554d1de04c7ed0c8bf971a89a2635a0fa56f9706446eededf5dd01598	bc50	jupyterhub	\N	2024-03-01 04:00:00	\N	\N	admin things	["admin:users", "list:users"]
9	\N	5	sha512:1:0000000000000005:94b169daf88ac36852481228c91093c0f46a65549d7d7059b72e727d8bfdcbadcfb4916063c618ed08f795fd2dde3823a2bc60e83ce171f74c337886e2b2f918	0ac8	jupyterhub	\N	2024-03-01 05:00:00	\N	\N	Server at /user/alice/	["access:servers!server=alice/", "users:activity!user=alice"]
9	\N	6	sha512:1:0000000000000006:9bb63017613f53e107c6d2086e4e4bd2bfeb52396ce2733fe9a4545a780d94d574652694944315eb23288d321ca2bcbf6d276664061021d9712517e3a7b7c366	5c84	jupyterhub-user-alice-lab	session-1	2024-03-01 06:00:00	2999-01-01 00:00:00	\N	OAuth	["access:servers!server=alice/lab"]
10	\N	7	sha512:1:0000000000000007:79a4c3f714c192ac0e758e1896a6386413ba0faa1f79f138ad61f31f3cafe59caf024242c3118cb631b37f9c192fd248e7be9051f94c50b59ea94d3dd480ef84	57d4	service-announce	session-2	2024-03-01 07:00:00	2999-01-01 00:00:00	\N	\N	["access:services!service=announce"]
\N	2	8	sha512:1:0000000000000008:5dddb3a5f3abcb3f2128a8f5dd0c97687dfe99a94c1e453cf1d59a9511f45f1f398ed732316b57c6a7fd8fe4f3288d2acbb897171a0f1132bc0caccee74a8c20	70d8	jupyterhub	\N	2024-03-01 08:00:00	\N	\N	generated at startup	["inherit"]
\N	1	9	sha512:1:0000000000000009:1fa62ad5f8283fe69431127b97ddc3c0cf5a149ceda6cd71a76c6f0300bfaa529f4c50e61b75e25e0337786d26b4d16b6473b0ef0425c3487627377206d50bb3	8b76	jupyterhub	\N	2024-03-01 09:00:00	\N	\N		["read:services!service=announce"]
9	\N	10	sha512:1:0000000000000010:a77731effef63cdb1dd1642aa7343820167377c16c6e28824b9f54c447a0e44f40f9c06bb16f00ec5810e7510d22dcc67ee5a23118a3cad7d2dc6b92a7a5a756	a620	jupyterhub	\N	2024-03-01 10:00:00	2024-03-02 00:00:00	\N	expired	["self"]
2	\N	11	sha512:1:0000000000000011:8161a488b0d449e6deba48b92a8fcb4750d8bf9e58349651080023ed322fd2f03a33083c89ea30e367654872909edce3582c8465f0d96de8751ccd6816f2b829	33db	jupyterhub	\N	2024-03-01 11:00:00	\N	\N	without scopes	\N
14	\N	12	sha512:1:0000000000000012:5299e762d01de63489053e0e1d2d40fa0ff1d97433c35268b49e35f2a4e8bf585912066486fc47282426119cdf405c837ea89477603dc457515574e525f7f738	9e5c	jupyterhub	\N	2024-03-01 12:00:00	\N	\N	of one who has nothing	["access:servers!server=bob/"]
10	\N	14	sha512:16384:0000000000000014:cefdbdc71ec8f6e724204da2474b22a87340d5bfe768f5151b3064f5dce4eb7016052867ace54499b7f3c8d453e96c38da30668423dcd4a319f265d81bb48cb9	658b	jupyterhub	\N	2024-03-01 14:00:00	\N	\N	chosen	[]
9	\N	15	sha512:1:0000000000000015:a35c8cf508fd5306147ed36af4d8acb47534211e376ba2b7a02eec42856c7dabea2598a3db61cb4dcb4751dc1d17e24a7755f9839ad72115f06f282efa9b63d4	9b7d	jupyterhub-user-alice	session-3	2024-03-01 15:00:00	\N	\N	OAuth	["access:servers!server=alice/", "read:users:groups!user=alice"]
9	\N	16	sha512:1:16:00	aaaa	jupyterhub	\N	2024-04-01 00:00:00	\N	\N	too much	["list:users", "read:users!user=alice", "read:users:activity!user=alice", "read:users:groups!user=alice", "read:users:name", "users:activity!user=alice"]
10	\N	17	sha512:1:17:00	bbbb	jupyterhub	\N	2024-04-01 00:00:00	\N	\N	custom	[]
3	\N	18	sha512:1:18:00	cccc	jupyterhub	\N	2024-04-01 00:00:00	\N	\N	inherits	["inherit"]
9	\N	1	sha512:1:0000000000000001:998478e5f052f329e09afe375150734927c3a0cc7375c4c77a277d8c2d749905f0ea292513a6cfc2b976da9656b446e486d7cda70dbee89277d23802957723b9	78b1	jupyterhub	\N	2024-03-01 01:00:00	2026-11-21 21:18:20.25587	\N	inherits	[]
6	\N	13	sha512:1:0000000000000013:6ec4373151feb7d48d9c5166dad7fc2ab63b2c57e59d5adb2362755633ef10fb94602e4b6c5b5208edb411cf32aa6d9c22c88c3b9629e33ace217b62fcbc99b0	adf9	jupyterhub	\N	2024-03-01 13:00:00	2026-11-21 21:18:20.258196	\N	zoë	["read:users:name!user=zo\\u00eb", "self"]
\.


--
-- Data for Name: group_role_map; Type: TABLE DATA; Schema: public; Owner: jupyterhub
--

COPY public.group_role_map (group_id, role_id, managed_by_auth) FROM stdin;
1	7	f
2	9	f
3	13	t
4	8	f
\.


--
-- Data for Name: groups; Type: TABLE DATA; Schema: public; Owner: jupyterhub
--

COPY public.groups (id, name, properties) FROM stdin;
1	physics	{}
2	lab one	{"quota": 3}
3	group!x=y	{}
4	empty	\N
\.


--
-- Data for Name: oauth_clients; Type: TABLE DATA; Schema: public; Owner: jupyterhub
--

COPY public.oauth_clients (id, identifier, description, secret, redirect_uri, allowed_scopes) FROM stdin;
1	jupyterhub	JupyterHub			[]
2	jupyterhub-user-alice	Server at /user/alice/		/user/alice/oauth_callback	["access:servers!server=alice/", "read:users:groups!user=alice"]
3	jupyterhub-user-alice-lab	Server at /user/alice/lab/		/user/alice/lab/oauth_callback	["access:servers!server=alice/lab", "servers!server"]
4	jupyterhub-user-bob	Server at /user/bob/		/user/bob/oauth_callback	["access:servers!server=bob/"]
5	jupyterhub-user-zo%C3%AB	Server at /user/zoë/			["access:servers!server=zo\\u00eb/"]
6	service-announce	announce		/services/announce/oauth_callback	["access:services!service=announce", "read:users:name!user", "list:users!group=physics"]
7	service-odd	odd			\N
8	orphan	neither a server nor a service			["inherit"]
\.


--
-- Data for Name: oauth_codes; Type: TABLE DATA; Schema: public; Owner: jupyterhub
--

COPY public.oauth_codes (id, client_id, code, expires_at, redirect_uri, session_id, user_id, scopes) FROM stdin;
1	service-announce	code-1	2000000000	\N	session-2	10	["access:services!service=announce"]
\.


--
-- Data for Name: roles; Type: TABLE DATA; Schema: public; Owner: jupyterhub
--

COPY public.roles (id, name, description, scopes, managed_by_auth) FROM stdin;
1	user	Standard user privileges	["self"]	f
2	admin	Elevated privileges (can do anything)	["admin-ui", "admin:users", "admin:servers", "admin:services", "tokens", "admin:groups", "list:services", "read:services", "read:hub", "proxy", "shutdown", "access:services", "access:servers", "read:roles", "read:metrics", "shares"]	f
3	server	Post activity only	["users:activity!user", "access:servers!server"]	f
4	token	Token with same permissions as its owner	["inherit"]	f
5	grader	\N	["list:users!group=physics", "read:users:activity!group=physics", "read:groups!group=physics"]	f
6	by-user	\N	["read:users!user=alice", "tokens!user=o'brien", "read:users:name"]	f
7	by-server	\N	["access:servers!server=alice/", "servers!server=bob/", "access:servers!user=bob"]	f
8	by-service	\N	["access:services!service=announce", "read:services!service=sv c!1"]	f
9	by-group	\N	["admin:groups!group=lab one", "list:groups!group=group!x=y", "access:servers!group=physics"]	f
10	self-filters	\N	["read:users!user", "access:servers!server", "read:services!service"]	f
11	null	no scopes at all	\N	f
12	empty	\N	[]	f
13	odd-names	\N	["read:users:name!user=zo\\u00eb", "read:users:name!user=trailing ", "read:users:name!user=eq=ual", "read:users:name!user=bang!user", "read:users:name!user=\\"quo\\"te", "read:users:name!user=back\\\\slash", "read:users:name!user=per%cent_x"]	f
14	culler	\N	["list:users", "read:users:activity", "read:servers", "delete:servers"]	f
15	sharer	\N	["shares!user", "list:users", "list:groups", "read:groups:name"]	t
\.


--
-- Data for Name: servers; Type: TABLE DATA; Schema: public; Owner: jupyterhub
--

COPY public.servers (id, proto, ip, port, base_url, cookie_name) FROM stdin;
1	http	127.0.0.1	50001	/user/alice/	c1
2	http	127.0.0.1	50002	/user/bob/	c2
\.


--
-- Data for Name: service_role_map; Type: TABLE DATA; Schema: public; Owner: jupyterhub
--

COPY public.service_role_map (service_id, role_id, managed_by_auth) FROM stdin;
1	8	f
1	10	f
2	14	f
3	12	f
4	2	f
\.


--
-- Data for Name: services; Type: TABLE DATA; Schema: public; Owner: jupyterhub
--

COPY public.services (id, name, admin, url, oauth_client_allowed_scopes, info, display, oauth_no_confirm, command, cwd, environment, "user", from_config, _server_id, pid, oauth_client_id) FROM stdin;
1	announce	f	http://127.0.0.1:9999	\N	\N	\N	\N	\N	\N	\N	\N	t	\N	\N	service-announce
2	idle-culler	f	\N	\N	\N	\N	\N	\N	\N	\N	\N	t	\N	\N	\N
3	sv c!1	\N	\N	\N	\N	\N	\N	\N	\N	\N	\N	f	\N	\N	service-odd
4	boss	t	\N	\N	\N	\N	\N	\N	\N	\N	\N	t	\N	\N	\N
\.


--
-- Data for Name: share_codes; Type: TABLE DATA; Schema: public; Owner: jupyterhub
--

COPY public.share_codes (hashed, prefix, exchange_count, last_exchanged_at, id, created_at, scopes, expires_at, owner_id, spawner_id) FROM stdin;
sha512:1:00:00	abcd	0	\N	1	2024-02-01 00:00:00	["access:servers!server=alice/"]	2999-01-01 00:00:00	9	1
\.


--
-- Data for Name: shares; Type: TABLE DATA; Schema: public; Owner: jupyterhub
--

COPY public.shares (user_id, group_id, id, created_at, scopes, expires_at, owner_id, spawner_id) FROM stdin;
10	\N	1	2024-02-01 00:00:00	["access:servers!server=alice/"]	\N	9	1
\N	1	2	2024-02-01 00:00:00	["access:servers!server=alice/lab", "servers!server=alice/lab"]	\N	9	2
14	\N	3	2024-02-01 00:00:00	["access:servers!server=bob/"]	\N	10	3
6	\N	4	2024-02-01 00:00:00	["access:servers!server=bob/"]	2024-02-02 00:00:00	10	3
\.


--
-- Data for Name: spawners; Type: TABLE DATA; Schema: public; Owner: jupyterhub
--

COPY public.spawners (id, user_id, server_id, state, name, started, last_activity, user_options, oauth_client_id) FROM stdin;
1	9	1	\N		\N	\N	\N	jupyterhub-user-alice
2	9	\N	\N	lab	\N	\N	\N	jupyterhub-user-alice-lab
3	10	2	\N		\N	\N	\N	jupyterhub-user-bob
4	6	\N	\N		\N	\N	\N	jupyterhub-user-zo%C3%AB
5	1	\N	\N		\N	\N	\N	\N
6	7	\N	\N	my lab	\N	\N	\N	\N
\.


--
-- Data for Name: user_group_map; Type: TABLE DATA; Schema: public; Owner: jupyterhub
--

COPY public.user_group_map (user_id, group_id) FROM stdin;
9	1
10	1
9	2
6	2
3	2
4	3
8	3
\.


--
-- Data for Name: user_role_map; Type: TABLE DATA; Schema: public; Owner: jupyterhub
--

COPY public.user_role_map (user_id, role_id, managed_by_auth) FROM stdin;
1	1	f
2	1	f
3	1	f
4	1	f
5	1	f
6	1	f
7	1	f
8	1	f
9	1	f
10	1	f
11	1	f
12	1	f
13	1	f
1	2	f
2	5	f
6	13	f
9	6	f
9	10	t
9	15	f
10	11	f
9	14	f
\.


--
-- Data for Name: users; Type: TABLE DATA; Schema: public; Owner: jupyterhub
--

COPY public.users (id, name, admin, created, last_activity, cookie_id, state, encrypted_auth_state) FROM stdin;
1	admin	t	2024-01-02 00:00:00	\N	022b150ae5b6cbed66ae1201494bd24e	\N	\N
2	o'brien	f	2024-01-03 00:00:00	\N	ffd108bdde5f9a4bd1d0655c324a2345	\N	\N
3	bang!user	f	2024-01-04 00:00:00	\N	bb008d977274b46efba7727967528fdc	\N	\N
4	eq=ual	f	2024-01-05 00:00:00	\N	5070645549bd49d3d2faf63c9e6bef10	\N	\N
5	per%cent_x	f	2024-01-06 00:00:00	\N	7502180e5eb4fd4451e2072044c474e5	\N	\N
6	zoë	f	2024-01-07 00:00:00	\N	b91ac4e5bf9d8fafb73bc7af4b34bf33	\N	\N
7	trailing 	f	2024-01-08 00:00:00	\N	6bad79e99eada5a9af92353062d74927	\N	\N
8	group	f	2024-01-09 00:00:00	\N	efbdaff4109c54b4fcdc7c809b3c7bef	\N	\N
9	alice	f	2024-01-10 00:00:00	\N	a7317c0f0b56a56bcff55eeb2b855702	\N	\N
11	Alice	f	2024-01-12 00:00:00	\N	e800f0736b54a28707cf02ebbee6e3c0	\N	\N
12	"quo"te	f	2024-01-13 00:00:00	\N	fc47b7514df11ed022366d5706d34fbb	\N	\N
13	back\\slash	f	2024-01-14 00:00:00	\N	bea05a930d0d4b3d141aaf2ad09682a9	\N	\N
14	lonely	\N	2024-01-15 00:00:00	\N	82f19cf57f0ac3b9fc124d1e69468a76	\N	\N
10	robert	f	2024-01-11 00:00:00	\N	376242b15cfddba2ee1a76543f9369c1	\N	\N
\.


--
-- Name: token_events_event_id_seq; Type: SEQUENCE SET; Schema: jhub_authz; Owner: postgres
--

SELECT pg_catalog.setval('jhub_authz.token_events_event_id_seq', 30, true);


--
-- Name: api_tokens_id_seq; Type: SEQUENCE SET; Schema: public; Owner: jupyterhub
--

SELECT pg_catalog.setval('public.api_tokens_id_seq', 15, true);


--
-- Name: groups_id_seq; Type: SEQUENCE SET; Schema: public; Owner: jupyterhub
--

SELECT pg_catalog.setval('public.groups_id_seq', 4, true);


--
-- Name: oauth_clients_id_seq; Type: SEQUENCE SET; Schema: public; Owner: jupyterhub
--

SELECT pg_catalog.setval('public.oauth_clients_id_seq', 8, true);


--
-- Name: oauth_codes_id_seq; Type: SEQUENCE SET; Schema: public; Owner: jupyterhub
--

SELECT pg_catalog.setval('public.oauth_codes_id_seq', 1, true);


--
-- Name: roles_id_seq; Type: SEQUENCE SET; Schema: public; Owner: jupyterhub
--

SELECT pg_catalog.setval('public.roles_id_seq', 15, true);


--
-- Name: servers_id_seq; Type: SEQUENCE SET; Schema: public; Owner: jupyterhub
--

SELECT pg_catalog.setval('public.servers_id_seq', 2, true);


--
-- Name: services_id_seq; Type: SEQUENCE SET; Schema: public; Owner: jupyterhub
--

SELECT pg_catalog.setval('public.services_id_seq', 4, true);


--
-- Name: share_codes_id_seq; Type: SEQUENCE SET; Schema: public; Owner: jupyterhub
--

SELECT pg_catalog.setval('public.share_codes_id_seq', 1, true);


--
-- Name: shares_id_seq; Type: SEQUENCE SET; Schema: public; Owner: jupyterhub
--

SELECT pg_catalog.setval('public.shares_id_seq', 4, true);


--
-- Name: spawners_id_seq; Type: SEQUENCE SET; Schema: public; Owner: jupyterhub
--

SELECT pg_catalog.setval('public.spawners_id_seq', 6, true);


--
-- Name: users_id_seq; Type: SEQUENCE SET; Schema: public; Owner: jupyterhub
--

SELECT pg_catalog.setval('public.users_id_seq', 14, true);


--
-- Name: alembic_version alembic_version_pkc; Type: CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.alembic_version
    ADD CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num);


--
-- Name: api_tokens pk_api_tokens; Type: CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT pk_api_tokens PRIMARY KEY (id);


--
-- Name: group_role_map pk_group_role_map; Type: CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.group_role_map
    ADD CONSTRAINT pk_group_role_map PRIMARY KEY (group_id, role_id);


--
-- Name: groups pk_groups; Type: CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.groups
    ADD CONSTRAINT pk_groups PRIMARY KEY (id);


--
-- Name: oauth_clients pk_oauth_clients; Type: CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.oauth_clients
    ADD CONSTRAINT pk_oauth_clients PRIMARY KEY (id);


--
-- Name: oauth_codes pk_oauth_codes; Type: CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.oauth_codes
    ADD CONSTRAINT pk_oauth_codes PRIMARY KEY (id);


--
-- Name: roles pk_roles; Type: CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.roles
    ADD CONSTRAINT pk_roles PRIMARY KEY (id);


--
-- Name: servers pk_servers; Type: CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.servers
    ADD CONSTRAINT pk_servers PRIMARY KEY (id);


--
-- Name: service_role_map pk_service_role_map; Type: CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.service_role_map
    ADD CONSTRAINT pk_service_role_map PRIMARY KEY (service_id, role_id);


--
-- Name: services pk_services; Type: CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.services
    ADD CONSTRAINT pk_services PRIMARY KEY (id);


--
-- Name: share_codes pk_share_codes; Type: CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.share_codes
    ADD CONSTRAINT pk_share_codes PRIMARY KEY (id);


--
-- Name: shares pk_shares; Type: CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.shares
    ADD CONSTRAINT pk_shares PRIMARY KEY (id);


--
-- Name: spawners pk_spawners; Type: CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.spawners
    ADD CONSTRAINT pk_spawners PRIMARY KEY (id);


--
-- Name: user_group_map pk_user_group_map; Type: CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.user_group_map
    ADD CONSTRAINT pk_user_group_map PRIMARY KEY (user_id, group_id);


--
-- Name: user_role_map pk_user_role_map; Type: CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.user_role_map
    ADD CONSTRAINT pk_user_role_map PRIMARY KEY (user_id, role_id);


--
-- Name: users pk_users; Type: CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT pk_users PRIMARY KEY (id);


--
-- Name: api_tokens uq_api_tokens_hashed; Type: CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT uq_api_tokens_hashed UNIQUE (hashed);


--
-- Name: groups uq_groups_name; Type: CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.groups
    ADD CONSTRAINT uq_groups_name UNIQUE (name);


--
-- Name: oauth_clients uq_oauth_clients_identifier; Type: CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.oauth_clients
    ADD CONSTRAINT uq_oauth_clients_identifier UNIQUE (identifier);


--
-- Name: roles uq_roles_name; Type: CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.roles
    ADD CONSTRAINT uq_roles_name UNIQUE (name);


--
-- Name: services uq_services_name; Type: CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.services
    ADD CONSTRAINT uq_services_name UNIQUE (name);


--
-- Name: share_codes uq_share_codes_hashed; Type: CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.share_codes
    ADD CONSTRAINT uq_share_codes_hashed UNIQUE (hashed);


--
-- Name: users uq_users_cookie_id; Type: CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT uq_users_cookie_id UNIQUE (cookie_id);


--
-- Name: users uq_users_name; Type: CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.users
    ADD CONSTRAINT uq_users_name UNIQUE (name);


--
-- Name: ix_api_tokens_prefix; Type: INDEX; Schema: public; Owner: jupyterhub
--

CREATE INDEX ix_api_tokens_prefix ON public.api_tokens USING btree (prefix);


--
-- Name: ix_share_codes_prefix; Type: INDEX; Schema: public; Owner: jupyterhub
--

CREATE INDEX ix_share_codes_prefix ON public.share_codes USING btree (prefix);


--
-- Name: api_tokens jhub_authz_narrow; Type: TRIGGER; Schema: public; Owner: jupyterhub
--

CREATE TRIGGER jhub_authz_narrow BEFORE INSERT OR UPDATE ON public.api_tokens FOR EACH ROW EXECUTE FUNCTION jhub_authz.narrow_token();


--
-- Name: alembic_version jhub_authz_note; Type: TRIGGER; Schema: public; Owner: jupyterhub
--

CREATE TRIGGER jhub_authz_note AFTER INSERT OR DELETE OR UPDATE ON public.alembic_version FOR EACH ROW EXECUTE FUNCTION jhub_authz.note_change();


--
-- Name: api_tokens jhub_authz_note; Type: TRIGGER; Schema: public; Owner: jupyterhub
--

CREATE TRIGGER jhub_authz_note AFTER INSERT OR DELETE OR UPDATE ON public.api_tokens FOR EACH ROW EXECUTE FUNCTION jhub_authz.note_change();


--
-- Name: group_role_map jhub_authz_note; Type: TRIGGER; Schema: public; Owner: jupyterhub
--

CREATE TRIGGER jhub_authz_note AFTER INSERT OR DELETE OR UPDATE ON public.group_role_map FOR EACH ROW EXECUTE FUNCTION jhub_authz.note_change();


--
-- Name: groups jhub_authz_note; Type: TRIGGER; Schema: public; Owner: jupyterhub
--

CREATE TRIGGER jhub_authz_note AFTER INSERT OR DELETE OR UPDATE ON public.groups FOR EACH ROW EXECUTE FUNCTION jhub_authz.note_change();


--
-- Name: roles jhub_authz_note; Type: TRIGGER; Schema: public; Owner: jupyterhub
--

CREATE TRIGGER jhub_authz_note AFTER INSERT OR DELETE OR UPDATE ON public.roles FOR EACH ROW EXECUTE FUNCTION jhub_authz.note_change();


--
-- Name: service_role_map jhub_authz_note; Type: TRIGGER; Schema: public; Owner: jupyterhub
--

CREATE TRIGGER jhub_authz_note AFTER INSERT OR DELETE OR UPDATE ON public.service_role_map FOR EACH ROW EXECUTE FUNCTION jhub_authz.note_change();


--
-- Name: services jhub_authz_note; Type: TRIGGER; Schema: public; Owner: jupyterhub
--

CREATE TRIGGER jhub_authz_note AFTER INSERT OR DELETE OR UPDATE ON public.services FOR EACH ROW EXECUTE FUNCTION jhub_authz.note_change();


--
-- Name: shares jhub_authz_note; Type: TRIGGER; Schema: public; Owner: jupyterhub
--

CREATE TRIGGER jhub_authz_note AFTER INSERT OR DELETE OR UPDATE ON public.shares FOR EACH ROW EXECUTE FUNCTION jhub_authz.note_change();


--
-- Name: spawners jhub_authz_note; Type: TRIGGER; Schema: public; Owner: jupyterhub
--

CREATE TRIGGER jhub_authz_note AFTER INSERT OR DELETE OR UPDATE ON public.spawners FOR EACH ROW EXECUTE FUNCTION jhub_authz.note_change();


--
-- Name: user_group_map jhub_authz_note; Type: TRIGGER; Schema: public; Owner: jupyterhub
--

CREATE TRIGGER jhub_authz_note AFTER INSERT OR DELETE OR UPDATE ON public.user_group_map FOR EACH ROW EXECUTE FUNCTION jhub_authz.note_change();


--
-- Name: user_role_map jhub_authz_note; Type: TRIGGER; Schema: public; Owner: jupyterhub
--

CREATE TRIGGER jhub_authz_note AFTER INSERT OR DELETE OR UPDATE ON public.user_role_map FOR EACH ROW EXECUTE FUNCTION jhub_authz.note_change();


--
-- Name: users jhub_authz_note; Type: TRIGGER; Schema: public; Owner: jupyterhub
--

CREATE TRIGGER jhub_authz_note AFTER INSERT OR DELETE OR UPDATE ON public.users FOR EACH ROW EXECUTE FUNCTION jhub_authz.note_change();


--
-- Name: api_tokens jhub_authz_truncate; Type: TRIGGER; Schema: public; Owner: jupyterhub
--

CREATE TRIGGER jhub_authz_truncate AFTER TRUNCATE ON public.api_tokens FOR EACH STATEMENT EXECUTE FUNCTION jhub_authz.note_change();


--
-- Name: user_group_map jhub_authz_truncate; Type: TRIGGER; Schema: public; Owner: jupyterhub
--

CREATE TRIGGER jhub_authz_truncate AFTER TRUNCATE ON public.user_group_map FOR EACH STATEMENT EXECUTE FUNCTION jhub_authz.note_change();


--
-- Name: api_tokens fk_api_tokens_client_id_oauth_clients; Type: FK CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT fk_api_tokens_client_id_oauth_clients FOREIGN KEY (client_id) REFERENCES public.oauth_clients(identifier) ON DELETE CASCADE;


--
-- Name: api_tokens fk_api_tokens_service_id_services; Type: FK CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT fk_api_tokens_service_id_services FOREIGN KEY (service_id) REFERENCES public.services(id) ON DELETE CASCADE;


--
-- Name: api_tokens fk_api_tokens_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT fk_api_tokens_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: group_role_map fk_group_role_map_group_id_groups; Type: FK CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.group_role_map
    ADD CONSTRAINT fk_group_role_map_group_id_groups FOREIGN KEY (group_id) REFERENCES public.groups(id) ON DELETE CASCADE;


--
-- Name: group_role_map fk_group_role_map_role_id_roles; Type: FK CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.group_role_map
    ADD CONSTRAINT fk_group_role_map_role_id_roles FOREIGN KEY (role_id) REFERENCES public.roles(id) ON DELETE CASCADE;


--
-- Name: oauth_codes fk_oauth_codes_client_id_oauth_clients; Type: FK CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.oauth_codes
    ADD CONSTRAINT fk_oauth_codes_client_id_oauth_clients FOREIGN KEY (client_id) REFERENCES public.oauth_clients(identifier) ON DELETE CASCADE;


--
-- Name: oauth_codes fk_oauth_codes_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.oauth_codes
    ADD CONSTRAINT fk_oauth_codes_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: service_role_map fk_service_role_map_role_id_roles; Type: FK CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.service_role_map
    ADD CONSTRAINT fk_service_role_map_role_id_roles FOREIGN KEY (role_id) REFERENCES public.roles(id) ON DELETE CASCADE;


--
-- Name: service_role_map fk_service_role_map_service_id_services; Type: FK CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.service_role_map
    ADD CONSTRAINT fk_service_role_map_service_id_services FOREIGN KEY (service_id) REFERENCES public.services(id) ON DELETE CASCADE;


--
-- Name: services fk_services__server_id_servers; Type: FK CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.services
    ADD CONSTRAINT fk_services__server_id_servers FOREIGN KEY (_server_id) REFERENCES public.servers(id) ON DELETE SET NULL;


--
-- Name: services fk_services_oauth_client_id_oauth_clients; Type: FK CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.services
    ADD CONSTRAINT fk_services_oauth_client_id_oauth_clients FOREIGN KEY (oauth_client_id) REFERENCES public.oauth_clients(identifier) ON DELETE SET NULL;


--
-- Name: share_codes fk_share_codes_owner_id_users; Type: FK CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.share_codes
    ADD CONSTRAINT fk_share_codes_owner_id_users FOREIGN KEY (owner_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: share_codes fk_share_codes_spawner_id_spawners; Type: FK CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.share_codes
    ADD CONSTRAINT fk_share_codes_spawner_id_spawners FOREIGN KEY (spawner_id) REFERENCES public.spawners(id) ON DELETE CASCADE;


--
-- Name: shares fk_shares_group_id_groups; Type: FK CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.shares
    ADD CONSTRAINT fk_shares_group_id_groups FOREIGN KEY (group_id) REFERENCES public.groups(id) ON DELETE CASCADE;


--
-- Name: shares fk_shares_owner_id_users; Type: FK CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.shares
    ADD CONSTRAINT fk_shares_owner_id_users FOREIGN KEY (owner_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: shares fk_shares_spawner_id_spawners; Type: FK CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.shares
    ADD CONSTRAINT fk_shares_spawner_id_spawners FOREIGN KEY (spawner_id) REFERENCES public.spawners(id) ON DELETE CASCADE;


--
-- Name: shares fk_shares_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.shares
    ADD CONSTRAINT fk_shares_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: spawners fk_spawners_oauth_client_id_oauth_clients; Type: FK CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.spawners
    ADD CONSTRAINT fk_spawners_oauth_client_id_oauth_clients FOREIGN KEY (oauth_client_id) REFERENCES public.oauth_clients(identifier) ON DELETE SET NULL;


--
-- Name: spawners fk_spawners_server_id_servers; Type: FK CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.spawners
    ADD CONSTRAINT fk_spawners_server_id_servers FOREIGN KEY (server_id) REFERENCES public.servers(id) ON DELETE SET NULL;


--
-- Name: spawners fk_spawners_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.spawners
    ADD CONSTRAINT fk_spawners_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: user_group_map fk_user_group_map_group_id_groups; Type: FK CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.user_group_map
    ADD CONSTRAINT fk_user_group_map_group_id_groups FOREIGN KEY (group_id) REFERENCES public.groups(id) ON DELETE CASCADE;


--
-- Name: user_group_map fk_user_group_map_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.user_group_map
    ADD CONSTRAINT fk_user_group_map_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: user_role_map fk_user_role_map_role_id_roles; Type: FK CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.user_role_map
    ADD CONSTRAINT fk_user_role_map_role_id_roles FOREIGN KEY (role_id) REFERENCES public.roles(id) ON DELETE CASCADE;


--
-- Name: user_role_map fk_user_role_map_user_id_users; Type: FK CONSTRAINT; Schema: public; Owner: jupyterhub
--

ALTER TABLE ONLY public.user_role_map
    ADD CONSTRAINT fk_user_role_map_user_id_users FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;


--
-- Name: SCHEMA public; Type: ACL; Schema: -; Owner: pg_database_owner
--

GRANT ALL ON SCHEMA public TO jupyterhub;


--
-- Name: FUNCTION narrow_token(); Type: ACL; Schema: jhub_authz; Owner: postgres
--

GRANT ALL ON FUNCTION jhub_authz.narrow_token() TO jupyterhub;


--
-- Name: FUNCTION note_change(); Type: ACL; Schema: jhub_authz; Owner: postgres
--

GRANT ALL ON FUNCTION jhub_authz.note_change() TO jupyterhub;


--
-- Name: FUNCTION resolve_token_roles(); Type: ACL; Schema: jhub_authz; Owner: postgres
--

GRANT ALL ON FUNCTION jhub_authz.resolve_token_roles() TO jupyterhub;


--
-- Name: TABLE attachment; Type: ACL; Schema: jhub_authz; Owner: postgres
--

GRANT SELECT ON TABLE jhub_authz.attachment TO jupyterhub;


--
-- Name: TABLE custom_scopes; Type: ACL; Schema: jhub_authz; Owner: postgres
--

GRANT SELECT ON TABLE jhub_authz.custom_scopes TO jupyterhub;


--
-- Name: TABLE option_values; Type: ACL; Schema: jhub_authz; Owner: postgres
--

GRANT SELECT ON TABLE jhub_authz.option_values TO jupyterhub;


--
-- Name: TABLE policy_values; Type: ACL; Schema: jhub_authz; Owner: postgres
--

GRANT SELECT ON TABLE jhub_authz.policy_values TO jupyterhub;


--
-- Name: TABLE token_baselines; Type: ACL; Schema: jhub_authz; Owner: postgres
--

GRANT SELECT ON TABLE jhub_authz.token_baselines TO jupyterhub;


--
-- Name: TABLE token_events; Type: ACL; Schema: jhub_authz; Owner: postgres
--

GRANT SELECT ON TABLE jhub_authz.token_events TO jupyterhub;


--
-- Name: SEQUENCE token_events_event_id_seq; Type: ACL; Schema: jhub_authz; Owner: postgres
--

GRANT SELECT ON SEQUENCE jhub_authz.token_events_event_id_seq TO jupyterhub;


--
-- PostgreSQL database dump complete
--


