-- What this node publishes and keeps alive: it stores each again before its
-- lifetime is over, until it is told to forget it. Times are unix milliseconds.
CREATE TABLE kept (
    id         INTEGER PRIMARY KEY,
    key        BLOB    NOT NULL, -- 20 bytes
    value_hash BLOB    NOT NULL, -- SHA-256 of the value
    ttl        INTEGER NOT NULL, -- the lifetime to store it with, in milliseconds
    due_at     INTEGER NOT NULL, -- when to store it again
    value      BLOB    NOT NULL,
    UNIQUE (key, value_hash)
) STRICT;

CREATE INDEX kept_by_due ON kept (due_at);
