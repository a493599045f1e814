"""Other servers doing the broker's work, to be driven beside it: `make bench PEER=…`.

Each folder is a peer as its own documentation would have it set up, on PostgreSQL, with the same stand-in TikTok
behind it. What each of them does more or less than the broker stands in `docs/comparison.md`.
"""
