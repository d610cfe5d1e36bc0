"""The history as tables of columns, in Parquet files that any engine reads."""
