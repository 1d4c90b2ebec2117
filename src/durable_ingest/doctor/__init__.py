"""Whether what is deployed is set up so that nothing is lost. Used by `durable-ingest doctor`."""
