-- What is left out of deliveries, and for whom they speak.

-- +goose Up
-- Records that were refused, beside the rows of their delivery. An account or an
-- external id that could not be read is sixteen zero bytes; refusal is sealed.
CREATE TABLE refusals (
    generation BIGINT NOT NULL,
    account    BYTEA  NOT NULL,
    external   BYTEA  NOT NULL,
    as_of      BIGINT NOT NULL,
    refusal    BYTEA  NOT NULL,
    PRIMARY KEY (generation, account, external)
);
