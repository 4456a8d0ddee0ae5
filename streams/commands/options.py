"""Which options do several commands have? Declared once, so that they read alike everywhere.

Nothing heavy is imported here, nor at the top of a command's file: the front page of the help
imports all of them, and has to be there at once.
"""

from typing import Annotated

from cyclopts import Group, Parameter

# The parts of the front page of the help.
SEE = Group("See it", sort_key=1)
RUN = Group("Run it", sort_key=2)
ASK = Group("Feed it and ask it", sort_key=3)
MEND = Group("Keep it and mend it", sort_key=4)
ALSO = Group("Also", sort_key=5)

CustomerId = Annotated[
    str, Parameter(name="ID", help="The customer_id; of a visitor, anon:<anonymous_id>.")
]
Broker = Annotated[
    str | None, Parameter(name="--broker", help="Kafka's bootstrap servers. [EBBTIDE_BROKER]")
]
RedisUrl = Annotated[
    str | None, Parameter(name="--redis-url", help="Where rows are kept. [EBBTIDE_REDIS_URL]")
]
Config = Annotated[
    str | None, Parameter(name="--config", help="The path of engine.toml. [EBBTIDE_CONFIG]")
]
AsJson = Annotated[
    bool,
    Parameter(
        name="--json",
        show_default=False,
        help="For programs: one JSON object a line on stdout, and nothing else there.",
    ),
]
