# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""~/model: the active model, since when and why, latched."""

from __future__ import annotations

from collections.abc import Mapping

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, QoSProfile

from .loader import LoadedModel

MODEL_QOS = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class ModelTopic:
    """Publishes one latched status per swap, rejected ones included."""

    def __init__(self, node: Node) -> None:
        """Advertise the topic."""
        self._node = node
        self._publisher = node.create_publisher(DiagnosticStatus, '~/model', MODEL_QOS)
        self._name, self._values = '', dict[str, str]()

    def update(self, model: LoadedModel, swap: Mapping[str, str], problem: str = '') -> None:
        """Publish which model is active from now on, how it became that, and any problem."""
        self._name = model.policy.path.name
        self._values = {'summary': _summary(model), **model.facts, **swap}
        self.publish(problem)

    def publish(self, problem: str = '') -> None:
        """Publish the active model again, with a problem of another one."""
        name = self._node.get_fully_qualified_name()
        self._publisher.publish(
            DiagnosticStatus(
                level=DiagnosticStatus.WARN if problem else DiagnosticStatus.OK,
                name=f'{name}: model',
                message=problem or self._name,
                hardware_id=name,
                values=[KeyValue(key=key, value=value) for key, value in self._values.items()],
            )
        )

    def destroy(self) -> None:
        """Withdraw the topic."""
        self._node.destroy_publisher(self._publisher)


def _summary(model: LoadedModel) -> str:
    """Return the spec in one line."""
    spec = model.policy.spec
    terms = ', '.join(
        f'{entry.name}: {" ".join(term.kind for term in entry.terms)}' for entry in spec.inputs
    )
    return (
        f'policy {spec.name!r}, {len(spec.joints)} joints, {1.0 / spec.period:g} Hz, '
        f'{len(spec.state)} recurrent states, inputs {terms}'
    )
