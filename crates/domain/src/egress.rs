//! Where a function may send requests: Spin's `allowed_outbound_hosts`, parsed.
