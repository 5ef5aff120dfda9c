#!/bin/sh
# Writes the secrets of docker-compose.yml to .env, new ones for each that is missing, readable by you alone.
# What is there stays: run it again after an update. Another file: deploy/compose/secrets.sh FILE
set -eu
file=${1:-.env}
umask 077
touch "$file"
chmod 600 "$file"
for name in ELASTIC_PASSWORD KIBANA_SYSTEM_PASSWORD KIBANA_IMPORT_PASSWORD KIBANA_ENCRYPTION_KEY ANALYST_PASSWORD \
  INDEX_PASSWORD RISKWIRE_ELASTICSEARCH__PASSWORD RISKWIRE_INGEST__AUTHOR_KEY RISKWIRE_WEB__TOKEN; do
  if ! grep -q "^$name=." "$file"; then
    # 192 bits from the system, in a form that needs no quoting anywhere
    printf '%s=%s\n' "$name" "$(od -An -v -tx1 -N24 /dev/urandom | tr -d ' \n')" >>"$file"
  fi
done
echo "secrets are in $file; never commit it" >&2
