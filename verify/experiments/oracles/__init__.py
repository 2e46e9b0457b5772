"""Targets whose denoiser is known exactly, one module each, all with the protocol `Oracle`."""

from verify.experiments.oracles.boxes import Boxes
from verify.experiments.oracles.conditional import Conditional
from verify.experiments.oracles.data_set import DataSet
from verify.experiments.oracles.decoder import Decoder
from verify.experiments.oracles.examine import Fault, examine
from verify.experiments.oracles.gaussian import Gaussian
from verify.experiments.oracles.mixture import Mixture
from verify.experiments.oracles.protocol import Oracle, Sigma, column

__all__ = [
    "Boxes",
    "Conditional",
    "DataSet",
    "Decoder",
    "Fault",
    "Gaussian",
    "Mixture",
    "Oracle",
    "Sigma",
    "column",
    "examine",
]
