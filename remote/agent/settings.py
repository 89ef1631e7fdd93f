"""What the cluster's site and the project have to say about how jobs run.

What the site allows the agent itself is in `limits`.
"""

import os
from typing import Any, Dict

from remote.agent.verbs import Request, verb

SITE_VARIABLE = "CRYODECK_SITE_JOBS"
SITE = "/etc/cryodeck/jobs.toml"
PROJECT = "cryodeck.toml"
LARGEST_BYTES = 1 << 16


@verb()
def layers(request: Request) -> Dict[str, Any]:
    """The site's and the project's settings as texts, and RELION's variables here."""
    return {
        "site": _text(os.environ.get(SITE_VARIABLE) or SITE),
        "project": _text(request.path(PROJECT)),
        "environment": {k: v for k, v in os.environ.items() if k.startswith("RELION_")},
    }


def _text(path: str) -> Dict[str, str]:
    """A file's path and text; an empty text if there is none that can be read."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            return {"path": path, "text": file.read(LARGEST_BYTES)}
    except OSError:
        return {"path": path, "text": ""}
