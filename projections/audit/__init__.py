"""Who did what to which thing when: an index over every event of the control log, and answers from it."""
