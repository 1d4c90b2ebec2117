"""The function behind the queue: writes its messages into MySQL, in order."""

import os

from drill.handlers.contract import customers
from durable_ingest import Drainer, MySQL

drainer = Drainer(MySQL.from_env(), customers, dead_letter_queue_url=os.environ["DLQ_URL"])
handler = drainer.handle
