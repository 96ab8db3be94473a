# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The observation terms of a spec: what each reads, and how wide it is.

Bounds of the elements of a tensor: one pair for all, or one pair each.

What all observation terms have in common, and how one is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from distill_runtime.errors import ConfigError

from .mapping import fields_to_mapping, joined, read_fields, shown

ClipPair = tuple[float | None, float | None]
"""Lower and upper bound; None: no bound on that side."""
Clip = tuple[ClipPair, ...] | ClipPair | None


def check_clip(clip: Clip, width: int, name: str = 'clip') -> None:
    """Refuse an empty clip, one of another width, and bounds in the wrong order."""
    if clip == ():
        raise ConfigError(
            f'{name} is empty, expected [lower, upper], or one such pair per element'
        )
    pairs = clip_pairs(clip, width)
    if len(pairs) not in (0, width):
        raise ConfigError(f'{name} has {len(pairs)} pairs, expected {width}')
    for lower, upper in pairs:
        if lower is not None and upper is not None and not lower < upper:
            raise ConfigError(f'{name} is [{lower}, {upper}], expected the lower bound first')


def clip_pairs(clip: Clip, width: int) -> tuple[ClipPair, ...]:
    """Return one pair per element; none if nothing is clipped."""
    if not clip:
        return ()
    return clip if isinstance(clip[0], tuple) else (clip,) * width


TERMS: dict[str, type[Term]] = {}
"""The class of each kind of term."""


@dataclass(frozen=True, kw_only=True)
class TermHistory:
    """The history of one term, where it differs from its input's; only with ``major: term``."""

    length: int | None = None
    """Number of frames."""
    steps: tuple[int, ...] | None = None
    """Ages of the frames in ticks (0 = newest) instead of a length; in tensor order unless the
    input's history has an order.
    """

    def __post_init__(self) -> None:
        """Refuse both or neither."""
        check_length_or_steps(self.length, self.steps)


def check_length_or_steps(length: int | None, steps: tuple[int, ...] | None) -> None:
    """Refuse a history that is empty, doubled, or given twice."""
    if (length is None) == (steps is None):
        raise ConfigError('history has length and steps, expected one of them')
    if length is not None and not 1 <= length <= 1000:
        raise ConfigError(f'history.length is {length}, expected 1 to 1000')
    if steps is not None:
        if not steps or len(set(steps)) != len(steps):
            raise ConfigError(f'history.steps is {list(steps)}, expected different ages')
        if not all(0 <= step < 1000 for step in steps):
            raise ConfigError(f'history.steps is {list(steps)}, expected ages of 0 to 999 ticks')


@dataclass(frozen=True, kw_only=True)
class Term:
    """What all terms have: scale, clip, their order, and a history of their own."""

    kind: ClassVar[str] = ''

    scale: float | tuple[float, ...] = 1.0
    """Factor, one for all elements or one each."""
    clip: Clip = None
    """Lower and upper bound, one pair for all elements or one each; null on a side: no bound
    there.
    """
    order: Literal['clip_then_scale', 'scale_then_clip'] = 'clip_then_scale'
    history: TermHistory | None = None
    trained_range: Clip = None
    """Least and greatest value seen in training, after scale and clip, in the form of a clip."""

    def __init_subclass__(cls) -> None:
        """Make the kind known to the reader."""
        if cls.kind:
            TERMS[cls.kind] = cls

    def dim(self, num_joints: int, act_dim: int) -> int:
        """Return the number of elements of one frame of this term."""
        raise NotImplementedError

    def check(self, num_joints: int, act_dim: int, joints: tuple[str, ...]) -> None:
        """Refuse a scale or clip of another width, and joints that the policy does not have."""
        width = self.dim(num_joints, act_dim)
        if isinstance(self.scale, tuple) and len(self.scale) != width:
            raise ConfigError(f'scale has {len(self.scale)} elements, expected {width}')
        check_clip(self.clip, width)
        check_clip(self.trained_range, width, 'trained_range')

    def clip_pairs(self, width: int) -> tuple[ClipPair, ...]:
        """Return one pair per element; none if nothing is clipped."""
        return clip_pairs(self.clip, width)

    @classmethod
    def from_mapping(cls, mapping: object, where: str) -> Term:
        """Read the term that the key ``term`` names.

        Raises:
            ConfigError: If it names none, or another key does not belong to it.
        """
        if not isinstance(mapping, Mapping):
            raise ConfigError(f'{where} is {shown(mapping)}, expected a mapping with the key term')
        kind = mapping.get('term')
        if not isinstance(kind, str) or kind not in TERMS:
            raise ConfigError(
                f'{joined(where, "term")} is {shown(kind)}, expected one of {sorted(TERMS)}'
            )
        return read_fields(TERMS[kind], mapping, where, ignore=('term',))

    def to_mapping(self) -> dict[str, Any]:
        """Return the mapping that from_mapping reads."""
        return {'term': self.kind, **fields_to_mapping(self)}


@dataclass(frozen=True, kw_only=True)
class _VectorTerm(Term):
    """A vector in the base frame."""

    def dim(self, num_joints: int, act_dim: int) -> int:
        """Return 3."""
        return 3


@dataclass(frozen=True, kw_only=True)
class BaseLinearVelocity(_VectorTerm):
    """Linear velocity of the base in the base frame, from Odometry.twist.linear, in [m]/[s]."""

    kind = 'base_linear_velocity'


@dataclass(frozen=True, kw_only=True)
class BaseAngularVelocity(_VectorTerm):
    """Angular velocity of the base in the base frame, from the Imu, in [rad]/[s]."""

    kind = 'base_angular_velocity'


@dataclass(frozen=True, kw_only=True)
class ProjectedGravity(_VectorTerm):
    """Unit vector of gravity in the base frame, R(q)^T (0, 0, -1)."""

    kind = 'projected_gravity'


@dataclass(frozen=True, kw_only=True)
class BaseOrientation(Term):
    """Orientation of the base in the world, a unit quaternion, from the Imu."""

    kind = 'base_orientation'

    quaternion: Literal['xyzw', 'wxyz']
    """Order in the tensor."""

    def dim(self, num_joints: int, act_dim: int) -> int:
        """Return 4."""
        return 4


@dataclass(frozen=True, kw_only=True)
class VelocityCommand(Term):
    """Commanded vx, vy in [m]/[s] and yaw rate in [rad]/[s]."""

    kind = 'velocity_command'

    components: tuple[Literal['vx', 'vy', 'yaw'], ...] = ('vx', 'vy', 'yaw')

    def dim(self, num_joints: int, act_dim: int) -> int:
        """Return the number of components."""
        return len(self.components)

    def check(self, num_joints: int, act_dim: int, joints: tuple[str, ...]) -> None:
        """Refuse doubled components too."""
        if not self.components or len(set(self.components)) != len(self.components):
            raise ConfigError(f'components is {list(self.components)}, expected each once')
        super().check(num_joints, act_dim, joints)


@dataclass(frozen=True, kw_only=True)
class _JointTerm(Term):
    """Something of some joints."""

    joints: tuple[str, ...] | None = None
    """Subset, in tensor order; null: all, in policy order."""
    masked: tuple[str, ...] = ()
    """Joints among them that are fed as zero."""

    def dim(self, num_joints: int, act_dim: int) -> int:
        """Return the number of joints."""
        return num_joints if self.joints is None else len(self.joints)

    def check(self, num_joints: int, act_dim: int, joints: tuple[str, ...]) -> None:
        """Refuse joints that the policy does not have."""
        if self.joints == ():
            raise ConfigError('joints is empty, expected at least one, or null for all')
        for field, names in (('joints', self.joints or ()), ('masked', self.masked)):
            for name in names:
                if name not in joints:
                    raise ConfigError(
                        f'{field} has {name!r}, expected names of joints: {list(joints)}'
                    )
            if len(set(names)) != len(names):
                raise ConfigError(f'{field} is {list(names)}, expected each name once')
        super().check(num_joints, act_dim, joints)


@dataclass(frozen=True, kw_only=True)
class JointPosition(_JointTerm):
    """Joint positions in [rad]."""

    kind = 'joint_position'

    relative: bool
    """Whether the default position is subtracted."""


@dataclass(frozen=True, kw_only=True)
class JointVelocity(_JointTerm):
    """Joint velocities in [rad]/[s]."""

    kind = 'joint_velocity'


@dataclass(frozen=True, kw_only=True)
class LastAction(Term):
    """Network output of the step before, after its clip, before its scale; zeros at reset."""

    kind = 'last_action'

    def dim(self, num_joints: int, act_dim: int) -> int:
        """Return the width of the action."""
        return act_dim


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What the gait clock does while the robot is told to stand."""

    below: float
    """Stands while |vx|, |vy| in [m]/[s] and |yaw rate| in [rad]/[s] are all below this."""
    phase: float
    """Every phase then, in [rad]."""
    restart: bool | Literal['at_offset', 'advanced'] = False
    """Phase of the step at which standing ends.

    at_offset: the offsets; advanced: one step after them; true: that of the first step ever, which
    depends on ``advance``; false: the clock has run on.
    """


@dataclass(frozen=True, kw_only=True)
class GaitPhase(Term):
    """Cosine and sine of the legs' phases: offset + 2 pi frequency k period at step k."""

    kind = 'gait_phase'

    frequency: float
    """In [Hz]."""
    offsets: tuple[float, ...]
    """One phase per leg, in [rad]."""
    components: tuple[Literal['cos', 'sin'], ...]
    """In tensor order: all legs of the first, then all of the next."""
    advance: Literal['before', 'after']
    """Whether the clock advances before its use (first k is 1) or after it (first k is 0)."""
    standing: Standing | None = None

    def dim(self, num_joints: int, act_dim: int) -> int:
        """Return legs times components."""
        return len(self.offsets) * len(self.components)

    def check(self, num_joints: int, act_dim: int, joints: tuple[str, ...]) -> None:
        """Refuse an empty clock too."""
        if not self.frequency > 0.0:
            raise ConfigError(f'frequency is {self.frequency} Hz, expected above 0 Hz')
        if not self.offsets or not self.components:
            raise ConfigError('offsets and components are empty, expected at least one of each')
        super().check(num_joints, act_dim, joints)


@dataclass(frozen=True, kw_only=True)
class External(Term):
    """Numbers from a topic of its own."""

    kind = 'external'

    topic: str
    width: int
    """Number of elements."""
    message: Literal['Float32MultiArray', 'PoseStamped'] = 'Float32MultiArray'
    """A PoseStamped gives seven numbers: position x, y, z in [m], then the orientation."""
    quaternion: Literal['xyzw', 'wxyz'] = 'xyzw'
    """Order of a PoseStamped's orientation in the tensor; the message's own is xyzw."""
    max_age: float = 0.0
    """Age in [s] above which it is stale; 0: never."""

    def dim(self, num_joints: int, act_dim: int) -> int:
        """Return the width."""
        return self.width

    def check(self, num_joints: int, act_dim: int, joints: tuple[str, ...]) -> None:
        """Refuse impossible sizes too."""
        if not 1 <= self.width <= 1_000_000:
            raise ConfigError(f'width is {self.width}, expected 1 to 1000000')
        if self.message == 'PoseStamped' and self.width != 7:
            raise ConfigError(f'width is {self.width}, expected 7 for a PoseStamped')
        if self.message != 'PoseStamped' and self.quaternion != 'xyzw':
            raise ConfigError('quaternion is wxyz, expected it only for a PoseStamped')
        if not self.topic:
            raise ConfigError('topic is empty, expected a topic name')
        if not self.max_age >= 0.0:
            raise ConfigError(f'max_age is {self.max_age} s, expected at least 0 s')
        super().check(num_joints, act_dim, joints)


@dataclass(frozen=True, kw_only=True)
class Constant(Term):
    """Numbers that never change: parameters of a gait, say."""

    kind = 'constant'

    values: tuple[float, ...]

    def dim(self, num_joints: int, act_dim: int) -> int:
        """Return how many there are."""
        return len(self.values)

    def check(self, num_joints: int, act_dim: int, joints: tuple[str, ...]) -> None:
        """Refuse none too."""
        if not self.values:
            raise ConfigError('values is empty, expected at least one')
        super().check(num_joints, act_dim, joints)


@dataclass(frozen=True, kw_only=True)
class Latent(Term):
    """Output of the encoder at this step, as it is."""

    kind = 'latent'

    width: int
    """Number of elements."""

    def dim(self, num_joints: int, act_dim: int) -> int:
        """Return the width."""
        return self.width

    def check(self, num_joints: int, act_dim: int, joints: tuple[str, ...]) -> None:
        """Refuse what the encoder cannot do: it writes into the tensor itself."""
        if not 1 <= self.width <= 1_000_000:
            raise ConfigError(f'width is {self.width}, expected 1 to 1000000')
        if self.scale != 1.0 or self.clip is not None:
            raise ConfigError('latent has a scale or a clip, expected neither')
        super().check(num_joints, act_dim, joints)
