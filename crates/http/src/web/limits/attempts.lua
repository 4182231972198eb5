-- Attempts at a password, with the rules of the domain (sessions::attempts).
-- KEYS: the account and the address. ARGV: "begin" or "succeed"; failures without a delay, first
-- and longest delay, attempts in an hour, failures of an address in a minute, and the time after
-- which failures are forgotten. Times are in milliseconds; the clock is that of Redis.
-- "begin" returns 0 and the number of the attempt since the last success, or 1 (address) or 2
-- (account) and the whole seconds to wait.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local free, first, longest = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local hourly, of_address, forgotten = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local hour, minute = 3600000, 60000

-- The stored whole numbers; none if a value is missing, foreign or too far ahead.
local function read(key, count)
    local value = redis.pcall('GET', key)
    local numbers = {}
    for number in string.gmatch(type(value) == 'string' and value or '', '%d+') do
        numbers[#numbers + 1] = tonumber(number)
    end
    return #numbers == count and numbers or nil
end

local function write(key, numbers, expiry)
    for n, number in ipairs(numbers) do
        numbers[n] = string.format('%.0f', number)
    end
    redis.call('SET', key, table.concat(numbers, ' '), 'PX', string.format('%.0f', math.max(expiry, 1)))
end

local function seconds(time)
    return math.floor((time + 999) / 1000)
end

-- Failures since the last success, last attempt, end of the delay, attempts in the hour, its end.
local account = read(KEYS[1], 5)
if account and (account[3] > now + longest or account[5] > now + hour
    or now >= math.max(account[2], account[3]) + forgotten) then
    account = nil
end
account = account or {0, now, now, 0, now + hour}
-- Failures in the minute, its end.
local address = read(KEYS[2], 2)
if address and (address[2] > now + minute or now >= address[2]) then
    address = nil
end
address = address or {0, now + minute}

if ARGV[1] == 'succeed' then
    account[1], account[3] = 0, now
    address[1] = math.max(address[1] - 1, 0)
else
    if address[1] >= of_address then
        return {1, seconds(address[2] - now)}
    end
    local free_at = account[3]
    if now < account[5] and account[4] >= hourly then
        free_at = math.max(free_at, account[5])
    end
    if now < free_at then
        return {2, seconds(free_at - now)}
    end
    if now >= account[5] then
        account[4], account[5] = 0, now + hour
    end
    account[1], account[2], account[4] = account[1] + 1, now, account[4] + 1
    local delay = 0
    if account[1] >= free then
        delay = math.min(first * 2 ^ (account[1] - free), longest)
    end
    account[3] = now + delay
    address[1] = address[1] + 1
end
local count = account[1]
write(KEYS[1], account, math.max(account[3], account[2]) + forgotten - now)
write(KEYS[2], address, address[2] - now)
return {0, count}
