"""A small untrained model saved once for the engine's tests; torch is imported where a test asks for the model only."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from echoapex import resources
from echoapex.models.installed_models import MODELS_VARIABLE


@pytest.fixture(scope="session")
def saved_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model's folder, which no test may change."""
    from store_cases import CARD, tiny_segmenter

    from echoapex.models.model_loading import save_model

    folder = tmp_path_factory.mktemp("saved") / "tiny-test"
    save_model(folder, tiny_segmenter(), CARD)
    return folder


@pytest.fixture
def copied_model(saved_model: Path, tmp_path: Path) -> Path:
    """A copy of the saved model that a test may damage."""
    return Path(shutil.copytree(saved_model, tmp_path / "tiny-test"))


@pytest.fixture
def shipped_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of shipped models, empty as the user's is in this test."""
    shipped = tmp_path / "shipped"
    (shipped / "Models").mkdir(parents=True)
    monkeypatch.setenv(MODELS_VARIABLE, str(tmp_path / "user"))
    monkeypatch.setattr(resources, "_INSTALLED", shipped)
    return shipped / "Models"


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Torch computes with one thread: gradients are then the same each time."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
