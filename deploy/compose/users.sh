#!/usr/bin/env bash
# Elasticsearch's users, each with what it needs and no more. The same again changes nothing.
set -euo pipefail
: "${ELASTIC_PASSWORD:?run deploy/compose/secrets.sh first}"

# api METHOD PATH BODY; the password and the body come by a pipe, so that no process list shows them.
api() {
  local status
  status=$(curl --silent --show-error --output /dev/stderr --write-out '%{http_code}' \
    ${CA_FILE:+--cacert "$CA_FILE"} --retry 5 --retry-connrefused --request "$1" --header 'Content-Type: application/json' \
    --config <(printf 'user = "%s:%s"\n' elastic "$ELASTIC_PASSWORD") --data-binary @<(printf '%s' "$3") \
    "$ELASTICSEARCH$2") || return 1
  [[ $status == 2* ]] || { echo "users: $1 $2 answered $status" >&2; return 1; }
}

# user NAME PASSWORD ROLE ABOUT
user() {
  [ -n "$2" ] || { echo "users: $1 has no password; run deploy/compose/secrets.sh" >&2; exit 1; }
  api PUT "/_security/user/$1" "{\"password\":\"$2\",\"roles\":[\"$3\"],\"full_name\":\"$4\"}"
}

for file in "${ROLES:-/roles}"/role-*.json; do
  name=$(basename "$file" .json)
  api PUT "/_security/role/riskwire_${name#role-}" "$(cat "$file")"
done
api POST /_security/user/kibana_system/_password "{\"password\":\"${KIBANA_SYSTEM_PASSWORD:?}\"}"
user riskwire "${RISKWIRE_PASSWORD:-}" riskwire_writer "Workers, alerts and the page"
user riskwire_index "${INDEX_PASSWORD:-}" riskwire_admin "riskwire index init and migrate"
user riskwire_import "${KIBANA_IMPORT_PASSWORD:-}" kibana_admin "Imports the dashboards"
user analyst "${ANALYST_PASSWORD:-}" viewer "Reads the dashboards"
echo "users: all there" >&2
