"""Cines in, masks in and out. Each format has its own file; all refuse in one sentence with `ReadError`."""

from .cine_reading import describe, read_cine
from .clip_finding import list_clips, sort_out, summarize
from .mask_files import Masks, check_masks_file, read_masks, write_masks
from .sector_detection import find_sector

__all__ = [
    "Masks",
    "check_masks_file",
    "describe",
    "find_sector",
    "list_clips",
    "read_cine",
    "read_masks",
    "sort_out",
    "summarize",
    "write_masks",
]
