-- One kind of request. Arguments: method, keys, round, and "body" when standard input has one: that works for one thread.
-- Keys: "none"; "fresh", which were never used; or how many there are, as "1000", or "1000:9" where they have nine digits.
function init (args)
  local keys, round = args[2], args[3]
  wrk.method = args[1]
  if args[4] == "body" then wrk.body = io.stdin:read("*a") end
  local path, counter = wrk.path, 0
  local count, digits = string.match(keys, "^(%d+):?(%d*)$")
  local pattern = "%" .. (digits and digits ~= "" and "0" .. digits or "") .. "d"
  math.randomseed(tonumber(string.match(round, "%d+$")) + 1)
  if keys == "none" then
    local only = wrk.format()
    request = function () return only end
  elseif keys == "fresh" then
    request = function ()
      counter = counter + 1
      return wrk.format(nil, path .. round .. "-" .. counter)
    end
  else
    local most = tonumber(count) - 1
    request = function () return wrk.format(nil, path .. string.format(pattern, math.random(0, most))) end
  end
end
-- Is looked for before the first init: the one that counts is made there.
function request () end
