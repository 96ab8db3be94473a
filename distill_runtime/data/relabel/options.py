# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Options of relabeling as words and numbers: of `distill-runtime relabel` and relabel_node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

LastActionOption = Literal['auto', 'executed', 'commands', 'own']
LAST_ACTIONS: tuple[LastActionOption, ...] = ('auto', 'executed', 'commands', 'own')


@dataclass(frozen=True, kw_only=True)
class RelabelOptions:
    """Options by name; HELP has a text for each."""

    bags: tuple[str, ...] = ()
    output: str = ''
    student: str = ''
    student_spec: str = ''
    teachers: tuple[str, ...] = ()
    teacher_specs: tuple[str, ...] = ()
    robot: str = ''
    any_gains: bool = False
    rules: str = ''
    last_action: str = 'auto'
    std: bool = False
    logits: bool = False
    features: str = ''
    half: bool = False
    thin: int = 1
    skip_missing: bool = False
    topics: tuple[str, ...] = ()
    node: str = ''
    tags: tuple[str, ...] = ()
    parameters: tuple[str, ...] = ()
    mcap: bool = False
    workers: int = 1
    ray: str = ''


HELP = {
    'bags': 'recordings, or folders with recordings',
    'output': 'folder of the dataset',
    'student': 'ONNX policy whose inputs are stored',
    'student_spec': 'spec file of the student',
    'teachers': 'ONNX policies that label, each T or NAME=T',
    'teacher_specs': "spec file of each teacher, '' for none",
    'robot': 'robot profile, or path of a URDF, of all policies',
    'any_gains': 'accept teachers with other PD gains',
    'rules': 'which teacher counts at a row (YAML)',
    'last_action': (
        'where teachers take their last action from: auto (the first that a recording has), '
        'executed, commands, own'
    ),
    'std': 'store standard deviations of actions',
    'logits': 'store outputs before the activation',
    'features': 'store hidden layers: last, all, or positions such as 0,2',
    'half': 'store hidden layers as float16',
    'thin': 'keep every N-th row of standing still',
    'skip_missing': 'label without a teacher whose inputs a recording lacks',
    'topics': 'topic of the recording for an input, each NAME:=TOPIC',
    'node': 'node whose ~/tick is used, if several publish it',
    'tags': 'tag of a recording for rules, each BAG:=TAG',
    'parameters': (
        'parameters of student_node, if ~/model in a recording lacks them, each NAME:=VALUE'
    ),
    'mcap': 'write labels as topics, too',
    'workers': 'number of processes',
    'ray': 'address of a Ray cluster to run on, local: start one',
}
