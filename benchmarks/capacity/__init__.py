"""What machines carry, and what to order for so many people: `make capacity`.

`costs` has what one operation costs, measured; `facts` what a machine is like; `simulation` lets people arrive and
queue, with `queueing` for what formulas know of it; `carrying` finds the highest rate that is answered in time;
`growth` reckons disk and connections; `measuring` takes bytes from a real PostgreSQL, and `report` prints. How to
read it stands in `docs/capacity.md`.
"""
