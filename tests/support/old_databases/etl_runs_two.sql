-- etl_runs in its second form.
CREATE TABLE etl_runs (
    id serial PRIMARY KEY,
    started_at timestamp NOT NULL DEFAULT now(),
    completed_at timestamp,
    status varchar(20) NOT NULL DEFAULT 'running',
    duration_seconds numeric(10, 2),
    rows_processed_base integer,
    rows_processed_enhancements integer,
    error_message text,
    etl_version varchar(50),
    created_at timestamp NOT NULL DEFAULT now(),
    CHECK (status IN ('running', 'success', 'failed', 'partial')),
    CHECK (completed_at IS NULL OR completed_at >= started_at)
);
CREATE INDEX idx_etl_runs_started_at ON etl_runs (started_at DESC);
CREATE INDEX idx_etl_runs_status ON etl_runs (status);
COMMENT ON TABLE etl_runs IS 'Tracks executions';
COMMENT ON COLUMN etl_runs.status IS 'running, success, failed, partial';

INSERT INTO etl_runs (started_at, completed_at, status, duration_seconds, rows_processed_base,
                      rows_processed_enhancements, error_message, etl_version, created_at) VALUES
    ('2025-04-01 02:00:00', '2025-04-01 02:00:14.3', 'success', 14.30, 721, 0, NULL, '2.0.0', '2025-04-01 02:00:00'),
    ('2025-04-02 02:00:00', '2025-04-02 02:00:09', 'failed', 9.00, NULL, NULL, 'connection refused', '2.0.0', '2025-04-02 02:00:00'),
    ('2025-04-03 02:00:00', '2025-04-03 02:01:00', 'partial', 60.00, 721, 355, NULL, '2.0.0', '2025-04-03 02:00:00'),
    ('2025-04-04 02:00:00', NULL, 'running', NULL, NULL, NULL, NULL, '2.0.0', '2025-04-04 02:00:00');
