-- The journal is only added to, whole bookings at a time.
CREATE TRIGGER journal_kept_changed BEFORE UPDATE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;
CREATE TRIGGER journal_kept_dropped BEFORE DELETE ON journal
BEGIN SELECT RAISE(ABORT, 'the journal is only added to'); END;

-- Triggers see single legs only. So each leg moves its booking's balance, and at
-- the end of the transaction every balance must point at the only row there is.
CREATE TABLE naught (zero BIGINT NOT NULL PRIMARY KEY CHECK (zero = 0));
INSERT INTO naught VALUES (0);
CREATE TRIGGER naught_stays BEFORE DELETE ON naught BEGIN SELECT RAISE(ABORT, 'nothing stays'); END;
CREATE TABLE journal_balance (
    tx      TEXT   NOT NULL PRIMARY KEY,
    balance BIGINT NOT NULL REFERENCES naught (zero) DEFERRABLE INITIALLY DEFERRED
);
CREATE TRIGGER journal_balances AFTER INSERT ON journal
BEGIN
    INSERT INTO journal_balance (tx, balance) VALUES (NEW.tx, NEW.debit - NEW.credit)
    ON CONFLICT (tx) DO UPDATE SET balance = balance + excluded.balance;
END;
CREATE TRIGGER journal_balance_begins AFTER INSERT ON journal_balance
WHEN NEW.balance <> coalesce((SELECT sum(debit) - sum(credit) FROM journal WHERE tx = NEW.tx), 0)
BEGIN SELECT RAISE(ABORT, 'a balance follows from the journal'); END;
CREATE TRIGGER journal_balance_moves AFTER UPDATE ON journal_balance
WHEN NEW.tx <> OLD.tx OR NEW.balance <> coalesce((SELECT sum(debit) - sum(credit) FROM journal WHERE tx = NEW.tx), 0)
BEGIN SELECT RAISE(ABORT, 'a balance follows from the journal'); END;
CREATE TRIGGER journal_balance_kept BEFORE DELETE ON journal_balance
BEGIN SELECT RAISE(ABORT, 'a balance follows from the journal'); END;

-- Charges, lines and refunds take only the steps in edges.
CREATE TRIGGER charges_begin AFTER INSERT ON charges
WHEN NOT EXISTS (SELECT 1 FROM edges WHERE kind = 'charge' AND was = '' AND becomes = NEW.state)
BEGIN SELECT RAISE(ABORT, 'a charge does not begin so'); END;
CREATE TRIGGER charges_walk AFTER UPDATE ON charges
WHEN OLD.state <> NEW.state AND NOT EXISTS (SELECT 1 FROM edges WHERE kind = 'charge' AND was = OLD.state AND becomes = NEW.state)
BEGIN SELECT RAISE(ABORT, 'a charge does not go from there to there'); END;
CREATE TRIGGER lines_begin AFTER INSERT ON lines
WHEN NOT EXISTS (SELECT 1 FROM edges WHERE kind = 'line' AND was = '' AND becomes = NEW.state)
BEGIN SELECT RAISE(ABORT, 'a line does not begin so'); END;
CREATE TRIGGER lines_walk AFTER UPDATE ON lines
WHEN OLD.state <> NEW.state AND NOT EXISTS (SELECT 1 FROM edges WHERE kind = 'line' AND was = OLD.state AND becomes = NEW.state)
BEGIN SELECT RAISE(ABORT, 'a line does not go from there to there'); END;
CREATE TRIGGER refunds_begin AFTER INSERT ON refunds
WHEN NOT EXISTS (SELECT 1 FROM edges WHERE kind = 'refund' AND was = '' AND becomes = NEW.state)
BEGIN SELECT RAISE(ABORT, 'a refund does not begin so'); END;
CREATE TRIGGER refunds_walk AFTER UPDATE ON refunds
WHEN OLD.state <> NEW.state AND NOT EXISTS (SELECT 1 FROM edges WHERE kind = 'refund' AND was = OLD.state AND becomes = NEW.state)
BEGIN SELECT RAISE(ABORT, 'a refund does not go from there to there'); END;

-- No more is refunded of a charge than was charged or taken.
CREATE TRIGGER refunds_fit_new AFTER INSERT ON refunds
WHEN (SELECT sum(amount) FROM refunds WHERE payment = NEW.payment AND charge = NEW.charge AND state <> 'refund_failed')
    > coalesce((SELECT max(amount, taken) FROM charges WHERE payment = NEW.payment AND no = NEW.charge), 0)
BEGIN SELECT RAISE(ABORT, 'more is refunded than was charged'); END;
CREATE TRIGGER refunds_fit_changed AFTER UPDATE ON refunds
WHEN (SELECT sum(amount) FROM refunds WHERE payment = NEW.payment AND charge = NEW.charge AND state <> 'refund_failed')
    > coalesce((SELECT max(amount, taken) FROM charges WHERE payment = NEW.payment AND no = NEW.charge), 0)
BEGIN SELECT RAISE(ABORT, 'more is refunded than was charged'); END;
