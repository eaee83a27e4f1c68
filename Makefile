# What takes longer than the README's own commands.

# Ten thousand seeds, over all scenarios.
sim-night:
	go test ./sim -run TestNothingBreaksInAnyScenario -seeds 1112 -timeout 24h

# The DHT clients that no one here wrote, as far as they are installed: a few
# seconds, with transmission-daemon a minute and a half.
interop:
	go -C interop run .

.PHONY: sim-night interop
