"""The 360-degree view: every field of it is on its page, and the page names no other."""

import re

import msgspec
from pages import page, rows

from streams.customer.view import View


def test_the_page_lists_the_fields_of_the_view_and_no_others() -> None:
    table = rows(page("docs/customer.md"))
    told = [name for names, _ in table for name in re.findall(r"`(\w+)`", names)]
    assert sorted(told) == sorted(it.name for it in msgspec.structs.fields(View))
