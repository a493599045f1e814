"""Reads a token a line, and answers each with a line: whose it is, or why not."""

import sys

from verify import Tokens

from tiktok_broker_verifier import Refused, Unavailable

tokens = Tokens(*sys.argv[1:])
for line in sys.stdin:
    try:
        print("accepted", tokens.verified(line.removesuffix("\n")).sub)
    except (Refused, Unavailable) as fault:
        print("refused", fault)
