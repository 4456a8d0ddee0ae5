"""How is a proof told? A table of all places, and in a sentence what follows from it."""

from streams.amounts import plural
from streams.commands import terminal
from streams.commands.proving import Proof

_STYLES = {"nothing": "", "left": "red", "expires": "yellow"}


def show(proof: Proof) -> None:
    """Print what was found, and where."""
    shown = terminal.table("place", "found", "what", right=("found",))
    for it in proof.places:
        found = f"{it.count:,}" if it.count else "nothing"
        shown.add_row(it.name, found, it.what, style=_STYLES[it.state])
    terminal.out.print(shown)
    events = plural(proof.events, "event")
    terminal.out.print(
        f"\nThe journal has {events} of {proof.customer_id}, {proof.sealed:,} of them with sealed"
        " fields. Which products, how much and when stay there, under the pseudonym."
    )
    if proof.erased_at is None:
        terminal.out.print("Nobody has asked for this customer's erasure.", style="yellow")
    elif not proof.applied:
        terminal.out.print(
            f"The erasure of {proof.erased_at} has not been applied yet.", style="yellow"
        )
    else:
        terminal.out.print(f"The last erasure, of {proof.erased_at}, has been applied.")
    if proof.left:
        terminal.out.print(f"Something is left in {plural(proof.left, 'place')}.", style="red")
    else:
        terminal.out.print("Nothing is left.", style="green")
