# SPDX-License-Identifier: MIT
"""Says where one of our variants is worse than one of stock."""

from rows import NOISE


def _times_better(row, variant, stock):
    """By the medians that are shown, or by each run's ratio: the lesser.

    Where runs fall into one of two rhythms one may hide what the other shows.
    """
    better, worse = row.median(variant), row.median(stock)
    if not row.higher_is_better:
        better, worse = worse, better
    shown = better / worse if worse else float('inf')
    return min(shown, row.ratio(variant, stock))


def worst(row, variant, stocks):
    """(times better, stock) of the stock that is best; None: not worse."""
    ratios = [(_times_better(row, variant, stock), stock) for stock in stocks
              if variant in row.values and stock in row.values]
    found = min(ratios, default=(1, None))
    return found if found[0] < 1 - NOISE else None


def mark(row, variant, stocks):
    """As in ", slower: 0.91x stock-0.1ms"; empty where it is not."""
    found = worst(row, variant, stocks)
    return f', slower: {found[0]:.2f}x {found[1]}' if found else ''
