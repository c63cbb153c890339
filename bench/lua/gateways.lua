-- Load for several servers of one store, a thread for each: GATEWAY_PORTS has their ports. Arguments: what is done, and the round.
local ports, threads = {}, 0
for port in string.gmatch(os.getenv("GATEWAY_PORTS") or "", "%d+") do table.insert(ports, port) end

function setup (thread)
  thread:set("id", threads)
  thread.addr = wrk.lookup(wrk.host, ports[threads % #ports + 1])[1]
  threads = threads + 1
end

local small, large = string.rep("x", 100), string.rep("0123456789abcdef", 65536)
local counter = 0
local function fresh ()
  counter = counter + 1
  return round .. "-" .. id .. "-" .. counter
end

local kinds = {
  create = { "PUT", small, function () return "own/" .. math.random(0, 63) .. "/" .. fresh() end },
  container = { "PUT", small, function () return "shared/" .. fresh() end },
  object = { "PUT", small, function () return "object" end },
  read = { "GET", nil, function () return "small/" .. math.random(0, 999) end },
  put = { "PUT", large, function () return "large/" .. math.random(0, 63) end },
  get = { "GET", nil, function () return "large/" .. math.random(0, 63) end }
}

function init (args)
  kind, round = kinds[args[1]], args[2]
  math.randomseed(id + 1)
  wrk.method, wrk.body = kind[1], kind[2]
  if wrk.body then wrk.headers["Content-Type"] = "application/octet-stream" end
end

function request () return wrk.format(nil, wrk.path .. kind[3]()) end
