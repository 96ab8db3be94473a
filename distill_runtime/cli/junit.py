# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Results as JUnit XML, which continuous integration shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
import re
from xml.etree import ElementTree as ET

_NOT_XML = re.compile('[^\t\n\r\x20-\ud7ff\ue000-\ufffd]')


def junit_xml(suite: str, cases: Iterable[tuple[str, str, str]], facts: Mapping[str, str]) -> str:
    """Return the file.

    Args:
        suite: Name of the suite.
        cases: Class, name and what is wrong, '' for nothing.
        facts: Name and value of properties.
    """
    root = ET.Element('testsuites')
    element = ET.SubElement(root, 'testsuite', name=_clean(suite))
    properties = ET.SubElement(element, 'properties')
    for name, value in facts.items():
        ET.SubElement(properties, 'property', name=_clean(name), value=_clean(value))
    num_cases = num_failures = 0
    for group, name, problem in cases:
        case = ET.SubElement(element, 'testcase', classname=_clean(group), name=_clean(name))
        num_cases += 1
        if problem:
            num_failures += 1
            ET.SubElement(case, 'failure', message=_clean(problem)).text = _clean(problem)
    for counted in (root, element):
        counted.set('tests', str(num_cases))
        counted.set('failures', str(num_failures))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, "unicode")}\n'


def _clean(text: str) -> str:
    """Replace what XML has no form for."""
    return _NOT_XML.sub('\ufffd', text)
