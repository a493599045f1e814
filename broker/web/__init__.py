"""HTTP as every room needs it: reading requests within bounds, and turning errors into answers.

`requests` reads, `limits` bounds, `errors` answers the back channel, `upstream_errors` says what an app hears of
TikTok, `middleware` is the one layer around it all. Pages for people are left to `login`.
"""
