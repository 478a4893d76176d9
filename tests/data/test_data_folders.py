"""A folder of pictures: every usable one, sorted by path, decoded once; the others are named with the reason."""

import json
import os
import subprocess
import sys
import warnings
from collections import Counter

import numpy as np
import pytest
from PIL import Image, ImageFile

from tfgan_v1 import UserError, data, files
from tfgan_v1.data import Shaping, decoding, folders


@pytest.fixture
def folder(tmp_path):
    """Five gray pictures, each of one brightness, and files to ignore."""
    place = tmp_path / "pictures"
    for name, gray in {"b.png": 20, "a/z.JPG": 10, "c/d/e.bmp": 40, "c/d.tif": 30, "ünï cödé.gif": 50}.items():
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("L", (30 + gray, 40), gray).save(place / name)
    for name in (".hidden.png", ".thumbnails/a.png"):
        (place / name).parent.mkdir(exist_ok=True)
        Image.new("L", (5, 5), 99).save(place / name)
    (place / "notes.txt").write_text("no picture")
    return place


@pytest.fixture
def load(tmp_path):
    return lambda place, **options: data.load(place, **{"cache_dir": tmp_path / "cache", **options})


def brightness(dataset):
    return dataset.images.reshape(len(dataset.images), -1).mean(1).round().tolist()


def test_pictures_at_any_depth_are_sorted_by_path(folder, load):
    os.symlink(folder, folder / "a" / "round")  # an endless loop if followed
    dataset = load(folder)
    assert [name for name, _ in dataset.files] == ["a/z.JPG", "b.png", "c/d.tif", "c/d/e.bmp", "ünï cödé.gif"]
    assert brightness(dataset) == [10, 20, 30, 40, 50]
    assert dataset.images.shape == (5, 28, 28, 1) and dataset.images.dtype == np.uint8
    assert dataset.name == str(folder) and dataset.facts()["name"] == "pictures"
    assert dataset.facts()["image_shape"] == [28, 28, 1] and dataset.facts()["num_images"] == 5
    assert data.load(f"{folder}/", cache_dir=folder.parent / "cache").facts() == dataset.facts()


def test_one_coloured_pixel_makes_all_images_coloured(folder, load):
    gray = load(folder).images
    assert np.array_equal(load(folder, shaping=Shaping(channels=1)).images, gray)
    assert np.array_equal(load(folder, shaping=Shaping(channels=3)).images, gray.repeat(3, 3))
    Image.new("RGB", (28, 28), (7, 7, 8)).save(folder / "zz.png")
    assert load(folder).images.shape == (6, 28, 28, 3)


def counting(monkeypatch):
    calls, real = Counter(), Image.open

    def counted(path, *args, **options):
        calls[path] += 1
        return real(path, *args, **options)

    monkeypatch.setattr(Image, "open", counted)
    return calls


def test_a_second_start_opens_no_picture_and_reads_no_pixel(folder, load, monkeypatch, tmp_path):
    first = load(folder, shaping=Shaping((9, 7)))
    assert isinstance(first.images, np.memmap) and not list((tmp_path / "cache").glob("*.partial"))
    calls = counting(monkeypatch)
    second = load(folder, shaping=Shaping((9, 7)))
    assert not calls and isinstance(second.images, np.memmap)
    assert np.array_equal(first.images, second.images) and first[2:] == second[2:]
    assert second.facts() == data.Dataset(str(folder), np.array(second.images)).facts()  # the checksum is right
    assert (
        second._replace(images=np.broadcast_to(np.uint8(0), (5, 9, 7, 1))).facts() == second.facts()
    )  # and from the cache


def test_the_cache_is_used_for_a_moved_folder(folder, load, monkeypatch):
    load(folder)
    calls = counting(monkeypatch)
    folder.rename(folder.with_name("moved"))
    assert brightness(load(folder.with_name("moved"))) == [10, 20, 30, 40, 50] and not calls


def _touch(folder):
    os.utime(folder / "b.png", ns=(1, 1))


def _replace(folder):
    Image.new("L", (30, 40), 21).save(folder / "b.png")


CHANGES = {"touched": _touch, "replaced": _replace, "renamed": lambda place: (place / "b.png").rename(place / "0.png")}
CHANGES |= {"removed": lambda place: (place / "b.png").unlink()}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_changed_folder_is_decoded_again(folder, load, monkeypatch, change):
    load(folder)
    change(folder)
    calls = counting(monkeypatch)
    load(folder)
    assert calls


@pytest.mark.parametrize(
    "shaping",
    [Shaping((27, 28)), Shaping(channels=3), Shaping(fit="pad"), Shaping(background="red")],
)
def test_each_shape_has_its_own_cache_entry(folder, load, monkeypatch, shaping):
    load(folder)
    calls = counting(monkeypatch)
    load(folder, shaping=shaping)
    assert len(calls) == 5
    load(folder)
    assert len(calls) == 5


DAMAGES = {
    "cut off": lambda npy, about: npy.write_bytes(npy.read_bytes()[:-1]),
    "empty": lambda npy, about: npy.write_bytes(b""),
    "gone": lambda npy, about: npy.unlink(),
    "another shape": lambda npy, about: np.save(npy, np.zeros((5, 28, 27, 1), np.uint8)),
    "objects": lambda npy, about: np.save(npy, np.array([print], object)),
    "no json": lambda npy, about: about.unlink(),
    "half a json": lambda npy, about: about.write_bytes(about.read_bytes()[:-9]),
    "another json": lambda npy, about: about.write_text("[]"),
}
FORGED = {  # values in the .json of a cache that another user or program wrote
    "no files": ("files", []),
    "files of another folder": ("files", [[f"../{name}.png", ""] for name in "abcde"]),
    "names that are no texts": ("files", [[number, ""] for number in range(5)]),
    "a reason that is no text": ("files", [["a/z.JPG", None], *([name, ""] for name in ("b.png", "c/d.tif"))]),
    "no checksum": ("sha256", None),
    "a checksum of other letters": ("sha256", "x" * 64),
    "a list as checksum": ("sha256", ["0"] * 64),
    "no pages": ("further", None),
    "pages that are no texts": ("further", [[1, 2]]),
}


def _forge(key, value):
    return lambda npy, about: about.write_text(json.dumps({**json.loads(about.read_text()), key: value}))


DAMAGES |= {name: _forge(*pair) for name, pair in FORGED.items()}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_cache_is_rebuilt_silently(folder, load, tmp_path, capfd, damage):
    first = load(folder)
    damage(*sorted((tmp_path / "cache").iterdir(), key=lambda path: path.suffix == ".json"))
    again = load(folder)
    assert again.facts() == first.facts() and again[2:] == first[2:]
    assert brightness(load(folder)) == [10, 20, 30, 40, 50]
    assert capfd.readouterr() == ("", "")


def test_a_cache_that_cannot_be_written_is_a_warning(folder, load, tmp_path, capfd):
    kept = load(folder)
    (tmp_path / "file").touch()
    dataset = load(folder, cache_dir=tmp_path / "file" / "cache")
    assert capfd.readouterr().err.count("\n") == 1
    assert np.array_equal(dataset.images, kept.images) and dataset.facts() == kept.facts()


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_failed_write_leaves_no_file(folder, load, tmp_path, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(files, "sync", fail)
    try:
        assert brightness(load(folder)) == [10, 20, 30, 40, 50]
    except KeyboardInterrupt:
        assert isinstance(error, KeyboardInterrupt)
    assert not list((tmp_path / "cache").iterdir())


def test_the_default_is_the_users_cache(folder):
    data.load(folder)
    assert list(folders.Path(os.environ["XDG_CACHE_HOME"], "tfgan_v1").glob("*.json"))


def test_several_processes_may_fill_the_same_cache_at_once(folder, load, tmp_path):
    program = "import sys; from tfgan_v1 import data; print(data.load(sys.argv[1], cache_dir=sys.argv[2]).facts())"
    command = [sys.executable, "-c", program, str(folder), str(tmp_path / "cache")]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    facts = {process.communicate()[0].strip() for process in running}
    assert facts == {str(load(folder).facts())} and len(list((tmp_path / "cache").iterdir())) == 2


@pytest.fixture
def broken(folder):
    (folder / "a" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(50))
    (folder / "cut.png").write_bytes((folder / "b.png").read_bytes()[:-30])
    os.symlink(folder / "nowhere", folder / "link.png")
    os.mkfifo(folder / "pipe.png")  # opening it would block
    return folder


def test_unreadable_pictures_are_left_out_named_and_counted(broken, load, monkeypatch, capfd):
    for _ in range(2):  # decoded, and from the cache
        dataset = load(broken)
        assert brightness(dataset) == [10, 20, 30, 40, 50]
        assert [name for name, reason in dataset.files if reason] == ["a/broken.png", "cut.png", "link.png", "pipe.png"]
        message = capfd.readouterr().err
        assert message.count("\n") == 1
        assert all(part in message for part in ("4 of 9 files", "a/broken.png", "files.csv"))
        with pytest.raises(UserError, match=r"4 of 9 files .*a/broken.png.*--strict"):
            load(broken, strict=True)


def picture(path, format="PNG", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", (9, 9), 77).save(path, format, **options)


def _link(path, target):
    picture(path.parent.parent / "elsewhere/1.png")
    path.symlink_to(target)


def _pages(path, **second):
    frames = [Image.new("L", (9, 9), gray) for gray in (50, 60, 70)]
    for frame in frames[1:]:
        frame.encoderinfo = second
    frames[0].save(path, "TIFF", save_all=True, append_images=frames[1:])


UNREAD = {  # what is not read beside five pictures: (the path in the list of files, how to make it, the reason)
    "HEIC": ("a.HEIC", lambda path: path.write_bytes(b"?"), "HEIC is not read; save it as JPEG"),
    "AVIF": ("c/a.avif", lambda path: path.write_bytes(b"?"), "AVIF is not read; save it as JPEG"),
    "SVG": ("a.svg", lambda path: path.write_text("<svg/>"), "SVG is not read; save it as PNG"),
    "a video": ("a.mp4", lambda path: path.write_bytes(b"?"), "MP4 is not read; save its frames as PNG"),
    "an archive": ("more.zip", lambda path: path.write_bytes(b"PK"), "ZIP is not read; unpack it"),
    "a packed archive": ("more.tar.gz", lambda path: path.write_bytes(b"?"), "TAR is not read; unpack it"),
    "no suffix": ("photo", picture, "a picture by its content, not by its suffix; rename it"),
    "another suffix": ("a.jpg_large", lambda path: picture(path, "JPEG"), "by its suffix; rename it"),
    "a linked folder": ("dogs", lambda path: _link(path, "../elsewhere"), "a link to a folder is not followed; copy"),
    "named as a picture": ("d.png", lambda path: _link(path, "../elsewhere"), "a link to a folder is not followed"),
    "a hidden folder": ("dogs", lambda path: _link(path, ".thumbnails"), "a link to a folder is not followed"),
    "a link to nothing": ("dogs", lambda path: path.symlink_to("gone"), "it is a link to nothing"),
    "pages": (
        "c/d.tif, 2 further pages",
        lambda path: _pages(path.parent / "d.tif"),
        "only the first is read; save each",
    ),
}


@pytest.mark.parametrize("name, make, reason", UNREAD.values(), ids=UNREAD)
def test_what_is_not_read_is_counted_named_and_an_error_with_strict(folder, load, capfd, name, make, reason):
    make(folder / name)
    for _ in range(2):  # decoded, and from the cache
        dataset = load(folder)
        assert brightness(dataset)[0::4] == [10, 50] and len(dataset.files) == len(dataset.images) == 5
        assert [path for path, _ in dataset.left_out()] == [name] and reason in dataset.left_out()[0][1]
        message = capfd.readouterr().err
        files = "files and pages" if "page" in name else "files"
        assert message.count("\n") == 1 and f"1 of 6 {files} in {folder} left out, such as {name} (" in message
        assert reason in message
        with pytest.raises(UserError, match=r"1 of 6 files .*--strict"):
            load(folder, strict=True)


def test_what_plainly_is_no_picture_needs_no_word(folder, load, capfd):
    for name in ("README", "a.csv", "a.json", "c/a.xml", "Thumbs.db", "a.md", "a.npy", "a.pt", ".a.heic"):
        (folder / name).write_bytes(b"anything")
    os.symlink("c", folder / "twice")  # read once, by its own name
    os.symlink("..", folder / "c" / "up")
    os.symlink("../..", folder / "c" / "outside")  # which holds this folder, too
    (folder / "c" / "smaller.tif").write_bytes(b"")
    _pages(folder / "c/smaller.tif", tiffinfo={254: 1})  # smaller copies of the first page
    assert len(load(folder, strict=True).images) == 6 and not load(folder).left_out()
    assert capfd.readouterr() == ("", "")


def test_the_files_of_a_reason_are_counted_and_three_reasons_are_shown(folder, load, capfd):
    for name in ("1.heic", "2.heic", "3.heic", "4.psd", "5.zip", "6.mov"):
        (folder / name).touch()
    load(folder)
    shown = "1.heic and 2 more (HEIC is not read; save it as JPEG), 4.psd (PSD is not read; save it as PNG), 5.zip ("
    assert shown in (message := capfd.readouterr().err) and "6.mov" not in message and "), ...;" in message


def test_few_other_files_are_opened(folder, load, monkeypatch):
    for number in range(100):
        (folder / f"{number:03}.caption").touch()
    opened = []

    def counted(path, mode):
        opened.append(path)
        return open(path, mode)

    monkeypatch.setattr(folders, "open", counted, raising=False)
    load(folder)
    assert sum(str(path).endswith(".caption") for path in opened) == 20


@pytest.mark.parametrize("kind", ["gif", "png", "webp"])
def test_an_animation_is_its_first_frame_and_a_line_says_so(tmp_path, load, capfd, kind):
    frames = [Image.new("L", (9, 9), gray) for gray in (50, 60)]
    (tmp_path / "moving").mkdir()
    frames[0].save(tmp_path / f"moving/a.{kind}", save_all=True, append_images=frames[1:])
    for _ in range(2):
        assert brightness(load(tmp_path / "moving", strict=True)) == [50]
        assert capfd.readouterr().err == (
            f"In {tmp_path / 'moving'}, of 1 animation, such as a.{kind}, the first frame is used.\n"
        )


def test_the_folders_of_network_drives_and_desktops_are_skipped(folder, load, capfd):
    for place in (*folders.SYSTEM, "@eaDir/b.png", "$RECYCLE.BIN", "c/@eaDir", "System Volume Information"):
        picture(folder / place / "1.png")
    assert len(load(folder, strict=True).images) == 5 and capfd.readouterr() == ("", "")


PARTS = {
    "train test": "train",
    "Train/cat Test/cat val/cat": "Train",
    "data/training/cat data/validation/cat": "data/training",
    "train2017 val2017 annotated": "train2017",
    "trainA trainB testA testB": "trainA",
    "seg_train/cat seg_test/cat seg_pred": "seg_train",
    "training_set/cat test_set/cat": "training_set",
    "Training PublicTest PrivateTest": "Training",
    "train_64x64 valid_64x64": "train_64x64",
    "cat/train cat/test dog/train dog/test": "cat/train",
    "val test": "test",
    "X_train/cat X_test/cat": "X_train",
    "asl_alphabet_train/a asl_alphabet_test": "asl_alphabet_train",
    "DIV2K_train_HR DIV2K_valid_HR": "DIV2K_train_HR",
    "Final_Training/Images Final_Test/Images": "Final_Training",
    "train-jpg test-jpg-v2": "train-jpg",
    "train test_stg1": "train",
    "train unlabeled": "train",
    "학습 테스트": "학습",
    "训练集 测试集": "训练集",
}


@pytest.mark.parametrize("places, one", PARTS.items(), ids=PARTS)
def test_training_and_test_pictures_are_not_trained_on_alike(tmp_path, load, places, one):
    for place in places.split():
        picture(tmp_path / "split" / place / "1.png")
    picture(tmp_path / "split/preview.png")
    with pytest.raises(UserError, match=f"holds the parts .*; give one of them, such as --dataset .*split/{one}$"):
        load(tmp_path / "split")
    assert len(load(tmp_path / "split" / one).images) == 1


@pytest.mark.parametrize(
    "places", ["train", "train car bus", "bullet_train test_tube", "valid invalid", "trainA trainB"]
)
def test_folders_with_names_like_those_of_parts_are_classes(tmp_path, load, places):
    for place in places.split():
        picture(tmp_path / "kinds" / place / "1.png")
    assert load(tmp_path / "kinds").classes == tuple(sorted(places.split()))


def test_a_folder_without_pictures_names_what_there_is(tmp_path, load):
    (tmp_path / "links").mkdir()
    _link(tmp_path / "links" / "cat", "../elsewhere")
    (tmp_path / "links" / "a.heic").touch()
    with pytest.raises(UserError, match=r"and found a\.heic \(HEIC is not read; .*, cat \(a link to a folder"):
        load(tmp_path / "links")


def test_a_folder_of_a_thousand_levels_is_read(tmp_path, load, monkeypatch):
    place = tmp_path / "deep"
    place.mkdir()
    for _ in range(3):  # as a whole, the path would be too long for some systems
        monkeypatch.chdir(place)
        place = "/".join("d" * 400)
        os.makedirs(place)
    picture(folders.Path("1.png"))
    try:
        assert len(load(tmp_path / "deep").images) == 1
    finally:
        subprocess.run(["rm", "-r", tmp_path / "deep"], check=True)  # pytest cannot


def test_neither_ctrl_c_nor_the_end_of_the_process_waits_for_a_picture(folder, tmp_path):
    program = (
        "import os, signal, sys, time; from tfgan_v1 import data; from tfgan_v1.data import decoding\n"
        "def slow(path, _):\n"
        "    time.sleep(1)  # until the main thread waits\n"
        "    path.stem == 'z' and os.kill(os.getpid(), signal.SIGINT) or time.sleep(100)\n"
        "decoding.decode = slow\n"
        "data.load(sys.argv[1], cache_dir=sys.argv[2])"
    )
    command = [sys.executable, "-c", program, str(folder), str(tmp_path / "cache")]
    ended = subprocess.run(command, stderr=subprocess.PIPE, text=True, timeout=60)
    assert "KeyboardInterrupt" in ended.stderr and not list((tmp_path / "cache").iterdir())


def test_a_new_cache_is_its_users_own(folder, load, tmp_path):
    load(folder)
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700


def test_strict_accepts_a_folder_without_broken_pictures(folder, load, capfd):
    assert len(load(folder, strict=True).images) == 5 and capfd.readouterr() == ("", "")


def test_any_exception_of_a_decoder_only_leaves_the_file_out(folder, load, monkeypatch):
    real = decoding.eight_bits

    def fail(image):
        if image.getpixel((0, 0)) == 20:
            raise RecursionError("deep\nand long")
        return real(image)

    monkeypatch.setattr(decoding, "eight_bits", fail)
    assert dict(load(folder).files)["b.png"] == "deep"


def test_a_folder_without_one_usable_picture_is_one_sentence(tmp_path, load):
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match=r"\.png.*no files"):
        load(tmp_path / "empty")
    for name in ("a.txt", "b.txt", "c.CSV", "LICENSE"):
        (tmp_path / "empty" / name).touch()
    with pytest.raises(UserError, match=r"found 4 files, \.csv, \.txt, without a suffix"):
        load(tmp_path / "empty")
    for name in "abcd":
        (tmp_path / "empty" / f"{name}.png").write_bytes(b"nothing")
    with pytest.raises(
        UserError, match=r"holds 4 images, and none .*a\.png: its format is not supported.*c\.png"
    ) as error:
        load(tmp_path / "empty")
    assert "\n" not in str(error.value) and not list((tmp_path / "cache").iterdir())
    for name in "bcd":
        (tmp_path / "empty" / f"{name}.png").unlink()
    with pytest.raises(UserError, match=r"holds 1 image, and none can be used \(a\.png"):
        load(tmp_path / "empty")


def test_messages_of_image_libraries_do_not_reach_the_terminal(folder, load, monkeypatch, capfd):
    real = decoding.eight_bits

    def chatty(image):
        os.write(2, b"TIFFReadDirectory: Warning, as libtiff writes it")
        warnings.warn("as Pillow warns", stacklevel=1)
        return real(image)

    monkeypatch.setattr(decoding, "eight_bits", chatty)
    load(folder)
    assert capfd.readouterr() == ("", "")
    os.write(2, b"back")
    assert capfd.readouterr().err == "back"
    monkeypatch.setenv("TFGAN_VERBOSE", "1")
    with pytest.warns(UserWarning, match="as Pillow warns"):
        load(folder, shaping=Shaping((5, 5)))
    assert "libtiff" in capfd.readouterr().err


def test_folders_with_equal_names_sizes_and_dates_have_different_entries(tmp_path, load):
    for name, gray in (("cats", 50), ("dogs", 200)):
        (tmp_path / name).mkdir()
        Image.new("L", (30, 30), gray).save(tmp_path / name / "0.bmp")
        os.utime(tmp_path / name / "0.bmp", (315532800, 315532800))  # as archives keep them
    assert [brightness(load(tmp_path / name)) for name in ("cats", "dogs", "cats")] == [[50], [200], [50]]


def test_pictures_of_12_bits_in_16_bit_files_are_a_warning(tmp_path, load, capfd):
    (tmp_path / "scans").mkdir()
    values = np.arange(784, dtype=np.uint16).reshape(28, 28) * 5  # up to 3915
    for number in range(3):
        Image.fromarray(values + number).save(tmp_path / f"scans/{number}.png")
    for _ in range(2):  # decoded, and from the cache
        assert load(tmp_path / "scans").images.max() <= 16
        message = capfd.readouterr().err
        assert message.count("\n") == 1 and "brighter than 15 of 255" in message and "by 16" in message
    Image.fromarray(values * 16).save(tmp_path / "scans/brighter.tif")
    load(tmp_path / "scans")
    assert capfd.readouterr().err == ""


def test_a_folder_is_measured_by_its_headers_silently(folder, broken, monkeypatch, capfd):
    decoded = []
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda image: decoded.append(image))
    assert folders.measure(broken) == (40, 55)  # the cut one has a header
    assert not decoded and capfd.readouterr() == ("", "")
    assert folders.measure(folder / "c") == (40, 65)


def test_the_measured_sides_are_those_of_the_upright_pictures(tmp_path):
    exif = Image.Exif()
    for orientation in (6, 1, 8):
        exif[0x0112] = orientation
        for suffix in ("jpg", "png", "webp"):
            Image.new("RGB", (30, 20)).save(tmp_path / f"{orientation}.{suffix}", exif=exif)
    assert folders.measure(tmp_path) == (30, 20)


def test_few_of_many_pictures_are_measured(tmp_path, monkeypatch):
    for number in range(401):
        (tmp_path / f"{number:03}.pgm").write_bytes(b"P5 %d 7 255 " % (5 + number) + bytes(7 * (5 + number)))
    calls = counting(monkeypatch)
    assert folders.measure(tmp_path) == (7, 204) and 100 < len(calls) <= 200


def test_a_folder_without_one_readable_picture_measures_0_by_0(tmp_path):
    with pytest.raises(UserError, match="holds no images"):
        folders.measure(tmp_path)
    (tmp_path / "a.png").write_bytes(b"nothing")
    assert folders.measure(tmp_path) == (0, 0)


def test_a_class_with_the_name_of_a_run_s_picture_is_read_and_the_run_s_own_picture_is_not(folder, load):
    from tfgan_v1.report.images import grid_png

    count = len(load(folder).images)
    picture(folder / "c/real_images.png")
    assert len(load(folder).images) == count + 1
    (folder / "c/real_images.png").write_bytes(grid_png(np.zeros((1, 4, 4, 1))))
    assert len(load(folder).images) == count
