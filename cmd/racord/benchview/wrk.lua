-- Rotates the citizens' tokens. Arguments: a file with one token a line, or a
-- token and an ETag to be asked about; the number of threads. Threads share no
-- citizen, so no two requests under way are about the same one.
local count = 0
function setup(thread)
  count = count + 1
  thread:set("id", count)
end

local requests, at = {}, 0

function init(args)
  local threads, number = tonumber(args[2]), 0
  for line in io.lines(args[1]) do
    number = number + 1
    if number % threads == id % threads then
      local token, etag = line:match("^(%S+)%s*(.*)$")
      local headers = { ["Authorization"] = "Bearer " .. token }
      if etag ~= "" then headers["If-None-Match"] = etag end
      requests[#requests + 1] = wrk.format("GET", nil, headers)
    end
  end
end

function request()
  at = at % #requests + 1
  return requests[at]
end

function done(summary, latency)
  local e = summary.errors
  io.write(string.format(
    'RESULT {"requests":%d,"microseconds":%d,"bytes":%d,"socket_errors":%d,"bad_answers":%d,"p50":%d,"p99":%d,"max":%d}\n',
    summary.requests, summary.duration, summary.bytes, e.connect + e.read + e.write + e.timeout, e.status,
    latency:percentile(50), latency:percentile(99), latency.max))
end
