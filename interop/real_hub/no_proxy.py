"""For the configuration of a hub that is asked itself, not through a proxy."""

from jupyterhub.proxy import Proxy
from traitlets import Dict


class NoProxy(Proxy):
    """Remembers routes, and serves none."""

    should_start = False
    routes = Dict()

    async def add_route(self, routespec, target, data):
        routespec = self.validate_routespec(routespec)
        self.routes[routespec] = {"routespec": routespec, "target": target, "data": data}

    async def delete_route(self, routespec):
        self.routes.pop(self.validate_routespec(routespec), None)

    async def get_all_routes(self):
        return dict(self.routes)
