"""Designs of machines' screens: where sector, panels, text, ruler, gray bar and ECG lie, and their colors.

The designs are this project's own; what they share with real machines are the kinds of things and where they lie.
Lengths are shares of the screen's width and height.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Box = tuple[float, float, float, float]
"""Left, top, right and bottom as shares of the screen."""
Color = tuple[int, int, int]


@dataclass(frozen=True)
class Panel:
    """A filled area with ``rows`` x ``columns`` buttons in it; ``titled`` buttons carry words, others a sign."""

    box: Box
    color: Color
    rows: int = 0
    columns: int = 0
    titled: bool = True


@dataclass(frozen=True)
class Interface:
    """One design. The sector lies in ``picture``; ``words`` is where lines of text begin (left, top) and their number.

    ``ecg`` is the middle and the height of the trace, over the sector where they meet; ``sweeping`` traces are written
    over from left to right, others scroll. ``ruler`` is the side of the depth marks, ``gray_bar`` that of the gray bar.
    """

    name: str
    picture: Box = (0.0, 0.0, 1.0, 1.0)
    background: int = 0
    ink: Color = (200, 200, 200)
    panels: tuple[Panel, ...] = ()
    words: tuple[tuple[float, float, int], ...] = ()
    ecg: tuple[float, float] | None = None
    ecg_color: Color = (90, 200, 90)
    sweeping: bool = True
    ruler: Literal["left", "right", "none"] = "right"
    gray_bar: Literal["left", "right", "none"] = "none"
    mark: Literal["dot", "triangle", "bar"] = "dot"


INTERFACES: dict[str, Interface] = {
    design.name: design
    for design in (
        Interface(
            "granite",
            picture=(0.10, 0.10, 0.92, 0.90),
            ink=(205, 205, 205),
            panels=(
                Panel((0.0, 0.0, 1.0, 0.10), (28, 28, 28), 1, 9),
                Panel((0.0, 0.10, 0.06, 0.90), (38, 38, 40), 6, 1, titled=False),
                Panel((0.95, 0.10, 1.0, 0.90), (38, 38, 40), 7, 1),
                Panel((0.0, 0.91, 1.0, 1.0), (32, 32, 34), 1, 11),
            ),
            words=((0.075, 0.14, 2),),
            ecg=(0.86, 0.05),
            ecg_color=(150, 150, 150),
            gray_bar="left",
        ),
        Interface(
            "harbor",
            picture=(0.16, 0.03, 0.98, 0.88),
            words=((0.01, 0.04, 9), (0.01, 0.62, 4)),
            ecg=(0.94, 0.07),
            ruler="left",
            gray_bar="right",
            mark="triangle",
        ),
        Interface(
            "paper",
            picture=(0.14, 0.12, 0.86, 0.94),
            background=96,
            ink=(235, 235, 235),
            panels=(
                Panel((0.0, 0.0, 1.0, 0.11), (150, 152, 158), 1, 6),
                Panel((0.14, 0.12, 0.86, 0.94), (0, 0, 0)),
                Panel((0.0, 0.12, 0.13, 1.0), (120, 122, 128), 8, 1),
            ),
            words=((0.87, 0.16, 7),),
            ecg=(0.90, 0.05),
            ecg_color=(220, 220, 60),
            sweeping=False,
        ),
        Interface(
            "meadow",
            picture=(0.02, 0.17, 0.80, 0.99),
            ink=(170, 215, 190),
            panels=(Panel((0.82, 0.0, 1.0, 1.0), (18, 34, 30), 10, 2),),
            words=((0.02, 0.03, 1),),
            ecg=(0.12, 0.07),
            ecg_color=(80, 230, 120),
            sweeping=False,
            gray_bar="right",
            mark="bar",
        ),
        Interface(
            "quartz",
            picture=(0.04, 0.02, 0.96, 0.98),
            words=((0.01, 0.03, 5), (0.80, 0.03, 6)),
            ecg=(0.93, 0.06),
            ecg_color=(60, 220, 60),
            mark="triangle",
        ),
        Interface(
            "tern",
            picture=(0.0, 0.07, 1.0, 0.86),
            ink=(240, 240, 240),
            panels=(
                Panel((0.0, 0.0, 1.0, 0.06), (12, 12, 16)),
                Panel((0.0, 0.87, 1.0, 1.0), (22, 22, 30), 1, 5, titled=False),
            ),
            words=((0.02, 0.02, 1),),
            ruler="left",
        ),
        Interface(
            "copper",
            picture=(0.20, 0.02, 1.0, 0.84),
            background=14,
            ink=(225, 190, 140),
            panels=(
                Panel((0.0, 0.0, 0.19, 1.0), (44, 36, 30), 12, 2),
                Panel((0.20, 0.93, 1.0, 1.0), (44, 36, 30), 1, 8),
            ),
            words=((0.82, 0.05, 5),),
            ecg=(0.885, 0.06),
            ecg_color=(230, 160, 60),
            gray_bar="right",
            mark="bar",
        ),
    )
}
"""The designs by name."""
