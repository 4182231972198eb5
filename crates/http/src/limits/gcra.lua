-- Takes a place in each bucket in turn, as governor does, and stops at the first that has none.
-- KEYS: the buckets. ARGV: for each, how many places it has, all of which come back within a minute.
-- Gives the number of the last bucket that was asked, the places that are left in it, and, if there was none, the whole
-- seconds after which there is one. The time is that of Redis, in microseconds, so that no other clock matters.
local minute = 60000000
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local answer
for n, key in ipairs(KEYS) do
    local places = tonumber(ARGV[n])
    local period = minute / places
    -- When the bucket would be full again. What isn't such a time, or one too far away, was written by somebody else or
    -- before the clock was set back: the bucket begins anew.
    local full = redis.pcall('GET', key)
    full = type(full) == 'string' and tonumber(full)
    if not full or not (full <= now + minute) then
        full = now
    end
    local wait = full - (minute - period) - now
    if wait > 0 then
        return {n, 0, math.floor(wait / 1000000) + 1}
    end
    full = math.max(full, now) + period
    -- As text of our own: Lua's has fourteen digits only.
    redis.call('SET', key, string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
    answer = {n, math.floor((minute - (full - now)) / period), 0}
end
return answer
