"""An iteration of 2D classification on a GPU, in seconds and against its matrix rate.

    python benchmarks/bench_class2d_gpu.py [--count 1000000] [--classes 50] [--box 64]
        [--iterations 3] [--device 0] [--rehearse]

Synthetic particles made on the fly: turned and moved images of as many smooth shapes as
there are classes, with CTF and noise, 4096 different ones that come again and again.
Tutorial settings (6 degrees, offset range 5). Counts the operations of every matrix
product as it happens and compares their rate with that of one large product on the same
device. `--rehearse` runs the same code with numpy, to see that it works (give it a
small --count). The result goes to standard output as JSON, the device's name in it.
"""

import argparse
import json
import math
import platform
import sys
import time

import numpy as np
from scipy import ndimage

from engine.arrays import device_count, to_device, use_device
from engine.classification.batch import Optics
from engine.classification.batched import bytes_per_particle
from engine.classification.optimizer import Optimizer
from engine.classification.sampling import Sampling
from engine.classification.state import Groups, Settings
from engine.ctf import Ctf, contrast_transfer
from engine.fourier.filters import lowpass
from engine.fourier.transforms import irfft2, rfft2
from engine.parallel import Communicator

PIXEL = 3.54
DIAMETER = 200.0
DIFFERENT = 4096
#: Signal's deviation over the noise's, before the CTF.
SIGNAL = 0.5


class Synthetic:
    """Images of `DIFFERENT` particles over and over, and their optics."""

    def __init__(self, box: int, classes: int, pixel: float) -> None:
        rng = np.random.default_rng(1)
        self.pixel, self._box = pixel, box
        shapes = rng.standard_normal((classes, box, box)).astype(np.float32)
        x = np.arange(box) - box // 2
        radius = DIAMETER / 2 / pixel
        inside = np.hypot(x[:, None], x) < 0.8 * radius
        shapes = lowpass(shapes, pixel, 15.0) * inside
        shapes *= SIGNAL / shapes[:, inside].std(axis=1)[:, None, None]
        self._defocus = rng.uniform(8000, 20000, DIFFERENT)
        ctf = contrast_transfer(self.ctf(np.arange(DIFFERENT)), (box, box), pixel)
        self._images = np.empty((DIFFERENT, box, box), dtype=np.float32)
        for i in range(DIFFERENT):
            turned = ndimage.rotate(
                shapes[i % classes], rng.uniform(0, 360), reshape=False, order=1
            )
            moved = ndimage.shift(turned, rng.uniform(-3, 3, 2), order=1)
            self._images[i] = irfft2(rfft2(moved) * ctf[i], (box, box))
        self._images += rng.standard_normal(self._images.shape, dtype=np.float32)

    @property
    def box_px(self) -> int:
        """Edge of the images."""
        return self._box

    def images(self, indices):
        """float32, shape (n, y, x)."""
        return self._images[indices % DIFFERENT]

    def ctf(self, indices):
        """Defocus differs from particle to particle, a little astigmatic."""
        u = self._defocus[indices % DIFFERENT]
        return Ctf(
            voltage_kv=300.0,
            spherical_aberration_mm=2.7,
            amplitude_contrast=0.1,
            defocus_u_angstrom=u + 100,
            defocus_v_angstrom=u - 100,
            defocus_angle_deg=np.full(len(u), 30.0),
        )


class Rehearsal(Optimizer):
    """The device's form with numpy's arrays."""

    def _put(self, array):
        return array


class CountedProducts:
    """Counts the operations of a library's matrix products."""

    def __init__(self, library) -> None:
        self.operations = 0
        plain = library.matmul

        def counted(a, b):
            # 2 operations for each pair of numbers that meet
            self.operations += 2 * math.prod(a.shape) * b.shape[-1]
            return plain(a, b)

        library.matmul = counted


def matrix_rate(library, device: int | None) -> float:
    """Operations per second of one large product of float32 matrices."""
    size = 8192 if device is not None else 2048
    a = to_device(np.ones((size, size), dtype=np.float32), device)
    best = math.inf
    for _ in range(4):
        started = time.perf_counter()
        float(library.matmul(a, a)[0, 0])  # waits for the device
        best = min(best, time.perf_counter() - started)
    return 2 * size**3 / best


def measured(options: argparse.Namespace) -> dict:
    """Seconds of each iteration, and how well the device is used."""
    device: int | None = None
    if options.rehearse:
        library, name = np, f"rehearsed with numpy on {platform.processor()}"
    else:
        device_count()
        import cupy

        library, device = cupy, options.device
        name = use_device(device)
    box, pixel = options.box, PIXEL * 64 / options.box
    rate = matrix_rate(library, device)
    source = Synthetic(box, options.classes, pixel)
    sampling = Sampling(offset_step_px=box / 64, offset_range_px=5 * box / 64)
    size = options.batch
    if device is not None and size is None:
        free, _ = library.cuda.Device(device).mem_info
        each = bytes_per_particle(box, options.classes, sampling)
        size = max(1, min(int(free / 3 / each), 1024))
    settings = Settings(
        n_classes=options.classes,
        n_iterations=options.iterations,
        tau_fudge=2,
        sampling=sampling,
        optics=Optics(pixel_size=pixel, radius_px=DIAMETER / 2 / pixel),
        offset_sigma_px=10 / pixel,
        batch_size=size or 16,
    )
    zeros = np.zeros(options.count, dtype=np.int64)
    groups = Groups(noise=zeros, scale=zeros, astigmatism_angstrom=200.0)
    kind = Rehearsal if options.rehearse else Optimizer
    optimizer = kind(
        source,
        options.count,
        groups,
        settings,
        Communicator(),
        device=0 if options.rehearse else device,
    )
    started = time.perf_counter()
    state = optimizer.start()
    first_pass = time.perf_counter() - started
    products = CountedProducts(library)
    rows = []
    for _ in range(options.iterations):
        before, started = products.operations, time.perf_counter()
        state = optimizer.next(state)
        seconds = time.perf_counter() - started
        reached = (products.operations - before) / seconds
        rows.append(
            {
                "seconds": round(seconds, 3),
                "matrix_teraflop": round((products.operations - before) / 1e12, 3),
                "fraction_of_matrix_rate": round(reached / rate, 4),
            }
        )
    return {
        "device": name,
        "particles": options.count,
        "classes": options.classes,
        "box_px": box,
        "batch": settings.batch_size,
        "matrix_rate_teraflops": round(rate / 1e12, 3),
        "first_pass_s": round(first_pass, 2),
        "iterations": rows,
        "average_posterior": round(state.model.average_posterior, 4),
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--classes", type=int, default=50)
    parser.add_argument("--box", type=int, default=64)
    parser.add_argument("--iterations", type=int, default=3)
    parser.add_argument("--device", type=int, default=0)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--rehearse", action="store_true")
    json.dump(measured(parser.parse_args()), sys.stdout, indent=1)
    sys.stdout.write("\n")
