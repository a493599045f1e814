"""For FastAPI, as a dependency that a handler asks for in its signature:

read = AccessTokenWith(verifier, "openid")

async def me(token: Annotated[AccessToken, Depends(read)]) -> dict[str, str]: ...
"""

from fastapi import HTTPException, Request
from fastapi.openapi.models import HTTPBearer
from fastapi.security.base import SecurityBase

from tiktok_broker_verifier.answers import answer
from tiktok_broker_verifier.asgi import presented
from tiktok_broker_verifier.errors import Refused, Unavailable
from tiktok_broker_verifier.tokens import AccessToken
from tiktok_broker_verifier.verifier import AsyncVerifier


class AccessTokenWith(SecurityBase):
    """Answers the request's token if it has all these scopes, and 400, 401, 403 or 503 for the handler if not."""

    def __init__(self, verifier: AsyncVerifier, *scopes: str) -> None:
        self.model = HTTPBearer(bearerFormat="JWT")
        self.scheme_name = "AccessToken"
        self._verifier = verifier
        self._scopes = scopes

    async def __call__(self, request: Request) -> AccessToken:
        try:
            return await self._verifier.authenticate(presented(request.scope), scopes=self._scopes)
        except (Refused, Unavailable) as fault:
            told = answer(fault, self._verifier.policy)
            raise HTTPException(told.status, detail=told.content, headers=told.headers) from None
