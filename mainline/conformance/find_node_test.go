package conformance

import (
	"strings"
	"testing"
)

func TestFindNode(t *testing.T) {
	ask := func(arguments ...any) raw { return query("find_node", append([]any{"id", me}, arguments...)...) }
	run(t, []trial{
		{5, "find_node is answered with whole contacts", ask("target", hash), answered(nodes4, lacks("token", "values"))},
		{5, "find_node for the asker's own id", ask("target", me), answered(nodes4)},
		{5, "find_node for zeros", ask("target", strings.Repeat("\x00", 20)), answered(nodes4)},
		{5, "find_node for ones", ask("target", strings.Repeat("\xff", 20)), answered(nodes4)},
		{5, "find_node without target is a protocol error", ask(), refused(203)},
		{5, "a target of 19 bytes is a protocol error", ask("target", hash[:19]), refused(203)},
		{5, "a target of 21 bytes is a protocol error", ask("target", hash+"x"), refused(203)},
		{5, "an empty target is a protocol error", ask("target", ""), refused(203)},
		{5, "a target in hex is a protocol error", ask("target", hash+hash), refused(203)},
		{5, "an integer for a target is a protocol error", ask("target", 1), refused(203)},
		{5, "a list for a target is a protocol error", ask("target", l(hash)), refused(203)},
		{5, "a dictionary for a target is a protocol error", ask("target", d()), refused(203)},
		{5, "an info_hash is no target", ask("info_hash", hash), refused(203)},
	})
}

func TestFindNodeOfTheNodesOwnID(t *testing.T) {
	target := open(t)
	p := dial(t, target)
	own := p.ask(aPing).id
	p.try(query("find_node", "id", me, "target", own), answered(nodes4))
}

func TestWhoAsksInTheNodesOwnNameIsAnswered(t *testing.T) {
	target := open(t)
	p := dial(t, target)
	own := p.ask(aPing).id
	p.try(query("ping", "id", own), answered().or(refused(203)))
	p.try(query("find_node", "id", own, "target", own), answered(nodes4).or(refused(203)))
}

func TestWant(t *testing.T) {
	ask := func(want any) raw { return query("find_node", "id", me, "target", hash, "want", want) }
	peers := func(want any) raw { return query("get_peers", "id", me, "info_hash", hash, "want", want) }
	get := func(want any) raw { return query("get", "id", me, "target", hash, "want", want) }
	v4, v6 := answered(nodes4, lacks("nodes6")), answered(lacks("nodes"))
	run(t, []trial{
		{32, "no want over IPv4 is n4", query("find_node", "id", me, "target", hash), v4},
		{32, "want n4", ask(l("n4")), v4},
		{32, "want n6", ask(l("n6")), v6},
		{32, "want both", ask(l("n4", "n6")), answered(nodes4)},
		{32, "want both, the other way round", ask(l("n6", "n4")), answered(nodes4)},
		{32, "other wants are ignored", ask(l("n4", "n8", "", strings.Repeat("n", 100))), v4},
		{32, "the same twice", ask(l("n4", "n4")), v4},
		{32, "a hundred wants", ask(raw("l" + strings.Repeat("2:n4", 100) + "e")), v4},
		{32, "nothing but unknown wants", ask(l("xx")), answered()},
		{32, "an empty want", ask(l()), answered()},
		{32, "a string for want is no reason for silence", ask("n4"), answered().or(refused(203))},
		{32, "an integer for want is no reason for silence", ask(4), answered().or(refused(203))},
		{32, "a dictionary for want is no reason for silence", ask(d("n4", 1)), answered().or(refused(203))},
		{32, "integers in want are no reason for silence", ask(l(4, "n4")), answered().or(refused(203))},
		{32, "get_peers, want n4", peers(l("n4")), v4},
		{32, "get_peers, want n6", peers(l("n6")), v6},
		{32, "get_peers, want both", peers(l("n4", "n6")), answered(nodes4)},
		{44, "get, want n4", get(l("n4")), v4},
		{44, "get, want both", get(l("n4", "n6")), answered(nodes4)},
	})
}

func TestUnknownMethods(t *testing.T) {
	run(t, []trial{
		{5, "an unknown method is error 204", query("no_such_method", "id", me), refused(204)},
		{5, "methods are not shouted", query("PING", "id", me), refused(204)},
		{5, "a method is its whole name", query("pingu", "id", me), refused(204)},
		{5, "a method of a thousand bytes", query(strings.Repeat("q", 1000), "id", me), refused(203, 204)},
		{5, "a method that is no text", query("\x00\xff\xfe", "id", me), refused(203, 204)},
		{5, "an unknown method with a target is answered as find_node", query("no_such_method", "id", me, "target", hash), answered(nodes4, lacks("token"))},
		{5, "an unknown method with an info_hash is answered as find_node, or refused", query("no_such_method", "id", me, "info_hash", hash), answered(nodes4).or(refused(204))},
		{5, "an unknown method with half a target is refused", query("no_such_method", "id", me, "target", hash[:10]), refused(203, 204)},
		{5, "an unknown method without id is refused", query("no_such_method", "target", hash), refused(203, 204)},
		{5, "an unknown method with want", query("no_such_method", "id", me, "target", hash, "want", l("n4")), answered(nodes4)},
	})
}

func TestUnsolicitedAnswersAndErrorsAreNeverAnswered(t *testing.T) {
	answer := func(r any) raw { return d("r", r, "t", "aa", "y", "r") }
	wrong := func(e any) raw { return d("e", e, "t", "aa", "y", "e") }
	run(t, []trial{
		{5, "an answer nobody asked for", answer(d("id", me)), unanswered},
		{5, "an answer without r", d("t", "aa", "y", "r"), unanswered},
		{5, "an answer whose r is a string", answer("r"), unanswered},
		{5, "an answer without id", answer(d()), unanswered},
		{5, "an answer with an id too short", answer(d("id", me[:19])), unanswered},
		{5, "an answer with half a contact", answer(d("id", me, "nodes", "half")), unanswered},
		{5, "an answer with contacts that are a list", answer(d("id", me, "nodes", l("x"))), unanswered},
		{5, "an answer without t", d("r", d("id", me), "y", "r"), unanswered},
		{5, "an answer with four bytes of t", d("r", d("id", me), "t", "\x00\x00\x00\x01", "y", "r"), unanswered},
		{5, "an answer with a hundred bytes of t", d("r", d("id", me), "t", strings.Repeat("t", 100), "y", "r"), unanswered},
		{5, "an answer that names a method", d("a", d("id", me), "q", "ping", "r", d("id", me), "t", "aa", "y", "r"), unanswered},
		{5, "an error nobody asked for", wrong(l(201, "no")), unanswered},
		{5, "an error of a code alone", wrong(l(203)), unanswered},
		{5, "an error that is empty", wrong(l()), unanswered},
		{5, "an error the wrong way round", wrong(l("no", 201)), unanswered},
		{5, "an error that is a string", wrong("no"), unanswered},
		{5, "an error that is a dictionary", wrong(d("code", 201)), unanswered},
		{5, "an error without e", d("t", "aa", "y", "e"), unanswered},
		{5, "an error without t", d("e", l(201, "no"), "y", "e"), unanswered},
		{5, "an error of a negative code", wrong(l(-1, "no")), unanswered},
		{5, "an error that names a method", d("a", d("id", me), "e", l(204, "no"), "q", "ping", "t", "aa", "y", "e"), unanswered},
		{5, "an error of a huge code", wrong(l(raw("i99999999999999999999e"), "no")), unanswered},
	})
}
