-- On a server without memory Redis refuses the first command of a script that may need some; one that has begun to write
-- may go on. Acts of whoever is signed in, and telling of them, must be possible then: so those scripts begin with a write that needs none.
local function go_on(key)
  redis.pcall('ZREM', key, '-') -- it counts as a write also where there is no sorted set
end
