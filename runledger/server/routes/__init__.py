"""The routes of the HTTP API: a file an area, each on the one desk."""
