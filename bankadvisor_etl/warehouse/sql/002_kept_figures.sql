-- Columns that distinguish a known finding from a new one, and a file that was used from one that was set aside.

ALTER TABLE etl_run_checks ADD COLUMN IF NOT EXISTS known boolean NOT NULL DEFAULT false;
ALTER TABLE etl_run_checks ADD COLUMN IF NOT EXISTS accepted boolean NOT NULL DEFAULT false;
ALTER TABLE etl_run_checks ADD COLUMN IF NOT EXISTS keys text[] NOT NULL DEFAULT '{}';

ALTER TABLE etl_run_sources ADD COLUMN IF NOT EXISTS used boolean NOT NULL DEFAULT true;
ALTER TABLE etl_run_sources DROP CONSTRAINT etl_run_sources_pkey, ADD PRIMARY KEY (run_id, source, file_name);
