-- How much of the disk each publisher's entries take, kept by SQLite itself so
-- that a limit costs one look, not a count. The empty publisher is all of them.
CREATE TABLE usage (
    publisher BLOB    PRIMARY KEY, -- 32 bytes; none: the sum
    entries   INTEGER NOT NULL,
    bytes     INTEGER NOT NULL     -- of their values
) STRICT;

INSERT INTO usage SELECT x'', COUNT(*), COALESCE(SUM(length(value)), 0) FROM entries;
INSERT INTO usage SELECT publisher, COUNT(*), SUM(length(value)) FROM entries GROUP BY publisher;

CREATE TRIGGER entry_came AFTER INSERT ON entries BEGIN
    INSERT INTO usage VALUES (NEW.publisher, 1, length(NEW.value))
        ON CONFLICT (publisher) DO UPDATE SET entries = entries + 1, bytes = bytes + excluded.bytes;
    UPDATE usage SET entries = entries + 1, bytes = bytes + length(NEW.value) WHERE publisher = x'';
END;

-- A REPLACE does not fire this one, so the store never uses it on entries.
CREATE TRIGGER entry_went AFTER DELETE ON entries BEGIN
    UPDATE usage SET entries = entries - 1, bytes = bytes - length(OLD.value) WHERE publisher IN (OLD.publisher, x'');
    DELETE FROM usage WHERE publisher = OLD.publisher AND entries = 0;
END;
