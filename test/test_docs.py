# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Links, commands, make targets, paths and classes that the pages name exist."""

from __future__ import annotations

from pathlib import Path
import re
import shlex

from distill_runtime.cli.main import COMMANDS, make_parser
import pytest

REPOSITORY = Path(__file__).resolve().parents[1]
PAGES = {
    path.relative_to(REPOSITORY).as_posix(): path.read_text()
    for path in (
        *sorted(REPOSITORY.glob('*.md')),
        *sorted(REPOSITORY.glob('docs/*.md')),
        *sorted(REPOSITORY.glob('*/README.md')),
    )
}
GUIDES = ('CONTRIBUTING.md', 'docs/architecture.md')
FOLDERS = ('', 'distill_runtime', 'test/support')
"""Where a path of a guide starts."""


def spans(text):
    """Return what stands in backticks within a line."""
    return re.findall(r'`([^`\n]+)`', re.sub(r'```.*?```', '', text, flags=re.DOTALL))


def shell_lines(text):
    """Return the lines of shell blocks, continued ones joined, without comments."""
    blocks = re.findall(r'```sh\n(.*?)```', text, flags=re.DOTALL)
    lines = '\n'.join(blocks).replace('\\\n', ' ').splitlines()
    return [line.partition(' #')[0].strip() for line in lines]


CALLS = sorted(
    {
        line.partition('distill-runtime ')[2]
        for text in PAGES.values()
        for line in shell_lines(text)
        if re.search(r'(^|[ /])distill-runtime [a-z]', line)
    }
)
"""Arguments of every call in a shell block."""


@pytest.mark.parametrize('page', PAGES)
def test_links_lead_to_files(page):
    for link in re.findall(r'\]\(([^)#:]+)(?:#[^)]*)?\)', PAGES[page]):
        assert (REPOSITORY / page).parent.joinpath(link).exists(), link


@pytest.mark.parametrize('page', PAGES)
def test_commands_exist(page):
    code = '\n'.join([*shell_lines(PAGES[page]), *spans(PAGES[page])])
    assert set(re.findall(r'\bdistill-runtime ([a-z]+)', code)) <= COMMANDS.keys()


@pytest.mark.needs('cli')
@pytest.mark.parametrize('line', CALLS)
def test_options_of_commands_exist(line):
    words = shlex.split(line)
    make_parser(words[0]).parse_args(words)


@pytest.mark.parametrize('page', PAGES)
def test_make_targets_exist(page):
    text = ' '.join([*shell_lines(PAGES[page]), *spans(PAGES[page])])
    targets = re.findall(r'^([a-z-]+):', (REPOSITORY / 'Makefile').read_text(), re.MULTILINE)
    assert set(re.findall(r'\bmake ([a-z-]+)', text)) <= set(targets)


@pytest.mark.parametrize('page', GUIDES)
def test_guide_names_files_that_exist(page):
    for span in spans(PAGES[page]):
        if re.fullmatch(r'[a-z][a-z0-9_*/]*(/|\.py|/[a-z0-9_]+)(\.[a-z]+)?', span):
            assert any(list((REPOSITORY / folder).glob(span)) for folder in FOLDERS), span


@pytest.mark.parametrize('page', GUIDES)
def test_guide_names_classes_that_exist(page):
    sources = '\n'.join(path.read_text() for path in REPOSITORY.glob('distill_runtime/**/*.py'))
    classes = set(re.findall(r'^class (\w+)', sources, re.MULTILINE))
    names = re.findall(r'`((?:[A-Z][a-z]+){2,})(?:\.\w+)?`', PAGES[page])
    assert set(names) <= classes
