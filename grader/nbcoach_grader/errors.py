"""What can go wrong inside the grader. None of these is ever a verdict on the learner's work.

NbcoachError
├── GraderFailed (RuntimeError)      502  nbcoach broke; the learner may try again
│   ├── EngineFailed                 a process of ours died or answered nonsense
│   └── SandboxFailed                a sandbox could not be prepared
└── EngineStopped (ConnectionError)  503  nbcoach is about to end; whoever asks again is answered
ProtocolError (ValueError)           never leaves the engine
├── FrameTooLarge
└── Undecodable                      a value that the codec does not accept
"""

from __future__ import annotations

from nbcoach_exercises.errors import Unavailable, UpstreamFailed


class GraderFailed(UpstreamFailed, RuntimeError):
    """The grader itself failed; nothing is said about the learner's work."""

    code = "grader-failed"


class EngineFailed(GraderFailed):
    """A process of the engine died or answered nonsense."""


class SandboxFailed(GraderFailed):
    """A sandbox could not be prepared."""


class EngineStopped(Unavailable):
    """The engine does not run any more: the request was not served, and is to be sent again."""


class ProtocolError(ValueError):
    """The other side of a socket broke the protocol."""


class FrameTooLarge(ProtocolError):
    """A frame is larger than its bound."""


class Undecodable(ProtocolError):
    """A value is of no kind that the codec knows, or exceeds a bound."""
