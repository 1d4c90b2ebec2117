"""What an outage does to a queue and its drainer, worked out beforehand: pure, no I/O."""
