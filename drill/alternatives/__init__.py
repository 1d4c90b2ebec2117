"""What a user would otherwise pick: each a small implementation, as good as its idea allows.

A module each, with a `candidate` that sets it up for a rehearsal. All are Lambda functions behind
API Gateway; `function.py` and `gateway.py` give them execution environments and time limits.
"""
