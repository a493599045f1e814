"""A faithful TikTok for one machine: what Login Kit, the token endpoints and user info do over the wire.

Routes: `/v2/auth/authorize/` (the consent page), `/v2/oauth/token/`, `/v2/oauth/revoke/`, `/v2/user/info/`,
`/avatars/…` (signed links that expire), and `/_simulator/…` (state, faults, switches, what people do at TikTok
itself). Webhooks go out to the address of the app.
Strict where TikTok is strict, so that what signs in here signs in there; where nobody has written down what
TikTok does, the docstring of the room says what was chosen. Everything lives in memory and ends with the
process. It imports nothing else of this project, so that app teams can run it alone, and it says on every
page that it is not TikTok. The QR and native flows are left to others.
"""
