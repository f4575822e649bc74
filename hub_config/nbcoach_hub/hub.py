"""JupyterHub as it is, but its parts start side by side and are missed sooner, it logs as they do, and is audited.

JupyterHub starts one service, waits until it answers, and starts the next. Ours need seconds to load
and do not need each other to start, so all of them begin with the first. It looks at growing intervals, up to 5 s,
whether each of them is up, and shows nobody the log-in page until all are; here it looks often. It looks every 30 s
whether a service has ended, and starts it again; here that is done every few seconds, by its own means.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
import time
from typing import Any, ClassVar
from urllib.parse import urlparse

from jupyterhub.app import JupyterHub
from tornado.web import RequestHandler

from .auditing import Spool
from .identity.trail import entries_of
from .proxy import EarlyProxy
from .service.logs import JsonFormatter
from .settings import Settings

_LOOK_SECONDS = 3.0
_GLANCE_SECONDS = 0.05


class HubFormatter(JsonFormatter):
    """Format the hub's records as the services format theirs; its exceptions are about configuration, so in full."""

    def __init__(self, *formats: str | None, **more: str | None) -> None:
        del formats, more
        super().__init__("hub", verbose=True)


class Hub(JupyterHub):  # type: ignore[misc]
    """The hub; configured as `JupyterHub`."""

    _log_formatter_cls: ClassVar[type[logging.Formatter]] = HubFormatter

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._starts: dict[str, asyncio.Task[bool]] = {}
        self._watch: asyncio.Task[None] | None = None

    async def init_role_creation(self) -> None:
        """Let the gateway load while the hub looks through its database."""
        if isinstance(self.proxy, EarlyProxy) and self.proxy.should_start:
            await self.proxy.begin()
        await super().init_role_creation()

    def init_tornado_settings(self) -> None:
        """Note what is done to others at the hub itself for the audit trail."""
        super().init_tornado_settings()
        log_request, spool = self.tornado_settings["log_function"], Spool.of(Settings.from_environment().state)

        def log_and_note(handler: RequestHandler) -> None:
            log_request(handler)
            entries = entries_of(handler, self.hub_prefix)
            try:
                spool.note(*entries)
            except OSError as err:
                for entry in entries:
                    told = (entry.action, entry.subject, entry.actor, err)
                    self.log.error("%s of %s by %s is not in the audit trail: %s", *told)

        self.tornado_settings["log_function"] = log_and_note

    async def start_service(self, service_name: str, service: Any, ssl_context: ssl.SSLContext | None = None) -> bool:
        """Wait until a service is up, and let all others begin meanwhile; return whether it is."""
        if service_name not in self._starts:
            self._starts |= {
                name: asyncio.create_task(self._start_service(name, one, ssl_context))
                for name, one in self._service_map.items()
            }
        if self._watch is None:
            self._watch = asyncio.create_task(self._watch_services())
        return await self._starts.pop(service_name)

    async def _start_service(self, name: str, service: Any, ssl_context: ssl.SSLContext | None) -> bool:
        start = service.start

        async def start_and_listen() -> None:
            service.start = start  # this once; later it is started again without anybody who waits
            await start()
            await _listening(service)

        if service.managed and service.url:
            service.start = start_and_listen
        return bool(await super().start_service(name, service, ssl_context))

    async def cleanup(self) -> None:
        """Miss no service any more, and stop them all."""
        if self._watch is not None:
            self._watch.cancel()
        await super().cleanup()

    async def _watch_services(self) -> None:
        """Have a service that has ended noticed, which starts it again."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            for service in self._service_map.values():
                starting = self._starts.get(service.name)
                if service.spawner is not None and (starting is None or starting.done()):
                    await service.spawner.poll_and_notify()


async def _listening(service: Any) -> None:
    """Wait until a service listens, has ended, or has had its time."""
    url, deadline = urlparse(service.url), time.monotonic() + service.timeout
    while time.monotonic() < deadline and await service.spawner.poll() is None:
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(url.hostname, url.port)
            writer.close()
            return
        await asyncio.sleep(_GLANCE_SECONDS)


if __name__ == "__main__":
    Hub.launch_instance()
