"""What the product promises of its speed, measured against what there is to compare with.

``python -m tests.benchmarks`` runs every ``bench_*.py`` here and prints one table.
"""
