"""Studio: the pages for people, rendered here; lists, run page and filters work without script.

A folder an area (`runs`, `run`, `alerts`, ...): its routes ask questions at the desk, and fill the
templates in the folder of the same name.
"""
