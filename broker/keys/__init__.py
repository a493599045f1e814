"""The broker's keys: made, sealed, published, used, retired.

`schedule` says what each key does when, `rotation` does what is due and notices what changes, `making` makes,
seals and opens, `ring` is what there is to sign and verify with at one moment. `jwk` speaks RFC 7517, `signer`
signs JWTs, and `refresh` makes and reads refresh tokens, which exist nowhere but at the client. What the JWTs say
is left to `claims`.
"""
