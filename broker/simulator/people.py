"""The people who have an account at the simulator, and the two identifiers by which apps know them.

Identifiers: page "Get User Info". `open_id` is one person in one app, `union_id` one person in all apps of one
developer; both follow from the person alone, so that a restarted simulator knows everybody again.
"""

import base64
import hashlib
import uuid
from dataclasses import dataclass

_UNION_IDS = uuid.UUID("6f1c2c36-6d0c-4f53-9b5e-5a2f7c1f7a11")
_OPEN_ID_LENGTH = 36


@dataclass(frozen=True)
class Person:
    """One account. `open_id_start` forces how every `open_id` begins: live ones may begin with `-`.

    Another `picture` is another avatar, with another path.
    """

    id: str
    display_name: str
    username: str
    bio_description: str
    is_verified: bool
    follower_count: int
    following_count: int
    likes_count: int
    video_count: int
    open_id_start: str = ""
    picture: str = ""

    def open_id(self, client_key: str) -> str:
        """36 characters of the base64url alphabet."""
        digest = hashlib.sha256(f"open_id|{self.id}|{client_key}".encode()).digest()
        text = base64.urlsafe_b64encode(digest).decode("ascii")
        return (self.open_id_start + text)[:_OPEN_ID_LENGTH]

    def union_id(self, developer: str) -> str:
        """A UUID."""
        return str(uuid.uuid5(_UNION_IDS, f"{self.id}|{developer}"))

    @property
    def avatar_name(self) -> str:
        """32 hexadecimal digits that name the person's picture without telling whose it is."""
        return hashlib.sha256(f"avatar|{self.id}{self.picture}".encode()).hexdigest()[:32]


PEOPLE = (
    Person("p1", "Ada Moreno", "ada.moreno", "Slow cooking, fast bicycles", False, 1_204, 310, 18_455, 57),
    Person("p2", "Kwame Mensah", "kwame_m", "", True, 2_400_117, 12, 91_033_870, 1_206),
    Person("p3", "Zoë 🎧 小林", "zoe.kobayashi", "音楽と猫 🐈", False, 88, 90, 412, 9),
    Person(
        "p4",
        'Maximilian "Max" O\'Brien <b>& Sons</b>, Keeper of the Very Long Display Name that No Layout Ever'
        " Expected to Have to Show in One Single Line",
        "a.username_that_is_24chars",
        'He said: "it\'s <fine> & well"',
        False,
        0,
        0,
        0,
        0,
    ),
    Person("p5", "Noor van Dijk", "noor.vd", "Lighthouses", False, 7_310, 502, 66_201, 140, open_id_start="-000"),
)
