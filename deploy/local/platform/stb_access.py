"""The portal client of the simulated box, for checks of the platform itself."""

import sys

from run_dir import DEPLOY

sys.path.append(str(DEPLOY / "local" / "stb"))

from portal import Portal, PortalError  # noqa: E402,F401  (after the path it is found on)
