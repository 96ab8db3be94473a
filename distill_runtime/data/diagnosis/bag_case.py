# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A contract with a recording, and the policy run over it: the input of all checks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from distill_runtime.core.arrays import BoolArray, FloatArray, IndexArray, StampArray
from distill_runtime.core.checks.registry import ANY_MOTION
from distill_runtime.core.compiled_spec import CompiledSpec
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.step import Policy
from distill_runtime.data.bags.bag import Bag
from distill_runtime.data.bags.topics import check_names, need_topic, resolved
from distill_runtime.data.recording.recording import read_inputs, read_positions_command, Recording
from distill_runtime.data.recording.series import JointStream, Stream
from distill_runtime.data.replay.step_loop import play, Playback
from distill_runtime.data.ticks.by_stamp import find_ticks, gap_times, Stretch, Ticks
from distill_runtime.data.ticks.windows import MAX_ROWS, mean_rate, Received, Windows
from distill_runtime.spec.compile import compile_spec, external_terms, sensor_layout
from distill_runtime.spec.spec import PolicySpec
import numpy as np

CONFIG = RunnerConfig(
    start_in='policy', max_joint_step=0.0, tilt_limit=0.0, torque_limit=0.0, checks=ANY_MOTION
)
"""No limits, so that targets are the raw ones."""


class Samples(NamedTuple):
    """The samples of a recording that a diagnosis uses."""

    recording: Recording
    windows: Windows | None
    """Selected them; None: they are all."""


def received(windows: Windows | None, name: str, stream: Stream | JointStream) -> Received:
    """Return all messages of an input, whether or not they are in a window.

    Args:
        windows: Selected the samples; None: they are all.
        name: Of the input, see Recording.inputs; joint_command.
        stream: Its samples.
    """
    found = None if windows is None else windows.received(name)
    times = stream.receive_ns if stream.stamp_ns is None else stream.stamp_ns
    return found or Received(times, mean_rate(stream.receive_ns, len(times)))


def read_samples(
    path: Path | str,
    topics: Mapping[str, str],
    spec: PolicySpec | None,
    node: str = '',
) -> Samples:
    """Read a recording for a diagnosis; memory does not grow with its length.

    Args:
        path: See Bag.
        topics: Topic of the recording per topic of student_node.
        spec: Its external topics are read where they are recorded, and its joints are those of
            a joint_command without names; None: neither is read.
        node: Full name of the node whose topics are preferred; '': no preference.

    Raises:
        ConfigError: If the path does not exist, or a name in topics is unknown.
        RecordingError: If it cannot be used, or a topic is ambiguous.
    """
    terms = () if spec is None else external_terms(spec)
    check_names(topics, [term.topic for term in terms])
    with Bag(path) as bag:
        names = {topic.name for topic in bag.topics if topic.num_messages}
        recorded = tuple(
            term
            for term in terms
            if term.topic in topics or resolved(term.topic, node or '/student_node') in names
        )
        num_messages = need_topic(bag, 'joint_states', topics, node).num_messages
        windows = Windows(num_messages) if num_messages > MAX_ROWS else None
        recording = read_inputs(bag, topics, external_terms=recorded, node=node, selection=windows)
        joints = recording.joints
        command = read_positions_command(
            bag,
            topics,
            None if spec is None else spec.joints,
            None if windows is None else windows.for_topic('joint_command', joints),
        )
    # each window starts like a recording
    joints = joints if windows is None else replace(joints, before=None)
    return Samples(replace(recording, joints=joints, joint_command=command), windows)


@dataclass(frozen=True, kw_only=True, eq=False)
class BagCase:
    """A spec with a recording of its robot; common joints are in policy order."""

    spec: PolicySpec
    recording: Recording
    names: tuple[str, ...]
    """Joints of the policy that the recording has, in policy order."""
    stamp_ns: StampArray
    """Of the joint samples, shape (N,)."""
    position: FloatArray
    """In [rad], shape (N, len(names))."""
    velocity: FloatArray | None
    """In [rad]/[s], shape (N, len(names)); None: not recorded."""
    effort: FloatArray | None
    """In [N m], shape (N, len(names)); None: not recorded, or all zero."""
    windows: Windows | None
    """Selected the samples; None: they are all."""

    @property
    def num_first(self) -> int:
        """Number of JointStates without a gap between windows."""
        return len(self.stamp_ns) if self.windows is None else self.windows.length

    def of_policy(self, values: tuple[float, ...] | FloatArray) -> FloatArray:
        """Pick the elements of the joints in names from an array with one per policy joint."""
        columns = [self.spec.joints.index(name) for name in self.names]
        return np.asarray(values, np.float64)[..., columns]


def make_case(spec: PolicySpec, recording: Recording, windows: Windows | None = None) -> BagCase:
    """Sort the joints of a recording into policy order; see read_samples."""
    joints = recording.joints
    names = tuple(name for name in spec.joints if name in joints.joints)
    order: IndexArray = np.array([joints.joints.index(name) for name in names], np.intp)
    effort = None if joints.effort is None else joints.effort[:, order]
    return BagCase(
        spec=spec,
        recording=recording,
        windows=windows,
        names=names,
        stamp_ns=joints.stamp_ns,
        position=joints.position[:, order],
        velocity=None if joints.velocity is None else joints.velocity[:, order],
        effort=effort if effort is not None and np.any(effort) else None,
    )


class Run:
    """One policy over one recording."""

    def __init__(
        self,
        spec: PolicySpec,
        policy: Policy,
        recording: Recording,
        stretches: Sequence[Stretch] | None = None,
    ) -> None:
        """Run it.

        Args:
            spec: The contract to try.
            policy: A network whose tensors have the widths of this spec.
            recording: Has all joints of the spec.
            stretches: See find_ticks.

        Raises:
            RecordingError: If it has no stamps.
        """
        self.spec = spec
        self.stretches = stretches or (Stretch(0, len(recording.joints.stamp_ns)),)
        self.compiled: CompiledSpec = compile_spec(spec, sensor_layout(spec))
        self.ticks: Ticks = find_ticks(recording, self.compiled.period_ns, self.stretches)
        self.has_gap: BoolArray = gap_times(recording, self.ticks) > CONFIG.max_input_age
        """Ticks at which the policy restarts after a gap in the JointStates; shape (T,)."""
        self.playback: Playback = play(
            recording, self.ticks, PolicyRunner(self.compiled, policy, CONFIG)
        )
