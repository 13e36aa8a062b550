-- One request of one tenant against limits that several gateways share, decided
-- and charged at once.
--
-- KEYS: the tenant's buckets, its counts of the day, its counts of the month.
-- ARGV: mode (charge; force: count also what is over; give: take back),
--       signal, records, bytes, records and bytes that are owed for the day, the
--       same for the month, numbers of the newest answer that the caller has and of
--       the newest about the signal,
--       rate and burst of records, rate and burst of bytes,
--       eight limits of quotas (day then month, each: bytes of all, records of
--       all, bytes of the signal, records of the signal; 0: none),
--       what the caller knows to be used of them, for counts that are lost: they
--       are if the caller has a newer answer about them than Redis remembers.
-- Returns the number of the limit that is exceeded (0 none, 1 records, 2 bytes per
-- second, 3 and up the quotas), seconds to wait for a rate, the number of the
-- answer, and what is used of the eight quotas. Numbers grow, also when Redis has
-- lost its data: a caller may get its answers in another order.
local mode, signal = ARGV[1], ARGV[2]
local cost = {tonumber(ARGV[3]), tonumber(ARGV[4])} -- records, bytes
local owed = { -- of the day, of the month
  {tonumber(ARGV[5]), tonumber(ARGV[6])},
  {tonumber(ARGV[7]), tonumber(ARGV[8])},
}
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1e6
local over, wait = 0, 0

local fields = {'all:bytes', 'all:records', signal .. ':bytes', signal .. ':records'}
local used = {}
-- place returns where quota i is counted, and whether in records (1) or bytes (2).
local function place(i)
  return i <= 4 and KEYS[2] or KEYS[3], fields[(i - 1) % 4 + 1], 1 + i % 2
end
-- Of all, and of the signal: a replica that lags behind has lost counts of each.
local newest = redis.call('HMGET', KEYS[1], 'number', signal .. ':number')
local known = {tonumber(ARGV[9]), tonumber(ARGV[10])}
local lost = {known[1] > tonumber(newest[1] or 0), known[2] > tonumber(newest[2] or 0)}
for i = 1, 8 do
  local key, field, kind = place(i)
  local n = tonumber(redis.call('HGET', key, field) or ARGV[22 + i])
  if lost[(i - 1) % 4 < 2 and 1 or 2] then n = math.max(n, tonumber(ARGV[22 + i])) end
  used[i] = n + owed[i <= 4 and 1 or 2][kind]
  local limit = tonumber(ARGV[14 + i])
  if mode ~= 'give' and limit > 0 and used[i] + cost[kind] > limit then over = 2 + i end
end

local balance = {}
for kind = 1, 2 do
  local rate, burst = tonumber(ARGV[9 + 2 * kind]), tonumber(ARGV[10 + 2 * kind])
  if rate > 0 then
    local kept = redis.call('HMGET', KEYS[1], signal .. kind, signal .. kind .. ':at')
    local b = burst
    if kept[1] then
      b = math.min(burst, tonumber(kept[1]) + rate * math.max(0, now - tonumber(kept[2])))
    end
    balance[kind] = b
    if mode ~= 'give' and over < 3 and b <= 0 and -b / rate >= wait then
      over, wait = kind, math.max(0.001, -b / rate)
    end
  end
end

local sign = 1
if mode == 'give' then sign = -1 end
local take = mode == 'give' or over == 0
for kind, b in pairs(balance) do
  if take then b = b - sign * cost[kind] end
  redis.call('HSET', KEYS[1], signal .. kind, string.format('%.6f', b), signal .. kind .. ':at', string.format('%.6f', now))
end
local number = 1 + math.max(tonumber(newest[1] or 0), known[1])
local text = string.format('%.0f', number)
redis.call('HSET', KEYS[1], 'number', text, signal .. ':number', text)
redis.call('EXPIRE', KEYS[1], 3456000)

for i = 1, 8 do
  local key, field, kind = place(i)
  if take or mode == 'force' then used[i] = math.max(0, used[i] + sign * cost[kind]) end
  redis.call('HSET', key, field, string.format('%.0f', used[i]))
end
redis.call('EXPIRE', KEYS[2], 172800)
redis.call('EXPIRE', KEYS[3], 3456000)
return {over, string.format('%.6f', wait), number, unpack(used)}
