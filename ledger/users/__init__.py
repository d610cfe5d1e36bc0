"""Who may do what on a server: users, their tokens and their rights."""
