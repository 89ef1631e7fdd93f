"""Stands in for the engine in `soak_tui.py` and `bench_tui.py`: writes a log, no more.

    python slow_engine.py run JOB_DIR

Lines a second and minutes come from SLOW_LINES and SLOW_MINUTES.
"""

import json
import os
import sys
import time
from pathlib import Path

job = Path(sys.argv[2])
lines_a_second = float(os.environ.get("SLOW_LINES", "5"))
total = int(60 * float(os.environ.get("SLOW_MINUTES", "60")) * lines_a_second)
began = time.time()
said = 0.0
for done in range(1, total + 1):
    print(
        f" ++ micrograph {done} of {total}: {90 + 7 * done % 60} particles", flush=True
    )
    if time.time() - said > 0.5:
        said = time.time()
        record = {"t": said, "kind": "step", "done": done, "total": total}
        record |= {"unit": "micrographs", "started_at": began}
        with (job / "progress.jsonl").open("a") as file:
            file.write(json.dumps(record) + "\n")
    time.sleep(max(0.0, began + done / lines_a_second - time.time()))
(job / "RELION_JOB_EXIT_SUCCESS").touch()
