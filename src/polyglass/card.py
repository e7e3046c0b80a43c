"""Config and facts of a model in, its model card out: plain rows for the terminal, Markdown for people and archives.

The sections follow Mitchell et al. 2019, "Model Cards for Model Reporting": what it is, what it was made from, how
good it is and how that was measured, what it cannot do.
"""

from collections.abc import Mapping
from typing import Any

from polyglass.config import Config, RecurrentConfig, TransformerConfig

Rows = list[tuple[str, str]]

_VALIDATION = {"loss": "loss {:.3f}", "chrf": "chrF {:.1f}", "bleu": "BLEU {:.1f}"}

READING = (
    "in Unicode's form NFKC, as SentencePiece makes it (nmt_nfkc): ligatures, full-width letters and letters with "
    "marks in one form; zero-width spaces and non-joiners as spaces; controls left out; each run of spaces as one"
)


def card_sections(
    config: Config, facts: Mapping[str, Any], *, languages: tuple[str, str], parts: Mapping[str, int]
) -> dict[str, Rows]:
    """Return title -> (name, value) rows. Facts that are missing or of another shape leave their rows out.

    languages: source and target. parts: parameters of each part of the model.
    """
    sections = {
        "Model": _model_rows(config, languages),
        "Parameters": [
            *((name, _number(count)) for name, count in parts.items()),
            ("all", _number(sum(parts.values()))),
        ],
        "Data": _data_rows(config, _mapping(facts.get("data"))),
        "Training": _training_rows(config, facts),
        "Scores": _score_rows(facts),
        "Training history": _history_rows(facts),
    }
    return {title: rows for title, rows in sections.items() if rows}


def render_card(
    config: Config, facts: Mapping[str, Any], *, languages: tuple[str, str], parts: Mapping[str, int]
) -> str:
    """Return the model card as Markdown."""
    source, target = map(_plain, languages)
    lines = [f"# {source} to {target}: a translation model", ""]
    lines += [f"Translates single sentences or lines from {source} to {target}. Trained with polyglass.", ""]
    for title, rows in card_sections(config, facts, languages=languages, parts=parts).items():
        lines += [f"## {title}", "", "| | |", "|---|---|"]
        lines += [f"| {_cell(name)} | {_cell(value)} |" for name, value in rows]
        lines.append("")
    if "Scores" not in card_sections(config, facts, languages=languages, parts=parts):
        lines += ["## Scores", "", "None were measured when this card was written. Measure: `polyglass evaluate`", ""]
    lines += ["## Limits", "", *_limits(config), ""]
    lines += ["## Use", "", "```sh", 'echo "..." | polyglass translate FOLDER', "polyglass info FOLDER", "```", ""]
    lines += ["```python", "from polyglass import Translator", 'Translator.load("FOLDER").translate(["..."])[0].text']
    return "\n".join([*lines, "```", ""])


def _limits(config: Config) -> list[str]:
    longest = config.model.max_positions - 1
    return [
        f"- Each line is translated by itself, without its neighbours; longer ones than {longest:,} subwords are cut.",
        "- It knows the words and subjects of its training data. On other text it can be wrong and sound right.",
        "- It may repeat biases and mistakes of its training data. Have a person check what matters.",
        "- Scores hold for the test set named above. They do not carry over to other kinds of text.",
    ]


def _model_rows(config: Config, languages: tuple[str, str]) -> Rows:
    model = config.model
    rows = _recurrent_rows(model) if isinstance(model, RecurrentConfig) else _transformer_rows(model)
    return [
        ("languages", f"{_plain(languages[0])} to {_plain(languages[1])}"),
        *rows,
        ("shared embeddings", model.tie_embeddings),
        ("dropout", f"{model.dropout:g}"),
    ]


def _transformer_rows(model: TransformerConfig) -> Rows:
    return [
        ("architecture", "transformer (Vaswani et al. 2017)"),
        ("layers", f"{model.encoder_layers} encoder, {model.decoder_layers} decoder"),
        ("width", f"d_model {model.d_model}, d_ff {model.d_ff}"),
        ("heads", f"{model.num_heads}, each {model.d_model // model.num_heads} wide"),
        ("normalisation", f"{model.norm}, {model.norm_place}"),
        ("positions", f"{model.positions}, at most {model.max_positions:,}"),
        ("activation", model.activation),
    ]


def _recurrent_rows(model: RecurrentConfig) -> Rows:
    cell = {
        "rnn": "tanh cells (Elman 1990)",
        "gru": "GRU cells (Cho et al. 2014)",
        "lstm": "LSTM cells (Gers et al. 2000)",
    }
    papers = {
        "none": "none: the decoder knows the source by the encoder's last state (Sutskever et al. 2014)",
        "additive": "additive (Bahdanau et al. 2015)",
        "dot": "dot product (Luong et al. 2015)",
        "general": "general (Luong et al. 2015)",
    }
    reading = "in both directions" if model.bidirectional else "left to right"
    fed = (
        ", input feeding"
        if model.input_feeding
        else ", fed at each step (Cho et al. 2014)"
        if model.feed_context
        else ""
    )
    return [
        ("architecture", f"{model.family}: {cell[model.family]}"),
        ("layers", f"{model.encoder_layers} encoder ({reading}), {model.decoder_layers} decoder"),
        ("width", f"d_model {model.d_model}"),
        ("attention", papers[model.attention] + fed),
        ("positions", f"by the order of reading, at most {model.max_positions:,}"),
    ]


def _data_rows(config: Config, data: Mapping[str, Any]) -> Rows:
    rows: Rows = []
    if isinstance(data.get("files"), list):
        rows.append(("files", ", ".join(_plain(name) for name in data["files"][:10])))
    rows += [(f"pairs {name}", _number(data[name])) for name in ("read", "kept") if name in data]
    dropped = _mapping(data.get("dropped"))
    rows += [(f"dropped: {_plain(reason)}", _number(count)) for reason, count in dropped.items() if count]
    kind = "one for both languages" if config.data.joint_vocabulary else "one for each language"
    rows.append(("vocabulary", f"{config.data.subwords}, {kind}"))
    rows.append(("text is read", READING))
    return rows


def _training_rows(config: Config, facts: Mapping[str, Any]) -> Rows:
    rows: Rows = [(name, _number(facts[name])) for name in ("step", "epochs") if name in facts]
    if "target_tokens" in facts:
        rows.append(("target tokens seen", _number(facts["target_tokens"])))
    if _is_number(facts.get("seconds")):
        rows.append(("time", duration(facts["seconds"])))
    if "device" in facts:
        rows.append(("device", _plain(facts["device"])))
    train = config.train
    rows.append(
        ("optimizer", f"{train.optimizer}, {train.schedule} schedule, label smoothing {train.label_smoothing:g}")
    )
    rows.append(("weights", {"ema": "moving average", "checkpoints": "mean of checkpoints"}.get(train.average, "last")))
    rows.append(("seed", str(train.seed)))
    return rows


def _score_rows(facts: Mapping[str, Any]) -> Rows:
    rows: Rows = []
    for score in facts["scores"] if isinstance(facts.get("scores"), list) else []:
        if isinstance(score, dict) and _is_number(score.get("value")):
            value = f"{score['value']:.1f}"
            if _is_number(score.get("low")) and _is_number(score.get("high")):
                value += f" ({score['low']:.1f} to {score['high']:.1f})"
            rest = [f"on {_plain(score['on'])}"] if score.get("on") else []
            rest += [_plain(score["signature"])] if score.get("signature") else []
            rows.append((_plain(score.get("metric", "score")), ", ".join([value, *rest])))
    validation, latency = _mapping(facts.get("validation")), _mapping(facts.get("latency"))
    while_training = [
        form.format(validation[key]) for key, form in _VALIDATION.items() if _is_number(validation.get(key))
    ]
    if while_training:
        rows.append(("when it was saved", ", ".join(while_training)))
    if _is_number(latency.get("median_ms")) and _is_number(latency.get("p95_ms")):
        on = f", on {_plain(latency['device'])}" if latency.get("device") else ""
        rows.append(("one sentence takes", f"{latency['median_ms']:.0f} ms (95 %: {latency['p95_ms']:.0f} ms){on}"))
    return rows


def _history_rows(facts: Mapping[str, Any]) -> Rows:
    """At most ten validations, evenly spread, the last one included."""
    history = facts["history"] if isinstance(facts.get("history"), list) else []
    entries = [entry for entry in history if isinstance(entry, dict) and isinstance(entry.get("step"), int)]
    spread = max(1, -(-len(entries) // 10))
    shown = entries[::-1][::spread][::-1]
    return [
        (
            f"step {entry['step']:,}",
            ", ".join(form.format(entry[key]) for key, form in _VALIDATION.items() if _is_number(entry.get(key))),
        )
        for entry in shown
    ]


def duration(seconds: float) -> str:
    """Return a time as people say it: "48 s", "12 min", "3 h 20 min"."""
    if not 0 <= seconds < 1e9:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{minutes} min" if minutes < 100 else f"{minutes // 60} h {minutes % 60} min"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(value: Any) -> str:
    """Group the digits of an integer; round a fraction."""
    if isinstance(value, float):
        return f"{value:,.1f}"
    return f"{value:,}" if isinstance(value, int) else _plain(value)


def _plain(value: Any) -> str:
    """Return one short line without control characters: facts may come from strangers."""
    return "".join(character if character.isprintable() else "?" for character in str(value)[:300])


def _cell(text: str) -> str:
    """Keep Markdown out of a table cell."""
    return text.replace("\\", "\\\\").replace("|", "\\|").replace("<", "&lt;").replace("`", "'")
