# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""config/sros2/policy.xml says what student_node does: no less, no more."""

from __future__ import annotations

from pathlib import Path
import select
import shutil
import subprocess
import time
import xml.etree.ElementTree as ET

import pytest
from sensor_msgs.msg import JointState
from std_msgs.msg import Float64MultiArray
from support.ros_harness import PATIENCE, student, wait_for
from support.ros_policies import JOINT_TERM, write_policy
from support.ros_program import program
from trajectory_msgs.msg import JointTrajectory

POLICY = Path(__file__).resolve().parents[2] / 'config' / 'sros2' / 'policy.xml'
ENCLAVE = '/distill_runtime/student_node'
COMMANDS = {
    'joint_state': JointState,
    'position_array': Float64MultiArray,
    'trajectory': JointTrajectory,
    'effort': JointState,
}
SINCE_JAZZY = {'~/get_type_description'}
NO_SECURITY = ("doesn't have the security libraries", 'does not have security support')
"""What Fast DDS and Cyclone DDS say that were built without it."""
KINDS = ('publish', 'subscribe', 'reply', 'request')


def allowed():
    """Return the names in the policy by what is allowed with them."""
    names = {kind: set() for kind in KINDS}
    for group in ET.parse(POLICY).getroot().iter():
        for kind in KINDS:
            if group.get(kind) == 'ALLOW':
                names[kind] |= {entry.text for entry in group}
    return names


def used(node):
    """Return the names of all that a node has in the graph, as the policy writes them."""
    who = node.get_name(), node.get_namespace()
    own = node.get_fully_qualified_name()
    lists = (
        node.get_publisher_names_and_types_by_node(*who),
        node.get_subscriber_names_and_types_by_node(*who),
        node.get_service_names_and_types_by_node(*who),
        node.get_client_names_and_types_by_node(*who),
    )
    return {
        kind: {
            name.replace(own, '~').removeprefix(f'{node.get_namespace()}/') for name, _ in entries
        }
        for kind, entries in zip(KINDS, lists, strict=True)
    }


def graph_of(ros, model, **parameters):
    """Return what an active student_node uses."""
    message_type = COMMANDS[parameters.get('command_type', 'joint_state')]
    with student(ros, model, message_type, publish_internals=True, **parameters) as rig:
        wait_for(lambda: '~/tick' in used(rig.node)['publish'])
        return used(rig.node)


@pytest.fixture(scope='module')
def graphs(ros, models):
    """Return what each kind of node uses."""
    terms = ('base_linear_velocity', 'velocity_command', 'projected_gravity')
    model = write_policy(models, JOINT_TERM, *({'term': term} for term in terms), name='full.onnx')
    options = [
        *({'command_type': command_type} for command_type in COMMANDS),
        {'trigger': 'joint_states', 'shadow': True},
        {'use_sim_time': True},
    ]
    return [graph_of(ros, model, **option) for option in options]


@pytest.mark.parametrize('kind', KINDS)
def test_policy_allows_what_some_node_uses_and_nothing_else(graphs, kind):
    names = set().union(*(names[kind] for names in graphs))
    assert names <= allowed()[kind], 'add what is missing to config/sros2/policy.xml'
    assert allowed()[kind] - names <= SINCE_JAZZY


def test_topic_of_an_external_term_has_to_be_added(ros, models):
    term = {'term': 'external', 'topic': '/height_scan', 'width': 3}
    names = graph_of(ros, write_policy(models, JOINT_TERM, term, name='scan.onnx'))
    assert names['subscribe'] - allowed()['subscribe'] == {'/height_scan'}


def test_policy_is_of_the_form_that_sros2_reads():
    root = ET.parse(POLICY).getroot()
    assert (root.tag, root.attrib) == ('policy', {'version': '0.2.0'})
    (enclave,) = root.iter('enclave')
    (profile,) = root.iter('profile')
    assert enclave.attrib == {'path': ENCLAVE}
    assert profile.attrib == {'ns': '/', 'node': 'student_node'}
    groups = [(group.tag, group.attrib) for group in profile]
    assert groups == [
        ('topics', {'subscribe': 'ALLOW'}),
        ('topics', {'publish': 'ALLOW'}),
        ('services', {'reply': 'ALLOW'}),
    ]
    for group in profile:
        assert {entry.tag for entry in group} == {group.tag.removesuffix('s')}


def test_sros2_accepts_the_policy():
    policy = pytest.importorskip('sros2.policy', reason='no sros2 here: an apt ROS 2 has it')
    assert policy.load_policy(POLICY).getroot().tag == 'policy'


def can_run(*words):
    return subprocess.run(words, capture_output=True).returncode == 0


@pytest.fixture
def enclave(tmp_path, monkeypatch):
    """Make the keys of the enclave as docs/security.md says, and enforce its policy."""
    # a ros2 without sros2 has no such verb, and says so with exit status 2
    if shutil.which('ros2') is None or not can_run('ros2', 'security', '--help'):
        pytest.skip('no ros2 security here, which makes keys: an apt ROS 2 has it')
    keystore = str(tmp_path / 'keystore')
    for words in (
        ['create_keystore', keystore],
        ['create_enclave', keystore, ENCLAVE],
        ['create_permission', keystore, ENCLAVE, str(POLICY)],
    ):
        subprocess.run(['ros2', 'security', *words], check=True, capture_output=True)
    monkeypatch.setenv('ROS_SECURITY_KEYSTORE', keystore)
    monkeypatch.setenv('ROS_SECURITY_ENABLE', 'true')
    monkeypatch.setenv('ROS_SECURITY_STRATEGY', 'Enforce')


def run_in_enclave(model, *words):
    """Run student_node until it is configured or ends; return its output."""
    words = ('--enclave', ENCLAVE, *words)
    lines, end = [], time.monotonic() + PATIENCE
    with program(*words, autostart=True, model=model) as process:
        while process.poll() is None and time.monotonic() < end:
            if select.select([process.stdout], [], [], 0.1)[0]:
                lines.append(process.stdout.readline())
            if any("policy 'small'" in line for line in lines):
                break
        process.kill()
        lines.append(process.communicate()[0])
    output = ''.join(lines)
    for line in output.splitlines():
        if any(text in line for text in NO_SECURITY):
            pytest.skip(f'this middleware has no DDS security: {line}')
    return output


def test_node_runs_in_its_enclave_and_reaches_nothing_else(enclave, model):
    assert "policy 'small'" in run_in_enclave(model)
    output = run_in_enclave(model, '-r', 'joint_command:=other_command')
    assert "policy 'small'" not in output
    assert 'configure ' in output
