"""Kills every verb that writes at random moments: nothing half done is seen as done, and nothing of the user's goes.

Each run writes over the complete output of an earlier one, beside a file of the user's, and is killed with all that it
has started. What is then seen must be the earlier output, the new one, or whole files of one of them without the file
that stands for it; and the next run must succeed.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import SimpleITK as sitk
import torch
from safetensors.numpy import load_file

from echoapex.errors import EchoApexError
from echoapex.io import read_cine
from echoapex.io.output_manifest import MANIFEST_FILE, every, read_manifest
from echoapex.models.model_loading import load_model

COUNT = 200
OF_THE_USER = "notes of mine.txt"
_EVERY_NTH_AGAIN = 10
_EVERY_NTH_TOLD = 20
_LATE_SHARE = 0.5  # of kills in the last fifth, where files are moved

RECIPE = """
id = "killed"
name = "killed"
preset = "hard"
first_seed = 0
cases = 4
others = 1
structures = ["LV", "LA"]
held_out = []
strangers = 0.3
corrections = 1
start_from = ""
frame_size = 64
encoder = "vit_tiny"
patch = 16
image_size = 64
steps = 4
batch = 2
prompts_per_frame = 2
mirrored = 0.15
tone = 1.0
learning_rate = 1e-3
weight_decay = 0.01
warmup = 2
decay_fraction = 0.5
ema = 0.9
drop_path = 0.1
seed = {seed}
precision = "float32"
view_loss = 0.2
landmark_loss = 0.1
calibration = 4
text_steps = 2

[views]
A4C = 0.5
PLAX = 0.5
"""
"""A model that is good for nothing, in seconds."""


@dataclass
class Verb:
    """How a verb is run: ``arguments`` for its output at a path, with another heart for the ``earlier`` output.

    ``stands_for`` are the files that say that the whole output is there.
    """

    name: str
    arguments: Callable[[Path, bool], Sequence[str]]
    stands_for: tuple[str, ...]
    module: str = "echoapex"
    seconds: float = 0.0
    earlier: dict[str, str] = field(default_factory=dict)


def verbs(base: Path) -> list[Verb]:
    """The verbs that write; ``base`` has two hearts to work on."""

    def heart(earlier: bool) -> str:
        return str(base / ("one" if earlier else "two") / "A4C.dcm")

    def simulate(out: Path, earlier: bool) -> list[str]:
        return ["simulate", "--out", str(out), "--views", "A4C", "--seed", "3" if earlier else "4"]

    def segment(out: Path, earlier: bool) -> list[str]:
        return ["segment", heart(earlier), "--structure", "LV", "--out", str(out / "masks.nrrd")]

    def analyze(out: Path, earlier: bool) -> list[str]:
        return ["analyze", heart(earlier), "--out", str(out), "--no-scene"]

    def analyze_with_scene(out: Path, earlier: bool) -> list[str]:
        return ["analyze", heart(earlier), "--out", str(out)]

    def demo(out: Path, earlier: bool) -> list[str]:
        return ["demo", "--out", str(out)]

    def evaluate(out: Path, earlier: bool) -> list[str]:
        seed = "5" if earlier else "6"
        data = f"simulated:easy:1:{seed}"
        work = str(out / "work")
        return ["evaluate", "--task", "views", "--data", data, "--page", str(out / "page.html"), "--work", work]

    def train(out: Path, earlier: bool) -> list[str]:
        recipe = base / f"{'one' if earlier else 'two'}.toml"
        recipe.write_text(RECIPE.format(seed=1 if earlier else 2), encoding="utf-8")
        run = out / ("run of one" if earlier else "run of two")
        return [str(recipe), "--run", str(run), "--out", str(out / "model")]

    return [
        Verb("simulate", simulate, ("truth.json",)),
        Verb("segment", segment, ("masks.nrrd",)),
        Verb("analyze", analyze, ("report.json", "report.html")),
        Verb("analyze with scene", analyze_with_scene, ("report.json", "report.html")),
        Verb("demo", demo, ("report.json", "report.html")),
        Verb("evaluate", evaluate, ("page.html",)),
        Verb("train", train, ("card.json",), module="echoapex.training"),
    ]


def start(verb: Verb, out: Path, earlier: bool) -> subprocess.Popen[bytes]:
    """A run in a group of its own, so that all it starts can be killed with it."""
    command = [sys.executable, "-m", verb.module, *verb.arguments(out, earlier)]
    quiet = subprocess.DEVNULL
    return subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True)


def kill(run: subprocess.Popen[bytes]) -> None:
    """Ends a run and all that it has started in its group."""
    with suppress(ProcessLookupError):
        os.killpg(run.pid, signal.SIGKILL)
    run.wait()


def visible(folder: Path) -> dict[str, str]:
    """Digests of the files that are seen below a folder, without hidden ones."""
    found = {}
    for path in sorted(folder.rglob("*")):
        parts = path.relative_to(folder).parts
        if path.is_file() and not any(part.startswith(".") for part in parts):
            found["/".join(parts)] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def prepare(verb: Verb, folder: Path) -> None:
    """Makes the earlier output once and measures how long a run takes."""
    began = time.monotonic()
    (folder / OF_THE_USER).parent.mkdir(parents=True, exist_ok=True)
    (folder / OF_THE_USER).write_text("mine", encoding="utf-8")
    code = start(verb, folder, True).wait()
    if code != 0:
        raise SystemExit(f"{verb.name} does not run: exit code {code}")
    verb.seconds = time.monotonic() - began
    verb.earlier = visible(folder)


def problems(verb: Verb, folder: Path) -> list[str]:
    """What is wrong with what is seen after a kill."""
    now = visible(folder)
    found = [] if now.get(OF_THE_USER) == verb.earlier[OF_THE_USER] else ["a file of the user's has changed"]
    new = {name: digest for name, digest in now.items() if digest not in verb.earlier.values()}
    found += [f"{name}: {reason}" for name in new if (reason := _damage(folder / name))]
    for name in new:
        if Path(name).name in verb.stands_for:
            found += _incomplete(folder / name, verb.earlier)
    return found


def _damage(path: Path) -> str:
    """Why a file is none of its kind, empty where it is intact."""
    opener = _OPENERS.get(path.suffix.lower())
    if opener is None:
        return "of a kind that is not expected"
    try:
        opener(path)
    except Exception as error:  # whatever a library says of a damaged file
        return f"{type(error).__name__}: {error}"
    return ""


def _incomplete(headline: Path, earlier: Mapping[str, str]) -> list[str]:
    """What lacks beside a new file that stands for the whole, or is still of the earlier run."""
    if headline.name == "card.json":
        try:
            load_model(headline.parent, "cpu")  # compares the weights with the card
        except EchoApexError as refusal:
            return [str(refusal)]
        return []
    manifests = [headline.parent / MANIFEST_FILE, headline.with_name(f".{headline.name}{MANIFEST_FILE}")]
    listed = {}
    for manifest in manifests:
        if manifest.is_file():
            try:
                for entry in every(read_manifest(manifest)):
                    listed.setdefault(entry.path, []).append(entry)
            except EchoApexError as refusal:
                return [str(refusal)]
    if not listed:
        return [] if headline.name == "page.html" else [f"{headline.name}: nothing tells that it is ours"]
    return [
        f"{path}: lacks beside {headline.name}, or is not what was written"
        for path, entries in listed.items()
        if not any(entry.is_in(headline.parent) for entry in entries)
    ]


def _picture(path: Path) -> None:
    if cv2.imread(str(path)) is None:
        raise ValueError("no picture")


def _page(path: Path) -> None:
    if not path.read_text(encoding="utf-8").rstrip().endswith("</html>"):
        raise ValueError("the page does not end")


def _table(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if not text.endswith("\n") or len({len(row) for row in csv.reader(text.splitlines())}) != 1:
        raise ValueError("the table does not end")


def _arrays(path: Path) -> None:
    with np.load(path, allow_pickle=False) as kept:
        for name in kept.files:
            kept[name]  # reads it all


def _archive(path: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        if archive.testzip() is not None:
            raise ValueError("the archive is damaged")


_OPENERS: Mapping[str, Callable[[Path], object]] = {
    ".json": lambda path: json.loads(path.read_text(encoding="utf-8")),
    ".dcm": read_cine,
    ".nrrd": lambda path: sitk.ReadImage(str(path)),
    ".png": _picture,
    ".jpg": _picture,
    ".gif": read_cine,
    ".webp": _picture,
    ".html": _page,
    ".csv": _table,
    ".svg": ElementTree.parse,
    ".npz": _arrays,
    ".mrb": _archive,
    ".safetensors": load_file,
    ".pt": lambda path: torch.load(path, map_location="cpu", weights_only=True),
}


def one_kill(verb: Verb, folder: Path, chance: random.Random) -> tuple[str, list[str]]:
    """Runs over the earlier output in ``folder`` and kills; how it ended, and what is wrong then."""
    late = chance.random() < _LATE_SHARE
    after = verb.seconds * (chance.uniform(0.8, 1.05) if late else chance.uniform(0.0, 0.8))
    run = start(verb, folder, False)
    try:
        run.wait(after)
        ended = "ended before"
    except subprocess.TimeoutExpired:
        kill(run)
        ended = "killed"
    return ended, problems(verb, folder)


def main() -> int:
    """1 when something is seen that is not whole, or a later run fails."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=COUNT, help=f"runs to kill (default: {COUNT})")
    parser.add_argument("--seed", type=int, default=0, help="another one kills at other moments (default: 0)")
    parser.add_argument("--verb", action="append", help="only this verb, more than once for several")
    chosen = parser.parse_args()
    chance, wrong, killed = random.Random(chosen.seed), [], 0
    with tempfile.TemporaryDirectory(prefix="echoapex-kills-") as place:
        home = Path(place)
        for name, seed in (("one", "1"), ("two", "2")):
            command = [
                sys.executable,
                "-m",
                "echoapex",
                "simulate",
                "--out",
                str(home / name),
                "--views",
                "A4C",
                "--seed",
                seed,
            ]
            subprocess.run(command, check=True, capture_output=True)
        chosen_verbs = [verb for verb in verbs(home) if not chosen.verb or verb.name in chosen.verb]
        for verb in chosen_verbs:
            prepare(verb, home / f"{verb.name} before")
            print(f"{verb.name}: {verb.seconds:.1f} s, {len(verb.earlier)} files", flush=True)
        for number in range(chosen.count):
            (verb,) = chance.choices(chosen_verbs, [1 / verb.seconds for verb in chosen_verbs])  # quick ones more often
            folder = home / "out"
            shutil.copytree(home / f"{verb.name} before", folder)
            ended, found = one_kill(verb, folder, chance)
            killed += ended == "killed"
            if number % _EVERY_NTH_AGAIN == 0 and (code := start(verb, folder, False).wait()) != 0:
                found.append(f"the next run fails with exit code {code}")
            new = [f"{verb.name}, run {number}: {problem}" for problem in found]
            wrong += new
            shutil.rmtree(folder)
            if new or (number + 1) % _EVERY_NTH_TOLD == 0:
                print("\n".join([f"{number + 1} runs, {killed} killed", *new]), flush=True)
    print(f"{chosen.count} runs, {killed} killed, {len(wrong)} files or runs that are not what they seem")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
