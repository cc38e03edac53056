"""YAML files written by people: read into frozen models, and a mistake is named with file, line and nearest name.

Shared by settings, rules, the model manifest and the cascade's thresholds, so that every file complains alike.
"""

from __future__ import annotations

import difflib
import types
import typing
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from contracts.errors import ConfigError

ModelT = TypeVar("ModelT", bound=BaseModel)
Location = tuple[int | str, ...]
MAX_BYTES = 1 << 20


class LineMap:
    """Where each key of a YAML document stands: path of keys and indexes → line number (1-based)."""

    def __init__(self, text: str) -> None:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        self._lines: dict[Location, int] = {}
        if root is not None:
            self._walk(root, ())

    def _walk(self, node: yaml.Node, path: Location) -> None:
        self._lines.setdefault(path, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                here = (*path, str(key.value))
                self._lines[here] = key.start_mark.line + 1
                self._walk(value, here)
        elif isinstance(node, yaml.SequenceNode):
            for index, value in enumerate(node.value):
                self._walk(value, (*path, index))

    def line(self, path: Location) -> int:
        """The line of ``path``, or of the nearest enclosing key that is in the file."""
        for length in range(len(path), -1, -1):
            if (found := self._lines.get(path[:length])) is not None:
                return found
        return 1


def read_yaml(path: Path) -> tuple[Any, LineMap]:
    """The file's data and its line map. Raises ConfigError when it cannot be read or parsed."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror or error}); give another file or fix it") from error
    if len(raw) > MAX_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_BYTES} bytes; this is not a configuration file")
    try:
        text = raw.decode("utf-8")
        return yaml.safe_load(text), LineMap(text)
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text (byte {error.start}); save it as UTF-8") from error
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}:{line}: not valid YAML: {error.problem or error}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: not valid YAML: {error}") from error


def load_yaml(path: Path, model: type[ModelT]) -> ModelT:
    """Read ``path`` into ``model``. Raises ConfigError naming file, line and nearest valid key."""
    data, lines = read_yaml(path)
    try:
        return model.model_validate({} if data is None else data)
    except ValidationError as error:
        raise ConfigError(explain(error, model, str(path), lines)) from error


def explain(error: ValidationError, model: type[BaseModel], source: str, lines: LineMap | None = None) -> str:
    """A validation error as lines of ``file:line: key: what is wrong``; at most five of them."""
    problems = error.errors(include_url=False)
    said = [_explain_one(problem, model, source, lines) for problem in problems[:5]]
    if len(problems) > 5:
        said.append(f"… and {len(problems) - 5} more")
    return "\n".join(said)


def _explain_one(problem: Mapping[str, Any], model: type[BaseModel], source: str, lines: LineMap | None) -> str:
    path: Location = tuple(problem["loc"])
    where = f"{source}:{lines.line(path)}" if lines else source
    name = ".".join(str(part) for part in path)
    if problem["type"] == "extra_forbidden" and path:
        near = difflib.get_close_matches(str(path[-1]), names_at(model, path[:-1]), n=1, cutoff=0.4)
        hint = f"; did you mean '{near[0]}'?" if near else ""
        return f"{where}: unknown key '{name}'{hint}"
    message = str(problem["msg"]).removeprefix("Value error, ")
    given = problem.get("input")
    shown = f" (given: {given!r})" if isinstance(given, str | int | float | bool) else ""
    near_value = difflib.get_close_matches(given, _choices(problem), n=1, cutoff=0.4) if isinstance(given, str) else []
    hint = f"; did you mean '{near_value[0]}'?" if near_value else ""
    return f"{where}: {name}: {message}{shown}{hint}"


def _choices(problem: Mapping[str, Any]) -> list[str]:
    expected = str(problem.get("ctx", {}).get("expected", ""))
    return [part.strip().strip("'") for part in expected.replace(" or ", ",").split(",") if part.strip()]


def names_at(model: type[BaseModel], path: Location) -> list[str]:
    """Valid key names of the model that ``path`` leads to, walking through lists, unions and dictionaries."""
    current: list[Any] = [model]
    for part in path:
        current = [inner for kind in current for inner in _step(kind, part)]
    return sorted({name for kind in current if _is_model(kind) for name in _field_names(kind)})


def _field_names(model: type[BaseModel]) -> Iterator[str]:
    for name, field in model.model_fields.items():
        yield field.alias or name


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _step(kind: Any, part: int | str) -> Iterator[Any]:
    for member in _members(kind):
        if _is_model(member):
            for name, field in member.model_fields.items():
                if part in (name, field.alias):
                    yield from _members(field.annotation)
        else:
            yield from (inner for argument in typing.get_args(member) for inner in _members(argument))


def _members(kind: Any) -> list[Any]:
    origin = typing.get_origin(kind)
    if origin is typing.Annotated:
        return _members(typing.get_args(kind)[0])
    if origin in (typing.Union, types.UnionType):
        return [inner for argument in typing.get_args(kind) for inner in _members(argument)]
    return [kind]
