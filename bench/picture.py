"""What do our pictures look like? Ink, sizes, and axes without a box.

Needs matplotlib, which has an environment of its own (``place.draw``). Text stays text, the ground
stays transparent, and one grey is read on white as well as on black, so a page of either kind may
show them.
"""

from pathlib import Path

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt
from matplotlib.axes import Axes

INK, FAINT, EBBTIDE, PEER = "#6e7781", "#8c959f", "#2f81f7", "#8c959f"
WIDTH_INCHES, FONT = 7.6, 9.0

mpl.rcParams.update(
    {
        "svg.fonttype": "none", "svg.hashsalt": "ebbtide", "font.size": FONT,
        "font.family": "sans-serif", "text.color": INK, "axes.edgecolor": FAINT,
        "xtick.color": INK, "ytick.color": INK, "axes.labelcolor": INK,
    }
)  # fmt: skip


def bare_axes(height_inches: float) -> Axes:
    """Axes of the whole width, with a line below and nothing else."""
    return panels(1, height_inches)[0]


def panels(count: int, height_inches: float, columns: int = 1) -> list[Axes]:
    """So many of them, side by side and then below each other; each row has that height."""
    rows = -(-count // columns)
    figure, grid = plt.subplots(
        rows, columns, figsize=(WIDTH_INCHES, rows * height_inches), squeeze=False
    )
    figure.patch.set_alpha(0)
    for axes in grid.flat:
        axes.patch.set_alpha(0)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.tick_params(length=0)
    for axes in grid.flat[count:]:
        axes.set_visible(False)
    return list(grid.flat[:count])


def title(axes: Axes, text: str) -> None:
    """What is seen, on the left above it."""
    axes.set_title(text, loc="left", fontsize=FONT, color=INK)


def save(path: Path) -> None:
    """Write it; the same figures give the same file."""
    plt.savefig(path, bbox_inches="tight", pad_inches=0.05, transparent=True, metadata={"Date": ""})
    plt.close()
    print(path)
