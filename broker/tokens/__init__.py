"""`POST /token`: trading a code, or a refresh token, for tokens.

`endpoint` takes the steps that every grant shares: who is the client, may it use this grant, let the grant spend
what was presented, write the answer. `authorization_code` and `refresh_token` hold what is their own, `answer`
makes the response. What is true is decided in `store`, what a token says in `claims`.
"""
