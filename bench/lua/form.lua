-- Form upload of one file of 64 KiB.
function init (args)
  wrk.method = "POST"
  wrk.headers["Content-Type"] = "multipart/form-data; boundary=benchmark"
  wrk.headers["Accept"] = "application/json"
  wrk.body = '--benchmark\r\nContent-Disposition: form-data; name="file"; filename="file.bin"\r\nContent-Type: application/octet-stream\r\n\r\n'
    .. string.rep("0123456789abcdef", 4096) .. '\r\n--benchmark--\r\n'
end
