-- What is still to follow from a change of an account, where sessions are kept elsewhere; empty where they are kept here. The
-- key grows while there is an older row: of one user, they stand in the order of the changes.
CREATE TABLE consequence (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    user TEXT NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
