"""How is it learned from what happened? The leader fits models, by which agents decide."""
