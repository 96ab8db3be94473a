# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Small scenes and robots for tests of the simulator."""

from __future__ import annotations

from types import SimpleNamespace

from distill_runtime.core.modes import Mode
from distill_runtime.core.sensors import SensorLayout
from distill_runtime.sim.robot import SimRobot
from distill_runtime.sim.scene import load_scene, SceneConfig
import numpy as np

from .specs import make_spec

QUADRUPED_JOINTS = tuple(
    f'{leg}_{joint}_joint'
    for leg in ('FR', 'FL', 'RR', 'RL')
    for joint in ('hip', 'thigh', 'calf')
)
QUADRUPED_POSE = (0.1, 0.9, -1.8, -0.1, 0.9, -1.8) * 2

ARM = """
<mujoco>
  <option timestep="0.001"/>
  <default>{defaults}</default>
  <worldbody>
    <body name="upper" pos="0 0 1">
      <joint name="shoulder" axis="0 1 0" damping="0.7" frictionloss="0.2" {shoulder}/>
      <geom type="capsule" fromto="0 0 0 0.3 0 0" size="0.02" mass="1"/>
      <body name="lower" pos="0.3 0 0">
        <joint name="elbow" axis="0 1 0" damping="0.7"/>
        <geom type="capsule" fromto="0 0 0 0.3 0 0" size="0.02" mass="0.5"/>
      </body>
    </body>
  </worldbody>
  <actuator>{actuators}</actuator>
  {more}
</mujoco>
"""
"""Two hinges on a fixed base."""

BOX = """
<mujoco>
  <option timestep="0.002" iterations="1"/>
  <worldbody>
    {floor}
    <body name="base" pos="1 2 3" quat="0 0 0 1">
      <freejoint/>
      {site}
      <geom type="box" size="0.2 0.1 0.05" mass="2"/>
      <body name="arm" pos="0.2 0 0">
        <joint name="hinge" axis="0 1 0" range="-2 2"/>
        <geom type="capsule" fromto="0 0 0 0 0 -0.3" size="0.02" mass="0.2"/>
      </body>
    </body>
  </worldbody>
</mujoco>
"""
"""A floating box with one leg."""


def arm(**fields):
    """Return the arm scene with some fields filled in."""
    return ARM.format(**{'defaults': '', 'shoulder': '', 'actuators': '', 'more': '', **fields})


def box(**fields):
    """Return the box scene with some fields filled in."""
    return BOX.format(**{'floor': '', 'site': '', **fields})


def driven(names, mode='position', effort=None, **changes):
    """Return the spec of a policy for some joints with gains, in the default pose zero."""
    limits = {} if effort is None else {'limits': {'effort': list(effort)}}
    fields = {
        'default_position': [0.0] * len(names),
        'stiffness': [20.0] * len(names),
        'damping': [0.5] * len(names),
    }
    fields = {key: value for key, value in {**fields, **changes}.items() if value is not None}
    return make_spec(joints=list(names), mode=mode, **limits, **fields)


def quadruped(layout_joints=QUADRUPED_JOINTS, **changes):
    """Return the shipped robot."""
    fields = {'default_position': QUADRUPED_POSE, 'stiffness': [35.0] * 12, **changes}
    scene = load_scene(SceneConfig(), driven(QUADRUPED_JOINTS, **fields))
    return SimRobot(scene, SensorLayout(joints=layout_joints))


class Standing:
    """A controller with a constant command, by default the quadruped's default pose."""

    control_period_ns = 20_000_000

    def __init__(self, command=QUADRUPED_POSE, mode=Mode.POLICY, reason='', sends=True):
        self.command = np.array(command, dtype=np.float64)
        self.mode = mode
        self.reason = reason
        self.sends = sends
        self.seen = []

    def reset(self):
        """Clear the recorded inputs."""
        self.seen.clear()

    def step(self, sensors, stamp_ns):
        """Record the inputs and return the command."""
        self.seen.append((stamp_ns, sensors.values.copy(), sensors.joint_stamp_ns))
        return SimpleNamespace(
            command=self.command, mode=self.mode, reason=self.reason, sends=self.sends
        )
