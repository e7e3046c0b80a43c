"""Make a virtual environment for each peer that `training.py` and `decoding.py` compare polyglass with.

Each peer gets an environment of its own, because they want other versions of the same packages: the peer itself
without what it asks for, then what training and translating really needs, with a CPU build of the torch that polyglass
uses. A peer that cannot be installed or imported is said with its reason, and the benchmarks go on without it.
"""

import argparse
import json
import subprocess
import sys
import venv
from dataclasses import asdict, dataclass
from pathlib import Path

TORCH = "torch==2.13.0"
FOLDER = Path(__file__).parent / ".peers"
INSTALL_SECONDS = 900
IMPORT_SECONDS = 180


@dataclass(frozen=True)
class Peer:
    """What to install: the package, the others that it needs (a subset of what it asks for), and what to import."""

    package: str
    needs: tuple[str, ...]
    module: str


@dataclass(frozen=True)
class Outcome:
    """How an installation went; `reason` is empty if the peer can be imported."""

    name: str
    version: str
    reason: str


PEERS = {
    # torch<2.3 and fasttext are asked for; neither is needed to train.
    "onmt": Peer(
        "OpenNMT-py==3.5.1",
        (
            "configargparse",
            "ctranslate2",
            "pyonmttok",
            "pyyaml",
            "sacrebleu",
            "rapidfuzz",
            "pyahocorasick",
            "six",
            "spacy",
        ),
        "onmt.bin.train",
    ),
    "eole": Peer(
        "eole==0.6.4",
        (
            *("configargparse", "ctranslate2", "pyonmttok", "pyyaml", "sacrebleu", "rapidfuzz", "pyahocorasick", "six"),
            *("safetensors", "huggingface_hub", "rich", "pydantic", "sentencepiece", "subword-nmt", "tokenizers"),
            *("pandas", "torch-optimi", "tensorboard", "datasets", "requests", "aiohttp", "uvicorn"),
        ),
        "eole.bin.main",
    ),
    "joeynmt": Peer(
        "joeynmt==2.3.0",
        (
            *("sacrebleu", "sacremoses", "sentencepiece", "subword-nmt", "pyyaml", "tensorboard", "datasets"),
            *("packaging", "importlib_metadata", "matplotlib", "seaborn", "protobuf"),
        ),
        "joeynmt.training",
    ),
    # torch<1.14 is asked for, which has no build for Python 3.11.
    "sockeye": Peer("sockeye==3.1.34", ("pyyaml", "sacrebleu", "numpy<2"), "sockeye.train"),
    "fairseq": Peer(
        "fairseq-fixed==0.12.3.1",
        ("cython", "cffi", "hydra-core", "omegaconf", "regex", "sacrebleu", "tqdm", "bitarray", "scikit-learn"),
        "fairseq_cli.train",
    ),
    "hugging-face": Peer("transformers>=5.24,<6", ("tokenizers", "safetensors", "sentencepiece"), "transformers"),
}


def python_of(folder: Path, name: str) -> Path:
    """Return the interpreter of a peer's environment."""
    return folder / name / "bin" / "python"


def install(folder: Path, name: str) -> Outcome:
    """Make the environment of a peer, or say why it cannot be made; one that is whole is left as it is."""
    peer, python = PEERS[name], python_of(folder, name)
    if not python.exists():
        venv.create(folder / name, with_pip=True)
    found = check(folder, name)
    if not found.reason:
        return found
    pip = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # torch in the same command as the needs: alone, a need would fetch the newest, which on Linux is one for CUDA.
    for command in ([*pip, TORCH, "setuptools<81", *peer.needs], [*pip, "--no-deps", peer.package]):
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return Outcome(name, "", f"not installed within {INSTALL_SECONDS} seconds")
        if done.returncode:
            return Outcome(name, "", _last_line(done.stderr))
    return check(folder, name)


def check(folder: Path, name: str) -> Outcome:
    """Import a peer in its environment; say its version, or why it cannot be used."""
    peer, python = PEERS[name], python_of(folder, name)
    if not python.exists():
        return Outcome(name, "", f"not installed; run: python benchmarks/peers.py {name} --folder {folder}")
    package = peer.package.split("=")[0].rstrip("><")
    code = f"import importlib.metadata as m, {peer.module}; print(m.version({package!r}))"
    try:
        done = subprocess.run(
            [str(python), "-c", code], capture_output=True, text=True, timeout=IMPORT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return Outcome(name, "", f"not imported within {IMPORT_SECONDS} seconds")
    if done.returncode:
        return Outcome(name, "", _last_line(done.stderr))
    return Outcome(name, done.stdout.split("\n")[-2], "")


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "no message"


def add_folder(parser: argparse.ArgumentParser) -> None:
    """Add the option that names the folder of the environments."""
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the environments are (default: %(default)s)")


def main(argv: list[str] | None = None) -> int:
    """Install what is asked for and say how each went."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("peers", nargs="*", choices=[*PEERS, []], default=[], help="which (default: all)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the outcomes to FILE")
    add_folder(parser)
    arguments = parser.parse_args(argv)
    outcomes = []
    for name in arguments.peers or PEERS:
        outcomes.append(install(arguments.folder, name))
        one = outcomes[-1]
        print(f"{name:14}{one.version or 'missing: ' + one.reason}", flush=True)
    if arguments.json:
        content = json.dumps([asdict(one) for one in outcomes], indent=2) + "\n"
        arguments.json.write_text(content, encoding="utf-8", newline="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
