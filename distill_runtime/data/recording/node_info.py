# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Read ~/model of a recording: the parameters of student_node, its policies and swaps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
import json
from typing import Any

from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.replay.config import of_runner
from distill_runtime.errors import ConfigError
from distill_runtime.spec.mapping import read_dataclass
from distill_runtime.spec.spec import PolicySpec
from distill_runtime.wire.tick_fields import model_number

STATUS_TYPE = 'diagnostic_msgs/msg/DiagnosticStatus'


@dataclass(frozen=True, kw_only=True)
class RecordedModel:
    """One message of ~/model: the policy that is active from a tick on."""

    number: int
    """As in ~/tick."""
    since_ns: int
    """Time of its first tick; -1 for the policy that the node was configured with."""
    history_since_ns: int
    """Time of the first step that it observed before it became active; -1 for none."""
    blend_time: float
    """Time in [s] over which commands were blended into those of this policy."""
    is_back: bool
    """Whether it was active before, and has observed every step since."""
    spec: PolicySpec | None
    """None where it cannot be read."""


@dataclass(frozen=True, kw_only=True)
class RecordedNode:
    """All messages of ~/model."""

    parameters: Mapping[str, object]
    """Parameters of the node that a runner has."""
    models: tuple[RecordedModel, ...]


def recorded_node(bag: Bag, node: str) -> RecordedNode:
    """Read ~/model of a node; no parameters and no models if it is not recorded."""
    parameters: dict[str, object] = {}
    models: list[RecordedModel] = []
    for topic in bag.topics:
        if (topic.name, topic.type) != (f'{node}/model', STATUS_TYPE):
            continue
        for _, message in bag.messages(topic):
            values = {entry.key: entry.value for entry in message.values}
            parameters = of_runner(_mapping(values.get('parameters', ''))) or parameters
            if 'model_sha256' in values:
                models.append(_model(values))
    return RecordedNode(parameters=parameters, models=tuple(models))


def _model(values: Mapping[str, str]) -> RecordedModel:
    try:
        spec = read_dataclass(PolicySpec, _mapping(values.get('spec', '')), '')
    except ConfigError:
        spec = None
    return RecordedModel(
        number=model_number(values['model_sha256']),
        since_ns=int(_json(values.get('since_ns', ''), -1)) if 'previous' in values else -1,
        history_since_ns=int(_json(values.get('history_since_ns', ''), -1)),
        blend_time=_json(values.get('blend_time', ''), 0.0),
        is_back=values.get('why', '').startswith('rolled back'),
        spec=spec,
    )


def _mapping(text: str) -> dict[str, object]:
    content = _json(text, {})
    return content if isinstance(content, dict) else {}


def _json(text: str, default: object) -> Any:  # noqa: ANN401
    try:
        return json.loads(text)
    except ValueError:
        return default
