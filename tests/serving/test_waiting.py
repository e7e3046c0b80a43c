"""The queue itself: what it weighs, what is due, and that nothing is lost whatever comes and goes."""

import random
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from polyglass.serving.cache import Cache
from polyglass.serving.ledger import Ledger, QueueLimits
from polyglass.serving.orders import Order, Sentence
from polyglass.serving.waiting import Job, Waiting

LIMITS = QueueLimits(batch=100, queue=1000, wait_seconds=1.0, gather_seconds=0.0)


def job_of(name: str, *, due: float, tokens: int = 1) -> Job[str]:
    return Job(Sentence("g", name, tokens=tokens), due=due, since=0.0)


@given(st.lists(st.tuples(st.sampled_from(["add", "remove", "take", "hasten"]), st.integers(0, 20)), max_size=80))
def test_weights_are_those_of_what_waits_and_of_what_is_due(steps: list[tuple[str, int]]) -> None:
    waiting: Waiting[str] = Waiting()
    jobs: list[Job[str]] = []
    for number, (step, value) in enumerate(steps):
        now = float(number)
        if step == "add":
            jobs.append(job_of(f"{number}", due=now + value - 5, tokens=value + 1))
            waiting.add(jobs[-1])
        elif step == "remove" and jobs:
            waiting.remove(jobs.pop(value % len(jobs)))
        elif step == "hasten" and jobs:
            waiting.hasten(jobs[value % len(jobs)], now - 1)
        elif step == "take":
            taken = waiting.take(30, now)
            jobs = [job for job in jobs if job not in taken]
        assert waiting.count == len(jobs) == len(list(waiting))
        assert waiting.weight == sum(job.sentence.weight for job in jobs)
        assert waiting.weight_due(now) == sum(job.sentence.weight for job in jobs if job.due <= now)


def test_jobs_that_were_cancelled_before_they_were_due_do_not_pile_up() -> None:
    waiting: Waiting[str] = Waiting()
    for number in range(20_000):
        job = job_of(f"{number}", due=1e9)
        waiting.add(job)
        waiting.remove(job)
    assert len(waiting._later) < 2000


def test_the_one_that_is_due_first_leads_and_takes_those_of_like_length() -> None:
    waiting: Waiting[str] = Waiting()
    for name, due, tokens in (("long", 5.0, 50), ("first", 1.0, 10), ("alike", 9.0, 11), ("short", 2.0, 1)):
        waiting.add(job_of(name, due=due, tokens=tokens))
    batches = [[job.sentence.text for job in waiting.take(100, 0.0)] for _ in range(4)]
    assert batches == [["first", "alike", "short"], ["long"], [], []]


def ledger() -> Ledger[str]:
    return Ledger(LIMITS, Cache(0, lambda _, answer: len(answer)))


def order(*sentences: Sentence) -> Order[str]:
    return Order(sentences, deadline=1e18, wake=lambda: None)


def test_a_book_takes_its_share_and_does_not_make_newcomers_wait() -> None:
    books = ledger()
    speed = books.speed
    pages = [Sentence("g", f"page {number}", tokens=20) for number in range(45)]
    books.add(order(*pages), urgent=False)
    dues = [job.due for job in books.waiting]
    assert dues == sorted(dues)
    assert dues[-1] - dues[0] == pytest.approx(44 * 20 / speed)
    assert books.waiting.weight_due(dues[0]) == 20
    assert books.overload(dues[0]) == 0
    short = Sentence("g", "short", tokens=18)
    books.add(order(short), urgent=False)
    assert short in [job.sentence for job in books.take(time.monotonic())]


def test_several_books_share_the_model() -> None:
    books = ledger()
    for book in range(3):
        books.add(order(*(Sentence("g", f"{book} {number}", tokens=10) for number in range(20))), urgent=False)
    spans = []
    for book in range(3):
        dues = [job.due for job in books.waiting if job.sentence.text.startswith(f"{book} ")]
        spans.append(round((dues[-1] - dues[0]) * books.speed / 190))
    assert spans == [1, 2, 3]


def test_answered_and_cancelled_orders_are_no_longer_counted() -> None:
    books, dice = ledger(), random.Random(1)
    orders = [order(*(Sentence("g", f"{number} {place}") for place in range(3))) for number in range(20)]
    for one in orders:
        books.add(one, urgent=False)
    for one in orders[::2]:
        books.cancel(one)
    while batch := books.take(0.0):
        dice.shuffle(batch)
        books.finish(batch, [job.sentence.text for job in batch], began=0.0, worked=0.1)
    assert not books._open
    assert books.load == 0
    assert all(one.done for one in orders[1::2])
    for one in orders[1::2]:
        assert [reply and reply.result for reply in one.replies] == [sentence.text for sentence in one.sentences]
