-- CNBV's own series, as arrays: 12.65 million values in 74,000 rows.

CREATE TABLE IF NOT EXISTS cnbv_conceptos (
    id integer PRIMARY KEY,
    concepto text NOT NULL,
    nivel smallint,
    orden integer
);
COMMENT ON TABLE cnbv_conceptos IS 'CNBV''s catalogue of the concepts of its series (cat_conceptos_40.csv)';
COMMENT ON COLUMN cnbv_conceptos.id IS 'Number of the concept, its key: labels repeat';
COMMENT ON COLUMN cnbv_conceptos.concepto IS 'Label';
COMMENT ON COLUMN cnbv_conceptos.nivel IS 'Level in the tree of concepts, from 1';
COMMENT ON COLUMN cnbv_conceptos.orden IS 'Place in the order of concepts';

CREATE TABLE IF NOT EXISTS cnbv_series_valores (
    huella bigint,
    primero date NOT NULL,
    idconcepto integer NOT NULL,
    n_valores integer NOT NULL,
    saldo smallint NOT NULL,
    entidad text NOT NULL,
    valores double precision[] NOT NULL,
    CONSTRAINT cnbv_series_valores_pkey PRIMARY KEY (entidad, saldo, idconcepto),
    CONSTRAINT cnbv_series_valores_primero CHECK (extract(day FROM primero) = 1),
    CONSTRAINT cnbv_series_valores_saldo CHECK (saldo IN (130, 133))
);
-- Arrays of more than 2 kB are compressed (zeros vanish) and never moved out of line: one read finds a row's values.
ALTER TABLE cnbv_series_valores ALTER COLUMN valores SET STORAGE MAIN;
CREATE INDEX IF NOT EXISTS cnbv_series_valores_concepto ON cnbv_series_valores (idconcepto, saldo);
COMMENT ON TABLE cnbv_series_valores IS 'CNBV''s series, one row per institution, saldo and concept; the view cnbv_series has one row per value';
COMMENT ON COLUMN cnbv_series_valores.huella IS 'Fingerprint of valores (BLAKE2b, 64 bits); null where values are kept that the last file lacks';
COMMENT ON COLUMN cnbv_series_valores.primero IS 'Month of the first value';
COMMENT ON COLUMN cnbv_series_valores.idconcepto IS 'Concept, see cnbv_conceptos';
COMMENT ON COLUMN cnbv_series_valores.n_valores IS 'How many elements of valores are not null';
COMMENT ON COLUMN cnbv_series_valores.saldo IS '130 the bank alone, 133 with its consolidated SOFOMs';
COMMENT ON COLUMN cnbv_series_valores.entidad IS 'CNBV''s code of the institution, canonical';
COMMENT ON COLUMN cnbv_series_valores.valores IS 'One per month from primero on; pesos, ratios as fractions; null where the file has no row';

CREATE TABLE IF NOT EXISTS cnbv_series_cambios (
    run_id bigint NOT NULL REFERENCES etl_runs,
    entidad text NOT NULL,
    saldo smallint NOT NULL,
    idconcepto integer NOT NULL,
    mes date NOT NULL,
    valor_anterior double precision,
    valor_nuevo double precision,
    PRIMARY KEY (run_id, entidad, saldo, idconcepto, mes)
);
CREATE INDEX IF NOT EXISTS cnbv_series_cambios_serie ON cnbv_series_cambios (entidad, idconcepto, saldo, mes);
COMMENT ON TABLE cnbv_series_cambios IS 'Every value of the series that a later file restated or withdrew';
COMMENT ON COLUMN cnbv_series_cambios.run_id IS 'The run that found it';
COMMENT ON COLUMN cnbv_series_cambios.entidad IS 'Code of the institution';
COMMENT ON COLUMN cnbv_series_cambios.saldo IS '130 or 133';
COMMENT ON COLUMN cnbv_series_cambios.idconcepto IS 'Concept';
COMMENT ON COLUMN cnbv_series_cambios.mes IS 'Month of the value';
COMMENT ON COLUMN cnbv_series_cambios.valor_anterior IS 'The value before; null where the file had no row';
COMMENT ON COLUMN cnbv_series_cambios.valor_nuevo IS 'The value after; null where the file withdrew it, and the one before is kept';

CREATE OR REPLACE VIEW cnbv_series AS
SELECT s.entidad, coalesce(i.banco_norm, s.entidad) AS banco_norm, s.saldo, s.idconcepto, c.concepto,
       (s.primero + make_interval(months => v.lugar::integer - 1))::date AS mes, v.valor
FROM cnbv_series_valores s
CROSS JOIN LATERAL unnest(s.valores) WITH ORDINALITY AS v (valor, lugar)
LEFT JOIN instituciones i ON i.codigo_cnbv = s.entidad
LEFT JOIN cnbv_conceptos c ON c.id = s.idconcepto
WHERE v.valor IS NOT NULL;
COMMENT ON VIEW cnbv_series IS 'CNBV''s series, one row per value that the file has; for one month of many concepts take the function cnbv_series_mes';

CREATE OR REPLACE FUNCTION cnbv_series_mes(el_mes date)
    RETURNS TABLE (entidad text, banco_norm text, saldo smallint, idconcepto integer, concepto text, mes date, valor double precision)
    LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT s.entidad, coalesce(i.banco_norm, s.entidad), s.saldo, s.idconcepto, c.concepto,
           date_trunc('month', el_mes)::date, v.valor
    FROM cnbv_series_valores s
    -- OFFSET 0: taken out of its array once, not once for the condition and once for the result.
    CROSS JOIN LATERAL (SELECT s.valores[((date_part('year', el_mes) - date_part('year', s.primero)) * 12
                                  + date_part('month', el_mes) - date_part('month', s.primero))::integer + 1] AS valor
                        OFFSET 0) AS v
    LEFT JOIN instituciones i ON i.codigo_cnbv = s.entidad
    LEFT JOIN cnbv_conceptos c ON c.id = s.idconcepto
    WHERE v.valor IS NOT NULL;
END;
-- With its schema: adopt makes all of this in pg_temp too, where functions are found under no other name.
DO $$ BEGIN
    EXECUTE format('COMMENT ON FUNCTION %I.cnbv_series_mes(date) IS %L', current_schema(), 'One month of every series, without unrolling the others; the columns of cnbv_series');
END $$;

ALTER TABLE etl_runs ADD COLUMN IF NOT EXISTS prefer text NOT NULL DEFAULT 'serie';
COMMENT ON COLUMN etl_runs.prefer IS 'Where a loan book came from that both CNBV''s series and the workbook had: serie or libro (--prefer)';
