"""Who asks, for routes that need to know."""

from typing import Annotated

from fastapi import Depends, Request

from runledger.server.guard import Visitor


async def _visitor(request: Request) -> Visitor:
    visitor: Visitor = request.state.visitor
    return visitor


Asking = Annotated[Visitor, Depends(_visitor)]
"""Who asks, as the gate told."""
