"""The base of all settings: frozen, and an unknown key is an error."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Settings(BaseModel):
    """Base of each room's settings model; server/settings.py puts them together and names file and line on errors."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)
