"""Widgets: the live plot and the training panel. Only this room knows that Jupyter exists."""

from .live_plot import LivePlot

__all__ = ["LivePlot"]
