-- What one node keeps on disk: its entries, its identity, its contacts.

-- An entry is one value under a key, unique by (key, value). Its id is its
-- position: it grows with every new entry and stays when the entry is renewed.
-- Times are unix milliseconds of the local clock.
CREATE TABLE entries (
    id         INTEGER PRIMARY KEY,
    key        BLOB    NOT NULL, -- 20 bytes
    value_hash BLOB    NOT NULL, -- SHA-256 of the value, so that the index stays small
    publisher  BLOB    NOT NULL, -- 32 bytes, all zero when not known
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    value      BLOB    NOT NULL, -- last: long values then cost the other columns nothing
    UNIQUE (key, value_hash)
) STRICT;

-- The sweep walks this, soonest expired first.
CREATE INDEX entries_by_expiry ON entries (expires_at);

-- The node's Ed25519 seed. There is one row at the most.
CREATE TABLE identity (
    one  INTEGER PRIMARY KEY CHECK (one = 1),
    seed BLOB    NOT NULL
) STRICT;

-- The last checkpoint of the routing table, in the order it was saved.
-- An address is text such as 192.0.2.1:8468, empty where there is none.
CREATE TABLE contacts (
    position   INTEGER PRIMARY KEY,
    public_key BLOB    NOT NULL, -- 32 bytes, all zero when not known
    v4         TEXT    NOT NULL,
    v6         TEXT    NOT NULL
) STRICT;
