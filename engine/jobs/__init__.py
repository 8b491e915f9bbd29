"""Work after the commit: the ledger of jobs, who announces them and who runs them.

PostgreSQL holds the truth (`ledger.py`); a broker only wakes workers. `Jobs` is what a
process starts and stops (docs/decisions/0004-events-and-jobs.md).
"""
