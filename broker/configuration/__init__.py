"""What a setting may look like: pure parsers and the table of variables.

No routes. Reads neither the environment nor a file (`broker.settings` does), and decides nothing that needs
two settings at once.
"""
