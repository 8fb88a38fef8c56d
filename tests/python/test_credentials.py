"""Content credentials, where c2pa-python is installed: signed without a network, read back, or broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile  # type: ignore[import-untyped]

from loquor import Audio, InvalidInputError, Metrics
from loquor.audio.credentials import credentials_in, sign_file
from loquor.audio.provenance import Provenance, provenance_in
from loquor.cli import main

AUDIO = Audio(
    (0.1 * np.sin(np.arange(12_000) * 0.05)).astype(np.float32), 24_000, Metrics(0, 0, 0, 0, 0, 0, 0, 0.5),
    provenance=Provenance("mini", "0123456789abcdef", "loquor/0.1.0"),
)  # fmt: skip


def test_without_the_library_it_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    AUDIO.save(tmp_path / "a.wav")
    with pytest.raises(InvalidInputError, match=r"loquor\[c2pa\]"):
        sign_file(tmp_path / "a.wav", tmp_path / "chain.pem", tmp_path / "key.pem")
    assert credentials_in(tmp_path / "a.wav") is None


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the certificate chain and the key of nobody in particular."""
    pytest.importorskip("c2pa")
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    folder = tmp_path_factory.mktemp("signer")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], cwd=folder, check=True, capture_output=True)

    new_key = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    (folder / "uses").write_text(
        "keyUsage=critical,digitalSignature\nextendedKeyUsage=emailProtection\n"
        "basicConstraints=critical,CA:false\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n"
    )
    openssl(
        "req", "-x509", *new_key, "-keyout", "ca.key", "-out", "ca.pem", "-days", "30", "-subj", "/CN=A/O=A"
    )
    openssl("req", *new_key, "-keyout", "own.key", "-out", "own.csr", "-subj", "/CN=Nobody/O=Nobody")
    openssl("x509", "-req", "-in", "own.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-out",
            "own.pem", "-days", "10", "-extfile", "uses")  # fmt: skip
    openssl("pkcs8", "-topk8", "-nocrypt", "-in", "own.key", "-out", "key.pem")
    (folder / "chain.pem").write_bytes((folder / "own.pem").read_bytes() + (folder / "ca.pem").read_bytes())
    return folder


@pytest.mark.parametrize("format", ["wav", "flac", "mp3"])
def test_a_signed_file_says_so(format: str, signer: Path, tmp_path: Path) -> None:
    file = tmp_path / f"a.{format}"
    AUDIO.save(file)
    before, _ = soundfile.read(file)
    assert credentials_in(file) is None
    arguments = ["--certificates", str(signer / "chain.pem"), "--key", str(signer / "key.pem"), "-q"]
    assert main(["sign", str(file), *arguments]) == 0
    found = credentials_in(file)
    assert found is not None
    assert (found.state, found.ai_generated) == ("Valid", True)
    assert "Nobody" in found.signer
    assert provenance_in(file) == AUDIO.provenance
    assert np.array_equal(soundfile.read(file)[0], before)
    if format == "wav":
        content = bytearray(file.read_bytes())
        content[1000] ^= 1  # a sample
        file.write_bytes(content)
        broken = credentials_in(file)
        assert broken is not None
        assert broken.state == "Invalid"


def test_what_cannot_be_signed_is_refused(signer: Path, tmp_path: Path) -> None:
    AUDIO.save(tmp_path / "a.ogg")
    AUDIO.save(tmp_path / "a.wav")
    before = (tmp_path / "a.wav").read_bytes()
    with pytest.raises(InvalidInputError, match="cannot sign"):
        sign_file(tmp_path / "a.ogg", signer / "chain.pem", signer / "key.pem")
    with pytest.raises(InvalidInputError, match="algorithm"):
        sign_file(tmp_path / "a.wav", signer / "chain.pem", signer / "key.pem", algorithm="none")
    for certificates, key in (("missing", "key.pem"), ("key.pem", "chain.pem"), ("chain.pem", "uses")):
        with pytest.raises(InvalidInputError, match="cannot sign"):
            sign_file(tmp_path / "a.wav", signer / certificates, signer / key)
    assert (tmp_path / "a.wav").read_bytes() == before
