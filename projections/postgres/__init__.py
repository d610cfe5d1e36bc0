"""Views in PostgreSQL, for several servers on one."""
