"""The browser's part of the journey: from an app's request to TikTok and back with a code.

Routes: `GET/POST /authorize`, `POST /authorize/again`, `GET /callback/tiktok` (and
`/callback/tiktok/{registration}`), `GET/POST /logout`, `POST /logout/confirm`. `request` reads who asks,
`authorize` answers from the session or begins a login (`started`), which `browser` keeps in a sealed cookie while
`departure` sends to TikTok. `callback` takes TikTok's answer, `permissions` asks for what was left out, `astray`
helps browsers whose login is not there. `codes` writes what a code stands for, `answers` brings it to the app,
`refusals` says how a refusal reaches whom, `addresses` where the callback is. `logout` ends a session, `notice`
tells an app of it. Trading the code for tokens is left to `tokens`, what TikTok's parameters mean to `upstream`.
"""
