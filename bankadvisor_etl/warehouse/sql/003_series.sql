-- CNBV's own series, as arrays: 12.65 million values in 74,000 rows.

CREATE TABLE IF NOT EXISTS cnbv_conceptos (
    id integer PRIMARY KEY,
    concepto text NOT NULL,
    nivel smallint,
    orden integer
);

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
-- Arrays of more than 2 kB are compressed (zeros take no space) and never moved out of line: one read returns a row.
ALTER TABLE cnbv_series_valores ALTER COLUMN valores SET STORAGE MAIN;
-- With lz4 a load takes half the time and the same disk space; not every server is built with it.
DO $$ BEGIN
    IF EXISTS (SELECT FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)) THEN
        ALTER TABLE cnbv_series_valores ALTER COLUMN valores SET COMPRESSION lz4;
    END IF;
END $$;
CREATE INDEX IF NOT EXISTS cnbv_series_valores_concepto ON cnbv_series_valores (idconcepto, saldo);

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

-- Months are counted as integers: an interval for each of 12.65 million values takes longer than everything else.
CREATE OR REPLACE VIEW cnbv_series AS
SELECT s.entidad, coalesce(i.banco_norm, s.entidad) AS banco_norm, s.saldo, s.idconcepto, c.concepto,
       make_date((p.antes + v.lugar::integer) / 12, (p.antes + v.lugar::integer) % 12 + 1, 1) AS mes, v.valor
FROM cnbv_series_valores s
LEFT JOIN instituciones i ON i.codigo_cnbv = s.entidad
LEFT JOIN cnbv_conceptos c ON c.id = s.idconcepto
-- The month before the first, counted from year 0. OFFSET 0: computed once per series, not once per value.
CROSS JOIN LATERAL (SELECT (date_part('year', s.primero) * 12 + date_part('month', s.primero))::integer - 2 AS antes
                    OFFSET 0) AS p
CROSS JOIN LATERAL unnest(s.valores) WITH ORDINALITY AS v (valor, lugar)
WHERE v.valor IS NOT NULL;

CREATE OR REPLACE FUNCTION cnbv_series_mes(el_mes date)
    RETURNS TABLE (entidad text, banco_norm text, saldo smallint, idconcepto integer, concepto text, mes date, valor double precision)
    LANGUAGE sql STABLE PARALLEL SAFE
BEGIN ATOMIC
    SELECT s.entidad, coalesce(i.banco_norm, s.entidad), s.saldo, s.idconcepto, c.concepto,
           date_trunc('month', el_mes)::date, v.valor
    FROM cnbv_series_valores s
    -- OFFSET 0: read from its array once, not once for the condition and once for the result.
    CROSS JOIN LATERAL (SELECT s.valores[(date_part('year', el_mes) * 12 + date_part('month', el_mes))::integer
                                  - (date_part('year', s.primero) * 12 + date_part('month', s.primero))::integer + 1] AS valor
                        OFFSET 0) AS v
    LEFT JOIN instituciones i ON i.codigo_cnbv = s.entidad
    LEFT JOIN cnbv_conceptos c ON c.id = s.idconcepto
    WHERE v.valor IS NOT NULL;
END;
-- Schema-qualified: adopt also creates all of this in pg_temp, where functions are only found by a qualified name.
DO $$ BEGIN
    EXECUTE format('COMMENT ON FUNCTION %I.cnbv_series_mes(date) IS %L', current_schema(), 'Un mes de todas las series, sin desplegar los demás; con las columnas de cnbv_series');
END $$;

ALTER TABLE etl_runs ADD COLUMN IF NOT EXISTS prefer text;
