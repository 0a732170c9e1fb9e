"""How much memory a process holds."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

_PAGE = os.sysconf("SC_PAGE_SIZE")
_HAS_PROC = Path("/proc/self/statm").exists()


def kernel_kills() -> int | None:
    """Return how many processes the kernel has ended for lack of memory, where it tells."""
    try:
        for line in Path("/proc/vmstat").read_text().splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    except (OSError, ValueError):
        pass
    return None


def resident_bytes(pid: int) -> int | None:
    """Return the resident size of a process; None where it is gone."""
    try:
        if _HAS_PROC:
            return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE
        command = ["/bin/ps", "-o", "rss=", "-p", str(pid)]
        return int(subprocess.check_output(command, timeout=5)) * 1024
    except (OSError, ValueError, IndexError, subprocess.SubprocessError):
        return None
