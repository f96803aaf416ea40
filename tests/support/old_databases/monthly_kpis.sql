-- monthly_kpis as pandas writes it, and the view that the dashboards read.
CREATE TABLE monthly_kpis (
    fecha timestamp,
    institucion text,
    banco_norm text,
    cartera_total double precision,
    cartera_comercial_total double precision,
    cartera_consumo_total double precision,
    cartera_vivienda_total double precision,
    entidades_gubernamentales_total double precision,
    entidades_financieras_total double precision,
    empresarial_total double precision,
    cartera_vencida double precision,
    imor double precision,
    icor double precision,
    reservas_etapa_todas double precision,
    reservas_variacion_mm double precision,
    pe_total double precision,
    pe_empresarial double precision,
    pe_consumo text,
    pe_vivienda text,
    ct_etapa_1 double precision,
    ct_etapa_2 double precision,
    ct_etapa_3 double precision,
    quebrantos_cc double precision,
    quebrantos_vs_cartera_cc double precision,
    icap_total double precision,
    tda_cartera_total double precision,
    tasa_sistema double precision,
    tasa_invex_consumo double precision,
    tasa_mn double precision,
    tasa_me double precision
);

INSERT INTO monthly_kpis (fecha, institucion, banco_norm, cartera_total, cartera_vencida, imor, icor, quebrantos_cc, icap_total)
SELECT mes, banco, banco, total, total * 0.02, 0.02, 1.5, total / 1000, 0.17
FROM generate_series('2024-01-01'::timestamp, '2025-07-01', '1 month') AS mes,
     (VALUES ('INVEX', 40000.5), ('BBVA', 1800000), ('SANTANDER', 850000), ('SISTEMA', 7000000)) AS b (banco, total);

CREATE VIEW monthly_kpis_v2 AS
SELECT m.fecha, m.banco_norm AS institucion, m.banco_norm, m.cartera_total, m.cartera_comercial_total,
       m.cartera_consumo_total, m.cartera_vivienda_total, m.empresarial_total, m.entidades_financieras_total,
       m.entidades_gubernamentales_total, m.cartera_vencida, m.imor, m.icor, m.reservas_etapa_todas,
       m.reservas_variacion_mm, m.pe_total, m.pe_empresarial, m.pe_consumo, m.pe_vivienda, m.ct_etapa_1, m.ct_etapa_2,
       m.ct_etapa_3, m.icap_total, m.tda_cartera_total, m.tasa_sistema, m.tasa_invex_consumo, m.tasa_mn, m.tasa_me,
       m.quebrantos_cc, m.quebrantos_vs_cartera_cc
FROM monthly_kpis m;
COMMENT ON VIEW monthly_kpis_v2 IS 'What the dashboards read';
COMMENT ON COLUMN monthly_kpis_v2.imor IS 'Morosidad';
