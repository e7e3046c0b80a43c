"""Files and folders appear whole or not at all."""

import errno
import json
import os
import random
import resource
import shutil
import signal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faults import PowerCuts, call_fails, in_child, refusal
from polyglass import files
from polyglass.errors import BundleError, InputError, OutOfSpaceError
from polyglass.files import (
    folder_atomically,
    open_atomically,
    read_manifest,
    remove_leftovers,
    sha256_of,
    write_atomically,
)


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob("*") if path.name.startswith(files.LEFTOVER_PREFIX)]


def save_step(folder: Path, step: int) -> None:
    with folder_atomically(folder, {"step": step}) as temporary:
        write_atomically(temporary / "weights", b"w" * step)
        (temporary / "inner").mkdir()
        (temporary / "inner" / "state").write_bytes(b"s")


def test_a_file_is_replaced_by_its_new_content(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"old")
    write_atomically(tmp_path / "a", b"new")
    assert (tmp_path / "a").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_new_file_has_the_permissions_that_the_user_asks_of_new_files(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_atomically(tmp_path / "a", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


def test_a_name_as_long_as_the_disk_allows_can_be_written(tmp_path: Path) -> None:
    write_atomically(tmp_path / ("ü" * 127), b"content")
    assert (tmp_path / ("ü" * 127)).read_bytes() == b"content"


def test_a_block_that_raises_leaves_the_old_file(tmp_path: Path) -> None:
    def interrupted() -> None:
        with open_atomically(tmp_path / "a") as file:
            file.write(b"half")
            raise KeyboardInterrupt

    write_atomically(tmp_path / "a", b"old")
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert (tmp_path / "a").read_bytes() == b"old"
    assert not leftovers(tmp_path)


def test_an_error_of_the_block_itself_is_not_blamed_on_the_output(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), open_atomically(tmp_path / "a"):
        (tmp_path / "absent").read_bytes()


def test_every_system_call_of_a_file_may_fail_and_the_old_file_stands(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for number in range(1, 100):
        write_atomically(path, b"old")
        with call_fails(number) as counter:
            message = refusal(lambda: write_atomically(path, b"new"))
        assert not counter.failed or str(path) in message
        assert not leftovers(tmp_path)
        # When only the last flush fails, the new file is there already; never anything else.
        assert path.read_bytes() in (b"old", b"new")
        if not counter.failed:
            break
    assert number == 7  # open, write, fsync, replace, open folder, fsync folder; then none is left to fail


def test_every_system_call_of_a_folder_may_fail_and_the_old_folder_stands(tmp_path: Path) -> None:
    save_step(tmp_path / "step-1", 1)
    for number in range(1, 100):
        shutil.rmtree(tmp_path / "step-2", ignore_errors=True)
        with call_fails(number) as counter:
            message = refusal(lambda: save_step(tmp_path / "step-2", 2))
        assert not counter.failed or "step-2" in message
        assert not leftovers(tmp_path)
        assert read_manifest(tmp_path / "step-1")["facts"] == {"step": 1}
        if (tmp_path / "step-2").exists():
            assert read_manifest(tmp_path / "step-2")["facts"] == {"step": 2}
        if not counter.failed:
            break
    assert number > 10
    assert read_manifest(tmp_path / "step-2")["facts"] == {"step": 2}


def test_every_system_call_of_a_folder_that_replaces_another_may_fail(tmp_path: Path) -> None:
    for number in range(1, 100):
        save_step(tmp_path / "step", 1)
        with call_fails(number) as counter:
            refusal(lambda: save_step(tmp_path / "step", 2))
        assert read_manifest(tmp_path / "step")["facts"]["step"] in (1, 2)
        remove_leftovers(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["step"]
        if not counter.failed:
            break
    assert number > 10


def test_the_message_of_a_full_disk_says_where_how_much_and_what_to_do(tmp_path: Path) -> None:
    with call_fails(2), pytest.raises(OutOfSpaceError) as caught:
        write_atomically(tmp_path / "model", b"x" * 12345)
    text = str(caught.value)
    assert str(tmp_path / "model") in text
    assert "No space left on device" in text
    assert "at least 12,345 bytes" in text
    assert "are free there" in text
    assert "Free some space" in text
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO])
def test_each_way_in_which_a_disk_refuses_is_named(tmp_path: Path, code: int) -> None:
    with call_fails(1, code), pytest.raises(OutOfSpaceError, match=os.strerror(code)):
        write_atomically(tmp_path / "a", b"")


def test_a_file_size_limit_of_the_system_is_told_apart_from_a_bug(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"old")

    def write_too_much() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        with pytest.raises(OutOfSpaceError, match="File too large"):
            write_atomically(tmp_path / "a", b"x" * 5000)

    assert in_child(write_too_much) == 0
    assert not leftovers(tmp_path)
    assert (tmp_path / "a").read_bytes() == b"old"


def test_a_full_disk_inside_the_block_of_a_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(OutOfSpaceError, match="step-1"), folder_atomically(tmp_path / "step-1", {}):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_not_called_a_full_disk(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"the folder .*absent does not exist. Make it first"):
        write_atomically(tmp_path / "absent" / "a", b"")


def test_devices_and_folders_are_never_replaced_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for path in (Path("/dev/null"), tmp_path / "folder", tmp_path / "pipe"):
        with pytest.raises(InputError, match="must be a file"):
            write_atomically(path, b"content")
    assert Path("/dev/null").is_char_device()


def test_after_a_power_cut_at_any_moment_the_old_or_the_new_file_is_there(tmp_path: Path) -> None:
    write_atomically(tmp_path / "a", b"old")
    cuts = PowerCuts(tmp_path)
    with cuts.recording():
        write_atomically(tmp_path / "a", b"new")
    disks = list(cuts.disks())
    assert len(disks) >= 20
    assert {disk.get("a") for disk in disks} == {b"old", b"new"}


def test_after_a_power_cut_at_any_moment_a_folder_is_whole_or_absent(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    cuts = PowerCuts(tmp_path / "runs")
    with cuts.recording(), folder_atomically(tmp_path / "runs" / "step-1", {"step": 1}) as temporary:
        write_atomically(temporary / "weights", b"numbers")
    whole = 0
    for index, disk in enumerate(cuts.disks()):
        image = tmp_path / f"image-{index}"
        for name, content in disk.items():
            (image / name).parent.mkdir(parents=True, exist_ok=True)
            (image / name).write_bytes(content)
        for folder in image.glob("step-*"):
            assert read_manifest(folder)["facts"] == {"step": 1}
            whole += 1
    assert whole


def test_one_flipped_bit_anywhere_in_a_folder_is_found(tmp_path: Path) -> None:
    save_step(tmp_path / "step", 500)
    chance = random.Random(1)
    for path in sorted(path for path in (tmp_path / "step").rglob("*") if path.is_file()):
        content = path.read_bytes()
        for place in chance.choices(range(len(content) * 8), k=100):
            flipped = bytearray(content)
            flipped[place // 8] ^= 1 << place % 8
            path.write_bytes(flipped)
            with pytest.raises(BundleError, match=path.name):
                read_manifest(tmp_path / "step")
        path.write_bytes(content)
    assert read_manifest(tmp_path / "step")["facts"] == {"step": 500}


def test_a_file_cut_at_any_length_is_found(tmp_path: Path) -> None:
    save_step(tmp_path / "step", 100)
    for name in ("weights", "MANIFEST.json"):
        content = (tmp_path / "step" / name).read_bytes()
        for length in range(len(content)):
            (tmp_path / "step" / name).write_bytes(content[:length])
            with pytest.raises(BundleError, match=name):
                read_manifest(tmp_path / "step")
        (tmp_path / "step" / name).write_bytes(content)


def test_missing_foreign_and_linked_files_are_named(tmp_path: Path) -> None:
    save_step(tmp_path / "step", 1)
    (tmp_path / "step" / "weights").rename(tmp_path / "weights")
    with pytest.raises(BundleError, match=r"step/weights is missing"):
        read_manifest(tmp_path / "step")
    (tmp_path / "step" / "weights").symlink_to(tmp_path / "weights")
    with pytest.raises(BundleError, match="is a link"):
        read_manifest(tmp_path / "step")
    (tmp_path / "step" / "weights").unlink()
    (tmp_path / "weights").rename(tmp_path / "step" / "weights")
    (tmp_path / "step" / "inner" / "extra").write_bytes(b"")
    with pytest.raises(BundleError, match=r"inner/extra does not belong here"):
        read_manifest(tmp_path / "step")


def test_a_manifest_of_a_newer_polyglass_asks_for_an_upgrade(tmp_path: Path) -> None:
    save_step(tmp_path / "step", 1)
    manifest = json.loads((tmp_path / "step" / "MANIFEST.json").read_bytes())
    (tmp_path / "step" / "MANIFEST.json").write_text(json.dumps({**manifest, "format": 2}), encoding="utf-8")
    with pytest.raises(BundleError, match="Upgrade polyglass"):
        read_manifest(tmp_path / "step")


@given(
    st.binary(max_size=300)
    | st.recursive(st.none() | st.integers() | st.text(), st.lists).map(lambda value: json.dumps(value).encode())
)
def test_a_hostile_manifest_is_refused_and_nothing_else_happens(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("hostile")
    (folder / "MANIFEST.json").write_bytes(content)
    with pytest.raises(BundleError, match=r"MANIFEST\.json"):
        read_manifest(folder)


def test_a_manifest_of_a_hundred_thousand_brackets_is_refused(tmp_path: Path) -> None:
    (tmp_path / "MANIFEST.json").write_bytes(b"[" * 100_000)
    with pytest.raises(BundleError, match="is not JSON"):
        read_manifest(tmp_path)


def test_a_pipe_in_place_of_a_file_does_not_block(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "MANIFEST.json")
    with pytest.raises(BundleError, match="must be a regular file"):
        read_manifest(tmp_path)


def test_what_killed_writers_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    def be_killed() -> None:
        with folder_atomically(tmp_path / "step", {}) as temporary:
            (temporary / "weights").write_bytes(b"half")
            os.kill(os.getpid(), signal.SIGKILL)

    assert in_child(be_killed) == -signal.SIGKILL
    write_atomically(tmp_path / "kept", b"")
    assert len(leftovers(tmp_path)) == 1
    remove_leftovers(tmp_path)
    remove_leftovers(tmp_path / "absent")
    assert [path.name for path in tmp_path.iterdir()] == ["kept"]


def test_the_sha256_of_a_file_is_that_of_its_bytes(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert sha256_of(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
