"""How often one address, and one app, may ask: counted in this process, per minute, by the library `limits`.

`neighbourhood` says whom an address stands for, `windows` keeps the counts in bounded memory, `allowance`
decides. Routes: none. Which address a request came from is the server's to tell, and how a refusal looks is left
to `web` and `login`.
"""
