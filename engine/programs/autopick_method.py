"""What both ways of picking share: the job's options, working sizes, RELION's noise."""

from __future__ import annotations

from engine.picking.relion_noise import RelionNoise
from engine.picking.working_size import WorkingSize, choose_working_size
from engine.programs.autopick_files import log_choice
from engine.programs.autopick_options import CommonOptions

_Sizes = dict[tuple[tuple[int, int], float], WorkingSize]


class PickingMethod:
    """A way to pick one micrograph after another.

    Parameters
    ----------
    common : CommonOptions
    is_leader : bool
        Say what concerns all ranks.
    even_square : bool
        Whether the working square's edge is even.
    """

    def __init__(
        self, common: CommonOptions, *, is_leader: bool, even_square: bool = False
    ) -> None:
        self._common = common
        self._is_leader = is_leader
        self._even_square = even_square
        self._sizes: _Sizes = {}
        self._noise = RelionNoise(forgets=not common.is_compatible)

    @property
    def needs_images(self) -> bool:
        """Whether pixels are needed, or the headers' sizes will do."""
        return not self._common.read_fom_maps

    def _size(self, shape: tuple[int, int], pixel_size: float) -> WorkingSize:
        """The working size of micrographs of a shape; what is new is logged once."""
        key = (shape, pixel_size)
        if key not in self._sizes:
            size = choose_working_size(
                shape,
                pixel_size,
                lowpass_angstrom=self._common.lowpass_angstrom,
                shrink=self._common.shrink,
                optimise=self._common.optimise_size,
                even_square=self._even_square,
            )
            if self._is_leader:
                log_choice(size)
            self._sizes[key] = self._as_used(size)
        return self._sizes[key]

    def _as_used(self, size: WorkingSize) -> WorkingSize:
        """The size as this way of picking uses it."""
        return size
