-- The journal is only added to, whole bookings at a time.
CREATE FUNCTION journal_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the journal is only added to' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER journal_kept BEFORE UPDATE OR DELETE ON journal FOR EACH ROW EXECUTE FUNCTION journal_kept();
CREATE TRIGGER journal_kept_whole BEFORE TRUNCATE ON journal FOR EACH STATEMENT EXECUTE FUNCTION journal_kept();

CREATE FUNCTION journal_balances() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS ( -- by the key, one booking after the other: a join would read the whole journal
        SELECT 1 FROM (SELECT DISTINCT tx FROM added) AS touched
        WHERE (SELECT sum(debit) - sum(credit) FROM journal WHERE tx = touched.tx) <> 0
    ) THEN
        RAISE EXCEPTION 'a booking does not balance' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER journal_balances AFTER INSERT ON journal REFERENCING NEW TABLE AS added
    FOR EACH STATEMENT EXECUTE FUNCTION journal_balances();

-- Charges, lines and refunds take only the steps in edges.
CREATE FUNCTION walks() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    came_from text := '';
BEGIN
    IF TG_OP = 'UPDATE' THEN
        came_from := OLD.state;
    END IF;
    IF NOT EXISTS (SELECT 1 FROM edges WHERE kind = TG_ARGV[0] AND was = came_from AND becomes = NEW.state) THEN
        RAISE EXCEPTION 'a % does not go from "%" to "%"', TG_ARGV[0], came_from, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER charges_begin AFTER INSERT ON charges FOR EACH ROW EXECUTE FUNCTION walks('charge');
CREATE TRIGGER charges_walk AFTER UPDATE ON charges FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION walks('charge');
CREATE TRIGGER lines_begin AFTER INSERT ON lines FOR EACH ROW EXECUTE FUNCTION walks('line');
CREATE TRIGGER lines_walk AFTER UPDATE ON lines FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION walks('line');
CREATE TRIGGER refunds_begin AFTER INSERT ON refunds FOR EACH ROW EXECUTE FUNCTION walks('refund');
CREATE TRIGGER refunds_walk AFTER UPDATE ON refunds FOR EACH ROW WHEN (OLD.state <> NEW.state) EXECUTE FUNCTION walks('refund');

-- No more is refunded of a charge than was charged or taken.
CREATE FUNCTION refunds_fit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (SELECT sum(amount) FROM refunds WHERE payment = NEW.payment AND charge = NEW.charge AND state <> 'refund_failed')
        > coalesce((SELECT greatest(amount, taken) FROM charges WHERE payment = NEW.payment AND no = NEW.charge), 0) THEN
        RAISE EXCEPTION 'more is refunded than was charged' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER refunds_fit AFTER INSERT OR UPDATE ON refunds FOR EACH ROW EXECUTE FUNCTION refunds_fit();
