"""The plain form against what relion_refine 3.1.3 printed of the worked example."""

import csv

import numpy as np
import pytest
from support.worked_example import (
    EXAMPLE,
    example_ctf,
    example_groups,
    example_images,
)

from engine.classification.plain import PlainIteration, PlainSettings
from engine.io.mrc import read_images
from engine.io.star import read_star


@pytest.fixture(scope="module")
def result():
    settings = PlainSettings(pixel_size=4.0, diameter_angstrom=100, tau_fudge=2)
    references = read_images(EXAMPLE / "refs5.mrcs")
    return PlainIteration(
        example_images(), example_ctf(), example_groups(), references, settings
    ).run()


@pytest.fixture(scope="module")
def expected():
    with (EXAMPLE / "expected/B_it001_data.csv").open() as file:
        rows = sorted(csv.DictReader(file), key=lambda row: int(row["index"]))
    return {k: np.array([float(row[k]) for row in rows]) for k in rows[0]}


def test_every_particles_row_is_relions_to_the_last_printed_digit(result, expected):
    assert np.array_equal(result.class_index + 1, expected["class"])
    turn = (result.psi_deg - expected["psi"] + 180) % 360 - 180
    assert np.abs(turn).max() < 1e-9
    assert np.allclose(4 * result.offset_px[:, 0], expected["origin_x_angst"])
    assert np.allclose(4 * result.offset_px[:, 1], expected["origin_y_angst"])
    assert np.abs(result.norm - expected["norm"]).max() < 2e-6
    assert np.abs(result.log_likelihood - expected["dLL"]).max() < 1e-5
    assert np.abs(result.max_posterior - expected["pmax"]).max() < 2e-6
    assert np.array_equal(result.n_significant, expected["nsig"])


def test_the_model_is_relions(result):
    model = read_star(EXAMPLE / "expected/B_it001_model.star")
    general, classes = model["model_general"], model["model_classes"]
    shares = classes.numbers("rlnClassDistribution")
    assert np.allclose(result.class_distribution, shares, atol=2e-6)
    assert result.offset_sigma_angstrom == pytest.approx(
        float(general.numbers("rlnSigmaOffsetsAngst")[0]), abs=2e-5
    )
    assert result.norm_average == pytest.approx(
        float(general.numbers("rlnNormCorrectionAverage")[0]), abs=2e-6
    )
    assert result.average_posterior == pytest.approx(
        float(general.numbers("rlnAveragePmax")[0]), abs=2e-6
    )
    offsets = [classes.numbers(f"rlnClassPriorOffset{c}") for c in "XY"]
    assert np.allclose(result.prior_offset_angstrom.T, offsets, atol=2e-5)
    scale = model["model_groups"].numbers("rlnGroupScaleCorrection")
    assert np.allclose(result.group_scale, scale, atol=2e-5)
    for g in range(4):
        noise = model[f"model_group_{g + 1}"].numbers("rlnSigma2Noise")
        assert np.allclose(result.noise_power[g], noise, rtol=2e-5)
    for k in range(3):
        table = model[f"model_class_{k + 1}"]
        ratio = table.numbers("rlnSsnrMap")
        assert np.allclose(result.data_vs_prior[k][:15], ratio[:15], rtol=2e-3)
        signal = table.numbers("rlnReferenceTau2")
        assert np.allclose(result.signal_power[k][:15], signal[:15], rtol=3e-4)


def test_class_averages_look_like_relions(result):
    theirs = read_images(EXAMPLE / "expected/B_it001_classes.mrcs")
    x = np.arange(32) - 16
    inside = np.hypot(x[:, None], x) < 12
    for ours, other in zip(result.images, theirs, strict=True):
        assert np.corrcoef(ours[inside], other[inside])[0, 1] > 0.998
