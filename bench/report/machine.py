"""What the figures were measured on."""

import os
import platform
import shutil
import subprocess


def permitted_cpus():
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


def describe():
    """The machine as an ordered mapping of facts."""
    cpus = permitted_cpus()
    return {
        'CPU': _cpu_model(),
        'CPUs': f'{len(cpus) or os.cpu_count()} of {os.cpu_count()} usable',
        'virtualisation': _virtualisation(),
        'kernel': f'{platform.system()} {platform.release()}',
        'libc': _libc(),
        'load before': f'{os.getloadavg()[0]:.2f}',
    }
