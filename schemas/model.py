"""The models of this package, each built when it is first used: most processes need a few of them."""

import os
from collections.abc import Mapping
from threading import RLock
from typing import Any

from pydantic import BaseModel, ConfigDict

_building = RLock()
if hasattr(os, "register_at_fork"):
    # A child must not find it held by a thread that it has not; nor the lock that pydantic takes inside of it.
    os.register_at_fork(before=_building.acquire, after_in_parent=_building.release, after_in_child=_building.release)


class Model(BaseModel):
    """An immutable model, strict about types."""

    model_config = ConfigDict(frozen=True, strict=True, defer_build=True)

    @classmethod
    def model_rebuild(
        cls,
        *,
        force: bool = False,
        raise_errors: bool = True,
        _parent_namespace_depth: int = 2,
        _types_namespace: Mapping[str, Any] | None = None,
    ) -> bool | None:
        """Build it, as pydantic does at the first use; of several threads, one."""
        with _building:
            if cls.__pydantic_complete__ and not force:
                return None
            return super().model_rebuild(
                force=force,
                raise_errors=raise_errors,
                _parent_namespace_depth=_parent_namespace_depth + 1,
                _types_namespace=_types_namespace,
            )
