"""`broker explain`: what holds for one client, what would be refused, and why.

What is registered is shown by `broker clients show`; here its defaults, the settings and the rules of the protocol
are applied to it. Whether all of the installation is right is left to `broker doctor`.
"""
