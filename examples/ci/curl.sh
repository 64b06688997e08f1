#!/usr/bin/env bash
# Releases one version to a pool and waits for the outcome, with nothing but bash and curl.
#
#   SIGNALBOX_URL=https://signalbox.example SIGNALBOX_TOKEN=... ./curl.sh POOL APPLICATION VERSION [REASON]
#
# Exit codes, the same as those of `signalbox release --wait`:
#   0 succeeded · 1 failed or rejected · 2 wrong usage or refused input · 3 rolled back · 4 waits for a person (NO_WAIT_APPROVAL=1)
#   5 timed out, the release goes on · 6 aborted · 7 token · 8 conflict · 9 server unreachable · 10 rollback incomplete
# Settings: IDEMPOTENCY_KEY (give the CI job's id: a repeated job then finds its release instead of making a second one),
#   TIMEOUT_SECONDS (3600), POLL_SECONDS (2), UNREACHABLE_SECONDS (120), NO_WAIT_APPROVAL (0).
set -euo pipefail

die() { # die CODE MESSAGE...
  local code=$1
  shift
  printf 'signalbox: %s\n' "$*" >&2
  exit "$code"
}

case $# in
  3 | 4) ;;
  *) die 2 "usage: $0 POOL APPLICATION VERSION [REASON]" ;;
esac
pool=$1 application=$2 version=$3 reason=${4:-released by curl.sh}
url=${SIGNALBOX_URL:-}
[ -n "$url" ] || die 2 'SIGNALBOX_URL is not set'
[ -n "${SIGNALBOX_TOKEN:-}" ] || die 7 'SIGNALBOX_TOKEN is not set'
for word in "$pool" "$application" "$version"; do
  [[ $word =~ ^[A-Za-z0-9][A-Za-z0-9._+-]*$ ]] || die 2 "\"$word\" is no name or version"
done
url=${url%/}
key=${IDEMPOTENCY_KEY:-curl-$(date +%s)-$$-$RANDOM}
answer=$(mktemp)
trap 'rm -f "$answer"' EXIT

# request METHOD PATH [CURL OPTIONS...]: puts the body into $answer and prints the HTTP status, 000 when nobody answered.
# The token travels through a pipe: arguments can be read by everybody on the machine.
request() {
  local method=$1 path=$2
  shift 2
  : >"$answer"
  curl --silent --max-time 60 --request "$method" --header @<(printf 'Authorization: Bearer %s\n' "$SIGNALBOX_TOKEN") \
    --output "$answer" --write-out '%{http_code}' "$@" "$url$path" || true
}

# field NAME: the first text member of that name in $answer. A release tells its own id and status before those of its targets.
field() { grep -o "\"$1\":\"[^\"\\\\]*\"" "$answer" | head -n 1 | cut -d '"' -f 4 || true; }

# refuse STATUS: ends with the exit code of an answer that repeating cannot change.
refuse() {
  local said
  said=$(field detail)
  case $1 in
    401 | 403) die 7 "$1 ${said:-the token is not accepted}" ;;
    409 | 412 | 428) die 8 "$1 ${said:-conflict}" ;;
    4*) die 2 "$1 $(cat "$answer")" ;;
    *) die 9 "$url answered $1 ${said}" ;;
  esac
}

# again STATUS: true for an answer that may be better next time.
again() {
  case $1 in
    000 | 429 | 502 | 503 | 504) return 0 ;;
    409) grep -q 'key-in-flight' "$answer" ;;
    *) return 1 ;;
  esac
}

# until_answered METHOD PATH [CURL OPTIONS...]: repeats while the server is away; afterwards $answer holds a success.
until_answered() {
  local since=$SECONDS status
  while :; do
    status=$(request "$@")
    case $status in
      2*) return 0 ;;
    esac
    again "$status" || refuse "$status"
    [ $((SECONDS - since)) -lt "${UNREACHABLE_SECONDS:-120}" ] || refuse "$status"
    sleep "${POLL_SECONDS:-2}"
  done
}

reason=${reason//\\/\\\\}
reason=${reason//\"/\\\"}
body="{\"pool\":\"$pool\",\"changes\":[{\"application\":\"$application\",\"version\":\"$version\"}],\"reason\":\"$reason\"}"
until_answered POST /v1/releases --header 'Content-Type: application/json' --header "Idempotency-Key: $key" --data-binary "$body"
id=$(field id)
[ -n "$id" ] || die 9 "$url accepted the release without naming it: $(cat "$answer")"
echo "release $id accepted: $url/v1/releases/$id"

last=
started=$SECONDS
while :; do
  until_answered GET "/v1/releases/$id"
  status=$(field status)
  [ "$status" = "$last" ] || echo "$(date -u +%H:%M:%SZ) $status"
  last=$status
  case $status in
    succeeded) exit 0 ;;
    failed | rejected) die 1 "release $id $status: $(field message) See $url/v1/releases/$id" ;;
    rolled-back) die 3 "release $id was rolled back. See $url/v1/releases/$id" ;;
    aborted) die 6 "release $id was aborted" ;;
    rollback-incomplete) die 10 "release $id: the rollback is incomplete; some hosts are out of traffic. See $url/v1/releases/$id" ;;
  esac
  if [ "${NO_WAIT_APPROVAL:-0}" = 1 ] && grep -qE '"paused":\{|"waiting":\{"for":"(promote|approval|resume)"' "$answer"; then
    die 4 "release $id waits for a person: $(field sentence)"
  fi
  [ $((SECONDS - started)) -lt "${TIMEOUT_SECONDS:-3600}" ] || die 5 "release $id is still $status after ${TIMEOUT_SECONDS:-3600} s and goes on; start this again with IDEMPOTENCY_KEY=$key to watch on"
  sleep "${POLL_SECONDS:-2}"
done
