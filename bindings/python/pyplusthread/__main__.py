# SPDX-License-Identifier: MIT
"""python -m pyplusthread: see _run.py."""
from pyplusthread._run import main

if __name__ == '__main__':
    main()
