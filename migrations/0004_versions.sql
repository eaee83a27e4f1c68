-- Entries have versions, signed by their publishers, so that holders can hand
-- them on and compare what they hold. Entries from before are not signed; no
-- other holder would take them, so they end here.
DROP TABLE entries;
DELETE FROM usage;
INSERT INTO usage VALUES (x'', 0, 0);

-- An entry is one value of one publisher under a key. Its id is its position: it
-- grows with every new entry and stays when a newer version takes its place.
-- Times are unix milliseconds of the local clock.
CREATE TABLE entries (
    id         INTEGER PRIMARY KEY,
    key        BLOB    NOT NULL, -- 20 bytes
    item       BLOB    NOT NULL, -- 16 bytes: publisher and value, hashed
    mark       INTEGER NOT NULL, -- tells this version from all others
    seq        INTEGER NOT NULL,
    removed    INTEGER NOT NULL, -- 1: the value is the hash of what it was
    publisher  BLOB    NOT NULL, -- 32 bytes
    origin     BLOB    NOT NULL, -- g and the network it came from; none: not limited
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    signature  BLOB    NOT NULL, -- 64 bytes
    checksum   INTEGER NOT NULL, -- of all the rest: a disk may forget
    value      BLOB    NOT NULL  -- last: long values then cost the other columns nothing
) STRICT;

-- Holders compare what is under a range of keys by this index alone. One item
-- is under a key once: the store sees to that.
CREATE INDEX entries_by_key ON entries (key, item, expires_at, mark);

-- The sweep walks this, soonest expired first.
CREATE INDEX entries_by_expiry ON entries (expires_at);

-- usage counts by publisher, by origin and, under the empty name, in all.
CREATE TRIGGER entry_came AFTER INSERT ON entries BEGIN
    INSERT INTO usage VALUES (NEW.publisher, 1, length(NEW.value))
        ON CONFLICT (publisher) DO UPDATE SET entries = entries + 1, bytes = bytes + excluded.bytes;
    UPDATE usage SET entries = entries + 1, bytes = bytes + length(NEW.value) WHERE publisher = x'';
END;

CREATE TRIGGER entry_came_from AFTER INSERT ON entries WHEN NEW.origin <> x'' BEGIN
    INSERT INTO usage VALUES (NEW.origin, 1, length(NEW.value))
        ON CONFLICT (publisher) DO UPDATE SET entries = entries + 1, bytes = bytes + excluded.bytes;
END;

CREATE TRIGGER entry_changed AFTER UPDATE OF value ON entries BEGIN
    UPDATE usage SET bytes = bytes + length(NEW.value) - length(OLD.value)
        WHERE publisher IN (OLD.publisher, OLD.origin, x'');
END;

-- A REPLACE does not fire this one, so the store never uses it on entries.
CREATE TRIGGER entry_went AFTER DELETE ON entries BEGIN
    UPDATE usage SET entries = entries - 1, bytes = bytes - length(OLD.value)
        WHERE publisher IN (OLD.publisher, OLD.origin, x'');
    DELETE FROM usage WHERE publisher IN (OLD.publisher, OLD.origin) AND publisher <> x'' AND entries = 0;
END;
