package bep5

// body passes over a or r and notes the keys that anybody gives a meaning.
func (p *parser) body(m *Message) bool {
	d, ok := p.open('d')
	for ok && p.more() {
		var key []byte
		if key, ok = d.key(p); ok {
			ok = p.field(m, key)
		}
	}
	return ok && p.end()
}

func (p *parser) field(m *Message, key []byte) bool {
	switch string(key) {
	case "id":
		return p.text(m, FieldID, &m.ID)
	case "info_hash":
		return p.text(m, FieldInfoHash, &m.InfoHash)
	case "target":
		return p.text(m, FieldTarget, &m.Target)
	case "token":
		return p.text(m, FieldToken, &m.Token)
	case "nodes":
		return p.text(m, FieldNodes, &m.Nodes)
	case "nodes6":
		return p.text(m, FieldNodes6, &m.Nodes6)
	case "port":
		return p.number(m, FieldPort, &m.Port)
	case "implied_port":
		return p.flag(m, FieldImpliedPort, &m.ImpliedPort)
	case "want":
		return p.want(m)
	case "values":
		return p.any(m, FieldValues, &m.Values, 'l')
	case "k":
		return p.text(m, FieldKey, &m.Key)
	case "salt":
		return p.text(m, FieldSalt, &m.Salt)
	case "sig":
		return p.text(m, FieldSig, &m.Sig)
	case "seq":
		return p.number(m, FieldSeq, &m.Seq)
	case "cas":
		return p.number(m, FieldCAS, &m.CAS)
	case "v":
		return p.any(m, FieldValue, &m.Value, 0)
	case "scrape":
		return p.flag(m, FieldScrape, &m.Scrape)
	case "seed":
		return p.flag(m, FieldSeed, &m.Seed)
	case "noseed":
		return p.flag(m, FieldNoSeed, &m.NoSeed)
	case "BFpe":
		return p.text(m, FieldBloomPeers, &m.BloomPeers)
	case "BFsd":
		return p.text(m, FieldBloomSeeds, &m.BloomSeeds)
	case "interval":
		return p.number(m, FieldInterval, &m.Interval)
	case "num":
		return p.number(m, FieldNum, &m.Num)
	case "samples":
		return p.text(m, FieldSamples, &m.Samples)
	}
	return p.skip(2)
}

func (m *Message) note(field Fields, is bool) {
	if is {
		m.Has |= field
	} else {
		m.Wrong |= field
	}
}

func (p *parser) text(m *Message, field Fields, into *[]byte) (ok bool) {
	*into, ok = p.maybeString()
	m.note(field, *into != nil)
	return ok
}

func (p *parser) number(m *Message, field Fields, into *int64) bool {
	n, is, ok := p.maybeInt()
	*into = n
	m.note(field, is)
	return ok
}

func (p *parser) flag(m *Message, field Fields, into *bool) bool {
	n, is, ok := p.maybeInt()
	*into = n != 0
	m.note(field, is)
	return ok
}

// any keeps a value as it stands; one that does not begin with c is wrong.
func (p *parser) any(m *Message, field Fields, into *[]byte, c byte) bool {
	start := p.at
	if !p.skip(2) {
		return false
	}
	is := c == 0 || p.b[start] == c
	if is {
		*into = p.b[start:p.at:p.at]
	}
	m.note(field, is)
	return true
}

// want is a list of "n4" and "n6"; others may come one day.
func (p *parser) want(m *Message) bool {
	if p.peek() != 'l' {
		m.note(FieldWant, false)
		return p.skip(2)
	}
	p.at++
	for p.more() {
		s, ok := p.maybeString()
		if !ok {
			return false
		}
		switch string(s) {
		case "n4":
			m.Want4 = true
		case "n6":
			m.Want6 = true
		}
	}
	m.note(FieldWant, true)
	return p.end()
}
