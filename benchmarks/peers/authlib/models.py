"""The tables: Authlib's mixins as its documentation puts them together, and the people."""

import time
from typing import Any

from authlib.integrations.sqla_oauth2 import OAuth2AuthorizationCodeMixin, OAuth2ClientMixin, OAuth2TokenMixin
from sqlalchemy import BigInteger, Column, ForeignKey, Identity, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

REFRESH_TOKEN_LIVES = 30 * 86_400
"""Seconds."""
_CODE_LIVES = 60


class Base(DeclarativeBase):
    """Everything in one database."""


class User(Base):
    """A person, one row per TikTok `union_id`."""

    __tablename__ = "users"

    id: Mapped[str] = mapped_column(String(48), primary_key=True)
    union_id: Mapped[str] = mapped_column(Text, unique=True)
    open_id: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    picture: Mapped[str] = mapped_column(Text)
    last_sign_in: Mapped[int] = mapped_column(BigInteger)

    def get_user_id(self) -> str:
        """What `sub` is to be."""
        return self.id


class Client(Base, OAuth2ClientMixin):
    """An app."""

    __tablename__ = "oauth2_clients"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)


class AuthorizationCode(Base, OAuth2AuthorizationCodeMixin):
    """A code, gone when it has been exchanged."""

    __tablename__ = "oauth2_codes"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(48), ForeignKey("users.id", ondelete="CASCADE"))

    def is_expired(self) -> bool:
        expired: bool = self.auth_time + _CODE_LIVES < time.time()
        return expired


class Token(Base, OAuth2TokenMixin):
    """A refresh token. An access token proves itself by its signature (RFC 9068) and is kept nowhere."""

    __tablename__ = "oauth2_tokens"

    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    user_id: Mapped[str] = mapped_column(String(48), ForeignKey("users.id", ondelete="CASCADE"))
    access_token: Column[Any] = Column(Text)

    def is_refresh_token_active(self) -> bool:
        """Neither spent, revoked nor expired."""
        fresh: bool = time.time() < self.issued_at + REFRESH_TOKEN_LIVES
        return fresh and not self.refresh_token_revoked_at
