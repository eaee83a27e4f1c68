// Package kad holds the words and the tunables of the house: identifiers,
// contacts, entries, and every number that has a meaning.
//
// It is a leaf. Everything imports it; it imports only the standard library.
// It owns no state, starts nothing and reads no clock.
//
// Sources named in the comments: "the paper" is Maymounkov and Mazières,
// "Kademlia: A Peer-to-Peer Information System Based on the XOR Metric"
// (IPTPS 2002); "Khashmir" is the const.py of the Python original.
package kad

import "time"

// Version is the protocol version that travels in every message. A node
// answers any version; it ignores keys it does not know.
const Version = 1

// The network. All nodes of one network should agree on these.
const (
	// K is the size of a bucket and the number of contacts a lookup finds
	// (paper, section 2.2; Khashmir: 8).
	K = 8

	// Alpha is how many questions of one lookup are in flight at once
	// (paper, section 2.3, suggests 3; Khashmir's CONCURRENT_REQS: 4).
	Alpha = 4

	// JoinWidth is how many times K contacts a node looks for when it looks for
	// its own place. The K closest to a key that it is to hold are not the K closest
	// to it, and where many begin at once, who asks only the closest it hears of
	// stays on an island (docs/adr/0024-who-holds-for-others-knows-more-than-k.md).
	JoinWidth = 2

	// Replicas is how many of the closest nodes a store writes to
	// (Khashmir's STORE_REDUNDANCY: 3; the paper writes to all K).
	Replicas = 8

	// PromptRank is up to which rank, as a part of Replicas, a contact is taken
	// for one of the closest before the lookup is over.
	PromptRank = 0.75

	// ValueTTL is how long an entry lives after its publisher stored it
	// (paper, section 2.5; Khashmir's KE_AGE: 24 h).
	ValueTTL = 24 * time.Hour

	// MinValueTTL and MaxValueTTL bound the lifetime that a publisher may ask
	// for instead. Lifetimes travel in whole seconds; a longer life than a
	// week is for a publisher who comes back to renew it.
	MinValueTTL = time.Second
	MaxValueTTL = 7 * 24 * time.Hour
)

// Limits on what one node keeps and accepts.
const (
	// MaxValueSize is the longest value, in bytes (Khashmir: none).
	MaxValueSize = 64 << 10

	// MaxEntriesPerKey is how many live entries a node holds under one key
	// (Khashmir: none). One key can then cost 64 MiB at the most.
	MaxEntriesPerKey = 1024

	// MaxEntries and MaxBytes are what a node holds in all (Khashmir: no
	// limit). The bytes are the values'.
	MaxEntries = 2 << 20
	MaxBytes   = 8 << 30

	// MaxPublisherEntries and MaxPublisherBytes are what it holds of one
	// publisher: an eighth, so that no single one can fill it.
	MaxPublisherEntries = MaxEntries / 8
	MaxPublisherBytes   = MaxBytes / 8

	// QuotaEntries and QuotaBytes are what it guarantees to one publisher. What
	// it holds beyond, up to the above, goes when the node is full and another
	// publisher wants no more than its own quota.
	QuotaEntries = MaxEntries / 64
	QuotaBytes   = MaxBytes / 64

	// EvictSlice is how many entries go at a time.
	EvictSlice = 16

	// MaxGroupEntries and MaxGroupBytes are what it holds that came from one
	// network (see Contact.Group): half, so that many identities at one place
	// cannot fill it either.
	MaxGroupEntries = MaxEntries / 2
	MaxGroupBytes   = MaxBytes / 2

	// MaxLookupQuestions ends a lookup that a liar keeps going: an honest
	// one needs about 15 questions in a network of 100,000 nodes.
	MaxLookupQuestions = 128

	// MaxLookups is how many lookups a node runs at once; one more is
	// refused, so that a caller's loop cannot fill the memory.
	MaxLookups = 1024
)

// The routing table.
const (
	// MaxFailures is how many questions in a row a contact may leave
	// unanswered before it loses its place (Khashmir: 3; the paper: 5).
	MaxFailures = 3

	// WideBuckets is how many of the farthest buckets hold more than K: the
	// last of them twice as many, the one before four times (Khashmir, the
	// paper: none). It saves a hop; see docs/adr/0010-wide-buckets.md.
	WideBuckets = 4

	// SparePingInterval paces the pings back to strangers for whom there is room
	// in a wide bucket that has K contacts already. In a young network they
	// would be half of all questions; those who answer us fill it too.
	SparePingInterval = time.Second

	// Witness is how long before a question somebody else must have answered
	// at the earliest, for its silence to count against the one asked.
	Witness = 10 * time.Second

	// MinPingInterval is how long a contact that answered is taken to be
	// alive without asking again (Khashmir: 15 min).
	MinPingInterval = 15 * time.Minute

	// BucketStaleness is how long a bucket may go without a lookup in its
	// range before it is refreshed (paper, section 2.3; Khashmir: 1 h), unless
	// it is full and all in it have answered within that time.
	BucketStaleness = time.Hour

	// SettleBuckets is how many of the farthest buckets a node looks into as soon
	// as it has found its place (paper, section 2.3: all; Khashmir: none). 15 of 16
	// targets are in those four. SettledFor is how long they then count as fresh:
	// the network may have been as new as the node.
	SettleBuckets = 4
	SettledFor    = 15 * time.Minute

	// SizeFresh is for how long a lookup tells how many nodes there are.
	SizeFresh = 6 * time.Hour

	// RefreshWidth is how many contacts a node looks for when it refreshes a bucket that
	// has K, which is a third of the questions that K take. Around itself, and where it
	// knows fewer, it looks for K.
	RefreshWidth = 2

	// ReplacementsPerBucket is how many contacts wait for a place in a full
	// bucket (paper, section 4.1, keeps them too; Khashmir: none).
	ReplacementsPerBucket = 8
)

// The node's housekeeping.
const (
	// CheckpointInterval is how often the contacts are saved (Khashmir:
	// 15 min, though its automatic checkpoint ran only once).
	CheckpointInterval = 15 * time.Minute

	// ExpireInterval is how often expired entries are swept from the disk;
	// none is ever returned before that either (Khashmir's KE_DELAY: 20 min).
	ExpireInterval = 5 * time.Minute

	// ExpireSlice is how many entries one transaction of the sweep drops.
	// 200 take about 10 ms; 2,000 would block writers for 100 ms.
	ExpireSlice = 200

	// MaintainInterval is how often the node looks whether a bucket wants
	// a refresh or the table has run empty.
	MaintainInterval = time.Minute

	// RepublishInterval is how often the node looks which of the values it
	// keeps alive are due (Khashmir: never republished; paper, section 2.5:
	// the publisher every 24 h). Each is due after half its lifetime, so one
	// round may fail and nothing is lost.
	RepublishInterval = time.Minute

	// MinKeptTTL is the shortest lifetime of a value that is kept alive: half
	// of it must leave room for a retry.
	MinKeptTTL = 2 * RepublishRetry

	// RepublishRetry is when a value that could not be stored is due again.
	RepublishRetry = 5 * time.Minute

	// RepublishSlice is how many values are read from the disk at a time to
	// be stored again, Alpha of them at once.
	RepublishSlice = 64

	// TokenInterval is how often the secret behind write tokens changes;
	// the previous one is still honoured (BEP 5: 5 min).
	TokenInterval = 5 * time.Minute

	// TokenSize is the length of a write token in bytes.
	TokenSize = 8

	// SavedContacts is how many contacts a checkpoint keeps.
	SavedContacts = 512
)

// Replication: the holders of a key see to it that all of them hold it.
const (
	// ReplicateInterval is the longest time between two rounds in which a
	// holder compares what it holds with the others (paper, section 2.5: every
	// hour; Khashmir: never).
	ReplicateInterval = time.Hour

	// MinReplicateInterval is the shortest, less the quarter by which a round may
	// come early; the first is within it.
	MinReplicateInterval = time.Minute

	// RoundsPerHalfLife is how many rounds fall into the time in which half of
	// the contacts die: with 8 copies 10 of them lose one value in ten million a
	// day at a half-life of 1 h, 6 lose 3 in a million, one an hour would lose 9
	// in a hundred.
	RoundsPerHalfLife = 10

	// FirstHalfLife is what a node supposes before it has watched anybody, and
	// FirstDeaths for how many deaths that counts. Most nodes of a short-lived
	// network live to see but a few; where lives are long it soon knows better.
	// MaxHalfLife is the most that it believes in, for peace does not last for ever, and
	// no more than that with which rounds are as far apart as they may be.
	FirstHalfLife = 10 * time.Minute
	FirstDeaths   = 1
	MaxHalfLife   = 24 * time.Hour

	// DeathsRemembered is after how many deaths the older half is forgotten.
	DeathsRemembered = 64

	// MaxRound is how long a round may take, whoever draws it out: what is left is
	// for the next.
	MaxRound = 15 * time.Minute

	// TrustingRounds: one round in so many, the first among them, is done in full,
	// the others leave out what another holder has just gone over. So a
	// liar can put off a repair and not prevent it.
	TrustingRounds = 4

	// TrustedFor is for what part of an interval that is left out. The other may die
	// before its next round, and nobody would look until one of the others' after that.
	TrustedFor = 0.5

	// StrayMargin is how far beyond the Replicas closest a holder must be to let
	// an entry go: nodes need not agree on who is closest.
	StrayMargin = 4

	// StrayWidth is how many contacts a node looks for to learn whose place a stray
	// has: each names those closest to it. Of one alone a single liar would decide.
	StrayWidth = 2

	// StrayLookups is for how many keys a round looks for those whose place
	// they are; the others wait for the next.
	StrayLookups = 64

	// CompareEntries is how many entries are digested at a time: about 1 ms.
	// CompareMarks is how many marks one answer lists, 8 bytes each.
	CompareEntries = 4096
	CompareMarks   = 512

	// HandoverDelay is how much later the second closest to a newcomer hands
	// over what it should hold than the closest, and so on: they find little
	// left to do. With a second 45 in 100 that arrive are there already, with three
	// 33, with five 23.
	HandoverDelay = 3 * time.Second

	// LeaveTimeout is how long Close goes on handing over what the node holds.
	LeaveTimeout = 5 * time.Second

	// LostContacts is how many contacts that fell silent are asked again from
	// time to time, for LostFor: a partition ends.
	LostContacts = 128
	LostFor      = 24 * time.Hour
)

// Caching: who wanted a value gives a copy to a node on the way that had none
// (paper, section 2.3), so that a key everybody wants is not its holders' burden
// alone.
const (
	// CacheTTL is how long a node as close to a key as its holders caches an
	// entry of it. Who is n times as far does so for the root of n less. It is
	// also how long a removed value may turn up in finds that take cached
	// copies.
	CacheTTL = 30 * time.Minute

	// MinCacheTTL is below which a copy is not worth its message.
	MinCacheTTL = 30 * time.Second

	// CacheShare is the part of all nodes around a key that cache its entries.
	CacheShare = 1.0 / 24

	// CacheEntries is how many entries of one key are cached, CacheBytes what a
	// node's whole cache takes, with CacheOverhead for each entry.
	CacheEntries  = 4
	CacheBytes    = 1 << 20
	CacheOverhead = 256

	// HotAnswers is how often in a HotInterval a node gives the values of one key
	// to finds that take any, before it sends them on to the others that have it:
	// values of 64 KiB take 27 KiB/s then, from nodes that all know, too.
	HotAnswers  = 25
	HotInterval = time.Minute

	// HotHelpers is how many times K nodes must be there to have cached it, for
	// that to be of use; they are named: a network of fewer than 1,536 sends nobody on.
	HotHelpers = 8

	// HotKeys is for how many keys at once that is counted, in some 200 KiB.
	HotKeys = 4096
)

// Messages.
const (
	// MaxMessageSize is the longest message in bytes, encoded: one value of
	// the largest size with room to spare.
	MaxMessageSize = 128 << 10

	// PageSize is how many bytes of entries one find_value answer carries;
	// the rest is asked for page by page. One entry always fits.
	PageSize = 64 << 10

	// EntryOverhead is what an entry takes of a page beside its value, in
	// bytes at the most: its publisher, age, lifetime and their keys.
	EntryOverhead = 80

	// MaxMessageDepth and MaxMessageItems bound what the bencode guard lets
	// through to the decoder: nesting, and values in all.
	MaxMessageDepth = 8
	MaxMessageItems = 8192

	// MaxContactsPerReply is how many contacts of one answer are believed.
	MaxContactsPerReply = 2 * K
)

// Time-outs. A question's time-out is what the contact's own answers taught:
// mean + 4 deviations (RFC 6298), within these bounds.
const (
	// FirstTimeout is allowed to a contact that never answered yet.
	FirstTimeout = 1500 * time.Millisecond

	// MinTimeout is never undercut: a busy machine, a garbage collection or
	// one slow commit is not a death.
	MinTimeout = 500 * time.Millisecond

	// MaxTimeout is the longest wait for one answer.
	MaxTimeout = 5 * time.Second

	// MeetTimeout is for how long from its start on a node waits for the contacts
	// that it was started with, where a lookup finds fewer than K others.
	MeetTimeout = 10 * time.Second

	// DialTimeout is allowed for a handshake; a dead address costs all of it.
	DialTimeout = 1500 * time.Millisecond

	// MinLate and MaxLate bound when a question counts as late: the lookup
	// then asks the next contact without giving the late one up.
	MinLate = 30 * time.Millisecond
	MaxLate = time.Second
)

// Datagrams: questions and answers that fit a packet need no connection.
const (
	// MaxDatagram is the longest packet sent, in bytes: what QUIC too takes
	// every path to carry (RFC 9000, section 14).
	MaxDatagram = 1200

	// FirstResend is when a question is sent again to a contact that never
	// answered yet, MinResend to one that did at the earliest; the next
	// time after twice as long, and so on.
	FirstResend = 250 * time.Millisecond
	MinResend   = 40 * time.Millisecond

	// MaxPairs is for how many nodes, twice, a shared secret is remembered.
	// One takes about 250 bytes to keep and 50 µs to make.
	MaxPairs = 256

	// MaxWrites is how many answers to a store_value are remembered, so that
	// one that is sent again is not done again.
	MaxWrites = 256
)

// Connections (QUIC). One costs about 53 KiB and two goroutines at each end,
// so they are dialled on demand and few are kept.
const (
	// MaxConnections is how many idle or busy connections a node keeps
	// before it closes the one unused for longest.
	MaxConnections = 16

	// MaxBusyConnections is where a node refuses more because all of them
	// are in use.
	MaxBusyConnections = 256

	// ConnectionIdle is how long a connection lives unused.
	ConnectionIdle = 30 * time.Second

	// MaxStreams is how many questions one peer may have open with us.
	MaxStreams = 64

	// MaxSessions is how many TLS sessions are kept for resumption.
	MaxSessions = 64

	// MaxRoundTrips is for how many contacts round trips are remembered.
	MaxRoundTrips = 1024
)

// BitTorrent's DHT (package mainline): packets.
const (
	// BatchSize is how many packets are read, and how many answered, with one
	// call of the system.
	BatchSize = 64

	// MaxPacket is the longest packet that is read, in bytes. A put of the
	// largest item has some 1,300; one of a longer item is told that it is too
	// long, where it still fits.
	MaxPacket = 4 << 10

	// UDPBuffer is what is asked of the system for packets that wait, in
	// bytes. Its usual 208 KiB hold about 190 of them.
	UDPBuffer = 4 << 20

	// FloodLimit is how many questions of one address are answered in
	// FloodInterval seconds: answers go to whoever a packet says sent it.
	FloodLimit    = 2000
	FloodInterval = 10
)

// BitTorrent's DHT: what a node holds for others. All of it is in memory; see
// docs/adr/0011-mainline.md.
const (
	// PeerTTL is how long an announced peer is held (BEP 5 leaves it open; all
	// clients announce again within half an hour).
	PeerTTL = 30 * time.Minute

	// MaxSwarms, MaxSwarmPeers and MaxPeers are for how many info-hashes, and
	// how many peers of each and in all, in each family of addresses. A peer
	// takes about 60 bytes, a swarm 300.
	MaxSwarms     = 16 << 10
	MaxSwarmPeers = 512
	MaxPeers      = 256 << 10

	// MaxPeersPerAddress is how many of one swarm's may have one address.
	MaxPeersPerAddress = 16

	// MaxSamples is how many info-hashes a sample has, and SampleInterval how
	// long it stays the same, in seconds, where there are more (BEP 51: up to
	// 6 h).
	MaxSamples     = 20
	SampleInterval = 60

	// ItemTTL is how long an item is held after it was put (BEP 44: 2 h).
	ItemTTL = 2 * time.Hour

	// MaxItemValue and MaxSalt are the longest value, bencoded, and the longest
	// salt, in bytes (BEP 44).
	MaxItemValue = 1000
	MaxSalt      = 64

	// MaxItems is how many items: some 20 MiB of the largest.
	MaxItems = 16 << 10

	// MaxPuts is how many wait for their signature to be verified.
	MaxPuts = 1024
)

// BitTorrent's DHT: what a node asks of others.
const (
	// PacketsPerMinute and DestinationsPerMinute bound that, in each family of
	// addresses: a lookup asks some 40 nodes.
	PacketsPerMinute      = 6000
	DestinationsPerMinute = 3000

	// MaxWaiting is how many questions wait for that.
	MaxWaiting = 4096

	// MaxPingBacks is how many of those that asked are asked back at once.
	MaxPingBacks = 32

	// EnoughVotes is how many addresses must have seen us at the same one, for
	// the node to take another ID (BEP 42); MaxVotes is how many are counted.
	EnoughVotes = 8
	MaxVotes    = 32

	// BootstrapRetry is how soon a node without contacts tries again to find
	// any.
	BootstrapRetry = 15 * time.Second

	// MaxCrawlNodes is how many nodes a crawl hears of, CrawlQuestions what it
	// asks of each, and CrawlInFlight how many it asks at once.
	MaxCrawlNodes  = 1 << 20
	CrawlQuestions = 4
	CrawlInFlight  = 64
)

// The gateway (package web): what one of it does for its clients at once. Each
// bound holds whatever they do.
const (
	// GatewayTimeout ends an operation that somebody waits for. The slowest
	// lookup that is still of use takes a few seconds.
	GatewayTimeout = 30 * time.Second

	// GatewayRequests is how many requests are served at once, GatewayStreams
	// how many streams beside them, and GatewayConnections how many connections
	// a listener has open.
	GatewayRequests    = 64
	GatewayStreams     = 64
	GatewayConnections = 256

	// GatewayHeader is the longest head of a request in bytes, GatewayKey the
	// longest text of a key. A body is as long as a value may be.
	GatewayHeader = 16 << 10
	GatewayKey    = 4 << 10

	// GatewayHeaderTimeout and GatewayBodyTimeout are for a client to say what
	// it wants, GatewayWriteTimeout for it to take a part of the answer, and
	// GatewayIdle for a connection that is not used.
	GatewayHeaderTimeout = 5 * time.Second
	GatewayBodyTimeout   = 10 * time.Second
	GatewayWriteTimeout  = 10 * time.Second
	GatewayIdle          = time.Minute

	// GatewayGrace is how long a gateway that is closed waits for operations in
	// progress.
	GatewayGrace = 5 * time.Second

	// GatewayFound is how many bytes of values one answer in JSON has: a stream
	// has all of them. GatewayWatched is how many a watched key may have, for
	// who watches it is told which are gone.
	GatewayFound   = 2 << 20
	GatewayWatched = 1 << 20

	// GatewayBacklog is how many events wait for a slow listener; it loses more.
	GatewayBacklog = 1024

	// GatewayBeat is how often a silent stream shows that it lives, so that one
	// whose client is gone is noticed.
	GatewayBeat = 15 * time.Second

	// WatchInterval is how often a watched key is looked up again, and
	// MinWatchInterval how often at the most.
	WatchInterval    = 10 * time.Second
	MinWatchInterval = time.Second

	// HoldingsPage is how many keys a page of holdings has, unless it says
	// otherwise, and MaxHoldingsPage how many at the most.
	HoldingsPage    = 100
	MaxHoldingsPage = 1000

	// MinGatewayToken is the shortest bearer token that keeps strangers out
	// where they can try, in bytes.
	MinGatewayToken = 16
)

// Health (package web): when a node counts as degraded.
const (
	// HealthWindow is over how long counts are compared: longer than
	// MinPingInterval, so that whoever knows this node has had a reason to ask.
	// HealthInterval is how often, at the most, they are remembered for that.
	HealthWindow   = 30 * time.Minute
	HealthInterval = 30 * time.Second

	// EnoughAnswers is how many answers this node must have had in that time,
	// for it to be odd that nobody asks it.
	EnoughAnswers = 8

	// EnoughAsked is after how many questions their silence says anything, and
	// MaxSilent which part of them may stay silent. Of those that others name
	// some are always gone.
	EnoughAsked = 20
	MaxSilent   = 0.5

	// NearlyFull is which part of its store a node may use before it is said.
	NearlyFull = 0.9

	// ClockJump is by how much the system's clock may be set in HealthWindow,
	// FirstYear before which it is plainly wrong: a machine that has none begins
	// in 1970.
	ClockJump = time.Minute
	FirstYear = 2026

	// SmallBuffer is what Linux gives a socket at the most unless it is told
	// otherwise, in bytes: about 190 packets.
	SmallBuffer = 212992
)
