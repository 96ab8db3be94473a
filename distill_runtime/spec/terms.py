# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The catalog of observation terms: elements, unit, source, and what each reads.

A new term is one class here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import re
from typing import Literal, TYPE_CHECKING

from distill_runtime.errors import ConfigError

from .term import RunnerVector, Term

if TYPE_CHECKING:
    from .spec import PolicySpec

MAX_WIDTH = 1_000_000
ONLINE_MESSAGES = ('Float32MultiArray', 'PoseStamped')
"""What student_node can read for an external term."""
_TYPE = re.compile(r'\w+/msg/\w+', re.ASCII)
_FIELD = re.compile(r'[a-zA-Z]\w*(\[\d+\])*(\.[a-zA-Z]\w*(\[\d+\])*)*', re.ASCII)


@dataclass(frozen=True, kw_only=True)
class BaseLinearVelocity(Term):
    """Linear velocity of the base in the base frame, from Odometry.twist.linear, in [m]/[s]."""

    kind = 'base_linear_velocity'
    source = 'Odometry'
    _unit = 'm/s'

    def _read(self, vector: RunnerVector) -> Sequence[int]:
        return _elements(vector.sensors.base_linear_velocity)


@dataclass(frozen=True, kw_only=True)
class BaseAngularVelocity(Term):
    """Angular velocity of the base in the base frame, from the Imu, in [rad]/[s]."""

    kind = 'base_angular_velocity'
    source = 'Imu'
    _unit = 'rad/s'

    def _read(self, vector: RunnerVector) -> Sequence[int]:
        return _elements(vector.sensors.angular_velocity)


@dataclass(frozen=True, kw_only=True)
class ProjectedGravity(Term):
    """Unit vector of gravity in the base frame, R(q)^T (0, 0, -1)."""

    kind = 'projected_gravity'
    source = 'Imu'

    def _read(self, vector: RunnerVector) -> Sequence[int]:
        return _elements(vector.gravity)


@dataclass(frozen=True, kw_only=True)
class BaseOrientation(Term):
    """Orientation of the base in the world, a unit quaternion, from the Imu."""

    kind = 'base_orientation'
    source = 'Imu'

    quaternion: Literal['xyzw', 'wxyz']
    """Order in the tensor."""

    @property
    def _names(self) -> tuple[str, ...]:
        return tuple(self.quaternion)

    def _read(self, vector: RunnerVector) -> Sequence[int]:
        w, *xyz = _elements(vector.sensors.quat_base_to_world)
        return [w, *xyz] if self.quaternion == 'wxyz' else [*xyz, w]


@dataclass(frozen=True, kw_only=True)
class VelocityCommand(Term):
    """Commanded vx, vy in [m]/[s] and yaw rate in [rad]/[s]."""

    kind = 'velocity_command'
    source = 'Twist'

    components: tuple[Literal['vx', 'vy', 'yaw'], ...] = ('vx', 'vy', 'yaw')

    @property
    def _names(self) -> tuple[str, ...]:
        return self.components

    @property
    def unit(self) -> str:
        """Unit of the components."""
        units = {'rad/s' if name == 'yaw' else 'm/s' for name in self.components}
        return ' '.join(sorted(units))

    @property
    def needs_command(self) -> bool:
        """Always."""
        return True

    def _read(self, vector: RunnerVector) -> Sequence[int]:
        segment = _elements(vector.sensors.velocity_command)
        return [segment[('vx', 'vy', 'yaw').index(name)] for name in self.components]

    def _check(self, joints: tuple[str, ...]) -> None:
        if not self.components or len(set(self.components)) != len(self.components):
            raise ConfigError(f'components is {list(self.components)}, expected each once')


@dataclass(frozen=True, kw_only=True)
class JointTerm(Term):
    """A measured value of some joints."""

    source = 'JointState'

    joints: tuple[str, ...] | None = None
    """Subset, in tensor order; null: all, in policy order."""
    masked: tuple[str, ...] = ()
    """Joints among them that are fed as zero."""

    def joint_names(self, joints: tuple[str, ...]) -> tuple[str, ...]:
        """Return the joints in tensor order, given those of the policy."""
        return joints if self.joints is None else self.joints

    def element_names(self, spec: PolicySpec) -> tuple[str, ...]:
        """Return the names of the joints."""
        return self.joint_names(spec.joints)

    def _joint_elements(self, vector: RunnerVector, segment: slice) -> list[int]:
        """Return the elements of the joints in a segment; a masked joint reads zero."""
        order = vector.sensors.joints
        return [
            vector.zero if name in self.masked else segment.start + order.index(name)
            for name in self.joint_names(vector.joints)
        ]

    def _check(self, joints: tuple[str, ...]) -> None:
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


@dataclass(frozen=True, kw_only=True)
class JointPosition(JointTerm):
    """Joint positions in [rad]."""

    kind = 'joint_position'
    _unit = 'rad'

    relative: bool
    """Whether the default position is subtracted."""

    def _read(self, vector: RunnerVector) -> Sequence[int]:
        return self._joint_elements(vector, vector.sensors.joint_position)

    def offset(self, spec: PolicySpec) -> tuple[float, ...]:
        """Return the default position where the term is relative to it."""
        defaults = dict(zip(spec.joints, spec.default_position, strict=True))
        return tuple(
            defaults[name] if self.relative and name not in self.masked else 0.0
            for name in self.joint_names(spec.joints)
        )


@dataclass(frozen=True, kw_only=True)
class JointVelocity(JointTerm):
    """Joint velocities in [rad]/[s]."""

    kind = 'joint_velocity'
    _unit = 'rad/s'

    def _read(self, vector: RunnerVector) -> Sequence[int]:
        return self._joint_elements(vector, vector.sensors.joint_velocity)


@dataclass(frozen=True, kw_only=True)
class LastAction(Term):
    """Network output of the step before, after its clip, before its scale; zeros at reset."""

    kind = 'last_action'
    source = 'network'

    def element_names(self, spec: PolicySpec) -> tuple[str, ...]:
        """Return the joints that the action moves, or numbered choices."""
        if spec.outputs.action.choices is None:
            return spec.action_joints
        return tuple(f'choice {index}' for index in range(spec.act_dim))

    def _read(self, vector: RunnerVector) -> Sequence[int]:
        return _elements(vector.last_action)


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What the gait clock does while the robot is commanded to stand."""

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
    source = 'clock'

    frequency: float
    """In [Hz]."""
    offsets: tuple[float, ...]
    """One phase per leg, in [rad]."""
    components: tuple[Literal['cos', 'sin'], ...]
    """In tensor order: all legs of the first, then all of the next."""
    advance: Literal['before', 'after']
    """Whether the clock advances before its use (first k is 1) or after it (first k is 0)."""
    standing: Standing | None = None

    @property
    def _names(self) -> tuple[str, ...]:
        legs = range(len(self.offsets))
        return tuple(f'{component} {leg}' for component in self.components for leg in legs)

    @property
    def needs_command(self) -> bool:
        """Whether the clock stops while the robot stands."""
        return self.standing is not None

    def _read(self, vector: RunnerVector) -> Sequence[int]:
        return _elements(vector.phases[self])

    def _check(self, joints: tuple[str, ...]) -> None:
        if not self.frequency > 0.0:
            raise ConfigError(f'frequency is {self.frequency} Hz, expected above 0 Hz')
        if not self.offsets or not self.components:
            raise ConfigError('offsets and components are empty, expected at least one of each')


@dataclass(frozen=True, kw_only=True)
class External(Term):
    """An array from another topic."""

    kind = 'external'

    topic: str
    width: int
    """Number of elements."""
    message: str = 'Float32MultiArray'
    """A PoseStamped gives seven numbers: position x, y, z in [m], then the orientation. Any other
    type, such as geometry_msgs/msg/WrenchStamped, is for recordings only.
    """
    field: str = ''
    """Path of the numbers in a message of any other type, such as wrench.force or data[0]."""
    quaternion: Literal['xyzw', 'wxyz'] = 'xyzw'
    """Order of a PoseStamped's orientation in the tensor; the message has xyzw."""
    max_age: float = 0.0
    """Age in [s] above which it is stale; 0: never."""

    @property
    def is_offline(self) -> bool:
        """Whether only recordings can supply it."""
        return self.message not in ONLINE_MESSAGES

    @property
    def _names(self) -> tuple[str, ...]:
        return _numbered(self.width)

    @property
    def origin(self) -> str:
        """The topic."""
        return self.topic

    def dim(self, spec: PolicySpec) -> int:
        """Return the width."""
        return self.width

    def _read(self, vector: RunnerVector) -> Sequence[int]:
        found = _elements(vector.sensors.external(self.topic))
        if len(found) != self.width:
            raise ConfigError(
                f'external {self.topic!r} has width {self.width}, expected {len(found)} as in '
                'the sensor layout'
            )
        return [*found[:3], found[6], *found[3:6]] if self.quaternion == 'wxyz' else found

    def _check(self, joints: tuple[str, ...]) -> None:
        _check_width(self.width)
        if self.is_offline and not _TYPE.fullmatch(self.message):
            raise ConfigError(
                f'message is {self.message!r}, expected {" or ".join(ONLINE_MESSAGES)}, or for '
                'recordings a type such as geometry_msgs/msg/WrenchStamped'
            )
        if self.is_offline and not _FIELD.fullmatch(self.field):
            raise ConfigError(
                f'field is {self.field!r}, expected a path in {self.message} such as a.b[0]'
            )
        if not self.is_offline and self.field:
            raise ConfigError(
                f'field is {self.field!r}, expected none for {self.message}: all its numbers are '
                'read'
            )
        if self.message == 'PoseStamped' and self.width != 7:
            raise ConfigError(f'width is {self.width}, expected 7 for a PoseStamped')
        if self.message != 'PoseStamped' and self.quaternion != 'xyzw':
            raise ConfigError('quaternion is wxyz, expected it only for a PoseStamped')
        if not self.topic:
            raise ConfigError('topic is empty, expected a topic name')
        if not self.max_age >= 0.0:
            raise ConfigError(f'max_age is {self.max_age} s, expected at least 0 s')


@dataclass(frozen=True, kw_only=True)
class Constant(Term):
    """Numbers that never change, such as the parameters of a gait.

    The term reads the zero element and subtracts the negative of its values.
    """

    kind = 'constant'
    source = 'spec'

    values: tuple[float, ...]

    @property
    def _names(self) -> tuple[str, ...]:
        return _numbered(len(self.values))

    def _read(self, vector: RunnerVector) -> Sequence[int]:
        return [vector.zero] * len(self.values)

    def offset(self, spec: PolicySpec) -> tuple[float, ...]:
        """Return the negative values."""
        return tuple(-value for value in self.values)

    def _check(self, joints: tuple[str, ...]) -> None:
        if not self.values:
            raise ConfigError('values is empty, expected at least one')


@dataclass(frozen=True, kw_only=True)
class Latent(Term):
    """Output of the encoder at this step; the encoder writes it into the tensor itself."""

    kind = 'latent'
    source = 'encoder'

    width: int
    """Number of elements."""

    @property
    def _names(self) -> tuple[str, ...]:
        return _numbered(self.width)

    def dim(self, spec: PolicySpec) -> int:
        """Return the width."""
        return self.width

    def _read(self, vector: RunnerVector) -> Sequence[int]:
        return [vector.zero] * self.width

    def _check(self, joints: tuple[str, ...]) -> None:
        _check_width(self.width)
        if self.scale != 1.0 or self.clip is not None:
            raise ConfigError('latent has a scale or a clip, expected neither')


def _elements(segment: slice) -> range:
    return range(segment.start, segment.stop)


def _numbered(width: int) -> tuple[str, ...]:
    return tuple(map(str, range(width)))


def _check_width(width: int) -> None:
    if not 1 <= width <= MAX_WIDTH:
        raise ConfigError(f'width is {width}, expected 1 to {MAX_WIDTH}')
