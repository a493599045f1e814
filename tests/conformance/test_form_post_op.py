"""OpenID Foundation, plan "Form Post OP": the whole list of Basic OP again, answered by form post, and the form.

OAuth 2.0 Form Post Response Mode 1.0.
"""

import pytest
import pytest_asyncio

from tests.conformance import test_basic_op
from tests.conformance.conftest import Suite
from tests.conformance.relying_party import Form, RelyingParty

pytestmark = pytest.mark.asyncio(loop_scope="session")
globals().update({name: check for name, check in vars(test_basic_op).items() if name.startswith("test_")})


@pytest_asyncio.fixture(name="rp", loop_scope="session")
async def form_post(suite: Suite) -> RelyingParty:
    return await suite.relying_party(response_mode="form_post")


async def test_the_page_is_a_form_that_submits_itself_and_is_kept_by_nobody(rp: RelyingParty) -> None:
    """§2: HTML with hidden fields and an empty query and fragment at the action; §4: not to be cached."""
    response = await rp.open(rp.question())
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert response.headers["cache-control"] == "no-store"
    assert ".submit()" in response.text
    page = Form()
    page.feed(response.text)
    assert set(page.fields) == {"code", "state", "iss"}
    assert "?" not in page.action
    assert "#" not in page.action


async def test_a_refusal_by_the_person_is_posted_too(rp: RelyingParty) -> None:
    """§2: errors travel as codes do; OIDC Core §3.1.2.6."""
    sent = await rp.browser.get(rp.provider["authorization_endpoint"], params=rp.question())
    back = await rp.stage.consent(rp.browser, sent.headers["location"], action="deny")
    assert rp.received(await rp.browser.get(back))["error"] == "access_denied"
