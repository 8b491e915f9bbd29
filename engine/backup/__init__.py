"""Backups: a dump of the database in one sealed file, and the way back."""

from engine.backup.dump import Backup, make, prune
from engine.backup.programs import BackupError
from engine.backup.restore import Restored, check, restore

__all__ = ["Backup", "BackupError", "Restored", "check", "make", "prune", "restore"]
