-- The chain and its checkpoints are only added to.
CREATE TRIGGER chain_kept_changed BEFORE UPDATE ON chain
BEGIN SELECT RAISE(ABORT, 'the chain is only added to'); END;
CREATE TRIGGER chain_kept_dropped BEFORE DELETE ON chain
BEGIN SELECT RAISE(ABORT, 'the chain is only added to'); END;
CREATE TRIGGER checkpoints_kept_changed BEFORE UPDATE ON checkpoints
BEGIN SELECT RAISE(ABORT, 'the chain is only added to'); END;
CREATE TRIGGER checkpoints_kept_dropped BEFORE DELETE ON checkpoints
BEGIN SELECT RAISE(ABORT, 'the chain is only added to'); END;
