"""What is done to a simulated frame before the network sees it: crops, proportions, flips, tone and damage.

Real clips are cropped, squashed, darker, softer and more broken than any simulator draws (the ranges here are choices
of this project). Geometry moves picture and labels together; tone touches the picture alone.
"""

from __future__ import annotations

import numpy as np

from ..simulation.heart import CAVITIES


def augment(
    image: np.ndarray,
    label: np.ndarray,
    points: np.ndarray,
    size: int,
    rng: np.random.Generator,
    *,
    mirrored: float = 0.15,
    tone: float = 1.0,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One frame, its labels (both ``uint8 [H, W]``) and its points ``[L, 2]`` (x, y), as seen by another machine.

    ``mirrored`` is the share of frames that are mirrored; ``tone`` scales how far brightness and contrast are changed,
    0 for not at all. Gives back ``uint8 [size, size]`` twice and the points in pixels of that picture; NaN stays NaN.
    """
    import cv2

    matrix = _geometry(image.shape[0], size, rng, mirrored)
    sharp = _without_alias(image, matrix)
    shrunk = cv2.warpAffine(sharp, matrix, (size, size), flags=cv2.INTER_LINEAR)
    moved = cv2.warpAffine(label, matrix, (size, size), flags=cv2.INTER_NEAREST)
    if rng.random() < 0.35:
        shrunk, moved = _cropped_edges(shrunk, moved, rng)
    if rng.random() < 0.35:
        shrunk = _emptied(shrunk, moved, rng)
    return _tone(shrunk, rng, tone), moved, points @ matrix[:, :2].T + matrix[:, 2]


def _without_alias(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """The image softened as averaging over the larger pixels of the target would; warping takes single pixels."""
    import cv2

    shrinking = 1 / np.sqrt(abs(np.linalg.det(matrix[:, :2])))
    if shrinking <= 1:
        return image
    return np.asarray(cv2.GaussianBlur(image, (0, 0), max(0.3, 0.5 * float(np.sqrt(shrinking**2 - 1)))))


def _geometry(source: int, size: int, rng: np.random.Generator, mirrored: float) -> np.ndarray:
    """Affine map of source pixels to target pixels: scale, proportions, tilt, shift and mirroring."""
    base = size / source
    scale = base * float(np.exp(rng.uniform(np.log(0.85), np.log(1.45))))
    squash = float(np.exp(rng.normal(0, 0.08)))
    flip = -1.0 if rng.random() < mirrored else 1.0
    angle = np.deg2rad(rng.normal(0, 6))
    rotate = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    linear = rotate @ np.diag([flip * scale * squash, scale / squash])
    slack = max(0.03, 0.5 * abs(scale / base - 1))
    center = (size - 1) / 2 + rng.uniform(-slack, slack, 2) * size
    shift = center - linear @ np.full(2, (source - 1) / 2)
    return np.column_stack([linear, shift])


def _cropped_edges(image: np.ndarray, label: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Black bars where a display or an earlier user cut the sector."""
    image, label = image.copy(), label.copy()
    cut = int(rng.uniform(0.02, 0.18) * image.shape[0])
    for axis, end in ((0, 0), (0, 1), (1, 0), (1, 1)):
        if rng.random() < 0.3:
            bar: list[slice] = [slice(None), slice(None)]
            bar[axis] = slice(0, cut) if end == 0 else slice(image.shape[axis] - cut, None)
            image[tuple(bar)], label[tuple(bar)] = 0, 0
    return image, label


def _emptied(image: np.ndarray, label: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Cavities without valves and echoes in them, darker or only without what is bright; their edges stay as they are.

    Open leaflets of a real heart are often invisible: where a cavity ends must be told from its walls, too.
    """
    import cv2

    depth = cv2.distanceTransform(np.isin(label, CAVITIES).astype(np.uint8), cv2.DIST_L2, 3)
    inside = np.clip((depth - 2) / 3, 0, 1)
    if not inside.any():
        return image
    least = np.minimum(image, np.percentile(image[inside > 0], rng.uniform(10, 90)))
    return np.asarray(image + inside * (least - image)).astype(np.uint8)


def _tone(image: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    gray = image.astype(np.float32) / 255
    curve, gain = rng.normal(0.1, 0.35), rng.uniform(-0.6, 0.25)
    gray = gray ** np.float32(np.exp(strength * curve)) * np.float32(1 + strength * gain)
    if rng.random() < 0.5:
        gray = _uneven(gray, rng, strength)
    if rng.random() < 0.4:
        gray = _hazy(gray, rng, strength)
    gray = _resolution(gray, rng)
    if rng.random() < 0.4:
        gray = gray + (gray > 0) * rng.normal(0, rng.uniform(0.005, 0.05), gray.shape).astype(np.float32)
    picture = np.clip(gray * 255, 0, 255).astype(np.uint8)
    return _compressed(picture, rng) if rng.random() < 0.3 else picture


def _uneven(gray: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Broad bright and dark areas: whole walls missing, one side black."""
    import cv2

    knots = (strength * rng.normal(0, rng.uniform(2, 7), (5, 5))).astype(np.float32)
    db = cv2.resize(knots, gray.shape[::-1], interpolation=cv2.INTER_CUBIC)
    return np.asarray(gray * 10 ** (np.minimum(db, 6) / 20))


def _hazy(gray: np.ndarray, rng: np.random.Generator, strength: float) -> np.ndarray:
    """Speckled haze over parts of the sector, as reverberation and clutter lay it over cavities."""
    import cv2

    knots = (rng.uniform(0, 1, (4, 4)) ** 2).astype(np.float32)
    field = np.clip(cv2.resize(knots, gray.shape[::-1], interpolation=cv2.INTER_CUBIC), 0, None)
    speckle = cv2.GaussianBlur(rng.rayleigh(0.8, gray.shape).astype(np.float32), (0, 0), float(rng.uniform(0.5, 1.5)))
    return np.asarray(gray + _sector(gray) * field * speckle * np.float32(strength * rng.uniform(0.05, 0.35)))


def _sector(gray: np.ndarray) -> np.ndarray:
    """Where there is a picture, 0 or 1: a sector is convex but for its tip, and cavities in it may be black."""
    import cv2

    inside = np.zeros(gray.shape, np.uint8)
    lit = cv2.findNonZero((gray > 1 / 255).astype(np.uint8))
    return inside if lit is None else np.asarray(cv2.fillConvexPoly(inside, cv2.convexHull(lit), 1))


def _resolution(gray: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Softer speckle, or the blockiness of a small original."""
    import cv2

    choice = rng.random()
    if choice < 0.45:
        return np.asarray(cv2.GaussianBlur(gray, (0, 0), float(rng.uniform(0.4, 1.6))))
    if choice < 0.6:
        small = cv2.resize(gray, None, fx=(f := float(rng.uniform(0.4, 0.8))), fy=f, interpolation=cv2.INTER_AREA)
        return np.asarray(cv2.resize(small, gray.shape[::-1], interpolation=cv2.INTER_LINEAR))
    if choice < 0.7:
        return np.asarray(cv2.bilateralFilter(gray, 5, float(rng.uniform(0.1, 0.3)), 3))
    return gray


def _compressed(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    import cv2

    data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(35, 90))])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_GRAYSCALE))
