# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Labels of the elements of ~/tick, for its publisher and for readers of recordings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

TICK_FIELDS = (
    'tick',
    'stamp_ns',
    'joint_states_ns',
    'imu_ns',
    'cmd_vel_ns',
    'odom_ns',
    'mode',
    'model',
    'lateness_ns',
)
"""Labels of its first elements. The four input fields identify the sample in use by its header
stamp, cmd_vel of type Twist by its source timestamp; -1 where there is none. model is the
return value of model_number.
"""
FAULT_ACTION = 'fault_action'
"""Label of the next element: a number of ACTION_NUMBERS."""
ACTION_NUMBERS: Mapping[str, int] = MappingProxyType(
    {'': 0, 'hold': 1, 'default_pose': 2, 'damp': 3, 'stop': 4}
)
"""Numbers of the active fault action in ~/tick; '' without a fault."""
_SAMPLE = '_ns'


def tick_labels(topics: Iterable[str]) -> tuple[str, ...]:
    """Return the labels of all elements.

    Args:
        topics: External topics of the policy. The element of each, the last ones, identifies the
            sample in use: by its header stamp, or where it has none by its source timestamp.
    """
    return (*TICK_FIELDS, FAULT_ACTION, *map(sample_label, topics))


def sample_label(topic: str) -> str:
    """Return the label of the element that identifies the sample of an external topic."""
    return f'{topic}{_SAMPLE}'


def external_topics(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return the external topics in some labels; they follow the fault action."""
    if FAULT_ACTION not in labels:
        return ()
    following = labels[labels.index(FAULT_ACTION) + 1 :]
    return tuple(label.removesuffix(_SAMPLE) for label in following if label.endswith(_SAMPLE))


def model_number(sha256: str) -> int:
    """Return the number of a model in ~/tick: the first 60 bits of its sha256."""
    return int(sha256[:15], 16)
