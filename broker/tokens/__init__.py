"""`POST /token`: trading a code, a refresh token, a client's own credentials, or another token, for tokens.

`endpoint` takes the steps that every grant shares: who is the client, may it use this grant, let the grant spend
what was presented, write the answer. `authorization_code`, `refresh_token`, `client_credentials` and `exchange`
hold what is their own. Of an exchange, `tiktok_code` trades a code of TikTok's SDK, and `tiktok_token` hands out a
token of TikTok's. `answer` makes the response. What is true is decided in `store`, what a token says in `claims`.
"""
