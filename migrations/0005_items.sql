-- The items of BEP 44 that a node of BitTorrent's DHT was given (package
-- mainline). Such a node has a file of its own: it has no entries. What a
-- salvage finds of them is left behind: they live for two hours.
CREATE TABLE items (
    id         INTEGER PRIMARY KEY,
    target     BLOB    NOT NULL UNIQUE, -- 20 bytes
    public_key BLOB    NOT NULL, -- 32 bytes of a mutable item, none of an immutable one
    salt       BLOB    NOT NULL,
    seq        INTEGER NOT NULL,
    signature  BLOB    NOT NULL, -- 64 bytes, or none
    expires_at INTEGER NOT NULL, -- unix milliseconds
    value      BLOB    NOT NULL
) STRICT;

CREATE INDEX items_by_expiry ON items (expires_at);
