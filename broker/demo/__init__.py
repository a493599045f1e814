"""The demo: the whole of "Continue with TikTok" on one machine, with nothing to configure.

`run` starts a TikTok simulator, the broker and the sample app, each on a port of its own; `sample` is the
app, written as any app would be; `backend` is the API behind it, which trusts nothing but the key set; and
`check` signs somebody in by itself, as a browser would, and looks at everything that comes back.

Nothing here is used by `broker serve`.
"""
