"""The folder of a job: one writer, and parts that are there whole or not at all."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lime_jax.jobs.manifest import differences
from lime_jax.jobs.source import file_hash
from lime_jax.results.arrow import write_rows
from lime_jax.results.parts import FAILURES, MANIFEST, Failure, part_path, read_manifest
from lime_jax.results.whole_files import replacing

if TYPE_CHECKING:
    import pyarrow

_LOCK = ".lock"
_DIGESTS = ".digests"
"""A folder of what the bytes of each part add up to: pages have checksums, their headers none."""
_OURS = re.compile(
    rf"{re.escape(MANIFEST)}|{re.escape(FAILURES)}|\.lock|\.digests|\.DS_Store|\.?part-\d+\.parquet(\.tmp)?|\..*\.tmp"
)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make the folder, and keep other runs out of it.

    The lock is the system's: it goes when the process does, however that ends.
    """
    try:
        (folder / _DIGESTS).mkdir(parents=True, exist_ok=True)
        file = open(folder / _LOCK, "a")  # noqa: SIM115
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(f"`out`: cannot write to the folder {folder} ({reason})") from error
    with file:
        try:
            import fcntl
        except ImportError:  # not on Windows
            pass
        else:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise ValueError(
                    f"`out`: another run is writing to {folder}; wait for it, or choose another "
                    "folder"
                ) from error
        yield


def check_folder(folder: Path, resume: bool) -> None:
    """Refuse a folder that is not this job's; it need not be there, unless to `resume`."""
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"`out`: expected a folder, and {folder} is a file")
    has_manifest = (folder / MANIFEST).exists()
    if resume and not has_manifest:
        raise ValueError(
            f"`resume`: {folder} has no {MANIFEST}, so there is nothing to resume; leave out "
            "--resume, or see whether the folder is the right one"
        )
    if has_manifest and not resume:
        raise ValueError(
            f"`out`: {folder} holds a job already; add --resume to finish it, or choose another "
            "folder"
        )
    others = (
        [p.name for p in folder.iterdir() if not _OURS.fullmatch(p.name)] if folder.exists() else []
    )
    if others and not has_manifest:
        raise ValueError(
            f"`out`: expected a new or an empty folder, but {folder} holds {sorted(others)[0]!r}"
            + (f" and {len(others) - 1} more" if len(others) > 1 else "")
        )


def settle_manifest(folder: Path, manifest: dict[str, Any], resume: bool) -> None:
    """Write the manifest of a new job, or compare it with that of the one that is resumed."""
    if not resume:
        for path in folder.glob("part-*.parquet"):
            raise ValueError(
                f"`out`: {folder} holds {path.name}, but no {MANIFEST}; choose another folder"
            )
        text = json.dumps(manifest, indent=1) + "\n"
        with _written(folder / MANIFEST) as aside:
            aside.write_text(text, encoding="utf-8", newline="\n")
        return
    found = differences(read_manifest(folder), manifest)
    if found:
        raise ValueError(
            f"`resume`: the job in {folder} is another one: {'; '.join(found)}; run it as it was "
            "begun, or choose another folder"
        )


def forget_failures(folder: Path) -> None:
    """What failed is tried again."""
    (folder / FAILURES).unlink(missing_ok=True)


def write_failures(folder: Path, failures: Sequence[Failure]) -> None:
    """Note the parts that could not be made."""
    text = json.dumps([each._asdict() for each in failures], indent=1) + "\n"
    with _written(folder / FAILURES) as aside:
        aside.write_text(text, encoding="utf-8", newline="\n")


def unfinished(folder: Path, manifest: dict[str, Any]) -> list[int]:
    """The numbers of the parts that are missing, or are not as they were written."""
    return [n for n in range(manifest["num_parts"]) if not _is_whole(folder, n)]


def _is_whole(folder: Path, number: int) -> bool:
    """Whether a part is there, every byte as it was written."""
    path, digest = part_path(folder, number), _digest_path(folder, number)
    if not (path.exists() and digest.exists()):
        return False
    return digest.read_bytes() == file_hash(path).encode()


def _digest_path(folder: Path, number: int) -> Path:
    return folder / _DIGESTS / f"{part_path(folder, number).stem}.sha256"


def write_part(folder: Path, number: int, table: pyarrow.Table) -> None:
    """Write a part whole or not at all."""
    with _written(part_path(folder, number)) as aside:
        write_rows(table, aside)
        digest = file_hash(aside)
    with _written(_digest_path(folder, number)) as aside:
        aside.write_text(digest)


@contextlib.contextmanager
def _written(path: Path) -> Iterator[Path]:
    """Write a file whole or not at all; an OSError says that it is the folder's."""
    try:
        with replacing(path, path.with_name(f".{path.name}.tmp")) as aside:
            yield aside
    except OSError as error:
        reason = error.strerror or str(error)
        raise OSError(f"`out`: cannot write to {path.parent} ({reason})") from error
