# What takes longer than the README's own commands.

# Ten thousand seeds, over all scenarios.
sim-night:
	go test ./sim -run TestNothingBreaksInAnyScenario -seeds 1112 -timeout 24h

# Every layer's benchmarks here beside those of another commit, turn about, and
# benchstat over both. Say make bench BASE=HEAD~1 COUNT=3 BENCH=Closest for less.
BASE  ?= main
COUNT ?= 6
BENCH ?= Closest|Seen$|Lookup$|FindNodeAnswer|Put$|PutBy64Callers|Entries$|SealedQuestion|WarmQuestion|CompareDistance|Network

bench:
	@BASE='$(BASE)' COUNT='$(COUNT)' BENCH='$(value BENCH)' bench/beside.sh

# The DHT clients that no one here wrote, as far as they are installed: a few
# seconds, with transmission-daemon a minute and a half.
interop:
	go -C interop run .

# The page in a real browser: wants node, npm and Chromium. SHOTS names a folder
# for pictures.
page:
	npm ci --prefix web/page/e2e
	KHASHMIR_SHOTS='$(SHOTS)' go test -v ./web/page

.PHONY: sim-night bench interop page
