"""The batcher: every answer to its own question, once; nobody waits for ever; a failure stays with its sentence."""

import random
import threading
import time
from collections.abc import Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from polyglass.serving.batcher import Batcher, ModelThreadDied
from polyglass.serving.ledger import DeadlinePassedError, QueueFullError
from polyglass.serving.orders import Order, Reply, Sentence
from serving_echo import BOUNDLESS, answer_to, ask, batcher_of, echo, order_of, slow_echo, wait

ANSWERS = 20_000
PATIENCE_SECONDS = 20.0


@contextmanager
def running(batcher: Batcher[str]) -> Iterator[Batcher[str]]:
    batcher.start()
    try:
        yield batcher
    finally:
        assert batcher.close(PATIENCE_SECONDS)


class Gate:
    """An echo model that waits until it is let through, and remembers its batches."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.entered = threading.Event()
        self.batches: list[list[str]] = []

    def __call__(self, group: Hashable, sentences: Sequence[Sentence]) -> list[str | Exception]:
        self.batches.append([sentence.text for sentence in sentences])
        self.entered.set()
        assert self.open.wait(PATIENCE_SECONDS)
        return echo(group, sentences)


@contextmanager
def held() -> Iterator[tuple[Batcher[str], Gate]]:
    """A batcher whose model is busy with the sentence "first", so that everything else waits."""
    gate = Gate()
    with running(batcher_of(gate)) as batcher:
        order, _ = order_of(Sentence("other", "first"))
        batcher.submit(order)
        assert gate.entered.wait(PATIENCE_SECONDS)
        try:
            yield batcher, gate
        finally:
            gate.open.set()


class Client(threading.Thread):
    """Sends many orders, cancels some of them, and looks at each reply."""

    def __init__(self, batcher: Batcher[str], number: int, answers: int) -> None:
        super().__init__()
        self.batcher, self.dice, self.wanted = batcher, random.Random(number), answers
        self.answered = self.cancelled = 0
        self.wrong: list[str] = []

    def run(self) -> None:
        while self.answered < self.wanted:
            sentences = [self.sentence() for _ in range(self.dice.randint(1, 8))]
            order, done = order_of(*sentences)
            self.batcher.submit(order)
            if self.dice.random() < 0.2:
                time.sleep(self.dice.uniform(0, 0.002))
                self.batcher.cancel(order)
                self.cancelled += 1
                self.check(order.replies, sentences)
                continue
            replies: list[Reply[str] | None] = [*wait(order, done)]
            self.check(replies, sentences)
            self.answered += len(replies)

    def sentence(self) -> Sentence:
        length = self.dice.choice((1, 3, 10, 40))
        text = "".join(self.dice.choice("abcdefgh") for _ in range(self.dice.randint(1, length)))
        group, prefix = self.dice.choice(("en-de", "de-en")), self.dice.choice(("", "x"))
        return Sentence(group, text, prefix, self.dice.random() < 0.3, tokens=len(text), width=2)

    def check(self, replies: Sequence[Reply[str] | None], sentences: Sequence[Sentence]) -> None:
        for reply, sentence in zip(replies, sentences, strict=True):
            if reply is not None and reply.result != answer_to(sentence.group, sentence):
                self.wrong.append(f"{sentence} got {reply}")


@pytest.mark.parametrize("cache_bytes", [0, 20_000], ids=["no cache", "cache"])
def test_thousands_of_interleaved_requests_with_cancellations_get_their_own_answers_once(cache_bytes: int) -> None:
    # An answer that came twice would raise in the model thread, and one that was lost would stop its client for ever.
    with running(batcher_of(slow_echo(1, 0.002), cache_bytes=cache_bytes)) as batcher:
        clients = [Client(batcher, number, ANSWERS // 2 // 20) for number in range(20)]
        for client in clients:
            client.start()
        for client in clients:
            client.join(60)
        assert [client.wrong for client in clients if client.wrong] == []
        assert not any(client.is_alive() for client in clients)
        assert sum(client.answered for client in clients) >= ANSWERS // 2
        assert min(client.cancelled for client in clients) > 0
        assert batcher.alive
        assert batcher.ledger.load == 0


lengths = st.lists(st.integers(1, 60), min_size=1, max_size=40)


@given(lengths, st.integers(1, 400), st.integers(1, 5))
@settings(max_examples=100, deadline=None)
def test_batches_keep_to_their_budget_and_lose_nobody(lengths: list[int], budget: int, width: int) -> None:
    gate = Gate()
    gate.open.set()
    batcher = batcher_of(gate, limits=replace(BOUNDLESS, batch=budget))
    sentences = [Sentence("g", f"{number}", tokens=length, width=width) for number, length in enumerate(lengths)]
    order, done = order_of(*sentences)
    batcher.submit(order)
    with running(batcher):
        replies = wait(order, done)
    assert [reply.result for reply in replies] == [answer_to("g", sentence) for sentence in sentences]
    for batch in gate.batches:
        longest = max(lengths[int(text)] for text in batch)
        assert len(batch) == 1 or len(batch) * longest * width <= budget
        # Nobody is longer than 2 L + 8 or shorter than L / 2 - 4, where L is the leader's length.
        assert longest <= 4 * min(lengths[int(text)] for text in batch) + 26
    assert sorted(int(text) for batch in gate.batches for text in batch) == list(range(len(lengths)))


def test_sentences_that_wait_together_are_decoded_together() -> None:
    with held() as (batcher, gate):
        orders = [order_of(Sentence("g", f"text {number}")) for number in range(5)]
        for order, _ in orders:
            batcher.submit(order)
        gate.open.set()
        replies = [wait(order, done)[0] for order, done in orders]
    assert gate.batches == [["first"], [f"text {number}" for number in range(5)]]
    assert [(reply.batch, reply.sentences) for reply in replies] == [(2, 5)] * 5


def test_models_and_options_are_never_mixed_in_one_batch() -> None:
    with held() as (batcher, gate):
        order, done = order_of(*(Sentence(group, f"{group}{number}") for number in range(3) for group in "ab"))
        batcher.submit(order)
        gate.open.set()
        wait(order, done)
    assert [sorted({text[0] for text in batch}) for batch in gate.batches[1:]] == [["a"], ["b"]]


def test_equal_sentences_in_flight_are_decoded_once_for_everybody() -> None:
    with held() as (batcher, gate):
        orders = [order_of(Sentence("g", "same"), Sentence("g", "same")) for _ in range(3)]
        for order, _ in orders:
            batcher.submit(order)
        gate.open.set()
        results = [reply.result for order, done in orders for reply in wait(order, done)]
    assert gate.batches == [["first"], ["same"]]
    assert results == [answer_to("g", Sentence("g", "same"))] * 6


def test_an_equal_sentence_joins_even_a_batch_that_runs() -> None:
    with held() as (batcher, gate):
        order, done = order_of(Sentence("other", "first"))
        batcher.submit(order)
        gate.open.set()
        assert wait(order, done)[0].result == answer_to("other", Sentence("other", "first"))
    assert gate.batches == [["first"]]


@pytest.mark.parametrize(
    "other", [Sentence("h", "t"), Sentence("g", "t", prefix="p"), Sentence("g", "t", alignment=True)]
)
def test_what_differs_in_anything_that_matters_is_not_joined(other: Sentence) -> None:
    with held() as (batcher, gate):
        order, done = order_of(Sentence("g", "t"), other)
        batcher.submit(order)
        gate.open.set()
        assert [reply.result for reply in wait(order, done)] == [
            answer_to("g", Sentence("g", "t")),
            answer_to(other.group, other),
        ]


def test_a_cancelled_order_leaves_the_queue_and_is_never_decoded() -> None:
    with held() as (batcher, gate):
        order, _ = order_of(Sentence("g", "nobody wants this", tokens=7))
        batcher.submit(order)
        before = batcher.ledger.load
        batcher.cancel(order)
        assert before - batcher.ledger.load == 7
        gate.open.set()
        ask(batcher, Sentence("g", "last"))
    assert gate.batches == [["first"], ["last"]]
    assert order.replies == [None]


def test_a_cancelled_order_does_not_take_the_answer_from_others() -> None:
    with held() as (batcher, gate):
        leaving, staying = order_of(Sentence("g", "t")), order_of(Sentence("g", "t"))
        batcher.submit(leaving[0])
        batcher.submit(staying[0])
        batcher.cancel(leaving[0])
        gate.open.set()
        assert wait(*staying)[0].result == answer_to("g", Sentence("g", "t"))
    assert leaving[0].replies == [None]


def test_what_nobody_waits_for_any_more_can_still_be_asked_again() -> None:
    with held() as (batcher, gate):
        again = order_of(Sentence("other", "first"))
        batcher.submit(again[0])
        batcher.cancel(again[0])
        later = order_of(Sentence("other", "first"))
        batcher.submit(later[0])
        gate.open.set()
        assert wait(*later)[0].error is None


def test_a_single_sentence_passes_a_book_that_came_before_it() -> None:
    with held() as (batcher, gate):
        book = order_of(*(Sentence("g", f"page {number}", tokens=100) for number in range(50)))
        batcher.submit(book[0])
        single = order_of(Sentence("g", "single", tokens=90))
        batcher.submit(single[0])
        gate.open.set()
        wait(*book)
    place = next(number for number, batch in enumerate(gate.batches) if "single" in batch)
    assert place <= 2


def test_a_long_sentence_is_not_passed_for_ever_by_short_ones() -> None:
    # Each batch of short ones is followed by new short ones; the long one must come all the same.
    with running(batcher_of(slow_echo(1, 0.0005), limits=replace(BOUNDLESS, batch=20))) as batcher:
        stop = threading.Event()

        def hurry(name: str) -> None:
            number = 0
            while not stop.is_set():
                number += 1
                ask(batcher, Sentence("g", f"{name}{number}", tokens=2))

        crowd = [threading.Thread(target=hurry, args=(name,)) for name in "abcdefgh"]
        for one in crowd:
            one.start()
        began = time.monotonic()
        for number in range(5):
            assert ask(batcher, Sentence("g", f"long {number}", tokens=500))[0].error is None
        took = time.monotonic() - began
        stop.set()
        for one in crowd:
            one.join()
    assert took < 5


def test_short_sentences_do_not_wait_for_a_long_one_in_the_same_batch() -> None:
    with held() as (batcher, gate):
        order, done = order_of(*(Sentence("g", text, tokens=len(text)) for text in ("a", "b" * 300, "c")))
        batcher.submit(order)
        gate.open.set()
        wait(order, done)
    assert gate.batches[1:] == [["a", "c"], ["b" * 300]]


def test_a_sentence_that_fails_has_its_own_error_and_its_neighbours_have_answers() -> None:
    def translate(group: Hashable, sentences: Sequence[Sentence]) -> list[str | Exception]:
        return [ValueError("bad") if "x" in one.text else answer_to(group, one) for one in sentences]

    with running(batcher_of(translate)) as batcher:
        replies = ask(batcher, *(Sentence("g", text) for text in "axb"))
    assert [reply.result for reply in replies] == ["g||False|a", None, "g||False|b"]
    assert str(replies[1].error) == "bad"


def test_a_batch_that_fails_as_a_whole_is_tried_again_one_by_one() -> None:
    tried: list[int] = []

    def translate(group: Hashable, sentences: Sequence[Sentence]) -> list[str | Exception]:
        tried.append(len(sentences))
        if any("x" in one.text for one in sentences):
            raise ValueError("bad")
        return echo(group, sentences)

    with running(batcher_of(translate)) as batcher:
        replies = ask(batcher, *(Sentence("g", text) for text in "axb"))
    assert [reply.error is None for reply in replies] == [True, False, True]
    assert tried == [3, 1, 1, 1]


def test_failures_are_not_kept_in_the_cache() -> None:
    answers = iter([ValueError("bad"), "good"])

    def translate(group: Hashable, sentences: Sequence[Sentence]) -> list[str | Exception]:
        return [next(answers) for _ in sentences]

    with running(batcher_of(translate, cache_bytes=1000)) as batcher:
        assert [ask(batcher, Sentence("g", "t"))[0].result for _ in range(3)] == [None, "good", "good"]


@pytest.mark.parametrize("death", [SystemExit(1), KeyboardInterrupt(), MemoryError()])
def test_if_the_model_thread_dies_everybody_is_told_and_later_orders_are_refused(death: BaseException) -> None:
    entered = threading.Event()
    go = threading.Event()

    def translate(group: Hashable, sentences: Sequence[Sentence]) -> list[str | Exception]:
        entered.set()
        assert go.wait(PATIENCE_SECONDS)
        raise death

    batcher = batcher_of(translate)
    batcher.start()
    orders = [order_of(Sentence("g", "running"))]
    batcher.submit(orders[0][0])
    assert entered.wait(PATIENCE_SECONDS)
    orders.append(order_of(Sentence("h", "waiting")))
    batcher.submit(orders[1][0])
    go.set()
    errors = [wait(order, done)[0].error for order, done in orders]
    if isinstance(death, Exception):  # the thread survives what a sentence can cause
        assert errors == [death, death]
        assert batcher.alive
        assert batcher.close(PATIENCE_SECONDS)
        return
    assert all(isinstance(error, ModelThreadDied) for error in errors)
    assert not batcher.alive
    assert batcher.death is death
    with pytest.raises(ModelThreadDied, match="has ended"):
        batcher.submit(order_of(Sentence("g", "late"))[0])


def test_what_waits_too_long_is_given_up_with_an_error() -> None:
    with held() as (batcher, gate):
        late = order_of(Sentence("g", "late"), deadline=time.monotonic() - 1)
        patient = order_of(Sentence("g", "patient"))
        batcher.submit(late[0])
        batcher.submit(patient[0])
        gate.open.set()
        assert isinstance(wait(*late)[0].error, DeadlinePassedError)
        assert wait(*patient)[0].error is None
    assert ["late"] not in gate.batches


def test_a_full_queue_refuses_with_a_time_and_takes_again_when_it_is_empty() -> None:
    gate = Gate()
    with running(batcher_of(gate, limits=replace(BOUNDLESS, queue=10))) as batcher:
        first = order_of(Sentence("g", "first", tokens=6))
        batcher.submit(first[0])
        with pytest.raises(QueueFullError, match="More waits for the model") as caught:
            batcher.submit(order_of(Sentence("g", "more", tokens=5))[0])
        assert caught.value.retry_after > 0
        batcher.submit(order_of(Sentence("g", "first", tokens=6))[0])  # joined: costs nothing
        urgent = order_of(Sentence("g", "urgent", tokens=5))
        batcher.submit(urgent[0], urgent=True)
        gate.open.set()
        wait(*first)
        wait(*urgent)
        assert ask(batcher, Sentence("g", "huge", tokens=50))[0].error is None  # alone, everything is taken


def test_an_urgent_sentence_goes_first() -> None:
    with held() as (batcher, gate):
        others = order_of(*(Sentence("g", f"{number}") for number in range(5)))
        batcher.submit(others[0])
        urgent = order_of(Sentence("h", "urgent"))
        batcher.submit(urgent[0], urgent=True)
        gate.open.set()
        wait(*others)
        wait(*urgent)
    assert gate.batches[1] == ["urgent"]


def test_closing_finishes_what_was_accepted() -> None:
    batcher = batcher_of(slow_echo(1, 0.001))
    orders = [order_of(Sentence(group, f"{number}")) for number in range(50) for group in "ab"]
    for order, _ in orders:
        batcher.submit(order)
    batcher.start()
    assert batcher.close(PATIENCE_SECONDS)
    assert all(order.done and order.replies[0] and order.replies[0].error is None for order, _ in orders)
    with pytest.raises(ModelThreadDied):
        batcher.submit(order_of(Sentence("g", "t"))[0])


def test_a_wrong_number_of_answers_is_an_error_and_never_a_shifted_answer() -> None:
    def translate(group: Hashable, sentences: Sequence[Sentence]) -> list[str | Exception]:
        return echo(group, sentences)[: 1 if len(sentences) > 1 else None]

    with running(batcher_of(translate)) as batcher:
        replies = ask(batcher, *(Sentence("g", text) for text in "abc"))
    assert [reply.result for reply in replies] == [answer_to("g", Sentence("g", text)) for text in "abc"]


def test_replies_say_how_long_they_waited_and_worked() -> None:
    def translate(group: Hashable, sentences: Sequence[Sentence]) -> list[str | Exception]:
        time.sleep(0.02)
        return echo(group, sentences)

    with running(batcher_of(translate)) as batcher:
        first, second = order_of(Sentence("a", "t")), order_of(Sentence("b", "t"))
        batcher.submit(first[0])
        batcher.submit(second[0])
        wait(*first)
        reply = wait(*second)[0]
    assert reply.worked >= 0.02
    assert reply.waited >= 0.015


def test_an_order_is_never_answered_twice() -> None:
    order: Order[str] = Order([Sentence("g", "t")], deadline=0, wake=lambda: None)
    order.settle(0, Reply("a"))
    with pytest.raises(RuntimeError, match="answered twice"):
        order.settle(0, Reply("b"))


def test_the_cache_answers_without_the_model() -> None:
    calls: list[str] = []

    def translate(group: Hashable, sentences: Sequence[Sentence]) -> list[str | Exception]:
        calls.extend(one.text for one in sentences)
        return echo(group, sentences)

    with running(batcher_of(translate, cache_bytes=100)) as batcher:
        replies = [ask(batcher, Sentence("g", "same"))[0] for _ in range(3)]
    assert calls == ["same"]
    assert [reply.batch for reply in replies] == [1, 0, 0]
