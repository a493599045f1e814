"""What a person sees when a sign-in cannot go on: plain pages without script, readable on a phone.

`rendering` fills the templates beside it. Every page shows the request id.
"""
