-- What everybody who opens the database must agree with it about. There is one
-- row.

-- +goose Up
CREATE TABLE foundation (
    one   INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    mac   BYTEA,           -- says which master key it is; NULL = nobody has opened it yet
    needs BIGINT  NOT NULL -- what knows an older schema only must not open it; 0 = all may
);
INSERT INTO foundation (one, mac, needs) VALUES (1, NULL, 0);
