-- Where the sources of a run differ.

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
COMMENT ON TABLE conciliacion IS 'Cifras que dos fuentes de una corrida tienen distintas; los hashes de los archivos están en etl_run_sources';
COMMENT ON COLUMN conciliacion.run_id IS 'La corrida que las comparó';
COMMENT ON COLUMN conciliacion.comparacion IS 'Qué se comparó con qué: libro_serie, boletin_serie_metrica ...';
COMMENT ON COLUMN conciliacion.codigo_cnbv IS 'Código de la institución';
COMMENT ON COLUMN conciliacion.fecha IS 'Mes de la cifra';
COMMENT ON COLUMN conciliacion.segmento IS 'Segmento de la cartera, o producto; nulo si es del total';
COMMENT ON COLUMN conciliacion.figura IS 'Nombre de la cifra';
COMMENT ON COLUMN conciliacion.valor_a IS 'Lo que dice la fuente que se examina, en MDP o porcentaje; nulo: nada';
COMMENT ON COLUMN conciliacion.valor_b IS 'Lo que dice la otra fuente';
COMMENT ON COLUMN conciliacion.diferencia IS 'valor_b - valor_a';
COMMENT ON COLUMN conciliacion.causa IS 'redondeo, mes_copiado o reexpresado; nula: sin explicación';
COMMENT ON COLUMN conciliacion.indicio IS 'A qué se parece un renglón sin explicación: a las cifras de otro banco, a las de otro mes, o una sola cifra';
COMMENT ON COLUMN conciliacion.archivo_a IS 'Archivo de valor_a';
COMMENT ON COLUMN conciliacion.hoja_a IS 'Su hoja';
COMMENT ON COLUMN conciliacion.fila_a IS 'Su renglón, como lo muestra Excel';
COMMENT ON COLUMN conciliacion.archivo_b IS 'Archivo de valor_b';
COMMENT ON COLUMN conciliacion.hoja_b IS 'Su hoja, o el saldo de la serie';
COMMENT ON COLUMN conciliacion.fila_b IS 'Su renglón';
