"""What must not grow: the cost of a sign-in with the tables, the memory of a worker with the sign-ins.

`python -m benchmarks.scale` (`make scale`) compares a service over a table of millions with one over a table of
thousands, `benchmarks.scale.soak` (`make soak`) lets one service do hundreds of thousands of sign-ins, and
`benchmarks.scale.flight` (`make flight`) has ten thousand people wait for TikTok at once. Each exits 1 when that
costs too much. How to read the figures stands in `docs/performance.md`.
"""
