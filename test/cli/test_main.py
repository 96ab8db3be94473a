# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import argparse
import ast
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
import subprocess
import sys

from distill_runtime.cli.main import COMMANDS, main, make_parser
from distill_runtime.errors import ConfigError
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
SOURCES = [
    path
    for folder in ('benchmarks', 'distill_runtime', 'fuzz')
    for path in sorted((REPOSITORY / folder).rglob('*.py'))
]
STACKS = {'mujoco', 'numpy', 'onnx', 'onnxruntime', 'rclpy', 'rich', 'torch', 'yaml'}


def help_of(capsys, *words):
    with pytest.raises(SystemExit) as error:
        main([*words, '--help'])
    assert error.value.code == 0
    return capsys.readouterr().out


def test_help_lists_every_command_and_the_version_is_that_of_the_package(capsys):
    text = help_of(capsys)
    for name, line in COMMANDS.items():
        assert f'{name} ' in text
        assert line[:40] in text
    with pytest.raises(SystemExit, match='0'):
        main(['--version'])
    assert capsys.readouterr().out == f'distill-runtime {version("distill_runtime")}\n'


@pytest.mark.parametrize('command', COMMANDS)
def test_help_of_a_command_has_examples(capsys, command):
    text = help_of(capsys, command)
    assert 'examples:' in text
    assert f'distill-runtime {command}' in text
    assert 'exit status: 0' in text
    assert make_parser().format_help() == make_parser(command).format_help()
    assert import_module(f'distill_runtime.cli.{command}').__doc__


@pytest.mark.parametrize('words', [['fly'], ['fly', '--json', '-'], [], ['--fast'], ['--vers']])
def test_wrong_usage_is_2(capsys, words):
    with pytest.raises(SystemExit) as error:
        main(words)
    assert error.value.code == 2
    assert 'usage: distill-runtime' in capsys.readouterr().err


@pytest.mark.parametrize('words', [['--help'], ['check', '--help'], ['run', '--help']])
def test_help_loads_no_stack(words):
    program = (
        'import sys\n'
        'from distill_runtime.cli.main import main\n'
        'try:\n'
        f'    main({words})\n'
        'finally:\n'
        '    print(*{name.partition(".")[0] for name in sys.modules}, file=sys.stderr)\n'
    )
    result = subprocess.run(
        [sys.executable, '-c', program], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert set(result.stderr.split()) & STACKS == set()


def parsers(parser):
    """Yield a parser and all below it."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for child in action.choices.values():
                yield from parsers(child)


@pytest.mark.parametrize('command', COMMANDS)
def test_no_option_takes_a_variable_number_of_values(command):
    options = [
        (option, action.nargs)
        for parser in parsers(make_parser(command))
        for action in parser._actions
        for option in action.option_strings
    ]
    assert [entry for entry in options if entry[1] in ('*', '+', '?', argparse.REMAINDER)] == []


def test_abbreviated_option_is_refused(capsys):
    for words in (['check', 'a.onnx', '--rob', 'x'], ['bag', 'info', 'walk', '--js', '-']):
        with pytest.raises(SystemExit) as error:
            main(words)
        assert error.value.code == 2
        assert f'unrecognized arguments: {words[-2]}' in capsys.readouterr().err


@pytest.mark.parametrize('path', SOURCES, ids=lambda path: str(path.relative_to(REPOSITORY)))
def test_no_parser_allows_abbreviations(path):
    tree = ast.parse(path.read_text())
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    made = [
        call
        for call in calls
        if ast.unparse(call.func).rpartition('.')[2] in ('ArgumentParser', 'add_parser')
    ]
    for call in made:
        keywords = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        assert keywords.get('allow_abbrev') == 'False', f'line {call.lineno}'


@pytest.mark.needs('data')
@pytest.mark.parametrize('words', [['bag', 'info', 'BAG'], ['check', 'MODEL', '--bag', 'BAG']])
def test_missing_extra_is_named(words, model, bag, capsys, monkeypatch):
    for name in list(sys.modules):
        if name.startswith(
            ('rosbags', 'distill_runtime.data', 'distill_runtime.cli.check_output.bag')
        ):
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, 'rosbags.highlevel', None)
    paths = {'BAG': str(bag), 'MODEL': str(model)}
    assert main([paths.get(word, word) for word in words]) == 2
    assert 'pip install "distill_runtime[bags]"' in capsys.readouterr().err


@pytest.mark.parametrize(
    ('error', 'status', 'message'),
    [
        (KeyboardInterrupt(), 130, 'interrupted'),
        (ConfigError('model is 1, expected 2'), 2, 'model is 1, expected 2'),
    ],
)
def test_interrupt_and_refusal_are_one_line(error, status, message, capsys, monkeypatch):
    def fail(args):
        raise error

    monkeypatch.setattr('distill_runtime.cli.check.run', fail)
    assert main(['check', 'a.onnx']) == status
    assert capsys.readouterr().err == f'distill-runtime: {message}\n'
