# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Describe the machine, its load and the library versions."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
import os
from pathlib import Path
import platform

GOVERNOR = Path('/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor')
CPUINFO = Path('/proc/cpuinfo')
PACKAGES = ('rclpy', 'numpy', 'onnxruntime')


def machine_facts() -> dict[str, object]:
    """Return the current facts; None for those that this system does not provide."""
    return {
        'cpu': _cpu(),
        'cores': len(os.sched_getaffinity(0)),
        'is_virtual': 'hypervisor' in _read(CPUINFO),
        'governor': _read(GOVERNOR).strip() or None,
        'load_average': [round(load, 2) for load in os.getloadavg()],
        'system': f'{platform.system()} {platform.release()} {platform.machine()}',
        'versions': {
            'python': platform.python_version(),
            **{name: _version(name) for name in PACKAGES},
            'ros_distro': os.environ.get('ROS_DISTRO'),
            'rmw': os.environ.get('RMW_IMPLEMENTATION', 'default'),
        },
    }


def stolen_seconds() -> float:
    """Return the steal time of all processors since boot, in [s]."""
    fields = _read(Path('/proc/stat')).partition('\n')[0].split()
    return int(fields[8]) / os.sysconf('SC_CLK_TCK') if len(fields) > 8 else 0.0


def _cpu() -> str:
    for line in _read(CPUINFO).splitlines():
        if line.startswith('model name'):
            return line.partition(':')[2].strip()
    return platform.processor() or platform.machine()


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _read(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ''
