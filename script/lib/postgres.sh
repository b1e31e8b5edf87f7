# A throw-away PostgreSQL server in a temporary folder, on a Unix socket and a free loopback port. Sourced.

find_postgres() { # sets PG_BIN
  local folder
  for folder in $(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -Vr) $(dirname "$(command -v postgres 2>/dev/null || echo /nonexistent/x)"); do
    if [ -x "$folder/postgres" ] && [ -x "$folder/initdb" ]; then
      PG_BIN=$folder
      return 0
    fi
  done
  return 1
}

postgres_version() { "$PG_BIN/postgres" --version | grep -o '[0-9][0-9.]*' | head -n 1; }

# PostgreSQL refuses to run as root.
as_postgres() {
  if [ "$(id -u)" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups "$@"; else "$@"; fi
}

start_postgres() { # sets POSTGRES_URL
  find_postgres
  PG_WORK=$(mktemp -d)
  [ "$(id -u)" = 0 ] && chown postgres "$PG_WORK"
  local port
  port=$(free_port)
  (cd "$PG_WORK" && as_postgres "$PG_BIN/initdb" --pgdata="$PG_WORK/data" --username=suimon --auth=trust --encoding=UTF8 --locale=C >"$PG_WORK/initdb.log" 2>&1) ||
    { cat "$PG_WORK/initdb.log" >&2; exit 1; }
  # Tests do not survive a power cut: no flushes. Benches that compare who writes with who does not set their own.
  local flushes=${POSTGRES_FLUSHES:--c fsync=off -c synchronous_commit=off -c full_page_writes=off}
  (cd "$PG_WORK" && as_postgres "$PG_BIN/pg_ctl" --pgdata="$PG_WORK/data" --log="$PG_WORK/server.log" --wait start \
    --options="-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories=$PG_WORK $flushes -c max_connections=400" >/dev/null) ||
    { cat "$PG_WORK/server.log" >&2; exit 1; }
  POSTGRES_URL="postgres://suimon@127.0.0.1:$port/postgres"
}

stop_postgres() {
  if [ -n "${PG_WORK:-}" ]; then
    (cd "$PG_WORK" && as_postgres "$PG_BIN/pg_ctl" --pgdata="$PG_WORK/data" --mode=immediate stop >/dev/null 2>&1) || true
    rm -rf "$PG_WORK"
  fi
}

free_port() {
  python3 - <<'PY' 2>/dev/null || echo $((20000 + RANDOM % 20000))
import socket
s = socket.socket()
s.bind(("127.0.0.1", 0))
print(s.getsockname()[1])
PY
}
