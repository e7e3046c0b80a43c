"""The cache keeps what was asked for last, within its bytes."""

from hypothesis import given
from hypothesis import strategies as st

from polyglass.serving.cache import Cache


def cache_of(max_bytes: int) -> Cache[str]:
    return Cache(max_bytes, lambda key, answer: len(answer))


def test_what_was_not_asked_for_longest_goes_first() -> None:
    cache = cache_of(3)
    for key in "abc":
        cache.put(key, key)
    cache.get("a")
    cache.put("d", "d")
    assert [cache.get(key) for key in "abcd"] == ["a", None, "c", "d"]


def test_an_answer_larger_than_the_cache_is_not_kept_and_pushes_nobody_out() -> None:
    cache = cache_of(3)
    cache.put("a", "a")
    cache.put("b", "bbbb")
    assert (cache.get("a"), cache.get("b")) == ("a", None)


def test_a_cache_of_no_bytes_keeps_nothing() -> None:
    cache = cache_of(0)
    cache.put("a", "")
    assert cache.get("a") is None


@given(st.lists(st.tuples(st.integers(0, 5), st.text(max_size=6)), max_size=60), st.integers(1, 12))
def test_its_bytes_are_those_of_what_it_holds_and_never_above_the_limit(
    puts: list[tuple[int, str]], limit: int
) -> None:
    cache = cache_of(limit)
    for key, answer in puts:
        cache.put(key, answer)
        held = [found for other in range(6) if (found := cache.get(other)) is not None]
        assert cache.bytes == sum(map(len, held)) <= limit
        assert len(cache) == len(held)
