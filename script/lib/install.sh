# Installs what the tests need by the system's package manager, and only when it is missing. Sourced.

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

install_package() { # package, what for
  if ! command -v apt-get >/dev/null 2>&1; then
    echo "missing: $1 ($2); install it and run this again" >&2
    exit 1
  fi
  echo "installing $1 ($2)"
  if [ -z "${apt_updated:-}" ]; then
    as_root apt-get update -qq
    apt_updated=1
  fi
  as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$1" >/dev/null
}

need_postgres() {
  if ! find_postgres; then
    install_package postgresql "a throw-away database server"
    find_postgres || { echo "PostgreSQL was installed but not found" >&2; exit 1; }
  fi
}

need_smtp_tls() {
  if ! python3 -c 'import aiosmtpd' 2>/dev/null && ! /usr/bin/python3 -c 'import aiosmtpd' 2>/dev/null; then
    install_package python3-aiosmtpd "an SMTP server that speaks TLS and asks for a password"
  fi
}

need_smtp_sink() {
  if ! command -v smtp-sink >/dev/null 2>&1 && [ ! -x /usr/sbin/smtp-sink ]; then
    install_package postfix "smtp-sink, an SMTP server that rejects, delays and drops on command"
  fi
}
