-- PUT of 100 bytes of JSON over one of 1,000 records.
function init (args)
  wrk.method = "PUT"
  wrk.headers["Content-Type"] = "application/json"
  wrk.body = '{"name":"benchmark","text":"' .. string.rep("y", 70) .. '"}'
end
function request () return wrk.format(nil, wrk.path .. math.random(0, 999)) end
