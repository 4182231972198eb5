-- Takes tokens from each bucket in turn (GCRA, as governor does) and stops at the first bucket with
-- fewer. KEYS: the buckets. ARGV: the number of tokens, and the capacity of each bucket, which
-- refills within one minute. Returns the number of the last bucket checked, its remaining tokens
-- and, if it had too few, the whole seconds until it has them. The clock is that of Redis, in microseconds; no other clock
-- is involved.
local minute = 60000000
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local tokens = tonumber(ARGV[1])
local result
for n, key in ipairs(KEYS) do
    local capacity = tonumber(ARGV[n + 1])
    local period = minute / capacity
    -- Time at which the bucket is full. Any other value, or a time too far ahead (foreign data, or
    -- a clock that was set back), resets the bucket.
    local full = redis.pcall('GET', key)
    full = type(full) == 'string' and tonumber(full)
    if not full or not (full <= now + minute) then
        full = now
    end
    local wait = full - (minute - tokens * period) - now
    if wait > 0 then
        return {n, 0, math.floor(wait / 1000000) + 1}
    end
    full = math.max(full, now) + tokens * period
    -- Formatted explicitly: Lua prints fourteen digits only.
    redis.call('SET', key, string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000))
    result = {n, math.floor((minute - (full - now)) / period), 0}
end
return result
