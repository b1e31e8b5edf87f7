"""The question that all answer, of the logs that the example `bulk` writes: that of `exposure::simulate::bulk_query`, one cache, one second to live."""

FROM = 1_698_246_000_000 + 11 * 3_600_000
TO = 1_698_246_000_000 + 15 * 3_600_000 + 41 * 60_000
LIFE = 1_000
# As the scan does: a little more than the window, for what reaches into it.
SLACK = 15 * 60_000

COLUMNS = """date time x-edge-location sc-bytes c-ip cs-method cs(Host) cs-uri-stem sc-status cs(Referer) cs(User-Agent) cs-uri-query cs(Cookie)
x-edge-result-type x-edge-request-id x-host-header cs-protocol cs-bytes time-taken x-forwarded-for ssl-protocol ssl-cipher x-edge-response-result-type
cs-protocol-version fle-status fle-encrypted-fields c-port time-to-first-byte x-edge-detailed-result-type sc-content-type sc-content-len sc-range-start
sc-range-end""".split()
