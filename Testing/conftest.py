"""What all tests share: Hypothesis without deadlines, since a busy machine is no defect."""

from __future__ import annotations

from hypothesis import settings

settings.register_profile("echoapex", deadline=None, print_blob=True)
settings.load_profile("echoapex")
