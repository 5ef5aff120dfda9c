#!/usr/bin/env bash
# A certificate authority and Elasticsearch's certificate, once: whoever has them keeps trusting what they trust.
set -euo pipefail
certs=${CERTS:-/certs}
certutil=${CERTUTIL:-bin/elasticsearch-certutil}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
umask 027
if [ ! -s "$certs/ca/ca.crt" ]; then
  "$certutil" ca --silent --pem --days 3650 --out "$work/ca.zip"
  unzip -qo "$work/ca.zip" -d "$certs"
fi
if [ ! -s "$certs/elasticsearch/elasticsearch.crt" ]; then
  "$certutil" cert --silent --pem --days 3650 --name elasticsearch --dns elasticsearch,localhost --ip 127.0.0.1 \
    --ca-cert "$certs/ca/ca.crt" --ca-key "$certs/ca/ca.key" --out "$work/elasticsearch.zip"
  unzip -qo "$work/elasticsearch.zip" -d "$certs"
fi
# The authority's certificate is for all; Elasticsearch's key for its group (0), the authority's key for nobody else.
chmod 755 "$certs" "$certs/ca"
chmod 750 "$certs/elasticsearch"
chmod 644 "$certs/ca/ca.crt"
chmod 640 "$certs/elasticsearch/elasticsearch.crt" "$certs/elasticsearch/elasticsearch.key"
chmod 600 "$certs/ca/ca.key"
# A new volume is root's; Elasticsearch writes its snapshots as a member of group 0.
if [ -d "${SNAPSHOTS:-/snapshots}" ]; then chmod 770 "${SNAPSHOTS:-/snapshots}"; fi
