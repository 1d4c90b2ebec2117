-- Ids are compared byte by byte: under MySQL's default collation the tenants "acme" and "Acme"
-- would share their rows.
CREATE TABLE customers (
  tenant_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  customer_id VARCHAR(64) CHARACTER SET ascii COLLATE ascii_bin NOT NULL,
  version BIGINT NOT NULL,
  email VARCHAR(254) NOT NULL,
  name VARCHAR(200) NOT NULL,
  notes MEDIUMTEXT NOT NULL,
  changed_by VARCHAR(200) NOT NULL,
  PRIMARY KEY (tenant_id, customer_id),
  CONSTRAINT an_address CHECK (email LIKE '_%@_%')
) ENGINE = InnoDB DEFAULT CHARSET = utf8mb4;
