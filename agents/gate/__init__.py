"""May this trigger go out? The one gate after all agents, and its parts."""
