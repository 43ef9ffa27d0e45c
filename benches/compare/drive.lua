-- Drives one setup with wrk: each request carries the cookie of a session chosen at random, and looks like one of a page's
-- script. Says at the end what happened, in one line that `run` reads.
--   wrk ... -s drive.lua URL -- COOKIES

local requests = {}
local headers = {
  ["User-Agent"] = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36",
  ["Accept"] = "*/*",
  ["Accept-Encoding"] = "gzip, deflate, br",
  ["Accept-Language"] = "en-GB,en;q=0.9",
  ["Sec-Fetch-Dest"] = "empty",
  ["Sec-Fetch-Mode"] = "cors",
  ["Sec-Fetch-Site"] = "same-origin",
}

function init(arguments)
  math.randomseed(1)
  for cookie in io.lines(arguments[1]) do
    headers["Cookie"] = "theme=dark; portcullis=" .. cookie
    requests[#requests + 1] = wrk.format("GET", nil, headers)
  end
end

function request()
  return requests[math.random(#requests)]
end

function done(summary, latency)
  local failed = summary.errors
  io.write(string.format(
    "RESULT requests=%d micros=%d refused=%d broken=%d p50=%d p99=%d\n",
    summary.requests, summary.duration, failed.status,
    failed.connect + failed.read + failed.write + failed.timeout,
    latency:percentile(50), latency:percentile(99)))
end
