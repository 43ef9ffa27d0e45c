-- Ids are kept as they are shown, moments as milliseconds since 1970, secrets as SHA-256 digests.

-- What the gate must know of a user, beside the sessions. A session counts only while its generation is the owner's.
CREATE TABLE owner (
    id TEXT PRIMARY KEY,
    generation INTEGER NOT NULL,
    version INTEGER, -- null: nothing is known of them but the generation
    disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1)),
    name TEXT,
    display_name TEXT,
    email TEXT,
    roles TEXT NOT NULL DEFAULT '[]'
) STRICT, WITHOUT ROWID;

-- The body comes last: a check reads what stands before it and no JSON.
CREATE TABLE session (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL REFERENCES owner (id),
    generation INTEGER NOT NULL,
    secret BLOB NOT NULL CHECK (length(secret) = 32),
    former BLOB CHECK (length(former) = 32),
    former_until INTEGER,
    opened INTEGER NOT NULL,
    remembered INTEGER NOT NULL CHECK (remembered IN (0, 1)),
    kind TEXT NOT NULL,
    assurance INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT;
CREATE INDEX session_by_owner ON session (owner);

-- What the heartbeat moves: small rows, apart from the session, so that a flush writes few pages.
CREATE TABLE activity (
    session INTEGER PRIMARY KEY REFERENCES session (key) ON DELETE CASCADE,
    latest INTEGER NOT NULL,
    ip TEXT NOT NULL,
    actions INTEGER NOT NULL,
    last_page TEXT
) STRICT;

-- Notes about sessions that are gone. Only for the sentence on the sign-in page.
CREATE TABLE ended (
    id TEXT PRIMARY KEY,
    secret BLOB NOT NULL,
    former BLOB,
    at INTEGER NOT NULL,
    ending TEXT NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX ended_by_time ON ended (at);

-- The keys are name and address as they are compared at sign-in.
CREATE TABLE account (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    display_name TEXT,
    email TEXT,
    email_key TEXT UNIQUE,
    roles TEXT NOT NULL,
    disabled INTEGER NOT NULL CHECK (disabled IN (0, 1)),
    created INTEGER NOT NULL,
    password_set INTEGER,
    version INTEGER NOT NULL
) STRICT;

CREATE TABLE password (
    account TEXT PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    hash TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE link (
    digest BLOB PRIMARY KEY CHECK (length(digest) = 32),
    account TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX link_by_account ON link (account);

CREATE TABLE device (
    account TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE,
    digest BLOB NOT NULL CHECK (length(digest) = 32),
    id TEXT NOT NULL,
    sign_ins INTEGER NOT NULL,
    first_used INTEGER NOT NULL,
    last_used INTEGER NOT NULL,
    PRIMARY KEY (account, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX device_by_use ON device (last_used);

-- The key grows: of two entries of one moment, the one written later is the newer.
CREATE TABLE journal (
    key INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    at INTEGER NOT NULL,
    user TEXT,
    fact TEXT NOT NULL,
    sign_in TEXT CHECK (sign_in IN ('succeeded', 'failed')), -- null: it was no sign-in
    body TEXT NOT NULL
) STRICT;
CREATE INDEX journal_by_time ON journal (at);
CREATE INDEX journal_of_sign_ins ON journal (user, at, key, sign_in) WHERE sign_in IS NOT NULL;

CREATE TABLE throttle (
    name TEXT PRIMARY KEY,
    tries TEXT NOT NULL, -- when, oldest first
    closed_until INTEGER,
    says_nothing_from INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX throttle_by_end ON throttle (says_nothing_from);
