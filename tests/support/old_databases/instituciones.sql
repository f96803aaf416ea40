-- The catalogue, and the tables that refer to it.
CREATE TABLE instituciones (
    id serial PRIMARY KEY,
    nombre_oficial varchar(255) UNIQUE NOT NULL,
    nombre_corto varchar(100),
    es_sistema boolean DEFAULT false
);
CREATE TABLE metricas_financieras (
    id serial PRIMARY KEY,
    institucion_id integer REFERENCES instituciones (id) ON DELETE CASCADE,
    fecha_corte date NOT NULL,
    activo_total numeric(20, 2),
    capital_contable numeric(20, 2),
    imor numeric(10, 4),
    CONSTRAINT uk_banco_fecha UNIQUE (institucion_id, fecha_corte)
);
CREATE TABLE segmentos_cartera (
    id serial PRIMARY KEY,
    codigo varchar(50) UNIQUE NOT NULL,
    nombre varchar(100) NOT NULL,
    descripcion text
);
CREATE TABLE metricas_cartera_segmentada (
    id serial PRIMARY KEY,
    institucion_id integer REFERENCES instituciones (id) ON DELETE CASCADE,
    segmento_id integer REFERENCES segmentos_cartera (id) ON DELETE CASCADE,
    fecha_corte date NOT NULL,
    cartera_total numeric(20, 2),
    imor numeric(10, 4),
    CONSTRAINT uk_banco_segmento_fecha UNIQUE (institucion_id, segmento_id, fecha_corte)
);

INSERT INTO instituciones (nombre_oficial, nombre_corto, es_sistema) VALUES
    ('Sistema', 'SISTEMA', true),
    ('Banca Mifel', 'MIFEL', false),
    ('Grupo de los Siete', 'G7', false),
    ('BBVA México', NULL, false),
    ('Invex Grupo Financiero', 'INVEX', false);
INSERT INTO metricas_financieras (institucion_id, fecha_corte, activo_total, capital_contable, imor)
SELECT id, '2025-06-01', id * 1000, id * 100, id FROM instituciones;
INSERT INTO segmentos_cartera (codigo, nombre) VALUES ('EMPRESAS', 'Crédito a Empresas'), ('VIVIENDA', 'Crédito a la Vivienda');
INSERT INTO metricas_cartera_segmentada (institucion_id, segmento_id, fecha_corte, cartera_total, imor)
SELECT i.id, s.id, '2025-06-01', i.id * 10 + s.id, 1.5 FROM instituciones i, segmentos_cartera s;
