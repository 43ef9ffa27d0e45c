-- On a server without memory Redis refuses the first command of a script that may need some; one that has begun to write
-- may go on. Signing out, and telling of it, must be possible then: so those scripts begin with a write that needs none.
local function go_on(sorted_set)
  redis.pcall('ZREM', sorted_set, '-') -- where it is no such set, what needs it says so
end
