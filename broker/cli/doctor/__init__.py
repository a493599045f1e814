"""`broker doctor`: every setting, rule and dependency looked at, each with what to do about it.

`rules` and `pages` need nothing but the settings, and `broker serve` tells what the first finds at its start.
`data` opens the database, `durability`, `keys` and `apps` look into it, `online` asks TikTok and the issuer from
outside, with `proxy` and `cookies` for what stands in between. Each finds and changes nothing; `findings` is
what they all answer, `report` prints it.
"""
