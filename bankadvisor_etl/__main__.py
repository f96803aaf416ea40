"""``python -m bankadvisor_etl`` is ``bankadvisor-etl``."""

from bankadvisor_etl.cli import main

if __name__ == "__main__":
    main()
