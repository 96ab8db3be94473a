# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""A page of headed sections on the terminal: plain text, coloured where rich is installed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
import shutil

STYLES = {'error': 'bold red', 'warning': 'yellow', 'info': 'cyan', 'good': 'bold green'}
"""What a line may be, and how rich shows it."""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A heading and what stands below it."""

    title: str
    lines: Sequence[str]
    styles: Sequence[str] = ()
    """One key of STYLES, or '', per line; none: all plain."""


def page_width() -> int:
    """Return the width to lay out for, in characters: the terminal's, or 110 without one."""
    return shutil.get_terminal_size((110, 40)).columns


def print_page(sections: Sequence[Section]) -> None:
    """Print sections with an empty line between them; the text is the same without rich."""
    try:
        from rich.console import Console
        from rich.text import Text
    except ImportError:
        for place, section in enumerate(sections):
            print(*([''] if place else []), section.title, *section.lines, sep='\n')
        return
    console = Console(highlight=False, soft_wrap=True)
    for place, section in enumerate(sections):
        console.print(*([Text('')] if place else []), Text(section.title, 'bold'), sep='\n')
        styles = section.styles or ('',) * len(section.lines)
        for line, style in zip(section.lines, styles, strict=True):
            console.print(Text(line, STYLES.get(style, '')))
