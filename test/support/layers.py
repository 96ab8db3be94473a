# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The layer table of the package: what the modules of each folder may import."""

from __future__ import annotations

import ast
from fnmatch import fnmatch
from pathlib import Path
import sys

PACKAGE = 'distill_runtime'

LAYERS = {
    'core': set(),
    'wire': set(),
    'spec': {'core'},
    'policy': {'core', 'spec'},
    'data': {'core', 'spec', 'policy', 'wire'},
    'sim': {'core', 'spec', 'policy'},
    'distill': {'core', 'spec', 'policy', 'data', 'sim', 'wire'},
    'ros': {'core', 'spec', 'policy', 'data', 'wire'},
    'cli': {'core', 'spec', 'policy', 'data', 'sim', 'distill', 'ros', 'wire'},
}

# modules beside the layers, and the layers that may not import them
ROOT_MODULES = {'errors': set(), 'share': {'core'}}

# sim_node runs the simulator in ROS: the only modules that import both
LAYER_EXCEPTIONS = {'ros/demo/*.py': {'sim'}}

STACKS = {
    'core': {'numpy'},
    'wire': {'numpy'},
    'spec': {'numpy', 'safetensors', 'yaml'},
    'policy': {'cryptography', 'numpy', 'onnx', 'onnxruntime'},
    'data': {'jinja2', 'numpy', 'plotly', 'pyarrow', 'ray', 'rosbags', 'yaml'},
    'sim': {'mujoco', 'numpy'},
    'distill': {'numpy', 'onnx', 'torch', 'yaml'},
    'ros': {
        'ament_index_python', 'builtin_interfaces', 'diagnostic_msgs', 'geometry_msgs', 'launch',
        'lifecycle_msgs', 'nav_msgs', 'numpy', 'rcl_interfaces', 'rclpy', 'rosgraph_msgs',
        'sensor_msgs', 'std_msgs', 'std_srvs', 'trajectory_msgs',
    },
    'cli': {'numpy', 'rich'},
}  # fmt: skip

# libraries of a layer that only some of its modules import
CONFINED = {'pyarrow': 'data/dataset/*.py', 'ray': 'data/ray_workers.py'}

# core has no clock, no files and no logging: time and random numbers are arguments
CORE_FORBIDDEN = {
    'asyncio', 'datetime', 'io', 'logging', 'os', 'pathlib', 'random', 'shutil', 'socket',
    'subprocess', 'sys', 'tempfile', 'threading', 'time',
}  # fmt: skip


def imported_modules(source: str, module: str) -> set[str]:
    """Return the absolute dotted names that a module imports, also inside functions.

    Args:
        source: Text of the module.
        module: Dotted name of the module, to resolve relative imports; ends in `.__init__` for a
            package.
    """
    names = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = module.split('.')[: -node.level] if node.level else []
            base = '.'.join([*parents, *([node.module] if node.module else [])])
            # `from package import layer` also imports a module
            names.update(f'{base}.{alias.name}' for alias in node.names)
    return names


def violations(source: str, path: Path) -> list[str]:
    """Return one line per import that the layer table forbids.

    Args:
        source: Text of the module.
        path: Path below the package folder, such as `wire/cdr.py`.
    """
    if len(path.parts) == 1:
        layer, layers, stacks = '', set(), set()
    else:
        layer = path.parts[0]
        layers = {layer} | LAYERS[layer]
        stacks = STACKS[layer]
    for pattern, more in LAYER_EXCEPTIONS.items():
        if fnmatch(path.as_posix(), pattern):
            layers = layers | more

    found = []
    module = '.'.join([PACKAGE, *path.with_suffix('').parts])
    for name in sorted(imported_modules(source, module)):
        top, _, rest = name.partition('.')
        if top == PACKAGE:
            target = rest.split('.')[0]
            is_open = target in ROOT_MODULES and layer not in ROOT_MODULES[target]
            allowed = target in layers or is_open
        elif top in sys.stdlib_module_names:
            allowed = layer != 'core' or top not in CORE_FORBIDDEN
        else:
            allowed = top in stacks and fnmatch(path.as_posix(), CONFINED.get(top, '*'))
        if not allowed:
            found.append(f'{path} imports {name}')
    return found
