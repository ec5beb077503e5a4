"""Print the compiler's flags for an extension that uses pyplusthread.

Part of pyplusthread.  SPDX-License-Identifier: MIT
"""
import shlex
import sysconfig

import pyplusthread

print(shlex.join([f'-I{pyplusthread.get_include()}',
                  f'-I{sysconfig.get_path("include")}']))
