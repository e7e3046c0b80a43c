"""Every option once: name, type, default, limits and meaning. Nothing below this file has a default of its own.

A `Config` has four sections (`data`, `model`, `train`, `decode`). An option is named `section.field`, such as
`model.dropout`; command line, environment, TOML file and Python all reach this one field (see `settings.py`).
`None` means: the planner chooses it from the corpus and the machine, and says so (see `run/planner.py`).
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Share = Annotated[float, Field(ge=0.0, lt=1.0)]
Positive = Annotated[int, Field(gt=0)]


class Section(BaseModel):
    """A group of options: frozen, and unknown names are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


class DataConfig(Section):
    """Which pairs are kept, and how text becomes subwords."""

    max_length_chars: Positive = Field(2000, description="pairs with a longer side are dropped, in characters")
    max_length_tokens: Positive = Field(256, le=16384, description="pairs with a longer side are dropped, in subwords")
    max_length_ratio: float = Field(
        6.0, gt=1, description="pairs whose longer side has this many times the shorter side's characters are dropped"
    )
    drop_identical: bool = Field(True, description="drop pairs whose sides are the same text and longer than a name")
    drop_duplicates: bool = Field(True, description="keep a pair that occurs several times once")
    drop_overlap: bool = Field(
        True, description="drop training pairs whose source stands in the validation or test set"
    )
    subwords: Literal["bpe", "unigram"] = Field("bpe", description="how SentencePiece cuts words")
    joint_vocabulary: bool = Field(True, description="one subword vocabulary for both languages")
    vocabulary_size: Annotated[int, Field(ge=64, le=1_000_000)] | None = Field(
        None, description="subwords in each vocabulary; unset: chosen from the corpus"
    )
    byte_fallback: bool = Field(
        True, description="spell characters outside the vocabulary as bytes: nothing is unknown"
    )
    character_coverage: float = Field(
        0.9999, gt=0.9, le=1.0, description="share of the corpus' characters that the vocabulary must cover"
    )
    subword_sampling: Share | None = Field(
        None, description="chance that a merge is left out while training (BPE-dropout); unset: chosen from the corpus"
    )
    protect: bool | None = Field(
        None,
        description="train on copies with masks for placeholders, too, so that the model copies them (%s, {name}); "
        "unset: if one pair in a hundred has some",
    )


class TransformerConfig(Section):
    """The Transformer of Vaswani et al. 2017; each default is the paper's `base` model."""

    family: Literal["transformer"] = Field("transformer", description="architecture")
    d_model: Annotated[int, Field(gt=0, le=16384)] = Field(512, description="width of every vector between layers")
    num_heads: Annotated[int, Field(gt=0, le=256)] = Field(8, description="attention heads; d_k = d_model / num_heads")
    d_ff: Annotated[int, Field(gt=0, le=65536)] = Field(2048, description="width inside the feed-forward layer")
    encoder_layers: Annotated[int, Field(gt=0, le=128)] = Field(6, description="encoder blocks")
    decoder_layers: Annotated[int, Field(gt=0, le=128)] = Field(6, description="decoder blocks")
    dropout: Share = Field(0.1, description="share of numbers silenced in training after each sub-layer and embedding")
    attention_dropout: Share = Field(0.0, description="share of attention weights silenced in training")
    activation_dropout: Share = Field(0.0, description="share of feed-forward activations silenced in training")
    norm: Literal["layer", "batch", "rms"] = Field("layer", description="kind of normalisation")
    norm_place: Literal["post", "pre"] = Field(
        "post", description="normalise after the residual sum (paper) or before each sub-layer (needs no warm-up)"
    )
    positions: Literal["sinusoidal", "learned", "rotary", "none"] = Field(
        "sinusoidal", description="how the model knows the order of words"
    )
    max_positions: Annotated[int, Field(gt=1, le=65536)] = Field(
        1024, description="longest sentence in subwords that the model can take"
    )
    activation: Literal["relu", "gelu", "silu"] = Field("relu", description="non-linearity of the feed-forward layer")
    attention_bias: bool = Field(False, description="add a bias in W^Q, W^K, W^V and W^O (the paper has none)")
    tie_embeddings: Literal["three", "two", "none"] = Field(
        "three",
        description="share one matrix between source embedding, target embedding and output layer (three), "
        "or between target embedding and output layer (two)",
    )

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> "TransformerConfig":
        if self.d_model % self.num_heads:
            below = max(self.num_heads, self.d_model - self.d_model % self.num_heads)
            raise ValueError(
                f"model.d_model must be a multiple of model.num_heads, but {self.d_model} is not a multiple of "
                f"{self.num_heads}. Try {below} or {below + self.num_heads}."
            )
        if self.positions == "rotary" and (self.d_model // self.num_heads) % 2:
            raise ValueError(
                f"model.positions={self.positions} rotates pairs of numbers, so d_model / num_heads must be even, "
                f"but {self.d_model} / {self.num_heads} is {self.d_model // self.num_heads}."
            )
        return self


class RecurrentConfig(Section):
    """A recurrent encoder-decoder (Sutskever et al. 2014), with or without attention; `family` names its cell."""

    family: Literal["rnn", "gru", "lstm"] = Field("lstm", description="architecture")
    d_model: Annotated[int, Field(gt=0, le=16384)] = Field(512, description="width of every vector between layers")
    encoder_layers: Annotated[int, Field(gt=0, le=128)] = Field(1, description="encoder blocks")
    decoder_layers: Annotated[int, Field(gt=0, le=128)] = Field(1, description="decoder blocks")
    bidirectional: bool = Field(
        True, description="the encoder reads in both directions, each with half of d_model (Schuster and Paliwal 1997)"
    )
    attention: Literal["none", "additive", "dot", "general"] = Field(
        "none",
        description="how the decoder looks at the source: only at the encoder's last state (none), as Bahdanau et al. "
        "2015 (additive) or as Luong et al. 2015 (dot, general)",
    )
    input_feeding: bool = Field(
        False, description="each step also reads what attention led to in the step before (Luong et al. 2015, §3.3)"
    )
    feed_context: bool = Field(
        False, description="without attention: each step reads the encoder's last state again (Cho et al. 2014)"
    )
    dropout: Share = Field(0.2, description="share of numbers silenced in training after each sub-layer and embedding")
    max_positions: Annotated[int, Field(gt=1, le=65536)] = Field(
        1024, description="longest sentence in subwords that the model can take"
    )
    tie_embeddings: Literal["three", "two", "none"] = Field(
        "three",
        description="share one matrix between source embedding, target embedding and output layer (three), "
        "or between target embedding and output layer (two)",
    )

    @model_validator(mode="after")
    def _what_is_fed_is_there(self) -> "RecurrentConfig":
        if self.bidirectional and self.d_model % 2:
            raise ValueError(
                f"model.bidirectional halves model.d_model, so it must be even, but it is {self.d_model}. "
                f"Try {self.d_model + 1}, or set model.bidirectional=false."
            )
        if self.input_feeding and self.attention not in ("dot", "general"):
            reason = "feeds its context anyway" if self.attention == "additive" else "has nothing to feed"
            raise ValueError(
                f"model.input_feeding goes with model.attention=dot or general, but {self.attention} {reason}. "
                "Set model.input_feeding=false."
            )
        if self.feed_context and self.attention != "none":
            raise ValueError(
                f"model.feed_context goes with model.attention=none, but {self.attention} makes a context of its own "
                "at each step. Set model.feed_context=false."
            )
        return self


ModelConfig = Annotated[TransformerConfig | RecurrentConfig, Field(discriminator="family")]


class TrainConfig(Section):
    """How the model learns."""

    seed: int = Field(1, ge=0, lt=2**31, description="same seed and machine: same weights to the bit")
    device: Literal["auto", "cpu", "cuda", "mps"] = Field("auto", description="where to compute")
    threads: Annotated[int, Field(ge=0, le=1024)] = Field(
        0, description="CPU threads; 0: all cores, or OMP_NUM_THREADS"
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="number format of the matrix products; auto: bfloat16 where the device is fast at it"
    )
    compile: bool = Field(False, description="let torch.compile fuse the training step (slow to start)")
    batch_tokens: Annotated[int, Field(ge=16, le=10_000_000)] | None = Field(
        None, description="target tokens in one batch, padding included; unset: chosen from the corpus"
    )
    accumulate: Annotated[int, Field(gt=0, le=1024)] = Field(1, description="batches added up before one update")
    budget_seconds: Annotated[float, Field(gt=0)] | None = Field(None, description="time for the whole run (--budget)")
    steps: Positive | None = Field(None, description="updates in the whole run")
    epochs: Annotated[float, Field(gt=0)] | None = Field(None, description="passes over the corpus in the whole run")
    optimizer: Literal["adam", "adamw"] = Field("adamw", description="update rule")
    learning_rate: Annotated[float, Field(gt=0, le=10)] | None = Field(
        None, description="peak learning rate; unset: chosen from the width of the model"
    )
    schedule: Literal["budget", "paper"] = Field(
        "budget",
        description="budget: warm up, hold, then decay to zero at the last step; "
        "paper: d_model^-0.5 min(step^-0.5, step warmup_steps^-1.5)",
    )
    warmup_steps: Annotated[int, Field(ge=0)] | None = Field(None, description="steps until the peak learning rate")
    decay_share: Annotated[float, Field(ge=0, le=1)] = Field(
        0.9, description="share of the run at its end in which the budget schedule lets the rate fall to zero"
    )
    beta1: Share = Field(0.9, description="memory of Adam for the gradient")
    beta2: Share = Field(0.98, description="memory of Adam for the squared gradient")
    epsilon: float = Field(1e-9, gt=0, description="added to Adam's denominator")
    weight_decay: float = Field(0.01, ge=0, le=1, description="AdamW's pull of the weights towards zero")
    clip_norm: float = Field(1.0, ge=0, description="gradients longer than this are shortened to it; 0: never")
    label_smoothing: Share = Field(0.1, description="probability spread evenly over the whole vocabulary")
    average: Literal["ema", "checkpoints", "none"] = Field(
        "ema", description="weights used for translating: moving average, mean of the last checkpoints, or the last"
    )
    ema_decay: Share = Field(0.999, description="share of the moving average kept at each step, at most")
    average_checkpoints: Annotated[int, Field(gt=0, le=100)] = Field(5, description="how many checkpoints are averaged")
    save_every: Positive | None = Field(None, description="steps between checkpoints; unset: about every two minutes")
    keep_checkpoints: Annotated[int, Field(gt=0, le=1000)] = Field(2, description="checkpoints kept beside the best")
    validate_every: Positive | None = Field(None, description="steps between validations; unset: about 20 in the run")
    validate_sentences: Positive = Field(500, description="validation sentences that are translated for BLEU and chrF")
    patience: int = Field(0, ge=0, description="validations without a better score until training stops; 0: never")
    team_timeout_seconds: float = Field(1800.0, gt=0, description="torchrun: longest wait for a process that hangs")


class DecodeConfig(Section):
    """How a translation is searched."""

    beam_size: Annotated[int, Field(gt=0, le=1024)] = Field(5, description="hypotheses kept at each step; 1: greedy")
    length_penalty: float = Field(
        1.0, ge=0, le=10, description="exponent of ((5 + length) / 6) that scores are divided by; 0: no normalisation"
    )
    n_best: Annotated[int, Field(gt=0, le=1024)] = Field(1, description="translations returned for each sentence")
    sample: bool = Field(False, description="draw words at random by their probability instead of searching")
    temperature: float = Field(1.0, gt=0, le=100, description="sampling: below 1 sharper, above 1 flatter")
    top_k: Annotated[int, Field(ge=0)] = Field(0, description="sampling: only the k likeliest words; 0: all")
    top_p: float = Field(1.0, gt=0, le=1, description="sampling: only the likeliest words that add up to p")
    seed: int = Field(1, ge=0, lt=2**31, description="sampling: same seed, same words")
    max_length_factor: float = Field(2.0, gt=0, le=100, description="outputs end at this many times the source length")
    max_length_extra: Annotated[int, Field(ge=0, le=10_000)] = Field(50, description="... plus this many tokens")
    batch_tokens: Annotated[int, Field(ge=16)] = Field(
        6000, description="source tokens times beam size that are searched together"
    )

    @model_validator(mode="after")
    def _a_beam_holds_what_is_returned(self) -> "DecodeConfig":
        if not self.sample and self.n_best > self.beam_size:
            raise ValueError(
                f"decode.n_best must not be larger than decode.beam_size, but {self.n_best} is larger than "
                f"{self.beam_size}. Set decode.beam_size={self.n_best}."
            )
        return self


class Config(Section):
    """All options of a run."""

    data: DataConfig = DataConfig()
    model: ModelConfig = TransformerConfig()
    train: TrainConfig = TrainConfig()
    decode: DecodeConfig = DecodeConfig()


class ServeConfig(Section):
    """How `polyglass serve` behaves. Not part of a `Config`: a model folder knows nothing of it."""

    models: str = Field(
        "", description="model folders, or folders of them, separated by colons; used if none are named"
    )
    host: str = Field("127.0.0.1", description="address to listen at; the default is this machine only")
    port: Annotated[int, Field(ge=0, le=65535)] = Field(5000, description="port to listen at; 0: any free one")
    open: bool = Field(False, description="listen beyond this machine without asking for keys")
    hosts: str = Field("", description="further names in the Host header that are answered, separated by commas")
    keys: str = Field("", description="file of API keys (their hashes); empty: nobody is asked for one")
    device: str = Field("cpu", description="where to compute: cpu, cuda, mps, auto")
    threads: Annotated[int, Field(ge=0, le=1024)] = Field(0, description="CPU threads of the model; 0: all cores")
    batch_tokens: Annotated[int, Field(ge=16)] = Field(
        6000, description="source tokens times beam size that are searched together"
    )
    gather_seconds: float = Field(
        0.02, ge=0, le=1, description="longest wait for more sentences between two batches; 0: never wait"
    )
    cache_mb: float = Field(64, ge=0, le=100_000, description="memory for answers that are asked for again; 0: none")
    max_body_kb: Annotated[int, Field(gt=0, le=1_000_000)] = Field(1024, description="largest request, in kB")
    max_texts: Annotated[int, Field(gt=0)] = Field(128, description="most texts in one request")
    max_characters: Annotated[int, Field(gt=0)] = Field(100_000, description="most characters in one request")
    max_beam: Annotated[int, Field(gt=0, le=1024)] = Field(16, description="largest beam and most alternatives")
    max_cost: Annotated[int, Field(gt=0)] = Field(
        250_000, description="most source tokens times beam size in one request"
    )
    time_limit_seconds: float = Field(60, gt=0, description="longest time for one request")
    max_requests: Annotated[int, Field(gt=0)] = Field(256, description="requests that are worked on at the same time")
    queue_cost: Annotated[int, Field(gt=0)] = Field(
        500_000, description="source tokens times beam size that may wait for the models"
    )
    queue_seconds: float = Field(2, gt=0, description="longest wait that a new request may expect before it is refused")
    connections: Annotated[int, Field(gt=0)] = Field(512, description="open connections")
    connections_each: Annotated[int, Field(gt=0)] = Field(128, description="open connections from one address")
    header_seconds: float = Field(10, gt=0, description="time for the head of a request to arrive")
    body_seconds: float = Field(
        30, gt=0, description="time for the body of a request to arrive, or for an answer to go"
    )
    keep_alive_seconds: float = Field(5, gt=0, description="how long an idle connection is kept")
    ready_seconds: float = Field(10, gt=0, description="how long /ready trusts the last decoded sentence")
    grace_seconds: float = Field(
        2, ge=0, le=600, description="after SIGTERM: how long /ready says 503 before connections are refused"
    )
    drain_seconds: float = Field(25, ge=0, le=600, description="after that: time to finish what was accepted")
    max_document_mb: float = Field(5, gt=0, le=1000, description="largest document")
    max_document_characters: Annotated[int, Field(gt=0)] = Field(
        1_000_000, description="most characters to translate in one document"
    )
    documents_mb: float = Field(64, gt=0, le=100_000, description="memory for documents and their translations")
    document_seconds: float = Field(3600, gt=0, description="how long a translated document is kept")
    trusted_proxy: str = Field("", description="networks of proxies whose X-Forwarded-For is believed (commas)")
    page: bool = Field(True, description="serve a page to translate on at /")
    explore: bool = Field(True, description="let the page open the explorer, where only this machine is served")
    log_requests: bool = Field(False, description="write a line for each request: method, route, status, time")
