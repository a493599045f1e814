"""`broker doctor`: every setting, rule and dependency looked at, each with what to do about it.

`rules` needs nothing but the settings, and `broker serve` tells what it finds at its start, too. `data` opens the
database, `keys` and `apps` look into it, `online` asks TikTok and the issuer from outside. Each finds and changes
nothing; `findings` is what they all answer, `report` prints it.
"""
