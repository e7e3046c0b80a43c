"""JoeyNMT's own trainer, timed: one epoch over a small part of the corpus and one over a larger, each a process.

What the larger takes more is the time of training, without start-up. The text is cut into subwords beforehand, so
that its tokens are the same as everybody's.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from peers import python_of
from polyglass.config import Config, TransformerConfig
from polyglass.run.prepare import Corpus

SMALL, LARGE = 200, 1200
"""Pairs of the two parts."""


class JoeyNMT:
    """Answers as a worker does: real target tokens, seconds and peak memory of one turn."""

    system = "joeynmt"

    def __init__(self, peers: Path, folder: Path, config: Config, corpus: Corpus) -> None:
        if not isinstance(config.model, TransformerConfig):
            raise SystemExit("Only Transformers are compared.")
        folder.mkdir()
        self._python = python_of(peers, "joeynmt")
        self._folder = folder
        words = corpus.subwords
        pieces = [piece for piece in words.target_pieces(range(words.target_size)) if piece not in _SPECIAL]
        _write(folder / "words.txt", pieces)
        self._tokens = {}
        for pairs in (SMALL, LARGE):
            sources = [" ".join(words.source_pieces(corpus.store.source(pair).tolist())) for pair in range(pairs)]
            targets = [" ".join(words.target_pieces(corpus.store.target(pair).tolist())) for pair in range(pairs)]
            for name, lines in (("src", sources), ("trg", targets)):
                _write(folder / f"{pairs}.{name}", lines)
                _write(folder / f"dev.{name}", lines[:2])
            self._tokens[pairs] = sum(len(corpus.store.target(pair)) + 1 for pair in range(pairs))
            content = json.dumps(_settings(folder, pairs, config.model, config), indent=1)  # JSON is YAML
            (folder / f"{pairs}.yaml").write_text(content, encoding="utf-8", newline="\n")

    def ask(self, question: dict[str, Any]) -> dict[str, Any]:
        """Train one epoch on each part; how long a turn is does not depend on the question."""
        small, _ = self._train(SMALL)
        large, peak = self._train(LARGE)
        return {"tokens": self._tokens[LARGE] - self._tokens[SMALL], "seconds": large - small, "peak": peak}

    def close(self) -> None:
        """Nothing runs between turns."""

    def _train(self, pairs: int) -> tuple[float, int]:
        """Return processor seconds and peak memory in bytes of one epoch."""
        command = [str(self._python), "-m", "joeynmt", "train", f"{pairs}.yaml", "--skip-test"]
        log = self._folder / f"{pairs}.log"
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        with log.open("wb") as output:
            process = subprocess.Popen(command, cwd=self._folder, stdout=output, stderr=output, env=environment)
            _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode:
            tail = log.read_text(encoding="utf-8", errors="replace")[-1500:]
            raise SystemExit(f"JoeyNMT failed:\n{tail}")
        return usage.ru_utime + usage.ru_stime, usage.ru_maxrss * 1024


_SPECIAL = ("<unk>", "<s>", "</s>", "<pad>")


def _write(path: Path, lines: list[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", newline="\n")


def _settings(folder: Path, pairs: int, model: TransformerConfig, config: Config) -> dict[str, Any]:
    side = {"level": "word", "lowercase": False, "max_length": 500, "voc_file": str(folder / "words.txt")}
    stack = {
        "type": "transformer",
        "num_heads": model.num_heads,
        "hidden_size": model.d_model,
        "ff_size": model.d_ff,
        "dropout": model.dropout,
        "layer_norm": model.norm_place,
        "activation": model.activation,
        "embeddings": {"embedding_dim": model.d_model, "scale": True, "dropout": model.dropout},
    }
    return {
        "name": f"{pairs}",
        "joeynmt_version": "2.3.0",
        "model_dir": str(folder / f"model-{pairs}"),
        "use_cuda": False,
        "random_seed": 1,
        "data": {
            "train": str(folder / f"{pairs}"),
            "dev": str(folder / "dev"),
            "dataset_type": "plain",
            "src": side | {"lang": "src"},
            "trg": side | {"lang": "trg"},
        },
        "testing": {"beam_size": 1, "batch_size": 2, "batch_type": "sentence", "eval_metrics": ["bleu"]},
        "training": {
            "optimizer": "adam",
            "adam_betas": [0.9, 0.98],
            "learning_rate": 1e-4,
            "scheduling": "warmupinversesquareroot",
            "label_smoothing": config.train.label_smoothing,
            "clip_grad_norm": 1.0,
            "normalization": "tokens",
            "loss": "crossentropy",
            "batch_size": config.train.batch_tokens,
            "batch_type": "token",
            "epochs": 1,
            "validation_freq": 1_000_000,
            "logging_freq": 1_000,
            "overwrite": True,
            "shuffle": True,
        },
        "model": {
            "initializer": "xavier_uniform",
            "tied_embeddings": True,
            "tied_softmax": True,
            "encoder": stack | {"num_layers": model.encoder_layers},
            "decoder": stack | {"num_layers": model.decoder_layers},
        },
    }
