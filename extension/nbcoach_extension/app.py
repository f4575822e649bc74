"""The server extension: its settings, and the parts that its handlers share."""

from __future__ import annotations

import os
from typing import Any

from jupyter_server.extension.application import ExtensionApp
from traitlets import Float, Unicode, default

from .clients import ServiceClient
from .routes import routes
from .workspace import Workspace


class NbcoachExtension(ExtensionApp):
    """Connects a Jupyter server to the nbcoach services of its hub."""

    name = "nbcoach_extension"
    load_other_extensions = True

    grader_url = Unicode(
        help="URL of the grader service with its prefix, for example http://hub:8000/services/grader/. "
        "Default: NBCOACH_GRADER_URL of the environment.",
    ).tag(config=True)
    recommender_url = Unicode(
        help="URL of the recommender service with its prefix. Default: NBCOACH_RECOMMENDER_URL of the environment.",
    ).tag(config=True)
    request_timeout = Float(
        20.0, min=1.0, help="Seconds that a service may take to answer a request. Default: 20."
    ).tag(config=True)

    @default("grader_url")
    def _default_grader_url(self) -> str:
        return os.environ.get("NBCOACH_GRADER_URL", "")

    @default("recommender_url")
    def _default_recommender_url(self) -> str:
        return os.environ.get("NBCOACH_RECOMMENDER_URL", "")

    def initialize_settings(self) -> None:
        """Build the clients of the services and the learner's workspace."""
        token = _token
        grader = ServiceClient("grader", "NBCOACH_GRADER_URL", lambda: self.grader_url, token, self.request_timeout)
        recommender = ServiceClient(
            "recommender", "NBCOACH_RECOMMENDER_URL", lambda: self.recommender_url, token, self.request_timeout
        )
        contents: Any = self.serverapp.contents_manager if self.serverapp else None
        self.settings.update(
            nbcoach_grader=grader,
            nbcoach_recommender=recommender,
            nbcoach_workspace=Workspace(contents),
        )

    def initialize_handlers(self) -> None:
        """Mount the routes below `nbcoach/api/`."""
        self.handlers.extend(routes())

    async def stop_extension(self) -> None:
        """Close the connections to the services."""
        for name in ("nbcoach_grader", "nbcoach_recommender"):
            client = self.settings.get(name)
            if client is not None:
                client.close()


def _token() -> str:
    """Return the learner's hub token, which a hub may renew while the server runs."""
    return os.environ.get("JUPYTERHUB_API_TOKEN", "")
