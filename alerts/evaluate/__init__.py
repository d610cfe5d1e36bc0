"""From events to intents: a pure function of the control log."""
