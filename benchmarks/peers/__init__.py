"""Other servers that do the same work, measured beside the broker: `make bench PEER=NAME`.

`table` names them. What they do more or less than the broker stands on the comparison page.
"""
