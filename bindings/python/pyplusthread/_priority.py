# SPDX-License-Identifier: MIT
"""The GIL's priority, as the environment or the command line has it."""
import os
import warnings

VARIABLE = 'PYPLUSTHREAD_GIL_PRIORITY'
CPU_SHARE = 0.3


def parse(text):
    """(enabled, cpu_share) from "on", "off", or a share such as "0.5".

    Raises ValueError, with a text that names what would be right.
    """
    if text in ('on', 'off'):
        return text == 'on', CPU_SHARE
    try:
        share = float(text)
    except ValueError:
        share = -1
    if 0 <= share < 1:
        return True, share
    raise ValueError(f'{text!r} is not on, off, or a share that is at least '
                     f'0 and less than 1')


def apply_environment(set_gil_priority):
    """Call set_gil_priority as the environment says, if it says something."""
    text = os.environ.get(VARIABLE)
    if not text:
        return
    try:
        enabled, cpu_share = parse(text)
    except ValueError as error:
        warnings.warn(f'{VARIABLE} is ignored: {error}', RuntimeWarning,
                      stacklevel=3)
    else:
        set_gil_priority(enabled, cpu_share=cpu_share)
