"""The metrics view: logged values by run, brought up to date when a run is asked for."""
