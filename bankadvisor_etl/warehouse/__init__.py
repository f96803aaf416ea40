"""PostgreSQL: the connection, the lock, the schema, the record of runs, the publishing."""
