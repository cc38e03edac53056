"""All settings of an operator: one YAML file, each room's own frozen model under its name, the environment on top.

``CALLWRIGHT_HOME`` and ``CALLWRIGHT_MODELS`` are paths; any other key is ``CALLWRIGHT_`` plus its path joined by
``__``: ``CALLWRIGHT_TELEPHONY__SIP__PORT=5070``.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from console.settings import ConsoleSettings
from contracts.configfile import LineMap, explain, read_yaml
from contracts.errors import ConfigError
from dialog.settings import DialogSettings
from escalation.settings import EscalationSettings
from knowledge.settings import KnowledgeSettings
from operations.settings import OperationsSettings
from operations.tools.settings import ToolSettings
from server.engines import ModelChoice
from telephony.settings import TelephonySettings
from voice.settings import VoiceSettings

PREFIX = "CALLWRIGHT_"
ROOT = Path(__file__).resolve().parents[1]
"""The source tree: relative paths of files that come with the project are looked up here when not found as given."""
DEFAULT_CONFIG = ROOT / "configs" / "callwright.yaml"


class OperatorSettings(BaseSettings):
    """Everything; passed whole to server.app, and room by room to the rooms."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid", validate_default=True
    )

    home: Path = Field(default=Path("var"), description="Database, Chroma, recordings, logs, control socket.")
    models: Path = Field(
        default=Path("~/.cache/callwright"), description="Where `callwright models fetch` puts model files."
    )
    name: str = Field(default="Callwright", max_length=60, description="Who answers: spoken in the greeting.")
    documents: Path | None = Field(default=None, description="Folder whose documents are taken in at every start.")
    documents_review: Literal["overrule", "obey"] = Field(
        default="overrule",
        description="overrule: that folder is published whatever its review says; obey: it waits for a person if the"
        " review objects, or holds a document.",
    )
    engines: ModelChoice = ModelChoice()
    telephony: TelephonySettings = TelephonySettings()
    voice: VoiceSettings = VoiceSettings()
    dialog: DialogSettings = DialogSettings()
    knowledge: KnowledgeSettings = KnowledgeSettings()
    escalation: EscalationSettings = EscalationSettings()
    operations: OperationsSettings = OperationsSettings()
    console: ConsoleSettings = ConsoleSettings()
    tools: ToolSettings = ToolSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over the file (which comes in as init arguments)."""
        return env_settings, init_settings

    @property
    def control_socket(self) -> Path:
        """Where the running operator answers."""
        return self.home_dir / "control.sock"

    @property
    def home_dir(self) -> Path:
        """``home``, absolute."""
        return self.home.expanduser().absolute()

    @property
    def models_dir(self) -> Path:
        """``models``, absolute."""
        return self.models.expanduser().absolute()

    def digest(self, *files: Path) -> str:
        """Twelve hex digits that identify this configuration and the text of ``files``; every call carries it."""
        state = hashlib.sha256(json.dumps(self.model_dump(mode="json"), sort_keys=True).encode())
        for path in sorted(files):
            state.update(path.name.encode() + b"\0" + path.read_bytes())
        return state.hexdigest()[:12]


def project_path(path: Path) -> Path:
    """``path`` as given if it exists (or is absolute), else the same path in the source tree."""
    expanded = path.expanduser()
    return expanded if expanded.is_absolute() or expanded.exists() else ROOT / expanded


def load_settings(config: Path | None = None) -> OperatorSettings:
    """Settings from ``config`` (default: configs/callwright.yaml) and the environment.

    Raises ConfigError naming file, line and nearest valid name, or the variable of the environment.
    """
    path = project_path(config or DEFAULT_CONFIG)
    data, lines = read_yaml(path)
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise ConfigError(f"{path}:1: a settings file is a mapping of keys to values")
    data = _without_empty(data, OperatorSettings)
    try:
        return OperatorSettings(**data)
    except ValidationError as error:
        raise ConfigError(_explain(error, path, data, lines)) from error


def _without_empty(data: dict[str, Any], model: type[BaseModel]) -> dict[str, Any]:
    """A section whose keys are all commented out reads as null; it means the defaults."""
    kept = {}
    for key, value in data.items():
        field = model.model_fields.get(str(key))
        inner = field.annotation if field is not None else None
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            if value is None:
                continue
            if isinstance(value, dict):
                value = _without_empty(value, inner)
        kept[key] = value
    return kept


def _explain(error: ValidationError, path: Path, data: dict[str, Any], lines: LineMap) -> str:
    first = error.errors(include_url=False)[0]
    variable = PREFIX + "__".join(str(part) for part in first["loc"]).upper()
    if variable in os.environ:
        return explain(error, OperatorSettings, f"environment variable {variable}")
    return explain(error, OperatorSettings, str(path), lines)
