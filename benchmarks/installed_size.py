"""Print the installed size of what runs: requirements.txt in a new virtual environment.

python benchmarks/installed_size.py
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        python = Path(folder, "bin", "python")
        before = size(Path(folder))
        subprocess.run([python, "-m", "pip", "install", "-q", "-r", ROOT / "requirements.txt"], check=True)
        megabytes = (size(Path(folder)) - before) / 1e6
        print(f"Python {sys.version_info.major}.{sys.version_info.minor}: {megabytes:,.0f} MB installed")
        packages = next(Path(folder, "lib").glob("python*")) / "site-packages"
        largest = sorted(
            ((size(path), path.name) for path in packages.iterdir() if path.is_dir()), reverse=True
        )
        for n, name in largest[:10]:
            print(f"  {n / 1e6:6,.0f} MB  {name}")


def size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())


if __name__ == "__main__":
    main()
