"""``python -m bankadvisor_etl`` is the same as ``bankadvisor-etl``."""

from bankadvisor_etl.cli import main

if __name__ == "__main__":
    main()
