-- One kind of request for wrk; the environment says which. Prints one line of JSON at the end.
local kind = os.getenv("BENCH_KIND")
local rows = tonumber(os.getenv("BENCH_ROWS"))
local headers = {["Authorization"] = "Bearer " .. os.getenv("BENCH_TOKEN"), ["Content-Type"] = "application/json"}

local function deal()
    return string.format("/v1/deals/00000000-0000-7000-8000-%012d", math.random(1, rows))
end

function init(args)
    math.randomseed(os.time())
end

local kinds = {
    get = function() return wrk.format("GET", deal(), headers) end,
    list = function() return wrk.format("GET", os.getenv("BENCH_LIST"), headers) end,
    create = function()
        return wrk.format("POST", "/v1/deals", headers,
            string.format('{"name":"Bench %d","amount":"%d","expectedCloseDate":"2030-01-31"}', math.random(1, 1e9),
                math.random(1, 1e6)))
    end,
    update = function()
        return wrk.format("PATCH", deal(), headers, string.format('{"amount":"%d"}', math.random(1, 1e6)))
    end,
}
request = kinds[kind]


function done(summary, latency)
    local e = summary.errors
    io.write(string.format('{"requests":%d,"seconds":%f,"p50_ms":%f,"p99_ms":%f,"errors":%d}\n', summary.requests,
        summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
        e.connect + e.read + e.write + e.status + e.timeout))
end
