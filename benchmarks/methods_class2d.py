"""Full passes against mini-batches in 2D classification, from truth as they run.

    python benchmarks/methods_class2d.py SET {full,mini,mini_without_copies}
        [--classes 50] [--iterations 25] [--every 5] [--seed 1]

SET is a folder of class2d_set.py. Prints a JSON object per `--every` iterations: CPU
seconds so far and what quality_class2d.py measures. One thread, images in memory.
"""

import argparse
import json
import os
import sys
import time
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from class2d_set import BOX, PIXEL
from quality_class2d import Found, judge, read_truth

from engine.classification.batch import Optics
from engine.classification.mini_batches import enough_per_iteration
from engine.classification.optimizer import Optimizer
from engine.classification.sampling import Sampling
from engine.classification.state import Groups, Settings
from engine.parallel import Communicator
from engine.programs.image_store import ImageStore
from engine.programs.particle_set import read_particles


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("method", choices=["full", "mini", "mini_without_copies"])
    parser.add_argument("--classes", type=int, default=50)
    parser.add_argument("--iterations", type=int, default=25)
    parser.add_argument("--every", type=int, default=5)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    truth = read_truth(options.folder)
    os.chdir(options.folder)
    particles = read_particles("particles.star")
    store = ImageStore(particles)
    store.hold(np.arange(len(particles)))
    pixel = particles.pixel_size
    settings = Settings(
        n_classes=options.classes,
        n_iterations=options.iterations,
        tau_fudge=2,
        sampling=Sampling(),
        optics=Optics(pixel_size=pixel, radius_px=100 / pixel),
        offset_sigma_px=10 / pixel,
        seed=options.seed,
        batch_size=16,
        has_mini_batches=options.method != "full",
        mini_batches_per_iteration=enough_per_iteration(options.iterations),
        reseeds_classes=options.method == "mini",
    )
    groups = Groups(
        noise=particles.optics_index,
        scale=particles.group_index,
        astigmatism_angstrom=particles.astigmatism_angstrom,
    )
    optimizer = Optimizer(store, len(particles), groups, settings, Communicator())
    started = time.process_time()
    state = optimizer.start()
    seconds = time.process_time() - started
    for iteration in range(1, options.iterations + 1):
        started = time.process_time()
        state = optimizer.next(state)
        seconds += time.process_time() - started
        if iteration % options.every and iteration != options.iterations:
            continue
        found = {"iteration": iteration, "cpu_s": round(seconds, 1)}
        found |= {key: _rounded(v) for key, v in _quality(state, truth).items()}
        sys.stdout.write(json.dumps(found) + "\n")
        sys.stdout.flush()


def _quality(state, truth) -> dict:
    particles, model = state.particles, state.model
    shell = np.maximum(model.resolution_shells(), 1e-3)
    found = Found(
        label=particles.class_index + 1,
        psi=particles.psi_deg,
        offset=particles.offset_px[:, ::-1],
        averages=model.images,
        resolution=BOX * PIXEL / shell,
    )
    return judge(truth, found)


def _rounded(value):
    return None if value is None else round(float(value), 3)


if __name__ == "__main__":
    main()
