-- POST of 100 bytes of JSON under a key that was never used: thread number, round, counter.
local threads = 0
function setup (thread) thread:set("id", threads); threads = threads + 1 end
function init (args)
  round = args[1]
  counter = 0
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "application/json"
  wrk.body = '{"name":"benchmark","text":"' .. string.rep("x", 70) .. '"}'
end
function request ()
  counter = counter + 1
  return wrk.format(nil, wrk.path .. round .. "-" .. id .. "-" .. counter)
end
