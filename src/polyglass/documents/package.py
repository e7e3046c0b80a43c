"""A package of Trados (.sdlppx, a zip archive) in, the segments of its files out, and the package again.

Only files for the language asked for are translated. The other members keep their bytes, and all keep their names,
order and times; the archive is packed anew only if something in it changed. Nothing is ever unpacked to the disk.
"""

import io
import re
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import PurePath

from polyglass.data.formats.languages import same_language
from polyglass.documents.document import Document, Segment, Translated, Unit
from polyglass.documents.original import Edit, Original
from polyglass.documents.xliff import read_xliff
from polyglass.errors import DataError

MOST_BYTES = 200 * 2**20  # of all members, unpacked
MOST_MEMBERS = 10_000
_ENDING = ".sdlxliff"
_DEVICE = re.compile(r"(?i)(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?")  # of Windows, with any ending


@dataclass(frozen=True)
class _Member:
    """A file in the package. document: what it holds, if it is to be translated; offset: of its text in all texts."""

    info: zipfile.ZipInfo
    content: bytes
    document: Document | None = None
    offset: int = 0


@dataclass(frozen=True)
class _Package(Original):
    """The texts of all documents one after the other, and the archive that they came from."""

    members: tuple[_Member, ...] = ()
    content: bytes = b""

    def edited(self, edits: Iterable[Edit], *, references: bool = False) -> bytes:
        """Return the package with these edits of its documents."""
        waiting = sorted(edits, key=lambda edit: (edit.start, edit.end))
        if not waiting:
            return self.content
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            for member in self.members:
                content = member.content
                if member.document is not None:
                    original = member.document.original
                    end = member.offset + len(original.text)
                    own = [_shifted(edit, -member.offset) for edit in waiting if member.offset <= edit.start <= end]
                    content = original.edited(own, references=references) if own else content
                archive.writestr(member.info, content)
        return packed.getvalue()


def read_package(content: bytes, name: str) -> Document:
    """Read a package. Raises DataError if it is damaged, too large, or has members with odd names."""
    members = list(_members(_unpacked(content, name), name))
    documents = [member.document for member in members if member.document is not None]
    if not documents:
        raise DataError(f"{name} holds no {_ENDING} files, so there is nothing to translate.")
    text = "\n".join(document.original.text for document in documents)
    package = _Package(name, text, members=tuple(members), content=content)
    source = next((document.languages[0] for document in documents if document.languages[0]), None)
    first = documents[0]
    return Document(package, "Trados package", (source, None), partial(_units, package), "xml", first.tags)


def _unpacked(content: bytes, name: str) -> list[tuple[zipfile.ZipInfo, bytes]]:
    """Return the members of an archive, all in memory."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = archive.infolist()
            _check_members(infos, name)
            members = []
            for info in infos:
                with archive.open(info) as stream:
                    members.append((info, stream.read(info.file_size + 1)))  # not more than it says
            return members
    except DataError:
        raise
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, OSError, EOFError, zlib.error) as error:
        raise DataError(f"{name} is no zip archive that can be read ({error}). Copy it again.") from error


def _check_members(infos: Sequence[zipfile.ZipInfo], name: str) -> None:
    """Raise DataError for names that lead elsewhere, and for more than memory should hold."""
    names = [info.orig_filename for info in infos]
    special = next((info.filename for info in infos if _is_special(info)), None)
    if special is not None:
        raise DataError(f"{name} has a member that is no file ({special}), so it is not read.")
    odd = next((one for one in names if _is_odd(one)), None)
    if odd is not None or len({one.casefold() for one in names}) < len(names):
        raise DataError(f"{name} has a member with an odd name ({odd or 'one name twice'}), so it is not read.")
    size = sum(info.file_size for info in infos)
    if size > MOST_BYTES or len(infos) > MOST_MEMBERS:
        raise DataError(
            f"{name} may have at most {MOST_BYTES:,} bytes and {MOST_MEMBERS:,} members when unpacked, but it has "
            f"{size:,} and {len(infos):,}. Split it."
        )


def _members(unpacked: Iterable[tuple[zipfile.ZipInfo, bytes]], name: str) -> Iterator[_Member]:
    offset = 0
    for info, content in unpacked:
        if not info.filename.lower().endswith(_ENDING):
            yield _Member(info, content)
            continue
        document = read_xliff(content, f"{name}/{info.filename}")
        yield _Member(info, content, document, offset)
        offset += len(document.original.text) + 1


def _is_odd(name: str) -> bool:
    """True for names that lead out of a folder, or mean a device or another name on some system."""
    parts = PurePath(name.replace("\\", "/")).parts
    return (
        not name
        or name.startswith(("/", "\\"))
        or ":" in name
        or any(map(_is_control, name))
        or any(part == ".." or part.endswith((".", " ")) or _DEVICE.fullmatch(part) for part in parts)
    )


def _is_special(info: zipfile.ZipInfo) -> bool:
    """True for a symbolic link, a pipe, a device: the kind of a file of Unix stands in the upper half."""
    return stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR)


def _is_control(sign: str) -> bool:
    return ord(sign) < 32


def _units(package: _Package, source_lang: str, target_lang: str) -> list[Unit]:
    units: list[Unit] = []
    for member in package.members:
        if member.document is None or member.document.languages[1] is None:
            continue
        mine = same_language(member.document.languages[1], target_lang)
        for unit in member.document.find_units(source_lang, target_lang):
            segments = unit.segments if mine else tuple(map(_for_others, unit.segments))
            units.append(replace(unit, segments=segments, write=partial(_write, unit, member.offset)))
    return units


def _for_others(segment: Segment) -> Segment:
    return segment if segment.state == "closed" else Segment(segment.source, "closed", "for another language")


def _write(unit: Unit, offset: int, texts: Translated, language: str) -> Sequence[Edit]:
    return [_shifted(edit, offset) for edit in unit.write(texts, language)]


def _shifted(edit: Edit, by: int) -> Edit:
    return Edit(edit.start + by, edit.end + by, edit.text)
