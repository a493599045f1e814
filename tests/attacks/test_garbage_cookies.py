"""Whatever a browser brings as cookies: it is somebody whom we do not know, and never a fault of ours."""

from tests.attacks.attacker import signed_in
from tests.stage import Stage, answer_in

GARBAGE: tuple[bytes, ...] = (
    b"",
    b"=",
    b";;;",
    b"broker_session",
    b"broker_session=",
    b"broker_session=;broker_session=",
    b"broker_session=\xff\xfe\x80",
    b"broker_session=\xc3\xa9",
    b"broker_session=%00%ff",
    b'broker_session="quoted\\000"',
    b"broker_session=" + b"a" * 7_000,
    b"broker_session=" + b"a" * 56 + b"; broker_session=" + b"b" * 56,
    b"broker_login_aaaaaaaa=; broker_login_=x; broker_login_=" + b"y" * 3_000,
    b"broker_login_aaaaaaaa=6b49d200.AAAA",
    b"broker_login_aaaaaaaa=zz.\xff",
    b"broker_login_aaaaaaaa=-1.====",
    b"broker_login_aaaaaaaa=" + b"f" * 400 + b".AAAA",
    b"; ".join(b"broker_login_%08d=ffffffff.%s" % (number, b"A" * 40) for number in range(60)),
    b"__Host-broker_session=x; __Secure-broker_session=y; BROKER_SESSION=z",
    b"$Version=1; broker_session=x; $Path=/",
    b"broker_session={7*7}; <script>=x; a=b,c=d",
)


async def test_they_sign_nobody_in_nor_out_and_break_nothing(file_stage: Stage) -> None:
    known, tokens = await signed_in(file_stage)
    browser = await file_stage.browser()
    at = file_stage.issuer
    silent = file_stage.question(prompt="none")
    for garbage in GARBAGE:
        cookie = [(b"cookie", garbage)]
        answer = await browser.get(f"{at}/authorize", params=silent, headers=cookie)
        assert answer_in(answer.headers["location"])["error"] == "login_required", garbage
        # Where there is a cookie of that name at all, a form is answered in place.
        form = await browser.post(f"{at}/authorize", data=silent, headers=cookie)
        assert form.status_code == 303, garbage
        started = await browser.get(f"{at}/authorize", params=file_stage.question(), headers=cookie)
        assert started.status_code == 302, garbage
        assert started.headers["location"].startswith(file_stage.simulator), garbage
        lost = await browser.get(
            f"{at}/callback/tiktok", params={"state": "aaaaaaaa.x", "code": "x"}, headers=cookie
        )
        assert lost.status_code == 400, garbage
        asked = await browser.get(f"{at}/logout", headers=cookie)
        assert asked.status_code == 200, garbage
        for question in ("", "A", "\u00e9"):
            answer = await browser.post(f"{at}/logout/confirm", data={"question": question}, headers=cookie)
            assert answer.status_code == 400, garbage
        # Cookies open nothing on the back channel.
        assert (await browser.get(f"{at}/userinfo", headers=cookie)).status_code == 401
        browser.cookies.clear()
    assert "code" in answer_in((await file_stage.authorize(known, silent)).headers["location"])
    assert (await file_stage.userinfo(tokens["access_token"])).status_code == 200


async def test_a_session_cookie_counts_once_the_first_of_two_being_garbage_or_not(file_stage: Stage) -> None:
    """A cookie planted beside the good one at worst makes its bearer a stranger, never somebody else."""
    known, _ = await signed_in(file_stage)
    secret = known.cookies["broker_session"]
    browser = await file_stage.browser()
    for cookie in (f"broker_session={secret}; broker_session=x", f"broker_session=x; broker_session={secret}"):
        answer = await browser.get(
            f"{file_stage.issuer}/authorize", params=file_stage.question(prompt="none"), headers={"cookie": cookie}
        )
        told = answer_in(answer.headers["location"])
        assert "code" in told or told["error"] == "login_required"
