"""A stable model is published with its certificate, or not at all."""

from __future__ import annotations

from torch import nn

from lessons_lib.stability import StableSet


class CertificateError(RuntimeError):
    """A stable model ended outside its set: it is not published."""


def certificate(name: str, exact: nn.Module, stable_set: StableSet) -> tuple[bool, float]:
    """Whether trained weights lie in the set, and the set's rate for them; ``exact`` is the model in float64.

    Raises:
        CertificateError: the set is one that constrains, and they do not, or the rate is not below 1.
    """
    member, rate = stable_set.contains(exact), stable_set.rate(exact)
    if stable_set.certifies and not (member and rate < 1):
        raise CertificateError(f"{name} is not certified (in its set: {member}, rate {rate:g}): not published")
    return member, rate
