-- Writes lines into the journal. KEYS: as in journal.lua. ARGV: the lines, as JSON.
write_journal(cjson.decode(ARGV[1]))
return 1
