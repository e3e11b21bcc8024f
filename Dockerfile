# The service with its models baked in: no torch, no training code, nothing fetched at run time.
#   docker build -t litotes .
#   docker build -t litotes:gpu --build-arg RUNTIME=gpu .     (needs the NVIDIA container toolkit)
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS build
# cpu or gpu: the extra of pyproject.toml to install. CUDA and cuDNN come as wheels with the extra.
ARG RUNTIME=cpu
WORKDIR /build
RUN python -m venv /venv
# The dependencies first, in a layer that a change of the source leaves alone.
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY deploy/constraints/serve.txt deploy/constraints/
COPY service/__init__.py service/
RUN /venv/bin/pip install --no-cache-dir -c deploy/constraints/serve.txt ".[${RUNTIME}]"
COPY service service
RUN /venv/bin/pip install --no-cache-dir --no-deps --force-reinstall .

FROM ${BASE}
ENV PATH=/venv/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    HF_HUB_OFFLINE=1 \
    LITOTES_HOST=0.0.0.0 \
    LITOTES_PORT=8080
# A number and not a name, so that an orchestrator can see that it is not root.
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin litotes
WORKDIR /app
COPY --from=build /venv /venv
COPY LICENSE NOTICE ./
COPY models models
USER 10001
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"LITOTES_PORT\"]}/health/ready', timeout=2)"]
CMD ["python", "-m", "service"]
