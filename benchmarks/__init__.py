"""What each leg of the broker costs, and what it costs others: `make bench`.

`targets` says what can be measured and `service` how the broker is started, `nothing` is the target that does
nothing, `peers` has the others. `legs` has the legs and `journeys` what an app, its backend and a `browser` do in
them; `generator` plays them from a process of its own over `connections`. `tiktok` answers as TikTok does and at
once, `accounting` and `postgresql` read what all of that cost, `rounds` puts it together, `figures` reckons and
`report` prints. How to read the figures stands in `docs/performance.md`. It needs Linux: `/proc` is the meter.
"""
