# SPDX-License-Identifier: MIT
"""What the figures were measured on."""

import os
import platform
import shutil
import subprocess


# Load per CPU above which others are running too.
BUSY = 0.5


def _permitted_cpus():
    """The CPUs that this process may pin its threads to; [] if it cannot."""
    if hasattr(os, 'sched_getaffinity'):
        return sorted(os.sched_getaffinity(0))
    return []


def _output(*command):
    if shutil.which(command[0]) is None:
        return ''
    return subprocess.run(command, capture_output=True, text=True,
                          check=False).stdout.strip()


def _cpuinfo(key):
    try:
        with open('/proc/cpuinfo', encoding='utf-8') as lines:
            for line in lines:
                name, _, value = line.partition(':')
                if name.strip() == key:
                    return value.strip()
    except OSError:
        pass
    return ''


def _cpu_model():
    return (_cpuinfo('model name')
            or _output('sysctl', '-n', 'machdep.cpu.brand_string')
            or platform.processor() or platform.machine())


def _libc():
    try:
        return os.confstr('CS_GNU_LIBC_VERSION')
    except (ValueError, OSError, AttributeError):
        return ' '.join(platform.libc_ver()).strip() or 'libc unknown'


def _virtualisation():
    kind = _output('systemd-detect-virt', '--vm')
    if kind and kind != 'none':
        return f'virtual machine ({kind})'
    if 'hypervisor' in _cpuinfo('flags').split():
        return 'virtual machine'
    return 'no sign of a virtual machine'


class Machine:
    """Facts, and the placements that are possible."""

    def __init__(self):
        self.cpus = _permitted_cpus()
        self.facts = {
            'CPU': _cpu_model(),
            'CPUs': f'{len(self.cpus) or os.cpu_count()} of '
                    f'{os.cpu_count()} usable',
            'virtualisation': _virtualisation(),
            'kernel': f'{platform.system()} {platform.release()}',
            'libc': _libc(),
            'load before': f'{os.getloadavg()[0]:.2f}',
        }

    @property
    def placements(self):
        """What each placement is to the benchmarks' --cpus."""
        placements = {}
        if self.cpus:
            placements['one CPU'] = str(self.cpus[0])
        if len(self.cpus) > 1:
            placements['two CPUs'] = f'{self.cpus[0]},{self.cpus[1]}'
        placements['free'] = 'free'
        return placements

    def title(self):
        """In one line."""
        return ', '.join(self.facts[name] for name in ('CPU', 'CPUs', 'libc'))

    def warnings(self):
        """What to know about figures from here."""
        if float(self.facts['load before']) > BUSY * (os.cpu_count() or 1):
            yield 'the machine is busy with something else: trust no figure'
        if len(self.cpus) > 1:
            yield (f'placements: one CPU = {self.cpus[0]}, two CPUs = '
                   f'{self.cpus[0]} and {self.cpus[1]}, free = the scheduler '
                   'chooses')
        elif self.cpus:
            yield 'this process may use one CPU only: no case with two CPUs'
        else:
            yield 'threads cannot be pinned here: free placement only'
