"""Asking TikTok who somebody is.

`connector` is the vocabulary the rest of the broker speaks: who signed in, which tokens came with it, the
ways it fails. `tiktok` is the connector itself, one object per developer app: the way there and back, and who
it was. Below it `tiktok_tokens` gets, refreshes and revokes tokens, and `tiktok_calls` carries every call,
counts it, and repeats it where that is harmless. `tiktok_answers` reads what TikTok's servers answer,
`tiktok_errors` says what each of their errors means to us, and `tiktok_drift` counts what is new in them.
`circuit` knows when to send nobody there, and `http` makes the one client of a process and bounds every call
through it. A TikTok name (a parameter, a field, an error code) appears in the `tiktok*` files and nowhere else
in the broker.

It has no routes and stores nothing: the browser, its cookies and the redirect back are left to `login`, what
is stored and sealed to `store`, and logging what failed to whoever catches the error.
"""
