CREATE TABLE customers (
    customer_id     VARCHAR(36)    NOT NULL PRIMARY KEY,
    email           VARCHAR(254)   NOT NULL,
    name            VARCHAR(100)   NOT NULL,
    revision        INT            NOT NULL,
    -- SQS' sequence number of the last write; an older message changes nothing.
    ingest_sequence DECIMAL(39, 0) NULL
);
