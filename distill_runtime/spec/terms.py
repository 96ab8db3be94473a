# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""The observation terms of a spec: what each reads, and how wide it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from distill_runtime.errors import ConfigError

from .term import check_length_or_steps as check_length_or_steps
from .term import Term as Term
from .term import TermHistory as TermHistory
from .term import TERMS as TERMS


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
