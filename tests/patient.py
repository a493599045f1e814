"""A broker that waits for its database and for TikTok however busy the machine is: races have no clock.

As a program it is `broker` with that patience.
"""

from broker.cli.main import broker
from broker.store import postgresql
from broker.upstream import http

SECONDS = 60.0
OF_DATABASE = ("_LONGEST_REACH_SECONDS", "_ANSWER_SECONDS")

if __name__ == "__main__":
    for limit in OF_DATABASE:
        setattr(postgresql, limit, SECONDS)
    # Before anything else has taken them over.
    http.CALL_SECONDS = http.CONNECT_SECONDS = SECONDS
    broker(prog_name="broker")
