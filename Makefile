# What takes longer than the README's own commands.

# Ten thousand seeds, over all scenarios.
sim-night:
	go test ./sim -run TestNothingBreaksInAnyScenario -seeds 1112 -timeout 24h

.PHONY: sim-night
