"""The whole history in columns, page by page; addresses are for an admin alone."""

from functools import partial

from fastapi import APIRouter, Response

from ledger.errors import RefusedError
from ledger.tables import TableName
from ledger.users.rights import Right, rights_of
from runledger.server.asking import Asking
from runledger.server.desk import Desk
from runledger.server.messages import SentTable, TableMessage
from runledger.server.openapi import TABLE_BODY, TABLE_REPLY
from runledger.server.replies import ARROW


def table_routes(desk: Desk) -> APIRouter:
    """The route of the tables."""
    routes = APIRouter()

    @routes.post("/tables/{table}", openapi_extra=TABLE_BODY, **TABLE_REPLY)
    async def rows(table: TableName, asked: SentTable, visitor: Asking) -> Response:
        """Events or logged points in columns; the metadata of the schema says where the next page begins."""
        await desk.arrived(asked.values_at_least)
        is_admin = Right.ADMIN in rights_of(visitor.role)
        page = await desk.ask(partial(_page, desk, table, asked, is_admin=is_admin), asked.at_least)
        return Response(page, media_type=ARROW)

    return routes


def _page(desk: Desk, table: TableName, asked: TableMessage, *, is_admin: bool) -> bytes:
    try:
        from projections.analytics.paging import for_anybody  # noqa: PLC0415 - an extra

        page = desk.parts.tables.page(asked.query(table), asked.cursor)
    except ModuleNotFoundError as error:
        raise RefusedError(
            f"tables need {error.name} where the server is: pip install 'runledger[parquet]' there, or take a lake of "
            "`runledger replay`"
        ) from error
    if table == "events" and not is_admin:
        page = page._replace(rows=for_anybody(page.rows))
    return page.stream()
