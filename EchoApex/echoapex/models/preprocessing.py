"""The one way from a frame to the model's input and back.

The sector's box is cut out, everything outside the sector made black, and the cut resized, keeping the proportions of
the body, into the middle of a square. `FrameGeometry` knows both pixel grids and takes points and masks across.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..cine import BoolMask, Cine, FloatArray, ImageStack, Scale, Sector
from ..errors import ModelError
from ..io.fan_orientation import seen_turned

if TYPE_CHECKING:
    from torch import Tensor

_Pixel = TypeVar("_Pixel", np.uint8, np.bool_)
_GRAY_LEVELS = 255.0
_ASPECT_LIMIT = 8.0


@dataclass(frozen=True)
class Preprocessing:
    """How frames become model input; part of the model card.

    ``image_size`` is the side S of the square input in pixels; ``mean`` and ``std`` are of gray values in 0..1.
    """

    image_size: int
    mean: float = 0.2
    std: float = 0.2

    def __post_init__(self) -> None:
        if not (np.isfinite(self.mean) and np.isfinite(self.std) and self.std > 0 and self.image_size > 0):
            raise ModelError("Preprocessing needs an image size, a mean and a positive standard deviation", value=self)

    def geometry(self, sector: Sector, scale: Scale, *, turned: bool = False) -> FrameGeometry:
        """Where a frame with this sector and scale lies in the model input; square pixels where there is no scale.

        With ``turned`` its rows are there in reverse.
        Raises `ModelError` when the scale says that pixels are more than 8 times longer than wide, or wider than long.
        """
        y, x = scale.mm_per_px or (1.0, 1.0)
        if not 1 / _ASPECT_LIMIT <= y / x <= _ASPECT_LIMIT:
            rule = f"Pixels must not be over {_ASPECT_LIMIT:g} times as long one way as the other"
            raise ModelError(rule, value=(y, x))
        return FrameGeometry(self, sector, y / x, turned)

    def cine_geometry(self, cine: Cine) -> FrameGeometry:
        """`geometry` of a cine's frames, turned where they stand on their head for certain (`seen_turned`)."""
        return self.geometry(cine.sector, cine.scale, turned=seen_turned(cine))


@dataclass(frozen=True, eq=False)
class FrameGeometry:
    """The pixel grid of the full frame and that of the model input, and everything that goes from one to the other.

    ``aspect`` is the height of a pixel over its width. Points are ``(x, y)``, centers at whole numbers, in both grids.
    Where a frame is ``turned``, the lowest row of the sector is the uppermost of the model input.
    """

    preprocessing: Preprocessing
    sector: Sector
    aspect: float
    turned: bool = False

    @cached_property
    def size(self) -> tuple[int, int]:
        """Rows and columns of the sector's box within the model input."""
        rows, columns = self._box_size
        largest = max(rows * self.aspect, columns)
        side = self.preprocessing.image_size
        return max(1, round(side * rows * self.aspect / largest)), max(1, round(side * columns / largest))

    def to_model(self, points: ArrayLike) -> FloatArray:
        """Points ``[..., 2]`` of the full frame in pixels of the model input."""
        shift, factor, offset = self._affine
        return (self._upright(points) - shift + 0.5) * factor - 0.5 + offset

    def to_frame(self, points: ArrayLike) -> FloatArray:
        """Points ``[..., 2]`` of the model input in pixels of the full frame; the inverse of `to_model`."""
        shift, factor, offset = self._affine
        return self._upright((np.asarray(points, np.float64) - offset + 0.5) / factor - 0.5 + shift)

    def prepare(self, frames: ImageStack) -> Tensor:
        """``uint8 [T, H, W]`` full frames as normalized model input, float32 ``[T, 1, S, S]``."""
        import torch

        self._check_frames(frames.shape)
        seen = np.where(self._seen(self.sector.mask), self._seen(frames), np.uint8(0))
        gray = self._fit(torch.from_numpy(seen)[:, None].float() / _GRAY_LEVELS)
        return (gray - self.preprocessing.mean) / self.preprocessing.std

    def prepare_masks(self, masks: BoolMask) -> Tensor:
        """``bool [N, H, W]`` full-frame masks as the part of each output pixel they cover, float32 ``[N, S/2, S/2]``.

        In step with the logits of the segmenter: 1 inside, 0 outside, a fraction on the contour.
        """
        import torch
        from torch.nn import functional

        self._check_frames(masks.shape)
        covered = self._fit(torch.from_numpy(np.ascontiguousarray(self._seen(masks)))[:, None].float())
        # Rounding of the resize may leave 0..1 by a last digit, which binary cross-entropy refuses.
        return functional.avg_pool2d(covered, 2)[:, 0].clamp(0.0, 1.0)

    def restore_masks(self, logits: Tensor) -> BoolMask:
        """Where model logits ``[N, S/2, S/2]`` are above 0 in the full frame, ``bool [N, H, W]``.

        Bilinear inside the sector, nothing outside it. Raises `ModelError` for logits of another size.
        """
        side = self.preprocessing.image_size // 2
        if logits.shape[1:] != (side, side):
            raise ModelError(f"Logits must be [N, {side}, {side}] for this model", value=tuple(logits.shape))
        above, across = self._interpolation
        masks = np.zeros((logits.shape[0], *self.sector.mask.shape), bool)
        box, seen = self._cut(masks), self._cut(self.sector.mask)
        for row, one in enumerate(logits.detach().float().cpu()):
            # Between pixels that are not above 0 nothing is: only the rest is worth the work.
            wanted = (one > 0).numpy()
            rows, columns = _reached(above, wanted.any(axis=1)), _reached(across, wanted.any(axis=0))
            inside = above[rows] @ one @ across[columns].T > 0
            np.logical_and(inside.numpy(), seen[rows, columns], out=box[row, rows, columns])
        return masks

    @cached_property
    def _box_size(self) -> tuple[int, int]:
        x0, y0, x1, y1 = self.sector.box
        return y1 - y0 + 1, x1 - x0 + 1

    @cached_property
    def _padding(self) -> tuple[int, int]:
        """Black rows above and columns left of the box in the model input."""
        side = self.preprocessing.image_size
        return (side - self.size[0]) // 2, (side - self.size[1]) // 2

    @cached_property
    def _affine(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """First pixel of the box, model pixels per pixel, and place of the box in the input; each (x, y)."""
        first = np.array(self.sector.box[:2], np.float64)
        factor = np.array(self.size[::-1], np.float64) / np.array(self._box_size[::-1], np.float64)
        return first, factor, np.array(self._padding[::-1], np.float64)

    @cached_property
    def _interpolation(self) -> tuple[Tensor, Tensor]:
        """Weights of the logits' rows ``[h, S/2]`` and columns ``[w, S/2]`` in each row and column of the box.

        Bilinear interpolation is one along the rows and one along the columns: two products of matrices.
        """
        import torch

        x0, y0, x1, y1 = self.sector.box
        side = self.preprocessing.image_size // 2
        places = [
            self.to_model(np.stack([pixels, pixels], axis=-1))[:, axis]
            for axis, pixels in enumerate((np.arange(x0, x1 + 1), np.arange(y0, y1 + 1)))
        ]
        columns, rows = (
            _between_pixels((place + 0.5) / self.preprocessing.image_size * side - 0.5, side) for place in places
        )
        return torch.from_numpy(rows), torch.from_numpy(columns)

    def _cut(self, stack: NDArray[_Pixel]) -> NDArray[_Pixel]:
        x0, y0, x1, y1 = self.sector.box
        return stack[..., y0 : y1 + 1, x0 : x1 + 1]

    def _seen(self, stack: NDArray[_Pixel]) -> NDArray[_Pixel]:
        """The cut as the model sees it."""
        cut = self._cut(stack)
        return cut[..., ::-1, :] if self.turned else cut

    def _upright(self, points: ArrayLike) -> FloatArray:
        """Points of the full frame where they lie once the box is turned, or back; as they are where it is not."""
        placed = np.array(points, np.float64)
        if self.turned:
            placed[..., 1] = self.sector.box[1] + self.sector.box[3] - placed[..., 1]
        return placed

    def _fit(self, stack: Tensor) -> Tensor:
        """``[N, 1, h, w]`` of the sector's box resized into the middle of ``[N, 1, S, S]``, 0 around it."""
        from torch.nn import functional

        (top, left), (rows, columns), side = self._padding, self.size, self.preprocessing.image_size
        fitted = functional.interpolate(stack, size=self.size, mode="bilinear", align_corners=False, antialias=True)
        return functional.pad(fitted, (left, side - columns - left, top, side - rows - top))

    def _check_frames(self, shape: tuple[int, ...]) -> None:
        if len(shape) != 3 or shape[1:] != self.sector.mask.shape:
            rows, columns = self.sector.mask.shape
            raise ModelError(f"Frames and masks must be [N, {rows}, {columns}], like the sector", value=shape)


def _reached(weights: Tensor, wanted: BoolMask) -> slice:
    """The rows of ``weights [N, count]`` from the first to the last in which a ``wanted [count]`` pixel has a part."""
    places = np.flatnonzero(weights.numpy() @ wanted)
    return slice(places[0], places[-1] + 1) if places.size else slice(0)


def _between_pixels(places: FloatArray, count: int) -> NDArray[np.float32]:
    """Weights ``[N, count]`` of ``count`` pixels at N places by the straight line; the first and last go on beyond."""
    inside = np.clip(places, 0, count - 1)
    return np.maximum(0.0, 1.0 - np.abs(inside[:, None] - np.arange(count))).astype(np.float32)
