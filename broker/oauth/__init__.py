"""Rules of the RFCs as pure functions: no input or output, no clock, no database.

`errors` holds the protocol's error codes, `parameters` reads requests, `client_metadata` reads registrations,
`redirects`, `pkce` and `scopes` decide what matches what. Who asks, and in which order, is left to the endpoints.
"""
