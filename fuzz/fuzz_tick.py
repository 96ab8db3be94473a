# Copyright 2026 The distill_runtime Authors
# SPDX-License-Identifier: Apache-2.0
"""Send a million damaged messages to a walking robot, see support.damaged_messages.

PYTHONPATH=test python fuzz/fuzz_tick.py [--messages N] [--seed N]

A violated property ends the run; the same seed reproduces it at the same message.
"""

from __future__ import annotations

import argparse
import time
import warnings

from support.damaged_messages import Bombardment


def main() -> None:
    """Send damaged messages, half of them with a stamped cmd_vel, and print the outcome."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument('--messages', type=int, default=1_000_000)
    parser.add_argument('--seed', type=int, default=0)
    args = parser.parse_args()
    warnings.simplefilter('error', RuntimeWarning)  # of numpy: overflow, NaN
    for has_stamped_command in (False, True):
        bombardment = Bombardment(args.seed, has_stamped_command)
        begin = time.monotonic()
        try:
            while 2 * bombardment.messages < args.messages:
                bombardment.advance()
        except BaseException:
            print(f'at message {bombardment.messages} of seed {args.seed}')
            raise
        counts = bombardment.counts
        print(
            f'{bombardment.messages} damaged messages in {counts.total()} ticks, '
            f'{time.monotonic() - begin:.0f} s; the policy ran {bombardment.policy_steps} times'
        )
        print('  ' + ', '.join(f'{code or "no reason"} {n}' for code, n in counts.most_common()))


if __name__ == '__main__':
    main()
