# One image for every Ebbtide process; the command says which: `worker`, `topics create`, `publish` …

# 3.11 is the version that the tests and the measurements run on.
FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /src

# Dependencies first, so that a change of ours doesn't fetch them again. Everything has a hash, the
# build backend included: nothing that is not in a lock file gets into the image.
COPY requirements.lock requirements-build.lock ./
RUN python -m venv /opt/ebbtide \
    && /opt/ebbtide/bin/pip install --require-hashes --requirement requirements.lock \
    && pip install --require-hashes --requirement requirements-build.lock

COPY pyproject.toml README.md CHANGELOG.md LICENSE ./
COPY schemas schemas
COPY state state
COPY agents agents
COPY streams streams
COPY config config
RUN pip wheel --no-build-isolation --no-deps --no-index --wheel-dir dist . \
    && /opt/ebbtide/bin/pip install --no-deps --no-index dist/*.whl \
    && /opt/ebbtide/bin/python -m compileall -q /opt/ebbtide/lib


FROM python:3.11-slim
LABEL org.opencontainers.image.title="Ebbtide" \
      org.opencontainers.image.description="Customer events in, marketing triggers out" \
      org.opencontainers.image.licenses="Apache-2.0"

# A fixed number, so that a Kubernetes `runAsNonRoot` can be checked without reading the image.
RUN groupadd --gid 10001 ebbtide \
    && useradd --uid 10001 --gid ebbtide --no-create-home --home-dir /var/lib/ebbtide ebbtide \
    && install -d -o ebbtide -g ebbtide /var/lib/ebbtide
COPY --from=build /opt/ebbtide /opt/ebbtide

ENV PATH=/opt/ebbtide/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    EBBTIDE_WEB_HOST=0.0.0.0 \
    EBBTIDE_WEB_PORT=6066
USER 10001:10001
# The only folder a worker may write to. It keeps nothing there that it could not lose.
WORKDIR /var/lib/ebbtide
EXPOSE 6066

# /health says whether the process works; whether it owns partitions and keeps up is /ready.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['EBBTIDE_WEB_PORT'] + '/health', timeout=4)"]

# SIGTERM is the clean stop: the batch in hand is committed, the partitions are given back.
ENTRYPOINT ["ebbtide"]
CMD ["worker"]
