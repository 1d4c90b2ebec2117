"""What the ways of writing are called, in the order in which they are compared."""

DIRECT = "direct write"
PROXY = "connection proxy"
RETRY = "retry in the function"
STORAGE = "scanned local storage"
OURS = "durable_ingest"
NAMES = (DIRECT, PROXY, RETRY, STORAGE, OURS)
