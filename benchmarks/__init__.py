"""How much a sign-in, a code exchange, a refresh and a read of the key set cost: `make bench`.

`service` starts the real service, `tiktok` answers as TikTok does and at once, `generator` drives them from a
process of its own, `accounting` reads what each of them cost, `rounds` puts the parts together and `report`
prints. How to read the figures stands in `docs/performance.md`. It needs Linux, whose `/proc` is the meter.
"""
