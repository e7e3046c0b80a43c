"""The recurrent encoder-decoders: torch's own modules with the same weights, sizes, starts and gradients."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from polyglass.config import RecurrentConfig
from polyglass.errors import ShapeError
from polyglass.model.build import build_model
from polyglass.model.recurrent import Recurrent
from polyglass.model.recurrent_layer import RecurrentLayer
from polyglass.tap import Recorder
from tiny_recurrent import CELLS, DECODERS, FAMILIES, TINY, tiny_recurrent, tiny_recurrent_config
from tiny_transformer import IDS, SIZE, padded, sources, targets

CLOSE = 1e-5  # torch's kernels add up in another order
each_cell = pytest.mark.parametrize("family", CELLS)


def stack_of(layers: nn.ModuleList, kind: type[nn.RNNBase]) -> nn.RNNBase:
    """Return torch's own stack with the weights of these layers."""
    first = layers[0].recurrence
    theirs = kind(
        first.input_size,
        first.hidden_size,
        num_layers=len(layers),
        batch_first=True,
        bidirectional=first.bidirectional,
    )
    state = {
        name.replace("_l0", f"_l{index}"): tensor
        for index, layer in enumerate(layers)
        for name, tensor in layer.recurrence.state_dict().items()
    }
    theirs.load_state_dict(state)
    return theirs


@each_cell
@pytest.mark.parametrize("bidirectional", [False, True], ids=["left to right", "both directions"])
def test_without_attention_it_is_torch_s_stack_that_begins_with_torch_s_last_states(
    family: str, bidirectional: bool
) -> None:
    """Sutskever et al. 2014: what the decoder knows of the source is the state that it begins with."""
    model = tiny_recurrent(family=family, bidirectional=bidirectional)
    kind = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[family]
    encoder, decoder = stack_of(model.encoder.layers, kind), stack_of(model.decoder.layers, kind)
    source, target_in = padded(sources((5,))), padded(targets((6,)))
    with torch.no_grad():
        states, last = encoder(model.source_embedding(source))
        carried = last if isinstance(last, tuple) else (last,)
        # [layers * directions, B, width]: the directions of a layer go side by side.
        begin = tuple(one.view(2, -1, 1, one.shape[-1]).transpose(1, 2).flatten(2) for one in carried)
        hidden, _ = decoder(model.target_embedding(target_in), begin if len(begin) == 2 else begin[0])
        expected = hidden @ model.target_embedding.weight.T
        torch.testing.assert_close(model.encode(source).states, states, atol=CLOSE, rtol=CLOSE)
        torch.testing.assert_close(model(source, target_in), expected, atol=CLOSE, rtol=CLOSE)


def torch_cells(model: Recurrent) -> list[nn.RNNCellBase]:
    """Return torch's own cells with the weights of the decoder's layers."""
    cells = []
    for layer in model.decoder.layers:
        kernel = layer.recurrence
        kind = {nn.RNN: nn.RNNCell, nn.GRU: nn.GRUCell, nn.LSTM: nn.LSTMCell}[type(kernel)]
        cell = kind(kernel.input_size, kernel.hidden_size)
        cell.load_state_dict({name.replace("_l0", ""): tensor for name, tensor in kernel.state_dict().items()})
        cells.append(cell)
    return cells


def look(model: Recurrent, s: Tensor, source: Tensor) -> Tensor:
    """Return the context of one decoder state s [D] over source states [S, D], one source state after another."""
    attention = model.decoder.attention
    assert attention is not None
    energies = []
    for h in source:
        if attention.w_q is not None:
            inner = torch.tanh(attention.w_q.weight @ s + attention.w_k.weight @ h)
            energies.append((attention.v.weight @ inner)[0])
        else:
            energies.append(s @ (h if attention.w_k is None else attention.w_k.weight @ h))
    return torch.softmax(torch.stack(energies), dim=0) @ source


def slow_logits(model: Recurrent, name: str, source: Tensor, target_in: Tensor) -> Tensor:
    """Return logits [T, V] of one sentence by the papers' recurrences, with torch's cells."""
    memory = model.encode(source)
    states = [tuple(layer[:, part] for part in range(layer.shape[1])) for layer in memory.final]
    last = context = memory.final[-1][0, 0]
    readout = torch.zeros_like(last)
    rows = []
    for word in model.target_embedding(target_in)[0]:
        top = states[-1][0][0]
        if name == "additive":  # Bahdanau: look with the state of the step before, then read word and context
            context = look(model, top, memory.states[0])
            x = torch.cat((word, context))
        elif "input feeding" in name:  # Luong: read word and the last read-out
            x = torch.cat((word, readout))
        elif "context fed" in name:  # Cho: read word and the encoder's last state
            x = torch.cat((word, last))
        else:
            x = word
        x = x[None]
        for index, cell in enumerate(torch_cells(model)):
            after = cell(x, states[index] if len(states[index]) == 2 else states[index][0])
            states[index] = after if isinstance(after, tuple) else (after,)
            x = states[index][0]
        if name.startswith(("dot", "general")):  # Luong: look with the new state
            context = look(model, x[0], memory.states[0])
        if model.decoder.readout is not None:
            readout = torch.tanh(model.decoder.readout(torch.cat((x[0], context))))
        rows.append(readout if model.decoder.readout is not None else x[0])
    return torch.stack(rows) @ model.output.weight.T


@each_cell
@pytest.mark.parametrize("name", list(DECODERS))
@pytest.mark.parametrize("looked_at", [False, True], ids=["nobody looks", "looked at"])
def test_every_decoder_is_its_paper_s_recurrence(family: str, name: str, looked_at: bool) -> None:
    model = tiny_recurrent(family=family, **DECODERS[name])
    source, target_in = padded(sources((5,))), padded(targets((4,)))
    with torch.no_grad():
        found = model(source, target_in, tap=Recorder()) if looked_at else model(source, target_in)
        torch.testing.assert_close(found[0], slow_logits(model, name, source, target_in), atol=CLOSE, rtol=CLOSE)


@each_cell
def test_the_last_states_are_handed_over_one_for_each_layer(family: str) -> None:
    model = tiny_recurrent(family=family, encoder_layers=3)
    memory = model.encode(padded(sources()))
    carried = 2 if family == "lstm" else 1
    assert [tuple(one.shape) for one in memory.final] == [(3, carried, 16)] * 3


@pytest.mark.parametrize(
    ("encoder_layers", "decoder_layers", "begins_like"),
    [(2, 2, [0, 1]), (3, 1, [2]), (3, 2, [1, 2]), (1, 3, [0, 0, 0]), (2, 3, [0, 1, 1])],
)
def test_layers_are_paired_from_the_top_and_more_of_them_begin_like_the_top_one(
    encoder_layers: int, decoder_layers: int, begins_like: list[int]
) -> None:
    model = tiny_recurrent(encoder_layers=encoder_layers, decoder_layers=decoder_layers)
    memory = model.encode(padded(sources()))
    for layer, pair in zip(model.start(memory).layers, begins_like, strict=True):
        assert torch.equal(layer, memory.final[pair])


def closed_form(config: RecurrentConfig, vocabulary: int) -> int:
    """Return how many numbers a model of this config learns, all three embeddings tied."""
    d, gates = config.d_model, {"rnn": 1, "gru": 3, "lstm": 4}[config.family]
    directions, width = (2, d // 2) if config.bidirectional else (1, d)
    encoder_layer = directions * gates * (d * width + width * width + 2 * width)
    decoder_layer = gates * (d * d + d * d + 2 * d)
    fed = gates * d * d if config.attention == "additive" or config.input_feeding or config.feed_context else 0
    attention = {"none": 0, "dot": 0, "general": d * d, "additive": 2 * d * d + d}[config.attention]
    readout = 2 * d * d + d if config.attention != "none" or config.feed_context else 0
    layers = config.encoder_layers * encoder_layer + config.decoder_layers * decoder_layer
    return vocabulary * d + layers + fed + attention + readout


@pytest.mark.parametrize("name", list(FAMILIES))
@pytest.mark.parametrize("more", [{}, {"bidirectional": False, "encoder_layers": 3, "decoder_layers": 1}], ids=str)
def test_the_number_of_parameters_is_that_of_the_closed_form(name: str, more: dict[str, Any]) -> None:
    config = tiny_recurrent_config(**{**FAMILIES[name], **more})
    model = build_model(config, (SIZE, SIZE), IDS)
    assert sum(parameter.numel() for parameter in model.parameters()) == closed_form(config, SIZE)


def test_an_lstm_of_two_layers_of_512_has_the_numbers_reckoned_by_hand() -> None:
    config = RecurrentConfig(d_model=512, encoder_layers=2, decoder_layers=2, bidirectional=False)
    with torch.device("meta"):
        model = build_model(config, (8000, 8000), IDS)
    assert sum(parameter.numel() for parameter in model.parameters()) == 8000 * 512 + 4 * 2_101_248


def test_the_names_of_all_parameters_stay() -> None:
    kernel = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
    model = tiny_recurrent(family="lstm", attention="additive", encoder_layers=1, decoder_layers=1)
    assert list(model.state_dict()) == [
        "source_embedding.weight",
        "target_embedding.weight",
        *(f"encoder.layers.0.recurrence.{name}{suffix}" for suffix in ("", "_reverse") for name in kernel),
        *(f"decoder.layers.0.recurrence.{name}" for name in kernel),
        "decoder.attention.w_q.weight",
        "decoder.attention.w_k.weight",
        "decoder.attention.v.weight",
        "decoder.readout.weight",
        "decoder.readout.bias",
        "output.weight",
    ]


@pytest.mark.parametrize("name", list(FAMILIES))
def test_every_parameter_gets_a_gradient(name: str) -> None:
    model = tiny_recurrent(**FAMILIES[name]).train()
    model(padded(sources((6, 4))), padded(targets((6, 3)))).square().mean().backward()
    idle = [n for n, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all() or not p.grad.any()]
    assert idle == []


@pytest.mark.parametrize("name", list(FAMILIES))
def test_the_first_source_word_reaches_the_last_target_word(name: str) -> None:
    model = tiny_recurrent(**FAMILIES[name])
    source, other = padded(sources((6,))), padded(sources((6,)))
    other[0, 0] = (other[0, 0] + 3) % 19 + 4
    target_in = padded(targets((5,)))
    with torch.no_grad():
        assert (model(source, target_in)[0, -1] - model(other, target_in)[0, -1]).abs().max() > 1e-6


@pytest.mark.parametrize("name", list(FAMILIES))
def test_dropout_acts_in_training_and_never_in_evaluation(name: str) -> None:
    model, without = tiny_recurrent(**FAMILIES[name], dropout=0.5), tiny_recurrent(**FAMILIES[name])
    source, target_in = padded(sources()), padded(targets())
    with torch.no_grad():
        assert torch.equal(model(source, target_in), without(source, target_in))
        model.train()
        torch.manual_seed(0)
        assert (model(source, target_in) - model(source, target_in)).abs().max() > 0.01
        assert torch.equal(without.train()(source, target_in), without.eval()(source, target_in))


@pytest.mark.parametrize("tie", ["three", "two", "none"])
def test_tied_matrices_are_one(tie: str) -> None:
    model = tiny_recurrent(tie_embeddings=tie)
    assert (model.output.weight is model.target_embedding.weight) == (tie != "none")
    assert (model.source_embedding.weight is model.target_embedding.weight) == (tie == "three")


@pytest.mark.parametrize("name", list(FAMILIES))
def test_the_logits_of_a_fresh_model_are_no_surer_than_a_guess(name: str) -> None:
    torch.manual_seed(0)
    config = RecurrentConfig(**{**TINY, "d_model": 64, **FAMILIES[name]})
    model = build_model(config, (1000, 1000), IDS).eval()
    with torch.no_grad():
        logits = model(torch.randint(4, 1000, (8, 12)), torch.randint(4, 1000, (8, 12)))
    assert logits.std().item() < 1.2


@pytest.mark.parametrize("name", ["lstm none", "gru additive", "lstm dot, input feeding"])
def test_past_the_longest_length_nothing_is_read(name: str) -> None:
    model = tiny_recurrent(**FAMILIES[name], max_positions=5)
    message = (
        r"a sentence may have at most model\.max_positions = 5 tokens, but this one has 6\. "
        r"Split it, or train with a larger model\.max_positions\."
    )
    fits, too_long = torch.tensor([[7, 8, 9, 10, IDS.eos]]), torch.tensor([[7, 8, 9, 10, 11, IDS.eos]])
    memory = model.encode(fits)
    with pytest.raises(ShapeError, match=message):
        model.encode(too_long)
    with pytest.raises(ShapeError, match=message):
        model.decode(too_long, memory)
    state = model.start(memory)
    for token in fits.T:
        _, state = model.step(token, state)
    with pytest.raises(ShapeError, match=message):
        model.step(torch.tensor([7]), state)


@pytest.mark.parametrize("name", list(FAMILIES))
def test_the_model_says_where_its_best_alignment_is(name: str) -> None:
    model = tiny_recurrent(**FAMILIES[name])
    recorder = Recorder()
    with torch.no_grad():
        model(padded(sources()), padded(targets()), tap=recorder)
    if model.alignment_path is None:
        assert not [path for path in recorder.tensors if "attention" in path]
    else:
        assert recorder.tensors[model.alignment_path].shape == (3, 1, 7, 6)


def test_the_same_seed_gives_the_same_weights_and_another_seed_gives_others() -> None:
    made = []
    for seed in (1, 1, 2):
        torch.manual_seed(seed)
        made.append(dict(build_model(tiny_recurrent_config(), (SIZE, SIZE), IDS).state_dict()))
    first, again, other = made
    assert all(torch.equal(first[name], again[name]) for name in first)
    name = "decoder.layers.0.recurrence.weight_hh_l0"
    assert not torch.equal(first[name], other[name])


def test_the_decoder_never_reads_in_both_directions() -> None:
    layers = [layer for layer in tiny_recurrent(bidirectional=True).decoder.layers if isinstance(layer, RecurrentLayer)]
    assert [layer.recurrence.bidirectional for layer in layers] == [False, False]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"d_model": 15},
            "model.bidirectional halves model.d_model, so it must be even, but it is 15. Try 16, or set "
            "model.bidirectional=false.",
        ),
        (
            {"input_feeding": True},
            "model.input_feeding goes with model.attention=dot or general, but none has nothing to feed. "
            "Set model.input_feeding=false.",
        ),
        (
            {"input_feeding": True, "attention": "additive"},
            "model.input_feeding goes with model.attention=dot or general, but additive feeds its context anyway. "
            "Set model.input_feeding=false.",
        ),
        (
            {"feed_context": True, "attention": "dot"},
            "model.feed_context goes with model.attention=none, but dot makes a context of its own at each step. "
            "Set model.feed_context=false.",
        ),
    ],
)
def test_impossible_combinations_are_refused_with_the_remedy(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the whole text is compared)
        tiny_recurrent_config(**changes)
    assert message in str(caught.value)
