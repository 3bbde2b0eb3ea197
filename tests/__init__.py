"""The tests, by tier: unit, property, integration, crash, golden."""
