"""Thousands of damaged files of each kind: a result or an error of one sentence, in bounded time and memory.

Each kind has a process of its own, with little memory and an audit hook. A mutant is a function of its kind and number:
`PYTHONPATH=.:tests/helpers python tests/robustness/test_mutation.py KIND FIRST LAST` reads some of them again.
TFGAN_MUTANTS=100000 makes the run longer.
"""

import io
import json
import os
import pickle
import random
import re
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
import tracemalloc
import warnings
import zipfile
from collections import Counter
from contextlib import redirect_stderr
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest
from PIL import Image

import damage
import torch_pickles
from tfgan_v1 import Config, UserError, data, files, load_samples
from tfgan_v1.data import Shaping, decoding
from tfgan_v1.report import curves, page, review
from tfgan_v1.storage import records, run_folder

MUTANTS = int(os.environ.get("TFGAN_MUTANTS", 2000 if os.environ.get("TFGAN_THOROUGH") else 100))  # of each kind
SECONDS = 20  # for one mutant; the slowest, a picture of 64 million pixels, takes two
PEAK = 96 * 2**20  # bytes of Python and NumPy for one mutant
PICTURE_PEAK = 8 * decoding.MOST_PIXELS  # the same for a picture, which is unpacked to the size that it claims
MORE_MEMORY = 2**31  # bytes for the process, above its memory at the start


def _seeds():
    """Intact files of each kind."""
    gray = np.arange(3 * 4 * 4, dtype=np.uint8).reshape(3, 4, 4)
    colour = np.arange(2 * 4 * 4 * 3, dtype=np.uint8).reshape(2, 4, 4, 3)
    idx = [
        b"\0\0\x08\x03" + struct.pack(">3I", 3, 4, 4) + gray.tobytes(),
        b"\0\0\x08\x04" + struct.pack(">4I", 2, 4, 4, 3) + colour.tobytes(),
    ]
    rows = ["".join(",".join(map(str, image.ravel())) + "\n" for image in images) for images in (gray, gray / 47)]
    names = "label," + ",".join(f"pixel{number}" for number in range(16)) + "\n"
    labelled = names + "".join("7," + line + "\n" for line in rows[0].splitlines())
    tables = [*rows, labelled, rows[0].replace(",", ";"), re.sub("([0-9]+)", r'"\1"', rows[0]).replace("\n", "\r\n")]
    arrays = [gray, colour, gray / 255, gray.astype(">i4"), np.asfortranarray(gray), gray > 9, np.linspace(-1, 1, 9)]
    samples = [gray[..., None] / np.float32(47), colour / np.float32(255)]
    return {
        "idx": idx,
        "csv": [table.encode() for table in tables],
        "npy": [_saved(np.save, array) for array in arrays],
        "pickle": [pickle.dumps(samples, protocol) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)],
        "torch": [
            save([*map(torch_pickles.Tensor, samples)])
            for save in (torch_pickles.save_old, torch_pickles.save_zip, torch_pickles.save_pickle)
        ],
        "losses": [
            ",".join(records.LOSSES_HEADERS[False]).encode() + b"\r\n" + b"17,1,0.5,1e-7,0.9,0.1,0.8,0.2,1.5\r\n" * 3
        ],
        **{kind: [_saved_picture(kind, mode) for mode in modes] for kind, modes in MODES.items()},
    }


MODES = {
    "png": ["RGB", "L", "P", "RGBA", "I;16", "1"],
    "jpeg": ["RGB", "L", "CMYK"],
    "gif": ["P", "L"],
    "webp": ["RGB", "RGBA"],
    "bmp": ["RGB", "P", "1"],
    "tiff": ["RGB", "L", "I;16", "F", "1", "CMYK", "LAB"],
    "ppm": ["RGB", "L", "1", "I;16"],
}


def _saved(save, *arrays, **named):
    file = io.BytesIO()
    save(file, *arrays, **named)
    return file.getvalue()


def _saved_picture(kind, mode):
    levels = (np.mgrid[:9, :12].sum(0) * 11).astype(np.uint8)
    image = Image.fromarray(levels.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(levels).convert(mode)
    more = {"exif": _exif()} if kind in ("png", "jpeg", "webp", "tiff") else {}
    more |= {"compression": "tiff_lzw"} if kind == "tiff" and mode in ("RGB", "L") else {}
    return _saved(lambda file: image.save(file, kind, **more))


def _exif():
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif


def _whole_config():
    values = Config(dataset="digits", ckpt="c", samples="s")
    values = {name: value for name, value in values.values().items() if name not in ("ckpt", "samples", "name")}
    facts = {"name": "digits", "num_images": 10, "image_shape": [28, 28, 1], "sha256": "0"}
    content = {"format": run_folder.FORMAT, "config": values, "data": facts, "made_by": {"numpy": "2"}}
    content |= {"run_id": "0123", "custom": ["loss"]}
    return [files.to_json(content).encode(), files.to_json({**content, "config": {"epochs": 3}}).encode()]


SAMPLES = [np.zeros((2, 4, 4, 1), np.float32)] * 2


def _summary():
    figures = {"figures": {"frechet_distance": 1.5}, "configuration": [["--seed", "0", False]], "columns": 2}
    run = {"unit": "epoch", "steps_per_epoch": 17, "sample_steps": [0, 17], "classes": ["cat", "dog"], **figures}
    return [files.to_json(page.summarize_samples("a", SAMPLES) | each).encode() for each in ({}, run)]


def _reviewed(path):
    """Makes the page of a review.json, which must not be left out."""
    with redirect_stderr(io.StringIO()) as warnings:
        summary = review._read_summary(path.parent)
    if summary is None:
        raise UserError(warnings.getvalue().strip())
    steps, urls = summary["sample_steps"], page.Grids(2, summary["columns"]).urls(SAMPLES)
    tables = curves.Tables(evaluation=[(17, 1, *[2.5] * len(summary["figures"]))])
    page.page(summary | {"sample_steps": steps[:2] if len(steps) > 1 else []}, urls, tables)


class Kind(NamedTuple):
    """How files of a kind are made and read."""

    seeds: list
    read: object  # takes the mutant's path
    name: str = "mutant"  # of the file
    mutate: object = damage.mutated  # (content, chance) -> bytes
    others: dict = {}  # noqa: RUF012  # further files in the folder, and their bytes


def _images(path):
    """Reads the images or points for a run, and checks that they are valid."""
    images = data.load(path).images
    points = images.dtype == np.float32 and images.ndim == 2  # a table of any number of columns may be read as these
    assert images.size and np.isfinite(images.sum(dtype=float)) and (points or images.dtype == np.uint8)
    assert points or (images.ndim == 4 and images.shape[3] in (1, 3))


def _picture(path):
    """The pixels of a picture; an error has the reason that a folder would report."""
    try:
        return decoding.decode(path, Shaping((8, 8)))[0]
    except Exception as error:
        summary = decoding.summarize(error)
        assert 0 < len(summary) <= 120
        raise UserError(summary) from None


def kinds():
    """The table of kinds."""
    seeds = _seeds()
    table = {name: Kind(seeds[name], _images) for name in ("idx", "csv", "npy")}
    table["idx.gz"] = table["idx"]._replace(mutate=damage.gzipped)
    table["csv.gz"] = table["csv"]._replace(mutate=damage.gzipped)
    table["npz"] = table["npy"]._replace(mutate=damage.archive)
    table |= {name: Kind(seeds[name], _picture) for name in MODES}
    table["png"] = table["png"]._replace(
        mutate=lambda content, chance: chance.choice([damage.png, damage.mutated])(content, chance)
    )
    table["config"] = Kind(
        _whole_config(), lambda path: run_folder.read(Config(ckpt=path.parent)), "config.json", damage.json_of_ours
    )
    table["review"] = Kind(_summary(), _reviewed, "review.json", damage.json_of_ours)
    table["pickle"] = Kind(seeds["pickle"], load_samples)
    table["torch"] = Kind(seeds["torch"], load_samples)
    table["losses"] = Kind(seeds["losses"], lambda path: records.read_losses(path, 99))
    return table


def _manifests():
    """The rows of the table that import TensorFlow."""
    import hashlib

    from tfgan_v1.storage import checkpoints

    config, tensors = _whole_config()[0], {"data-00000-of-00001": b"tensors" * 9, "index": b"index" * 9}

    def manifest(prefix, facts):
        sums = {
            f"{prefix}.{end}": {"bytes": len(each), "sha256": hashlib.sha256(each).hexdigest()}
            for end, each in tensors.items()
        }
        return [files.to_json({"run_id": "0123", "step": 17, "facts": facts, "files": sums}).encode()]

    generator, state = "generator.ckpt-17", "train_state/step-17/state"
    facts = {"seconds": 1.5, "sample_steps": [17], "samples_sha256": "0", "num_losses": 1, "losses_sha256": "0"}
    return {
        "manifest of a generator": Kind(
            manifest(generator, {}),
            lambda path: checkpoints.newest_generator(path.parent),
            f"{generator}.json",
            damage.json_of_ours,
            others={"config.json": config, **{f"{generator}.{end}": content for end, content in tensors.items()}},
        ),
        "manifest of a state": Kind(
            manifest("state", facts),
            lambda path: checkpoints.newest_state(path.parents[2]),
            f"{state}.json",
            damage.json_of_ours,
            others={"config.json": config, **{f"{state}.{end}": content for end, content in tensors.items()}},
        ),
    }


MANIFESTS = ("manifest of a generator", "manifest of a state")


def _old_weights():
    """Old weights of each format: these rows import TensorFlow, too."""
    import old_files
    import torch_pickles
    from tfgan_v1.gan import chain
    from tfgan_v1.storage import old

    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        old_files.tensorflow_1(folder)
        saved = {path.name: path.read_bytes() for path in folder.glob("generator.ckpt-100.*")}
        whole = [folder / "k1.h5", folder / "k2.h5", folder / "nested.h5"]
        old_files.keras_1(whole[0])
        old_files.keras_2(whole[1])
        old_files.keras_2(whole[2], nested=True)
        old_files.keras_model().save_weights(folder / "k3.weights.h5")
        bare, whole = (folder / "k3.weights.h5").read_bytes(), [path.read_bytes() for path in whole]
    state, words = old_files.torch_state()
    tensors, words = old_files.torch_tensors(state), chain.parse(words)
    config = json.dumps(old_files.keras_2_config()).encode()

    def checkpoint(name, mutate=damage.mutated):
        others = {other: content for other, content in saved.items() if other != name}
        return Kind([saved[name]], lambda path: old.read(path.with_suffix("")), name, mutate, others)

    def read_torch(path):
        old.read(path, layers=words)

    def zipped(content, chance):
        return chance.choice([damage.mutated, _repacked])(content, chance)

    return {
        "old index": checkpoint("generator.ckpt-100.index", _signed),
        "old meta": checkpoint("generator.ckpt-100.meta"),
        "old h5": Kind(whole, old.read, "a.h5"),
        "old weights.h5": Kind([bare], old.read, "a.weights.h5", others={"a.json": config}),
        "old json": Kind([config], lambda path: old.read(path.with_name("a.weights.h5")), "a.json",
                         damage.json_of_ours, {"a.weights.h5": bare}),
        "old keras": Kind([old_files.keras_zip(bare)], old.read, "a.keras", zipped),
        "old pth": Kind([torch_pickles.save_old(tensors)], read_torch, "a.pth"),
        "old pth zip": Kind([torch_pickles.save_zip(tensors)], read_torch, "a.pth", zipped),
    }  # fmt: skip


def _repacked(content, chance):
    """An archive with one part damaged, and valid checksums."""
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as before, zipfile.ZipFile(file, "w") as after:
        chosen = chance.choice(before.namelist())
        for name in before.namelist():
            part = before.read(name)
            after.writestr(name, damage.mutated(part, chance) if name == chosen else part)
    return file.getvalue()


def _signed(content, chance):
    """A damaged index, most with a valid checksum of its first block."""
    if chance.random() < 0.2:
        return damage.mutated(content, chance)
    from tfgan_v1.storage import checkpoint_index

    *_, offset, size, _ = checkpoint_index._varints(content[-checkpoint_index.FOOTER :], 0, 4)
    (_, handle), *_ = checkpoint_index._block(content, offset, size)
    _, size, _ = checkpoint_index._varints(handle, 0, 2)  # of the first block, which is at 0
    block = bytearray(content[:size])
    for _ in range(chance.choice([1, 1, 3])):
        block[chance.randrange(size)] = chance.randrange(256)
    crc = checkpoint_index.masked_crc32c(bytes(block) + content[size : size + 1])
    return bytes(block) + content[size : size + 1] + crc.to_bytes(4, "little") + content[size + 5 :]


OLD_WEIGHTS = ("old index", "old meta", "old h5", "old weights.h5", "old json", "old keras", "old pth", "old pth zip")


class TooLong(BaseException):
    """Not an Exception, so that no handler of ours catches it."""


def _deeds():
    """A list of audit events, from now on, that reading a file does not need; and its hook."""
    deeds = []
    never = re.compile(r"os\.(system|exec|fork|spawn|posix_spawn|remove|rename|rmdir|mkdir|chmod|link|symlink)")

    def hear(event, arguments):
        writes = event == "open" and (set(str(arguments[1])) & set("wax+") or arguments[2] & (os.O_WRONLY | os.O_RDWR))
        if hear.on and (writes or never.match(event) or event.partition(".")[0] in ("subprocess", "socket", "shutil")):
            deeds.append(f"{event}{arguments}"[:200])

    hear.on = False
    sys.addaudithook(hear)
    return deeds, hear


def read_mutants(name, first, last):
    """Reads mutants in this process and counts the outcomes. Raises AssertionError for one that breaks the rules."""
    kind = (_manifests() if name in MANIFESTS else _old_weights() if name in OLD_WEIGHTS else kinds())[name]

    def too_long(*_):
        raise TooLong

    signal.signal(signal.SIGALRM, too_long)
    deeds, hear = _deeds()
    outcomes, slowest, highest = Counter(), 0, 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, kind.name)
        path.parent.mkdir(parents=True, exist_ok=True)
        for other, content in kind.others.items():
            Path(folder, other).write_bytes(content)
        for seed in kind.seeds:  # they must be valid
            path.write_bytes(seed)
            kind.read(path)
        before = {each for each in Path(folder).rglob("*")}
        if name not in MODES:  # folders silence the warnings of Pillow
            warnings.simplefilter("error")  # it would be a line on the terminal
        else:
            warnings.simplefilter("ignore")
        _limit_memory()
        tracemalloc.start()
        for number in range(first, last):
            chance = random.Random(f"{name} {number}")
            content = kind.mutate(chance.choice(kind.seeds), chance)
            path.write_bytes(content)
            tracemalloc.reset_peak()
            base, start = tracemalloc.get_traced_memory()[0], time.perf_counter()
            try:
                signal.setitimer(signal.ITIMER_REAL, SECONDS)
                hear.on = True
                kind.read(path)
                outcomes["read"] += 1
            except UserError as error:
                outcomes["refused"] += 1
                wrong = _what_is_wrong(error)
                assert not wrong, f"{name} {number}: {wrong}"
            except BaseException as error:
                raise AssertionError(f"{name} {number}: {type(error).__name__}: {error}") from error
            finally:
                hear.on = False
                signal.setitimer(signal.ITIMER_REAL, 0)
            slowest = max(slowest, time.perf_counter() - start)
            peak = tracemalloc.get_traced_memory()[1] - base
            highest = max(highest, peak)
            assert peak < (PICTURE_PEAK if name in MODES else PEAK), f"{name} {number} took {peak:,} bytes"
            assert not deeds, f"{name} {number}: {deeds}"
            untouched = path.read_bytes() == content and {each for each in Path(folder).rglob("*")} == before
            assert untouched, f"{name} {number} touched files"
        for other, content in kind.others.items():
            assert Path(folder, other).read_bytes() == content
    return {**outcomes, "slowest": slowest, "peak": highest}


def _what_is_wrong(error):
    """The reason why a UserError is not fit for the user, or ""."""
    text = str(error)
    if not (text.isprintable() and 0 < len(text) < 2100):
        return f"not a sentence: {text!r}"
    while error := error.__context__:  # the errors behind it
        if isinstance(error, MemoryError) or not isinstance(error, Exception):
            return f"{type(error).__name__}, reported as: {text}"
    return ""


def _limit_memory():
    """Limits the memory of this process, so that a decompression bomb fails."""
    if Path("/proc/self/statm").exists():
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        limit = pages * resource.getpagesize() + MORE_MEMORY
        resource.setrlimit(resource.RLIMIT_AS, (limit, resource.getrlimit(resource.RLIMIT_AS)[1]))


@pytest.mark.parametrize("name", [*kinds(), *MANIFESTS, *OLD_WEIGHTS])
def test_a_damaged_file_is_read_or_an_error_of_one_sentence(name, record_property):
    start = time.perf_counter()
    child = subprocess.run(
        [sys.executable, __file__, name, "0", str(MUTANTS)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        timeout=60 + MUTANTS,
    )
    assert child.returncode == 0, child.stderr[-3000:]
    counts = json.loads(child.stdout.splitlines()[-1])
    assert counts["read"] + counts["refused"] == MUTANTS
    assert counts["read"] > MUTANTS / 200 and counts["refused"] > MUTANTS / 10  # neither too much damage nor too little
    record_property(
        "summary",
        f"{name}: {MUTANTS:,} mutants, {counts['read']:,} read, {counts['refused']:,} refused in a sentence; "
        f"the slowest took {counts['slowest'] * 1e3:.0f} ms, the largest {counts['peak'] / 1e6:.1f} MB; "
        f"{time.perf_counter() - start:.1f} s in all",
    )


def test_a_folder_of_damaged_pictures_gives_the_readable_ones(tmp_path):
    table, count = kinds(), 0
    for name in MODES:
        for number in range(30):
            chance = random.Random(f"folder {name} {number}")
            path = tmp_path / "folder" / f"{name}-{number}.png"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(table[name].mutate(chance.choice(table[name].seeds), chance))
            count += 1
    before = {path: path.read_bytes() for path in (tmp_path / "folder").iterdir()}
    dataset = data.load(tmp_path / "folder", cache_dir=tmp_path / "cache")
    assert len(dataset.files) == count == len(before) and 0 < len(dataset.images) < count
    assert len(dataset.images) == sum(not reason for _, reason in dataset.files)
    assert {path: path.read_bytes() for path in (tmp_path / "folder").iterdir()} == before
    assert sorted(path.suffix for path in (tmp_path / "cache").iterdir()) == [".json", ".npy"]


if __name__ == "__main__":
    sys.dont_write_bytecode = True  # bytecode would be a written file
    print(json.dumps(read_mutants(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))))
