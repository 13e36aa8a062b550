-- The columns, partitions, order and expiry of SigNoz's tables of logs (collector v0.144.6),
-- on one node: without replication, codecs and skip indexes, which change no result.
CREATE DATABASE signoz_logs;
CREATE TABLE signoz_logs.logs_v2 (
    ts_bucket_start UInt64,
    resource_fingerprint String,
    timestamp UInt64,
    observed_timestamp UInt64,
    id String,
    trace_id String,
    span_id String,
    trace_flags UInt32,
    severity_text LowCardinality(String),
    severity_number UInt8,
    body String,
    attributes_string Map(LowCardinality(String), String),
    attributes_number Map(LowCardinality(String), Float64),
    attributes_bool Map(LowCardinality(String), Bool),
    resources_string Map(LowCardinality(String), String),
    scope_name String,
    scope_version String,
    scope_string Map(LowCardinality(String), String),
    _retention_days UInt16 DEFAULT 15,
    _retention_days_cold UInt16 DEFAULT 0
) ENGINE = MergeTree
PARTITION BY (toDate(timestamp / 1000000000), _retention_days, _retention_days_cold)
ORDER BY (ts_bucket_start, resource_fingerprint, severity_text, timestamp, id)
TTL toDateTime(timestamp / 1000000000) + toIntervalDay(_retention_days)
SETTINGS ttl_only_drop_parts = 1;
CREATE TABLE signoz_logs.logs_v2_resource (
    labels String,
    fingerprint String,
    seen_at_ts_bucket_start Int64,
    _retention_days UInt16 DEFAULT 15,
    _retention_days_cold UInt16 DEFAULT 0
) ENGINE = ReplacingMergeTree
PARTITION BY (toDate(seen_at_ts_bucket_start), _retention_days, _retention_days_cold)
ORDER BY (labels, fingerprint, seen_at_ts_bucket_start);
