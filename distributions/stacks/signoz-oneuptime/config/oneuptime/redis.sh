#!/bin/sh
# Starts Redis with its password from a file and not in its arguments. OneUptime answers 200
# when a request is in Redis, so the queue is on disk.
set -eu
password=$(cat /run/secrets/oneuptime_redis_password)
exec redis-server - <<CONFIG
requirepass $password
dir /data
appendonly yes
appendfsync everysec
save ""
maxmemory-policy noeviction
CONFIG
