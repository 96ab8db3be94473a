# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A runner under random disturbances, and the invariants of every tick."""

from __future__ import annotations

from dataclasses import replace

from distill_runtime.core.checks.registry import CHECK_ACTIONS, CHECKS, Finding
from distill_runtime.core.config import RunnerConfig
from distill_runtime.core.instance.policy_instance import PolicyInstance
from distill_runtime.core.limits import POSITION_LIMITS as LIMIT_KINDS
from distill_runtime.core.modes import Event, FAULT_ACTIONS, Mode
from distill_runtime.core.runner import PolicyRunner
from distill_runtime.core.sensors import InputProblem, NEVER, Sensors
from distill_runtime.core.swap.swap import Candidate, Swap, SwapOptions
from distill_runtime.spec.compile import compile_spec, sensor_layout
from hypothesis import strategies as st
import numpy as np

from .rig import COMMAND_TERM, FakePolicy, IMU_TERM, ODOMETRY_TERM, TICK_NS
from .specs import DEFAULT, JOINTS, make_spec

SCAN = {'term': 'external', 'topic': '/scan', 'width': 2, 'max_age': 0.3}
TERMS = (
    IMU_TERM,
    {'term': 'base_angular_velocity', 'trained_range': [-3.0, 3.0]},
    {'term': 'joint_position', 'relative': True, 'clip': [-2.0, 2.0]},
    {'term': 'joint_velocity', 'scale': 0.05},
    {'term': 'last_action'},
    ODOMETRY_TERM,
    COMMAND_TERM,
    SCAN,
)
ROBOT_JOINTS = ('other', 'ankle', 'hip', 'knee')
ORDERS = ((0, 1, 2), (2, 0, 1))
FRAMES = {'major': 'frame', 'order': 'oldest_first', 'fill': 'first'}
OTHERS = (
    {},
    {'history': {'length': 1}},
    {'action': {'scale': [0.05, -0.5, 4.0], 'offset': [0.0, 0.0, 0.0]}},
    {'action': {'joints': ['knee'], 'clip': [-2.0, 2.0]}, 'terms': TERMS[2:5]},
)
"""Changes of the specs of other policies."""
POSITION_LIMITS = [[-0.5, 0.9], [-0.2, 1.5], [-2.0, 0.25]]
VELOCITY_LIMITS = [10.0, 20.0, 30.0]
EFFORT_LIMITS = [20.0, 30.0, 10.0]
MODES = ('position', 'velocity', 'effort')
BOUNDS = {
    'position': POSITION_LIMITS,
    'velocity': [[-bound, bound] for bound in VELOCITY_LIMITS],
    'effort': [[-bound, bound] for bound in EFFORT_LIMITS],
}

# half of all numbers are any 64 bits: signalling NaN, subnormal, infinite, huge
any_bits = st.integers(0, 2**64 - 1).map(
    lambda bits: float(np.array([bits], np.uint64).view(np.float64)[0])
)
wild = st.floats(-5.0, 5.0) | any_bits | st.sampled_from([0.0, -0.0, 1e15, -1e300, np.inf, np.nan])
any_bits32 = st.integers(0, 2**32 - 1) | st.sampled_from([0x7FC00000, 0x7F800000, 0xFF800000])
outputs = st.lists(
    st.floats(-20.0, 20.0, width=32).map(lambda value: int(np.float32(value).view(np.uint32))),
    min_size=3,
    max_size=3,
)
stamps = (
    st.integers(-TICK_NS, 0)
    | st.integers(-(10**9), 10**9)
    | st.just(None)  # never sampled
    | st.integers(-(2**62), 2**62)
)
others = st.fixed_dictionaries(
    {
        'kind': st.integers(0, len(OTHERS) - 1),
        'order': st.sampled_from(ORDERS),
        'outputs': st.lists(
            outputs | st.lists(any_bits32, min_size=3, max_size=3), min_size=1, max_size=3
        ),
    }
)
swaps = st.fixed_dictionaries(
    {
        'other': others,
        'options': st.builds(
            SwapOptions,
            blend_time=st.sampled_from([0.0, 0.02, 0.2]),
            shadow_time=st.sampled_from([0.0, 0.0, 0.06]),
            max_divergence=st.sampled_from([0.0, 0.0, 0.5]),
            probation_time=st.sampled_from([0.0, 0.1, 5.0]),
        ),
        'returns': st.booleans(),
    }
)
findings = st.lists(
    st.sampled_from(sorted(CHECKS)).map(lambda check: Finding(check, f'{check}.found: outside')),
    max_size=2,
)
disturbances = {
    'dt': st.integers(-(10**9), 10**10),
    'sensors': st.dictionaries(st.integers(0, 22), wild, min_size=1, max_size=4),
    'stamps': st.dictionaries(
        st.sampled_from(['joint', 'imu', 'odometry', 'command', 'external']), stamps, min_size=1
    ),
    'output': st.lists(any_bits32, min_size=3, max_size=3),
    'events': st.lists(st.sampled_from(Event), min_size=1, max_size=2),
    'outside': findings,
    'problem': st.sampled_from(
        [InputProblem('imu.cdr: short'), InputProblem('cmd_vel.cdr: short', check='')]
    ),
    'swap': swaps,
    'back': st.just(True),
    'may_shadow': st.booleans(),
}
INPUTS = {'sensors', 'stamps', 'problem'}
recovery = [{'events': [Event.RESET_FAULT]}, {'events': [Event.START]}]
# most ticks have one disturbance at most: with all at once the robot stays in its fault
ticks = (
    st.fixed_dictionaries({'output': outputs})
    | st.sampled_from(recovery)
    | st.one_of(*(st.fixed_dictionaries({name: kind}) for name, kind in disturbances.items()))
    | st.fixed_dictionaries({}, optional=disturbances)
)


@st.composite
def checks(draw):
    """Draw a table of checks with any actions and debounces."""
    table = {}
    for name, check in CHECKS.items():
        is_needed = name in ('input_age', 'action_value', 'estop')
        allowed = ['', *FAULT_ACTIONS] if is_needed else CHECK_ACTIONS
        table[name] = replace(
            check.default,
            action=draw(st.sampled_from(allowed)),
            debounce=draw(st.sampled_from([0.0, 0.02, 0.1])),
        )
    return table


configs = st.builds(
    RunnerConfig,
    ticks_per_step=st.integers(1, 3),
    interpolation=st.sampled_from(['hold', 'linear']),
    start_in=st.sampled_from(['standby', 'policy']),
    ramp_time=st.sampled_from([0.0, 0.1, 2.0]),
    stop_deceleration=st.sampled_from([0.0, 1.0, 100.0]),
    stop_timeout=st.sampled_from([0.0, 0.1, 5.0]),
    fault_action=st.sampled_from(FAULT_ACTIONS),
    escalation_time=st.sampled_from([0.0, 0.05, 1.0]),
    start_pose_limit=st.sampled_from([0.0, 0.5]),
    torque_limit=st.sampled_from([0.0, 0.5, 1.0]),
    position_limits=st.sampled_from(LIMIT_KINDS),
    max_joint_step=st.sampled_from([0.0, 0.05, 1.0]),
    checks=checks(),
)


def robot_spec(modes, order=ORDERS[0], terms=TERMS, **changes):
    """Return the spec of a policy that has the joints in some order."""

    def ordered(values):
        return [values[index] for index in order]

    return make_spec(
        *terms,
        **{
            'joints': ordered(JOINTS),
            'default_position': ordered(DEFAULT),
            'limits': {
                'position': ordered(POSITION_LIMITS),
                'velocity': ordered(VELOCITY_LIMITS),
                'effort': ordered(EFFORT_LIMITS),
            },
            'stiffness': ordered([20.0, 60.0, 30.0]),
            'damping': ordered([0.5, 2.0, 0.0]),
            'command': {'lower': [-1.0, -1.0, -1.0], 'upper': [1.0, 1.0, 1.0]},
            'history': {'length': 2, **FRAMES},
            'mode': ordered(modes),
            **changes,
        },
    )


class Machine:
    """A runner, its disturbances, and the invariants of every tick."""

    def __init__(self, config, modes):
        spec = robot_spec(modes)
        compiled = compile_spec(spec, sensor_layout(spec, ROBOT_JOINTS))
        self.modes = modes
        self.policy = FakePolicy(compiled, 0.0)
        self.runner = PolicyRunner(compiled, self.policy, config)
        self.swaps = []
        self.sensors = Sensors(compiled.layout)
        for name, value in zip(spec.joints, DEFAULT, strict=True):
            self.sensors.joint_position[compiled.layout.joints.index(name)] = value
        self.valid = self.sensors.values.copy()
        bounds = np.array([BOUNDS[mode][joint] for joint, mode in enumerate(modes)])
        self.lower, self.upper = bounds.T
        is_position = np.array([mode == 'position' for mode in modes])
        self.max_step = np.where(is_position, config.max_joint_step or np.inf, np.inf)
        self.now = 10**9
        self.previous = None

    def tick(self, dt=TICK_NS, output=(0, 0, 0), events=(), outside=(), **rest):
        """Disturb the runner, step, and check the step."""
        self.now += dt
        self.receive(**{name: rest.pop(name) for name in INPUTS & rest.keys()})
        self.change(**rest)
        bits = np.array(output, np.uint32)
        self.policy.output = bits.view(np.float32)
        self.runner.caller_findings = outside
        was = self.runner.mode
        taken = {event for event in events if self.runner.request(event)[0]}
        step = self.runner.step(self.sensors, self.now)
        self.check(step)
        if was is Mode.FAULT and step.mode is not Mode.FAULT:
            assert Event.RESET_FAULT in taken
        return step

    def receive(self, sensors=(), stamps=(), problem=None):
        """Write samples and stamps, all valid but those given."""
        self.sensors.values[:] = self.valid
        for element, value in dict(sensors).items():
            self.sensors.values[element] = value
        ages = dict(stamps)
        absolute = {
            name: NEVER if ages.get(name, 0) is None else self.now + ages.get(name, 0)
            for name in ('joint', 'imu', 'odometry', 'command', 'external')
        }
        self.sensors.external_stamps_ns = [absolute.pop('external')]
        for name, stamp_ns in absolute.items():
            setattr(self.sensors, f'{name}_stamp_ns', stamp_ns)
        self.sensors.problem = problem

    def instance(self, kind, order, outputs):
        """Return another policy with a cycle of outputs."""
        spec = robot_spec(self.modes, order, **OTHERS[kind])
        layout, width = self.runner.compiled.layout, len(spec.action_joints)
        compiled = compile_spec(spec, layout, JOINTS)
        values = [np.array(bits, np.uint32).view(np.float32)[:width] for bits in outputs]
        policy = FakePolicy(compiled, lambda run: values[run % len(values)])
        return PolicyInstance(compiled, policy, self.runner.config.checks)

    def change(self, swap=None, back=False, may_shadow=None):
        """Swap and roll back policies."""
        switcher, config = self.runner.switcher, self.runner.config
        if may_shadow is not None:
            switcher.may_shadow = may_shadow
        if back:
            switcher.request_rollback('requested by a test')
        if swap is None:
            return
        instance, options = None, swap['options']
        if swap['returns'] and switcher.previous and not switcher.follows_previous(self.now):
            instance = switcher.previous.instance
        candidate = Candidate(
            instance or self.instance(**swap['other']), config, options.max_divergence
        )
        offered = Swap(candidate, options)
        if not switcher.is_swapping:
            offered.prime(switcher.history.copy())
            assert switcher.offer(offered)
            self.swaps.append(offered)

    def check(self, step):
        """Assert the invariants of a step."""
        assert np.all(np.isfinite(step.observation))
        assert np.all(np.isfinite(step.target))
        assert (step.mode is Mode.FAULT) == bool(self.runner.fault)
        assert step.reason or step.mode is not Mode.FAULT
        if not step.sends:
            self.previous = None
            return
        command = step.command
        assert np.all(np.isfinite(command))
        lower, upper = self.bounds_of(step)
        assert np.all((lower <= command) & (command <= upper))
        if self.previous is not None:
            is_near = np.abs(command - self.previous) <= self.max_step + 1e-12
            is_back = np.clip(self.previous, self.lower, self.upper) != self.previous
            assert np.all(is_near | is_back)  # out of the range a soft limit may call a joint back
        self.previous = command.copy()

    def bounds_of(self, step):
        """Return the bounds of a command; soft limits depend on the measured joint."""
        wanted = self.runner.config.position_limits
        is_position = np.array(self.modes) == 'position'
        if wanted == 'off':
            return (
                np.where(is_position, -np.inf, self.lower),
                np.where(is_position, np.inf, self.upper),
            )
        if wanted == 'clip' or not step.mode.runs_policy:
            return self.lower, self.upper
        measured = self.runner.joint_position
        lower = np.where(self.lower < measured, -np.inf, measured)
        upper = np.where(measured < self.upper, np.inf, measured)
        return (
            np.where(is_position, lower, self.lower),
            np.where(is_position, upper, self.upper),
        )


joint_modes = st.just(('position',) * 3) | st.tuples(*[st.sampled_from(MODES)] * 3)
