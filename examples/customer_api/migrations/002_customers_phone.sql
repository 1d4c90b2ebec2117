-- Before the drainer that knows the field, and that before the producer which sends it.
ALTER TABLE customers ADD COLUMN phone VARCHAR(32) NULL;
