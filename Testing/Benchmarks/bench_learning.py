"""What pretraining is worth: encoders before and after, beside pixels and constants, on simulated hearts held out.

Views are told by the 20 nearest frames of other hearts, by a linear layer, and by one that few labels are given to; the
left ventricle is outlined in A4C by a linear layer on patches that a few labelled frames teach. Of chance are the first
weights (three seeds) and which frames have labels (several draws): mean and standard deviation. Encoders are exported
backbones, runs that have ended, or models; an encoder with random weights of the same kind stands beside each.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, pstdev

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from echoapex.console import say
from echoapex.evaluation.bootstrap_scores import dice
from echoapex.models.model_card import Architecture
from echoapex.models.model_loading import load_model
from echoapex.models.preprocessing import Preprocessing
from echoapex.models.pretrained_backbone import fitted, is_backbone, read_backbone, weights_from
from echoapex.simulation.data_source import SimulatedData
from echoapex.simulation.heart import Tissue
from echoapex.training.drawn_frames import prepare_frames
from echoapex.training.embedding_probe import balanced_accuracy, nearest_labels
from echoapex.training.frame_shards import PHASES_PER_CASE, Frames, refuse_test_seeds
from echoapex.training.linear_probe import linear_labels
from echoapex.training.methods.masked_transformer import MaskedTransformer
from echoapex.training.simulated_frames import HELD_OUT_SHARE, SimulatedDrawing

DATA = "simulated:hard:400:700000"
VIEW, PIXELS, RIDGE = "A4C", 32, 1e-2
_AT_ONCE = 64

Score = tuple[float, float]
"""Mean and standard deviation."""


@dataclass(frozen=True)
class Encoder:
    """A backbone with the size of its input; ``name`` is that of its row."""

    name: str
    kind: Architecture
    network: MaskedTransformer

    @classmethod
    def of_kind(cls, name: str, kind: Architecture) -> Encoder:
        """One with random weights."""
        return cls(name, kind, MaskedTransformer(kind.encoder, kind.patch, kind.image_size, 0.0))

    @torch.inference_mode()
    def __call__(self, images: np.ndarray) -> tuple[Tensor, Tensor]:
        """Class tokens ``[N, D]`` and patches ``[N, rows, columns, D]`` of ``images uint8 [N, H, W]``."""
        seen, side = Preprocessing(self.kind.image_size), self.kind.image_size
        tokens, patches = [], []
        for start in range(0, len(images), _AT_ONCE):
            small = [cv2.resize(one, (side, side), interpolation=cv2.INTER_AREA) for one in images[start:][:_AT_ONCE]]
            gray = torch.from_numpy(np.stack(small))[:, None].float() / 255
            cls, grid = self.network.eval()((gray - seen.mean) / seen.std)
            tokens.append(cls)
            patches.append(grid.unflatten(1, self.network.network.patch_embed.grid_size))
        return torch.cat(tokens), torch.cat(patches)


def backbone_folder(source: str) -> str:
    """Where the backbone of a run is that has ended; any other source as it is."""
    exported = Path(source) / "exported" / "backbone"
    return str(exported) if is_backbone(exported) else source


def encoder_of(source: str) -> Encoder:
    """The encoder that a folder or a model has."""
    folder = backbone_folder(source)
    if is_backbone(folder):
        card, tensors = read_backbone(folder)
        kind = card.architecture
        words = f"{card.method}, {card.training.frames_seen:,} frames seen, {card.training.hours:g} h"
    else:
        tensors, words = weights_from(folder)
        kind = load_model(folder, "cpu").card.architecture
    encoder = Encoder.of_kind(f"{Path(source).name}: {words}", kind)
    weights, _ = fitted(tensors, encoder.network.network, folder)
    encoder.network.network.load_state_dict(weights)
    return encoder


def random_encoders(kind: Architecture, seeds: int) -> list[Encoder]:
    """Encoders of a kind with random weights."""
    found = []
    for seed in range(seeds):
        torch.manual_seed(seed)
        found.append(Encoder.of_kind("random weights", kind))
    return found


@dataclass(frozen=True)
class Probes:
    """Frames whose labels are known, and ``asked`` ones of other hearts; ``share`` of the labels are few."""

    known: Frames
    asked: Frames
    share: float
    draws: int
    masks: int

    def views(self, embed: Callable[[Frames], Tensor]) -> dict[str, Score]:
        """Balanced accuracies of telling views by ``embed``, which gives ``[N, D]``."""
        names = sorted(set(self.known.views.tolist()))
        labels, truth = (torch.tensor([names.index(view) for view in part.views]) for part in (self.known, self.asked))
        known, asked = embed(self.known), embed(self.asked)
        few = []
        for draw in range(self.draws):
            count = max(len(names), round(self.share * len(known)))
            some = torch.from_numpy(np.random.default_rng(draw).permutation(len(known))[:count])
            few.append(balanced_accuracy(truth, linear_labels(known[some], labels[some], asked)))
        return {
            "kNN": (balanced_accuracy(truth, nearest_labels(known, labels, asked)), 0.0),
            "linear": (balanced_accuracy(truth, linear_labels(known, labels, asked)), 0.0),
            f"linear, {self.share:.0%} of labels": (mean(few), pstdev(few)),
        }

    def outlines(self, patches: Callable[[np.ndarray], Tensor]) -> Score:
        """Dice of the LV by a linear layer on ``patches [N, rows, columns, D]`` that a few frames teach."""
        known, asked = (self._ventricles(part) for part in (self.known, self.asked))
        given, wanted = patches(known.images), patches(asked.images)
        side = given.shape[1:3]
        covered = torch.from_numpy(known.labels == Tissue.LV).float()[:, None]
        covered = functional.interpolate(covered, size=tuple(side), mode="area")[:, 0]
        truth = asked.labels == Tissue.LV
        found = []
        for draw in range(self.draws):
            some = torch.from_numpy(np.random.default_rng(draw).permutation(len(known))[: self.masks])
            coverage = ridge(given[some].flatten(0, 2), covered[some].flatten(), wanted.flatten(0, 2))
            full = functional.interpolate(
                coverage.reshape(len(asked), 1, *side), size=truth.shape[1:], mode="bilinear", align_corners=False
            )[:, 0]
            found.append(mean(dice(mask, one) for mask, one in zip((full > 0.5).numpy(), truth, strict=True)))
        return mean(found), pstdev(found)

    def constant_outline(self) -> Score:
        """The same by what is LV in half of the labelled frames or more, wherever it is in a frame."""
        known, asked = (self._ventricles(part) for part in (self.known, self.asked))
        found = []
        for draw in range(self.draws):
            some = np.random.default_rng(draw).permutation(len(known))[: self.masks]
            middle = (known.labels[some] == Tissue.LV).mean(0) >= 0.5
            found.append(mean(dice(middle, one == Tissue.LV) for one in asked.labels))
        return mean(found), pstdev(found)

    @staticmethod
    def _ventricles(frames: Frames) -> Frames:
        chosen = (frames.views == VIEW) & (frames.labels == Tissue.LV).any((1, 2))
        return _some(frames, chosen)


def ridge(known: Tensor, values: Tensor, asked: Tensor) -> Tensor:
    """``asked [M, D]`` by ridge regression on ``known [N, D]`` with ``values [N]`` by standardized entries."""
    middle, spread = known.mean(0), known.std(0).clamp(min=1e-6)
    known, asked = (known - middle) / spread, (asked - middle) / spread
    offset = values.mean()
    matrix = known.T @ known / len(known) + RIDGE * torch.eye(known.shape[1])
    return asked @ torch.linalg.solve(matrix, known.T @ (values - offset) / len(known)) + offset


def small_pixels(frames: Frames) -> Tensor:
    """Gray values without any encoder."""
    rows = [cv2.resize(one, (PIXELS, PIXELS), interpolation=cv2.INTER_AREA).ravel() for one in frames.images]
    gray = torch.from_numpy(np.stack(rows)).float()
    return gray - gray.mean(1, keepdim=True)


def pixel_patches(side: int) -> Callable[[np.ndarray], Tensor]:
    """Gray values of each of ``side`` x ``side`` patches, and where it is."""

    def patches(images: np.ndarray) -> Tensor:
        size = 8 * side
        gray = np.stack([cv2.resize(one, (size, size), interpolation=cv2.INTER_AREA) for one in images])
        cells = torch.from_numpy(gray).float().reshape(-1, side, 8, side, 8).permute(0, 1, 3, 2, 4).flatten(3)
        row, column = torch.meshgrid(*(torch.linspace(-1, 1, side),) * 2, indexing="ij")
        place = torch.stack([row, column, row**2, column**2, row * column], -1).expand(len(images), -1, -1, -1)
        return torch.cat([cells, place], -1)

    return patches


def read_probes(data: SimulatedData, folder: Path, size: int, share: float, draws: int, masks: int) -> Probes:
    """The frames of ``data``, drawn into ``folder`` where they are not there yet; the last fifth of hearts is asked."""
    refuse_test_seeds(data.seeds)
    frames = prepare_frames(SimulatedDrawing(data.preset, data.first_seed, data.count, size), folder, say)
    held_out = len(frames) // data.count * max(1, round(HELD_OUT_SHARE * data.count))
    assert held_out % PHASES_PER_CASE == 0
    known, asked = (_some(frames, rows) for rows in (slice(-held_out), slice(-held_out, None)))
    return Probes(known, _some(asked, np.isin(asked.views, known.views)), share, draws, masks)


def _some(frames: Frames, rows: slice | np.ndarray) -> Frames:
    return Frames(*(values[rows] for values in vars(frames).values()))


def scores_of(probes: Probes, encoders: Sequence[Encoder]) -> dict[str, Score]:
    """The scores of an encoder; of several alike, their mean and deviation."""
    found: list[dict[str, Score]] = []
    for encoder in encoders:
        kept: dict[int, tuple[Tensor, Tensor]] = {}

        def seen(images: np.ndarray, encoder: Encoder = encoder, kept: dict = kept) -> tuple[Tensor, Tensor]:
            return kept.setdefault(id(images), encoder(images))

        views = probes.views(lambda frames, seen=seen: seen(frames.images)[0])
        found.append({**views, "LV in A4C": probes.outlines(lambda images, encoder=encoder: encoder(images)[1])})
    if len(found) == 1:
        return found[0]
    return {name: (mean(one[name][0] for one in found), pstdev([one[name][0] for one in found])) for name in found[0]}


def table(rows: dict[str, dict[str, Score]]) -> str:
    """As Markdown."""
    columns = list(next(iter(rows.values())))
    lines = [f"| | {' | '.join(columns)} |", f"|---|{'---:|' * len(columns)}"]
    for name, scores in rows.items():
        cells = [f"{value:.3f}" + (f" ± {spread:.3f}" if spread else "") for value, spread in scores.values()]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def main() -> int:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("encoders", nargs="*", metavar="RUN|BACKBONE|MODEL")
    parser.add_argument("--data", default=DATA, help=f"hearts that no encoder has seen (default: {DATA})")
    parser.add_argument("--frames", type=Path, default=Path("learning-frames"), help="where drawn frames are kept")
    parser.add_argument("--frame-size", type=int, default=128)
    parser.add_argument("--share", type=float, default=0.01, help="of the labels, where they are few (default: 0.01)")
    parser.add_argument("--draws", type=int, default=10, help="of what has labels (default: 10)")
    parser.add_argument("--masks", type=int, default=10, help="labelled frames of the LV (default: 10)")
    parser.add_argument("--seeds", type=int, default=3, help="of random weights (default: 3)")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    data = SimulatedData.parse(chosen.data)
    probes = read_probes(data, chosen.frames, chosen.frame_size, chosen.share, chosen.draws, chosen.masks)
    side = chosen.frame_size // 16
    rows = {
        "pixels": {**probes.views(small_pixels), "LV in A4C": probes.outlines(pixel_patches(side))},
    }
    chance = 1 / len(set(probes.known.views.tolist()))
    rows["constant"] = dict.fromkeys(rows["pixels"], (chance, 0.0)) | {"LV in A4C": probes.constant_outline()}
    for source in chosen.encoders:
        encoder = encoder_of(source)
        kind = encoder.kind
        name = f"random weights, {kind.encoder}/{kind.patch} at {kind.image_size} pixels"
        if name not in rows:
            rows[name] = scores_of(probes, random_encoders(kind, chosen.seeds))
        rows[encoder.name] = scores_of(probes, [encoder])
    if chosen.json:
        print(json.dumps({name: {key: list(score) for key, score in one.items()} for name, one in rows.items()}))
    else:
        count = f"{len(probes.known)} known frames, {len(probes.asked)} asked, {data}"
        print(f"Balanced accuracy of {len(set(probes.known.views.tolist()))} views, and Dice; {count}\n\n{table(rows)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
