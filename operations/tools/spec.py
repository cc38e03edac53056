"""The owner's OpenAPI file, read for the operations that are allowed and no others. No network, no code generation.

Only what a telephone line needs is understood: parameters in path and query, a JSON object as request body, a JSON
object as answer, references within the file. Anything else of an allowed operation is refused with its place.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, best_match

from contracts.configfile import read_yaml
from contracts.errors import ConfigError, ToolNotAllowed
from contracts.tools import Effect, Operation
from operations.tools.settings import Allowed

METHODS = ("get", "put", "post", "delete", "patch")
READING = ("get",)
MAX_REFS = 32
"""References followed one after the other; a longer chain goes in a circle."""


@dataclass(slots=True, frozen=True)
class Parameter:
    """One parameter in path or query."""

    name: str
    place: str
    required: bool
    validator: Draft202012Validator


@dataclass(slots=True, frozen=True)
class Request:
    """What goes over the wire."""

    method: str
    path: str
    query: dict[str, str]
    body: dict[str, Any] | None


@dataclass(slots=True, frozen=True)
class Route:
    """How one allowed operation is asked, and what it answers."""

    operation: Operation
    method: str
    path: str
    timeout_s: float | None
    parameters: tuple[Parameter, ...]
    body: Draft202012Validator | None
    body_names: frozenset[str]
    answer: Draft202012Validator | None

    def request(self, arguments: Mapping[str, Any]) -> Request:
        """The arguments put into their places. Raises ToolNotAllowed for one unknown, missing or not as described."""
        name = self.operation.name
        if unknown := sorted(set(arguments) - self.operation.inputs):
            raise ToolNotAllowed(f"{name}: takes no {unknown[0]!r}")
        if missing := sorted(self.operation.required - set(arguments)):
            raise ToolNotAllowed(f"{name}: {missing[0]!r} is missing")
        path, query = self.path, {}
        for parameter in self.parameters:
            if parameter.name not in arguments:
                continue
            value = arguments[parameter.name]
            _check(parameter.validator, value, f"{name}: {parameter.name}")
            if parameter.place == "query":
                query[parameter.name] = str(value)
            elif not str(value).strip("."):
                raise ToolNotAllowed(f"{name}: {parameter.name}: {value!r} is no part of a path")
            else:
                path = path.replace("{" + parameter.name + "}", quote(str(value), safe=""))
        body = None
        if self.body is not None:
            body = {key: value for key, value in arguments.items() if key in self.body_names}
            _check(self.body, body, name)
        return Request(self.method.upper(), path, query, body)


def _check(validator: Draft202012Validator, value: Any, where: str) -> None:
    error = best_match(validator.iter_errors(value))
    if error is not None:
        at = ".".join(str(part) for part in error.absolute_path)
        # The value stays out of the message: it may be a caller's secret, and messages are logged.
        raise ToolNotAllowed(
            f"{where}{': ' + at if at else ''}: not as the OpenAPI file describes it ({error.validator})"
        )


def load_routes(path: Path, allow: Mapping[str, Allowed]) -> dict[str, Route]:
    """The allowed operations by operationId. Raises ConfigError naming file and operation."""
    document, _ = read_yaml(path)  # JSON is YAML
    if not isinstance(document, dict) or not str(document.get("openapi", "")).startswith("3."):
        raise ConfigError(f"{path}: not an OpenAPI 3 file (no 'openapi: 3.…' at its top)")
    reader = _Reader(path, document)
    offered = reader.offered()
    routes = {}
    for name, allowed in allow.items():
        if name not in offered:
            near = difflib.get_close_matches(name, list(offered), n=1, cutoff=0.4)
            hint = f"; did you mean '{near[0]}'?" if near else ""
            raise ConfigError(f"{path}: no operation '{name}', which tools.allow names{hint}")
        routes[name] = reader.route(name, *offered[name], allowed)
    return routes


class _Reader:
    """One file being read."""

    def __init__(self, path: Path, document: dict[str, Any]) -> None:
        self._path = path
        self._document = document
        self._components = document.get("components", {})

    def offered(self) -> dict[str, tuple[str, str, dict[str, Any], list[Any]]]:
        """operationId → method, path, operation, parameters of the path."""
        found: dict[str, tuple[str, str, dict[str, Any], list[Any]]] = {}
        for path, item in _items(self._document.get("paths")):
            for method in METHODS:
                operation = item.get(method) if isinstance(item, dict) else None
                if not isinstance(operation, dict) or "operationId" not in operation:
                    continue
                name = str(operation["operationId"])
                if name in found:
                    raise ConfigError(f"{self._path}: two operations have the operationId '{name}'")
                found[name] = (method, str(path), operation, list(item.get("parameters", [])))
        return found

    def route(self, name: str, method: str, path: str, operation: dict[str, Any], shared: list[Any], allowed: Allowed
              ) -> Route:  # fmt: skip
        """One allowed operation. Raises ConfigError for what a telephone line cannot ask."""
        where = f"{self._path}: {name}"
        parameters = [
            self._parameter(self._resolve(one, where), where) for one in (*shared, *operation.get("parameters", []))
        ]
        placed = [one for one in parameters if one is not None]
        body, body_names, body_required = self._body(operation, where)
        answer, outputs = self._answer(operation, where)
        names = frozenset(one.name for one in placed)
        if double := sorted(names & body_names):
            raise ConfigError(f"{where}: {double[0]!r} stands both in the body and outside it")
        required = frozenset(one.name for one in placed if one.required) | body_required
        described = Operation(name, allowed.effect, names | body_names, required, outputs)
        return Route(described, method, path, allowed.timeout_s, tuple(placed), body, body_names, answer)

    def _parameter(self, given: dict[str, Any], where: str) -> Parameter | None:
        name, place = str(given.get("name", "")), given.get("in")
        required = bool(given.get("required", False))
        if place not in ("path", "query"):
            if required and name.lower() not in ("authorization", "idempotency-key"):
                raise ConfigError(
                    f"{where}: needs the parameter '{name}' in its {place}; only path and query can be given"
                )
            return None  # headers are the client's own business
        return Parameter(name, str(place), required, self._validator(given.get("schema", {}), where))

    def _body(self, operation: dict[str, Any], where: str
              ) -> tuple[Draft202012Validator | None, frozenset[str], frozenset[str]]:  # fmt: skip
        if "requestBody" not in operation:
            return None, frozenset(), frozenset()
        content = self._resolve(operation["requestBody"], where).get("content", {})
        if "application/json" not in content:
            raise ConfigError(f"{where}: its request body is not application/json")
        schema = content["application/json"].get("schema", {})
        whole = self._resolve(schema, where)
        names = frozenset(str(name) for name in whole.get("properties", {}))
        if not names:
            raise ConfigError(f"{where}: its request body names no properties")
        return self._validator(schema, where), names, frozenset(whole.get("required", []))

    def _answer(self, operation: dict[str, Any], where: str) -> tuple[Draft202012Validator | None, frozenset[str]]:
        for status, response in _items(operation.get("responses")):
            if not str(status).startswith("2"):
                continue
            content = self._resolve(response, where).get("content", {})
            if "application/json" in content:
                schema = content["application/json"].get("schema", {})
                names = self._resolve(schema, where).get("properties", {})
                return self._validator(schema, where), frozenset(str(name) for name in names)
        return None, frozenset()

    def _resolve(self, given: Any, where: str) -> dict[str, Any]:
        for _ in range(MAX_REFS):
            if not isinstance(given, dict):
                raise ConfigError(f"{where}: a mapping was expected, not {type(given).__name__}")
            if "$ref" not in given:
                return given
            given = self._at(str(given["$ref"]), where)
        raise ConfigError(f"{where}: its references go in a circle")

    def _at(self, reference: str, where: str) -> Any:
        node: Any = self._document
        if not reference.startswith("#/"):
            raise ConfigError(f"{where}: the reference {reference!r} leads out of the file; only '#/…' is followed")
        for part in reference[2:].split("/"):
            node = node.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) else None
        if node is None:
            raise ConfigError(f"{where}: {reference!r} is not in the file")
        return node

    def _validator(self, schema: Any, where: str) -> Draft202012Validator:
        self._refs(schema, where, 0)
        rooted = {**(schema if isinstance(schema, dict) else {}), "components": self._components}
        try:
            Draft202012Validator.check_schema(rooted)
        except SchemaError as error:
            raise ConfigError(f"{where}: its schema cannot be read: {error.message}") from error
        return Draft202012Validator(rooted, format_checker=Draft202012Validator.FORMAT_CHECKER)

    def _refs(self, node: Any, where: str, depth: int) -> None:
        """Every reference that the schema can reach stays in the file."""
        if depth > MAX_REFS:
            return  # a recursive schema: its references were looked at on the way
        children = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
        for key, child in children:
            if key == "$ref":
                self._refs(self._at(str(child), where), where, depth + 1)
            else:
                self._refs(child, where, depth + 1)


def _items(node: Any) -> Iterator[tuple[Any, Any]]:
    yield from node.items() if isinstance(node, dict) else ()


def complaints(routes: Mapping[str, Route]) -> list[str]:
    """What is allowed and looks wrong; one line each."""
    found = []
    for name, route in routes.items():
        if route.method in READING and route.operation.effect is Effect.WRITE:
            found.append(f"{name}: allowed as write, but it is a {route.method.upper()}, which changes nothing")
        if route.method not in (*READING, "post") and route.operation.effect is Effect.READ:
            found.append(f"{name}: allowed as read, but it is a {route.method.upper()}; allow it as write")
        if route.answer is None:
            found.append(f"{name}: the OpenAPI file describes no JSON answer, so the answer is not checked")
    return found
