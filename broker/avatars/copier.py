"""Copying a picture: one delivery of the outbox, once for each picture that a person takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from broker import log, telemetry
from broker.clock import Clock
from broker.outbound import Unreachable
from broker.outbound_pictures import NoPicture, Picture, Pictures
from broker.store import avatars
from broker.store.database import Database
from broker.store.outbox import Outcome
from broker.upstream import tiktok_avatars

_log = log.get("avatars")


@dataclass(frozen=True, slots=True)
class Copier:
    """Fetches and keeps. `simulator` is the origin of a TikTok simulator, whose pictures are taken, too."""

    database: Database
    pictures: Pictures
    simulator: str | None
    clock: Clock

    async def deliver(self, payload: Mapping[str, Any]) -> Outcome:
        """Have it copied, or see that nobody wants it; to be tried again while its host does not answer."""
        user_id, name = payload["user_id"], payload["name"]
        link = payload.get("link") or await self.database.read(avatars.wanted, user_id, name)
        if link is None:
            return Outcome.DONE
        try:
            picture = await self._fetch(link)
        except Unreachable as error:
            if self.clock() < payload["tried_until"]:
                _log.warning("avatar.waiting", reason=str(error))
                return Outcome.AGAIN
            await self._give_up(user_id, name, error)
        except NoPicture as error:
            await self._give_up(user_id, name, error)
        else:
            await self.database.run(
                avatars.keep, user_id, name, picture.media_type, picture.image, now=self.clock()
            )
            telemetry.AVATARS.labels("done").inc()
            return Outcome.CLEARED
        return Outcome.DONE

    async def _fetch(self, link: str) -> Picture:
        if not tiktok_avatars.may_be_fetched(link, simulator=self.simulator):
            raise NoPicture(f"{tiktok_avatars.host_of(link)} is not known as a host of TikTok's pictures")
        return await self.pictures.fetch(link)

    async def _give_up(self, user_id: str, name: str, error: Exception) -> None:
        await self.database.run(avatars.give_up, user_id, name)
        telemetry.AVATARS.labels("failed").inc()
        _log.warning("avatar.not_copied", reason=str(error))
