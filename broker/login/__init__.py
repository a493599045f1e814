"""The browser's part of the journey: from an app's request to TikTok and back with a code.

Routes: `GET /authorize`, `GET /callback/tiktok` (and `/callback/tiktok/{registration}`). `request` reads what an
app asks, `browser` keeps the login in a sealed cookie, `authorize` sends to TikTok, `callback` takes its answer,
`refusals` says how a refusal reaches whom, `addresses` where the callback is. Trading the code for tokens is left
to `tokens`, what TikTok's parameters mean to `upstream`.
"""
