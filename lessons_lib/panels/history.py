"""A curve of bounded size that never loses a spike."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


class Curve:
    """The points of one growing curve, at most ``capacity`` of them however many samples arrive.

    Samples are kept one by one until the curve is full. Then they are grouped into buckets of ``stride``
    successive samples, and of each bucket only the lowest and the highest stay, in the order in which they
    came: a spike one sample wide is still drawn after a million steps. Whenever the curve is full again the
    stride doubles. At most ``stride`` samples wait outside the drawn points until their bucket is complete.

    Samples that are NaN or infinite are drawn as gaps, and a bucket with any finite sample in it is drawn by
    its finite ones.
    """

    def __init__(self, capacity: int = 2000) -> None:
        if capacity < 8 or capacity % 4:
            raise ValueError(f"a curve's capacity must be a multiple of 4, at least 8; got {capacity}")
        self.capacity = capacity
        self.clear()

    def clear(self) -> None:
        """Forget everything and start a new generation."""
        self._points: Array = np.empty((self.capacity, 2))
        self._length = 0
        self._waiting: Array = np.empty((0, 2))
        self.stride = 1
        # A reader who has drawn n points of this generation needs only the points after n.
        self.generation = getattr(self, "generation", 0) + 1

    def __len__(self) -> int:
        return self._length

    @property
    def x(self) -> Array:
        """Positions of the drawn points, ``(len(self),)``."""
        return self._points[: self._length, 0]

    @property
    def y(self) -> Array:
        """Values of the drawn points, ``(len(self),)``."""
        return self._points[: self._length, 1]

    def extend(self, x: ArrayLike, y: ArrayLike) -> None:
        """Append samples: ``x`` and ``y`` of equal length, ``x`` not before what is already there."""
        self._waiting = np.concatenate([self._waiting, _samples(x, y)])
        while len(self._waiting) >= self.stride:
            room = (self.capacity - self._length) // min(2, self.stride)
            if room == 0:
                self._regroup()
                continue
            buckets = min(len(self._waiting) // self.stride, room)
            complete, self._waiting = np.split(self._waiting, [buckets * self.stride])
            points = complete if self.stride == 1 else _extremes(complete, self.stride)
            self._points[self._length : self._length + len(points)] = points
            self._length += len(points)

    def assign(self, x: ArrayLike, y: ArrayLike) -> None:
        """Replace the whole curve by these samples."""
        samples = _samples(x, y)
        self.clear()
        self.extend(samples[:, 0], samples[:, 1])

    def _regroup(self) -> None:
        # Four points are four samples at first, and two buckets of two points ever after.
        points = _extremes(self._points[: self._length], 4)
        self._length = len(points)
        self._points[: self._length] = points
        self.stride = 4 if self.stride == 1 else 2 * self.stride
        self.generation += 1


class RunningMean:
    """The mean of the last ``window`` samples, and of the last quarter while that is less; fed piece by piece.

    Args:
        window: most samples that are averaged.
        before: samples that came before the first one to be averaged; the last ``window`` of them are enough.
        count: how many came before in all.
    """

    def __init__(self, window: int, before: ArrayLike = (), count: int = 0) -> None:
        self.window, self._count = window, count
        self._last: Array = np.asarray(before, dtype=np.float64)[-window:]

    def __call__(self, y: ArrayLike) -> Array:
        """The means that end at each of these samples, (len(y),)."""
        samples = np.concatenate([self._last, np.asarray(y, dtype=np.float64)])
        sums = np.concatenate([[0.0], np.cumsum(samples)])
        ends = np.arange(len(self._last), len(samples)) + 1
        counts = self._count + 1 + np.arange(len(ends))
        taken = np.minimum(self.window, np.ceil(counts / 4).astype(int))
        self._last, self._count = samples[-self.window :], self._count + len(ends)
        return (sums[ends] - sums[ends - taken]) / taken


def _samples(x: ArrayLike, y: ArrayLike) -> Array:
    columns = [np.atleast_1d(np.asarray(values, dtype=np.float64)) for values in (x, y)]
    if columns[0].ndim != 1 or columns[0].shape != columns[1].shape:
        shapes = " and ".join(str(column.shape) for column in columns)
        raise ValueError(f"x and y must be two sequences of the same length; got shapes {shapes}")
    return np.stack(columns, axis=1)


def _extremes(points: Array, size: int) -> Array:
    """The lowest and highest of every ``size`` successive points, in their order: two points a bucket."""
    buckets = points.reshape(-1, size, 2)
    values = buckets[:, :, 1]
    missing = ~np.isfinite(values)
    lowest = np.where(missing, np.inf, values).argmin(axis=1)
    highest = np.where(missing, -np.inf, values).argmax(axis=1)
    kept = np.stack([np.minimum(lowest, highest), np.maximum(lowest, highest)], axis=1)
    return np.take_along_axis(buckets, kept[:, :, None], axis=1).reshape(-1, 2)


def as_frame(curves: Sequence[tuple[Curve, int]]) -> bytes:
    """The points of each curve from a position on, as float32: all x of the first, all y of the first, and so
    on."""
    columns = [column[start:] for curve, start in curves for column in (curve.x, curve.y)]
    return np.concatenate([*columns, np.empty(0)]).astype(np.float32).tobytes()
