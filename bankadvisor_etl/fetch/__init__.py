"""Downloads the regulator's files into ``<data-dir>/cnbv`` and nowhere else."""
