package conformance

import (
	"strings"
	"testing"
)

func TestSampleInfohashes(t *testing.T) {
	ask := func(arguments ...any) raw {
		return query("sample_infohashes", append([]any{"id", me}, arguments...)...)
	}
	whole := answered(nodes4,
		has("samples", func(samples string) bool { return len(samples)%20 == 0 }),
		has("interval", func(seconds int) bool { return seconds >= 0 && seconds <= 21600 }),
		has("num", func(num int) bool { return num >= 0 }),
		lacks("token", "values"))
	run(t, []trial{
		{51, "an answer has interval, nodes, num and samples, if only empty ones", ask("target", hash), whole},
		{51, "want n4 is heeded", ask("target", hash, "want", l("n4")), answered(nodes4, lacks("nodes6"))},
		{51, "no target is a protocol error", ask(), refused(203)},
		{51, "a target of 19 bytes is a protocol error", ask("target", hash[:19]), refused(203)},
		{51, "a target of 21 bytes is a protocol error", ask("target", hash+"x"), refused(203)},
		{51, "an integer for a target is a protocol error", ask("target", 1), refused(203)},
	})
}

func TestSamplesAreOfWhatIsAnnounced(t *testing.T) {
	onlyOurs(t) // a foreign node may give the samples of an hour ago
	target := open(t)
	p := dial(t, target)
	announced := make(map[string]bool)
	for range 80 {
		infohash := random(20)
		p.announce(infohash, 6881)
		announced[infohash] = true
	}
	p.token(random(20)) // who is only asked for is not in storage
	m := p.ask(query("sample_infohashes", "id", me, "target", hash))
	if m.r["num"] != len(announced) {
		t.Errorf("BEP 51: num is %v of %d", m.r["num"], len(announced))
	}
	if len(m.raw) > maxReply {
		t.Errorf("BEP 32: %d bytes", len(m.raw))
	}
	samples, _ := m.r["samples"].(string)
	if len(samples) < 20*20 {
		t.Errorf("BEP 51: %d bytes of samples of %d", len(samples), len(announced))
	}
	for ; len(samples) >= 20; samples = samples[20:] {
		if sample := samples[:20]; !announced[sample] {
			t.Errorf("BEP 51: %x is a sample twice, or was never announced", sample)
		} else {
			delete(announced, sample)
		}
	}
	long := p.ask(d("a", d("id", me, "target", hash, "want", l("n4", "n6")), "q", "sample_infohashes", "t", strings.Repeat("t", 64), "y", "q"))
	if len(long.raw) > maxReply {
		t.Errorf("BEP 32: with a long transaction id %d bytes", len(long.raw))
	}
}
