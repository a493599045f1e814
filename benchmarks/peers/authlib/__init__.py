"""Authlib's authorization server on Flask, behind gunicorn; its packages live under `var/peers/authlib`."""
