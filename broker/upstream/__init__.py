"""Asking TikTok who somebody is.

`connector` is the vocabulary the rest of the broker speaks: who signed in, which tokens came with it, the
ways it fails. `tiktok` is the connector itself, one object per developer app; beside it `tiktok_answers`
reads what TikTok's servers answer and `tiktok_errors` says what each of their errors means to us. `http`
makes the one client of a process and bounds every call through it. A TikTok name (a parameter, a field, an
error code) appears in the `tiktok*` files and nowhere else in the broker.

It has no routes and keeps nothing: the browser, its cookies and the redirect back are left to `login`, what
is stored and sealed to `store`, and logging to whoever catches the error.
"""
