"""What must be true of one grant: a model in a few lines, to be held against the broker after every step."""

from dataclasses import dataclass, field

CODE = 60
ACCESS = 600
REFRESH = 30 * 86_400
GRANT = 365 * 86_400
GRACE = 60
SESSION = 7 * 86_400
SESSION_MAX = 30 * 86_400


@dataclass
class Session:
    """A browser's session; times in epoch seconds."""

    began: int
    expires: int
    ended: bool = False

    def live(self, now: int) -> bool:
        return not self.ended and now < self.expires

    def slide(self, now: int) -> None:
        """Prolonged by each code issued from it, within its absolute life."""
        self.expires = min(now + SESSION, self.began + SESSION_MAX)


@dataclass
class Grant:
    """A grant by the rules: born with its code, lives by its generation, ends once."""

    session: Session
    offline: bool
    began: int
    redeemed: bool = False
    ended: bool = False
    generation: int = 0
    rotated: int = 0
    refresh_expires: int = 0
    refresh_tokens: list[str] = field(default_factory=list)
    access_tokens: list[tuple[str, int]] = field(default_factory=list)

    def redeem(self, now: int) -> bool:
        """Whether a fully correct presentation of the code succeeds; a second one ends the grant."""
        if self.redeemed:
            self.ended = True
            return False
        if self.ended or now >= self.began + CODE or not self.session.live(now):
            return False
        self.redeemed, self.rotated = True, now
        self.refresh_expires = min(now + REFRESH, self.began + GRANT)
        return True

    def refresh(self, generation: int, now: int) -> bool:
        """Whether the refresh token of this generation is answered with the current one."""
        if self.ended or now >= self.refresh_expires or not (self.offline or self.session.live(now)):
            return False
        if generation == self.generation:
            self.generation += 1
            self.rotated = now
            self.refresh_expires = min(now + REFRESH, self.began + GRANT)
            return True
        if generation == self.generation - 1 and now < self.rotated + GRACE:
            return True
        self.ended = True
        return False

    def sign_out(self) -> None:
        """What the end of its session does to it."""
        if not (self.offline and self.redeemed):
            self.ended = True

    def opens(self, issued: int, now: int) -> bool:
        """Whether an access token of it is good at /userinfo and at introspection."""
        return not self.ended and now < issued + ACCESS

    def edges(self) -> list[int]:
        """The seconds from which on something of it is over, soonest first."""
        ends = {self.began + CODE, self.rotated + GRACE, self.refresh_expires, self.session.expires}
        return sorted(ends | {issued + ACCESS for _, issued in self.access_tokens})
