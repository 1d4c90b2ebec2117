"""The function behind API Gateway: stores each write in the queue and answers 202."""

import os

from drill.handlers.contract import customers
from durable_ingest import Enqueuer
from durable_ingest.apigateway import endpoint

enqueuer = Enqueuer(os.environ["QUEUE_URL"], customers)
handler = endpoint(enqueuer, customers)
