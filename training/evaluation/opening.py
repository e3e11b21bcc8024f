"""Opens an encoder, whatever it is that an address names."""

from __future__ import annotations

from pathlib import Path

from service.errors import StartupError
from training import base
from training.distil.text import one_line
from training.evaluation.base_encoder import BaseEncoder
from training.evaluation.encoding import Encode
from training.evaluation.endpoint import RemoteEncoder
from training.evaluation.target import FORMS, Target
from training.serving import ServedEncoder


def encoder(target: Target) -> Encode:
    """Open an encoder.

    A folder that the service can serve is run by the service's own code; any other, and a name on
    the hub, by sentence-transformers.

    Raises:
        ValueError: It cannot be had; the message is one line.
    """
    if target.contract is not None:
        return RemoteEncoder(target)
    folder = Path(base.folder(target.place))
    unserved = f"it is no folder here: name {FORMS}"
    if folder.is_dir():
        try:
            return ServedEncoder(folder)
        except StartupError as error:
            unserved = f"the service cannot serve it ({error})"
    try:
        return BaseEncoder(target.place)
    except (OSError, ValueError) as error:
        why = one_line(error)
        raise ValueError(
            f"{target.place}: {unserved}, and sentence-transformers cannot load it: {why}"
        ) from None
