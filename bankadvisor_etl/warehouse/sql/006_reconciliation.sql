-- What the sources of a run say differently.

CREATE TABLE IF NOT EXISTS conciliacion (
    run_id bigint NOT NULL REFERENCES etl_runs ON DELETE CASCADE,
    comparacion text NOT NULL,
    codigo_cnbv text NOT NULL,
    fecha date NOT NULL,
    segmento text,
    figura text NOT NULL,
    valor_a double precision,
    valor_b double precision,
    diferencia double precision,
    causa text,
    indicio text,
    archivo_a text,
    hoja_a text,
    fila_a integer,
    archivo_b text,
    hoja_b text,
    fila_b integer
);
CREATE INDEX IF NOT EXISTS conciliacion_run ON conciliacion (run_id, comparacion);
COMMENT ON TABLE conciliacion IS 'Figures that two sources of a run have differently; the hashes of the files are in etl_run_sources';
COMMENT ON COLUMN conciliacion.run_id IS 'The run that compared';
COMMENT ON COLUMN conciliacion.comparacion IS 'What was compared with what: libro_serie, boletin_serie_metrica ...';
COMMENT ON COLUMN conciliacion.codigo_cnbv IS 'Code of the institution';
COMMENT ON COLUMN conciliacion.fecha IS 'Month of the figure';
COMMENT ON COLUMN conciliacion.segmento IS 'Segment of the loan book, or product; null for the whole';
COMMENT ON COLUMN conciliacion.figura IS 'Name of the figure';
COMMENT ON COLUMN conciliacion.valor_a IS 'What the source that is examined says, in MDP or percent; null: nothing';
COMMENT ON COLUMN conciliacion.valor_b IS 'What the other source says';
COMMENT ON COLUMN conciliacion.diferencia IS 'valor_b - valor_a';
COMMENT ON COLUMN conciliacion.causa IS 'redondeo, mes_copiado or reexpresado; null: not explained';
COMMENT ON COLUMN conciliacion.indicio IS 'What an unexplained row looks like: the figures of another bank, of another month, or one figure';
COMMENT ON COLUMN conciliacion.archivo_a IS 'File of valor_a';
COMMENT ON COLUMN conciliacion.hoja_a IS 'Its sheet';
COMMENT ON COLUMN conciliacion.fila_a IS 'Its row, as Excel shows it';
COMMENT ON COLUMN conciliacion.archivo_b IS 'File of valor_b';
COMMENT ON COLUMN conciliacion.hoja_b IS 'Its sheet, or the saldo of the series';
COMMENT ON COLUMN conciliacion.fila_b IS 'Its row';
