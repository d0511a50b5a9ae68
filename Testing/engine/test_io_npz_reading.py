"""Arrays from files that may be cut, damaged or hostile: they come back as they were, or it is a sentence."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from echoapex.errors import EchoApexError
from echoapex.io.npz_reading import npz_forms, npz_names, read_npz

RULE = "These arrays cannot be read"
KINDS = st.sampled_from(["u1", "<f4", ">f8", "i8", "?", "<U3"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(values=hnp.arrays(KINDS, hnp.array_shapes(max_side=4)), packed=st.booleans(), turned=st.booleans())
def test_arrays_come_back_as_they_were(tmp_path: Path, values: np.ndarray, packed: bool, turned: bool) -> None:
    given_ = np.asfortranarray(values) if turned else values
    (np.savez_compressed if packed else np.savez)(tmp_path / "a.npz", a=given_, b=np.arange(3))
    found = read_npz(tmp_path / "a.npz", ["a"], RULE)["a"]
    assert found.dtype == values.dtype and found.shape == values.shape
    assert found.tobytes() == np.ascontiguousarray(values).tobytes()
    assert npz_names(tmp_path / "a.npz", RULE) == ("a", "b")
    assert npz_forms(tmp_path / "a.npz", RULE)["a"] == (values.shape, values.dtype)


def written(path: Path, header: str, data: bytes = b"", version: bytes = b"\x01\x00") -> None:
    """A file whose array says of itself what ``header`` says."""
    text = header.encode() + b"\n"
    whole = b"\x93NUMPY" + version + len(text).to_bytes(2, "little") + text + data
    with ZipFile(path, "w", ZIP_DEFLATED) as made:
        made.writestr("a.npy", whole)


def saying(shape: str, kind: str = "|u1") -> str:
    return f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}"


def pickled(path: Path) -> None:
    data = io.BytesIO()
    np.save(data, np.array([print], object), allow_pickle=True)
    with ZipFile(path, "w") as made:
        made.writestr("a.npy", data.getvalue())


HOSTILE: dict[str, Callable[[Path], object]] = {
    "more than there is": lambda path: written(path, saying("(1000000000000,)"), b"x"),
    "more than any memory": lambda path: written(path, saying("(2**62, 2**62)"), b"x"),
    "no numbers at all": lambda path: written(path, saying("(4611686018427387904, 4611686018427387904)"), b"x"),
    "fewer than there are": lambda path: written(path, saying("(1,)"), b"xx"),
    "a negative side": lambda path: written(path, saying("(-2, -1)"), b"xx"),
    "a side of a fraction": lambda path: written(path, saying("(1.0,)"), b"x"),
    "a type that is none": lambda path: written(path, saying("(1,)", "what"), b"x"),
    "objects": pickled,
    "deep": lambda path: written(path, "(" * 5000),
    "long": lambda path: written(path, " " * 60_000 + saying("(1,)"), b"x"),
    "no header": lambda path: written(path, "", b""),
    "another version": lambda path: written(path, saying("(1,)"), b"x", b"\x09\x00"),
    "another name": lambda path: np.savez(path, b=np.zeros(3)),
    "cut": lambda path: (np.savez(path, a=np.zeros(300)), path.write_bytes(path.read_bytes()[:-40])),
    "cut within": lambda path: (np.savez(path, a=np.zeros(300)), path.write_bytes(path.read_bytes()[:400])),
    "one byte changed": lambda path: (
        np.savez(path, a=np.zeros(300)),
        path.write_bytes(path.read_bytes()[:900] + b"!" + path.read_bytes()[901:]),
    ),
    "no archive": lambda path: path.write_bytes(b"\x93NUMPY"),
    "a folder": lambda path: path.mkdir(),
    "not there": lambda path: None,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_read_is_refused_in_a_sentence(name: str, tmp_path: Path) -> None:
    HOSTILE[name](tmp_path / "a.npz")
    with pytest.raises(EchoApexError, match=rf"a\.npz: {RULE}") as refusal:
        read_npz(tmp_path / "a.npz", ["a"], RULE)
    assert "\n" not in str(refusal.value) and len(str(refusal.value)) < 700
