# SPDX-License-Identifier: MIT
"""What copy and pickle find in an object: see "__getstate__" of the types.

threading's classes have all of it as attributes in __dict__.  Of ours, some
are in C: they are put into the second part of the state, which copy, pickle
and their like assign one by one.
"""
import copyreg


def of(thing, names):
    """(__dict__, {name: value}) of the names, and of a subclass's slots."""
    names = [*names, *copyreg._slotnames(type(thing))]
    values = {name: getattr(thing, name) for name in names
              if hasattr(thing, name)}
    return dict(thing.__dict__) or None, values
