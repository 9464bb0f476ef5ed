"""Access tokens: asked for once, shared, renewed in time, and clear when there is none."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from flowengine.sinch.fake import Answer, Drop, FakeSinch, Hang
from flowengine.sinch.oauth import TOKEN_PATH, Ask, Grant, TokenError, Tokens, request_token, tokens_for
from flowengine.sinch.transport import Transport

KEY, SECRET = "fake-key", "fake-key-secret"


class Endpoint:
    """Grants numbered tokens, as slowly as told, or refuses."""

    def __init__(self, seconds: float = 3600.0) -> None:
        self.asked = 0
        self.seconds = seconds
        self.error: TokenError | None = None
        self.open = threading.Event()
        self.open.set()

    def __call__(self, seconds: float) -> Grant:
        self.asked += 1
        self.open.wait(seconds)
        if self.error is not None:
            raise self.error
        return Grant(f"token-{self.asked}", self.seconds)


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_token_is_kept_until_a_minute_before_its_end(clock: Clock) -> None:
    endpoint, tokens = Endpoint(), Tokens(clock)
    assert tokens.get(endpoint, 5) == "token-1"
    clock.now += 3539.9
    assert tokens.get(endpoint, 5) == "token-1"
    clock.now += 0.1
    assert tokens.get(endpoint, 5) == "token-2"
    assert endpoint.asked == 2


def test_a_short_token_is_kept_for_half_its_life(clock: Clock) -> None:
    endpoint, tokens = Endpoint(seconds=30.0), Tokens(clock)
    assert tokens.get(endpoint, 5) == "token-1"
    clock.now += 14.9
    assert tokens.get(endpoint, 5) == "token-1"
    clock.now += 0.1
    assert tokens.get(endpoint, 5) == "token-2"


def gather(tokens: Tokens, endpoint: Ask, count: int) -> tuple[list[threading.Thread], list[str]]:
    found: list[str] = []

    def ask() -> None:
        try:
            found.append(tokens.get(endpoint, 5))
        except TokenError as error:
            found.append(error.sentence)

    threads = [threading.Thread(target=ask) for _ in range(count)]
    for thread in threads:
        thread.start()
    return threads, found


def test_one_asks_and_the_others_wait(clock: Clock) -> None:
    endpoint, tokens = Endpoint(), Tokens(clock)
    endpoint.open.clear()
    threads, found = gather(tokens, endpoint, 20)
    time.sleep(0.05)
    assert found == []
    endpoint.open.set()
    for thread in threads:
        thread.join()
    assert found == ["token-1"] * 20
    assert endpoint.asked == 1


def test_those_who_wait_hear_of_the_failure_too(clock: Clock) -> None:
    endpoint, tokens = Endpoint(), Tokens(clock)
    endpoint.open.clear()
    endpoint.error = TokenError(401, "no")
    threads, found = gather(tokens, endpoint, 5)
    time.sleep(0.05)
    endpoint.open.set()
    for thread in threads:
        thread.join()
    assert found == ["no"] * 5
    assert endpoint.asked == 1


def test_a_waiter_has_a_deadline_of_its_own(clock: Clock) -> None:
    endpoint, tokens = Endpoint(), Tokens(clock)
    endpoint.open.clear()
    threads, _ = gather(tokens, endpoint, 1)
    while not endpoint.asked:
        time.sleep(0.001)
    with pytest.raises(TokenError, match="in time"):
        tokens.get(endpoint, 0.02)
    endpoint.open.set()
    threads[0].join()
    assert tokens.get(endpoint, 5) == "token-1"


def test_only_the_kept_token_is_dropped(clock: Clock) -> None:
    endpoint, tokens = Endpoint(), Tokens(clock)
    first = tokens.get(endpoint, 5)
    tokens.drop(first)
    second = tokens.get(endpoint, 5)
    tokens.drop(first)
    assert tokens.get(endpoint, 5) == second == "token-2"
    assert endpoint.asked == 2


def test_a_refusal_is_remembered_for_a_moment(clock: Clock) -> None:
    endpoint, tokens = Endpoint(), Tokens(clock)
    endpoint.error = TokenError(429, "too often", 3.0)
    for wait, asked in ((0.0, 1), (2.9, 1), (0.1, 2)):
        clock.now += wait
        with pytest.raises(TokenError, match="too often"):
            tokens.get(endpoint, 5)
        assert endpoint.asked == asked
    endpoint.error = None
    clock.now += 3.0
    assert tokens.get(endpoint, 5) == "token-3"


def test_silence_is_not_remembered(clock: Clock) -> None:
    endpoint, tokens = Endpoint(), Tokens(clock)
    endpoint.error = TokenError(0, "nobody there")
    with pytest.raises(TokenError):
        tokens.get(endpoint, 5)
    endpoint.error = None
    assert tokens.get(endpoint, 5) == "token-2"


def test_a_bug_while_asking_leaves_nobody_waiting(clock: Clock) -> None:
    def broken(seconds: float) -> Grant:
        raise ZeroDivisionError

    tokens = Tokens(clock)
    with pytest.raises(ZeroDivisionError):
        tokens.get(broken, 5)
    assert tokens.get(Endpoint(), 5) == "token-1"


def test_one_cache_for_each_key_at_each_endpoint() -> None:
    here = tokens_for("http://127.0.0.1:1/oauth2/token", "a")
    assert tokens_for("http://127.0.0.1:1/oauth2/token", "a") is here
    assert tokens_for("http://127.0.0.1:1/oauth2/token", "b") is not here
    assert tokens_for("http://127.0.0.1:2/oauth2/token", "a") is not here


# --- over HTTP -------------------------------------------------------------------------------------------


@pytest.fixture
def sinch() -> Iterator[FakeSinch]:
    with FakeSinch() as started:
        yield started


@pytest.fixture
def transport() -> Iterator[Transport]:
    made = Transport()
    yield made
    made.close()


def test_a_token_is_granted(sinch: FakeSinch, transport: Transport) -> None:
    grant = request_token(transport, sinch.url + TOKEN_PATH, KEY, SECRET, 5)
    assert grant.token.startswith("fake-token-")
    assert grant.seconds == 3600
    assert grant.token not in repr(grant)
    assert sinch.problems == []


@pytest.mark.parametrize(
    ("step", "status", "says"),
    [
        (Answer(400), 400, "PROJECT_ID_API_SECRET"),
        (Answer(401), 401, "PROJECT_ID_API_SECRET"),
        (Answer(404), 404, "FLOWENGINE_AUTH_URL"),
        (Answer(429, retry_after=2), 429, "too often"),
        (Answer(503, shape="text"), 503, "unavailable"),
        (Drop(), 0, "broke"),
        (Hang(), 0, "in time"),
        (Answer(200, shape="text"), 200, "without an access token"),
        (Answer(200), 200, "without an access token"),
    ],
    ids=str,
)
def test_no_token(sinch: FakeSinch, transport: Transport, step: Answer | Hang, status: int, says: str) -> None:
    sinch.script([step], at="token")
    with pytest.raises(TokenError, match=says) as caught:
        request_token(transport, sinch.url + TOKEN_PATH, KEY, SECRET, 0.7 if isinstance(step, Hang) else 10)
    assert caught.value.status == status
    assert caught.value.retry_after == (2.0 if status == 429 else None)


def test_a_wrong_secret_is_not_told(sinch: FakeSinch, transport: Transport) -> None:
    with pytest.raises(TokenError) as caught:
        request_token(transport, sinch.url + TOKEN_PATH, KEY, "canary", 5)
    assert caught.value.status == 401
    assert "canary" not in str(caught.value)
