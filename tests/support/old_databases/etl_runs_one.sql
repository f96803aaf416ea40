-- etl_runs in its first form.
CREATE TABLE etl_runs (
    id serial PRIMARY KEY,
    started_at timestamp NOT NULL,
    completed_at timestamp,
    duration_seconds double precision,
    status varchar(20) NOT NULL,
    error_message text,
    rows_processed_base integer,
    rows_processed_icap integer,
    rows_processed_tda integer,
    rows_processed_tasas integer,
    etl_version varchar(50),
    triggered_by varchar(50) DEFAULT 'manual'
);
CREATE INDEX idx_etl_runs_started_at ON etl_runs (started_at);
CREATE INDEX idx_etl_runs_status ON etl_runs (status);

INSERT INTO etl_runs (id, started_at, completed_at, duration_seconds, status, error_message, rows_processed_base,
                      rows_processed_icap, rows_processed_tda, rows_processed_tasas, etl_version, triggered_by) VALUES
    (3, '2025-03-02 08:00:01.25', '2025-03-02 08:00:15.5', 14.25, 'success', NULL, 721, 702, 640, 355, '1.0.0', 'cron'),
    (4, '2025-03-03 08:00:01', '2025-03-03 08:00:03', 2, 'failure', 'No such file: ICAP_Bancos.xlsx', NULL, NULL, NULL, NULL, '1.0.0', 'cron'),
    (5, '2025-03-04 15:30:00', NULL, NULL, 'running', NULL, NULL, NULL, NULL, NULL, '1.0.0', 'manual'),
    (9, '2025-03-09 08:00:01', '2025-03-09 08:00:16', 15, 'success', NULL, 728, 709, 646, 360, '1.0.1', 'cron');
SELECT setval('etl_runs_id_seq', 12);
