"""Ultrasound pictures of a moving heart by convolution: scatterers, point spread function, log compression.

The model follows COLE (Gao et al., IEEE UFFC 2009): scatterers carried by the tissue are summed on a polar grid as
baseband IQ and convolved with a separable, depth-dependent point spread function. Coordinates as in `views`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .anatomy import fields, tissue, truth_labels, wall_landmarks, without_trabeculae
from .aortic_valve import thick_cusps
from .canvas import Canvas
from .echogenicity import echo_level
from .heart import CAVITIES, Array, Heart, Tissue
from .valves import leaflets, strands
from .vendor_looks import Conditions, Look, Sampling
from .view_planes import Placement, cut

__all__ = ["Canvas", "Imager"]

SPEED_OF_SOUND = 1540.0
"""m/s, the value all machines assume for soft tissue."""
ELEVATION_SIGMA_MM = 2.0
APERTURE_MM = 18.0
CELL_MM2 = 0.9 * 2.6
"""Area of a nominal resolution cell, mm2."""


class Imager:
    """Pictures of one heart in one placement by one machine; all randomness comes from ``seed``.

    ``reference_phase`` is when the scatterers lie evenly in the plane (for one training frame, the frame's phase).
    """

    def __init__(
        self,
        heart: Heart,
        placement: Placement,
        look: Look,
        conditions: Conditions,
        *,
        seed: int,
        sampling: Sampling,
        reference_phase: float = 0.0,
    ) -> None:
        self.heart, self.placement, self.look, self.conditions, self.sampling = (
            heart,
            placement,
            look,
            conditions,
            sampling,
        )
        self._rng = np.random.default_rng(seed)
        self._unit = heart.shape.growth
        self.plane = cut(heart, placement)
        self._half = np.deg2rad(look.width_deg / 2)
        self._z = (np.arange(sampling.depth_samples) + 0.5) * conditions.depth_mm / sampling.depth_samples
        self._theta = np.linspace(-self._half, self._half, sampling.beams)
        self._dz = conditions.depth_mm / sampling.depth_samples
        self._dtheta = 2 * self._half / (sampling.beams - 1)
        self._wavenumber = 4 * np.pi * look.frequency_mhz * 1e6 / SPEED_OF_SOUND / 1000
        self._scatter(reference_phase)
        self._point_spread()
        self._gain = 10 ** (self._gain_db() / 20)
        self._static = self._clutter()
        self._white: float | None = None
        self._previous: Array | None = None
        self._reference_phase = reference_phase
        self._leaflet_strength = conditions.leaflets * float(self._rng.uniform(0.25, 1.0))

    # ---------------------------------------------------------------- public
    def picture(self, phase: float, canvas: Canvas) -> np.ndarray:
        """The gray picture at ``phase``, ``uint8 [rows, columns]``; call in time order, frames persist."""
        polar = self._log_compressed(self._envelope(phase))
        return self._scan_convert(polar, canvas)

    def forget(self) -> None:
        """Drops the persistence of earlier frames, for pictures that are no clip."""
        self._previous = None

    def labels(self, phase: float, canvas: Canvas) -> np.ndarray:
        """Exact tissue of every pixel at ``phase``, ``uint8 [rows, columns]`` of `Tissue`; 0 outside the sector."""
        points = canvas.points()
        inside = self.in_sector(canvas)
        material = self.heart.material(self.plane.to_heart(points[inside.ravel()]), phase)
        label = np.zeros(inside.size, np.uint8)
        label[inside.ravel()] = truth_labels(tissue(self.heart, fields(self.heart, material)))
        return label.reshape(inside.shape)

    def lv_without_trabeculae(self, phase: float, canvas: Canvas) -> np.ndarray:
        """The LV at ``phase`` without its trabecular layer, ``bool [rows, columns]``: for scores only."""
        points, inside = canvas.points(), self.in_sector(canvas)
        near = self.heart.material(self.plane.to_heart(points[inside.ravel()]), phase)
        f = fields(self.heart, near)
        cavity = np.zeros(inside.size, bool)
        cavity[inside.ravel()] = without_trabeculae(tissue(self.heart, f), f)
        return cavity.reshape(inside.shape)

    def wall_landmarks(self, phase: float) -> Array:
        """Image points (X, D) ``[4, 2]`` of `WALL_LANDMARKS` at ``phase``, in a plane that holds the long axis."""
        view = self.placement.view
        azimuth = np.deg2rad(view.azimuth_deg + self.placement.rotation_deg)
        return self.plane.to_image(wall_landmarks(self.heart, azimuth, phase))[:, :2]

    def in_sector(self, canvas: Canvas) -> np.ndarray:
        """Pixels that the beams reach, ``bool [rows, columns]``."""
        points, c = canvas.points(), self.conditions
        r, theta = self._beam_coordinates(points)
        inside = (r > 1.0) & (r < c.depth_mm - self._dz) & (np.abs(theta) < self._half)
        inside &= (points[:, 0] > -c.cut_left_mm) & (points[:, 0] < c.cut_right_mm) & (points[:, 1] >= c.cut_top_mm)
        return np.asarray(inside.reshape(canvas.rows, canvas.columns))

    # ---------------------------------------------------------------- scatterers
    def _beam_coordinates(self, image_points: Array) -> tuple[Array, Array]:
        """Depth along the beam from the probe's face (mm) and beam angle (rad)."""
        apex = self.look.virtual_apex_mm
        x, d = image_points[:, 0], image_points[:, 1] + apex
        return np.hypot(x, d) - apex, np.arctan2(x, d)

    def _scatter(self, phase: float) -> None:
        rng, apex, depth = self._rng, self.look.virtual_apex_mm, self.conditions.depth_mm
        area = self._half * ((depth + apex) ** 2 - apex**2)
        slab, cell = self.sampling.slab_mm * self._unit, CELL_MM2 * self._unit**2
        layers = 1.0 if slab == 0 else 2 * slab / (ELEVATION_SIGMA_MM * self._unit * np.sqrt(2 * np.pi))
        count = int(self.sampling.scatterers_per_cell * area / cell * layers)
        r = np.sqrt(rng.uniform(apex**2, (depth * 1.06 + apex) ** 2, count))
        theta = rng.uniform(-1.08, 1.08, count) * self._half
        image = np.stack([r * np.sin(theta), r * np.cos(theta) - apex, rng.uniform(-slab, slab, count)], axis=1)
        self._material_points = self.heart.material(self.plane.to_heart(image), phase)
        material = echo_level(self.heart, self.plane, self._material_points, image, self.conditions, rng)
        self._label = material.label
        self._amplitude = (10 ** (material.level_db / 20) * rng.standard_normal(count)).astype(np.float32)
        # An even density in the plane thins out towards the probe in polar samples.
        density = self.sampling.scatterers_per_cell / cell
        self._per_sample = density * (self._z + apex) * self._dtheta * self._dz

    def _moved(self, phase: float) -> tuple[Array, Array]:
        points = self.plane.to_image(self.heart.move(self._material_points, phase))
        amplitude = self._amplitude
        if self.sampling.slab_mm > 0:
            sigma = ELEVATION_SIGMA_MM * self._unit
            amplitude = amplitude * np.exp(-0.5 * (points[:, 2] / sigma) ** 2).astype(np.float32)
        valves = [
            self._leaflet_echoes(curve, self._leaflet_strength * strength)
            for curve, strength in leaflets(self.heart, self.placement, phase)
        ]
        valves += [self._leaflet_echoes(*cusp) for cusp in thick_cusps(self.heart, self.placement, phase)]
        valves += [self._strand_echoes(*strand) for strand in strands(self.heart, self.placement, phase)]
        points = np.concatenate([points[:, :2], *(p for p, _ in valves)])
        return points, np.concatenate([amplitude, *(a for _, a in valves)])

    def _strand_echoes(self, curve: Array, strength: float) -> tuple[Array, Array]:
        points, amplitude = self._leaflet_echoes(curve, self.conditions.strands * strength)
        away = np.interp(points[:, 1], *_by_depth(self.plane.to_image(curve)))
        return points, amplitude * np.exp(-0.5 * (away / (2.0 * self._unit)) ** 2).astype(np.float32)

    def _leaflet_echoes(self, curve: Array, strength: float) -> tuple[Array, Array]:
        # The same draw in every frame: a leaflet's speckle moves with it.
        rng = np.random.default_rng(77)
        path = self.plane.to_image(curve)[:, :2]
        pick = rng.integers(0, len(path), len(path) * 9)
        points = path[pick] + rng.normal(0, 0.38 * self._unit, (pick.size, 2))
        tangent = np.gradient(path, axis=0)[pick]
        tangent /= np.linalg.norm(tangent, axis=1, keepdims=True) + 1e-6
        beam = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-3)
        facing = np.abs(tangent[:, 0] * beam[:, 1] - tangent[:, 1] * beam[:, 0])
        return points, (strength * (0.5 + 1.9 * facing**1.5) * rng.standard_normal(pick.size)).astype(np.float32)

    # ---------------------------------------------------------------- point spread and gains
    def _point_spread(self) -> None:
        from scipy import fft

        look, z = self.look, self._z
        sigma0 = np.deg2rad(look.lateral_fwhm_deg) / 2.355
        focus = 0.55 * self.conditions.depth_mm
        defocus = 0.14 * APERTURE_MM * self._unit * np.abs(1 / np.maximum(z, 4 * self._unit) - 1 / focus)
        sigma = np.minimum(np.hypot(sigma0, defocus), 5 * sigma0)
        reach = int(np.ceil(np.deg2rad(14) / self._dtheta))
        offset = np.arange(-reach, reach + 1) * self._dtheta
        kernel = np.exp(-0.5 * (offset[None] / sigma[:, None]) ** 2)
        kernel /= np.sqrt((kernel**2).sum(1, keepdims=True))
        lobe = np.abs(np.sinc(offset / np.deg2rad(3.0))) * np.exp(-np.abs(offset) / np.deg2rad(9))
        lobe[np.abs(offset) < np.deg2rad(1.5)] = 0
        kernel += self.conditions.sidelobe * lobe / max(float(np.sqrt((lobe**2).sum())), 1e-6)
        self._padded = fft.next_fast_len(self.sampling.beams + reach, real=False)
        wrapped = np.zeros((z.size, self._padded), np.float32)
        wrapped[:, np.arange(-reach, reach + 1) % self._padded] = kernel
        self._lateral = fft.fft(wrapped, axis=1).astype(np.complex64)
        axial_sigma = look.cycles * SPEED_OF_SOUND / 1000 / look.frequency_mhz / 2 / 2.355
        half = max(2, int(np.ceil(3 * axial_sigma / self._dz)))
        axial = np.exp(-0.5 * (np.arange(-half, half + 1) * self._dz / axial_sigma) ** 2)
        self._axial = (axial / np.sqrt((axial**2).sum())).astype(np.float32)
        self._axial_sigma, self._sigma0 = axial_sigma, sigma0

    def _gain_db(self) -> Array:
        from scipy import ndimage

        rng, c, z, theta = self._rng, self.conditions, self._z, self._theta
        gain = np.zeros((z.size, theta.size))
        gain += np.interp(z, np.linspace(0, c.depth_mm, 8), rng.normal(0, c.tgc_error_db, 8))[:, None]
        gain -= c.edge_loss_db * np.clip((np.abs(theta) / self._half - 0.72) / 0.28, 0, 1)[None] ** 2
        for _ in range(c.shadows):
            center = rng.choice([-1, 1]) * rng.uniform(0.35, 1.0) * self._half
            width, start, loss = np.deg2rad(rng.uniform(3, 9)), rng.uniform(8, 50) * self._unit, rng.uniform(5, 20)
            gain -= (
                loss * np.exp(-0.5 * ((theta - center) / width) ** 2)[None] / (1 + np.exp(-(z - start) / 5))[:, None]
            )
        for _ in range(3):
            ripple = np.sin(theta / self._half * rng.uniform(2, 9) + rng.uniform(0, 6))
            gain += rng.normal(0, c.aberration_db) * ripple[None] * np.clip(z / c.depth_mm * 1.3, 0, 1)[:, None]
        field = ndimage.gaussian_filter(rng.normal(size=(30, 20)), 2.2)
        zoomed = ndimage.zoom(field / field.std(), (z.size / 30, theta.size / 20), order=1)
        return np.asarray(gain + c.gain_field_db * zoomed[: z.size, : theta.size])

    def _clutter(self) -> Array:
        """Static near-field rings and haze, complex ``[depth, beam]``."""
        rng, c, z, theta = self._rng, self.conditions, self._z / self._unit, self._theta
        rings = 1 + 0.6 * np.cos(2 * np.pi * z / rng.uniform(3, 6)) * np.exp(-z / 14)
        near = self._speckle(1.5, 3.0) * (1.6 * c.clutter * np.exp(-z / rng.uniform(6, 11)) * rings)[:, None]
        center = rng.uniform(-0.6, 0.6) * self._half
        spread = 0.35 + np.exp(-0.5 * ((theta - center) / (self._half * 0.5)) ** 2)
        haze = self._speckle(1.2, 1.5) * (0.035 * c.haze * np.exp(-z / rng.uniform(40, 80)))[:, None] * spread[None]
        if c.near_haze > 0:
            fog = self._speckle(1.2, 1.5) * (c.near_haze * np.exp(-((self._z / c.near_haze_mm) ** 2)))[:, None]
            near = near + fog * (0.6 + 0.4 * spread[None])
        return np.asarray((near + haze).astype(np.complex64))

    def _speckle(self, axial: float, lateral: float) -> Array:
        from scipy import ndimage

        sigma = (self._axial_sigma / self._dz * axial, self._sigma0 / self._dtheta * lateral)
        shape = (self._z.size, self._theta.size)
        field = ndimage.gaussian_filter(self._rng.normal(size=shape), sigma) + 1j * ndimage.gaussian_filter(
            self._rng.normal(size=shape), sigma
        )
        return np.asarray(field / np.abs(field).mean())

    # ---------------------------------------------------------------- one frame
    def _splat(self, phase: float) -> Array:
        """Scatterers summed on the polar grid with bilinear weights, baseband IQ ``complex64 [depth, beam]``."""
        points, amplitude = self._moved(phase)
        r, theta = self._beam_coordinates(points)
        row, column = r / self._dz - 0.5, (theta + self._half) / self._dtheta
        rows, columns = self.sampling.depth_samples, self.sampling.beams
        keep = (row >= 0) & (row < rows - 1) & (column >= 0) & (column < columns - 1)
        row, column = row[keep], column[keep]
        echo = amplitude[keep] * np.exp(-1j * self._wavenumber * r[keep])
        r0, c0 = row.astype(int), column.astype(int)
        fr, fc = row - r0, column - c0
        base = r0 * columns + c0
        total = np.zeros(rows * columns, np.complex128)
        corners = ((0, (1 - fr) * (1 - fc)), (1, (1 - fr) * fc), (columns, fr * (1 - fc)), (columns + 1, fr * fc))
        for shift, weight in corners:
            value = echo * weight
            total.real += np.bincount(base + shift, value.real, rows * columns)
            total.imag += np.bincount(base + shift, value.imag, rows * columns)
        return total.reshape(rows, columns).astype(np.complex64)

    def _envelope(self, phase: float) -> Array:
        from scipy import fft, ndimage

        iq = ndimage.convolve1d(self._splat(phase), self._axial, axis=0, mode="constant")
        spectrum = fft.fft(iq, n=self._padded, axis=1) * self._lateral
        iq = fft.ifft(spectrum, axis=1)[:, : self.sampling.beams]
        iq = iq / np.sqrt(np.maximum(self._per_sample, 1e-6))[:, None] * self._gain
        iq = iq + self._static + self._speckle_noise()
        smooth = self.look.smoothing
        envelope = np.abs(iq)
        if smooth > 0:
            sigma = (smooth * 0.22 / self._dz, smooth * 0.5 * np.deg2rad(0.45) / self._dtheta)
            envelope = np.sqrt(ndimage.gaussian_filter(envelope**2, sigma))
        if self._previous is not None and self.look.persistence > 0:
            keep = self.look.persistence
            envelope = (1 - keep) * envelope + keep * self._previous
        self._previous = envelope
        return np.asarray(envelope)

    def _speckle_noise(self) -> Array:
        depth = self.conditions.depth_mm
        rise = 26 * np.clip(self._z - 0.5 * depth, 0, None) / depth
        shape = (2, self._z.size, self._theta.size)
        noise = self._rng.standard_normal(shape, dtype=np.float32)
        level = 10 ** ((self.conditions.noise_db + rise) / 20) * 1.9
        return np.asarray((noise[0] + 1j * noise[1]) * level[:, None].astype(np.float32))

    def _log_compressed(self, envelope: Array) -> Array:
        if self._white is None:
            self._white = self._myocardium_level(envelope) * 10 ** (self.look.headroom_db / 20)
        db = 20 * np.log10(envelope / self._white + 1e-6)
        span = self.look.dynamic_range_db
        return np.asarray(255 * np.clip((db + span) / span, 0, 1) ** self.look.gamma)

    def _myocardium_level(self, envelope: Array) -> float:
        """Median envelope in muscle: the automatic gain every machine starts from; without muscle, in all but blood."""
        muscle = np.isin(self._label, (Tissue.LV_MYO, Tissue.RV_WALL))
        seen = self._seen(envelope, muscle)
        return float(np.median(seen if seen.size else self._seen(envelope, ~np.isin(self._label, CAVITIES))))

    def _seen(self, envelope: Array, material: NDArray[np.bool_]) -> Array:
        """The envelope where these scatterers are seen."""
        points = self.plane.to_image(self.heart.move(self._material_points[material], self._reference_phase))
        r, theta = self._beam_coordinates(points)
        row, column = (r / self._dz).astype(int), ((theta + self._half) / self._dtheta).astype(int)
        keep = (row >= 0) & (row < envelope.shape[0]) & (column >= 0) & (column < envelope.shape[1])
        return np.asarray(envelope[row[keep], column[keep]])

    def _scan_convert(self, polar: Array, canvas: Canvas) -> np.ndarray:
        from scipy import ndimage

        inside = self.in_sector(canvas)
        r, theta = self._beam_coordinates(canvas.points()[inside.ravel()])
        where = np.stack([r / self._dz - 0.5, (theta + self._half) / self._dtheta])
        gray = ndimage.map_coordinates(polar.astype(np.float32), where, order=1, mode="nearest")
        picture = np.zeros(inside.shape, np.uint8)
        picture[inside] = np.clip(gray, 0, 255).astype(np.uint8)
        return picture


def _by_depth(image_points: Array) -> tuple[Array, Array]:
    """Depth and distance from the plane along a curve of image points (X, D, E), in order of depth."""
    order = np.argsort(image_points[:, 1])
    return image_points[order, 1], image_points[order, 2]
