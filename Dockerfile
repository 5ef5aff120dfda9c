# The runtime image: no torch, no compiler, not root.
FROM python:3.12-slim-bookworm AS build
WORKDIR /src
RUN python -m venv /opt/riskwire
COPY requirements.lock pyproject.toml README.md LICENSE ./
COPY riskwire riskwire
COPY ingest ingest
COPY models models
COPY stream stream
COPY alerts alerts
COPY dashboards dashboards
RUN /opt/riskwire/bin/pip install --no-cache-dir --constraint requirements.lock ".[cpu]"

FROM python:3.12-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/riskwire --create-home riskwire
COPY --from=build /opt/riskwire /opt/riskwire
ENV PATH=/opt/riskwire/bin:$PATH RISKWIRE_DATA=/var/lib/riskwire RISKWIRE_LOG__FORMAT=json PYTHONUNBUFFERED=1
USER riskwire
VOLUME /var/lib/riskwire
EXPOSE 8600
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8600/healthz', timeout=4)"
CMD ["riskwire", "up", "--host", "0.0.0.0"]
