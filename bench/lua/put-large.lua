-- PUT of 1 MiB over one of 64 data objects.
function init (args)
  wrk.method = "PUT"
  wrk.headers["Content-Type"] = "application/octet-stream"
  wrk.body = string.rep("0123456789abcdef", 65536)
end
function request () return wrk.format(nil, wrk.path .. math.random(0, 63)) end
