"""The normalized LV volume through one beat.

Timing: ejection time LVET[s] = 0.413 - 0.0017 HR (Weissler, Circulation 1968, regression for men), isovolumic
contraction 50 ms, isovolumic relaxation 70 ms; E filling, diastasis and atrial kick as knots of a monotone curve.
"""

from __future__ import annotations

import numpy as np

_SAMPLES = 2048


class VolumeCurve:
    """Normalized volume: 1 at ED, 0 at ES, called with a phase (any real number, 1 is the next R wave)."""

    def __init__(self, heart_rate: float) -> None:
        from scipy.interpolate import PchipInterpolator

        period = self._period = 60.0 / heart_rate
        start = min(0.05 / period, 0.12)
        self.ejection_phase = start
        self.es_phase = min(start + (0.413 - 0.0017 * heart_rate) / period, 0.62)
        rest = min(self.es_phase + 0.07 / period, 0.74)
        self.filling_phase = rest
        eject, fill = self.es_phase - start, 1 - rest
        phase = [0, start, *(start + np.array([0.25, 0.55, 0.85]) * eject), self.es_phase]
        volume = [1, 1, 0.66, 0.27, 0.045, 0]
        phase += [rest, *(rest + np.array([0.18, 0.36, 0.55, 0.72, 0.90]) * fill), 1.0]
        volume += [0.0, 0.40, 0.702, 0.757, 0.78, 0.97, 1.0]
        self._grid = np.linspace(0, 1, _SAMPLES)
        self._values = np.clip(PchipInterpolator(phase, volume)(self._grid), 0, 1)

    def __call__(self, phase: float) -> float:
        return float(np.interp(phase % 1.0, self._grid, self._values))

    def mitral_opening(self, phase: float) -> float:
        """How far the mitral leaflets are open, 0 to 1: closed in systole, E peak, half closed, A peak."""
        phase = phase % 1.0
        if phase < 0.02 or phase < self.filling_phase:
            return 0.0
        x = (phase - self.filling_phase) / (1 - self.filling_phase)
        return float(np.interp(x, [0, 0.12, 0.3, 0.5, 0.68, 0.82, 0.93, 1], [0, 1, 0.85, 0.45, 0.4, 0.8, 0.55, 0]))

    def aortic_opening(self, phase: float) -> float:
        """How far the aortic cusps are open, 0 to 1: during ejection, with 20 ms to open and to close (own choice)."""
        phase = phase % 1.0
        edge = 0.02 / self._period
        start, end = self.ejection_phase, self.es_phase
        return float(np.interp(phase, [start, start + edge, end - edge, end], [0, 1, 0.9, 0]))
