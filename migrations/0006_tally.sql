-- The store counts the usage itself, once for each transaction in place of once
-- for each row, and in the same transaction: see store/tally.go. Without
-- triggers SQLite need not be able to take back half a statement either.
DROP TRIGGER entry_came;
DROP TRIGGER entry_came_from;
DROP TRIGGER entry_changed;
DROP TRIGGER entry_went;
