"""Says where one of our variants is worse than one of stock."""

from rows import NOISE


def worst(row, variant, stocks):
    """(times better, stock) of the stock that is best; None: not worse."""
    ratios = [(row.ratio(variant, stock), stock) for stock in stocks
              if variant != stock and variant in row.values
              and stock in row.values]
    found = min(ratios, default=(1, None))
    return found if found[0] < 1 - NOISE else None


def mark(row, variant, stocks):
    """As in ", slower: 0.91x stock-0.1ms"; empty where it is not."""
    found = worst(row, variant, stocks)
    return f', slower: {found[0]:.2f}x {found[1]}' if found else ''
