-- What is still to follow from a change of an account, where sessions are kept elsewhere; empty where they are kept here. The
-- key grows while there is an older row: of one user, they stand in the order of the changes.
CREATE TABLE consequence (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    user TEXT NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;

-- One row: which records these are, so that nobody takes others for them.
CREATE TABLE identity (id TEXT NOT NULL) STRICT;
INSERT INTO identity (id) VALUES (lower(hex(randomblob(16))));
