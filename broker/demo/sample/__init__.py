"""A sample client: an ordinary web app that lets people sign in through the broker.

It knows the broker only by its issuer, a client id and a client secret, and speaks to it with Authlib's
Starlette client as it comes. Copy it.

Routes: `/` (the button, or who is signed in), `/login`, `/callback`, `/refresh`, `/call-backend`,
`/sign-out`, `/signed-out`. The API it calls lives next door, in `broker.demo.backend`.
"""
