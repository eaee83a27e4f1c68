#!/usr/bin/env bash
# The benchmarks of this tree beside those of another commit (BASE), in turn so
# that whatever else the machine does falls on both, and benchstat over the two.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=". ./krpc ./ktable ./lookup ./store ./transport ./testnet"
work=$(mktemp -d)
there=$work/base
cleanup() {
	git worktree remove --force "$there" 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT

git rev-parse --verify --quiet "$BASE^{commit}" >/dev/null ||
	BASE=origin/$BASE # a clone that was made for another branch
git worktree add --quiet --detach "$there" "$BASE"

# built once: what is measured is not the compiler
build() { # tree, out
	mkdir -p "$2"
	for p in $packages; do
		name=$(basename "$(cd "$1/$p" && pwd)")
		[ "$p" = . ] && name=kad
		(cd "$1" && go test -c -o "$2/$name.test" "$p")
	done
}
build . "$work/new.bin"
build "$there" "$work/old.bin"

for i in $(seq "$COUNT"); do
	echo "round $i of $COUNT" >&2
	for p in $packages; do
		name=$(basename "$p")
		[ "$p" = . ] && name=kad
		for side in old new; do
			tree=.
			[ $side = old ] && tree=$there
			{
				(cd "$tree/$p" && "$work/$side.bin/$name.test" -test.run '^$' -test.bench "$BENCH" -test.benchtime "${TIME:-100ms}" -test.benchmem)
			} >>"$work/$side.txt"
		done
	done
done
(cd bench && go tool benchstat "$BASE=$work/old.txt" "this tree=$work/new.txt")
