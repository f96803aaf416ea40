"""The regulator's files, brought from its servers into ``<data-dir>/cnbv`` and nowhere else."""
