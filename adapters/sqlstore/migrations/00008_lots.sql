-- Lines of one creditor that are told together, in one file: the lot a piece of
-- work is in is set once, when it is first leased, and stays. What was told
-- before was in a file of its own, and stays so.

-- +goose Up
ALTER TABLE works ADD COLUMN lot TEXT NOT NULL DEFAULT ''; -- '' = in none
UPDATE works SET lot = payment || ':' || no WHERE kind = 'line' AND turn > 0;
CREATE INDEX works_lot ON works (lot, payment, no) WHERE lot <> '';
