-- One request of one tenant against limits that several gateways share, decided
-- and charged at once.
--
-- KEYS: the tenant's buckets, its counts of the day, its counts of the month, what
--       each gateway has lately taken of the rates of the signal.
-- ARGV: mode (charge; force: count also what is over; refund: take back),
--       signal, records, bytes, records and bytes to sync for the day, the
--       same for the month, numbers of the newest answer that the caller has and of
--       the newest about the signal,
--       rate and burst of records, rate and burst of bytes,
--       eight limits of quotas (day then month, each: bytes of all, records of
--       all, bytes of the signal, records of the signal; 0: none),
--       what the caller knows to be used of them, for counts that are lost: they
--       are if the caller has a newer answer about them than Redis remembers,
--       the ID of the gateway.
-- Returns the number of the limit that is exceeded (0 none, 1 records, 2 bytes per
-- second, 3 and up the quotas), seconds to wait for a rate, the number of the
-- answer, and what is used of the eight quotas. Numbers grow, also when Redis has
-- lost its data: a caller may get its answers in another order.
--
-- Rates are shared fairly: while a gateway that has lately taken less than its share
-- is refused, one that has taken more waits, unless half of a burst is left. A share
-- is of the gateways that have lately asked. What one has taken is forgotten
-- exponentially, so that in a steady state it is its rate times fairWindow.
local fairWindow, active, forget = 2, 3, 60 -- seconds
local mode, signal = ARGV[1], ARGV[2]
local cost = {tonumber(ARGV[3]), tonumber(ARGV[4])} -- records, bytes
local synced = { -- of the day, of the month
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
  used[i] = n + synced[i <= 4 and 1 or 2][kind]
  local limit = tonumber(ARGV[14 + i])
  if mode ~= 'refund' and limit > 0 and used[i] + cost[kind] > limit then over = 2 + i end
end

local taken = {{}, {}} -- by kind, by gateway
local gateway = ARGV[31]
local recent = redis.call('HGETALL', KEYS[4])
for i = 1, #recent, 2 do
  local kind, id = string.match(recent[i], '^(%d):(.+)$')
  local n, at, wants = string.match(recent[i + 1], '^(%S+) (%S+) (%S+)$')
  local since = math.max(0, now - tonumber(at))
  if since > forget then
    redis.call('HDEL', KEYS[4], recent[i])
  else
    taken[tonumber(kind)][id] = {n = tonumber(n) * math.exp(-since / fairWindow), since = since, wants = tonumber(wants)}
  end
end
-- overShare returns how long the gateway has to wait for others, 0 if not at all.
local function overShare(kind, rate)
  local mine, count = taken[kind][gateway].n, 1
  for id, g in pairs(taken[kind]) do
    if id ~= gateway and g.since < active then count = count + 1 end
  end
  local share = rate * fairWindow / count
  -- A large request is centered on the share, so that gateways with larger ones get no more.
  local from = math.max(share - cost[kind] / 2, share / 20)
  if mine < from then return 0 end
  for id, g in pairs(taken[kind]) do
    if id ~= gateway and g.wants > now and g.n < share then
      return math.max(0.01, fairWindow * math.log(mine / from))
    end
  end
  return 0
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
    taken[kind][gateway] = taken[kind][gateway] or {n = 0, wants = 0}
    if mode == 'charge' and over < 3 and b < burst / 2 then
      local pause = overShare(kind, rate)
      if pause > wait then over, wait = kind, pause end
    end
    if mode ~= 'refund' and over < 3 and b <= 0 and -b / rate >= wait then
      over, wait = kind, math.max(0.001, -b / rate)
    end
  end
end

local sign = 1
if mode == 'refund' then sign = -1 end
local take = mode == 'refund' or over == 0
for kind, b in pairs(balance) do
  if take then b = b - sign * cost[kind] end
  redis.call('HSET', KEYS[1], signal .. kind, string.format('%.6f', b), signal .. kind .. ':at', string.format('%.6f', now))
  local mine = taken[kind][gateway]
  if take then mine.n = math.max(0, mine.n + sign * cost[kind]) end
  if over == kind then mine.wants = now + active end
  redis.call('HSET', KEYS[4], kind .. ':' .. gateway, string.format('%.6f %.6f %.6f', mine.n, now, mine.wants))
end
redis.call('EXPIRE', KEYS[4], forget)
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
