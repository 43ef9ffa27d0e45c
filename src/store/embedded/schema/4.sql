-- Failed sign-ins by time: those of names that nobody has go first where the journal has no more room.
CREATE INDEX journal_of_unknown ON journal (at)
    WHERE fact IN ('sign_in_failed', 'sign_ins_failed') AND user IS NULL;
CREATE INDEX journal_of_failures ON journal (at)
    WHERE fact IN ('sign_in_failed', 'sign_ins_failed') AND user IS NOT NULL;
