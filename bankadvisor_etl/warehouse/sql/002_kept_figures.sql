-- What a run needs to tell an old finding from a new one, and a file that was used from one that was set aside.

ALTER TABLE etl_run_checks ADD COLUMN IF NOT EXISTS known boolean NOT NULL DEFAULT false;
ALTER TABLE etl_run_checks ADD COLUMN IF NOT EXISTS accepted boolean NOT NULL DEFAULT false;
ALTER TABLE etl_run_checks ADD COLUMN IF NOT EXISTS keys text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN etl_run_checks.known IS 'Whether the last success before found the same: it is not logged again';
COMMENT ON COLUMN etl_run_checks.accepted IS 'Whether it was accepted by name for this run (--accept)';
COMMENT ON COLUMN etl_run_checks.keys IS 'All keys that it does not hold for';

ALTER TABLE etl_run_sources ADD COLUMN IF NOT EXISTS used boolean NOT NULL DEFAULT true;
ALTER TABLE etl_run_sources DROP CONSTRAINT etl_run_sources_pkey, ADD PRIMARY KEY (run_id, source, file_name);
COMMENT ON COLUMN etl_run_sources.used IS 'False for an optional file that was set aside as poorer than what is published';

COMMENT ON COLUMN etl_rejects.reason IS 'Why the row, or a cell of it, was set aside';
