"""API keys: a file of their hashes in, yes or no out, in the same time whatever key is tried.

Each line of the file is `sha256:HEX NAME`. A key has 256 random bits, so a plain hash cannot be searched backwards.
"""

import hashlib
import hmac
import re
import secrets
from pathlib import Path

from polyglass.errors import InputError
from polyglass.files import write_atomically
from polyglass.reading import read_bounded

_LINE = re.compile(r"sha256:([0-9a-f]{64})(?:\s+(\S.*))?")
_MAX_BYTES = 16 * 2**20
_PREFIX = "pg_"


class KeyRing:
    """The keys that are let in; none at all means that nobody is asked for one."""

    def __init__(self, digests: tuple[bytes, ...]) -> None:
        self._digests = digests

    def __bool__(self) -> bool:
        return bool(self._digests)

    def __len__(self) -> int:
        return len(self._digests)

    def knows(self, key: str) -> bool:
        """Whether the key is one of ours. Every key is compared, whole, so that the time says nothing."""
        digest = hashlib.sha256(key.encode("utf-8", "replace")).digest()
        found = 0
        for known in self._digests:
            found |= hmac.compare_digest(digest, known)
        return bool(found)


def read_keys(path: Path) -> KeyRing:
    """Read a file of hashes. Raises InputError naming the first line that is none."""
    if not path.is_file():
        raise InputError(
            f"The file of keys {path} does not exist. Make a key: polyglass serve --new-key NAME --keys {path}"
        )
    digests: list[bytes] = []
    for number, line in enumerate(read_bounded(path, _MAX_BYTES).decode("utf-8", "replace").splitlines(), start=1):
        line = line.strip()
        if not line or line.startswith("#"):
            continue
        found = _LINE.fullmatch(line)
        if found is None:
            raise InputError(
                f"{path}:{number}: a line of this file must be sha256:HEX NAME, but this one is not. It holds hashes, "
                f"never keys. Make a key: polyglass serve --new-key NAME --keys {path}"
            )
        digests.append(bytes.fromhex(found[1]))
    if not digests:
        raise InputError(f"{path} holds no key, so nobody could get in. Make one: polyglass serve --new-key NAME")
    return KeyRing(tuple(digests))


def new_key(path: Path, name: str) -> str:
    """Make a key, add its hash to the file under a name, and return the key, which is kept nowhere."""
    name = " ".join(name.split())
    if not name.isprintable() or not name:
        raise InputError("A key must have a name of printable characters, such as that of who will use it.")
    key = _PREFIX + secrets.token_urlsafe(32)
    before = read_bounded(path, _MAX_BYTES).decode("utf-8") if path.exists() else ""
    if before and not before.endswith("\n"):
        before += "\n"
    line = f"sha256:{hashlib.sha256(key.encode()).hexdigest()} {name}\n"
    write_atomically(path, (before + line).encode())
    return key
