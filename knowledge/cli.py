"""``callwright knowledge``: documents, the draft, releases and rollback from a terminal.

The commands know nothing of servers: they get an api.KnowledgeAccess from a factory.
"""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from contracts.errors import CallwrightError, ReleaseUnknown
from knowledge import cliadd, clishow
from knowledge.api import KnowledgeAccess, ReleaseInfo, evidence_json, to_json

AccessFactory = Callable[[], AbstractContextManager[KnowledgeAccess]]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
By = Annotated[str, typer.Option("--by", help="Who does this; your login name if left out.")]
Despite = Annotated[str, typer.Option(help="Publish although the review objects; give the reason.")]
Note = Annotated[str, typer.Option(help="What this release is about.")]
ReleaseName = Annotated[str, typer.Argument(help="A release, such as r0007.")]


def make_app(access: AccessFactory, max_bytes: Callable[[], int]) -> typer.Typer:
    """The sub-app. ``access`` opens the base (locally, or through the running server) for one command;
    ``max_bytes`` is the limit of a document. Both are called only when a command runs."""
    app = typer.Typer(
        help="The documents that answers stand on: draft, review, publish, roll back.", no_args_is_help=True
    )
    _documents(app, access, max_bytes)
    _draft(app, access)
    _releases(app, access)
    return app


def _documents(app: typer.Typer, access: AccessFactory, max_bytes: Callable[[], int]) -> None:
    @app.command(epilog="Example:  callwright knowledge add configs/demo/knowledge fees.pdf --publish")
    def add(
        paths: Annotated[list[Path], typer.Argument(help="Markdown, text, HTML, PDF, DOCX, CSV, JSON; or folders.")],
        publish: Annotated[bool, typer.Option(help="Propose and publish at once, if the review allows it.")] = False,
        despite: Despite = "",
        by: By = "",
        as_json: AsJson = False,
    ) -> None:
        """Take documents into the draft. One of the same name is replaced; an unchanged one costs nothing."""
        with _one_line_errors(), access() as base:
            result = cliadd.add_all(base, paths, max_bytes(), by or _user())
            if publish and base.draft():
                result.release = _publish(base, "", by or _user(), "", despite)
            cliadd.show(result, as_json)
            if result.refused:
                raise typer.Exit(1)

    @app.command("list", epilog="Example:  callwright knowledge list --release r0007 --json")
    def list_documents(
        release: Annotated[str, typer.Option(help="Of this release; of the draft if left out.")] = "",
        as_json: AsJson = False,
    ) -> None:
        """Show the documents of the draft, or of a release."""
        with _one_line_errors(), access() as base:
            clishow.documents(base.list_documents(release or None), base.stats(), as_json)

    @app.command(epilog='Example:  callwright knowledge search "when are you open on saturday" --limit 3')
    def search(
        text: Annotated[str, typer.Argument(help="A question, as a caller would ask it.")],
        limit: Annotated[int, typer.Option(min=1, max=50, help="How many passages.")] = 5,
        context: Annotated[list[str] | None, typer.Option(help="An earlier turn of the caller (repeatable).")] = None,
        release: Annotated[str, typer.Option(help="Search this release instead of the live one.")] = "",
        as_json: AsJson = False,
    ) -> None:
        """Find the passages for a question, with their scores."""
        with _one_line_errors(), access() as base:
            found = base.search(text, limit=limit, context=context or [], release=release)
            print(json.dumps(evidence_json(found), indent=2)) if as_json else clishow.evidence(found)

    @app.command(epilog="Example:  callwright knowledge remove fees.md")
    def remove(
        keys: Annotated[list[str], typer.Argument(help="Sources, files or ids, as `list` shows them.")], by: By = ""
    ) -> None:
        """Take documents out of the draft; callers hear of them until the next release."""
        with _one_line_errors(), access() as base:
            for key in keys:
                removed = base.remove(key, by=by or _user())
                count = sum(one.passages for one in removed)
                Console().print(f"removed {key} ({len(removed)} documents, {count} passages)", markup=False)

    @app.command(epilog="Example:  callwright knowledge held")
    def held(as_json: AsJson = False) -> None:
        """Show quarantined documents, with the words that look like instructions to a language model."""
        with _one_line_errors(), access() as base:
            clishow.held(base.held(), as_json)

    @app.command(epilog="Example:  callwright knowledge decide letter.docx --accept")
    def decide(
        key: Annotated[str, typer.Argument(help="A quarantined document, as `held` shows it.")],
        accept: Annotated[bool, typer.Option("--accept/--reject", help="Let it into the draft, or throw it away.")],
        by: By = "",
    ) -> None:
        """Decide on a quarantined document."""
        with _one_line_errors(), access() as base:
            info = base.decide(key, accept=accept, by=by or _user())
            Console().print(f"{'accepted' if accept else 'rejected'} {info.source}", markup=False)


def _draft(app: typer.Typer, access: AccessFactory) -> None:
    @app.command(epilog="Example:  callwright knowledge draft")
    def draft(as_json: AsJson = False) -> None:
        """Show how the draft differs from what callers hear."""
        with _one_line_errors(), access() as base:
            clishow.draft(base.draft(), base.stats(), as_json)

    @app.command(epilog="Example:  callwright knowledge revert")
    def revert(by: By = "") -> None:
        """Throw the draft's changes away: make it equal to the live release."""
        with _one_line_errors(), access() as base:
            base.revert(by=by or _user())
            Console().print(f"the draft is what {base.stats().release} holds", markup=False)

    @app.command(epilog='Example:  callwright knowledge propose --note "new wire fees"')
    def propose(note: Note = "", by: By = "", as_json: AsJson = False) -> None:
        """Freeze the draft as a release and review it: checks, golden questions, answers that would change."""
        with _one_line_errors(), access() as base:
            cliadd.watch_indexing(base)
            _show(cliadd.watch_suites(base, base.propose(by=by or _user(), note=note)), as_json)

    @app.command(epilog="Example:  callwright knowledge evaluate r0007 --models")
    def evaluate(
        release: Annotated[str, typer.Argument(help="A release; left out, the newest.")] = "",
        models: Annotated[bool, typer.Option(help="Have the language models word the answers: slow.")] = False,
        by: By = "",
        as_json: AsJson = False,
    ) -> None:
        """Ask the evaluation's suites about a release; the exit code is 1 if a mark is missed, or they failed."""
        with _one_line_errors(), access() as base:
            begun = base.evaluate(_find(base, release).release, by=by or _user(), models=models)
            found = cliadd.watch_suites(base, begun)
            _show(found, as_json)
            suites = found.report.get("suites", {})
            missed = any(one["reached"] is False for one in suites.get("figures", []))
            if suites.get("state") != "done" or missed:
                raise typer.Exit(1)

    @app.command(epilog="Example:  callwright knowledge show r0007")
    def show(release: ReleaseName, as_json: AsJson = False) -> None:
        """Show a release and its review."""
        with _one_line_errors(), access() as base:
            _show(_find(base, release), as_json)

    @app.command(epilog="Example:  callwright knowledge check && callwright knowledge publish r0007")
    def check(
        release: Annotated[str, typer.Argument(help="A release; left out, the newest.")] = "", as_json: AsJson = False
    ) -> None:
        """Show a release's review; the exit code is 1 if it may not go live by itself."""
        with _one_line_errors(), access() as base:
            found = _find(base, release)
            _show(found, as_json)
            if not found.report or found.report.get("objections"):
                raise typer.Exit(1)


def _find(base: KnowledgeAccess, release: str) -> ReleaseInfo:
    """By its name, or the newest. Raises ReleaseUnknown."""
    wanted = release.lower().removeprefix("r").lstrip("0")
    found = [one for one in base.releases() if not release or one.release.lstrip("r0") == wanted]
    if not found:
        raise ReleaseUnknown(f"there is no release {release}; `callwright knowledge releases` shows them")
    return found[0]


def _releases(app: typer.Typer, access: AccessFactory) -> None:
    @app.command(epilog="Example:  callwright knowledge approve r0007 --by maria")
    def approve(release: ReleaseName, by: By = "") -> None:
        """Approve a proposed release; it must be somebody else than who proposed it."""
        with _one_line_errors(), access() as base:
            info = base.approve(release, by=by or _user())
            Console().print(f"{info.release} approved by {info.approved_by}", markup=False)

    @app.command(epilog="Example:  callwright knowledge publish r0007")
    def publish(
        release: Annotated[str, typer.Argument(help="A proposed release; left out, the draft is proposed first.")] = "",
        despite: Despite = "",
        note: Note = "",
        by: By = "",
        as_json: AsJson = False,
    ) -> None:
        """Make a release what callers hear, from their next turn on."""
        with _one_line_errors(), access() as base:
            info = _publish(base, release, by or _user(), note, despite)
            print(json.dumps(to_json(info), indent=2)) if as_json else clishow.live(info)

    @app.command(epilog="Example:  callwright knowledge rollback")
    def rollback(
        release: Annotated[str, typer.Argument(help="Where to; left out, to the release before.")] = "", by: By = ""
    ) -> None:
        """Go back to the release before, at once. The draft keeps its changes."""
        with _one_line_errors(), access() as base:
            clishow.live(base.rollback(by=by or _user(), release=release))

    @app.command(epilog="Example:  callwright knowledge releases")
    def releases(as_json: AsJson = False) -> None:
        """Show all releases, newest first."""
        with _one_line_errors(), access() as base:
            clishow.releases(base.releases(), as_json)

    @app.command(epilog="Example:  callwright knowledge changes")
    def changes(as_json: AsJson = False) -> None:
        """Show who did what, the latest first."""
        with _one_line_errors(), access() as base:
            clishow.changes(base.changes(), as_json)


def _publish(base: KnowledgeAccess, release: str, by: str, note: str, despite: str) -> ReleaseInfo:
    if not release:
        cliadd.watch_indexing(base)
        proposed = base.propose(by=by, note=note)
        release = proposed.release
        if any("suites" in one for one in proposed.report.get("objections", ())) and not despite:
            cliadd.watch_suites(base, proposed)  # they are required, and not done yet
    return base.publish(release, by=by, despite=despite)


def _show(info: ReleaseInfo, as_json: bool) -> None:
    print(json.dumps(to_json(info), indent=2)) if as_json else clishow.release(info)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container without a user of that number
        return "unknown"


@contextmanager
def _one_line_errors() -> Iterator[Any]:
    try:
        yield
    except CallwrightError as error:
        print(f"callwright: {error}", file=sys.stderr)
        raise typer.Exit(error.exit_code) from error
