"""How a handle looks in a notebook, and where its page is."""

import os
from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ledger.sdk.workspace import Workspace


def page_of(workspace: "Workspace", path: str) -> str | None:
    """The URL of a page; None for a folder that no server is known to show (RUNLEDGER_PUBLIC_URL names one)."""
    location = workspace.location
    base = os.environ.get("RUNLEDGER_PUBLIC_URL") or (location if "://" in location else None)
    return f"{base.rstrip('/')}/{path}" if base else None


def table_of(texts: Mapping[str, str], link: str, url: str | None) -> str:
    """HTML of a table with one row: texts by heading, then a column with the link."""
    shown = f'<a href="{escape(url)}" target="_blank" rel="noopener">Link</a>' if url else ""
    heads = "".join(f"<th>{escape(head)}</th>" for head in [*texts, link])
    cells = "".join(f"<td>{cell}</td>" for cell in [*map(escape, texts.values()), shown])
    return f'<table style="width:100%"><tr>{heads}</tr><tr>{cells}</tr></table>'
