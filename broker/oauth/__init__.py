"""Rules of the RFCs as pure functions: no input or output, no clock, no database.

`errors` holds the protocol's error codes, `parameters` reads requests, `authorization_request` those for a
sign-in; `registration` says what an app may register, `client_metadata` reads what it did; `redirects`, `pkce` and
`scopes` decide what matches what. Who asks, and in which order, is left to the endpoints.
"""
