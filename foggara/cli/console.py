"""What commands say to people: results on standard output, the rest on standard error."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from config.errors import ConfigErrors
from config.loading import Loaded, load
from foggara.errors import FoggaraError

# Sentences are never broken into lines of 80: a pipe or a log has no such width.
out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

WRONG_CONFIG = 2


def load_or_exit(path: Path, *, say_warnings: bool = True) -> Loaded:
    """The description, or every error of it on standard error and exit code 2."""
    try:
        loaded = load(path)
    except ConfigErrors as errors:
        for problem in errors.problems:
            err.print(str(problem), style="red", markup=False, soft_wrap=True)
        count = len(errors.problems)
        err.print(f"{path}: {count} error{'s' if count > 1 else ''}; nothing was started.")
        raise typer.Exit(WRONG_CONFIG) from None
    if say_warnings:
        for problem in loaded.warnings:
            err.print(f"warning: {problem}", style="yellow", markup=False, soft_wrap=True)
    return loaded


@contextmanager
def told() -> Generator[None]:
    """Errors that a person can act on become one sentence and exit code 1."""
    try:
        yield
    except FoggaraError as error:
        err.print(f"foggara: {error}", style="red", markup=False, soft_wrap=True)
        raise typer.Exit(1) from None


def progress_bar() -> Progress:
    """A bar for work of more than two seconds; silent where nobody watches."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
    )
