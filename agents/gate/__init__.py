"""May this trigger go out? The gate after all agents and before the outbox, one rule a file."""
