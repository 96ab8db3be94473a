# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Build description for colcon and pip; pyproject.toml holds tool settings only."""

from glob import glob
from itertools import groupby
from pathlib import Path

from setuptools import find_packages, setup

PACKAGE = 'distill_runtime'
SHARE = Path('share') / PACKAGE

ONNX = 'onnx>=1.16,<2'
TEST = [
    # launch_testing of a sourced ROS 2 breaks every run under pytest 9
    'pytest>=7.4,<8.4',
    'pytest-timeout>=2.1,<3',
    'hypothesis>=6.36,<7',
]


def share_files(*patterns):
    """Return data_files entries that keep each file's folder below share/<package>."""
    files = sorted(
        path
        for pattern in patterns
        for path in glob(pattern, recursive=True)
        if Path(path).is_file()
    )
    folders = groupby(files, key=lambda path: Path(path).parent)
    return [(str(SHARE / folder), list(paths)) for folder, paths in folders]


setup(
    name=PACKAGE,
    version='0.1.0',
    description='Runs distilled ONNX policies on robots under ROS 2.',
    author='The distill_runtime Authors',
    maintainer='The distill_runtime Authors',
    maintainer_email='distill_runtime@example.org',
    license='Apache-2.0',
    packages=find_packages(exclude=['test', 'test.*']),
    package_data={PACKAGE: ['py.typed', 'data/*/*.jinja', 'sim/*.xml']},
    data_files=[
        ('share/ament_index/resource_index/packages', [f'resource/{PACKAGE}']),
        *share_files(
            'package.xml', 'launch/*.launch.py', 'config/**/*', 'models/*', 'benchmarks/*'
        ),
    ],
    zip_safe=False,
    python_requires='>=3.10',
    install_requires=[
        'numpy>=1.21,<3',
        'onnxruntime>=1.17,<2',
        'PyYAML>=5.4,<7',
        'rich>=13,<16',
    ],
    extras_require={
        'onnx': [ONNX],
        'sim': ['mujoco>=3.3.6,<5'],
        'train': [ONNX, 'torch>=2.2,<3'],
        'bags': ['rosbags>=0.10,<0.12'],
        'dataset': ['pyarrow>=17,<27'],
        'ray': ['ray>=2.40,<3'],
        'report': ['jinja2>=3.0,<4', 'plotly>=5.18,<7'],
        'sign': ['cryptography>=3.4,<51'],
        # not for every Python there is a wheel
        'fuzz': ['atheris>=2.3,<4'],
        'ui': [],  # kept for callers that name it: rich is always required
        # LEAPP bundles of recurrent policies; rosdep has no key for it
        'leapp': ['safetensors>=0.4,<1'],
        'test': TEST,
        'dev': [
            *TEST,
            'colcon-common-extensions>=0.3,<0.4',
            'mypy>=2.4,<2.5',
            'ruff>=0.17,<0.18',
            'types-PyYAML>=6,<7',
        ],
    },
    entry_points={
        'console_scripts': [
            'distill-runtime = distill_runtime.cli.main:main',
            'relabel_node = distill_runtime.ros.relabel_node:main',
            'sim_node = distill_runtime.ros.demo.sim_node:main',
            'student_node = distill_runtime.ros.student_node:main',
        ],
    },
)
