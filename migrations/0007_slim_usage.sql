-- A row of usage is found by its name alone: without a rowid it is in one tree in
-- place of two, and a put of a new publisher writes a page less.
CREATE TABLE taken (
    name    BLOB    PRIMARY KEY, -- a publisher's 32 bytes, or g and a network; none: the sum
    entries INTEGER NOT NULL,
    bytes   INTEGER NOT NULL     -- of their values
) STRICT, WITHOUT ROWID;

INSERT INTO taken SELECT publisher, entries, bytes FROM usage;
DROP TABLE usage;
