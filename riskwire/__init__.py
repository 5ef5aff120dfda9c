"""Riskwire: a streaming financial sentiment monitor.

The records that travel are in `riskwire.types`, the ports behind which the settings differ in `riskwire.ports`.
"""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("riskwire")
except PackageNotFoundError:  # a checkout on PYTHONPATH, not installed
    __version__ = "0+unknown"

__all__ = ["__version__"]
