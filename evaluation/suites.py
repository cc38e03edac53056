"""Where each suite lives. Loaded by name, so that one suite's libraries are not needed for another's."""

from __future__ import annotations

from importlib import import_module

from contracts.errors import ConfigError
from evaluation.contract import Suite

SUITES = {
    "retrieval": "evaluation.retrieval:RetrievalSuite",
    "routing": "evaluation.routing:RoutingSuite",
    "grounding": "evaluation.grounding:GroundingSuite",
    "cascade": "evaluation.cascade:CascadeSuite",
    "injection": "evaluation.injection:InjectionSuite",
    "voice": "evaluation.voice:VoiceSuite",
    "safety": "evaluation.safety:SafetySuite",
    "pii": "evaluation.pii:PiiSuite",
}
"""Name → module:class."""


def load_suite(name: str) -> Suite:
    """Raises ConfigError for a name that is none, ImportError for one whose module is not there."""
    if name not in SUITES:
        raise ConfigError(f"there is no suite {name!r}; there are: {', '.join(SUITES)}")
    return suite_at(SUITES[name])


def suite_at(spec: str) -> Suite:
    """The suite at ``module:Class``. Raises ImportError."""
    module, _, kind = spec.partition(":")
    found = import_module(module)
    if not hasattr(found, kind):
        raise ImportError(f"module {module} has no {kind}")
    suite: Suite = getattr(found, kind)()
    return suite
