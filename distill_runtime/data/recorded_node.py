# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""What student_node says of itself in a recording: ~/model, with its parameters."""

from __future__ import annotations

from collections.abc import Mapping
import json

from .bags import Bag
from .replay_config import of_runner

STATUS_TYPE = 'diagnostic_msgs/msg/DiagnosticStatus'


def recorded_parameters(bag: Bag, node: str) -> dict[str, object]:
    """Return the parameters of a node that decide what its runner does; none if it said none.

    Args:
        bag: The recording.
        node: Full name of the node.
    """
    for topic in bag.topics:
        if (topic.name, topic.type) == (f'{node}/model', STATUS_TYPE):
            found: dict[str, object] = {}
            for _, message in bag.messages(topic):
                for entry in message.values:
                    if entry.key == 'parameters':
                        found = _parameters(entry.value)
            return found
    return {}


def _parameters(text: str) -> dict[str, object]:
    try:
        content = json.loads(text)
    except ValueError:
        return {}
    return of_runner(content) if isinstance(content, Mapping) else {}
