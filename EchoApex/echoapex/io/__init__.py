"""Cines in, masks in and out. Each format has its own file; all refuse in one sentence with `ReadError`."""

from .clip_finding import summarize
from .existing_file import check_any_is_there, is_folder
from .frame_series import describe_series, find_series, read_series
from .guarded_reading import (
    check_clip,
    describe,
    guarded,
    read_cine,
    shows_only_a_trace,
    sort_out,
    start_reading,
    use_python,
)
from .mask_files import Masks, check_masks_file, read_masks, write_masks
from .sector_detection import find_sector

__all__ = [
    "Masks",
    "check_any_is_there",
    "check_clip",
    "check_masks_file",
    "describe",
    "describe_series",
    "find_sector",
    "find_series",
    "guarded",
    "is_folder",
    "read_cine",
    "read_masks",
    "read_series",
    "shows_only_a_trace",
    "sort_out",
    "start_reading",
    "summarize",
    "use_python",
    "write_masks",
]
