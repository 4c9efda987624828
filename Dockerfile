# Foggara, all in one process. Build: docker compose build
FROM python:3.12-slim-bookworm AS build
WORKDIR /src
COPY requirements.lock pyproject.toml README.md ./
RUN python -m venv /opt/foggara && /opt/foggara/bin/pip install --no-cache-dir --require-hashes -r requirements.lock
COPY api api
COPY collectors collectors
COPY config config
COPY foggara foggara
COPY jobs jobs
COPY simulator simulator
COPY storage storage
COPY water water
RUN /opt/foggara/bin/pip install --no-cache-dir --no-deps .

FROM python:3.12-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /var/lib/foggara --create-home foggara
COPY --from=build /opt/foggara /opt/foggara
ENV PATH=/opt/foggara/bin:$PATH FOGGARA_HOST=0.0.0.0 FOGGARA_PORT=8080 FOGGARA_DATA=/var/lib/foggara/data
USER foggara
WORKDIR /var/lib/foggara
VOLUME /var/lib/foggara/data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=30s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/health/live', timeout=2)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["foggara"]
CMD ["run", "--config", "/etc/foggara/plant.yaml"]
