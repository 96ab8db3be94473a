# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Write results as JUnit XML for continuous integration."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
import re
from typing import NamedTuple
from xml.etree import ElementTree as ET

_NOT_XML = re.compile('[^\t\n\r\x20-\ud7ff\ue000-\ufffd]')


class Suite(NamedTuple):
    """A test suite: related cases."""

    name: str
    cases: Sequence[tuple[str, str, str]]
    """Class, name and failure message of each case; '' if it passed."""
    facts: Mapping[str, str]
    """Properties of the suite."""


def junit_xml(suites: Iterable[Suite]) -> str:
    """Return the XML document."""
    root = ET.Element('testsuites')
    for suite in suites:
        element = ET.SubElement(root, 'testsuite', name=_clean(suite.name))
        properties = ET.SubElement(element, 'properties')
        for name, value in suite.facts.items():
            ET.SubElement(properties, 'property', name=_clean(name), value=_clean(value))
        for group, name, problem in suite.cases:
            case = ET.SubElement(element, 'testcase', classname=_clean(group), name=_clean(name))
            if problem:
                ET.SubElement(case, 'failure', message=_clean(problem)).text = _clean(problem)
    for element in (root, *root):
        for key, tag in (('tests', 'testcase'), ('failures', 'failure')):
            element.set(key, str(len(list(element.iter(tag)))))
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, "unicode")}\n'


def _clean(text: str) -> str:
    """Replace characters that XML does not allow."""
    return _NOT_XML.sub('\ufffd', text)
