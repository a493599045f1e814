"""What a person sees when a sign-in cannot go on: plain pages without script, readable on a phone.

`loading` puts them together at the start from the files beside it and those of an operator, which `folder` reads
and `look` checks and fills; `rendering` knows the kinds of pages, `languages` what they speak. Every page shows
the request id. When a page is shown, and with which status, is left to `login`.
"""
