# SPDX-License-Identifier: Apache-2.0
"""``python -m ferry secret`` prints a fresh secret; ``python -m ferry library`` where the library is."""

import sys

import ferry

if sys.argv[1:] == ["secret"]:
    print(ferry.new_secret())
elif sys.argv[1:] == ["library"]:
    print(ferry.library)
else:
    sys.exit("usage: python -m ferry secret | library")
