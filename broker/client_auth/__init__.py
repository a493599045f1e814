"""Which client is speaking, and can it prove it (RFC 6749 §2.3, RFC 7523 §3, RFC 9449).

Routes: none. `directory` finds clients, `authentication` takes their secrets, `assertion` their signed JWTs,
`possession` their proofs of a key, which `dpop` checks. `jwks` knows where their keys are, `public_key` reads
those, `signed` opens what they signed. What a client may ask for is left to the endpoints.
"""
