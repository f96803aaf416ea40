-- Grants, after the owner has created the tables (bankadvisor-etl adopt, or a first run).

-- bankadvisor_writer runs the job.
GRANT USAGE ON SCHEMA public TO bankadvisor_writer;
GRANT SELECT ON etl_schema TO bankadvisor_writer;
GRANT SELECT, INSERT, UPDATE ON etl_runs, etl_run_sources, instituciones TO bankadvisor_writer;
GRANT SELECT, INSERT, DELETE ON etl_run_checks, etl_rejects, conciliacion TO bankadvisor_writer;
GRANT SELECT, INSERT ON monthly_kpis_cambios, kpis_consolidados_cambios, cnbv_series_cambios TO bankadvisor_writer;
GRANT SELECT, INSERT, UPDATE, DELETE ON monthly_kpis, kpis_consolidados TO bankadvisor_writer; -- DELETE is for --allow-removals
GRANT SELECT, INSERT, UPDATE, DELETE ON metricas_financieras, metricas_cartera_segmentada, captacion TO bankadvisor_writer;
GRANT SELECT, INSERT ON metricas_financieras_cambios, metricas_cartera_segmentada_cambios TO bankadvisor_writer;
GRANT SELECT, INSERT ON captacion_cambios TO bankadvisor_writer;
GRANT SELECT ON segmentos_cartera TO bankadvisor_writer;
GRANT SELECT, INSERT, UPDATE ON cnbv_conceptos TO bankadvisor_writer;
GRANT SELECT, INSERT, DELETE ON cnbv_series_valores TO bankadvisor_writer;

-- bankadvisor_reader is BankAdvisor.
GRANT USAGE ON SCHEMA public TO bankadvisor_reader;
GRANT SELECT ON monthly_kpis, monthly_kpis_cambios, instituciones, etl_runs TO bankadvisor_reader;
GRANT SELECT ON kpis_consolidados, kpis_consolidados_cambios TO bankadvisor_reader;
GRANT SELECT ON bancos, sistema, ultimo_mes, cambios_recientes, monthly_kpis_float TO bankadvisor_reader;
GRANT SELECT ON metricas_financieras, metricas_cartera_segmentada, segmentos_cartera TO bankadvisor_reader;
GRANT SELECT ON captacion, conciliacion TO bankadvisor_reader;
GRANT SELECT ON cnbv_series, cnbv_series_valores, cnbv_series_cambios, cnbv_conceptos TO bankadvisor_reader;
