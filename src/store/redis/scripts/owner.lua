-- What a user may do now. KEYS: gate. ARGV: the owner, as JSON. Returns the generation.
local gate = read_gate(KEYS[1])
put_owner(gate, cjson.decode(ARGV[1]))
write_gate(KEYS[1], gate)
return string.format('%.0f', gate.generation)
