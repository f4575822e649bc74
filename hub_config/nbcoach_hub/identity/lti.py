"""Log-in from a course of a learning platform (Moodle, Canvas, ILIAS, Open edX …) through LTI 1.3.

jupyterhub-ltiauthenticator does the protocol: it checks state, nonce, signature, issuer, audience and the claims of
a launch. What is added: only known deployments, which course of ours a launch belongs to, and what its role is here.
A launch tells of one course, so the groups of a user's other courses stay.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from typing import Any

from ltiauthenticator.lti13.auth import LTI13Authenticator
from tornado.web import HTTPError
from traitlets import Bool, Dict, Set, Unicode, default

from nbcoach_exercises.identifiers import SLUG

from ..access import INSTRUCTORS, LEARNERS
from .admission import Admission
from .names import user_name

_CLAIM = "https://purl.imsglobal.org/spec/lti/claim/"
_MEMBERSHIP = "http://purl.imsglobal.org/vocab/lis/v2/membership"
_TEACHING = (f"{_MEMBERSHIP}#Instructor", f"{_MEMBERSHIP}/Instructor#")
_LEARNING = (f"{_MEMBERSHIP}#Learner", f"{_MEMBERSHIP}/Learner#")


class LtiAuthenticator(Admission, LTI13Authenticator):  # type: ignore[misc]
    """Let in who is launched from a course that is mapped to one of ours."""

    course_map = Dict(
        value_trait=Unicode(),
        key_trait=Unicode(),
        help="For the id of a course (context) of the platform the id of ours; a launch from another one is refused.",
    ).tag(config=True)
    trust_course_parameter = Bool(
        False,
        help="Take the course from the launch's custom parameter 'course', if it has one. Only for platforms on which "
        "teachers cannot set it: who can gets the same role in any course here.",
    ).tag(config=True)
    deployment_ids = Set(
        Unicode(), help="Deployments of the tool that may launch; by default all that the platform signs for."
    ).tag(config=True)

    @default("issuer")
    def _default_issuer(self) -> str:
        return os.environ.get("NBCOACH_LTI_ISSUER", "")

    @default("client_id")
    def _default_client_id(self) -> set[str]:
        return {name for name in os.environ.get("NBCOACH_LTI_CLIENT_ID", "").split(",") if name}

    @default("authorize_url")
    def _default_authorize_url(self) -> str:
        return os.environ.get("NBCOACH_LTI_AUTHORIZE_URL", "")

    @default("jwks_endpoint")
    def _default_jwks_endpoint(self) -> str:
        return os.environ.get("NBCOACH_LTI_JWKS_URL", "")

    @default("username_key")
    def _default_username_key(self) -> str:
        return "sub"

    @default("manage_groups")
    def _default_manage_groups(self) -> bool:
        return True

    @default("tool_name")
    def _default_tool_name(self) -> str:
        return "nbcoach"

    def get_custom_html(self, base_url: str) -> str:
        """Say on the log-in page where log-in begins."""
        del base_url
        return (
            '<p class="text-center">Open nbcoach from a course of your learning platform.</p>'
            '<p class="text-center" lang="de">Öffne nbcoach aus einem Kurs deiner Lernplattform.</p>'
        )

    async def authenticate(self, handler: Any, data: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Return who was launched, and the groups that the launch leaves the user with.

        Raises:
            HTTPError: 403 for a launch that belongs to no course of ours.

        """
        claims = dict(data or {})
        deployment = claims.get(f"{_CLAIM}deployment_id")
        if self.deployment_ids and deployment not in self.deployment_ids:
            raise HTTPError(403, "This deployment of the tool is not known here. Ask an administrator.")
        name = user_name(str(self.get_username(claims)))
        course = self._course(claims)
        here = (f"{LEARNERS}{course}", f"{INSTRUCTORS}{course}")
        user = handler.find_user(name)
        others = [group.name for group in user.groups if group.name not in here] if user is not None else []
        return {"name": name, "admin": None, "groups": sorted({*others, *self._groups(claims, *here)})}

    def _course(self, claims: Mapping[str, Any]) -> str:
        context = _part(claims, "context")
        given = _part(claims, "custom").get("course") if self.trust_course_parameter else None
        given = given or self.course_map.get(str(context.get("id")))
        if not isinstance(given, str) or SLUG.fullmatch(given) is None:
            raise HTTPError(403, "The course that you come from is not one of those here. Ask your instructor.")
        return given

    def _groups(self, claims: Mapping[str, Any], learners: str, instructors: str) -> set[str]:
        roles = claims.get(f"{_CLAIM}roles")
        names = [role for role in roles if isinstance(role, str)] if isinstance(roles, list) else []
        found = {instructors} if _any_begins(names, _TEACHING) else set()
        return found | ({learners} if _any_begins(names, _LEARNING) else set())


def _part(claims: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = claims.get(f"{_CLAIM}{name}")
    return part if isinstance(part, Mapping) else {}


def _any_begins(roles: Iterable[str], beginnings: tuple[str, ...]) -> bool:
    return any(role.startswith(beginnings) for role in roles)
