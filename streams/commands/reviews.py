"""What do customers write? `ebbtide reviews train` and `reviews read`."""

from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from streams.commands.options import ASK, AsJson

app = App(
    name="reviews",
    group=ASK,
    sort_key=8,
    help="""Train a model that reads customers' texts, and see what it reads.

For example

    ebbtide reviews train labelled.csv --out reviews.ebb
    ebbtide reviews read reviews.ebb "the zip broke on day two"

With EBBTIDE_REVIEW_MODEL=reviews.ebb workers read each review, question and
survey when it comes. docs/reviews.md says what becomes of it.""",
)


@app.command
def train(
    data: Annotated[
        Path, Parameter(name="DATA", help="CSV in UTF-8, packed where it ends in .gz.")
    ],
    /,
    *,
    out: Annotated[Path, Parameter(help="Where the model goes; what is there is replaced.")],
    text_column: Annotated[str, Parameter(help="The column with the text.")] = "text",
    label_column: Annotated[
        str, Parameter(help="The column with 0 or 1 (0 is negative), stars, or words.")
    ] = "label",
    issue_column: Annotated[
        str | None,
        Parameter(help="The column with quality, delivery, price, service, size; or nothing."),
    ] = None,
    negative: Annotated[
        tuple[str, ...],
        Parameter(
            help="A label that is negative, where it is not plain; all others are positive. May be"
            " given several times.",
            show_default=False,
        ),
    ] = (),
    as_json: AsJson = False,
) -> None:
    r"""Train a model on texts that you have, and say how good it is.

    One text in five, by its hash, is held out of the training: what is said
    of the model is said of these. Any language will do, as long as there are
    texts in it; some thousands make a good model, some hundreds a poor one.

    The first line names the columns, such as text,label. The label says
    whether a text is negative. Ratings will do: 1 and 2 stars are negative,
    4 and 5 are not, 3 are left out. If there is a column of issues, the model
    learns these too; a class that is in fewer than 30 texts is read by a list
    of words, as all are without such a column.

    For example

        ebbtide reviews train reviews.csv --out reviews.ebb
        ebbtide reviews train shop.csv.gz --text-column review \
            --label-column stars --out reviews.ebb
        ebbtide reviews train tickets.csv --label-column mood --negative bad \
            --issue-column topics --out r.ebb

    How to read it. "Plain" is the share of the held-out texts that are of the
    more frequent kind: who always says that is right so often. Under
    reliability, what was said should be what came.

    Exit codes: 0 written, 1 there is something wrong with the data, or too
    little of it.
    """
    from streams.commands import labelled, reviews_page, terminal

    examples, left_out = labelled.counted(data, text_column, label_column, issue_column, negative)
    trained = reviews_page.train(examples, out, left_out)
    if as_json:
        terminal.say_json(trained)
    else:
        reviews_page.show(trained)


@app.command
def read(
    model: Annotated[Path, Parameter(name="MODEL", help="A file of `ebbtide reviews train`.")],
    /,
    *texts: Annotated[
        str,
        Parameter(
            name="TEXT", help="A text; - reads one a line from stdin.", allow_leading_hyphen=True
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Show what a model reads in a text, and why.

    The chance that it is a complaint, what it complains of, and the n-grams
    that moved the chance most: those above 0 speak for a complaint. ^ and $
    are where a text begins and ends.

    For example

        ebbtide reviews read reviews.ebb "送货太慢"
        cut -f2 reviews.tsv | ebbtide reviews read reviews.ebb - --json

    Exit codes: 0 read, 1 the file is no model, or is damaged.
    """
    import sys

    from streams.commands import reviews_page, terminal

    if not texts:
        raise terminal.UsageError("read what? Give a text, or - for one a line from stdin")
    its = [it.rstrip("\n") for it in sys.stdin] if texts == ("-",) else list(texts)
    for told in reviews_page.read(model, its):
        if as_json:
            terminal.say_json(told)
        else:
            reviews_page.tell(told)
