"""Damaged and hostile files of models: a ModelFormatError or the same answers, and never code, other errors or much memory."""

import json
import os
import pickle
import random
import resource
import subprocess
import sys
import zlib

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from saved_models import GOLDEN, answers, assert_same

from skrec import ModelFormatError, load
from skrec.persistence._container import Content, read_content, write_content

pytestmark = pytest.mark.usefixtures("one_thread")
NAMES = ["EASERecommender", "GRU4RecRecommender", "ColdStartRecommender"]


@pytest.fixture
def file(tmp_path):
    return tmp_path / "model.skrec"


def golden(name):
    return (GOLDEN / f"{name}.skrec").read_bytes()


def is_refused(content, file):
    file.write_bytes(content)
    try:
        load(file)
    except ModelFormatError:
        return True
    return False


def header_length(content):
    return int.from_bytes(content[:8], "little")


def with_checksum(content):
    """The content with the right checksum, as somebody would make it who means harm."""
    place = content.index(b'\\"checksum\\":\\"') + len(b'\\"checksum\\":\\"')
    blank = content[:place] + b"0" * 8 + content[place + 8 :]
    return content[:place] + b"%08x" % zlib.crc32(blank) + content[place + 8 :]


def rewritten(file, name, change):
    """Write a golden file with a changed document or changed tensors and the right checksum."""
    document, tensors = read_content(GOLDEN / f"{name}.skrec")
    del document["checksum"]
    change(document, tensors)
    with open(file, "wb") as opened:
        write_content(opened, Content(document, tensors))
    return file


def flipped(content, bit):
    changed = bytearray(content)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


class TestDamage:
    @pytest.mark.parametrize("name", NAMES)
    def test_some_flipped_bits(self, name, file):
        content, rng = golden(name), random.Random(0)
        bits = [rng.randrange(8 * len(content)) for _ in range(40)] + [rng.randrange(64 + 8 * 400) for _ in range(40)]
        assert all(is_refused(flipped(content, bit), file) for bit in bits)

    @pytest.mark.parametrize("name", NAMES)
    def test_some_lengths(self, name, file):
        content = golden(name)
        lengths = {0, 1, 7, 8, 9, 40, header_length(content), header_length(content) + 8, len(content) - 1}
        assert all(is_refused(content[:length], file) for length in lengths)
        assert is_refused(content + b"\0", file) and is_refused(content + content, file)

    @pytest.mark.faults
    @pytest.mark.parametrize("name", NAMES)
    def test_every_length(self, name, file):
        content = golden(name)
        assert [length for length in range(len(content)) if not is_refused(content[:length], file)] == []

    @pytest.mark.faults
    @pytest.mark.parametrize("name", NAMES)
    def test_two_thousand_flipped_bits_in_header_and_tensors(self, name, file):
        content, rng = golden(name), random.Random(1)
        end = 8 * (8 + header_length(content))
        bits = [rng.randrange(end) for _ in range(1000)] + [rng.randrange(end, 8 * len(content)) for _ in range(1000)]
        assert [bit for bit in bits if not is_refused(flipped(content, bit), file)] == []

    @pytest.mark.faults
    def test_flipped_bits_with_the_right_checksum_are_refused_or_read(self, file):
        """Any error but a ModelFormatError fails the test. Changed numbers cannot be noticed."""
        content, rng = golden("MFRecommender"), random.Random(2)
        for _ in range(2000):
            is_refused(with_checksum(flipped(content, rng.randrange(8 * 80, 8 * len(content)))), file)

    @pytest.mark.faults
    def test_a_killed_process_leaves_the_old_file_or_the_new_one(self, file):
        code = "import sys, skrec\nmodel = skrec.load(sys.argv[1])\nprint(flush=True)\nwhile True: model.save(sys.argv[2])"
        for _ in range(5):
            arguments = [sys.executable, "-c", code, str(GOLDEN / "EASERecommender.skrec"), str(file)]
            with subprocess.Popen(arguments, stdout=subprocess.PIPE) as process:
                process.stdout.readline()
                for _ in range(30):
                    if file.exists():
                        load(file)
                process.kill()
            if file.exists():
                assert_same(answers(load(file)), answers(load(GOLDEN / "EASERecommender.skrec")))


class TestForeignFiles:
    def test_other_peoples_safetensors(self, file):
        for metadata in (None, {"format": "pt"}, {"skrec": "{}"}, {"skrec": '{"checksum":"00000000"}'}):
            save_file({"weight": np.ones((2, 2), np.float32)}, file, metadata)
            with pytest.raises(ModelFormatError, match=r"model\.skrec cannot be loaded"):
                load(file)

    def test_other_files(self, file):
        torch.save({"a": torch.ones(2)}, file)
        others = [file.read_bytes(), pickle.dumps([1]), b"", b"{}", b"\0" * 1000, b"PK\3\4", os.urandom(5000)]
        assert all(is_refused(content, file) for content in others)

    def test_pickles_are_not_read(self, file, tmp_path):
        class Harm:
            def __reduce__(self):
                return os.mkdir, (str(tmp_path / "harm"),)

        assert is_refused(pickle.dumps(Harm()), file)
        torch.save(Harm(), file)
        with pytest.raises(ModelFormatError):
            load(file)
        assert not (tmp_path / "harm").exists()

    def test_a_newer_format(self, file):
        rewritten(file, "EASERecommender", lambda document, tensors: document.update(format=2, skrec="9.0"))
        with pytest.raises(ModelFormatError, match=r"it has the format 2 of skrec '9.0', and this version reads 1"):
            load(file)


def attributes(document):
    return document["model"]["attributes"]


HOSTILE = {
    "an unknown class": lambda document, tensors: document["model"].update({"class": "os.system"}),
    "a class of the standard library": lambda document, tensors: document["model"].update({"class": "subprocess.Popen"}),
    "another class": lambda document, tensors: document["model"].update({"class": "EASERecommender"}),
    "an object that is no model": lambda document, tensors: document["model"].update({"class": "ALS"}),
    "an attribute that is not declared": lambda document, tensors: attributes(document).update(note_=3),
    "a method": lambda document, tensors: attributes(document).update(recommend="x"),
    "a private attribute": lambda document, tensors: attributes(document).update(__class__="x"),
    "no attributes": lambda document, tensors: document["model"].update(attributes={}),
    "an unknown parameter": lambda document, tensors: document["model"]["parameters"].update(x=1),
    "a wrong parameter": lambda document, tensors: document["model"]["parameters"].update(n_factors=-3),
    "a large parameter": lambda document, tensors: document["model"]["parameters"].update(n_factors=10**12),
    "a text for a number": lambda document, tensors: document["model"]["parameters"].update(max_epochs="x"),
    "many users": lambda document, tensors: document["tables"][0].update(n_users=10**15),
    "few items": lambda document, tensors: document["tables"][0].update(n_items=2),
    "no tables": lambda document, tensors: document.update(tables=[]),
    "a list for a model": lambda document, tensors: document.update(model=[]),
    "nothing for a model": lambda document, tensors: document.pop("model"),
    "a deep list": lambda document, tensors: document.update(model=json.loads("[" * 900 + "]" * 900)),
    "a deep parameter": lambda document, tensors: document["model"]["parameters"].update(loss=deep({"list": []}, 300)),
    "a kind that is unknown": lambda document, tensors: document["model"]["parameters"].update(loss={"pickle": "gASVAA=="}),
    "an object that is unknown": lambda document, tensors: document["model"]["parameters"].update(
        loss={"object": ["eval", "1"]}
    ),
    "a missing tensor": lambda document, tensors: tensors.pop("t0"),
    "doubled labels": lambda document, tensors: set_tensor(document, tensors, "item_ids", lambda labels: labels * 0),
    "codes out of range": lambda document, tensors: set_tensor(document, tensors, "items", lambda codes: codes + 100),
    "negative codes": lambda document, tensors: set_tensor(document, tensors, "users", lambda codes: codes - 100),
    "other dtypes": lambda document, tensors: tensors.update({name: a.astype(np.float64) for name, a in tensors.items()}),
    "vectors": lambda document, tensors: tensors.update({name: array.reshape(-1) for name, array in tensors.items()}),
    "numbers that are not finite": lambda document, tensors: tensors.update(
        {name: array * np.float32("nan") for name, array in tensors.items() if array.dtype == np.float32}
    ),
    "a position outside of a random state": lambda document, tensors: document["model"]["parameters"].update(
        random_state={"random": {"type": "Generator", "state": position_of_philox(10**6)}}
    ),
}


def deep(node, depth):
    for _ in range(depth):
        node = {"list": [node]}
    return node


def set_tensor(document, tensors, field, change):
    (name,) = document["tables"][0][field].values()
    tensors[name] = change(tensors[name])


def position_of_philox(position):
    return {"dict": [["bit_generator", "Philox"], ["buffer_pos", position], ["state", {"dict": []}]]}


@pytest.mark.parametrize("change", HOSTILE.values(), ids=HOSTILE)
def test_hostile_documents(change, file):
    rewritten(file, "MFRecommender", change)
    with pytest.raises(ModelFormatError, match=r"model\.skrec cannot be loaded"):
        load(file)


@pytest.mark.parametrize(
    "edit",
    [
        lambda header: header.replace(b'"shape":[12,4]', b'"shape":[12,9]'),
        lambda header: header.replace(b'"shape":[12,4]', b'"shape":[1e9,4]'),
        lambda header: header.replace(b'"dtype":"F32"', b'"dtype":"F99"'),
        lambda header: header.replace(b'"data_offsets":[0,', b'"data_offsets":[1,'),
        lambda header: header.replace(b'"__metadata__"', b'"__metadatas_"'),
        lambda header: header[:-40] + b" " * 40,
    ],
    ids=["shape", "float", "dtype", "offset", "metadata", "end"],
)
def test_hostile_headers(edit, file):
    content = golden("MFRecommender")
    n = header_length(content)
    header = edit(content[8 : 8 + n])
    assert header != content[8 : 8 + n]
    assert is_refused(with_checksum(len(header).to_bytes(8, "little") + header + content[8 + n :]), file)


@pytest.mark.parametrize("length", [0, 1, 100, 2**22, 2**31, 2**63, 2**64 - 1])
def test_headers_with_another_length(length, file):
    assert is_refused(length.to_bytes(8, "little") + golden("MFRecommender")[8:], file)


def test_networks_with_many_layers_are_not_built(file):
    def change(document, tensors):
        document["model"]["parameters"]["n_layers"] = 10**9

    rewritten(file, "GRU4RecRecommender", change)
    with pytest.raises(ModelFormatError):
        load(file)


MEMORY = """
import resource, sys
import skrec, torch
from skrec.models import MFRecommender
small, large = sys.argv[1:]
skrec.load(small)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
try:
    skrec.load(large)
except skrec.ModelFormatError:
    pass
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


@pytest.mark.faults
@pytest.mark.parametrize("damaged", [False, True])
def test_a_file_takes_less_than_twice_its_size_of_memory(damaged, tmp_path):
    from skrec import MFRecommender

    assert resource.getpagesize()
    model = MFRecommender(solver="als", n_factors=256, max_epochs=1, random_state=0)
    model.fit(np.random.default_rng(0).random((60_000, 20)) < 0.1)
    path = tmp_path / "large.skrec"
    model.save(path)
    if damaged:
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)
    arguments = [sys.executable, "-c", MEMORY, str(GOLDEN / "MFRecommender.skrec"), str(path)]
    assert int(subprocess.check_output(arguments)) < 2 * path.stat().st_size
