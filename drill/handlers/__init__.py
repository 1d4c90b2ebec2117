"""What a team would write: a contract, a producer, a drainer. The drill changes nothing in it."""
