"""From intents to mails: claimed in the log before they are sent, settled in the log afterwards."""
