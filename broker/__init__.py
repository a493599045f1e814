"""An OpenID Connect broker for "Sign in with TikTok".

The folder list reads as the journey: a browser arrives at `login`, TikTok is asked in `upstream`, what is
true is kept in `store`, the app redeems at `tokens`, and everything signed is signed with `keys`.
`app` builds the rooms and mounts them; `cli` is the one program.
"""

__version__ = "0.2.0.dev0"
