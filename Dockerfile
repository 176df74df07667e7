# One image for all processes: the command chooses the process. It contains only what
# the server needs: no tests, no demo, no compiler, no keys.
FROM python:3.11.14-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1

RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin backhaul

WORKDIR /app
# Before the code, so that a change of the code installs nothing.
COPY requirements.txt ./
RUN pip install --require-hashes --requirement requirements.txt

COPY alembic.ini cli.py worker.py wsgi.py ./
COPY api api
COPY edges edges
COPY freight freight
COPY geo geo
COPY handlers handlers
COPY jobs jobs
COPY market market
COPY migrations migrations
COPY models models
COPY notifications notifications
COPY places places
COPY runtime runtime
COPY services services

# By number: a host may refuse a user name that it cannot look up.
USER 10001

# Where web listens. Two workers: for two cores.
ENV ENVIRONMENT=production \
    HOST=0.0.0.0 \
    PORT=8000 \
    WEB_WORKERS=2
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=6s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['PORT'] + '/readyz', timeout=5)"]
# The job process: command python worker.py. The schema: python cli.py migrate.
CMD ["python", "wsgi.py"]
