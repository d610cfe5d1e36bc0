"""The saved views of this ledger, folded from the feed: few and small, so that they need no table."""

from collections.abc import Sequence

from ledger.domain.aggregate import LedgerAggregate
from ledger.domain.saved_view import SavedView, Who
from ledger.errors import NotThereYetError, ViewNotFoundError
from ledger.feed import Feed, FeedEvent
from ledger.following import Following
from ledger.moments import place_of
from ledger.queries import ViewDocument
from ledger.users.tokens import moment_of
from schemas.events import OpaqueEvent, ViewChangedEvent, ViewDeletedEvent, ViewSavedEvent, ViewSharedEvent
from schemas.limits import UNSTORABLE
from schemas.streams import key_of, view_stream

_KINDS = (ViewSavedEvent, ViewChangedEvent, ViewSharedEvent, ViewDeletedEvent)


class SavedViews:
    """Asks the feed what is new before every answer; threads may share it."""

    def __init__(self, feed: Feed) -> None:
        """Nothing is read before the first question."""
        self._feed = feed
        self._views: dict[str, tuple[SavedView, FeedEvent]] = {}
        self._streams: dict[str, None] = {}
        """Those of views that are deleted by now, too."""
        self._following = Following(feed, _KINDS, self._fold)

    def views(self, who: Who) -> list[ViewDocument]:
        """The views that somebody may see, by name."""
        self._following.read_on()
        found = [_document(*each, who) for each in list(self._views.values()) if each[0].right_of(who) is not None]
        return sorted(found, key=_by_name)

    def view(self, view_id: str, who: Who) -> ViewDocument:
        """One view; raises ViewNotFoundError, and ForbiddenError for who may not see it."""
        self._following.read_on()
        found = self._views.get(view_stream(view_id))
        if found is None:
            raise ViewNotFoundError(view_id)
        found[0].check_may(who, "view")
        return _document(*found, who)

    def view_at(self, view_id: str, moment: str, who: Who) -> ViewDocument:
        """One view as it was at a position or a time; a deleted one too.

        Who asks must have had a right to see it then, and have one now if it is still there.

        Raises:
            ViewNotFoundError: there is none, or it was deleted; NotThereYetError, it came later.
            ForbiddenError: who asks may not see it.
            InvalidNameError: it is no moment.
        """
        position, stream = place_of(self._feed, moment), view_stream(view_id)
        self._following.read_on()
        if stream in self._views:
            self._views[stream][0].check_may(who, "view")
        events = () if UNSTORABLE.search(view_id) else self._feed.of_stream(stream)
        if events and position < events[0].position:
            raise NotThereYetError("view", view_id, position, events[0].position)
        found = _folded(stream, events, position)
        if found is None:
            raise ViewNotFoundError(view_id)
        found[0].check_may(who, "view")
        return _document(*found, who)

    def views_at(self, moment: str, who: Who) -> list[ViewDocument]:
        """The views that there were at a moment, by name, of which `view_at` would answer with each."""
        position = place_of(self._feed, moment)
        self._following.read_on()
        found = []
        for stream in list(self._streams):
            now = self._views.get(stream)
            then = _folded(stream, self._feed.of_stream(stream), position)
            if then is not None and all(each[0].right_of(who) is not None for each in (then, now or then)):
                found.append(_document(*then, who))
        return sorted(found, key=_by_name)

    def _fold(self, happened: FeedEvent) -> None:
        stream = happened.envelope.stream
        self._streams[stream] = None
        known = self._views.get(stream)
        view = known[0] if known else LedgerAggregate.blank(stream)
        if not isinstance(view, SavedView) or isinstance(happened.event, OpaqueEvent):
            return
        view.apply(happened.event)
        if view.deleted:
            self._views.pop(stream, None)
        else:
            self._views[stream] = (view, happened)


def _folded(stream: str, events: Sequence[FeedEvent], position: int) -> tuple[SavedView, FeedEvent] | None:
    """A view as of a position, and its last event by then; None if it was not there, or deleted."""
    view, last = LedgerAggregate.blank(stream), None
    for happened in events:
        if happened.position <= position and isinstance(happened.event, _KINDS):
            view.apply(happened.event)
            last = happened
    return None if last is None or not isinstance(view, SavedView) or view.deleted else (view, last)


def _by_name(document: ViewDocument) -> tuple[str, str]:
    return document["name"].casefold(), document["view_id"]


def _document(view: SavedView, last: FeedEvent, who: Who) -> ViewDocument:
    shared = view.everybody is not None or bool(view.users)
    return {
        "view_id": key_of(view.id),
        "name": view.name,
        "description": view.description,
        "query": view.query,
        "owner": view.owner,
        "visibility": "shared" if shared else "personal",
        "everybody": view.everybody,
        "users": dict(view.users),
        "right": view.right_of(who),
        "last_position": last.position,
        "changed_by": last.envelope.actor,
        "changed_utc": moment_of(last.recorded_at).isoformat(),
    }
