"""How the database gets from one revision to another while the service runs.

`scripts` finds the revisions and what kind each is, `running` runs them under one lock and gives up rather than
make requests wait, `online` builds an index beside running writes, `progress` tells how far that is, `presence`
knows which releases are connected, `planning` writes the SQL down without running it and `effects` says what each
statement locks. What may run is decided by `broker db`; `broker/store/migrations.py` is the door to all of it.
"""
