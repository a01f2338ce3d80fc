# The demo's hub: three users of a physics course, on loopback only.  Everything
# that it writes stays in its working directory.
import os

c = get_config()  # noqa: F821

c.JupyterHub.db_url = os.environ["DEMO_DB_URL"]
c.JupyterHub.bind_url = "http://127.0.0.1:" + os.environ["DEMO_PORT"]
c.JupyterHub.hub_bind_url = "http://127.0.0.1:" + os.environ["DEMO_HUB_PORT"]
c.ConfigurableHTTPProxy.api_url = "http://127.0.0.1:" + os.environ["DEMO_PROXY_PORT"]
c.JupyterHub.cookie_secret_file = os.path.abspath("cookie_secret")
c.ConfigurableHTTPProxy.pid_file = os.path.abspath("proxy.pid")

c.JupyterHub.authenticator_class = "dummy"
c.Authenticator.allowed_users = {"alice", "bob", "carol"}

c.JupyterHub.load_groups = {"physics": ["alice", "bob"]}
c.JupyterHub.load_roles = [
    # alice and bob look after the course
    {
        "name": "course-helper",
        "description": "Sees the physics course and reaches its servers",
        "scopes": ["list:users!group=physics", "access:servers!group=physics"],
        "users": ["alice", "bob"],
    },
    # what a script of hers is to have, at most; nobody holds it
    {
        "name": "roster-script",
        "description": "Reads the list of users",
        "scopes": ["list:users"],
    },
    # what she gets later on, behind the hub's back; nobody holds it yet
    {
        "name": "all-servers",
        "description": "Reaches every server",
        "scopes": ["access:servers"],
    },
]
