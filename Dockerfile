# polyglass serve on a processor, as a user without rights. Models are mounted at /models.
#
#   docker build -t polyglass .
#   docker run --rm -p 127.0.0.1:5000:5000 -v ./models:/models:ro -e POLYGLASS_SERVE_OPEN=true polyglass
#
# Without POLYGLASS_SERVE_OPEN the server wants a file of keys: -v ./keys.txt:/keys.txt:ro -e POLYGLASS_SERVE_KEYS=/keys.txt

FROM python:3.11-slim AS build
RUN pip install --no-cache-dir "hatchling>=1.27" build
WORKDIR /source
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN python -m build --wheel --no-isolation --outdir /wheels

FROM python:3.11-slim
# torch's index of builds for processors: the one on PyPI brings gigabytes for NVIDIA cards.
RUN --mount=type=bind,from=build,source=/wheels,target=/wheels \
    wheel=$(ls /wheels/polyglass-*.whl) \
    && pip install --no-cache-dir --extra-index-url https://download.pytorch.org/whl/cpu "${wheel}[serve]" \
    && useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin polyglass
USER 10001
# Anywhere inside of the container; who can reach it is decided by -p. MALLOC_ARENA_MAX: less memory with threads.
ENV POLYGLASS_SERVE_HOST=0.0.0.0 \
    POLYGLASS_SERVE_PORT=5000 \
    POLYGLASS_SERVE_MODELS=/models \
    MALLOC_ARENA_MAX=2 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
EXPOSE 5000
# /ready really translates; /health would not see a stuck model.
HEALTHCHECK --interval=30s --timeout=15s --start-period=120s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen(f\"http://127.0.0.1:{os.environ['POLYGLASS_SERVE_PORT']}/ready\", timeout=12)"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["polyglass", "serve"]
