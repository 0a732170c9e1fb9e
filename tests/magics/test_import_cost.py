"""Loading the magics stays light."""

import subprocess
import sys

HEAVY = ["docker", "kubernetes", "sqlalchemy", "papermill", "anywidget", "sklearn"]


def test_the_extension_loads_nothing_heavy():
    code = (
        "import sys\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "shell = InteractiveShell.instance()\n"
        "shell.run_line_magic('load_ext', 'mlmagic')\n"
        f"print([name for name in {HEAVY} if name in sys.modules])\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]"


def test_help_of_the_command_loads_nothing_heavy():
    code = (
        "import sys\nfrom mlmagic.cli import main\nmain(['--help'])\n"
        f"heavy = {[*HEAVY, 'IPython', 'msgspec', 'yaml']}\n"
        "print([name for name in heavy if name in sys.modules])\n"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ran.stdout.strip().splitlines()[-1] == "[]"
