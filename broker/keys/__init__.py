"""The broker's keys: made, sealed, published, used.

`ring` decides which key signs and which still verify, `jwk` speaks RFC 7517, `signer` signs JWTs, and
`refresh` makes and reads refresh tokens, which exist nowhere but at the client. What the JWTs say is left
to `claims`.
"""
