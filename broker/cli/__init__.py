"""The `broker` command: a file for each command or group of commands, imported when it is asked for.

Exit codes: 0 done, 1 the answer is no or something is wrong, 2 wrong usage, 130 interrupted. What was asked for
goes to standard output, errors and questions to standard error. What a command does is left to the rooms that
it calls; what is read from the environment, to `settings`.
"""
