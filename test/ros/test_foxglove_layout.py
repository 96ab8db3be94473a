# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""config/foxglove_layout.json shows topics and fields that student_node has."""

from __future__ import annotations

from importlib import import_module
import json
from pathlib import Path
import re

from diagnostic_msgs.msg import DiagnosticArray
from distill_runtime.wire.tick_fields import tick_labels
import pytest
from support.ros_harness import student, wait_for
from support.ros_policies import write_policy

PAGE = json.loads(
    (Path(__file__).resolve().parents[2] / 'config' / 'foxglove_layout.json').read_text()
)
PANELS = PAGE['configById']
NODE = '/student_node'
CONTROL = f'{NODE}: control'
PLAIN = {'double', 'int64', 'string'}
"""Types that a panel can draw."""
PATHS = [
    (kind.partition('!')[0], path['value'], path['label'], path['timestampMethod'])
    for kind, panel in PANELS.items()
    for path in panel.get('paths', ())
]
PART = re.compile(r'\.(\w+)(?:\[(:|\d+)\])?(?:\{(\w+)=="([^"]*)"\})?')


@pytest.fixture(scope='module')
def topics(ros, models):
    """Return the types of the topics of a node with its default names, and a status of it."""
    model = write_policy(models, name='shown.onnx')
    with student(ros, model) as rig:
        who = rig.node.get_name(), rig.node.get_namespace()
        wait_for(lambda: rig.node.count_publishers(f'{who[1]}/student_node/tick'))
        found = dict(rig.node.get_publisher_names_and_types_by_node(*who))
        found |= dict(rig.node.get_subscriber_names_and_types_by_node(*who))
        status = rig.diagnose()
        own = rig.node.get_fully_qualified_name()
        names = (status.name.replace(own, NODE), status.hardware_id.replace(own, NODE))
        keys = {entry.key for entry in status.values}
    return {name.removeprefix(who[1]): types[0] for name, types in found.items()}, names, keys


def message_class(kind):
    package, _, name = kind.replace('/msg/', '/').partition('/')
    return getattr(import_module(f'{package}.msg'), name)


def field_type(kind, path):
    """Return the type at the end of a path; each part of it must be there."""
    assert ''.join(match.group() for match in PART.finditer(path)) == path, path
    for name, index, key, _ in PART.findall(path):
        fields = message_class(kind).get_fields_and_field_types()
        assert name in fields, f'{path}: {kind} has {list(fields)}'
        kind = fields[name]
        assert bool(index) == kind.startswith('sequence<'), f'{path}: {name} is {kind}'
        kind = kind.removeprefix('sequence<').removesuffix('>')
        assert not key or key in message_class(kind).get_fields_and_field_types(), path
    return kind


@pytest.mark.parametrize(('panel', 'path', 'label', 'method'), PATHS)
def test_every_path_ends_at_something_that_can_be_drawn(panel, path, label, method, topics):
    kinds, _, keys = topics
    topic, dot, rest = path.partition('.')
    assert topic in kinds, f'student_node has {sorted(kinds)}'
    kind = field_type(kinds[topic], dot + rest)
    assert kind in PLAIN - ({'string'} if panel == 'Plot' else set())
    has_header = 'header' in message_class(kinds[topic]).get_fields_and_field_types()
    assert method == ('headerStamp' if has_header and panel == 'Plot' else 'receiveTime')
    if topic == f'{NODE}/tick':
        assert tick_labels(())[int(re.search(r'\d+', rest).group())] == label
    for _, _, key, value in PART.findall(dot + rest):
        assert key != 'key' or value in keys
        assert key != 'name' or value == CONTROL


def test_panels_of_diagnostics_show_the_status_of_the_node(topics):
    kinds, (name, hardware), _ = topics
    assert (name, hardware) == (CONTROL, NODE)
    for kind, panel in PANELS.items():
        if kind.startswith('Diagnostic'):
            assert message_class(kinds[panel['topicToRender']]) is DiagnosticArray
    assert PANELS['DiagnosticStatusPanel!control']['selectedName'] == name
    assert PANELS['DiagnosticStatusPanel!control']['selectedHardwareId'] == hardware
    assert PANELS['DiagnosticSummary!all']['pinnedIds'] == [f'|{hardware[1:]}|{name}|']


def test_messages_that_are_shown_as_they_are_exist(topics):
    shown = [panel['topicPath'] for panel in PANELS.values() if 'topicPath' in panel]
    assert shown == [f'{NODE}/model']
    assert set(shown) <= set(topics[0])


def test_every_panel_is_on_a_tab_once():
    def panels_in(tree):
        if isinstance(tree, str):
            return [tree]
        assert tree['direction'] in ('row', 'column')
        assert 0 < tree['splitPercentage'] < 100
        return panels_in(tree['first']) + panels_in(tree['second'])

    assert PAGE['layout'] == 'Tab!student'
    tabs = PANELS['Tab!student']['tabs']
    placed = [panel for tab in tabs for panel in panels_in(tab['layout'])]
    assert sorted([*placed, 'Tab!student']) == sorted(PANELS)
