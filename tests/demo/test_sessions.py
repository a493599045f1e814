"""The sample's sessions: bounded, expiring, and never guessable from what is kept."""

from broker.demo.sample.sessions import LIFETIME, Session, Sessions


def test_the_oldest_session_makes_room() -> None:
    sessions = Sessions(lambda: 0, capacity=3)
    cookies = [sessions.keep(Session()) for _ in range(5)]
    assert [sessions.find(cookie) is not None for cookie in cookies] == [False, False, True, True, True]
    assert len(sessions) == 3


def test_a_session_lives_until_its_second_and_not_longer() -> None:
    now = 100
    sessions = Sessions(lambda: now)
    cookie = sessions.keep(Session())
    now += LIFETIME - 1
    assert sessions.find(cookie) is not None
    now += 1
    assert sessions.find(cookie) is None


def test_a_forgotten_cookie_finds_nothing() -> None:
    sessions = Sessions(lambda: 0)
    cookie = sessions.keep(Session())
    sessions.forget(cookie)
    assert sessions.find(cookie) is None
