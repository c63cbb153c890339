-- GET of one of 1,000 records.
function request () return wrk.format(nil, wrk.path .. math.random(0, 999)) end
