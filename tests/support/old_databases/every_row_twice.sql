-- The table was filled a second time.
INSERT INTO monthly_kpis TABLE monthly_kpis;
