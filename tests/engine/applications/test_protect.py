"""Full-size photos in, full-size photos out: what changes, what does not, and what happens when it goes wrong."""

from __future__ import annotations

import json
import os
import re
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageCms

from facetui.engine.applications.protect.files import MANIFEST, copy_new, distinct_names, find_inputs, write_new
from facetui.engine.applications.protect.paste import PastedView, Placement
from facetui.engine.applications.protect.protector import Protector, paste_all
from facetui.engine.attacks.fawkes10 import Fawkes10
from facetui.engine.attacks.pgd import PGD
from facetui.engine.core.inference import embed
from facetui.engine.extractors import load
from facetui.engine.people.alignment import TEMPLATE, Face, align, find_faces, to_tensor
from facetui.engine.people.pictures import read_picture
from facetui.engine.records.errors import Cancelled, DataError, UsageError


def picture(people, *faces, size=(700, 420), seed=0):
    """A noisy background with fictional faces on it: (person, side, degrees, left, top) each."""
    rng = np.random.default_rng(seed)
    canvas = Image.fromarray(rng.normal(120, 10, (size[1], size[0], 3)).clip(0, 255).astype("uint8"))
    for person, side, degrees, left, top in faces:
        photo = Image.fromarray(people.persons[person].photos[0].permute(1, 2, 0).numpy())
        photo = photo.resize((side, side), Image.Resampling.BICUBIC).rotate(degrees, Image.Resampling.BICUBIC)
        canvas.paste(photo, (left, top))
    return canvas


@pytest.fixture(scope="module")
def two(embedded):
    return picture(embedded, (3, 300, 8, 30, 60), (9, 150, -6, 450, 120))


def outcomes(tmp_path, *names, attack=None, out="out", **settings):
    out = tmp_path / out
    protector = Protector(attack or PGD(steps=2), ["compact-a", "compact-d"], out, **settings)
    return list(protector.run(find_inputs([tmp_path / name for name in names], out)))


@pytest.mark.parametrize("scale", [0.6, 1.0, 1.7, 3.4])
def test_unit_gain_and_nothing_outside(scale):
    turn = np.array([[np.cos(0.2), -np.sin(0.2)], [np.sin(0.2), np.cos(0.2)]]) * scale
    face = Face((0, 0, 1, 1), TEMPLATE @ turn.T + [120.0, 90.0], 1.0)
    clean = torch.full((3, 600, 700), 100, dtype=torch.uint8)
    placement = Placement.of(face, (700, 600))
    after = paste_all(clean, [placement], [torch.full((3, 112, 112), 10 / 255)], 16 / 255)
    assert placement.scale == pytest.approx(scale) and placement.angle == pytest.approx(0.2)
    changed = (after != clean).any(0)
    area = (112 * scale) ** 2
    assert changed.sum() == pytest.approx(area, rel=0.05)
    assert set(after[:, changed].unique().tolist()) == {110}, "a constant change arrives as it is"
    left, top, right, bottom = placement.box
    outside = torch.ones_like(changed)
    outside[top:bottom, left:right] = False
    assert not changed[outside].any()


def test_overlapping_faces_stay_within_the_bound():
    face = Face((0, 0, 1, 1), TEMPLATE + 20.0, 1.0)
    placement, clean = Placement.of(face, (200, 200)), torch.full((3, 200, 200), 100, dtype=torch.uint8)
    change = torch.full((3, 112, 112), 10 / 255)
    assert paste_all(clean, [placement] * 2, [change] * 2, 15.4 / 255).max() == 115


@pytest.mark.parametrize("side", [90, 200, 420])
def test_the_view_is_what_an_extractor_gets(embedded, side):
    """A smooth change, pasted, rounded and cut out of the real picture again, against the view's forecast."""
    whole = picture(embedded, (5, side, 7, 60, 40), size=(side + 160, side + 120))
    face = find_faces(whole)[0]
    placement, crop = Placement.of(face, whole.size), to_tensor(align(whole, face))
    noise = torch.randn(1, 3, 14, 14, generator=torch.Generator().manual_seed(1)) * 12 / 255
    change = torch.nn.functional.interpolate(noise, size=112, mode="bicubic")[0].clamp(-0.1, 0.1)
    after = paste_all(to_tensor(whole), [placement], [change], 0.2)
    again = to_tensor(align(Image.fromarray(after.permute(1, 2, 0).numpy()), face))
    real = (again.float() - crop.float())[:, 8:-8, 8:-8] / 255
    view = PastedView(crop[None].float() / 255, [placement])
    x = (crop[None].float() / 255 + change).clamp(0, 1).requires_grad_(True)
    seen = view(x, torch.tensor([0]))
    forecast = (seen - crop.float() / 255)[0, :, 8:-8, 8:-8]
    assert (forecast - real).abs().mean() < 0.1 * real.abs().mean()
    (gradient,) = torch.autograd.grad(seen.sum(), x)
    assert gradient[0, :, 20:-20, 20:-20].mean() == pytest.approx(1, abs=0.1)


def test_what_lies_beyond_the_edge_is_not_seen():
    """A face cut off at the left: what is pasted there is lost, and an attack must not count on it."""
    clean, change = torch.full((3, 400, 400), 100, dtype=torch.uint8), torch.full((3, 112, 112), 20 / 255)
    face = Face((0, 0, 1, 1), TEMPLATE * 2 + [-70.0, 20.0], 1.0)
    placement = Placement.of(face, (400, 400))
    aligned = [
        to_tensor(align(Image.fromarray(p.permute(1, 2, 0).numpy()), face)).float()
        for p in (clean, paste_all(clean, [placement], [change], 1.0))
    ]
    real = aligned[1] - aligned[0]
    crop = aligned[0][None] / 255
    forecast = (PastedView(crop, [placement])(crop + change, torch.tensor([0])) - crop)[0] * 255
    assert real[:, 8:-8, :30].abs().max() == 0 and forecast[:, 8:-8, :30].abs().max() < 0.1
    assert (forecast - real)[:, 8:-8, 40:-8].abs().max() < 0.1 and real[:, 8:-8, 40:-8].min() == 20


# Not fawkes-1.0 low: what its 40 steps leave depends on the draw, between 0.1 and 0.9.
@pytest.mark.parametrize("attack", [PGD(targeted=False, steps=10), Fawkes10("mid")], ids=lambda attack: attack.name)
def test_faces_in_the_written_picture_are_hardly_known(two, tmp_path, attack):
    two.save(tmp_path / "two.png")
    (outcome,) = outcomes(tmp_path, "two.png", attack=attack)
    assert (outcome.state, outcome.faces) == ("protected", 2)
    before, after = two, read_picture(tmp_path / "out" / "two.png")
    assert after.size == before.size and outcome.linf <= attack.default_budget.linf * 255
    a, b = np.array(before), np.array(after)
    faces = find_faces(before)
    mask = np.zeros(a.shape[:2], bool)
    for face in faces:
        left, top, right, bottom = Placement.of(face, before.size).box
        mask[top:bottom, left:right] = True
    assert (a[~mask] == b[~mask]).all() and (a[mask] != b[mask]).any()
    network = load("compact-a")
    crops = [torch.stack([to_tensor(align(p, face)) for face in faces]) for p in (before, after)]
    similarity = (embed(network, crops[0]) * embed(network, crops[1])).sum(1)
    assert similarity.mean() < 0 and similarity.max() < 0.5, "another photo of the same people has about 0.7"


def test_upright_and_without_metadata(embedded, tmp_path):
    lying = picture(embedded, (3, 260, 0, 40, 60), size=(400, 360)).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "a camera"
    exif.get_ifd(0x8769)[0x9003], exif.get_ifd(0x8769)[0x927C] = "2020:01:01 00:00:00", b"a preview of the face"
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    lying.save(tmp_path / "lying.jpg", exif=exif, quality=95, icc_profile=profile, comment=b"said by me")
    assert outcomes(tmp_path, "lying.jpg")[0].faces == 1
    assert outcomes(tmp_path, "lying.jpg", out="kept", keep_metadata=True)[0].faces == 1
    dropped, kept = Image.open(tmp_path / "out/lying.png"), Image.open(tmp_path / "kept/lying.png")
    assert dropped.size == kept.size == (400, 360) and dropped.info == {"icc_profile": profile}
    written = (tmp_path / "out/lying.png").read_bytes()
    assert not dropped.getexif() and b"a camera" not in written and b"said by me" not in written
    assert kept.getexif()[0x010F] == "a camera" and kept.getexif()[0x0112] == 1
    assert kept.getexif().get_ifd(0x8769) == {0x9003: "2020:01:01 00:00:00"}, "without the camera's own preview"
    assert kept.info["icc_profile"] == profile


def with_thumbnail(shown: bytes) -> bytes:
    """EXIF whose second directory holds a thumbnail, as cameras write it."""
    first = struct.pack("<H", 1) + struct.pack("<HHII", 0x0112, 3, 1, 1) + struct.pack("<I", 26)
    second = (
        struct.pack("<H", 2) + struct.pack("<HHII", 0x0201, 4, 1, 56) + struct.pack("<HHII", 0x0202, 4, 1, len(shown))
    )
    return b"Exif\0\0II*\0" + struct.pack("<I", 8) + first + second + struct.pack("<I", 0) + shown


def test_a_kept_thumbnail_would_show_the_face(embedded, tmp_path):
    shown = b"\xff\xd8THE UNCHANGED FACE\xff\xd9"
    picture(embedded, size=(320, 300)).save(tmp_path / "a.jpg", exif=with_thumbnail(shown))
    assert b"UNCHANGED" in (tmp_path / "a.jpg").read_bytes()
    outcomes(tmp_path, "a.jpg", keep_metadata=True)
    written = (tmp_path / "out/a.png").read_bytes()
    assert Image.open(tmp_path / "out/a.png").getexif()[0x0112] == 1 and b"UNCHANGED" not in written


def test_transparency_stays_and_what_would_be_lost_is_refused(embedded, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    face = picture(embedded, (3, 260, 0, 40, 60), size=(400, 360))
    alpha = Image.linear_gradient("L").resize(face.size)
    seen = face.copy()
    seen.putalpha(alpha)
    seen.save(folder / "alpha.png")
    face.convert("CMYK").save(folder / "print.jpg", icc_profile=b"\0" * 16 + b"CMYK" + b"\0" * 108)
    Image.fromarray(np.arange(0, 60_000, dtype="uint16").reshape(200, 300)).save(folder / "deep.png")
    done = {Path(o.source).name: o for o in outcomes(tmp_path, "in", keep_metadata=True)}
    assert done["alpha.png"].state == done["print.jpg"].state == "protected"
    assert Image.open(tmp_path / "out/alpha.png").getchannel("A").tobytes() == alpha.tobytes()
    assert "icc_profile" not in Image.open(tmp_path / "out/print.png").info, "its pixels are RGB now"
    assert done["deep.png"].state == "unreadable" and "8 bits" in done["deep.png"].why


def test_names_never_meet(tmp_path):
    paths = ["a.jpg", "A.png", "b.jpg", "c/a.jpg", "a.jpg", "a.jpg.png"]
    names = [str(name) for name in distinct_names([Path(path) for path in paths])]
    assert names[2:4] == ["b.png", "c/a.png"] and names[0] == "a.jpg.png"
    assert len({name.casefold() for name in names}) == len(paths)
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        Image.new("RGB", (30, 30)).save(tmp_path / folder / "a.jpg")
    pairs = find_inputs([tmp_path / "x", tmp_path / "y", tmp_path / "x/a.jpg"], tmp_path / "out")
    assert len(pairs) == len({target for _, target in pairs}) == 2, "the same photo once, the other under its own name"
    with pytest.raises(DataError, match="output folder"):
        find_inputs([tmp_path / "x"], tmp_path / "x")
    assert len(find_inputs([tmp_path], tmp_path / "x")) == 1


def test_written_files_are_new_and_as_private_as_the_user_wants(tmp_path):
    before = os.umask(0o077)
    try:
        write_new(Image.new("RGB", (3, 3)), tmp_path / "a.png", {})
    finally:
        os.umask(before)
    assert (tmp_path / "a.png").stat().st_mode & 0o777 == 0o600
    kept = (tmp_path / "a.png").read_bytes()
    (tmp_path / "mine").write_text("mine")
    for write in (
        lambda: write_new(Image.new("RGB", (9, 9)), tmp_path / "a.png", {}),
        lambda: copy_new(tmp_path / "mine", tmp_path / "a.png"),
    ):
        with pytest.raises(FileExistsError):
            write()
    copy_new(tmp_path / "a.png", tmp_path / "b.png")
    assert (tmp_path / "a.png").read_bytes() == (tmp_path / "b.png").read_bytes() == kept
    assert {p.name for p in tmp_path.iterdir()} == {"a.png", "b.png", "mine"}


def test_no_face_unreadable_and_names(embedded, two, tmp_path):
    folder = tmp_path / "in"
    (folder / "höhe").mkdir(parents=True)
    two.save(folder / "höhe" / "two.png")
    two.save(folder / "höhe" / "two.jpg")
    picture(embedded).save(folder / "nobody.png")
    (folder / "broken.jpg").write_text("no picture")
    (folder / "empty.png").touch()
    done = {os.path.basename(o.source): o for o in outcomes(tmp_path, "in")}
    assert done["nobody.png"].state == "no face"
    assert (np.array(Image.open(folder / "nobody.png")) == np.array(Image.open(tmp_path / "out/nobody.png"))).all()
    assert done["broken.jpg"].state == done["empty.png"].state == "unreadable"
    assert "broken.jpg" in done["broken.jpg"].why
    written = {str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.png")}
    assert written == {"höhe/two.png.png", "höhe/two.jpg.png", "nobody.png"}
    with pytest.raises(DataError, match="there is no"):
        find_inputs([tmp_path / "nothing"], tmp_path / "out")
    with pytest.raises(UsageError, match="somebody else"):
        from facetui.engine.attacks.foggysight import FoggySight

        Protector(FoggySight(), ["compact-a"], tmp_path)


def test_never_overwrites_and_resumes(two, tmp_path):
    folder = tmp_path / "in"
    folder.mkdir()
    for name in "abcdefgh":
        two.save(folder / f"{name}.png")
    (tmp_path / "out").mkdir()
    (tmp_path / "out/a.png").write_bytes(b"mine")
    steps = []

    def give_up(done, total):
        steps.append(done)
        if len(steps) > 3:
            raise Cancelled("enough")

    finished = []
    protector = Protector(PGD(steps=2), ["compact-a"], tmp_path / "out", progress=give_up)
    with pytest.raises(Cancelled):
        for outcome in protector.run(find_inputs([folder], tmp_path / "out")):
            finished.append(outcome)
    kept = {p.name: p.read_bytes() for p in (tmp_path / "out").glob("*.png")}
    assert 2 < len(kept) < 8 and not list((tmp_path / "out").glob(".facetui-*.png"))
    with (tmp_path / "out" / MANIFEST).open("a") as file:
        file.write('{"output": "h.p')  # killed while writing
    states = {os.path.basename(o.output): o.state for o in outcomes(tmp_path, "in", attack=PGD(steps=2))}
    assert states.pop("a.png") == "refused" and (tmp_path / "out/a.png").read_bytes() == b"mine"
    assert all(states[name] == "done before" for name in kept if name != "a.png")
    assert sorted(states.values()).count("protected") == 8 - len(kept)
    assert all((tmp_path / "out" / name).read_bytes() == data for name, data in kept.items())
    again = {os.path.basename(o.output): o.state for o in outcomes(tmp_path, "in", attack=PGD(steps=3))}
    assert set(again.values()) == {"refused"}, "made with other settings"


def test_an_interruption_changes_no_byte(embedded, tmp_path):
    """Photos perturbed together stay together, whichever of them are on disk already."""
    folder = tmp_path / "in"
    folder.mkdir()
    for person in range(4):
        picture(embedded, (person, 200, 0, 40, 40), size=(300, 300)).save(folder / f"{person}.png")
    attack = PGD(steps=2)  # aims at whom the album resembles least: its company matters
    outcomes(tmp_path, "in", attack=attack, out="whole")
    pairs = find_inputs([folder], tmp_path / "parts")
    started = Protector(attack, ["compact-a"], tmp_path / "parts").run(pairs)
    first = [next(started).state for _ in range(2)]
    started.close()
    assert first == ["protected"] * 2 and len(list((tmp_path / "parts").glob("*.png"))) == 2
    outcomes(tmp_path, "in", attack=attack, out="parts")
    (tmp_path / "parts/0.png").unlink()
    states = [o.state for o in outcomes(tmp_path, "in", attack=attack, out="parts")]
    assert sorted(states) == ["done before"] * 3 + ["protected"]
    for name in ("0.png", "1.png", "2.png", "3.png"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_file_in_the_way_of_a_folder_stops_nothing_else(embedded, tmp_path):
    (tmp_path / "in/sub").mkdir(parents=True)
    for name in ("in/sub/a.png", "in/b.png"):
        picture(embedded, size=(320, 300)).save(tmp_path / name)
    (tmp_path / "out").mkdir()
    (tmp_path / "out/sub").write_text("mine")
    done = {Path(o.source).name: o.state for o in outcomes(tmp_path, "in")}
    assert done == {"a.png": "refused", "b.png": "no face"} and (tmp_path / "out/sub").read_text() == "mine"


def cli(*arguments, **settings):
    return subprocess.run(
        [sys.executable, "-m", "facetui.tui.cli.main", "protect", *map(str, arguments)],
        capture_output=True,
        text=True,
        **settings,
    )


def test_command(two, tmp_path):
    two.save(tmp_path / "two.png")
    (tmp_path / "broken.jpg").write_text("no picture")
    pgd = ("--attack", "pgd", "-o", tmp_path / "out", "--budget", "linf 4/255")
    ran = cli(tmp_path / "two.png", tmp_path / "broken.jpg", *pgd, "--json")
    said = json.loads(ran.stdout)
    assert ran.returncode == 4 and said["summary"] == {"unreadable": 1, "protected": 1}
    assert said["surrogates"] == ["compact-a"] and said["budget"] == "linf 4/255"
    assert said["totals"]["faces"] == 2 and 3 <= said["totals"]["linf"] <= 4 and said["totals"]["psnr"] > 36
    assert 0 < said["totals"]["dssim"] < 0.1 and said["photos"][-1]["dssim"] == said["totals"]["dssim"]
    shown = cli(tmp_path / "two.png", *pgd)
    assert said["photos"][0]["linf"] is None, "what was not measured is not zero"
    assert shown.returncode == 0 and "done before" in shown.stdout and "Traceback" not in shown.stderr
    failed = cli(tmp_path / "absent", "-o", tmp_path / "x")
    assert (
        failed.returncode == 4 and failed.stderr.startswith("facetui: there is no") and failed.stderr.count("\n") == 1
    )


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"attack": "pgd", "mode": "high"}, "has no modes"),
        ({"attack": "fawkes"}, "did you mean"),
        ({"mode": "hihg"}, "low, mid, high"),
        ({"attack": "foggysight"}, "somebody else"),
        ({"surrogates": ","}, "at least one surrogate"),
        ({"surrogates": "compact-z"}, "did you mean"),
        ({"budget": "much"}, "expected a budget"),
    ],
)
def test_bad_options_are_one_sentence(tmp_path, asked, message):
    from facetui.tui.cli.photos.protect_photos import protect_photos as protect

    Image.new("RGB", (30, 30)).save(tmp_path / "a.png")
    usual = {"attack": "fawkes-1.0", "mode": None, "budget": None, "surrogates": None, "seed": 0, "device": "cpu"}
    with pytest.raises(UsageError, match=message) as caught:
        protect([tmp_path / "a.png"], out=tmp_path / "x", keep_metadata=False, as_one_json=False, **{**usual, **asked})
    assert "\n" not in str(caught.value) and not (tmp_path / "x").exists()


def test_interrupted_command_says_how_to_go_on(two, tmp_path):
    two.save(tmp_path / "two.png")
    command = [sys.executable, "-m", "facetui.tui.cli.main", "protect", str(tmp_path / "two.png")]
    command += ["--attack", "fawkes-0.3", "--mode", "ultra", "-o", str(tmp_path / "out")]
    running = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 60
    while not (tmp_path / "out").exists() and time.monotonic() < deadline:
        time.sleep(0.1)
    time.sleep(3)
    running.send_signal(signal.SIGINT)
    _, errors = running.communicate(timeout=60)
    assert running.returncode == 130 and "run the same command again" in errors and "Traceback" not in errors
    assert not list((tmp_path / "out").glob("*.png"))


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_terminal_gets_a_bar_with_the_time_left(two, tmp_path):
    import pty

    two.save(tmp_path / "two.png")
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "facetui.tui.cli.main", "protect", "--mode", "low", "-o", str(tmp_path / "out")]
    settings = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    pipes = {"stdout": subprocess.PIPE, "stderr": theirs}
    running = subprocess.Popen([*command, str(tmp_path / "two.png")], env=settings, text=True, **pipes)
    os.close(theirs)
    shown = b""
    try:
        while part := os.read(ours, 4096):
            shown += part
    except OSError:
        pass  # how Linux says that the other side was closed
    said, _ = running.communicate(timeout=60)
    os.close(ours)
    assert running.returncode == 0 and "fawkes-1.0 (dssim 0.004 linf 15/255), against compact-a" in said
    assert "any other extractor" in said and "2 faces" in said
    assert re.search(rb"0 of 1 photos[^\r\n]*0:00:\d\d", shown), "the time left, while the only photo is at work"


@pytest.mark.parametrize(
    "names",
    [
        ["y" * 251 + ".jpg", "y" * 251 + ".png"],
        ["é" * 125 + ".jpg", "é" * 125 + ".png", "É" * 125 + ".webp"],
        ["z" * 255],
        ["a" * 254 + "b", "a" * 254 + "c"],
        ["\U0001f469" * 62 + ".jpg"] * 2,
    ],
)
def test_names_that_would_be_too_long_are_shortened_and_stay_distinct(names):
    made = distinct_names([Path("below") / name for name in names])
    assert len({str(name).casefold() for name in made}) == len(names)
    for name in made:
        assert len(os.fsencode(name.name)) <= 255 and name.suffix == ".png" and name.parent == Path("below")
