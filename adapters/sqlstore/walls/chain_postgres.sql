-- The chain and its checkpoints are only added to.
CREATE FUNCTION chain_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the chain is only added to' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER chain_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON chain FOR EACH STATEMENT EXECUTE FUNCTION chain_kept();
CREATE TRIGGER checkpoints_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON checkpoints FOR EACH STATEMENT EXECUTE FUNCTION chain_kept();
