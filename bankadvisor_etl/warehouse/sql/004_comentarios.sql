-- The meaning of each table and column, for readers of the database; monthly_kpis and the views: see ``tables``.

COMMENT ON TABLE etl_schema IS 'Versiones de estas tablas que se aplicaron';
COMMENT ON COLUMN etl_schema.version IS 'Número del archivo SQL';
COMMENT ON COLUMN etl_schema.applied_at IS 'Cuándo se aplicó';
COMMENT ON COLUMN etl_schema.etl_version IS 'Versión de bankadvisor-etl que lo aplicó';

COMMENT ON TABLE etl_runs IS 'Las corridas del proceso: un renglón por corrida';
COMMENT ON COLUMN etl_runs.id IS 'Número de la corrida';
COMMENT ON COLUMN etl_runs.started_at IS 'Cuándo empezó';
COMMENT ON COLUMN etl_runs.completed_at IS 'Cuándo terminó; nulo mientras corre';
COMMENT ON COLUMN etl_runs.status IS 'running, success, failure o dry_run';
COMMENT ON COLUMN etl_runs.duration_seconds IS 'Duración en segundos';
COMMENT ON COLUMN etl_runs.rows_processed_base IS 'Renglones de monthly_kpis que calculó';
COMMENT ON COLUMN etl_runs.rows_processed_icap IS 'Renglones con icap_total';
COMMENT ON COLUMN etl_runs.rows_processed_tda IS 'Renglones con tda_cartera_total';
COMMENT ON COLUMN etl_runs.rows_processed_tasas IS 'Renglones con tasa_mn más renglones con tasa_me';
COMMENT ON COLUMN etl_runs.rows_inserted IS 'Renglones nuevos';
COMMENT ON COLUMN etl_runs.rows_updated IS 'Renglones que cambiaron';
COMMENT ON COLUMN etl_runs.rows_unchanged IS 'Renglones que ya estaban bien';
COMMENT ON COLUMN etl_runs.rows_rejected IS 'Renglones de los archivos que se apartaron: ver etl_rejects';
COMMENT ON COLUMN etl_runs.warnings IS 'Revisiones que no pasaron y no detienen la corrida, y archivos opcionales que faltan';
COMMENT ON COLUMN etl_runs.error_message IS 'Qué falló, para quien lo arregla';
COMMENT ON COLUMN etl_runs.phase IS 'La última fase que empezó';
COMMENT ON COLUMN etl_runs.triggered_by IS 'timer, systemd, cron o manual';
COMMENT ON COLUMN etl_runs.etl_version IS 'Versión de bankadvisor-etl';
COMMENT ON COLUMN etl_runs.exit_code IS 'Código de salida del proceso';
COMMENT ON COLUMN etl_runs.prefer IS 'De dónde se tomó la cartera que traen la serie y el libro: serie o libro (--prefer)';
COMMENT ON COLUMN etl_runs.host IS 'Máquina que corrió';
COMMENT ON COLUMN etl_runs.invocation_id IS 'El de systemd: journalctl _SYSTEMD_INVOCATION_ID=...';

COMMENT ON TABLE instituciones IS 'Los bancos y el sistema';
COMMENT ON COLUMN instituciones.id IS 'Número de renglón, sin significado';
COMMENT ON COLUMN instituciones.codigo_cnbv IS 'Código de la CNBV: seis cifras; 5 es SISTEMA';
COMMENT ON COLUMN instituciones.banco_norm IS 'Nombre corto, en mayúsculas y sin acentos';
COMMENT ON COLUMN instituciones.nombre_oficial IS 'Nombre que publica la CNBV';
COMMENT ON COLUMN instituciones.nombre_corto IS 'Igual que banco_norm, para lectores anteriores';
COMMENT ON COLUMN instituciones.es_sistema IS 'Si es el sistema completo';

COMMENT ON TABLE etl_run_sources IS 'Los archivos que leyó una corrida';
COMMENT ON COLUMN etl_run_sources.run_id IS 'La corrida';
COMMENT ON COLUMN etl_run_sources.source IS 'Nombre corto de la fuente';
COMMENT ON COLUMN etl_run_sources.file_name IS 'Nombre del archivo';
COMMENT ON COLUMN etl_run_sources.sha256 IS 'Huella SHA-256 de sus bytes';
COMMENT ON COLUMN etl_run_sources.bytes IS 'Tamaño en bytes';
COMMENT ON COLUMN etl_run_sources.rows_read IS 'Renglones de datos; nulo si la corrida no llegó a leerlo';
COMMENT ON COLUMN etl_run_sources.rows_accepted IS 'Renglones que se usaron';
COMMENT ON COLUMN etl_run_sources.rows_rejected IS 'Renglones que se apartaron: ver etl_rejects';
COMMENT ON COLUMN etl_run_sources.seconds IS 'Segundos que tomó leerlo';
COMMENT ON COLUMN etl_run_sources.used IS 'Falso si es opcional y se apartó por ser más pobre que lo publicado';

COMMENT ON TABLE etl_run_checks IS 'Lo que encontró cada revisión de una corrida';
COMMENT ON COLUMN etl_run_checks.run_id IS 'La corrida';
COMMENT ON COLUMN etl_run_checks.check_name IS 'Nombre de la revisión';
COMMENT ON COLUMN etl_run_checks.severity IS 'error no publica nada; warning avisa';
COMMENT ON COLUMN etl_run_checks.passed IS 'Si se cumplió';
COMMENT ON COLUMN etl_run_checks.observed IS 'Lo que se observó';
COMMENT ON COLUMN etl_run_checks.expected IS 'Lo que se esperaba';
COMMENT ON COLUMN etl_run_checks.detail IS 'Muestra de las claves en que no se cumple';
COMMENT ON COLUMN etl_run_checks.known IS 'Si el éxito anterior encontró lo mismo: no se vuelve a avisar';
COMMENT ON COLUMN etl_run_checks.accepted IS 'Si se aceptó por su nombre en esta corrida (--accept)';
COMMENT ON COLUMN etl_run_checks.keys IS 'Todas las claves en que no se cumple';

COMMENT ON TABLE etl_rejects IS 'Renglones y celdas de los archivos que se apartaron';
COMMENT ON COLUMN etl_rejects.run_id IS 'La corrida';
COMMENT ON COLUMN etl_rejects.source IS 'Nombre corto de la fuente';
COMMENT ON COLUMN etl_rejects.row_number IS 'Renglón del archivo, como lo numera Excel o un editor';
COMMENT ON COLUMN etl_rejects.reason IS 'Por qué se apartó el renglón o una de sus celdas';
COMMENT ON COLUMN etl_rejects.raw IS 'El renglón como está en el archivo';

COMMENT ON TABLE monthly_kpis_cambios IS 'Cada cifra publicada que una corrida posterior cambió';
COMMENT ON COLUMN monthly_kpis_cambios.run_id IS 'La corrida que la cambió';
COMMENT ON COLUMN monthly_kpis_cambios.fecha IS 'Mes de la cifra';
COMMENT ON COLUMN monthly_kpis_cambios.banco_norm IS 'Banco de la cifra';
COMMENT ON COLUMN monthly_kpis_cambios.columna IS 'Columna de monthly_kpis';
COMMENT ON COLUMN monthly_kpis_cambios.valor_anterior IS 'La cifra anterior';
COMMENT ON COLUMN monthly_kpis_cambios.valor_nuevo IS 'La cifra nueva; nula si se retiró';

COMMENT ON TABLE cnbv_conceptos IS 'Catálogo de la CNBV de los conceptos de su serie (cat_conceptos_40.csv)';
COMMENT ON COLUMN cnbv_conceptos.id IS 'Número del concepto, su clave: los nombres se repiten';
COMMENT ON COLUMN cnbv_conceptos.concepto IS 'Nombre';
COMMENT ON COLUMN cnbv_conceptos.nivel IS 'Nivel en el árbol de conceptos, desde 1';
COMMENT ON COLUMN cnbv_conceptos.orden IS 'Lugar en el orden de los conceptos';

COMMENT ON TABLE cnbv_series_valores IS 'Series de la CNBV, un renglón por institución, saldo y concepto; la vista cnbv_series tiene un renglón por valor';
COMMENT ON COLUMN cnbv_series_valores.huella IS 'Huella de valores (BLAKE2b, 64 bits); nula donde se conservan valores que el último archivo ya no trae';
COMMENT ON COLUMN cnbv_series_valores.primero IS 'Mes del primer valor';
COMMENT ON COLUMN cnbv_series_valores.idconcepto IS 'Concepto: ver cnbv_conceptos';
COMMENT ON COLUMN cnbv_series_valores.n_valores IS 'Cuántos elementos de valores no son nulos';
COMMENT ON COLUMN cnbv_series_valores.saldo IS '130 el banco solo, 133 con sus SOFOM consolidadas';
COMMENT ON COLUMN cnbv_series_valores.entidad IS 'Código de la CNBV de la institución';
COMMENT ON COLUMN cnbv_series_valores.valores IS 'Un valor por mes desde primero; pesos, y razones como fracción; nulo donde el archivo no tiene renglón';

COMMENT ON TABLE cnbv_series_cambios IS 'Cada valor de las series que un archivo posterior reexpresó o retiró';
COMMENT ON COLUMN cnbv_series_cambios.run_id IS 'La corrida que lo encontró';
COMMENT ON COLUMN cnbv_series_cambios.entidad IS 'Código de la institución';
COMMENT ON COLUMN cnbv_series_cambios.saldo IS '130 o 133';
COMMENT ON COLUMN cnbv_series_cambios.idconcepto IS 'Concepto';
COMMENT ON COLUMN cnbv_series_cambios.mes IS 'Mes del valor';
COMMENT ON COLUMN cnbv_series_cambios.valor_anterior IS 'El valor anterior; nulo donde el archivo no tenía renglón';
COMMENT ON COLUMN cnbv_series_cambios.valor_nuevo IS 'El valor nuevo; nulo donde el archivo lo retiró y se conserva el anterior';
