# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from xml.etree import ElementTree as ET

from distill_runtime.cli.terminal.junit import junit_xml, Suite


def test_document_has_cases_failures_and_properties():
    text = junit_xml([Suite('s', [('a', 'good', ''), ('a', 'bad', 'is <wrong>')], {'model': 'x'})])
    root = ET.fromstring(text)
    assert (root.get('tests'), root.get('failures')) == ('2', '1')
    good, bad = root.iter('testcase')
    assert good.find('failure') is None
    assert bad.find('failure').get('message') == 'is <wrong>'
    assert next(root.iter('property')).get('value') == 'x'


def test_characters_that_xml_forbids_are_replaced():
    root = ET.fromstring(junit_xml([Suite('s', [('a', 'b\x00', 'c\x1b[1m')], {})]))
    assert next(root.iter('testcase')).get('name') == 'b\ufffd'


def test_counts_are_per_suite_and_in_total():
    bad, good = ('a', 'b', 'is wrong'), ('a', 'c', '')
    root = ET.fromstring(junit_xml([Suite('one', [bad, good], {}), Suite('two', [bad], {})]))
    assert (root.get('tests'), root.get('failures')) == ('3', '2')
    assert [(suite.get('name'), suite.get('tests'), suite.get('failures')) for suite in root] == [
        ('one', '2', '1'),
        ('two', '1', '1'),
    ]
