-- Names and addresses as they are compared, where that is not how they are kept: those from before names were normalised
-- (PRECIS UsernameCaseMapped), unless two accounts would share one.
CREATE TABLE login (
    key TEXT PRIMARY KEY,
    account TEXT NOT NULL REFERENCES account (id) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
CREATE INDEX login_by_account ON login (account);
