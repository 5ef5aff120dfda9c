# The runtime image: no torch, no compiler, not root. RUNTIME=gpu takes onnxruntime-gpu with the CUDA libraries it names.
ARG PYTHON=3.12-slim-bookworm
FROM python:${PYTHON} AS build
ARG RUNTIME=cpu
WORKDIR /src
RUN python -m venv /opt/riskwire
COPY requirements.lock pyproject.toml README.md LICENSE ./
COPY riskwire riskwire
COPY ingest ingest
COPY models models
COPY stream stream
COPY alerts alerts
COPY dashboards dashboards
RUN case "$RUNTIME" in cpu|gpu) ;; *) echo "RUNTIME is cpu or gpu, not $RUNTIME" >&2; exit 1 ;; esac \
 && /opt/riskwire/bin/pip install --no-cache-dir --constraint requirements.lock ".[$RUNTIME]" \
 && if [ "$RUNTIME" = gpu ]; then \
      /opt/riskwire/bin/pip install --no-cache-dir --constraint requirements.lock "onnxruntime-gpu[cuda,cudnn]"; fi \
 # What must not be in it: training's libraries, and the other runtime beside this one.
 && if /opt/riskwire/bin/pip show --quiet torch 2>/dev/null; then echo "torch came along" >&2; exit 1; fi \
 && [ "$(/opt/riskwire/bin/pip list 2>/dev/null | grep -c '^onnxruntime')" = 1 ]

FROM build AS build-train
RUN /opt/riskwire/bin/pip install --no-cache-dir --constraint requirements.lock ".[train]"

# What `docker compose --profile train` runs: PyTorch inside, nothing served. Maven fetches the bases.
FROM python:${PYTHON} AS train
RUN apt-get update && apt-get install --yes --no-install-recommends maven && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --home-dir /var/lib/riskwire --create-home riskwire && install -d -o riskwire /models /datasets
COPY --from=build-train /opt/riskwire /opt/riskwire
ENV PATH=/opt/riskwire/bin:$PATH RISKWIRE_DATA=/var/lib/riskwire RISKWIRE_LOG__FORMAT=json PYTHONUNBUFFERED=1
USER riskwire
WORKDIR /var/lib/riskwire
VOLUME /var/lib/riskwire
CMD ["riskwire", "model", "refresh"]

FROM python:${PYTHON}
RUN useradd --system --uid 10001 --home-dir /var/lib/riskwire --create-home riskwire && install -d -o riskwire /models
COPY --from=build /opt/riskwire /opt/riskwire
# Where the GPU variant's CUDA libraries lie (nothing in the other).
RUN find /opt/riskwire -path '*/nvidia/*' -type d -name lib > /etc/ld.so.conf.d/riskwire.conf && ldconfig
ENV PATH=/opt/riskwire/bin:$PATH RISKWIRE_DATA=/var/lib/riskwire RISKWIRE_LOG__FORMAT=json PYTHONUNBUFFERED=1
USER riskwire
VOLUME /var/lib/riskwire
EXPOSE 8600
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s \
    CMD python -c "import urllib.request as u; u.urlopen('http://127.0.0.1:8600/healthz', timeout=4)"
CMD ["riskwire", "up", "--host", "0.0.0.0"]
